"""The daily digest: once a morning, open alerts worst first, then the other tasks."""

from datetime import UTC, datetime

import pytest

from bot.app.operations import sweeps
from bot.app.records.alerts import Task
from bot.app.records.messages import Lane
from bot.app.team import digest
from bot.core.protocol import Tier
from tests.fakes.team import DAY, HOUR, MINUTE, Team, keys
from tests.fakes.work import AT

MORNING = datetime(2026, 3, 3, 7, tzinfo=UTC)
"""08:00 in Berlin."""


@pytest.fixture
def team(team):
    team.join("ann")
    return team


def test_digest_is_sent_once_a_day_in_the_last_lane(team):
    assert team.run(sweeps.daily_digest, 50, at=MORNING - MINUTE).done == 0
    assert team.run(sweeps.daily_digest, 50, at=MORNING).done == 1
    row = [q.row for q in team.database.outbox() if q.row.chat_id == team.chats["ann"]][-1]
    assert (row.screen.name, row.lane) == ("staff.digest", Lane.DIGEST)
    for later in (MINUTE, HOUR):
        assert team.run(sweeps.daily_digest, 50, at=MORNING + later).done == 0
    assert team.run(sweeps.daily_digest, 50, at=MORNING + DAY).done == 1


def test_digest_is_not_sent_hours_late(team):
    assert team.run(sweeps.daily_digest, 50, at=MORNING + 4 * HOUR).done == 0
    assert team.run(sweeps.daily_digest, 50, at=MORNING + 4 * HOUR - MINUTE).done == 1


def test_digest_lists_open_alerts_worst_first_then_tasks(team):
    team.raise_alert(Tier.SOON)
    number = team.raise_alert(Tier.EMERGENCY)
    team.tap("ann", number, "take")
    team.news("ann")

    def add_tasks(stores):
        for kind, subject in (("not_heard_from", "P-0003"), ("unreachable", "P-0004")):
            stores.tasks.add(Task(kind=kind, patient_id=None, subject=subject, raised_at=AT))

    team.run(add_tasks)
    team.run(digest.send_due, at=MORNING)
    ((screen, _),) = team.news("ann")
    assert keys(screen) == [
        *("staff.digest", "staff.row.taken", "staff.row.open"),
        *("staff.item.not_heard_from", "staff.item.unreachable", "staff.completion"),
    ]
    assert (screen.lines[-1].values["answered"], screen.lines[-1].values["asked"]) == (0, 1)


def test_long_digest_is_cut_and_says_so(team):
    for _ in range(14):
        team.raise_alert()
    team.run(digest.send_due, at=MORNING)
    ((screen, _),) = team.news("ann")
    assert keys(screen).count("staff.row.late") == 12
    assert next(line for line in screen.lines if line.key == "staff.more").values["n"] == 2


@pytest.mark.parametrize("days", [0, 24])
def test_alert_of_another_day_has_its_date(team, days):
    """A red flag of weeks ago that nobody owns must not read as one of this morning."""
    team.raise_alert(Tier.EMERGENCY)
    team.news("ann")
    team.run(digest.send_due, at=MORNING + days * DAY)
    ((screen, _),) = team.news("ann")
    (time,) = [line.values["time"] for line in screen.lines if line.key.startswith("staff.row.")]
    assert time == "2026-03-02 10:00"


def test_digest_without_members_is_not_sent(database, clinic, anna):
    empty = Team(database, clinic, anna)
    assert empty.run(sweeps.daily_digest, 50, at=MORNING).done == 0
