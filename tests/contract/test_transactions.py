"""What a transaction promises, on each kind of database."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy.exc import DBAPIError

from bot.db.engine import DatabaseClosedError
from tests.contract.samples import message, patient
from tests.fakes.outbox import message_counts


def _two_then_fail(stores):
    stores.patients.add(patient("one"))
    stores.settings.set("name", "changed")
    raise ValueError("x")


async def test_an_exception_undoes_all_and_reaches_the_caller(database):
    await database.transact(lambda s: s.settings.set("name", "kept"))
    with pytest.raises(ValueError, match="x"):
        await database.transact(_two_then_fail)
    assert await database.transact(lambda s: (s.settings.get("name"), s.patients.page())) == ("kept", [])


async def test_a_failed_attempt_undoes_itself_only(database):
    def work(stores):
        stores.settings.set("before", "1")
        error = stores.attempt(lambda: _two_then_fail(stores))
        fine = stores.attempt(lambda: stores.settings.set("after", "1"))
        return error, fine

    error, fine = await database.transact(work)
    assert (type(error), fine) == (ValueError, None)
    assert await database.transact(
        lambda s: (s.settings.get("before"), s.settings.get("after"), s.settings.get("name"))
    ) == (
        "1",
        "1",
        None,
    )
    assert await database.transact(lambda s: s.patients.page()) == []


async def test_a_failed_attempt_on_a_constraint_undoes_itself_only(database):
    def work(stores):
        stores.patients.add(patient("one", chat_id=5))
        return [stores.attempt(lambda c=code: stores.patients.add(patient(c, chat_id=5))) for code in ("one", "two")]

    assert all(await database.transact(work))
    assert [p.code for p in await database.transact(lambda s: s.patients.page())] == ["one"]


async def test_attempts_undo_deletions(database):
    one = await database.transact(lambda s: s.patients.add(patient(chat_id=5)))
    await database.transact(lambda s: s.outbox.enqueue(message(5)))

    def work(stores):
        def erase():
            stores.patients.erase_data(one.id)
            raise ValueError

        return stores.attempt(erase)

    assert await database.transact(work) is not None
    assert await database.transact(lambda s: s.patients.get(one.id)) == one
    assert len(await database.transact(message_counts)) == 1


async def test_reads_see_what_is_committed(database):
    await database.transact(lambda s: s.settings.set("name", "1"))
    assert await database.read(lambda s: s.settings.get("name")) == "1"


async def test_a_read_stores_nothing(database):
    with suppress(DBAPIError):  # SQL refuses; memory, and SQLite in memory, undo
        await database.read(lambda s: s.settings.set("name", "1"))
    assert await database.transact(lambda s: s.settings.get("name")) is None


async def test_many_at_once_each_get_their_own_result(database):
    def work(n):
        def fn(stores):
            stores.settings.set(f"n{n}", str(n))
            if n % 7 == 0:
                raise ValueError(str(n))
            return n

        return fn

    results = await asyncio.gather(*(database.transact(work(n)) for n in range(100)), return_exceptions=True)
    for n, result in enumerate(results):
        assert str(result) == str(n)
        assert isinstance(result, ValueError) is (n % 7 == 0)
    stored = await database.transact(lambda s: [s.settings.get(f"n{n}") for n in range(100)])
    assert stored == [None if n % 7 == 0 else str(n) for n in range(100)]


async def test_a_closed_database_refuses(database):
    await database.transact(lambda s: s.settings.set("name", "1"))
    await database.close()
    await database.close()
    for way in (database.transact, database.read):
        with pytest.raises(DatabaseClosedError):
            await way(lambda s: s.settings.get("name"))
