"""Dead letters that are retried while another process does something else; an update that meets a deadlock, too."""

import threading
from types import SimpleNamespace

from sqlalchemy import select

from bot.app.operations import dead_letters
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import OutboxState
from bot.app.records.operations import DeadUpdate
from bot.chat import dead_updates
from bot.db.tables import outbox
from tests.app.conftest import AT
from tests.contract.samples import message, patient
from tests.db.interleaved import interleaved, started
from tests.fakes.work import work_on

CHAT = 77


def test_retry_of_a_dead_update_runs_again_after_a_deadlock(pg, monkeypatch):
    def put(stores):
        first, second = (stores.patients.add(patient(code=c, chat_id=n)) for c, n in (("P-A", 1), ("P-B", 2)))
        dead = DeadUpdate(update_id=5, chat_id=1, raw="{}", error="E", at=AT)
        return first.id, second.id, stores.dead_letters.add_update(dead).id

    first, second, number = pg.run(put)
    both, tries = threading.Barrier(2), []

    def handle(work):
        tries.append(1)
        work.patients.get(first, lock=True)
        if len(tries) == 1:
            both.wait(10)
        work.patients.get(second, lock=True)

    def other(stores):
        # The retry is the one that the database ends: it looks for a deadlock sooner.
        stores.patients._connection.exec_driver_sql("SET LOCAL deadlock_timeout = '8s'")
        stores.patients.get(second, lock=True)
        both.wait(10)
        stores.patients.get(first, lock=True)

    monkeypatch.setattr(dead_updates, "Update", SimpleNamespace(de_json=lambda *_: None))
    handlers = SimpleNamespace(route=lambda _: SimpleNamespace(handle=handle, outdated=None))
    holder, _ = started(lambda: pg.run(other))
    retry, outcome = started(
        lambda: pg.run(lambda s: dead_updates.retry_dead_update(work_on(s, actor="op-1"), handlers, None, number))
    )
    for thread in (retry, holder):
        thread.join(20)
        assert not thread.is_alive()
    assert (outcome, len(tries)) == ([None], 2)
    assert pg.run(lambda s: s.dead_letters.update(number)) is None


# -- messages


def _failed(pg, slot, patient_id=None):
    """A message of that slot that could not be delivered."""

    def put(stores):
        number = stores.outbox.enqueue(message(CHAT, slot, patient_id=patient_id))
        stores.outbox.mark_failed(number, error="BadRequest: x", at=AT)
        return number

    return pg.run(put)


def _retries(number):
    return lambda db: db.run(lambda s: dead_letters.retry_message(work_on(s, at=AT, actor="op-1"), number))


def _discards(number):
    return lambda db: db.run(lambda s: dead_letters.discard(work_on(s, at=AT, actor="op-2"), f"message-{number}"))


def _state(pg, number):
    found = pg.run(lambda s: s.outbox._first(select(outbox.c.state).where(outbox.c.id == number)))
    return OutboxState(found["state"])


def test_checkin_closed_during_a_retry_replaces_its_message(pg):
    anna = pg.run(lambda s: s.patients.add(patient(chat_id=CHAT))).id
    number = _failed(pg, "checkin:1", anna)

    def closes(stores):
        stores.patients.get(anna, lock=True)
        stores.outbox.drop_unsent(CHAT, "checkin:1")

    interleaved(pg, "dead_letters.retry_message", _retries(number), lambda db: db.run(closes))
    assert _state(pg, number) is OutboxState.REPLACED


def test_retry_of_a_message_discarded_meanwhile_is_refused(pg):
    number = _failed(pg, dead_letters.STRANGERS)
    # Behind its last read.
    refused, discarded = interleaved(pg, "staff.by_chat", _retries(number), _discards(number))
    assert isinstance(refused, RefusedError), refused
    assert (str(refused), discarded) == (f"there is no dead message {number}: see `nervecheck dead list`", None)
    assert [line.action for line in pg.run(lambda s: s.audit.lines())] == ["dead_letter_discarded"]
