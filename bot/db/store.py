"""The `Store` on SQL: one open transaction on SQLite or PostgreSQL. Begins and commits nothing (engine.py does)."""

from collections.abc import Callable

from bot.app.store import Store
from bot.app.store_errors import TRIES, StaleRecordError
from bot.db.faults import is_down
from bot.db.store_alerts import Alerts
from bot.db.store_books import Books
from bot.db.store_checkins import CheckIns
from bot.db.store_desk import Desk
from bot.db.store_ops import Ops
from bot.db.store_outbox import Messages
from bot.db.store_patients import Patients
from bot.db.store_team import Team


class SqlStore(Patients, CheckIns, Alerts, Messages, Team, Desk, Ops, Books):
    """See `bot.app.store.Store`; statements are compiled once a process and cached by the library."""

    def attempt(self, fn: Callable[[], None]) -> Exception | None:
        for _ in range(TRIES - 1):
            error = self._attempt(fn)
            if not isinstance(error, StaleRecordError):
                return error
        return self._attempt(fn)

    def _attempt(self, fn: Callable[[], None]) -> Exception | None:
        try:
            with self._connection.begin_nested():
                fn()
        except Exception as error:
            if is_down(error):
                # It may have undone the whole transaction, as SQLite does when the disk is full: going on would be
                # work outside of any.
                raise
            return error
        return None


_: type[Store] = SqlStore
"""Checked by types: the whole port is there."""
