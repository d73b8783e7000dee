"""Silence puts off check-ins by the protocol's steps; any answer or tap, and anything urgent, ends that."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.checkins import opening, silence
from bot.app.concerns.follow_up import replanned, update_follow_up
from bot.app.concerns.memory import recall
from bot.app.operations import sweeps
from bot.app.patients import participation, views
from bot.app.records.patients import Caregiver
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.app.schedules.plans import rescheduled
from bot.core.back_off import BackOffStep
from bot.core.concern_values import ConcernState
from bot.core.plan_override import Rhythm
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.screen import Action
from bot.dialog import conversation
from bot.dialog.replies import Meaning
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import packaged_clinic, runner

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = date(2026, 3, 2)
STEPS = (BackOffStep(after=3, days=6, reminders=1), BackOffStep(after=5, days=10, reminders=0))
CODE = "P-0001"


class Silent:
    """A patient with a check-in every day, who answers nothing until `tap`; the first one comes on 3 March."""

    def __init__(self, steps=STEPS, **changes):
        self.database = MemoryDatabase()
        self.clinic = packaged_clinic()
        protocol = self.clinic.protocol.model_copy(update={"silence": steps})
        self.clinic = replace(self.clinic, protocol=protocol)
        self.run = runner(self.database, self.clinic)
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)
        override = plan_edits.PlanOverride(rhythms=(Rhythm(first_day=0, every=1),))
        made = samples.patient(
            CODE, state="active", chat_id=7, timezone="Europe/Berlin", ici_start=MONDAY, plan_override=override
        ).model_copy(update=changes)
        self.anna = self.run(lambda w: w.patients.add(made), at=self.at)
        self.run(lambda w: w.patients.save(rescheduled(w.patients.get(self.anna.id), w.clinic, w.at)), at=self.at)

    @property
    def patient(self):
        return self.run(lambda w: w.patients.get(self.anna.id))

    @property
    def rows(self):
        return self.run(lambda w: w.checkins.of_patient(self.anna.id, limit=500))[::-1]

    @property
    def days(self):
        """The days of March and April on which check-ins were opened, counted from 1 March."""
        return [(row.opened_at.date() - date(2026, 2, 28)).days for row in self.rows]

    def pass_days(self, number):
        for _ in range(number * 4):
            self.at += 6 * HOUR
            for sweep in (sweeps.check_ins_due, sweeps.checkin_clocks):
                self.run(sweep, 50, at=self.at)

    def change(self, **changes):
        changed = self.patient.model_copy(update=changes)
        return self.run(lambda w: w.patients.save(changed))

    def replan(self):
        self.run(lambda w: w.patients.save(replanned(w, w.patients.get(self.anna.id))), at=self.at)

    def tap(self, action=Action(kind="menu", choice="help"), chat=7):  # noqa: B008 - it is frozen
        return self.run(conversation.tap, chat, action, at=self.at)

    def preview(self, **edit):
        return self.run(plan_edits.preview, CODE, PlanEdit(**edit), at=self.at)


def screens(silent):
    return [queued.row.screen for queued in silent.database.outbox()]


def test_next_check_in_comes_later_and_later():
    silent = Silent()
    silent.pass_days(45)
    assert silent.days == [3, 4, 5, 11, 17, 27, 37, 47]
    assert [row.unanswered for row in silent.rows] == [0, 0, 0, 3, 4, 5, 6, 7]


def test_protocol_without_steps_asks_as_planned():
    silent = Silent(())
    silent.pass_days(20)
    assert silent.days == list(range(3, 23))
    assert {row.unanswered for row in silent.rows} == {0}
    assert silent.preview().skipped == ()


def test_steps_that_a_new_protocol_drops_put_nothing_off_any_more():
    silent = Silent()
    silent.pass_days(4)
    protocol = silent.clinic.protocol.model_copy(update={"silence": ()})
    clinic = replace(silent.clinic, protocol=protocol)
    assert rescheduled(silent.patient, clinic, silent.at).next_due_at.date() == silent.at.date() + DAY


def test_reminders_become_fewer():
    silent = Silent()
    silent.pass_days(40)
    reminded = {row.id: 0 for row in silent.rows}
    for queued in silent.database.outbox():
        if queued.row.screen.name == "reminder":
            reminded[int(queued.row.slot.partition(":")[2])] += 1
    # The third has two: its next one comes in six days. Then one each, then none.
    assert list(reminded.values()) == [1, 1, 2, 1, 1, 0, 0]


def test_first_later_check_in_alone_has_the_warmer_text():
    silent = Silent()
    silent.pass_days(40)
    hellos = [s.lines[0].key for s in screens(silent) if s.name.startswith("ask.")]
    assert [key == "checkin.hello.silence" for key in hellos] == [False, False, False, True, False, False, False]


@pytest.mark.parametrize("action", ["menu", "answer", "old", "text"])
def test_any_answer_tap_or_message_brings_the_plan_back(action):
    silent = Silent()
    silent.pass_days(6)
    assert silent.patient.next_due_at.date() == date(2026, 3, 11)
    if action == "text":
        silent.run(conversation.message, 7, Meaning("unknown"), at=silent.at)
    else:
        row = silent.rows[-1] if action == "answer" else silent.rows[0]
        choose = Action(kind="choose", subject=row.id, question=row.value.cursor or "", choice="no")
        silent.tap(choose if action != "menu" else Action(kind="menu", choice="help"))
    assert (silent.patient.unanswered, silent.patient.rests_until) == (0, None)
    assert silent.patient.next_due_at.date() == silent.at.date() + DAY
    silent.pass_days(2)
    assert silent.days[-2:] == [9, 10]
    assert "checkin.hello.silence" not in [s.lines[0].key for s in screens(silent) if s.name.startswith("ask.")]


def test_who_falls_silent_again_gets_one_warmer_text_again():
    silent = Silent()
    silent.pass_days(12)
    silent.tap()
    silent.pass_days(14)
    hellos = [s.lines[0].key for s in screens(silent) if s.name.startswith("ask.")]
    assert hellos.count("checkin.hello.silence") == 2


def test_active_caregiver_is_heard_from_too_but_nobody_who_was_only_asked():
    silent = Silent()
    helper = Caregiver(
        patient_id=silent.anna.id,
        token_hash="h",
        expires_at=silent.at + DAY,
        language="en",
        invited_at=silent.at,
        state="asked",
        chat_id=8,
    )
    helper = silent.run(lambda w: w.caregivers.add(helper))
    silent.pass_days(6)
    silent.tap(chat=8)
    assert silent.patient.unanswered == 2
    silent.run(lambda w: w.caregivers.save(helper.model_copy(update={"state": "active"})))
    silent.tap(chat=8)
    assert silent.patient.unanswered == 0


def test_fault_in_the_plan_keeps_no_tap_from_acting(monkeypatch):
    def fail(*_):
        raise KeyError("plan")

    silent = Silent()
    silent.pass_days(6)
    monkeypatch.setattr(silence, "replanned", fail)
    silent.tap(Action(kind="help_now", subject=1))
    assert [a.tier for a in silent.run(lambda w: w.alerts.of_patient(silent.anna.id))] == [Tier.URGENT]
    assert [line.action for line in silent.run(lambda w: w.audit.lines(CODE))].count("silence_not_ended") == 1


def test_check_in_of_the_same_due_time_is_not_counted_twice():
    silent = Silent()
    silent.pass_days(2)
    due = silent.rows[-1].due_at
    before = silent.patient.unanswered
    silent.change(next_due_at=due)
    silent.run(sweeps.check_ins_due, 50, at=silent.at)
    assert (silent.patient.unanswered, len(silent.rows)) == (before, 2)


def test_outage_counts_as_no_silence():
    silent = Silent()
    silent.pass_days(2)
    silent.at += 20 * DAY + 11 * HOUR
    silent.run(sweeps.check_ins_due, 50, at=silent.at)
    assert len(silent.rows) == 2
    assert silent.patient.unanswered == 1


# -- something urgent


def test_what_was_taken_back_as_a_mistake_does_not_ask_daily_for_ever():
    """Found by an examiner: it stays with the team, and a silent patient was asked every day for twelve weeks."""
    silent = Silent()
    silent.pass_days(1)
    for question, choice in (("change", "no"), ("safety_now", "yes")):
        row = silent.rows[-1]
        action = {"kind": "choose", "subject": row.id, "question": question, "choice": choice}
        silent.tap(Action(**action, revision=row.value.revision))
    (alert,) = silent.run(lambda w: w.alerts.open_of(silent.anna.id))
    silent.tap(Action(kind="alert", subject=alert.id, choice="mistake"))
    for choice in ("none", "none", "none"):
        row = silent.rows[-1]
        action = {"kind": "choose", "subject": row.id, "question": row.value.cursor, "choice": choice}
        silent.tap(Action(**action, revision=row.value.revision))
    anna = silent.patient
    (concern,) = silent.run(lambda w: recall(w, anna).value.open)
    assert concern.retracted_at is not None
    before = len(silent.rows)
    silent.pass_days(20)
    assert len(silent.rows) - before < 12
    assert silent.patient.rests_until is not None


@pytest.mark.parametrize("yes_on", ["safety_now", "safety_new"])
def test_nothing_waits_while_an_emergency_or_urgent_is_open(yes_on):
    silent = Silent()
    silent.pass_days(1)
    for question, choice in (("change", "no"), ("safety_now", "none"), ("safety_new", "none")):
        row = silent.rows[-1]
        said = "yes" if question == yes_on else choice
        action = {"kind": "choose", "subject": row.id, "question": question, "choice": said}
        silent.tap(Action(**action, revision=row.value.revision))
        if said == "yes":
            break
    before = len(silent.rows)
    silent.pass_days(12)
    assert len(silent.rows) - before == 12, "every day"
    assert (silent.patient.rests_until, {row.unanswered for row in silent.rows}) == (None, {0})
    assert silent.patient.unanswered > STEPS[0].after, "they are counted all the same"


def test_what_opens_at_urgent_ends_the_rest():
    silent = Silent()
    silent.pass_days(6)

    def open_eyes(work):
        memory = recall(work, work.patients.get(silent.anna.id)).value
        concern = memory.concern("eyes").model_copy(update={"state": ConcernState.OPEN, "own_tier": Tier.URGENT})
        changed = memory.model_copy(update={"concerns": {**memory.concerns, "eyes": concern}})
        assert [c.tier for c in changed.open] == [Tier.URGENT]
        update_follow_up(work, silent.anna.id, changed)

    silent.run(open_eyes, at=silent.at)
    assert silent.patient.rests_until is None
    assert silent.patient.next_due_at.date() == silent.at.date() + DAY


# -- plan edits, pauses, enrolment, the clock


def test_skipped_dates_are_shown_with_their_reason():
    silent = Silent()
    silent.pass_days(6)
    found = silent.preview()
    assert found.unanswered == 3
    assert [(s.day, s.reason) for s in found.skipped] == [(date(2026, 3, 9), "silence"), (date(2026, 3, 10), "silence")]
    assert min(m.day for m in found.messages if m.kind == "check-in") == date(2026, 3, 11)
    assert silent.run(views.view, CODE, at=silent.at).unanswered == 3


def test_changed_plan_is_asked_as_the_team_planned_it():
    silent = Silent()
    silent.pass_days(6)
    silent.run(plan_edits.apply, CODE, PlanEdit(rhythms=(Rhythm(first_day=0, every=2),)), at=silent.at)
    assert silent.preview().skipped == ()
    silent.pass_days(2)
    assert silent.days[-1] in {9, 10}
    assert silent.patient.rests_until is not None, "unanswered as well, it waits again"


def test_additional_check_in_of_the_team_comes_all_the_same():
    silent = Silent()
    silent.pass_days(5)
    override = silent.patient.plan_override
    extra = plan_edits.ExtraCheckIn(day=date(2026, 3, 9))
    silent.change(plan_override=override.model_copy(update={"extras": (extra,)}))
    silent.replan()
    silent.pass_days(3)
    assert silent.days[-1] == 9


def test_pause_of_a_silent_patient_holds_and_the_rest_too():
    silent = Silent()
    silent.pass_days(5)
    pause = Pause(first=date(2026, 3, 10), last=date(2026, 3, 13))
    silent.run(plan_edits.apply, CODE, PlanEdit(pause=pause), at=silent.at)
    silent.pass_days(10)
    assert not {10, 11, 12, 13} & set(silent.days)
    assert 14 in silent.days or max(silent.days) < 10


def test_tap_after_leaving_ends_the_silence_too():
    silent = Silent()
    silent.pass_days(6)
    silent.run(participation.withdraw, CODE, at=silent.at)
    assert silent.patient.next_due_at is None
    silent.tap()
    assert (silent.patient.unanswered, silent.patient.rests_until) == (0, None)


def test_rest_that_a_wrong_clock_wrote_is_dropped():
    silent = Silent()
    silent.pass_days(6)
    silent.change(rests_until=date(2031, 1, 1), next_due_at=None)
    silent.replan()
    assert silent.patient.next_due_at.date() == silent.at.date() + DAY


def test_check_in_that_the_team_sends_does_not_move_the_plan():
    silent = Silent()
    silent.pass_days(5)
    due = silent.patient.next_due_at
    silent.run(lambda w: opening.send_now(w, w.patients.get(silent.anna.id)), at=silent.at)
    assert silent.patient.next_due_at == due
    silent.pass_days(5)
    assert silent.patient.unanswered == 3, "it took the place of one that was open"
