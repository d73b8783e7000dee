"""Agreed levels: no new alert until the symptom gets worse than agreed; an EMERGENCY is never covered."""

from datetime import timedelta

import pytest

from bot.app.alerts import queue
from bot.app.checkins import opening
from bot.app.concerns import agreed_levels, agreeing
from bot.app.ports.errors import RefusedError
from bot.core.protocol import Tier
from bot.core.screen import Action
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

    def __call__(self, numbness, at, *, interference="not_at_all", now="none", new="none"):
        """Answer one check; return the alerts it raised and the screen it ended with."""
        self._begin(at)
        before = {a.id for a in self.database.run(lambda s: s.alerts.of_patient(self.anna.id))}
        answers = {"change": "no", "safety_now": now, "safety_new": new, "numbness": numbness}
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
    assert screen == "done.known", "no all-clear"


def test_worse_than_the_agreed_level_raises_an_alert(check, agree):
    agree(level="mild")
    assert check("mild", AT)[0] == []
    (alert,), _ = check("medium", AT + DAY)
    assert (alert.tier, alert.is_agreed, alert.next_escalation_at) == (Tier.SOON, False, AT + DAY)


def test_agreed_level_expires(check, agree):
    agree(days=2)
    assert check("mild", AT)[0] == []
    assert check("medium", AT + 2 * DAY) == ([], "done.open"), "until staff decide, no call screen and no all-clear"


def test_agreed_level_can_be_ended_once(database, anna, check, agree):
    agree()
    database.run(lambda s: agreeing.end_agreed_level(work_on(s, at=AT, actor="lead-2"), anna.code, "numbness"))
    assert check("mild", AT) == ([], "done.open"), "until staff decide about it, no call screen and no all-clear"
    with pytest.raises(RefusedError, match="has no agreed level"):
        database.run(lambda s: agreeing.end_agreed_level(work_on(s, at=AT, actor="lead-2"), anna.code, "numbness"))


def test_newest_agreed_level_of_a_symptom_holds(database, anna, agree):
    agree(level="strong")
    agree(level="mild", by="lead-2")
    (row,) = database.run(lambda s: agreed_levels.active(work_on(s, at=AT), anna.id))
    assert (row.level, row.made_by) == ("mild", "lead-2")


def test_k18_urgent_within_the_agreed_level_has_a_tip_and_no_call_screen(database, check, agree):
    agree(level="very_strong")
    assert check("strong", AT) == ([], "done.known")
    shown = [q.row.screen for q in database.outbox()]
    assert not any(screen.name.startswith("call.") for screen in shown)
    assert {"done.known.staff", "done.tip"} <= {line.key for line in shown[-1].lines}


def test_agreed_level_leaves_other_symptoms_counting_in_full(check, agree):
    agree(level="very_strong")
    (alert,), _ = check("mild", AT, new="yes")
    assert (alert.tier, alert.is_agreed) == (Tier.URGENT, False)


def test_emergency_is_never_within_an_agreed_level(check, agree):
    agree(level="very_strong")
    (alert,), _ = check("mild", AT, now="yes")
    assert (alert.tier, alert.is_agreed) == (Tier.EMERGENCY, False)


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
