"""What is saved whole carries a version: a copy read before a change is never saved over it, in whatever transaction."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import fields
from typing import get_type_hints

import pytest

from bot.app.ports.errors import StaleRecordError
from bot.app.records.concerns import MemoryRow
from bot.app.work import Stores
from bot.core.frozen import Frozen
from bot.db import stores as sql
from bot.db.rows import Shape
from tests.contract import samples

IN_ONE_STATEMENT = {
    "limits.save_budget": "its one row is locked by whoever reads it",
    "limits.save_chats_free_at": "inserted, or overwritten by a later time only, in one statement",
    "reports.save_week": "worked out anew each time, from what does not change any more",
    "settings.set": "one value, inserted or overwritten by name",
}
"""What is saved otherwise, and why nothing is lost there."""
MODULES = [importlib.import_module(f"{sql.__name__}.{found.name}") for found in pkgutil.iter_modules(sql.__path__)]
SHAPES = [shape for module in MODULES for shape in vars(module).values() if isinstance(shape, Shape)]


def saving():
    """Every method of a port that overwrites what is stored: "port.method" and the method."""
    for port, protocol in get_type_hints(Stores).items():
        for name, method in inspect.getmembers(protocol, inspect.isfunction):
            if name == "set" or name.startswith("save"):
                yield f"{port}.{name}", method


def saved_whole():
    """The records that a method of a port saves."""
    for name, method in saving():
        if name not in IN_ONE_STATEMENT:
            _, record = inspect.signature(method).parameters
            yield pytest.param(name, get_type_hints(method)[record], id=name)


def test_every_port_is_walked_and_each_exception_is_of_one():
    assert set(get_type_hints(Stores)) == {field.name for field in fields(Stores)}
    assert IN_ONE_STATEMENT.keys() - dict(saving()).keys() == set(), "take them off the list"
    assert {record.id for record in saved_whole()} == {f"{name}.save" for name in SAVED_BY.values()}


@pytest.mark.parametrize(("method", "record"), [*saved_whole()])
def test_every_record_that_is_saved_whole_has_a_version_that_its_update_goes_by(method, record):
    assert issubclass(record, Frozen)
    (shape,) = (shape for shape in SHAPES if shape._model is record)
    assert shape.version in record.model_fields, f"{method} overwrites {record.__name__}: give it a version"
    column = shape.table.c[shape.version]
    assert not column.nullable
    assert column.server_default.arg == "0", "a program of before goes on inserting"
    where = str(shape.update).partition(" WHERE ")[2]
    assert re.search(rf"{shape.table.name}\.{shape.version} = :of_version", where)


def test_every_statement_that_changes_such_a_row_raises_its_version():
    versioned = {shape.table.name: shape.version for shape in SHAPES if shape.version is not None}
    found = []
    for module in MODULES:
        for name, value in vars(module).items():
            for statement in value.values() if isinstance(value, dict) else [value]:
                if getattr(statement, "is_update", False) and statement.table.name in versioned:
                    found.append(name)
                    version = versioned[statement.table.name]
                    assert f"{version}=({statement.table.name}.{version} + " in str(statement), name
    assert len(found) >= 3, found


def _rows(stores):
    """One of each, as (its number's name, the record, how it is saved, how it is read)."""
    who = stores.patients.add(samples.patient())
    person = stores.staff.add(samples.staff("lead-1"))
    row = stores.checkins.add(samples.checkin(who.id))
    return {
        "patient": (who, stores.patients.save, lambda s: s.patients.get(who.id)),
        "staff": (person, stores.staff.save, lambda s: s.staff.get(person.id)),
        "checkin": (row, stores.checkins.save, lambda s: s.checkins.get(row.id)),
        "alert": (
            stores.alerts.add(samples.alert(who.id)),
            stores.alerts.save,
            lambda s: s.alerts.of_patient(who.id)[0],
        ),
        "treatment_period": (
            *(who.periods[0], stores.treatments.save),
            lambda s: s.treatments.of_patient(who.id)[0],
        ),
        "invite": (
            stores.invites.add(samples.invite(who.id)),
            stores.invites.save,
            lambda s: s.invites.of_patient(who.id)[0],
        ),
        "consent": (
            stores.consents.add(samples.consent(who.id)),
            stores.consents.save,
            lambda s: s.consents.of_patient(who.id)[0],
        ),
        "caregiver": (
            *(stores.caregivers.add(samples.caregiver(who.id)), stores.caregivers.save),
            lambda s: s.caregivers.of_patient(who.id)[0],
        ),
        "agreed_level": (
            stores.agreed_levels.add(samples.agreed_level(who.id)),
            stores.agreed_levels.save,
            lambda s: s.agreed_levels.of_patient(who.id)[0],
        ),
        "level_decision": (
            *(stores.levels.add(samples.level_decision(who.id)), stores.levels.save),
            lambda s: s.levels.of_patient(who.id)[0],
        ),
        "close_watch": (
            *(stores.close_watches.add(samples.close_watch(who.id)), stores.close_watches.save),
            lambda s: s.close_watches.of_patient(who.id)[0],
        ),
        "memory": (
            *(stores.concerns.add(MemoryRow(patient_id=who.id)), stores.concerns.save),
            lambda s: s.concerns.of_patient(who.id),
        ),
        "session": (
            *(stores.sessions.add(samples.session(person.id)), stores.sessions.save),
            lambda s: s.sessions.by_hash("t1"),
        ),
        "passkey": (
            stores.passkeys.add(samples.passkey(person.id)),
            stores.passkeys.save,
            lambda s: s.passkeys.of_staff(person.id)[0],
        ),
    }


SAVED_BY = {
    "patient": "patients",
    "treatment_period": "treatments",
    "staff": "staff",
    "checkin": "checkins",
    "alert": "alerts",
    "invite": "invites",
    "consent": "consents",
    "caregiver": "caregivers",
    "agreed_level": "agreed_levels",
    "level_decision": "levels",
    "close_watch": "close_watches",
    "memory": "concerns",
    "session": "sessions",
    "passkey": "passkeys",
}
"""Of each kind of record the port that saves it."""
KINDS = tuple(SAVED_BY)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_again_is_what_the_first_saving_returned(database, kind):
    def work(stores):
        record, save, read = _rows(stores)[kind]
        first = save(record)
        assert read(stores) == first != record
        second = save(first)
        assert read(stores) == second != first

    database.run(work)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_before_is_not_saved_by_the_same_transaction_either(database, kind):
    def work(stores):
        record, save, read = _rows(stores)[kind]
        saved = save(record)
        with pytest.raises(StaleRecordError):
            save(record)
        assert read(stores) == saved

    database.run(work)


def test_a_transaction_with_a_stale_record_runs_again_until_it_has_read_the_new_one(database):
    who = database.run(lambda s: s.patients.add(samples.patient()))
    old = database.run(lambda s: s.patients.get(who.id))
    database.run(lambda s: s.patients.save(old))
    tries = []

    def work(stores):
        tries.append(1)
        stores.settings.set("undone", str(len(tries)))
        copy = old if len(tries) < 5 else stores.patients.get(who.id)
        return stores.patients.save(copy.model_copy(update={"regimen": "combination"}))

    assert database.run(work).regimen == "combination"
    assert (len(tries), database.run(lambda s: s.settings.get("undone"))) == (5, "5")
    tries.clear()
    with pytest.raises(StaleRecordError):
        database.run(lambda s: (tries.append(1), s.settings.set("undone", "x"), s.patients.save(old)))
    assert (len(tries), database.run(lambda s: s.settings.get("undone"))) == (5, "5"), "five times in all, and undone"


def test_a_part_of_a_transaction_runs_again_by_itself(database):
    who = database.run(lambda s: s.patients.add(samples.patient()))
    tries = []

    def part(stores):
        tries.append(1)
        stale = who.model_copy(update={"version": 7})
        stores.patients.save(stale if len(tries) == 1 else who)

    assert database.run(lambda s: s.attempt(lambda: part(s))) is None
    assert len(tries) == 2
    assert isinstance(database.run(lambda s: s.attempt(lambda: s.patients.save(who))), StaleRecordError)
