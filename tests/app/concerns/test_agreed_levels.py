"""Agreed levels: no new alert until the symptom gets worse than agreed; an EMERGENCY is never covered."""

from datetime import timedelta

import pytest

from bot.app.alerts import queue
from bot.app.checkins import opening
from bot.app.concerns import agreed_levels, agreeing
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AgreedLevel
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.core.triage import History, assess
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.fakes.work import work_on

DAY = timedelta(days=1)


def _calm(question):
    """Return the answer that reports nothing."""
    return next((c.id for c in question.choices if c.id == "none"), question.choices[0].id)


class Checks:
    """Answers quick checks of one patient."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna

    def _tap(self, word, kind="choose"):
        def work(stores):
            row = stores.checkins.open_of(self.anna.id)
            at = {"subject": row.id, "revision": row.value.revision, "question": row.value.cursor or ""}
            tap = Action(kind=kind, choice=word, **at)
            checkins.tapped(work_on(stores, self.clinic, row.due_at), stores.patients.get(self.anna.id), tap)

        self.database.run(work)

    def _open(self):
        return self.database.run(lambda s: s.checkins.open_of(self.anna.id))

    def _begin(self, at):
        def work(stores):
            row = stores.checkins.open_of(self.anna.id)
            if row is None or row.due_at != at:
                patient = stores.patients.get(self.anna.id)
                opening.open_checkin(
                    work_on(stores, self.clinic, at), patient, form="quick", kind="scheduled", due_at=at
                )

        self.database.run(work)

    def _several(self, question):
        alone = next(c.id for c in question.choices if c.exclusive)
        self._tap(f"+{alone}", kind="toggle")
        row = self._open()
        if row is not None and row.value.cursor == question.id:
            self._tap("", kind="submit")

    def __call__(self, numbness, at, *, interference="not_at_all", now="none"):
        """Answer one check; return the alerts it raised and the screen it ended with."""
        self._begin(at)
        before = {a.id for a in self.database.run(lambda s: s.alerts.of_patient(self.anna.id))}
        answers = {"change": "no", "safety_now": now, "safety_new": "none", "numbness": numbness}
        answers["interference"] = interference
        while (row := self._open()) is not None and row.value.state != "stopped":
            question = self.clinic.protocol.questions.get(row.value.cursor)
            if row.value.state == "paused":
                self._tap("", kind="finish")
            elif question.kind == "several":
                self._several(question)
            else:
                self._tap(answers.get(question.id, _calm(question)))
        new = [a for a in self.database.run(lambda s: s.alerts.of_patient(self.anna.id)) if a.id not in before]
        return new, [q.row.screen.name for q in self.database.outbox()][-1]


@pytest.fixture
def check(database, clinic, anna):
    return Checks(database, clinic, anna)


@pytest.fixture
def agree(database, clinic, anna):
    def done(question="numbness", level="medium", days=14, at=AT, by="lead-1"):
        return database.run(
            lambda s: agreeing.agree_level(work_on(s, clinic, at, actor=by), anna.code, question, level, days)
        )

    return done


def test_soon_within_the_agreed_level_raises_no_alert(check, agree):
    (first,), _ = check("mild", AT)
    assert first.tier is Tier.SOON
    agree()
    new, screen = check("medium", AT + DAY)
    assert new == []
    assert screen == "done.unchanged", "no all-clear: the patient is to call if they have not"


def test_worse_than_the_agreed_level_raises_an_alert(check, agree):
    check("mild", AT)
    agree(level="mild")
    (alert,), _ = check("medium", AT + DAY)
    assert (alert.tier, alert.is_agreed, alert.next_escalation_at) == (Tier.SOON, False, AT + DAY)


def test_agreed_level_expires(check, agree):
    agree(days=2)
    assert check("mild", AT)[0] == []
    (alert,), _ = check("medium", AT + 2 * DAY)
    assert alert.tier is Tier.SOON


def test_agreed_level_can_be_ended_once(database, anna, check, agree):
    agree()
    database.run(lambda s: agreeing.end_agreed_level(work_on(s, at=AT, actor="lead-2"), anna.code, "numbness"))
    assert len(check("mild", AT)[0]) == 1
    with pytest.raises(RefusedError, match="has no agreed level"):
        database.run(lambda s: agreeing.end_agreed_level(work_on(s, at=AT, actor="lead-2"), anna.code, "numbness"))


def test_newest_agreed_level_of_a_symptom_holds(database, anna, agree):
    agree(level="strong")
    agree(level="mild", by="lead-2")
    (row,) = database.run(lambda s: agreed_levels.active(work_on(s, at=AT), anna.id))
    assert (row.level, row.made_by) == ("mild", "lead-2")


def test_urgent_within_the_agreed_level_only_does_not_escalate(database, clinic, check, agree):
    agree(level="very_strong")
    (alert,), _ = check("strong", AT)
    assert (alert.tier, alert.is_agreed, alert.next_escalation_at) == (Tier.URGENT, True, None)
    names = [q.row.screen.name for q in database.outbox()]
    assert any(name.startswith("call.urgent") for name in names)
    line = database.run(lambda s: queue.alert_line(work_on(s, clinic, AT + 30 * DAY), s.alerts.get(alert.id)))
    assert (line.is_agreed, line.overdue) == (True, False)


def test_agreed_level_leaves_other_symptoms_counting_in_full(check, agree):
    agree(level="very_strong")
    (alert,), _ = check("mild", AT, interference="very_much")
    assert (alert.tier, alert.is_agreed) == (Tier.SOON, False)


def test_emergency_is_never_within_an_agreed_level(check, agree):
    agree(level="very_strong")
    (alert,), _ = check("mild", AT, now="yes")
    assert (alert.tier, alert.is_agreed) == (Tier.EMERGENCY, False)


def test_skipped_question_is_not_within_the_agreed_level(database, clinic, check, agree):
    agree(level="very_strong")
    found = database.run(lambda s: agreed_levels._is_worse(clinic, "numbness", ("skip",), "very_strong"))
    assert found


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"question": "nothing"}, "not a symptom with a scale"),
        ({"question": "change"}, "not a symptom with a scale"),
        ({"level": "none"}, "numbness has mild, medium, strong, very_strong"),
        ({"level": "huge"}, "numbness has mild"),
        ({"days": 29}, "between 1 and 28"),
        ({"days": 0}, "between 1 and 28"),
        ({"question": "arms", "level": "cannot"}, "EMERGENCY: choose a lower level"),
        ({"question": "head", "level": "cannot"}, "EMERGENCY: choose a lower level"),
    ],
)
def test_agreeing_on_a_bad_level_is_refused(database, anna, agree, bad, why):
    with pytest.raises(RefusedError, match=why):
        agree(**bad)
    assert database.run(lambda s: s.agreed_levels.of_patient(anna.id)) == []


def test_agreed_level_lasts_28_days_at_most(agree):
    assert agree(days=28).until == AT + 28 * DAY


def test_agreed_level_is_shown_on_later_alerts_and_audited(database, clinic, anna, check, agree):
    agree(level="mild")
    (alert,), _ = check("medium", AT)
    line = database.run(lambda s: queue.alert_line(work_on(s, clinic, AT), alert))
    assert "agreed level: numbness up to mild until 2026-03-16 (lead-1)" in line.summary
    audited = database.run(lambda s: s.audit.lines(anna.code))
    made = next(each for each in audited if each.action == "level_agreed")
    assert (made.actor, dict(made.detail)) == ("lead-1", {"days": 14})


def test_agreed_level_that_became_an_emergency_covers_nothing(database, clinic, anna):
    """The protocol was changed after the level had been agreed."""
    answers = {"arms": ("cannot",)}
    row = AgreedLevel(patient_id=anna.id, question="arms", level="cannot", until=AT + DAY, made_by="x", made_at=AT)
    database.run(lambda s: s.agreed_levels.add(row))
    found = assess(answers, History(), clinic.protocol, form="full", finished=True)
    assert found.tier is Tier.EMERGENCY
    compared = (found, answers, History(), "full")
    assert not database.run(lambda s: agreed_levels.covers(work_on(s, clinic, AT), anna.id, *compared))
