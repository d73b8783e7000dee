"""What is saved whole carries a version: a copy read before a change is never saved over it, in whatever transaction."""

import inspect
import re

import pytest

from bot.app import store as port
from bot.app import team_store
from bot.app.store import Store
from bot.app.store_errors import StaleRecordError
from bot.core.screen import Frozen
from bot.db import store_alerts, store_books, store_checkins, store_ops, store_outbox, store_patients, store_team
from bot.db.rows import Shape
from tests.contract import samples

IN_ONE_STATEMENT = {
    "save_chat_free_at": "inserted or overwritten by key, by senders alone, who hold the budget's row",
    "save_limiter": "its one row is locked by whoever reads it",
    "save_setting": "one value, inserted or overwritten by name",
    "save_week": "worked out anew each time, from what does not change any more",
}
"""What is saved otherwise, and why nothing is lost there."""
MODULES = (store_alerts, store_books, store_checkins, store_ops, store_outbox, store_patients, store_team)
SHAPES = [shape for module in MODULES for shape in vars(module).values() if isinstance(shape, Shape)]


def saved_whole():
    """The records that a method of the port saves."""
    for name, method in inspect.getmembers(Store, inspect.isfunction):
        if name.startswith("save_") and name not in IN_ONE_STATEMENT:
            _, record = inspect.signature(method).parameters.values()
            kind = record.annotation
            kind = getattr(port, kind, None) or getattr(team_store, kind) if isinstance(kind, str) else kind
            yield pytest.param(name, kind, id=name)


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


def _rows(store):
    """One of each, as (its number's name, the record, how it is saved, how it is read)."""
    who = store.add_patient(samples.patient())
    person = store.add_staff(samples.staff("lead-1"))
    row = store.add_checkin(samples.checkin(who.id))
    return {
        "patient": (who, store.save_patient, lambda s: s.patient(who.id)),
        "staff": (person, store.save_staff, lambda s: s.staff_member(person.id)),
        "checkin": (row, store.save_checkin, lambda s: s.checkin(row.id)),
        "alert": (store.add_alert(samples.alert(who.id)), store.save_alert, lambda s: s.alerts(who.id)[0]),
        "invite": (store.add_invite(samples.invite(who.id)), store.save_invite, lambda s: s.invites(who.id)[0]),
        "consent": (store.add_consent(samples.consent(who.id)), store.save_consent, lambda s: s.consents(who.id)[0]),
        "caregiver": (
            *(store.add_caregiver(samples.caregiver(who.id)), store.save_caregiver),
            lambda s: s.caregivers(who.id)[0],
        ),
        "snooze": (store.add_snooze(samples.snooze(who.id)), store.save_snooze, lambda s: s.snoozes(who.id)[0]),
        "session": (
            *(store.add_session(samples.session(person.id)), store.save_session),
            lambda s: s.session_by_hash("t1"),
        ),
        "passkey": (
            store.add_passkey(samples.passkey(person.id)),
            store.save_passkey,
            lambda s: s.passkeys(person.id)[0],
        ),
    }


KINDS = ("patient", "staff", "checkin", "alert", "invite", "consent", "caregiver", "snooze", "session", "passkey")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_again_is_what_the_first_saving_returned(database, kind):
    def work(store):
        record, save, read = _rows(store)[kind]
        first = save(record)
        assert read(store) == first != record
        second = save(first)
        assert read(store) == second != first

    database.run(work)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_before_is_not_saved_by_the_same_transaction_either(database, kind):
    def work(store):
        record, save, read = _rows(store)[kind]
        saved = save(record)
        with pytest.raises(StaleRecordError):
            save(record)
        assert read(store) == saved

    database.run(work)


def test_a_transaction_with_a_stale_record_runs_again_until_it_has_read_the_new_one(database):
    who = database.run(lambda s: s.add_patient(samples.patient()))
    old = database.run(lambda s: s.patient(who.id))
    database.run(lambda s: s.save_patient(old))
    tries = []

    def work(store):
        tries.append(1)
        store.save_setting("undone", str(len(tries)))
        copy = old if len(tries) < 5 else store.patient(who.id)
        return store.save_patient(copy.model_copy(update={"drug": "x"}))

    assert database.run(work).drug == "x"
    assert (len(tries), database.run(lambda s: s.setting("undone"))) == (5, "5")
    tries.clear()
    with pytest.raises(StaleRecordError):
        database.run(lambda s: (tries.append(1), s.save_setting("undone", "x"), s.save_patient(old)))
    assert (len(tries), database.run(lambda s: s.setting("undone"))) == (5, "5"), "five times in all, and undone"


def test_a_part_of_a_transaction_runs_again_by_itself(database):
    who = database.run(lambda s: s.add_patient(samples.patient()))
    tries = []

    def part(store):
        tries.append(1)
        stale = who.model_copy(update={"version": 7})
        store.save_patient(stale if len(tries) == 1 else who)

    assert database.run(lambda s: s.attempt(lambda: part(s))) is None
    assert len(tries) == 2
    assert isinstance(database.run(lambda s: s.attempt(lambda: s.save_patient(who))), StaleRecordError)
