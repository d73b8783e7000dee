"""Rows written by the first version survive the migrations, can be read, and take what came later."""

from datetime import date
from importlib import import_module

import pytest
from alembic import command
from sqlalchemy import Column, MetaData, Table, create_engine, inspect, select, text

from bot.app.records.messages import LimiterRow
from bot.app.records.operations import Audit
from bot.core.plan_override import PlanOverride
from bot.db import tables as t
from bot.db.engine import database_url
from bot.db.migrate import config, migrate
from bot.db.opening import open_database
from bot.db.stores.alerts import ALERT, TASK
from bot.db.stores.checkins import ANSWER, ASSESSMENT, CHECKIN, TIP_SHOWN, VALUE
from bot.db.stores.dead_letters import DEAD_UPDATE
from bot.db.stores.limits import LIMITER
from bot.db.stores.operations import AUDIT
from bot.db.stores.outbox_shown import OUTBOX
from bot.db.stores.patients import CONSENT, INVITE, PATIENT
from bot.db.stores.treatment import repeated
from tests.contract import samples
from tests.contract.samples import AT, MINUTE
from tests.db.replicas import in_thread, until_somebody_waits
from tests.db.test_migrate import STEPS
from tests.fakes.databases import KEYRING

CHAT = samples.full_patient().chat_id
HASH = KEYRING.lookup("chat", CHAT)
BUDGET = LimiterRow(all_free_at=AT, bulk_free_at=AT, bulk_stopped_until=AT)
LINE = Audit(at=AT, actor="a", action="b", subject="P-0002")

# What the first version knew of each record.
PERSON = samples.full_patient().model_copy(
    update={
        "id": 1,
        "follow_up": None,
        "ask_home_at": None,
        "undo_until": None,
        "goodbye_at": None,
        "unanswered": 0,
        "rests_until": None,
        "hint_sent_at": None,
        **dict.fromkeys(("second_chat_id", "phone_move", "history_from")),
        "plan_override": PlanOverride(),
        "periods": (
            samples.period(
                *(date(2026, 2, 1), date(2026, 9, 1)), id=1, patient_id=1, recorded_by="earlier version", recorded_at=AT
            ),
        ),
    }
)
ROW = samples.checkin(1, reminders=1, next_action_at=AT).model_copy(update={"id": 1})
GIVEN = samples.answer(1, 1, "change", "yes").model_copy(update={"id": 1})
FOUND = samples.assessment(1, 1).model_copy(update={"id": 1, "basis": None})
WORKED = dict.fromkeys(("owner", "acknowledged_at", "outcome", "noted_at", "closed_by", "closed_at"))
UNNOTIFIED = {
    "notified": (),
    "escalation_level": 0,
    "clock_from": None,
    "next_escalation_at": None,
    "work_revision": 0,
    "is_agreed": False,
}
RAISED = samples.full_alert(1, 1).model_copy(update={"id": 1, "caregiver_id": None, **WORKED, **UNNOTIFIED})
DEAD = samples.dead_update().model_copy(update={"id": 1})
SENT = samples.message(CHAT, "menu", patient_id=1).model_copy(update={"id": 1})
ITEM = samples.task(1).model_copy(update={"id": 1})
TIP = samples.tip_shown(1).model_copy(update={"id": 1})
LINK = samples.invite(1).model_copy(update={"id": 1})
AGREED = samples.consent(1).model_copy(update={"id": 1})


def _values(shape, record, **more):
    return shape.values(record, KEYRING) | more


FIRST = {
    t.patient: _values(PATIENT, PERSON, chat_hash=HASH, **repeated(PERSON)),
    t.invite: _values(INVITE, LINK),
    t.consent: _values(CONSENT, AGREED),
    t.checkin: _values(CHECKIN, ROW) | _values(VALUE, ROW.value),
    t.answer: _values(ANSWER, GIVEN),
    t.assessment: _values(ASSESSMENT, FOUND),
    t.alert: _values(ALERT, RAISED),
    t.task: _values(TASK, ITEM),
    t.tip_shown: _values(TIP_SHOWN, TIP),
    t.outbox: _values(OUTBOX, SENT, chat_hash=HASH, state="waiting", attempt=0),
    t.slot_message: {"chat_hash": HASH, "slot": "menu", "message_id": 9},
    t.chat_rate_limit: {"chat_hash": HASH, "free_at": AT},
    t.limiter: _values(LIMITER, BUDGET, id=1),
    t.seen_update: {"update_id": 5, "at": AT},
    t.dead_update: _values(DEAD_UPDATE, DEAD),
    t.setting: {"name": "offset", "value": "6"},
    t.audit: _values(AUDIT, LINE),
}


TERMS = import_module("migrations.versions.0012_terms")
OLD_TABLES = {new: old for old, new in TERMS.TABLES.items()}


def _old_columns(table):
    """What the columns of a table were called until 0012, by what they are called now."""
    return dict([TERMS.SEAL_ID[::-1]]) | {new: old for old, new in TERMS.COLUMNS.get(table, {}).items()}


@pytest.fixture(params=["sqlite", "postgres"])
def first_version(request, tmp_path):
    """A database of the first version with a row in every table."""
    if request.param == "sqlite":
        url, drop = f"sqlite:///{tmp_path}/old.db", lambda: None
    else:
        server = request.getfixturevalue("postgres")
        url = server.empty()
        drop = lambda: server.drop(url)  # noqa: E731
    engine = create_engine(database_url(url))
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
    with engine.begin() as connection:
        there = inspect(connection)
        names = {name for table in FIRST if (name := OLD_TABLES.get(table.name, table.name))}
        assert set(there.get_table_names()) - {"alembic_version"} == names
        for table, row in FIRST.items():
            name = OLD_TABLES.get(table.name, table.name)
            known = {column["name"] for column in there.get_columns(name)}
            columns = _old_columns(table.name)
            old = [Column(columns.get(c.name, c.name), c.type) for c in table.c if columns.get(c.name, c.name) in known]
            values = {columns.get(key, key): value for key, value in row.items()}
            written = Table(name, MetaData(), *old)
            connection.execute(written.insert(), {key: value for key, value in values.items() if key in known})
    engine.dispose()
    yield url
    drop()


def test_rows_of_the_first_version_are_read_as_they_were(first_version):
    assert [line.split()[0] for line in migrate(first_version)] == STEPS[1:]
    database = open_database(first_version, KEYRING)
    try:
        assert database.run(_read_all) == [
            *(PERSON, PERSON, [LINK], [AGREED], [GIVEN], [FOUND], [RAISED], [ITEM], [TIP], [DEAD], [LINE]),
            *(BUDGET, "6", False, {CHAT: AT}, [], None),
        ]
        (row,) = database.run(lambda s: s.checkins.of_patient(1))
        assert row == ROW.model_copy(update={"value": ROW.value.model_copy(update={"answers": {"change": ("yes",)}})})
        (claim,) = database.run(_claim)
        assert (claim.row, claim.message_id) == (SENT, 9)
    finally:
        database.shut()


def _read_all(s):
    return [
        *(
            s.patients.get(1),
            s.patients.by_chat(CHAT),
            s.invites.of_patient(1),
            s.consents.of_patient(1),
            s.answers.of_checkin(1),
            s.assessments.of_patient(1),
        ),
        *(s.alerts.of_patient(1), s.tasks.open(), s.tips.of_patient(1), s.dead_letters.updates(), s.audit.lines()),
        *(s.limits.budget(), s.settings.get("offset"), s.updates.mark_processed(5, AT), s.limits.chats_free_at([CHAT])),
        *(s.caregivers.of_patient(1), s.protocols.get("abc")),
    ]


def _claim(s):
    return s.outbox.claim(AT + MINUTE, lanes=[SENT.lane], limit=9, owner="x", lease_until=AT + 2 * MINUTE)


def test_rows_of_the_first_version_take_what_came_later(first_version):
    migrate(first_version)
    database = open_database(first_version, KEYRING)
    full = samples.full_patient().model_copy(update={"id": 1, "periods": PERSON.periods})
    asked = samples.checkin(1, remind_at=AT).model_copy(update={"id": 1})
    try:
        database.run(lambda s: (s.patients.save(full), s.checkins.save(asked), s.alerts.save(_by_caregiver())))
        assert database.run(lambda s: (s.patients.get(1), s.checkins.get(1).remind_at, s.alerts.get(1))) == (
            full.model_copy(update={"version": 1}),
            AT,
            _by_caregiver().model_copy(update={"version": 1}),
        )
        helper = database.run(lambda s: s.caregivers.add(samples.full_caregiver(1)))
        assert database.run(lambda s: s.caregivers.of_patient(1)) == [helper]
        database.run(lambda s: s.patients.erase_data(1))
        # Stored before their chat was: what the operator can't be spared is forgotten when its time has come.
        assert database.run(
            lambda s: (s.answers.of_checkin(1), s.limits.chats_free_at([CHAT]), s.dead_letters.updates())
        ) == ([], {}, [DEAD])
        assert database.run(lambda s: s.patients._connection.execute(select(t.slot_message)).all()) == []
        assert database.run(lambda s: s.dead_letters.purge_updates(AT + MINUTE)) == 1
    finally:
        database.shut()


def _by_caregiver():
    return samples.full_alert(1, 1).model_copy(update={"id": 1})


def test_a_migration_that_fails_leaves_all_as_it_was(first_version):
    """A table of that name exists already, so the second step fails after the first was done."""
    engine = create_engine(database_url(first_version))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE protocol_file (a INTEGER)"))
    engine.dispose()
    with pytest.raises(Exception, match="protocol_file"):
        migrate(first_version)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
        assert "caregiver" not in inspect(connection).get_table_names()
        assert "drug" not in {column["name"] for column in inspect(connection).get_columns("patient")}
    engine.dispose()


def test_a_migration_that_met_a_tap_of_the_old_version_is_run_again(postgres, monkeypatch):
    """The tap has a check-in and wants the patient, the migration has the patient and wants check-ins."""
    monkeypatch.setattr("bot.db.migrate._renames", lambda _revision: False)
    url = postgres.empty()
    engine = create_engine(database_url(url))
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        name = connection.engine.url.database
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '50ms'"))
    with engine.connect() as tap:
        tap.execute(text("SET deadlock_timeout = '1min'"))
        tap.execute(text("SELECT 1 FROM checkin"))
        _, wait = in_thread(lambda: migrate(url))
        with engine.connect() as watcher:
            until_somebody_waits(watcher)
        tap.execute(text("SELECT 1 FROM patient"))
        tap.commit()
    assert [line.split()[0] for line in wait()] == STEPS[1:]
    engine.dispose()
    postgres.drop(url)
