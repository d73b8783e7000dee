"""A dead update that is retried meets a deadlock: the transaction runs again, as any other does."""

import threading
from types import SimpleNamespace

from bot.app.records.operations import DeadUpdate
from bot.chat import dead_updates
from tests.app.conftest import AT
from tests.contract.samples import patient
from tests.db.interleaved import started
from tests.fakes.work import work_on


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
