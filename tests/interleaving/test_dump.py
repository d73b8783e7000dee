"""What a dump says of a row doesn't depend on where the server keeps it."""

# ruff: noqa: S608 - the names in these statements are the tables' own

from collections.abc import Iterator

import pytest

from tests.interleaving.catalog import ALL
from tests.interleaving.dump import Dumper, differences
from tests.interleaving.explore import explore
from tests.interleaving.lab import KEYS, TABLES, Lab


@pytest.fixture
def turned(lab: Lab) -> Iterator[Lab]:
    """The rows lie in the tables in the order opposite to that of their keys; keys alone are read from the index."""
    lab.admin.exec_driver_sql(f"TRUNCATE {', '.join(TABLES)}")
    for name in TABLES:
        by_key = ", ".join(f"{key} DESC" for key in KEYS[name])
        lab.admin.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM start.{name} ORDER BY {by_key}")
    lab._note_start()
    lab.admin.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
    yield lab
    lab.admin.exec_driver_sql("RESET enable_seqscan; RESET enable_bitmapscan")
    lab.restore(TABLES)


def test_dump_of_a_row_written_as_it_was_is_that_of_the_start(turned: Lab) -> None:
    dumper = Dumper(turned)
    start = dumper.dump(())
    for name in TABLES:
        key = KEYS[name][0]
        first = f"(SELECT ctid FROM {name} LIMIT 1)"
        turned.admin.exec_driver_sql(f"UPDATE {name} SET {key} = {key} WHERE ctid = {first}")
    assert all(len(turned.new_rows(name)) == bool(rows) for name, rows in start.items())
    assert differences(dumper.dump(TABLES), start) == {}


def test_explorer_finds_no_difference_in_messages_that_the_heartbeat_skipped(turned: Lab) -> None:
    """In turn all leases are renewed. With a switch those aren't that the tap holds, which is no difference (dump.py)."""
    names = ("caregiver replies BERTA reached", "delivery keeps leases")
    report = explore(turned, seed=1, cases=[case for case in ALL if case.name in names])
    assert report.switches
    assert not report.found, report.found[0]
