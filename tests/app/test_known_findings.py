"""A finding that is known raises no second alert, if the alert that staff still have names it; changes always do."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.checkins import opening
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.fakes.work import run as transact
from tests.fakes.work import work_on

DAY = timedelta(days=1)


@pytest.fixture
def days(database, clinic, anna):
    """Answer one check-in a day, from a baseline with mild numbness on."""

    class Days:
        day = 0

        def run(self, use_case, *args, **more):
            return transact(database, clinic, use_case, *args, **more)

        def tap(self, at, word, kind="choose"):
            row = self.run(lambda s: s.checkins.open_of(anna.id))
            tap = Action(
                kind=kind, subject=row.id, revision=row.value.revision, question=row.value.cursor or "", choice=word
            )
            self.run(lambda s: checkins.tapped(work_on(s, clinic, at), s.patients.get(anna.id), tap))

        def answer(self, form="quick", kind="scheduled", **answers):
            """Answer the first choice of each question that has no answer here; return the tiers of new alerts."""
            self.day += 1
            at = AT + self.day * DAY
            before = len(self.alerts())
            patient = self.run(lambda s: s.patients.get(anna.id))
            self.run(opening.open_checkin, patient, form=form, kind=kind, due_at=at, at=at)
            while (row := self.run(lambda s: s.checkins.open_of(anna.id))) is not None:
                question = clinic.protocol.questions.get(row.value.cursor or "")
                if row.value.state is not State.ASKING or question is None:
                    self.tap(at, "", "finish")
                elif question.kind == "several":
                    self.tap(at, f"+{next(c.id for c in question.choices if c.exclusive)}", "toggle")
                    left = self.run(lambda s: s.checkins.open_of(anna.id))
                    if left is not None and left.value.cursor == question.id:
                        self.tap(at, "", "submit")
                else:
                    self.tap(at, answers.get(question.id, question.choices[0].id))
            found = self.alerts()
            return [alert.tier for alert in found[: len(found) - before]]

        def alerts(self):
            return self.run(lambda s: s.alerts.of_patient(anna.id))

        def close(self, alert):
            at = AT + self.day * DAY
            self.run(ownership.note, alert.id, "no_action", at=at, by="lead-1")
            self.run(ownership.close, alert.id, at=at, by="lead-1")

        def last_screen(self):
            return [q.row.screen for q in database.outbox()][-1]

    made = Days()
    assert made.answer("baseline", "baseline", numbness="mild", known_before="yes_known") == []
    assert made.answer(numbness="mild") == []
    return made


def test_same_finding_the_next_day_raises_no_second_alert(days):
    assert days.answer(numbness="medium") == [Tier.SOON]
    assert days.answer(numbness="medium") == []
    assert days.last_screen().name == "done.unchanged"


def test_same_finding_raises_one_again_once_staff_closed_the_first(days):
    days.answer(numbness="medium")
    days.close(days.alerts()[0])
    assert days.answer(numbness="medium") == [Tier.SOON]


def test_finding_that_the_open_alert_does_not_name_raises_one(days):
    """Numbness is worse, then in the way; staff closed the alert of the second, and it goes on as it was."""
    assert days.answer(numbness="medium") == [Tier.SOON]
    assert days.answer(numbness="medium", interference="somewhat") == [Tier.SOON]
    second, first = days.alerts()
    assert set(second.rules) - set(first.rules) >= {"sensory.more_in_the_way_than_baseline"}
    days.close(second)
    assert days.answer(numbness="medium", interference="somewhat") == [Tier.SOON]


def test_both_findings_of_the_open_alert_raise_no_other(days):
    days.answer(numbness="medium")
    days.answer(numbness="medium", interference="somewhat")
    assert days.answer(numbness="medium", interference="somewhat") == []


def test_change_of_a_known_finding_raises_one(days):
    days.answer(numbness="mild", interference="somewhat")
    assert days.answer(numbness="medium", interference="somewhat") == [Tier.SOON]


def test_half_answered_known_finding_raises_no_second_alert(anna, days):
    days.answer(numbness="medium")
    days.day += 1
    at = AT + days.day * DAY
    patient = days.run(lambda s: s.patients.get(anna.id))
    days.run(opening.open_checkin, patient, form="again", kind="follow_up", due_at=at, at=at)
    for word in ("none", "none", "medium"):
        days.tap(at, word)
    days.answer(numbness="mild")
    assert [alert.tier for alert in days.alerts()] == [Tier.SOON]
    (row,) = [r for r in days.run(lambda s: s.checkins.of_patient(anna.id)) if r.due_at == at]
    half = next(a for a in days.run(lambda s: s.assessments.of_patient(anna.id)) if a.checkin_id == row.id)
    assert (half.tier, row.value.state) == (Tier.SOON, State.REPLACED)
