"""Two transactions switched after each statement end as one of the two would after the other."""

import os
from typing import Any

import pytest
from sqlalchemy import bindparam

from bot.app.alerts import escalation
from bot.app.work import Work
from bot.db.rows import Shape
from bot.db.stores import alerts, concerns, patients, team
from tests.interleaving.catalog import ALL
from tests.interleaving.explore import Report, explore
from tests.interleaving.lab import Lab

SEED = int(os.environ.get("NERVECHECK_SEED", "1"))
PARTS = 4
SECONDS = 45.0
"""Of each part: about three minutes in all, none near the time-out of a test."""
T7 = {
    ("alert close help", "staff removed lead-1"): "alert",
    ("staff chat gone lead-1", "reply ANNA flag called"): "alert",
}
"""Pairs that undid each other's alert, and where that shows."""

REMEMBERED = (
    ("caregiver replies BERTA reached", "reply BERTA not_yet"),
    ("alert note berta", "reply BERTA not_yet"),
    ("agree on a level of BERTA", "caregiver answers BERTA red flag"),
    ("answer ANNA sign named", "alert note flag"),
)
"""Pairs that change what is remembered of one patient. The first two save one alert before: its row alone has them wait."""


def _explored(lab: Lab, *names: str) -> Report:
    cases = [case for case in ALL if case.name in names]
    assert len(cases) == len(names)
    return explore(lab, seed=1, cases=cases)


@pytest.fixture
def not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts are reassigned as they were read before their patient was locked: the versions alone guard them."""

    def reassign(work: Work, name: str) -> None:
        for alert in work.alerts.in_queue(escalation.MAX_ALERTS):
            patient = work.patients.get(alert.patient_id, lock=True)
            if patient is not None and (name == alert.owner or name in alert.notified):
                escalation._reassign(work, patient, alert, name)

    monkeypatch.setattr(escalation, "reassign_alerts_of", reassign)


@pytest.fixture
def no_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are saved whatever version they have, as before there were any."""
    for module in (alerts, concerns, patients, team):
        for shape in vars(module).values():
            if isinstance(shape, Shape) and shape.version is not None:
                unconditional = shape.table.update().where(
                    shape.table.c.id == bindparam("of_row"), bindparam("of_version") >= 0
                )
                monkeypatch.setattr(shape, "update", unconditional)


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patients are read without their lock."""
    for name in ("get", "by_code", "by_chat"):
        read = getattr(patients.SqlPatients, name)

        def unlocked(store: Any, value: Any, *, lock: bool = False, read: Any = read) -> Any:
            return read(store, value)

        monkeypatch.setattr(patients.SqlPatients, name, unlocked)


@pytest.mark.parametrize("names", T7, ids=" and ".join)
def test_explorer_finds_no_lost_update(lab: Lab, names: tuple[str, str]) -> None:
    report = _explored(lab, *names)
    assert report.switches
    assert not report.found, report.found[0]


@pytest.mark.usefixtures("not_read_again")
@pytest.mark.parametrize("names", T7, ids=" and ".join)
def test_explorer_with_versions_alone_finds_no_lost_update(lab: Lab, names: tuple[str, str]) -> None:
    report = _explored(lab, *names)
    assert report.retried, "nothing was stale: this pair proves nothing"
    assert not report.found, report.found[0]


@pytest.mark.usefixtures("not_read_again", "no_versions")
@pytest.mark.parametrize("names", T7, ids=" and ".join)
def test_explorer_without_version_check_finds_t7(lab: Lab, names: tuple[str, str]) -> None:
    report = _explored(lab, *names)
    of_both = [found for found in report.found if {found.first, found.second} == set(names)]
    assert any(T7[names] in found.tables for found in of_both), report


@pytest.mark.usefixtures("no_versions")
def test_explorer_without_version_check_finds_a_removal_that_is_undone(lab: Lab) -> None:
    names = ("staff removed lead-1", "staff language lead-1")
    report = _explored(lab, *names)
    of_both = [found for found in report.found if {found.first, found.second} == set(names)]
    assert any("staff" in found.tables for found in of_both), report


@pytest.mark.slow
@pytest.mark.parametrize("names", REMEMBERED, ids=" and ".join)
def test_explorer_finds_that_both_are_remembered(lab: Lab, names: tuple[str, str]) -> None:
    report = _explored(lab, *names)
    assert report.serialised
    assert not report.found, report.found[0]


@pytest.mark.slow
@pytest.mark.usefixtures("no_locks", "no_versions")
@pytest.mark.parametrize("names", REMEMBERED[2:], ids=" and ".join)
def test_explorer_without_locks_and_versions_finds_what_is_not_remembered(lab: Lab, names: tuple[str, str]) -> None:
    report = _explored(lab, *names)
    of_both = [found for found in report.found if {found.first, found.second} == set(names)]
    assert any("memory" in found.tables for found in of_both), report


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_explorer_sample_ends_like_a_serial_order(lab: Lab, part: int) -> None:
    report = explore(lab, seed=SEED * PARTS + part, seconds=SECONDS, say=print)
    print(report)  # noqa: T201 - what a long run found
    assert report.pairs
    assert not report.found, "\n".join(map(str, report.found[:5]))
