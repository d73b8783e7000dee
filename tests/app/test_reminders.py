"""Open check-ins that nobody answers: reminders, then a task for the team; what was answered so far counts."""

from datetime import UTC, datetime, time, timedelta

import pytest

from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.records.alerts import Task
from bot.app.records.messages import Lane
from bot.app.records.patients import PatientState
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from tests.app.conftest import AT
from tests.fakes.work import run as transact
from tests.fakes.work import treated

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Ward:
    """The patient with the open check-in, and the sweep that processes it."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna

    def run(self, use_case, *args, **more):
        return transact(self.database, self.clinic, use_case, *args, **more)

    def patient(self, **changes):
        found = self.run(lambda s: s.patients.get(self.anna.id))
        return self.run(lambda s: s.patients.save(found.model_copy(update=changes))) if changes else found

    def row(self, **changes):
        found = self.run(lambda s: s.checkins.of_patient(self.anna.id))[0]
        return self.run(lambda s: s.checkins.save(found.model_copy(update=changes))) if changes else found

    def sweep(self, at):
        return self.run(sweeps.checkin_clocks, at=at, limit=50)

    def sweep_hourly(self, until):
        for hours in range(int((until - AT) / HOUR) + 1):
            self.sweep(AT + hours * HOUR)

    def reminders(self):
        return [q.row.created_at - AT for q in self.database.outbox() if q.row.screen.name == "reminder"]

    def tasks(self):
        return [(task.kind, task.subject, task.raised_at) for task in self.run(lambda s: s.tasks.open())]

    def tiers(self):
        return [alert.tier for alert in self.run(lambda s: s.alerts.of_patient(self.anna.id))]

    def ask_again(self, at, kind="scheduled", form="quick"):
        patient = self.patient()
        return self.run(opening.open_checkin, patient, form=form, kind=kind, due_at=at, at=at)


@pytest.fixture
def ward(database, clinic, anna):
    return Ward(database, clinic, anna)


def test_reminders_in_a_weekly_plan_come_after_one_and_two_days(database, ward):
    ward.patient(next_due_at=AT + 5 * DAY)
    ward.sweep_hourly(AT + 2 * DAY + 23 * HOUR)
    assert ward.reminders() == [DAY, 2 * DAY]
    last = [q.row for q in database.outbox() if q.row.screen.name == "reminder"][-1]
    assert (last.lane, last.not_after) == (Lane.REMINDER, AT + 2 * DAY + 12 * HOUR)
    assert (ward.row().reminders, ward.row().next_action_at) == (2, AT + 3 * DAY)
    assert ward.tasks() == []


def test_reminder_in_a_daily_plan_comes_once_after_six_hours(ward):
    ward.patient(next_due_at=AT + DAY)
    ward.row(next_action_at=AT + 6 * HOUR)
    ward.sweep_hourly(AT + 23 * HOUR)
    assert ward.reminders() == [6 * HOUR]


@pytest.mark.parametrize(("following", "first"), [(36 * HOUR, 6 * HOUR), (36 * HOUR + MINUTE, DAY)])
def test_reminder_counts_a_plan_as_daily_up_to_36_hours(ward, following, first):
    ward.patient(next_due_at=AT + HOUR + following)
    row = ward.ask_again(AT + HOUR)
    assert row.next_action_at - row.opened_at == first


def test_reminder_of_a_check_in_opened_at_the_due_time_itself(ward):
    """As when staff send one at that very time: the plan's next check-in is the one after."""
    ward.patient(next_due_at=AT + HOUR)
    row = ward.ask_again(AT + HOUR, kind="extra")
    assert row.next_action_at == AT + 7 * HOUR, "the next one is tomorrow, so one reminder comes after six hours"


def test_reminder_that_would_meet_the_next_check_in_is_left_out(ward):
    ward.patient(next_due_at=AT + 2 * DAY)
    ward.sweep_hourly(AT + 2 * DAY - HOUR)
    assert ward.reminders() == [DAY]
    assert ward.row().next_action_at == AT + 3 * DAY


def test_reminders_missed_in_an_outage_are_sent_as_one(ward):
    ward.patient(next_due_at=AT + 5 * DAY)
    ward.sweep(AT + 2 * DAY + HOUR)
    assert ward.reminders() == [2 * DAY + HOUR]
    assert (ward.row().reminders, ward.row().next_action_at) == (2, AT + 3 * DAY)


def test_reminder_after_a_whole_outage_leaves_hours_before_silence(ward):
    ward.patient(next_due_at=AT + 7 * DAY)
    ward.row(next_action_at=AT + DAY)
    ward.sweep(AT + 4 * DAY)
    assert ward.reminders() == [4 * DAY]
    assert ward.row().next_action_at == AT + 4 * DAY + 6 * HOUR
    ward.sweep(AT + 4 * DAY + 6 * HOUR)
    assert ward.tasks() == [("not_heard_from", "P-0001", AT + 4 * DAY + 6 * HOUR)]


@pytest.mark.parametrize(
    ("zone", "quiet", "end"),
    [
        ("Europe/Berlin", (9, 17), 16),
        (None, (9, 17), 16),
        ("America/New_York", (3, 17), 22),
        ("Asia/Tokyo", (17, 19), 10),
    ],
)
def test_reminder_in_quiet_hours_waits_for_their_end(ward, zone, quiet, end):
    """10:00 in Berlin is 4:00 in New York and 18:00 in Tokyo. `end`: in UTC."""
    due, end = AT + DAY, datetime(2026, 3, 3, end, tzinfo=UTC)
    ward.patient(next_due_at=AT + 5 * DAY, timezone=zone, quiet_from=time(quiet[0]), quiet_to=time(quiet[1]))
    ward.sweep(due)
    assert ward.reminders() == []
    assert ward.row().next_action_at == end
    ward.sweep(end)
    assert ward.reminders() == [end - AT]


def test_reminder_asked_for_comes_at_its_time_and_others_follow(ward):
    ward.patient(next_due_at=AT + 5 * DAY)
    ward.row(remind_at=AT + 2 * HOUR, next_action_at=AT + HOUR)
    ward.sweep(AT + HOUR)
    assert (ward.reminders(), ward.row().next_action_at) == ([], AT + 2 * HOUR)
    ward.sweep(AT + 2 * HOUR)
    assert (ward.reminders(), ward.row().remind_at) == ([2 * HOUR], None)
    assert (ward.row().reminders, ward.row().next_action_at) == (0, AT + DAY)
    ward.sweep(AT + DAY)
    assert ward.reminders() == [2 * HOUR, DAY]


def test_reminder_asked_for_is_void_once_a_call_screen_is_shown(ward, choose):
    ward.patient(next_due_at=AT + 5 * DAY)
    choose("no")
    choose("yes")
    ward.row(remind_at=AT + 2 * HOUR, next_action_at=AT + 2 * HOUR)
    ward.sweep(AT + 2 * HOUR)
    assert ward.reminders() == []
    assert ward.row().next_action_at == AT + 3 * DAY


def test_reminder_counts_a_half_answered_concern(ward, choose):
    ward.patient(next_due_at=AT + 5 * DAY)
    choose("yes")
    assert ward.tiers() == []
    ward.sweep(AT + DAY)
    assert ward.tiers() == [Tier.SOON]
    assert ward.row().value.raised is Tier.SOON
    ward.sweep(AT + 2 * DAY)
    ward.sweep(AT + 3 * DAY)
    assert ward.tiers() == [Tier.SOON], "counted once"


def test_next_reminder_after_an_answer_is_the_plans_while_it_is_ahead(ward, choose):
    ward.patient(next_due_at=AT + 5 * DAY)
    choose("no", at=AT + HOUR)
    assert ward.row().next_action_at == AT + 2 * HOUR, "the answer counts after an hour"
    ward.sweep(AT + 2 * HOUR)
    assert ward.row().next_action_at == AT + DAY
    assert ward.reminders() == []


@pytest.mark.parametrize("late", [3 * DAY, 3 * DAY + HOUR])
def test_next_reminder_after_a_late_answer_comes_in_six_hours(ward, choose, late):
    ward.patient(next_due_at=AT + 5 * DAY)
    ward.row(reminders=2)
    choose("yes", at=AT + late)
    assert ward.row().next_action_at == AT + late + HOUR
    assert ward.tiers() == []
    ward.sweep(AT + late + HOUR)
    assert ward.tiers() == [Tier.SOON], "a half-answered concern does not wait for the next check-in"
    assert (ward.row().next_action_at, ward.tasks()) == (AT + late + 6 * HOUR, [])
    ward.row(silent_at=AT + 3 * DAY)
    ward.sweep(AT + late + 6 * HOUR)
    assert ward.row().next_action_at is None


# -- silence


def test_silence_of_three_days_opens_one_task_and_leaves_it_open(ward):
    ward.patient(next_due_at=AT + 7 * DAY)
    ward.row(reminders=2, next_action_at=AT + 3 * DAY)
    ward.sweep(AT + 3 * DAY)
    assert ward.tasks() == [("not_heard_from", "P-0001", AT + 3 * DAY)]
    row = ward.row()
    assert (row.value.state, row.silent_at, row.next_action_at) == (State.ASKING, AT + 3 * DAY, None)
    (task,) = ward.run(lambda s: s.tasks.open())
    assert task.patient_id == row.patient_id


def test_silence_before_three_days_opens_no_task(ward):
    ward.patient(next_due_at=AT + 7 * DAY)
    ward.row(reminders=2, next_action_at=AT + 3 * DAY - MINUTE)
    ward.sweep(AT + 3 * DAY - MINUTE)
    assert (ward.tasks(), ward.row().silent_at, ward.row().next_action_at) == ([], None, AT + 3 * DAY)


def test_silence_after_the_last_check_in_of_a_plan_closes_it(database, ward):
    ward.row(reminders=2, next_action_at=AT + 3 * DAY)
    ward.sweep(AT + 3 * DAY)
    row = ward.row()
    assert (row.value.state, row.closed_at, row.silent_at) == (State.EXPIRED, AT + 3 * DAY, AT + 3 * DAY)
    assert [kind for kind, _, _ in ward.tasks()] == ["not_heard_from"]


def test_silence_after_a_call_screen_is_no_task(ward, choose):
    ward.patient(next_due_at=AT + 7 * DAY)
    choose("no")
    choose("yes")
    assert ward.row().next_action_at == AT + 3 * DAY
    ward.sweep(AT + 3 * DAY)
    assert ward.tasks() == [], "the safety follow-up asks instead"
    assert ward.row().silent_at == AT + 3 * DAY


def test_silence_counts_a_half_answered_concern(ward, choose):
    ward.patient(next_due_at=AT + 7 * DAY)
    choose("yes")
    ward.row(reminders=2, next_action_at=AT + 3 * DAY)
    ward.sweep(AT + 3 * DAY)
    assert ward.tiers() == [Tier.SOON]


def test_answer_closes_the_tasks_of_silence_and_no_others(ward, choose):
    ward.patient(next_due_at=AT + 7 * DAY)
    for kind in ("not_heard_from", "missed_twice", "skipped_after_outage"):
        ward.run(lambda s, k=kind: s.tasks.add(Task(kind=k, patient_id=1, subject="P-0001", raised_at=AT)))
    ward.run(lambda s: s.tasks.add(Task(kind="not_heard_from", patient_id=None, subject="P-0002", raised_at=AT)))
    choose("no")
    assert [(kind, who) for kind, who, _ in ward.tasks()] == [
        ("skipped_after_outage", "P-0001"),
        ("not_heard_from", "P-0002"),
    ]


# -- who is not reminded


@pytest.mark.parametrize(
    ("kind", "reminded"),
    [("scheduled", False), ("extra", False), ("follow_up", False), ("worse", True), ("baseline", True)],
)
@pytest.mark.parametrize("how", ["until resumed", "until a day"])
def test_reminders_in_a_pause_are_for_what_the_patient_began(ward, kind, reminded, how):
    if how == "until resumed":
        ward.patient(state=PatientState.PAUSED)
    else:
        ward.patient(pauses=(Pause(first=AT.date() + DAY, last=AT.date() + DAY),), next_due_at=AT + 7 * DAY)
    ward.row(kind=kind)
    ward.sweep(AT + DAY)
    assert ward.reminders() == ([DAY] if reminded else [])
    assert (ward.row().next_action_at is not None) is reminded


def test_reminder_asked_for_comes_in_a_pause_as_well(ward):
    ward.patient(state=PatientState.PAUSED)
    ward.row(remind_at=AT + HOUR, next_action_at=AT + HOUR)
    ward.sweep(AT + HOUR)
    assert ward.reminders() == [HOUR]


def test_pause_counts_a_half_answered_concern_before_it_goes_quiet(ward, choose):
    choose("yes")
    ward.patient(state=PatientState.PAUSED)
    ward.sweep(AT + DAY)
    assert (ward.reminders(), ward.tiers()) == ([], [Tier.SOON])
    assert ward.row().value.raised is Tier.SOON


@pytest.mark.parametrize("state", [PatientState.WITHDRAWN, PatientState.DECLINED, PatientState.INVITED])
def test_sweep_asks_nothing_of_someone_who_takes_no_part(ward, choose, state):
    choose("yes")
    ward.patient(state=state)
    ward.sweep(AT + DAY)
    assert (ward.reminders(), ward.tiers(), ward.tasks()) == ([], [], [])
    assert (ward.row().next_action_at, ward.row().value.state) == (None, State.ASKING)


def test_check_in_whose_question_the_protocol_dropped_is_closed(ward):
    ward.row(value=ward.row().value.model_copy(update={"cursor": "dropped"}))
    ward.sweep(AT + DAY)
    assert (ward.row().value.state, ward.row().closed_at) == (State.EXPIRED, AT + DAY)
    assert ward.reminders() == []


# -- what a new check-in makes of the one before


def test_replaced_check_in_of_a_weekly_plan_is_a_task_unless_silence_was(ward):
    ward.ask_again(AT + 36 * HOUR)
    assert ward.tasks() == [], "36 hours are still daily"
    ward.ask_again(AT + 73 * HOUR)
    assert [kind for kind, _, _ in ward.tasks()].count("not_heard_from") == 1
    (task,) = [t for t in ward.tasks() if t[0] == "not_heard_from"]
    assert task == ("not_heard_from", "P-0001", AT + 73 * HOUR)


def test_replaced_check_in_that_was_silent_already_is_no_second_task(ward):
    ward.row(silent_at=AT + 3 * DAY)
    ward.ask_again(AT + 5 * DAY)
    assert ward.tasks() == []


@pytest.mark.parametrize("how", ["worse", "urgent"])
def test_replaced_check_in_outside_the_plan_or_called_for_is_no_task(ward, choose, how):
    if how == "worse":
        ward.row(kind="worse")
    else:
        choose("no")
        choose("none")
        choose("yes")
    ward.ask_again(AT + 5 * DAY)
    ward.row(kind="worse")
    ward.ask_again(AT + 9 * DAY)
    assert ward.tasks() == []


def test_two_missed_in_a_row_in_the_early_phase_are_a_task(ward):
    ward.ask_again(AT + DAY)
    assert ward.tasks() == []
    ward.ask_again(AT + 2 * DAY)
    assert ward.tasks() == [("missed_twice", "P-0001", AT + 2 * DAY)]


@pytest.mark.parametrize("why", ["later phase", "first answered", "second answered"])
def test_two_missed_are_no_task_when_one_was_answered_or_later(ward, choose, why):
    if why == "later phase":
        ward.run(lambda s: treated(s, s.patients.get(ward.anna.id), start=AT.date() - 120 * DAY))
    if why == "first answered":
        choose("no")
    ward.ask_again(AT + DAY)
    if why == "second answered":
        choose("no", at=AT + DAY)
    ward.ask_again(AT + 2 * DAY)
    assert ward.tasks() == []


def test_worse_now_is_opened_with_its_first_answer(ward, database, anna):
    row = ward.ask_again(AT + MINUTE, kind="worse")
    assert (row.kind, row.due_at, row.opened_at) == ("worse", AT + MINUTE, AT + MINUTE)
    assert (row.value.answers, row.value.cursor) == ({"change": ("yes",)}, "safety_now")
    (answer,) = database.run(lambda s: s.answers.of_checkin(row.id))
    assert (answer.question, answer.choices, answer.given_at) == ("change", ("yes",), AT + MINUTE)
    plain = ward.ask_again(AT + 2 * MINUTE, kind="extra")
    assert (plain.kind, plain.value.answers, plain.value.cursor) == ("extra", {}, "change")


def test_opened_check_in_names_its_protocol(ward, clinic):
    row = ward.ask_again(AT + MINUTE, form="again")
    protocol = clinic.protocol
    assert row.value.form == "again"
    assert (row.protocol_name, row.protocol_version, row.protocol_hash) == (
        protocol.name,
        protocol.version,
        protocol.content_hash,
    )


def test_sent_now_is_audited_and_only_for_an_active_chat(database, ward):
    found = ward.run(opening.send_now, ward.patient(), at=AT + HOUR, by="coord-1")
    assert (found.kind, found.value.form, found.due_at) == ("extra", "quick", AT + HOUR)
    line = database.run(lambda s: s.audit.lines("P-0001", limit=1))[0]
    assert (line.actor, line.action, line.subject) == ("coord-1", "checkin_sent_now", "P-0001")
    for changes in ({"chat_id": None}, {"state": PatientState.PAUSED}):
        other = ward.patient().model_copy(update=changes)
        assert ward.run(opening.send_now, other, at=AT + 2 * HOUR, by="coord-1") is None


@pytest.mark.parametrize(
    ("kind", "lane"),
    [
        ("worse", Lane.REPLY),
        ("baseline", Lane.REPLY),
        ("extra", Lane.CHECKIN),
        ("scheduled", Lane.CHECKIN),
        ("follow_up", Lane.CHECKIN),
    ],
)
def test_opened_check_in_is_a_reply_to_who_asked_for_it(database, ward, kind, lane):
    row = ward.ask_again(AT + MINUTE, kind=kind)
    (found,) = [q.row for q in database.outbox() if q.row.slot == f"checkin:{row.id}"]
    assert (found.lane, found.mode, found.created_at) == (lane, "new", AT + MINUTE)


# -- what a half-answered form leaves


def finals(ward):
    """Whether each assessment of the check-in is its last one, oldest first."""
    found = ward.run(lambda s: s.assessments.of_patient(ward.anna.id))
    return [row.final for row in sorted(found, key=lambda row: row.id)]


def test_assessment_of_a_half_answered_form_is_final_once_its_check_in_is_closed(ward, choose):
    ward.patient(next_due_at=AT + 7 * DAY)
    choose("yes")
    ward.sweep(AT + DAY)
    assert finals(ward) == [False], "the patient may still go on"
    ward.ask_again(AT + 7 * DAY)
    assert finals(ward) == [False, True]


def test_half_answered_form_without_a_concern_is_not_assessed_before_it_is_closed(ward, choose):
    ward.patient(next_due_at=AT + 7 * DAY)
    choose("no")
    ward.sweep(AT + DAY)
    assert (finals(ward), ward.tiers(), len(ward.reminders())) == ([], [], 1)


def test_reminder_that_the_patient_asked_for_comes_after_all_usual_ones(ward):
    ward.patient(next_due_at=AT + 5 * DAY)
    at = AT + 50 * HOUR
    ward.row(reminders=2, remind_at=at, next_action_at=at)
    ward.sweep(at)
    assert (ward.reminders(), ward.row().remind_at, ward.row().silent_at) == ([50 * HOUR], None, None)
