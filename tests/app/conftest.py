"""A clinic with the packaged protocol, a database that remembers, and one patient with an open check-in."""

from datetime import UTC, date, datetime
from functools import cache

import pytest

from bot.app import checkins, patients
from bot.app.store import PatientState
from bot.config import Settings
from bot.core.screen import Action
from bot.wiring import prepare
from tests.fakes.memory_store import MemoryDatabase

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@cache
def packaged():
    return prepare(Settings.load({}, sandbox=True).in_sandbox(), sandbox=True).clinic


@pytest.fixture(scope="session")
def clinic():
    return packaged()


@pytest.fixture
def database():
    return MemoryDatabase()


@pytest.fixture
def anna(database, clinic):
    """Active, and asked the first question of a quick check."""

    def work(store):
        added, _ = patients.add(store, clinic, code="P-0001", ici_start=date(2026, 2, 1), at=AT)
        made = added.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 7, "timezone": "Europe/Berlin"})
        store.save_patient(made)
        checkins.open_checkin(store, clinic, made, form="quick", kind="scheduled", due_at=AT, at=AT)
        return made

    return database.run(work)


@pytest.fixture
def choose(database, clinic, anna):
    """Tap a choice of the question that is asked now."""

    def tapped(choice, at=AT, kind="choose"):
        def work(store):
            row = store.open_checkin(anna.id)
            value = row.value
            tap = Action(kind=kind, subject=row.id, revision=value.revision, question=value.cursor, choice=choice)
            return checkins.answer(store, clinic, anna, tap, at)

        return database.run(work)

    return tapped
