"""All updates seen can be forgotten, also those of a clock that was ahead: in memory, on SQLite and on PostgreSQL."""

from datetime import timedelta

from bot.service import MAX_TIMESTAMP
from tests.contract.samples import AT


def test_all_updates_seen_can_be_forgotten(database):
    database.run(lambda s: [s.updates.mark_processed(5, AT), s.updates.mark_processed(6, AT + timedelta(days=9000))])
    assert database.run(lambda s: s.updates.purge(MAX_TIMESTAMP)) == 2
    assert database.run(lambda s: s.updates.mark_processed(6, AT))
