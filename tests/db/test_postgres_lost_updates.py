"""Nothing committed is undone: of two transactions at once, whichever read first saves nothing over the other's."""

import asyncio
from datetime import date
from types import SimpleNamespace

import pyotp
import pytest
from sqlalchemy import select

from bot.app.alerts import escalation, ownership, raising
from bot.app.alerts.naming import Found
from bot.app.operations import dead_letters, outages, sweeps, tasks
from bot.app.patients import registry
from bot.app.ports.errors import RefusedError, StaleRecordError
from bot.app.records.alerts import AlertState, Task
from bot.app.records.patients import PatientState
from bot.app.records.team import Passkey, Session
from bot.app.team import digest, members
from bot.clock import FrozenClock
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.db.tables import outbox
from bot.desk import passkeys, sign_in
from bot.dialog import conversation, staff_chat
from tests.app.conftest import AT
from tests.contract.samples import MINUTE
from tests.db.interleaved import interleaved
from tests.desk.conftest import House, ready
from tests.fakes.passwords import cheap_passwords
from tests.fakes.work import packaged_clinic, work_on

__all__ = ["cheap_passwords", "ready"]

CHAT, LEAD, NURSE = 7, 101, 102
LATER = AT + 60 * MINUTE
CLINIC = packaged_clinic()


@pytest.fixture
def alert(pg):
    """An alert of a patient: two of the team were notified, the lead first."""

    def work(stores):
        for name, chat in (("lead-1", LEAD), ("nurse-1", NURSE)):
            _, token = members.add(work_on(stores, CLINIC, AT, actor="x"), name=name, role="lead", language=None)
            assert staff_chat.opened(work_on(stores, CLINIC, AT), token, chat) is not None
            members.add_shift(work_on(stores, at=AT, actor="x"), name, rank=chat)
        added, _ = registry.add(
            work_on(stores, CLINIC, AT, actor="operator"), code="P-0001", ici_start=date(2026, 2, 1)
        )
        anna = stores.patients.save(added.model_copy(update={"state": PatientState.ACTIVE, "chat_id": CHAT}))
        made = raising.raise_alert(work_on(stores, CLINIC, AT), anna, Found(Tier.EMERGENCY, ("x",)))
        sweeps.team_clocks(work_on(stores, CLINIC, AT), 9)
        return made.id

    return pg.run(work)


# -- T7: what is committed meanwhile, and what must be so afterwards


def says(word):
    def work(stores):
        conversation.tap(work_on(stores, CLINIC, LATER), CHAT, Action(kind="alert", subject=1, choice=word))

    return work


def closes(stores):
    ownership.note(work_on(stores, CLINIC, LATER, actor="desk-1"), 1, "sent_to_ed")
    ownership.close(work_on(stores, CLINIC, LATER, actor="desk-1"), 1)


def leaves(stores):
    escalation.remove(work_on(stores, at=LATER, actor="x"), "lead-1")


def is_reached(_stores, row):
    return (row.last_reply, row.state) == ("reached", AlertState.CONFIRMED)


def cannot_reach(_stores, row):
    return (row.last_reply, row.replied_at) == ("cannot_reach", LATER)


def is_closed(_stores, row):
    return (row.state, row.closed_by, row.outcome) == (AlertState.CLOSED, "desk-1", "sent_to_ed")


def is_not_theirs(stores, row):
    """The removed member owns nothing, and somebody else is notified, or will be."""
    goes_on = row.owner is not None or row.next_escalation_at is not None or "nurse-1" in row.notified
    return stores.staff.by_name("lead-1").state == "gone" and row.owner != "lead-1" and goes_on


COMMITTED = {
    "patient reached someone": (says("reached"), is_reached),
    "patient can't reach anyone": (says("cannot_reach"), cannot_reach),
    "staff close it": (closes, is_closed),
    "its owner is removed": (leaves, is_not_theirs),
}


# -- T7: who read open alerts before that


def asks_the_patient(stores):
    sweeps.alert_clocks(work_on(stores, CLINIC, LATER), 1)


def escalates(stores):
    sweeps.team_clocks(work_on(stores, CLINIC, LATER), 1)


def lost_the_chat_of(chat):
    def work(stores):
        conversation.membership(work_on(stores, CLINIC, LATER), chat, reachable=False)

    return work


def has_the_chat_back(stores):
    conversation.membership(work_on(stores, CLINIC, LATER), LEAD, reachable=True)


def removes_the_other(stores):
    escalation.remove(work_on(stores, at=LATER, actor="x"), "nurse-1")


READ_BEFORE = {
    "the sweep that asks the patient": ("alerts.prompts_due", asks_the_patient),
    "the sweep that notifies the team": ("alerts.escalations_due", escalates),
    "that sweep, with the team read": ("staff.all", escalates),
    "the lead's chat is gone": ("alerts.in_queue", lost_the_chat_of(LEAD)),
    "the other's chat is gone": ("alerts.in_queue", lost_the_chat_of(NURSE)),
    "the patient's chat is gone": ("patients.by_chat", lost_the_chat_of(CHAT)),
    "the lead is back": ("alerts.in_queue", has_the_chat_back),
    "the other is removed": ("alerts.in_queue", removes_the_other),
}


@pytest.mark.parametrize("acknowledged", [True, False], ids=["acknowledged", "not acknowledged"])
@pytest.mark.parametrize("committed", COMMITTED)
@pytest.mark.parametrize("before", READ_BEFORE)
def test_what_was_committed_since_open_alerts_were_read_stays(pg, alert, before, committed, acknowledged):
    after, reader = READ_BEFORE[before]
    writer, holds = COMMITTED[committed]
    if before == "the lead is back":
        pg.run(lambda s: s.staff.save(s.staff.by_name("lead-1").model_copy(update={"unreachable_at": AT})))
        # Someone's return restarts what nobody could be notified of.
        cleared = {"next_escalation_at": None, "escalation_level": 0}
        pg.run(lambda s: s.alerts.save(s.alerts.get(alert).model_copy(update=cleared)))
    if acknowledged:
        pg.run(lambda s: ownership.acknowledge(work_on(s, CLINIC, AT, actor="lead-1"), alert))
    if before == "that sweep, with the team read" and acknowledged:
        pytest.skip("nothing of an acknowledged alert is due")
    if before == "the sweep that notifies the team" and acknowledged:
        pg.run(lambda s: s.alerts.save(s.alerts.get(alert).model_copy(update={"next_escalation_at": LATER})))

    assert interleaved(pg, after, lambda db: db.run(reader), lambda db: db.run(writer)) == (None, None)
    row = pg.run(lambda s: s.alerts.get(alert))
    assert pg.run(lambda s: holds(s, row)), row


@pytest.mark.parametrize("action", ["acknowledges it", "is handed it", "notes what came of it"])
@pytest.mark.parametrize("order", ["removed second", "removed first"])
def test_an_alert_is_never_left_with_someone_removed_meanwhile(pg, alert, action, order):
    doing = {
        "acknowledges it": lambda s: ownership.acknowledge(work_on(s, CLINIC, LATER, actor="lead-1"), alert),
        "is handed it": lambda s: ownership.hand_over(work_on(s, CLINIC, LATER, actor="nurse-1"), alert, "lead-1"),
        "notes what came of it": lambda s: ownership.note(
            work_on(s, CLINIC, LATER, actor="lead-1"), alert, "sent_to_ed"
        ),
    }[action]
    # They were not notified of it before, so that their removal has no other reason to look at it.
    pg.run(lambda s: s.alerts.save(s.alerts.get(alert).model_copy(update={"notified": ("nurse-1",)})))
    has = lambda db: db.run(doing)  # noqa: E731
    gone = lambda db: db.run(leaves)  # noqa: E731
    if order == "removed second":
        interleaved(pg, "staff.by_name", has, gone)
    else:
        # Refused, unless the database undid the removal for its sake and ran it again afterwards.
        _, refused = interleaved(pg, "alerts.in_queue", gone, has)
        assert refused is None or not isinstance(refused, Exception) or isinstance(refused, RefusedError)
    row = pg.run(lambda s: s.alerts.get(alert))
    assert pg.run(lambda s: is_not_theirs(s, row)), row


def test_member_joining_while_a_sweep_finds_nobody_is_notified(pg, alert):
    def nobody(stores):
        for name in ("lead-1", "nurse-1"):
            escalation.set_reachable(work_on(stores, at=AT), stores.staff.by_name(name), reachable=False)
        stores.alerts.save(
            stores.alerts.get(alert).model_copy(
                update={"escalation_level": 0, "notified": (), "next_escalation_at": LATER}
            )
        )

    pg.run(nobody)
    interleaved(pg, "staff.all", lambda db: db.run(escalates), lambda db: db.run(has_the_chat_back))
    assert pg.run(lambda s: s.alerts.get(alert)).next_escalation_at is not None


def test_write_stale_five_times_raises_to_its_caller(pg, alert):
    tries = []

    def work(stores):
        tries.append(1)
        stores.alerts.save(stores.alerts.get(alert).model_copy(update={"version": 99}))

    with pytest.raises(StaleRecordError):
        pg.run(work)
    assert len(tries) == 5


# -- T8


@pytest.fixture
def house(pg, ready, cheap_passwords):
    made = House(pg, ready)
    made.clock = FrozenClock(AT)
    yield made
    made.loop.close()


SECRET = pyotp.random_base32()


@pytest.fixture
def ann(house):
    house.staff("ann")
    hashed = sign_in._HASHER.hash("correct horse battery")
    secrets = {"password_hash": hashed, "totp_secret": SECRET}
    house.run(lambda s: s.staff.save(s.staff.by_name("ann").model_copy(update=secrets)))


class Desk:
    """What sign-in needs of the console, on another replica."""

    clinic = CLINIC
    clock = FrozenClock(AT)
    url = "https://desk.example"

    def __init__(self, database):
        self._database = database

    async def read(self, fn):
        return await self._database.read(lambda stores: fn(work_on(stores, CLINIC, AT, actor="system")))

    async def write(self, fn):
        return await self._database.transact(lambda stores: fn(work_on(stores, CLINIC, AT, actor="system")))


def _tries(house, password):
    code = pyotp.TOTP(SECRET).at(AT)
    return sign_in.by_password(house.context, "ann", password, code)


def test_a_code_used_twice_at_once_gives_one_session(pg, house, ann):
    def enters(database):
        code = pyotp.TOTP(SECRET).at(AT)
        return asyncio.run(sign_in.by_password(Desk(database), "ann", "correct horse battery", code))

    given = interleaved(pg, "staff.by_name", enters, enters)
    assert [isinstance(token, str) for token in given] in ([True, False], [False, True])


def test_a_wrong_password_waits_until_another_is_counted(pg, house, ann):
    runs = []

    class Counting(Desk):
        async def write(self, fn):
            return await super().write(lambda work: (runs.append(1), fn(work))[1])

    def wrong(database):
        return asyncio.run(sign_in.by_password(Counting(database), "ann", "wrong horse battery", "0"))

    assert interleaved(pg, "staff.by_name", wrong, wrong) == (None, None)
    assert pg.run(lambda s: s.staff.by_name("ann")).failures == 2
    assert len(runs) == 2, "none was run in vain: of many at once the last would be given up uncounted"


def test_wrong_passwords_at_once_are_counted_each(pg, house, ann):
    async def many():
        return await asyncio.gather(*(_tries(house, "wrong horse battery") for _ in range(24)))

    assert set(asyncio.run(many())) == {None}
    lines = [line.action for line in pg.run(lambda s: s.audit.lines("ann"))]
    assert (lines.count("sign_in_failed"), lines.count("sign_in_locked")) == (sign_in.MAX_ATTEMPTS - 1, 1)
    assert asyncio.run(_tries(house, "correct horse battery")) is None, "the right one opens nothing now"


@pytest.mark.parametrize("way", ["signed out", "removed"])
def test_who_signed_out_during_a_request_stays_signed_out(pg, house, ann, way):
    hashed = CLINIC.hash_token("token")
    staff_id = pg.run(lambda s: s.staff.by_name("ann")).id
    pg.run(
        lambda s: s.sessions.add(Session(staff_id=staff_id, token_hash=hashed, began_at=AT, seen_at=AT - 2 * MINUTE))
    )

    def touches(database):
        asyncio.run(sign_in.touch(Desk(database), "token"))

    def ends(database):
        if way == "signed out":
            asyncio.run(sign_in.end_session(Desk(database), "token"))
        else:
            database.run(lambda s: members.mark_removed(work_on(s, at=AT, actor="x"), "ann"))

    interleaved(pg, "sessions.by_hash", touches, ends)
    assert pg.run(lambda s: s.sessions.by_hash(hashed)).ended_at == AT


@pytest.mark.parametrize("given", ["shift", "cover for them", "cover by them"])
@pytest.mark.parametrize("order", ["removed second", "removed first"])
def test_nobody_removed_meanwhile_is_left_on_the_rota(pg, alert, given, order):
    days = {"first": LATER.date(), "last": LATER.date()}
    giving = {
        "shift": lambda s: members.add_shift(work_on(s, CLINIC, LATER, actor="x"), "lead-1"),
        "cover for them": lambda s: members.add_cover(
            work_on(s, CLINIC, LATER, actor="x"), "lead-1", "nurse-1", **days
        ),
        "cover by them": lambda s: members.add_cover(work_on(s, CLINIC, LATER, actor="x"), "nurse-1", "lead-1", **days),
    }[given]

    def removes(stores):
        members.mark_removed(work_on(stores, CLINIC, LATER, actor="x"), "lead-1")

    runs = [lambda db: db.run(giving), lambda db: db.run(removes)]
    after = "staff.by_name" if order == "removed second" else "rota.covers"
    found = interleaved(pg, after, *(runs if order == "removed second" else reversed(runs)))
    gone = pg.run(lambda s: s.staff.by_name("lead-1")).id
    left = pg.run(lambda s: [*s.rota.shifts(), *s.rota.covers(LATER.date())])
    assert not [row for row in left if gone in {getattr(row, n, None) for n in ("staff_id", "away_id", "instead_id")}]
    assert not isinstance(found[0], Exception), "the one that came first is done"


def test_two_covers_the_other_way_round_are_both_added(pg, alert):
    days = {"first": LATER.date(), "last": LATER.date()}

    def covers(away, instead):
        return lambda db: db.run(
            lambda s: members.add_cover(work_on(s, CLINIC, LATER, actor="x"), away, instead, **days).away_id
        )

    found = interleaved(pg, "staff.by_name", covers("lead-1", "nurse-1"), covers("nurse-1", "lead-1"))
    assert all(isinstance(each, int) for each in found), found


def test_a_task_is_closed_by_one_of_two(pg, alert):
    number = pg.run(lambda s: s.tasks.add(Task(kind="outage", patient_id=None, subject="x", raised_at=AT))).id

    def closes(who, at):
        return lambda db: db.run(lambda s: tasks.close(work_on(s, CLINIC, at, actor=who), number))

    first, second = interleaved(pg, "tasks.close", closes("lead-1", LATER), closes("nurse-1", LATER + MINUTE))
    assert first.subject == "x"
    assert isinstance(second, RefusedError)
    closed = [line.actor for line in pg.run(lambda s: s.audit.lines(limit=50)) if line.action == "task_closed"]
    assert closed == ["lead-1"]


# -- what was read before a lock is read again behind it


def test_of_two_replicas_one_sends_the_digest(pg, alert):
    morning = AT.replace(hour=8)  # 9:00 in Berlin

    def sends(database):
        return database.run(lambda s: digest.send_due(work_on(s, CLINIC, morning)))

    assert sorted(interleaved(pg, "settings.get", sends, sends)) == [0, 2]


def test_command_of_a_member_removed_meanwhile_is_a_strangers(pg, alert):
    def asks(database):
        database.run(lambda s: conversation.command(work_on(s, CLINIC, LATER), LEAD, "menu"))

    def removes(database):
        database.run(lambda s: escalation.remove(work_on(s, CLINIC, LATER, actor="x"), "lead-1"))

    assert interleaved(pg, "staff.by_chat", asks, removes) == (None, None)
    rows = pg.run(lambda s: s.outbox._all(select(outbox.c.id, outbox.c.slot).order_by(outbox.c.id)))
    assert rows[-1]["slot"] == "stranger"


@pytest.fixture
def failed(pg, alert):
    """A red-flag message that could not be delivered."""

    def work(stores):
        anna = stores.patients.by_code("P-0001")
        rows = stores.outbox._all(select(outbox.c.id).where(outbox.c.patient_id == anna.id, outbox.c.lane == 0))
        for row in rows:
            stores.outbox.mark_failed(row["id"], error="Forbidden: x", at=AT)
        return rows[0]["id"]

    return pg.run(work)


def test_no_task_is_opened_for_a_message_discarded_meanwhile(pg, alert, failed):
    def sweep(database):
        database.run(lambda s: sweeps.undelivered(work_on(s, CLINIC, LATER), 9))

    def discards(database):
        def work(stores):
            for row in stores.dead_letters.messages(50):
                dead_letters.discard(work_on(stores, CLINIC, LATER, actor="x"), f"message-{row.id}")

        database.run(work)

    assert interleaved(pg, "dead_letters.undelivered", sweep, discards) == (None, None)
    assert "not_delivered" not in {task.kind for task in pg.run(lambda s: s.tasks.open())}


def test_no_message_is_sent_again_that_was_superseded_meanwhile(pg, alert, failed):
    newer = pg.run(lambda s: s.dead_letters.message(failed)).row.model_copy(update={"revision": 9, "mode": "edit"})

    def retries(database):
        database.run(lambda s: dead_letters.retry_message(work_on(s, CLINIC, AT + MINUTE, actor="x"), failed))

    def queues(database):
        database.run(lambda s: s.outbox.enqueue(newer) and None)

    refused, _ = interleaved(pg, "dead_letters.message", retries, queues)
    assert isinstance(refused, RefusedError), refused
    assert "was superseded by a later message" in str(refused)


def _asks_next(pg, alert, at):
    pg.run(lambda s: s.alerts.save(s.alerts.get(alert).model_copy(update={"next_patient_prompt_at": at})))


def test_of_two_replicas_one_moves_the_clocks_back(pg, alert):
    pg.run(lambda s: s.settings.set(outages.UP_AT, LATER.isoformat()))
    _asks_next(pg, alert, AT + 150 * MINUTE)

    def notes_up(database):
        database.run(lambda s: outages.note_up(work_on(s, CLINIC, AT)))

    assert interleaved(pg, "limits.reset", notes_up, notes_up) == (None, None)
    assert pg.run(lambda s: s.alerts.get(alert)).next_patient_prompt_at == AT + 90 * MINUTE


def test_clocks_moved_back_are_those_of_what_was_saved_meanwhile(pg, alert):
    _asks_next(pg, alert, LATER + 30 * MINUTE)

    def asks_later(database):
        _asks_next(database, alert, LATER + 90 * MINUTE)

    def moves_back(database):
        database.run(lambda s: s.clock.shift_back(LATER, 10 * MINUTE))

    interleaved(pg, "alerts.save", asks_later, moves_back)
    assert pg.run(lambda s: s.alerts.get(alert)).next_patient_prompt_at == LATER + 80 * MINUTE


def test_a_password_replaced_while_it_is_checked_is_a_wrong_one(pg, house, ann):
    class ReplacedMeanwhile(Desk):
        async def write(self, fn):
            hashed = sign_in._HASHER.hash("another horse battery")
            pg.run(lambda s: s.staff.save(s.staff.by_name("ann").model_copy(update={"password_hash": hashed})))
            return await super().write(fn)

    code = pyotp.TOTP(SECRET).at(AT)
    assert asyncio.run(sign_in.by_password(ReplacedMeanwhile(pg), "ann", "correct horse battery", code)) is None
    assert pg.run(lambda s: s.staff.by_name("ann")).failures == 1


# -- passkeys: the member is locked first


def _has_passkeys(pg, count):
    """Give ann passkeys; return her and their numbers."""
    ann = pg.run(lambda s: s.staff.by_name("ann"))
    keys = [
        Passkey(staff_id=ann.id, credential_id=f"key{n}", public_key="AAAA", sign_count=0, added_at=AT)
        for n in range(count)
    ]
    return ann, [pg.run(lambda s, key=key: s.passkeys.add(key)).id for key in keys]


@pytest.fixture
def registers(monkeypatch):
    """Registers a passkey with this credential for a member; what the device signed is believed."""

    def verified(*, credential, **_):
        return SimpleNamespace(credential_id=credential.encode(), credential_public_key=b"p", sign_count=0)

    monkeypatch.setattr(passkeys, "verify_registration_response", verified)

    def adds(person, credential):
        def add(database):
            desk = Desk(database)
            cookie = passkeys.registration_challenge(desk, person, []).cookie
            return asyncio.run(passkeys.register(desk, person, credential, cookie))

        return add

    return adds


def test_of_two_passkeys_added_at_once_only_the_last_free_one_is(pg, house, ann, registers):
    person, _ = _has_passkeys(pg, passkeys.MAX_PASSKEYS - 1)
    added = interleaved(pg, "passkeys.of_staff", registers(person, "one"), registers(person, "two"))
    assert added == (True, False)
    assert len(pg.run(lambda s: s.passkeys.of_staff(person.id))) == passkeys.MAX_PASSKEYS


def test_nobody_removed_while_a_passkey_is_added_keeps_it(pg, house, ann, registers):
    person, _ = _has_passkeys(pg, 0)

    def removes(database):
        database.run(lambda s: members.mark_removed(work_on(s, CLINIC, AT, actor="x"), "ann") and None)

    assert interleaved(pg, "staff.by_name", registers(person, "one"), removes) == (True, None)
    assert pg.run(lambda s: s.passkeys.of_staff(person.id)) == []


def test_a_passkey_removed_twice_at_once_is_removed_once(pg, house, ann):
    person, (number,) = _has_passkeys(pg, 1)

    def removes(database):
        return asyncio.run(passkeys.remove(Desk(database), person, number))

    assert interleaved(pg, "passkeys.of_staff", removes, removes) == (True, False)
    lines = [line.action for line in pg.run(lambda s: s.audit.lines("ann"))]
    assert lines.count("passkey_removed") == 1
