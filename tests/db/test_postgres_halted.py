"""A replica that is halted, a server that answers no more: nobody else waits for them for long."""

import asyncio
import os
import signal

import pytest
from sqlalchemy.exc import DBAPIError

from bot.app.ports.errors import StoreDownError
from bot.db import postgres
from bot.db.engine import database_url
from bot.db.opening import open_database
from tests.db.replicas import opened
from tests.fakes.databases import KEYRING
from tests.polling import until

SOON = "SET idle_in_transaction_session_timeout = '300ms'; SET lock_timeout = '300ms'"


@pytest.fixture
def url(pg) -> str:
    return pg.engine.url.render_as_string(hide_password=False)


def shown(database, *names):
    return {
        name: database.run(lambda s, n=name: s.patients._connection.exec_driver_sql(f"SHOW {n}").scalar_one())
        for name in names
    }


def test_the_server_ends_a_transaction_that_does_nothing_and_a_wait_for_a_lock(url):
    """Ten seconds: below what a patient waits for a call screen without tapping again."""
    database = open_database(url, KEYRING)
    found = shown(database, "idle_in_transaction_session_timeout", "lock_timeout")
    database.shut()
    assert set(found.values()) == {"10s"}


def test_a_dead_machine_is_noticed_and_what_the_address_says_holds(url):
    database = open_database(url, KEYRING)
    asked = database.engine.dialect.create_connect_args(database.engine.url)[1]
    assert "connect_timeout" not in asked
    with database.engine.connect() as connection:
        used = connection.connection.driver_connection.info.get_parameters()
        assert (used["connect_timeout"], used["keepalives_idle"], used["tcp_user_timeout"]) == ("5", "5", "10000")
    database.shut()
    other = database_url(url).update_query_dict({"connect_timeout": "3"})
    patient = open_database(other.render_as_string(hide_password=False), KEYRING)
    with patient.engine.connect() as connection:
        assert connection.connection.driver_connection.info.get_parameters()["connect_timeout"] == "3"
    patient.shut()


def hold_until_it_is_had(halted, well):
    """Take the budget, say nothing more, and look how another gets it."""
    with opened(halted) as stores:
        stores.limits.budget()
        while True:
            try:
                well.run(lambda s: s.limits.budget())
                break
            except StoreDownError:
                continue
        stores.limits.budget()


def test_the_budget_that_a_halted_replica_holds_is_free_again_soon(pg, url, monkeypatch):
    monkeypatch.setattr(postgres, "_SESSION", SOON)
    halted, well = (open_database(url, KEYRING) for _ in range(2))
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        hold_until_it_is_had(halted, well)
    halted.shut()
    well.shut()


def test_a_wait_for_a_lock_ends_as_a_database_that_is_down(pg, url, monkeypatch):
    monkeypatch.setattr(postgres, "_SESSION", "SET lock_timeout = '100ms'")
    other = open_database(url, KEYRING)
    with opened(pg) as holder:
        holder.limits.budget()
        with pytest.raises(StoreDownError):
            other.run(lambda s: s.limits.budget())
    other.shut()


async def test_a_close_does_not_wait_for_a_server_that_answers_no_more(url, monkeypatch):
    monkeypatch.setattr(postgres, "CLOSE_SECONDS", 0.3)
    database = open_database(url, KEYRING)
    process = await database.transact(
        lambda s: s.patients._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    )
    os.kill(process, signal.SIGSTOP)
    try:
        waiting = asyncio.create_task(database.transact(lambda s: s.settings.get("x")))
        await until(lambda: database.engine.pool.checkedout() == 1)
        await asyncio.wait_for(database.close(), 20)
        with pytest.raises(StoreDownError):
            await asyncio.wait_for(waiting, 20)
    finally:
        os.kill(process, signal.SIGCONT)
