"""The hourly sweeps: old rows are purged, weekly reports are stored."""

from datetime import date

from bot.app.operations import sweeps
from tests.contract.samples import session
from tests.fakes.team import MINUTE
from tests.fakes.work import AT


def test_old_sessions_are_purged_and_weekly_reports_kept(team):
    team.join("ann")
    person = team.run(lambda s: s.staff.by_name("ann"))
    team.run(lambda s: s.sessions.add(session(person.id, seen_at=AT)))
    team.run(sweeps.housekeeping, 50, at=AT + sweeps.SESSIONS_KEPT)
    assert team.run(lambda s: s.sessions.by_hash("t1")) is not None
    team.run(sweeps.housekeeping, 50, at=AT + sweeps.SESSIONS_KEPT + MINUTE)
    assert team.run(lambda s: s.sessions.by_hash("t1")) is None
    for sweep in sweeps.HOURLY:
        team.run(sweep, 50)
    assert [row.week for row in team.run(lambda s: s.reports.weeks(9))] == [date(2026, 3, 2), date(2026, 2, 23)]
