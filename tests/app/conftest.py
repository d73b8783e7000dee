"""A clinic with the packaged protocol, a database that remembers, and one patient with an open check-in."""

from datetime import date

import pytest

from bot.app.checkins import opening
from bot.app.patients import registry
from bot.app.records.patients import PatientState
from bot.core.screen import Action
from bot.dialog import checkins
from tests.fakes.databases import MemoryDatabase
from tests.fakes.team import Team
from tests.fakes.work import AT, packaged_clinic, work_on

__all__ = ["AT"]


@pytest.fixture(scope="session")
def clinic():
    return packaged_clinic()


@pytest.fixture
def database():
    return MemoryDatabase()


@pytest.fixture
def anna(database, clinic):
    """Active, and asked the first question of a quick check."""

    def work(stores):
        added, _ = registry.add(
            work_on(stores, clinic, AT, actor="operator"), code="P-0001", ici_start=date(2026, 2, 1)
        )
        made = added.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 7, "timezone": "Europe/Berlin"})
        stores.patients.save(made)
        opening.open_checkin(work_on(stores, clinic, AT), made, form="quick", kind="scheduled", due_at=AT)
        return made

    return database.run(work)


@pytest.fixture
def choose(database, clinic, anna):
    """Tap a choice of the question that is asked now."""

    def tapped(choice, at=AT, kind="choose"):
        def work(stores):
            row = stores.checkins.open_of(anna.id)
            value = row.value
            tap = Action(kind=kind, subject=row.id, revision=value.revision, question=value.cursor, choice=choice)
            return checkins.tapped(work_on(stores, clinic, at), anna, tap)

        return database.run(work)

    return tapped


@pytest.fixture
def team(database, clinic, anna):
    """A team that nobody has joined yet."""
    return Team(database, clinic, anna)
