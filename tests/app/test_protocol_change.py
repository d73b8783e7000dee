"""A new protocol may no longer have the question that an open check-in stands at: nobody meets a dead end."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.app import checkins, menus, patients
from bot.app.store import PatientState
from bot.config import Settings
from bot.core.screen import Action
from bot.wiring import prepare
from tests.fakes.memory_store import MemoryDatabase

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def clinic():
    return prepare(Settings.load({}, sandbox=True).in_sandbox(), sandbox=True).clinic


@pytest.fixture
def database():
    return MemoryDatabase()


def opened(database, clinic):
    def work(store):
        added, _ = patients.add(store, clinic, code="P-0001", ici_start=date(2026, 2, 1), at=AT)
        anna = added.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 7, "timezone": "Europe/Berlin"})
        store.save_patient(anna)
        row = checkins.open_checkin(store, clinic, anna, form="quick", kind="scheduled", due_at=AT, at=AT)
        yes = Action(kind="choose", subject=row.id, question="change", choice="yes")
        checkins.answer(store, clinic, anna, yes, AT)
        return anna, row.id

    return database.run(work)


def without_safety_now(clinic):
    quick = clinic.protocol.forms["quick"]
    steps = tuple(s for s in quick.steps if s.ask not in {"safety_now", "which_now"})
    forms = {**clinic.protocol.forms, "quick": quick.model_copy(update={"steps": steps})}
    return replace(clinic, protocol=clinic.protocol.model_copy(update={"forms": forms}))


def test_it_is_closed_by_what_was_answered_and_the_patient_sees_the_menu(database, clinic):
    anna, number = opened(database, clinic)
    newer = without_safety_now(clinic)
    database.run(lambda store: menus.where_they_are(store, newer, anna, AT))
    row = database.run(lambda store: store.checkin(number))
    assert row.value.state == "expired"
    (alert,) = database.run(lambda store: store.alerts(anna.id))
    assert alert.rules == ("change.worse",), "what was answered still counts"


def test_a_tap_on_it_is_answered(database, clinic):
    anna, number = opened(database, clinic)
    newer = without_safety_now(clinic)
    tap = Action(kind="choose", subject=number, revision=1, question="safety_now", choice="none")
    assert database.run(lambda store: checkins.answer(store, newer, anna, tap, AT)) is None


def test_one_that_can_still_be_asked_goes_on(database, clinic):
    anna, number = opened(database, clinic)
    database.run(lambda store: menus.where_they_are(store, clinic, anna, AT))
    assert database.run(lambda store: store.checkin(number)).value.state == "asking"
