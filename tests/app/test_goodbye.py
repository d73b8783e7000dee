"""The end of the plan says goodbye: from when the bot no longer asks, and what to do if something starts later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.operations import sweeps
from bot.app.patients import participation
from bot.core.schedule import Pause
from bot.core.treatment import StopReason
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import packaged_clinic, runner, treated

START, STOP = date(2025, 1, 6), date(2026, 3, 2)
CODE = "P-0001"


class Life:
    """A patient whose drug was stopped after a year; check-ins come every 28 days for half a year more."""

    def __init__(self):
        self.database = MemoryDatabase()
        self.run = runner(self.database, packaged_clinic())
        made = samples.patient(CODE, state="active", chat_id=7, timezone="Europe/Berlin", ici_start=START)
        self.anna = self.run(lambda w: w.patients.add(made))
        self.run(lambda w: treated(w, w.patients.get(self.anna.id), stop=STOP, stop_reason=StopReason.PLANNED_END))
        self.at = datetime(2026, 3, 3, 9, tzinfo=UTC)
        self.seen = 0
        self.run(participation.pause, CODE, self.at.date(), at=self.at)
        self.run(participation.resume_for, CODE, at=self.at)

    def days(self, number):
        """Let days pass; return what was sent, with its day."""
        for _ in range(number * 4):
            self.at += timedelta(hours=6)
            for sweep in (sweeps.check_ins_due, sweeps.checkin_clocks):
                self.run(sweep, 50, at=self.at)
        rows = [queued.row for queued in self.database.outbox()][self.seen :]
        self.seen += len(rows)
        return [(row.created_at.date(), row.screen) for row in rows]


def test_p13_last_check_in_says_that_it_is_the_last():
    life = Life()
    sent = life.days(200)
    goodbyes = [(day, screen) for day, screen in sent if screen.name == "goodbye"]
    assert len(goodbyes) == 1
    (day, screen), last_asked = goodbyes[0], max(d for d, s in sent if s.name.startswith("ask."))
    assert day == last_asked, "with the last check-in, answered or not"
    assert STOP + timedelta(days=183 - 28) < day <= STOP + timedelta(days=183)
    assert {"team_number", "emergency"} <= set(screen.lines[0].values)
    names = [s.name for d, s in sent if d == day]
    assert names[:2] == ["goodbye", "ask.safety_now"], "the question stays the last message"


def test_pause_without_an_end_is_no_goodbye():
    life = Life()
    life.days(30)
    pause = Pause(first=life.at.date() + timedelta(days=1), last=date(9999, 12, 31))
    life.run(lambda w: w.patients.save(w.patients.get(life.anna.id).model_copy(update={"pauses": (pause,)})))
    assert "goodbye" not in [screen.name for _, screen in life.days(40)]


@pytest.mark.parametrize("days", [120])
def test_nothing_is_said_while_the_plan_goes_on(days):
    assert "goodbye" not in [screen.name for _, screen in Life().days(days)]
