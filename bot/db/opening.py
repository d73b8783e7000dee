"""Opens a database by its URL: SQLite or PostgreSQL."""

from bot.db.crypto import Keyring
from bot.db.engine import Database, database_url
from bot.db.postgres import PostgresDatabase
from bot.db.sqlite import SqliteDatabase


def open_database(url: str, keyring: Keyring, *, keeps_time: bool = False) -> Database:
    """Open a migrated database; create the tables of one in memory. Close it with `close` or `shut`.

    `keeps_time`: replicas that share a PostgreSQL database use its clock (`ClockStore.shared_now`).
    """
    parsed = database_url(url)
    if parsed.drivername == "sqlite":
        return SqliteDatabase(parsed, keyring)
    return PostgresDatabase(parsed, keyring, keeps_time=keeps_time)
