"""A finding that is known raises no second alert, if the alert that staff still have names it; changes always do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app.alerts import ownership
from bot.app.checkins import opening
from bot.app.concerns import agreed_levels, agreeing, replay
from bot.app.concerns.assessments import history
from bot.app.ports.errors import RefusedError
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.fakes.work import run as transact
from tests.fakes.work import work_on

DAY = timedelta(days=1)
CALLS = {"call.soon": Tier.SOON, "call.urgent": Tier.URGENT, "call.emergency": Tier.EMERGENCY}


def _calm(question):
    """Return the answer that reports nothing."""
    return next((c.id for c in question.choices if c.id == "none"), question.choices[0].id)


class Days:
    """One answered check-in a day, after a baseline with mild numbness."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna
        self.day = 0

    def run(self, use_case, *args, **more):
        return transact(self.database, self.clinic, use_case, *args, **more)

    def tap(self, at, word, kind="choose"):
        row = self.run(lambda s: s.checkins.open_of(self.anna.id))
        tap = Action(
            kind=kind, subject=row.id, revision=row.value.revision, question=row.value.cursor or "", choice=word
        )
        self.run(lambda s: checkins.tapped(work_on(s, self.clinic, at), s.patients.get(self.anna.id), tap))

    def answer(self, form="quick", kind="scheduled", **answers):
        """Answer the first choice of each question that has no answer here; return the tiers of new call screens."""
        self.day += 1
        at = AT + self.day * DAY
        before = len(self.database.outbox())
        patient = self.run(lambda s: s.patients.get(self.anna.id))
        self.run(opening.open_checkin, patient, form=form, kind=kind, due_at=at, at=at)
        while (row := self.run(lambda s: s.checkins.open_of(self.anna.id))) is not None:
            question = self.clinic.protocol.questions.get(row.value.cursor or "")
            if row.value.state is not State.ASKING or question is None:
                self.tap(at, "", "finish")
            elif question.kind == "several":
                self.tap(at, f"+{next(c.id for c in question.choices if c.exclusive)}", "toggle")
                left = self.run(lambda s: s.checkins.open_of(self.anna.id))
                if left is not None and left.value.cursor == question.id:
                    self.tap(at, "", "submit")
            else:
                self.tap(at, answers.get(question.id, _calm(question)))
        shown = [q.row.screen.name for q in self.database.outbox()[before:]]
        return [CALLS[name] for name in shown if name in CALLS]

    def alerts(self):
        return self.run(lambda s: s.alerts.of_patient(self.anna.id))

    def close(self, alert):
        at = AT + self.day * DAY
        self.run(ownership.note, alert.id, "no_action", reason="plan", at=at, by="lead-1")
        self.run(ownership.close, alert.id, at=at, by="lead-1")

    def last_screen(self):
        return [q.row.screen for q in self.database.outbox()][-1]


@pytest.fixture
def days(database, clinic, anna):
    made = Days(database, clinic, anna)
    assert made.answer("baseline", "baseline", numbness="mild", known_before="yes_known") == []
    assert made.answer(numbness="mild") == []
    return made


def test_same_finding_the_next_day_raises_no_second_alert(days):
    assert days.answer(numbness="medium") == [Tier.SOON]
    assert days.answer(numbness="medium") == []
    assert days.last_screen().name == "done.open"


def test_k17_same_finding_raises_none_after_staff_closed_the_first(days):
    days.answer(numbness="medium")
    days.close(days.alerts()[0])
    assert days.answer(numbness="medium") == []
    assert days.last_screen().name == "done.known"


def test_interference_up_below_another_tier_raises_none(days):
    assert days.answer(numbness="medium") == [Tier.SOON]
    assert days.answer(numbness="medium", interference="somewhat") == []
    assert days.answer(numbness="medium", interference="very_much") == [Tier.URGENT]


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


# -- what answers are compared with


def basis(days, anna):
    return days.run(lambda s: s.assessments.of_patient(anna.id))[0].basis


def test_basis_has_the_last_answer_of_each_question_its_form_asks(days, anna):
    days.answer("full", pain="some", numbness="mild", interference="a_little")
    days.answer(numbness="none")
    days.answer(numbness="mild")
    found = basis(days, anna)
    assert (found.form, found.finished) == ("quick", True)
    assert found.answers["numbness"] == ("mild",)
    assert found.previous["pain"] == ("some",), "the short form doesn't ask it"
    assert found.previous["numbness"] == ("none",)
    assert "interference" not in found.previous, "the last check-in had no reason to ask it"
    assert found.baseline["numbness"] == ("mild",)


def test_basis_of_a_baseline_has_no_baseline(days, anna):
    (first, *_) = reversed(days.run(lambda s: s.assessments.of_patient(anna.id)))
    assert (first.basis.form, first.basis.previous, first.basis.baseline) == ("baseline", None, None)


def test_basis_keeps_answers_of_a_form_the_protocol_dropped(clinic, days, anna):
    days.answer("full", numbness="mild", pain="much")
    forms = {name: form for name, form in clinic.protocol.forms.items() if name != "full"}
    without = replace(clinic, protocol=clinic.protocol.model_copy(update={"forms": forms}))
    row = days.run(lambda s: s.checkins.of_patient(anna.id))[0]
    other = row.model_copy(update={"id": row.id + 1})
    found = days.run(lambda s: history(work_on(s, without, AT + 9 * DAY), other))
    assert found.previous["pain"] == ("much",)


def test_replay_of_each_day_gives_what_was_stored(clinic, days, anna):
    days.answer(numbness="medium")
    days.answer("full", numbness="medium", interference="somewhat", stairs="some")
    asked = []

    def find(stores, content_hash):
        asked.append((stores is not None, content_hash))
        return clinic.protocol

    found = days.run(lambda s: replay.replay(s, anna.code, find))
    assert [(one.result, one.missing) for one in found] == [("same", ())] * len(found)
    assert len(found) == len({one.assessment for one in found}) >= 4
    assert {one.derived_tier for one in found} >= {"ROUTINE", "SOON"}
    assert asked == [(True, clinic.protocol.content_hash)], "each protocol is read once"


def test_replay_without_protocol_still_names_answers_that_are_missing(days, anna):
    newest = days.run(lambda s: s.assessments.of_patient(anna.id))[0]
    lost = newest.basis.model_copy(update={"answers": {**newest.basis.answers, "pain": ("much",)}})
    days.run(lambda s: s.assessments.add(newest.model_copy(update={"basis": lost})))
    last = days.run(lambda s: replay.replay(s, anna.code, lambda _stores, _hash: None))[-1]
    assert (last.result, last.missing, last.stored_tier, last.derived_tier) == (
        "no_protocol",
        ("pain",),
        "ROUTINE",
        None,
    )


# -- agreed levels


def agree(days, question="numbness", level="medium", count=14, at=AT, by="lead-1"):
    return days.run(agreeing.agree_level, "P-0001", question, level, count, at=at, by=by)


def test_agreed_level_is_stored_audited_without_symptom_and_replaces_one(days, anna):
    first = agree(days)
    assert (first.until, first.made_by, first.made_at) == (AT + 14 * DAY, "lead-1", AT)
    second = agree(days, level="mild", count=1, at=AT + DAY, by="lead-2")
    rows = {row.id: row for row in days.run(lambda s: s.agreed_levels.of_patient(anna.id))}
    assert (rows[first.id].ended_at, rows[first.id].ended_by) == (AT + DAY, "lead-2")
    assert (rows[second.id].ended_at, rows[second.id].level) == (None, "mild")
    ended = days.run(agreeing.end_agreed_level, "P-0001", "numbness", at=AT + 2 * DAY - DAY / 2, by="lead-3")
    assert (ended.id, ended.ended_at, ended.ended_by) == (second.id, AT + 2 * DAY - DAY / 2, "lead-3")
    lines = reversed(days.run(lambda s: s.audit.lines("P-0001", limit=50)))
    assert [(x.actor, x.action, dict(x.detail)) for x in lines if "level" in x.action] == [
        ("lead-1", "level_agreed", {"days": 14}),
        ("lead-2", "level_agreed", {"days": 1}),
        ("lead-3", "agreed_level_ended", {}),
    ]
    with pytest.raises(RefusedError, match=r"^P-0001: 'numbness' has no agreed level, so nothing was ended$"):
        days.run(agreeing.end_agreed_level, "P-0001", "numbness", at=AT + 2 * DAY)


def test_agreed_level_of_another_symptom_stays(days, anna):
    agree(days)
    agree(days, question="interference", level="somewhat")
    assert [row.question for row in days.run(agreed_levels.active, anna.id, at=AT)] == ["numbness", "interference"]
    ended = days.run(agreeing.end_agreed_level, "P-0001", "interference", at=AT)
    assert ended.question == "interference"


@pytest.mark.parametrize(("offset", "holds"), [(-DAY, False), (timedelta(0), True), (14 * DAY, False)])
def test_agreed_level_holds_from_its_making_until_its_end(days, anna, offset, holds):
    agree(days)
    assert bool(days.run(agreed_levels.active, anna.id, at=AT + offset)) is holds


@pytest.mark.parametrize(
    ("question", "level", "count", "why"),
    [
        ("change", "yes", 3, "'change' is not a symptom with a scale: the protocol has "),
        ("lost", "yes", 3, "'lost' is not a symptom with a scale: the protocol has "),
        ("numbness", "none", 3, "level 'none': numbness has mild, medium, strong, very_strong"),
        ("numbness", "huge", 3, "level 'huge': numbness has mild, medium, strong, very_strong"),
        ("numbness", "mild", 0, "0 days: choose between 1 and 28"),
        ("numbness", "mild", 29, "29 days: choose between 1 and 28"),
        ("arms", "cannot", 3, "arms at cannot is an EMERGENCY: choose a lower level"),
        ("arms", "cannot", 0, "arms at cannot is an EMERGENCY: choose a lower level; 0 days: choose between"),
    ],
)
def test_agreement_with_faults_is_refused_with_all_of_them(days, anna, question, level, count, why):
    with pytest.raises(RefusedError) as refused:
        agree(days, question, level, count)
    assert str(refused.value).startswith(why)
    assert days.run(lambda s: s.agreed_levels.of_patient(anna.id)) == []


def test_agreement_lists_the_scales_of_the_protocol(days):
    with pytest.raises(
        RefusedError, match="the protocol has stairs, chair, buttons, arms, head, floor, numbness, interference"
    ):
        agree(days, "change", "yes", 3)


@pytest.mark.parametrize("count", [1, 28])
def test_agreement_for_a_day_or_four_weeks_is_accepted(days, count):
    assert agree(days, count=count).until == AT + count * DAY


def test_alert_of_a_finding_that_grew_past_its_level_counts_in_full(days):
    agree(days, level="medium", count=28)
    assert days.answer(numbness="medium") == []
    assert days.answer(numbness="strong") == [Tier.URGENT]
    assert days.alerts()[0].is_agreed is False


# -- what makes a known finding new


def test_finding_that_comes_back_while_it_is_open_raises_no_second_one(days):
    assert days.answer(numbness="medium") == [Tier.SOON]
    assert days.answer(numbness="mild") == []
    assert days.answer(numbness="medium") == [], "the concern is open already, and no worse than it was"
    assert days.last_screen().name == "done.open"
