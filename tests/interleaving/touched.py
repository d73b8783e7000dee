"""Which rows statements touch, as far as their parameters say: a table, and whose rows of it. Runs nothing.

"alert@ANNA" are Anna's alerts, "alert" (a statement that names nobody) those of all; "outbox@…" is one chat's messages.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TABLE = re.compile(r"\b(FROM|JOIN|UPDATE|INTO)\s+\"?([a-z_]+)\"?", re.IGNORECASE)
BY_CHAT = frozenset({"outbox", "slot_message", "chat_rate_limit"})
"""Tables whose rows are of one chat."""
BY_OWNER = frozenset(
    {
        *("patient", "caregiver", "consent", "checkin", "answer", "assessment", "alert", "snooze", "tip_shown"),
        *("memory", "concern_change", "concern_event", "treatment_period", "treatment_period_history"),
        *("staff", "session", "passkey"),
    }
)
"""Tables whose rows are one patient's, or one team member's."""
Owners = Mapping[int | str | bytes, str]
"""Whose row it is, by all that names one in a parameter: numbers, codes, hashes of chats and tokens."""


@dataclass
class Touched:
    """Rows by what was done to them. What is only added to and never read can't conflict."""

    read: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    @property
    def written(self) -> set[str]:
        """Tables whose content may differ afterwards."""
        return _tables(self.added | self.changed)

    def add(self, other: "Touched") -> None:
        """Take in what another one touched."""
        self.read |= other.read
        self.locked |= other.locked
        self.added |= other.added
        self.changed |= other.changed

    def meets(self, other: "Touched") -> bool:
        """Whether one writes a table that the other reads or changes."""
        return any(
            _tables(one.added | one.changed) & _tables(two.read | two.changed)
            for one, two in ((self, other), (other, self))
        )

    def depends_on(self, other: "Touched") -> bool:
        """Whether the order of the two can matter: rows that one writes or locks are touched by the other."""
        return (
            _overlap(self.added | self.changed, other.read | other.changed)
            or _overlap(other.added | other.changed, self.read | self.changed)
            or _overlap(self.locked | self.changed, other.locked | other.changed)
        )


def _tables(names: Iterable[str]) -> set[str]:
    return {name.partition("@")[0] for name in names}


def _overlap(some: set[str], others: set[str]) -> bool:
    if some & others:
        return True
    # What names nobody meets everybody's rows of that table.
    return bool(_all_of(some) & _tables(others) or _all_of(others) & _tables(some))


def _all_of(names: Iterable[str]) -> set[str]:
    return {name for name in names if "@" not in name}


class Reader:
    """Reads the statements of one side. One that names a row made meanwhile is of the owner named last."""

    def __init__(self, owners: Owners, tables: frozenset[str]) -> None:
        self._owners = owners
        self._tables = tables
        self._owner: str | None = None
        self._chat: str | None = None

    def read(self, statement: str, parameters: Any) -> Touched:
        """Return what one statement touches."""
        touched = Touched()
        values = dict(_named(parameters))
        verb = statement.lstrip().split(None, 1)[0].upper()
        locks = verb == "SELECT" and " FOR " in statement
        for place, (word, table) in enumerate(_TABLE.findall(statement)):
            if table not in self._tables:
                continue
            names = {f"{table}@{part}" for part in self._parts(table, values)} or {table}
            if place == 0 and verb in {"UPDATE", "DELETE"}:
                touched.changed |= names
            elif word.upper() == "INTO":
                touched.added |= names
                touched.changed |= names if "ON CONFLICT" in statement else set()
            else:
                touched.read |= names
                touched.locked |= names if locks else set()
        return touched

    def _parts(self, table: str, values: Mapping[str, set[Any]]) -> set[str]:
        if any(key.startswith("after") for key in values):
            return set()
        if table in BY_CHAT:
            chats = {
                v.hex() for key, each in values.items() if "chat" in key and key != "chat_id" for v in _bytes(each)
            }
            self._chat = next(iter(chats), self._chat)
            named = chats or any(key.startswith("of_row") for key in values)
            return chats or ({self._chat} if named and self._chat is not None else set())
        if table not in BY_OWNER:
            return set()
        found = {self._owners[v] for each in values.values() for v in each if v in self._owners}
        self._owner = next(iter(found), self._owner)
        named = any(key.startswith("of_") or key.endswith("_id") for key in values)
        return found or ({self._owner} if named and self._owner is not None else set())


def _named(parameters: Any) -> Iterator[tuple[str, set[Any]]]:
    found: dict[str, set[Any]] = {}
    for each in parameters if isinstance(parameters, list | tuple) else (parameters,):
        for key, value in each.items() if isinstance(each, dict) else ():
            raw = getattr(value, "obj", value)
            if isinstance(raw, int | str | bytes) and not isinstance(raw, bool):
                found.setdefault(key, set()).add(raw)
    yield from found.items()


def _bytes(values: Iterable[Any]) -> Iterator[bytes]:
    return (value for value in values if isinstance(value, bytes))


def owners_of(rows: Mapping[str, list[dict[str, Any]]]) -> Owners:
    """Return whose the rows of the start state are."""
    owners: dict[int | str | bytes, str] = {}
    for table, key in (("patient", "code"), ("staff", "name")):
        for row in rows[table]:
            owners |= {row["id"]: row[key], row[key]: row[key]}
            if row["chat_hash"] is not None:
                owners[bytes(row["chat_hash"])] = row[key]
    for table in rows:
        for row in rows[table]:
            whose = owners.get(row.get("patient_id") or row.get("staff_id") or 0)
            if whose is not None and table in BY_OWNER:
                owners[row["id"]] = whose
                for name in ("chat_hash", "token_hash"):
                    if row.get(name) is not None:
                        value = row[name]
                        owners[value if isinstance(value, str) else bytes(value)] = whose
    for row in rows["staff"]:
        owners |= {row[name]: row["name"] for name in ("token_hash", "login_hash") if row[name] is not None}
    return owners
