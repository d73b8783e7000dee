"""Half an answer is an answer: what an unfinished form found counts after an hour without a tap (law 13)."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.app.checkins import answering
from bot.app.operations import sweeps
from bot.app.records.patients import PatientState
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.dialog import feel_worse
from tests.app.concerns.test_cases import Life
from tests.app.conftest import AT

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVENING = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
"""22:30 in Berlin, where the patient lives: quiet hours are from 21:00 to 9:00."""
MORNING = datetime(2026, 3, 3, 8, tzinfo=UTC)
"""9:00 in Berlin."""


@pytest.fixture
def life(database, clinic, anna):
    life = Life(database, clinic, anna)
    life.run(lambda w: answering.close_as(w, anna, w.checkins.open_of(anna.id), answering.core.Replace()))
    return life


def answers(life, form="quick", *taps, at=AT):
    """Open a form and tap these choices, all at one time."""
    life.opened((at - AT) / DAY, form)
    for choice in taps:
        kind = "toggle" if choice.startswith("+") else "choose"
        life.tap(choice, at, kind="go_on" if choice == "continue" else kind)


def sweep(life, at):
    life.run(sweeps.checkin_clocks, at=at, limit=50)


def change(life, **changes):
    found = life.patient()
    life.run(lambda s: s.patients.save(found.model_copy(update=changes)))


def tiers(life):
    return [alert.tier for alert in life.alerts()]


def shown(life, name):
    return [q.row for q in life.database.outbox() if q.row.screen.name == name]


NUMB = ("no", "none", "none", "mild")


def test_k20_new_numbness_then_silence_counts_after_an_hour(life):
    answers(life, "quick", *NUMB)
    sweep(life, AT + 59 * MINUTE)
    assert tiers(life) == []
    sweep(life, AT + HOUR)
    assert (tiers(life), life.state("numbness")) == ([Tier.SOON], "open")
    assert [row.not_before for row in shown(life, "call.soon")] == [AT + HOUR]
    for hours in range(2, 20):
        sweep(life, AT + hours * HOUR)
    assert tiers(life) == [Tier.SOON], "counted once"


def test_k38_in_quiet_hours_the_team_knows_at_once_and_the_patient_at_their_end(life):
    answers(life, "quick", *NUMB, at=EVENING)
    sweep(life, EVENING + HOUR)
    (alert,) = life.alerts()
    assert (alert.tier, alert.raised_at, alert.next_escalation_at) == (Tier.SOON, EVENING + HOUR, EVENING + HOUR)
    assert [row.not_before for row in shown(life, "call.soon")] == [MORNING]


def test_every_tap_starts_the_hour_again(life):
    answers(life, "quick", *NUMB)
    life.tap("not_at_all", AT - MINUTE, kind="back")
    life.tap("mild", AT + 30 * MINUTE)
    sweep(life, AT + HOUR)
    assert tiers(life) == []
    sweep(life, AT + 90 * MINUTE)
    assert tiers(life) == [Tier.SOON]


def test_i_feel_worse_without_another_tap_counts_after_an_hour(life):
    life.run(feel_worse.feel_worse, life.patient(), at=AT + DAY)
    sweep(life, AT + DAY + 59 * MINUTE)
    assert tiers(life) == []
    sweep(life, AT + DAY + HOUR)
    assert (tiers(life), life.state("other")) == ([Tier.SOON], "open")


@pytest.mark.parametrize(("level", "tier"), [("some", Tier.SOON), ("much", Tier.URGENT)])
def test_baseline_with_the_question_whether_it_is_known_left_open(life, level, tier):
    answers(life, "baseline", "none", "none", level)
    assert life.cursor() == "known_stairs"
    sweep(life, AT + HOUR)
    assert (tiers(life), life.state("stairs")) == ([tier], "open")


def test_baseline_whose_trouble_was_known_in_time_is_none(life):
    answers(life, "baseline", "none", "none", "some", "yes_known")
    sweep(life, AT + HOUR)
    assert tiers(life) == []


def test_known_that_is_said_later_leaves_the_concern_open_for_the_team(life):
    answers(life, "baseline", "none", "none", "some")
    sweep(life, AT + HOUR)
    life.tap("yes_known", AT + 2 * HOUR)
    assert life.state("stairs") == "open"


def test_finding_after_an_urgent_one_counts_as_well(life):
    """The call screen was shown for the eyes; the stairs are a finding of their own."""
    answers(life, "baseline", "none", "yes", "continue", "+eyes")
    life.tap("", AT, kind="submit")
    life.tap("some", AT)
    sweep(life, AT + HOUR)
    assert {life.state("eyes"), life.state("stairs")} == {"open"}
    assert "stairs" in {symptom for alert in life.alerts() for symptom in alert.symptoms}


@pytest.mark.parametrize("how", ["until resumed", "until a day", "new phone"])
def test_half_answer_counts_in_a_pause_and_while_enrolling(life, how):
    answers(life, "quick", *NUMB)
    changes = {
        "until resumed": {"state": PatientState.PAUSED},
        "until a day": {"pauses": (Pause(first=AT.date(), last=AT.date() + 9 * DAY),)},
        "new phone": {"state": PatientState.ENROLLING},
    }[how]
    change(life, **changes)
    sweep(life, AT + HOUR)
    assert (tiers(life), life.state("numbness")) == ([Tier.SOON], "open")


def test_reminders_go_on_after_a_new_phone_was_set_up(life):
    change(life, next_due_at=AT + 5 * DAY)
    answers(life, "quick", *NUMB)
    change(life, state=PatientState.ENROLLING)
    sweep(life, AT + HOUR)
    change(life, state=PatientState.ACTIVE)
    sweep(life, AT + DAY)
    assert len(shown(life, "reminder")) == 1


def test_late_answer_is_not_followed_by_silence_within_the_hour(life):
    change(life, next_due_at=AT + 9 * DAY)
    life.opened(0)
    for choice in NUMB:
        life.tap(choice, AT + 4 * DAY)
    sweep(life, AT + 4 * DAY + HOUR)
    assert tiers(life) == [Tier.SOON]
    assert [task.kind for task in life.run(lambda s: s.tasks.open())] == []


def test_answer_from_before_the_clock_was_corrected_counts_at_once(life):
    answers(life, "quick", *NUMB, at=AT + 3 * DAY)
    row = life.run(lambda s: s.checkins.open_of(life.anna.id))
    life.run(lambda s: s.checkins.save(row.model_copy(update={"next_action_at": AT})))
    sweep(life, AT)
    assert tiers(life) == [Tier.SOON]


def test_nothing_found_is_no_assessment(life):
    answers(life, "quick", "no", "none", "none")
    sweep(life, AT + HOUR)
    assert life.run(lambda s: s.assessments.of_patient(life.anna.id)) == []


def reminders(life):
    return [q.row.screen.silent for q in life.database.outbox() if q.row.screen.name == "reminder"]


def test_second_reminder_is_silent_and_one_that_was_asked_for_is_not(life):
    change(life, next_due_at=life.at(9), follow_up=None)
    life.opened(0)
    life.run(sweeps.checkin_clocks, 50, at=life.at(1))
    assert reminders(life) == [False]
    asked = life.at(1, hours=2)

    def ask(work):
        row = work.checkins.open_of(life.anna.id)
        work.checkins.save(row.model_copy(update={"remind_at": asked, "next_action_at": asked}))

    life.run(ask, at=life.at(1, hours=1))
    life.run(sweeps.checkin_clocks, 50, at=asked)
    assert reminders(life) == [False, False]
    assert life.run(lambda s: s.checkins.open_of(life.anna.id)).remind_at is None
    life.run(sweeps.checkin_clocks, 50, at=life.at(2))
    assert reminders(life) == [False, False, True]
    life.run(sweeps.checkin_clocks, 50, at=life.at(2, hours=6))
    assert len(reminders(life)) == 3
