"""Rows in dictionaries with a journal to undo from. Knows no record."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Tables:
    """All rows by table and key, numbered per table, with a journal to undo from."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Any, Any]] = {}
        self._last: dict[str, int] = {}
        self._journal: list[tuple[str, Any, Any]] = []

    def number(self, table: str) -> int:
        self._last[table] = self._last.get(table, 0) + 1
        return self._last[table]

    def get(self, table: str, key: Any) -> Any:
        return self._rows.get(table, {}).get(key)

    def all(self, table: str) -> list[Any]:
        """In the order of adding."""
        return list(self._rows.get(table, {}).values())

    def items(self, table: str) -> list[tuple[Any, Any]]:
        return list(self._rows.get(table, {}).items())

    def put(self, table: str, key: Any, row: Any) -> None:
        rows = self._rows.setdefault(table, {})
        self._journal.append((table, key, rows.get(key)))
        rows[key] = row

    def drop(self, table: str, key: Any) -> None:
        row = self._rows.get(table, {}).pop(key, None)
        if row is not None:
            self._journal.append((table, key, row))

    @contextmanager
    def savepoint(self, *, keep: bool = True) -> Iterator[None]:
        mark, done = len(self._journal), False
        try:
            yield
            done = keep
        finally:
            if not done:
                self._undo_to(mark)

    def forget_journal(self) -> None:
        self._journal.clear()

    def _undo_to(self, mark: int) -> None:
        while len(self._journal) > mark:
            table, key, row = self._journal.pop()
            if row is None:
                self._rows[table].pop(key, None)
                continue
            was_dropped = key not in self._rows[table]
            self._rows[table][key] = row
            if was_dropped:
                self._rows[table] = dict(sorted(self._rows[table].items()))
