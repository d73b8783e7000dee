"""A stop that is undone: for how long, what is agreed to again, and what is asked about again."""

from datetime import timedelta
from functools import partial

import pytest

from bot.app.patients import returning
from bot.app.records.patients import PatientState
from bot.app.schedules.plans import OPEN_ENDED
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STOPPED = {"state": PatientState.WITHDRAWN, "undo_until": AT + DAY}


@pytest.fixture
def run(database, clinic, anna):
    return partial(transact, database, clinic)


@pytest.fixture
def stopped(run, anna):
    def change(**changes):
        found = run(lambda s: s.patients.get(anna.id))
        return run(lambda s: s.patients.save(found.model_copy(update=STOPPED | changes)))

    return change


def undo(run, patient, at=AT + HOUR):
    return run(returning.undo_stop, patient, at=at, by="patient:P-0001")


def audited(run):
    lines = [(x.actor, x.action, dict(x.detail)) for x in run(lambda s: s.audit.lines("P-0001", limit=500))]
    return [line for line in lines if line[1] == "stop_undone"]


def agreed(run, anna, version, text_hash):
    given = {"version": version, "text_hash": text_hash, "withdrawn_at": AT, "given_at": AT - DAY}
    consent = samples.consent(anna.id).model_copy(update=given)
    run(lambda s: s.consents.add(consent))


@pytest.mark.parametrize(
    ("changes", "hours", "can"),
    [
        ({}, 0, True),
        ({}, 24, False),
        ({"state": PatientState.ACTIVE}, 0, False),
        ({"state": PatientState.DECLINED}, 0, False),
        ({"undo_until": None}, 0, False),
        ({"is_second": True}, 0, False),
    ],
)
def test_stop_can_be_undone_for_a_day_in_the_patients_own_chat(run, anna, changes, hours, can):
    there = anna.model_copy(update=STOPPED | changes)
    assert returning.can_undo(there, AT + hours * HOUR) is can
    if not can:
        assert undo(run, there, AT + hours * HOUR) is None
        assert run(lambda s: s.patients.get(anna.id)).state is PatientState.ACTIVE
        assert audited(run) == []


def test_newest_consent_is_given_again(run, clinic, anna, stopped):
    agreed(run, anna, "1", "an earlier text")
    agreed(run, anna, "2", clinic.consent_hash)
    back = undo(run, stopped())
    assert back == run(lambda s: s.patients.get(anna.id))
    assert (back.state, back.undo_until) == (PatientState.ACTIVE, None)
    assert AT + HOUR < back.next_due_at <= AT + 8 * DAY
    *_, last = run(lambda s: s.consents.of_patient(anna.id))
    assert (last.version, last.text_hash, last.language) == ("2", clinic.consent_hash, "es")
    assert (last.given_at, last.withdrawn_at) == (AT + HOUR, None)
    assert [c.withdrawn_at for c in run(lambda s: s.consents.of_patient(anna.id))] == [AT, AT, None]
    assert audited(run) == [("patient:P-0001", "stop_undone", {})]


def test_who_never_agreed_here_goes_on_without_a_consent(run, anna, stopped):
    """As one who was taken over from a version that kept none."""
    assert undo(run, stopped()).state is PatientState.ACTIVE
    assert run(lambda s: s.consents.of_patient(anna.id)) == []


def test_text_that_has_changed_needs_a_new_link(run, clinic, anna, stopped):
    agreed(run, anna, "1", clinic.consent_hash)
    agreed(run, anna, "2", "another text")
    assert undo(run, stopped()) is None
    now = run(lambda s: s.patients.get(anna.id))
    assert (now.state, now.undo_until) == (PatientState.WITHDRAWN, None), "nothing offers it any more"
    assert len(run(lambda s: s.consents.of_patient(anna.id))) == 2
    assert audited(run) == []


@pytest.mark.parametrize(
    ("last", "state"), [(OPEN_ENDED, PatientState.PAUSED), (AT.date() + 3 * DAY, PatientState.ACTIVE)]
)
def test_pause_goes_on_as_it_was(run, stopped, last, state):
    back = undo(run, stopped(pauses=(Pause(first=AT.date(), last=last),)))
    assert (back.state, back.next_due_at is None) == (state, state is PatientState.PAUSED)


def test_what_is_open_is_asked_about_again_and_the_team_hears_of_it(database, team, anna, stopped):
    chat = team.join("ann")
    made = samples.alert(anna.id, tier=Tier.URGENT, rules=("new.eyes",), notified=("ann",))
    alert = team.run(lambda s: s.alerts.add(made))
    seen = len(database.outbox())
    undo(team.run, stopped())
    sent = [(q.row.chat_id, q.row.screen.name) for q in database.outbox()[seen:] if q.row.mode == "new"]
    assert (7, "call.urgent") in sent
    notices = [q.row.screen for q in database.outbox()[seen:] if q.row.chat_id == chat]
    assert "staff.call.came_back" in [line.key for screen in notices for line in screen.lines]
    now = team.alert(alert.id)
    assert AT + HOUR < now.next_patient_prompt_at <= AT + 2 * HOUR
