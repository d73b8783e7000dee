"""The content of the database in a form that can be compared: no generated ids, no random bytes, references by names.

Sealed columns are opened by the product's own shapes. A reference becomes what its row is called ("alert ANNA
EMERGENCY 09:00"), wherever it is written: numbers of each table lie in a range of their own (lab.py).
"""

import importlib
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from bot.core.frozen import Frozen
from bot.core.screen import Screen
from bot.db import stores
from bot.db.rows import Shape
from tests.fakes.databases import KEYRING
from tests.fakes.work import packaged_clinic
from tests.interleaving import scene as scenes
from tests.interleaving.lab import FIRST_NUMBER, PER_TABLE, TABLES, Lab

Row = dict[str, Any]
Dump = dict[str, tuple[str, ...]]
"""By table: its rows as text, sorted."""
NAMED = ("patient", "staff", "checkin", "alert")
"""Tables whose rows others refer to, in order of reference."""
_MODULES = [
    importlib.import_module(f"{stores.__name__}.{found.name}") for found in pkgutil.iter_modules(stores.__path__)
]
_SHAPES: dict[str, Shape[Any]] = {
    value.table.name: value for module in _MODULES for value in vars(module).values() if isinstance(value, Shape)
}
_LEFT_OUT = frozenset({"id", "seal_id", "row_version", "last_jump"})
"""What depends on who came first, and nothing else depends on: a memory is corrected for a jump whenever it is read."""
_TOKEN = re.compile(r"\b(first|second)-token-\d{4}\b")
_TOKEN_HASHES = {
    packaged_clinic().hash_token(f"{how}{side}-token-{number:04d}"): f"<hash of {side}-token>"
    for how in ("", "login:")
    for side in ("first", "second")
    for number in range(1, 10)
}
"""Of the tokens each side makes: at random in truth, so which of its tokens it is says nothing."""
_GENERATED = re.compile(r"(?<!\d)70000\d{8}(?!\d)")
_CHATS = {
    KEYRING.lookup("chat", value): name
    for name, value in vars(scenes).items()
    if isinstance(value, int) and name.isupper()
}
_MASKED = {
    # Salted at random each time.
    ("staff", "password_hash"): "a password",
    # Of two that open the same task at once either may be the one that does.
    ("task", "raised_at"): "a time",
    # The heartbeat leaves out messages that another transaction holds, and renews them with its next beat.
    ("outbox", "leased_until"): "a lease",
}
_CLOCKS = frozenset({"up_at", "heard_at", "down_until"})
"""Settings that are timestamps, kept once a minute: which of two seconds is kept doesn't matter."""
_OVERVIEWS = ("staff.menu", "staff.digest", "staff.patient", "staff.hand_over")
"""Screens that list what several statements read, each true when it was read: that they were queued is compared."""


class Dumper:
    """Reads what a run left. Rows that are as they were at the start are neither read nor opened again."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._start = {name: {key: _opened(name, row) for key, row in lab.by_key(name).items()} for name in TABLES}
        self._called = _names({name: list(rows.values()) for name, rows in self._start.items()})
        self._texts = {
            name: {key: _text(name, row, self._called) for key, row in rows.items()}
            for name, rows in self._start.items()
        }
        self._whole: Dump = {name: tuple(sorted(texts.values())) for name, texts in self._texts.items()}

    def dump(self, dirty: Collection[str]) -> Dump:
        """Return the content; `dirty`: the tables that were written."""
        kept = self._lab.kept(dirty)
        new = {name: [_opened(name, row) for row in self._lab.new_rows(name)] for name in dirty}
        named = {
            name: [row for key, row in rows.items() if name not in dirty or key in kept[name]] + new.get(name, [])
            for name, rows in self._start.items()
            if name in NAMED
        }
        called = _names(named)
        same_names = all(called.get(number) == title for number, title in self._called.items())
        made = dict(self._whole)
        for name in dirty:
            if same_names:
                old = [self._texts[name][key] for key in kept[name]]
            else:
                old = [_text(name, self._start[name][key], called) for key in kept[name]]
            made[name] = tuple(sorted([*old, *(_text(name, row, called) for row in new[name])]))
        return made


def differences(found: Dump, other: Dump) -> dict[str, tuple[list[str], list[str]]]:
    """Return by table the rows that only `found` has, and those that only `other` has."""
    parted = {}
    for name in found:
        here, there = Counter(found[name]), Counter(other[name])
        if here != there:
            parted[name] = (sorted((here - there).elements()), sorted((there - here).elements()))
    return parted


def _opened(name: str, row: Mapping[str, Any]) -> Row:
    shape = _SHAPES.get(name)
    values: Row = {key: value for key, value in row.items() if not isinstance(value, bytes | memoryview)}
    for key, value in row.items():
        if isinstance(value, bytes | memoryview) and key == "chat_hash":
            values["chat"] = _CHATS.get(bytes(value), bytes(value).hex()[:8])
    if shape is not None:
        values |= {key: value for key, value in shape.fields(row, KEYRING).items() if key in row or key == "id"}
    return values


def _names(opened: Mapping[str, list[Row]]) -> dict[int, str]:
    """What each row of the tables that are referred to is called."""
    called: dict[int, str] = {}
    for name in NAMED:
        numbered = sorted((row for row in opened[name] if isinstance(row.get("id"), int)), key=lambda row: row["id"])
        seen: Counter[str] = Counter()
        for row in numbered:
            title = _title(name, row, called)
            seen[title] += 1
            called[row["id"]] = title if seen[title] == 1 else f"{title} #{seen[title]}"
    return called


def _title(name: str, row: Row, called: Mapping[int, str]) -> str:
    match name:
        case "patient":
            return str(row["code"])
        case "staff":
            return str(row["name"])
        case "checkin":
            return f"<checkin {called.get(row['patient_id'])} {row['kind']} {_time(row['due_at'])}>"
        case "alert":
            return f"<alert {called.get(row['patient_id'])} {row['tier']} {_time(row['raised_at'])}>"
        case _:
            return f"<{name}>"


def _time(value: datetime) -> str:
    return f"{value:%d.%H:%M:%S}"


def _text(name: str, row: Row, called: Mapping[int, str]) -> str:
    parts = []
    for key in sorted(row):
        value = row[key]
        if key in _LEFT_OUT or value is None or (key == "version" and isinstance(value, int)):
            continue
        if key == "language" and name == "outbox":
            continue  # a message that is made while its reader changes the language may be in either
        value = _MASKED.get((name, key), value)
        if name == "setting" and key == "value" and row["name"] in _CLOCKS:
            value = "a time"
        parts.append(f"{key}={_named(_plain(value), called)}")
    return "  ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, str) and value in _TOKEN_HASHES:
        return _TOKEN_HASHES[value]
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Screen) and value.name in _OVERVIEWS:
        return value.name
    if isinstance(value, Frozen):
        return json.dumps(value.model_dump(exclude_defaults=True), sort_keys=True, default=_plain_part)
    return str(value)


def _plain_part(value: Any) -> Any:
    """What is inside a record, in an order that doesn't depend on who added to a set first."""
    return sorted(value) if isinstance(value, frozenset) else _plain(value)


def _named(text: str, called: Mapping[int, str]) -> str:
    text = _TOKEN.sub(r"\1-token", text)
    return _GENERATED.sub(lambda found: called.get(int(found[0])) or _unknown(int(found[0])), text)


def _unknown(number: int) -> str:
    """A number whose row is gone, or of a table that was not looked at."""
    names = list(TABLES)
    place = (number - FIRST_NUMBER) // PER_TABLE
    return f"<a {names[place]}>" if place < len(names) else str(number)
