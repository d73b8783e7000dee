"""The end of the plan says goodbye: from when the bot no longer asks, and what to do if something starts later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.concerns.follow_up import replanned, update_follow_up
from bot.app.operations import sweeps
from bot.app.patients import participation
from bot.app.records.concerns import MemoryRow
from bot.app.schedules import plan_edits, plans
from bot.core.concern_values import Concern, ConcernState
from bot.core.follow_up import FollowUp
from bot.core.memory import Memory
from bot.core.protocol import Tier
from bot.core.schedule import Pause, occurrences
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
            for sweep in (sweeps.check_ins_due, sweeps.checkin_clocks, sweeps.goodbyes):
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


def goodbyes(sent):
    return [(day, screen.lines[0].key) for day, screen in sent if screen.name == "goodbye"]


def last_planned(life):
    """The date of the last check-in of the plan."""
    found = life.run(lambda w: plans.plan_of(w.patients.get(life.anna.id), w.clinic), at=life.at)
    return max(each.local_date for each in occurrences(found, life.at))


def daily(life, since, groups=("eyes",)):
    """A daily follow-up that began then."""
    follow_up = FollowUp(groups=groups, since=since)
    life.run(lambda w: w.patients.save(w.patients.get(life.anna.id).model_copy(update={"follow_up": follow_up})))
    life.run(lambda w: w.patients.save(replanned(w, w.patients.get(life.anna.id))), at=life.at)


def end_daily(life):
    life.run(lambda w: update_follow_up(w, life.anna.id, Memory()), at=life.at)


def test_p13_goodbye_comes_when_a_daily_follow_up_over_the_last_check_in_ends():
    life = Life()
    last = last_planned(life)
    life.days((last - life.at.date()).days - 2)
    daily(life, life.at.date())
    sent = life.days(10)
    assert goodbyes(sent) == [], "the bot still asks every day"
    assert max(day for day, screen in sent if screen.name.startswith("ask.")) > last
    end_daily(life)
    said = goodbyes(life.days(30))
    assert [key for _, key in said] == ["goodbye.over"]
    assert life.run(lambda w: w.patients.get(life.anna.id)).next_due_at is None


@pytest.mark.parametrize("who", ["team", "patient"])
def test_p13_goodbye_comes_after_a_pause_over_the_last_check_in(who):
    life = Life()
    last = last_planned(life)
    life.days((last - life.at.date()).days - 5)
    first, until = life.at.date() + timedelta(days=1), last + timedelta(days=4)
    if who == "team":
        edit = plan_edits.PlanEdit(pause=Pause(first=first, last=until))
        life.run(plan_edits.apply, CODE, edit, at=life.at)
    else:
        life.run(participation.pause, CODE, until, at=life.at)
    assert goodbyes(life.days((until - life.at.date()).days)) == [], "nothing is said in the pause"
    said = goodbyes(life.days(20))
    assert said == [(until + timedelta(days=1), "goodbye.over")]
    assert goodbyes(life.days(60)) == [], "once"


def test_p13_pause_that_is_ended_early_goes_on_with_the_plan_and_ends_it_as_usual():
    life = Life()
    last = last_planned(life)
    life.days((last - life.at.date()).days - 5)
    life.run(participation.pause, CODE, last + timedelta(days=4), at=life.at)
    life.days(2)
    life.run(participation.resume_for, CODE, at=life.at)
    assert goodbyes(life.days(20)) == [(last, "goodbye")]


def test_p13_pause_until_resumed_over_the_end_says_goodbye_when_it_is_ended():
    life = Life()
    life.days((last_planned(life) - life.at.date()).days - 5)
    life.run(participation.pause, CODE, None, at=life.at)
    assert goodbyes(life.days(40)) == []
    life.run(participation.resume_for, CODE, at=life.at)
    day = life.at.date()
    ((said, key),) = goodbyes(life.days(3))
    assert (key, (said - day).days <= 1) == ("goodbye.over", True)


def test_p13_goodbye_waits_for_who_blocked_the_bot_and_never_comes_to_who_left():
    life = Life()
    last = last_planned(life)
    life.days((last - life.at.date()).days - 1)
    patient = life.run(lambda w: w.patients.get(life.anna.id))
    life.run(participation.set_reachable, patient, reachable=False, at=life.at)
    assert goodbyes(life.days(10)) == []
    patient = life.run(lambda w: w.patients.get(life.anna.id))
    life.run(participation.set_reachable, patient, reachable=True, at=life.at)
    assert [key for _, key in goodbyes(life.days(3))] == ["goodbye.over"]
    left = Life()
    left.days((last - left.at.date()).days - 5)
    left.run(participation.pause, CODE, last + timedelta(days=4), at=left.at)
    left.run(participation.withdraw, CODE, at=left.at)
    assert goodbyes(left.days(30)) == []


def test_p13_stop_that_is_entered_late_says_goodbye():
    life = Life()
    stopped = life.at.date() - timedelta(days=300)
    life.run(plan_edits.apply, CODE, plan_edits.PlanEdit(ici_stop=stopped), at=life.at)
    assert [key for _, key in goodbyes(life.days(3))] == ["goodbye.over"]
    restart = life.at.date() + timedelta(days=1)
    life.run(plan_edits.apply, CODE, plan_edits.PlanEdit(ici_restart=restart), at=life.at)
    assert goodbyes(life.days(30)) == []
    assert life.run(lambda w: w.patients.get(life.anna.id)).next_due_at is not None


def test_pause_without_an_end_is_no_goodbye():
    life = Life()
    life.days(30)
    pause = Pause(first=life.at.date() + timedelta(days=1), last=date(9999, 12, 31))
    life.run(lambda w: w.patients.save(w.patients.get(life.anna.id).model_copy(update={"pauses": (pause,)})))
    assert "goodbye" not in [screen.name for _, screen in life.days(40)]


@pytest.mark.parametrize("days", [120])
def test_nothing_is_said_while_the_plan_goes_on(days):
    assert "goodbye" not in [screen.name for _, screen in Life().days(days)]


@pytest.mark.parametrize("tier", [Tier.SOON, Tier.URGENT, Tier.EMERGENCY])
@pytest.mark.parametrize("has_pause", [True, False])
def test_p13_goodbye_while_something_is_open_begins_with_whom_to_call(tier, has_pause):
    life = Life()
    last = last_planned(life)
    life.days((last - life.at.date()).days - 5)
    is_open = {"state": ConcernState.OPEN, "own_tier": tier, "first_found_at": life.at, "opened_at": life.at}
    memory = Memory(concerns={"eyes": Concern(symptom="eyes", **is_open)})
    life.run(lambda w: w.concerns.add(MemoryRow(patient_id=life.anna.id, value=memory)))
    if has_pause:
        life.run(participation.pause, CODE, last + timedelta(days=4), at=life.at)
    [screen] = [screen for _, screen in life.days(30) if screen.name == "goodbye"]
    key = "goodbye.over" if has_pause else "goodbye"
    assert [line.key for line in screen.lines] == [f"stop.open.{tier.name.lower()}", key]
