"""Nothing that identifies a patient or tells their answers lies readable on the disk."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from bot.app.records.checkins import Basis
from bot.app.records.messages import Lane, OutboxState
from bot.app.records.operations import DeadUpdate
from bot.core.follow_up import FollowUp
from bot.core.screen import Contact, Screen, Text
from bot.db.crypto import Keyring, SealError, new_key
from bot.db.opening import open_database
from bot.db.stores.outbox_shown import OUTBOX
from tests.contract.samples import (
    AT,
    MINUTE,
    agreed_level,
    alert,
    answer,
    assessment,
    checkin,
    close_watch,
    full_caregiver,
    level_decision,
    message,
    patient,
    staff,
)
from tests.fakes.databases import KEYS, sqlite_url
from tests.fakes.outbox import message_counts

CHAT = 7_314_159_265
NUMBER = "+4930901820"
HELPER = 8_271_828_182
SECRETS = (
    *(str(CHAT), str(HELPER), "followed_group", "basis_before", "basis_start"),
    *(NUMBER, "burning_feet", "severe_rule", "expected_level", str(HELPER + 1), "the_screen", "dead_raw", "dead_error"),
    *("decided_symptom", "decided_level", "decided_why", "decided_dr", "watched_symptom", "watched_why"),
)


def _fill(stores):
    follow_up = FollowUp(groups=("followed_group",), since=AT.date())
    one = stores.patients.add(patient(chat_id=CHAT, follow_up=follow_up))
    stores.caregivers.add(full_caregiver(one.id, chat_id=HELPER))
    row = stores.checkins.add(checkin(one.id))
    stores.answers.record(answer(row.id, one.id, "numb", "burning_feet"))
    answers = {"numb": ("burning_feet",)}
    old = {"previous": {"a": ("basis_before",)}, "baseline": {"a": ("basis_start",)}}
    basis = Basis(form="quick", answers=answers, finished=True, **old)
    found = assessment(row.id, one.id)
    stores.assessments.add(found.model_copy(update={"rules": ("severe_rule",), "basis": basis}))
    stores.alerts.add(alert(one.id, row.id, rules=("severe_rule",)))
    screen = Screen(name="the_screen", lines=(Text(key=NUMBER),), contact=Contact(number=NUMBER, name="Team"))
    stores.agreed_levels.add(agreed_level(one.id, level="expected_level"))
    words = {
        "symptom": "decided_symptom",
        "level": "decided_level",
        "reason": "decided_why",
        "decided_by": "decided_dr",
    }
    stores.levels.add(level_decision(one.id, **words))
    stores.close_watches.add(close_watch(one.id, symptom="watched_symptom", reason="watched_why"))
    stores.staff.add(staff(chat_id=HELPER + 1))
    first = stores.outbox.enqueue(message(CHAT, screen=screen))
    stores.outbox.enqueue(message(CHAT, mode="edit", screen=screen))
    stores.outbox.mark_sent(first, owner="x", message_id=5, at=AT)
    stores.limits.save_chats_free_at({CHAT: AT})
    stores.dead_letters.add_update(
        DeadUpdate(update_id=1, chat_id=CHAT, raw=f"dead_raw {CHAT}", error=f"dead_error {CHAT}", at=AT)
    )


def _bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_neither_the_file_nor_its_log_holds_anything_readable(sqlite, tmp_path):
    sqlite.run(lambda s: s.settings.set("canary", "can_be_read"))
    sqlite.run(_fill)
    log = (tmp_path / "test.db-wal").read_bytes()
    sqlite.run(lambda s: s.patients._connection.exec_driver_sql("PRAGMA table_list").all())
    on_disk = _bytes_on_disk(tmp_path)
    assert b"can_be_read" in log
    for secret in (s.encode() for s in SECRETS):
        assert secret not in on_disk
    for chat in (CHAT, HELPER):
        eight = chat.to_bytes(8, "big"), chat.to_bytes(8, "little"), chat.to_bytes(6, "big")
        for form in (*eight, base64.b64encode(str(chat).encode())):
            assert form not in on_disk


def test_the_same_holds_on_postgresql(pg):
    pg.run(_fill)
    with pg.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()  # noqa: S608 - the database's own names
            shown = " ".join(
                value.decode("latin-1") if isinstance(value, bytes) else str(value) for row in rows for value in row
            )
            assert [secret for secret in SECRETS if secret in shown] == []


def _sql(database, sql):
    database.run(lambda s: s.patients._connection.exec_driver_sql(sql) and None)


def test_a_chat_moved_to_another_patient_is_refused(sqlite):
    first = sqlite.run(lambda s: s.patients.add(patient("one", chat_id=1)))
    second = sqlite.run(lambda s: s.patients.add(patient("two", chat_id=2)))
    _sql(sqlite, "UPDATE patient SET chat_id = (SELECT chat_id FROM patient WHERE code = 'one') WHERE code = 'two'")
    assert sqlite.run(lambda s: s.patients.get(first.id)) == first
    with pytest.raises(SealError, match=r"patient\.chat_id"):
        sqlite.run(lambda s: s.patients.get(second.id))


def test_a_changed_answer_is_refused(sqlite):
    one = sqlite.run(lambda s: s.patients.add(patient()))
    row = sqlite.run(lambda s: s.checkins.add(checkin(one.id)))
    for question in ("a", "b"):
        sqlite.run(lambda s, q=question: s.answers.record(answer(row.id, one.id, q, "yes")))
    _sql(sqlite, "UPDATE answer SET choices = (SELECT choices FROM answer WHERE question = 'a') WHERE question = 'b'")
    with pytest.raises(SealError, match=r"answer\.choices"):
        sqlite.run(lambda s: s.checkins.get(row.id))


def test_a_caregivers_chat_moved_to_another_is_refused(sqlite):
    one = sqlite.run(lambda s: s.patients.add(patient()))
    first, second = (sqlite.run(lambda s, n=n: s.caregivers.add(full_caregiver(one.id, f"c{n}", n))) for n in (1, 2))
    _sql(sqlite, "UPDATE caregiver SET chat_id = (SELECT chat_id FROM caregiver WHERE id = 1) WHERE id = 2")
    assert sqlite.run(lambda s: s.caregivers.by_chat(1)) == first
    with pytest.raises(SealError, match=r"caregiver\.chat_id"):
        sqlite.run(lambda s: s.caregivers.by_hash(second.token_hash))


def test_changed_follow_up_is_refused(sqlite):
    follow_up = FollowUp(groups=("motor",), since=AT.date())
    for code in ("one", "two"):
        sqlite.run(lambda s, c=code: s.patients.add(patient(c, follow_up=follow_up)))
    _sql(sqlite, "UPDATE patient SET follow_up = (SELECT follow_up FROM patient WHERE code = 'one') WHERE code = 'two'")
    with pytest.raises(SealError, match=r"patient\.watch"):
        sqlite.run(lambda s: s.patients.by_code("two"))


def test_a_changed_basis_is_refused(sqlite):
    one = sqlite.run(lambda s: s.patients.add(patient()))
    row = sqlite.run(lambda s: s.checkins.add(checkin(one.id)))
    sqlite.run(lambda s: s.assessments.add(assessment(row.id, one.id)))
    _sql(sqlite, "UPDATE assessment SET basis = rules")
    with pytest.raises(SealError, match=r"assessment\.basis"):
        sqlite.run(lambda s: s.assessments.of_patient(one.id))


def test_a_message_that_does_not_open_fails_alone(sqlite):
    sqlite.run(lambda s: s.outbox.enqueue(message(1)))
    good = sqlite.run(lambda s: s.outbox.enqueue(message(2)))
    _sql(sqlite, "UPDATE outbox SET screen = (SELECT screen FROM outbox WHERE id = 2) WHERE id = 1")
    claims = sqlite.run(lambda s: s.outbox.claim(AT, lanes=list(Lane), limit=9, owner="x", lease_until=AT + MINUTE))
    assert [claim.row.id for claim in claims] == [good]
    assert sqlite.run(message_counts) == {
        (Lane.REPLY, OutboxState.FAILED): 1,
        (Lane.REPLY, OutboxState.WAITING): 1,
    }


def test_a_screen_of_another_version_fails_alone(sqlite, monkeypatch):
    dump = OUTBOX._sealed["screen"]._replace(dump=lambda _screen: b'{"name": "x", "unheard_of": 1}')
    with monkeypatch.context() as patched:
        patched.setitem(OUTBOX._sealed, "screen", dump)
        sqlite.run(lambda s: s.outbox.enqueue(message(1)))
    good = sqlite.run(lambda s: s.outbox.enqueue(message(2)))
    claims = sqlite.run(lambda s: s.outbox.claim(AT, lanes=list(Lane), limit=9, owner="x", lease_until=AT + MINUTE))
    assert [claim.row.id for claim in claims] == [good]


def test_after_a_rotation_old_rows_are_read_and_found_and_new_ones_use_the_new_key(tmp_path):
    url = sqlite_url(tmp_path / "rotated.db")
    before = open_database(url, Keyring.parse(KEYS))
    one = before.run(lambda s: s.patients.add(patient("one", chat_id=CHAT)))
    before.shut()
    fresh = new_key()
    after = open_database(url, Keyring.parse(f"{fresh},{KEYS}"))
    assert after.run(lambda s: s.patients.by_chat(CHAT)) == one
    after.run(lambda s: s.patients.save(one))
    ids = after.run(
        lambda s: s.patients._connection.exec_driver_sql("SELECT substr(chat_id, 2, 9) FROM patient").scalars().all()
    )
    after.shut()
    assert ids == [fresh.partition(":")[0].encode()]
