"""Rows written by the first version survive the migrations, can be read, and take what came later."""

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, select, text

from bot.app.store import Audit, LimiterRow
from bot.core.own_plan import Own
from bot.db import tables as t
from bot.db.engine import database_url, open_database
from bot.db.migrate import config, migrate
from bot.db.store_alerts import ALERT, TIP_SHOWN, WORK_ITEM
from bot.db.store_books import AUDIT, DEAD_UPDATE, LIMITER
from bot.db.store_checkins import ANSWER, ASSESSMENT, CHECKIN, VALUE
from bot.db.store_outbox import OUTBOX
from bot.db.store_patients import CONSENT, INVITE, PATIENT
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
PERSON = samples.full_patient().model_copy(update={"id": 1, "drug": None, "watch": None, "said_at": None, "own": Own()})
ROW = samples.checkin(1, reminders=1, next_step_at=AT).model_copy(update={"id": 1})
GIVEN = samples.answer(1, 1, "change", "yes").model_copy(update={"id": 1})
FOUND = samples.assessment(1, 1).model_copy(update={"id": 1, "basis": None})
WORKED = dict.fromkeys(("taken_by", "taken_at", "outcome", "noted_at", "closed_by", "closed_at"))
TOLD = {"told": (), "stages": 0, "clock_from": None, "staff_step_at": None, "work_revision": 0, "expected": False}
RAISED = samples.full_alert(1, 1).model_copy(update={"id": 1, "caregiver_id": None, **WORKED, **TOLD})
DEAD = samples.dead_update().model_copy(update={"id": 1})
SENT = samples.message(CHAT, "menu", patient_id=1).model_copy(update={"id": 1})
ITEM = samples.work_item(1).model_copy(update={"id": 1})
TIP = samples.tip_shown(1).model_copy(update={"id": 1})
LINK = samples.invite(1).model_copy(update={"id": 1})
AGREED = samples.consent(1).model_copy(update={"id": 1})


def _values(shape, record, **more):
    return shape.values(record, KEYRING) | more


FIRST = {
    t.patient: _values(PATIENT, PERSON, chat_hash=HASH),
    t.invite: _values(INVITE, LINK),
    t.consent: _values(CONSENT, AGREED),
    t.checkin: _values(CHECKIN, ROW) | _values(VALUE, ROW.value),
    t.answer: _values(ANSWER, GIVEN),
    t.assessment: _values(ASSESSMENT, FOUND),
    t.alert: _values(ALERT, RAISED),
    t.work_item: _values(WORK_ITEM, ITEM),
    t.tip_shown: _values(TIP_SHOWN, TIP),
    t.outbox: _values(OUTBOX, SENT, chat_hash=HASH, state="waiting", attempt=0),
    t.slot_message: {"chat_hash": HASH, "slot": "menu", "message_id": 9},
    t.chat_pace: {"chat_hash": HASH, "free_at": AT},
    t.limiter: _values(LIMITER, BUDGET, id=1),
    t.seen_update: {"update_id": 5, "at": AT},
    t.dead_update: _values(DEAD_UPDATE, DEAD),
    t.setting: {"name": "offset", "value": "6"},
    t.audit: _values(AUDIT, LINE),
}


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
        assert set(there.get_table_names()) - {"alembic_version"} == {table.name for table in FIRST}
        for table, row in FIRST.items():
            known = {column["name"] for column in there.get_columns(table.name)}
            connection.execute(table.insert(), {name: value for name, value in row.items() if name in known})
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
        (row,) = database.run(lambda s: s.checkins(1))
        assert row == ROW.model_copy(update={"value": ROW.value.model_copy(update={"answers": {"change": ("yes",)}})})
        (claim,) = database.run(_claim)
        assert (claim.row, claim.message_id) == (SENT, 9)
    finally:
        database.shut()


def _read_all(s):
    return [
        *(s.patient(1), s.patient_by_chat(CHAT), s.invites(1), s.consents(1), s.answers(1), s.assessments(1)),
        *(s.alerts(1), s.work_items(), s.tips_shown(1), s.dead_updates(), s.audit_lines()),
        *(s.limiter(), s.setting("offset"), s.first_time(5, AT), s.chat_free_at([CHAT])),
        *(s.caregivers(1), s.kept_protocol("abc")),
    ]


def _claim(s):
    return s.claim_outbox(AT + MINUTE, lanes=[SENT.lane], limit=9, owner="x", lease_until=AT + 2 * MINUTE)


def test_rows_of_the_first_version_take_what_came_later(first_version):
    migrate(first_version)
    database = open_database(first_version, KEYRING)
    full = samples.full_patient().model_copy(update={"id": 1})
    asked = samples.checkin(1, remind_at=AT).model_copy(update={"id": 1})
    try:
        database.run(lambda s: (s.save_patient(full), s.save_checkin(asked), s.save_alert(_by_caregiver())))
        assert database.run(lambda s: (s.patient(1), s.checkin(1).remind_at, s.alert(1))) == (
            full.model_copy(update={"version": 1}),
            AT,
            _by_caregiver().model_copy(update={"version": 1}),
        )
        helper = database.run(lambda s: s.add_caregiver(samples.full_caregiver(1)))
        assert database.run(lambda s: s.caregivers(1)) == [helper]
        database.run(lambda s: s.erase_patient_data(1))
        # Stored before their chat was: what the operator can't be spared is forgotten when its time has come.
        assert database.run(lambda s: (s.answers(1), s.chat_free_at([CHAT]), s.dead_updates())) == ([], {}, [DEAD])
        assert database.run(lambda s: s._connection.execute(select(t.slot_message)).all()) == []
        assert database.run(lambda s: s.forget_dead_updates(AT + MINUTE)) == 1
    finally:
        database.shut()


def _by_caregiver():
    return samples.full_alert(1, 1).model_copy(update={"id": 1})


def test_a_migration_that_fails_leaves_all_as_it_was(first_version):
    """A table of that name stands already, so the second step fails after the first was done."""
    engine = create_engine(database_url(first_version))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE protocol_file (a INTEGER)"))
    with pytest.raises(Exception, match="protocol_file"):
        migrate(first_version)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
        assert "caregiver" not in inspect(connection).get_table_names()
        assert "drug" not in {column["name"] for column in inspect(connection).get_columns("patient")}
    engine.dispose()


def test_a_migration_that_met_a_tap_of_the_old_version_is_run_again(postgres):
    """The tap has a check-in and wants the patient, the migration has the patient and wants check-ins."""
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
