"""Other replicas than the one tested: a transaction held open, a call in a thread, and who waits for a lock."""

import threading
from contextlib import contextmanager

from bot.db.stores.open import stores_on
from tests.fakes.databases import KEYRING
from tests.polling import until_blocking


@contextmanager
def opened(pg):
    """Another replica's transaction, held open; what it did is committed at the end."""
    with pg.engine.connect() as connection, connection.begin():
        yield stores_on(connection, KEYRING)


def in_thread(fn):
    """Start it and return what waits for its result."""
    result = []
    thread = threading.Thread(target=lambda: result.append(fn()))
    thread.start()

    def wait():
        thread.join(10)
        return result[0]

    return thread, wait


def until_somebody_waits(connection):
    until_blocking(lambda: connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar())
