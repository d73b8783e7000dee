"""Breadth-first exploration of what `apply` remembers, over every sequence of a world's events up to a depth."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel

from bot.core import memory as product
from bot.core.concern_values import Level
from bot.core.happenings import Happening
from bot.core.memory import Memory
from tests.model.facts import Facts, Message, Of, Violation
from tests.model.laws import RULES, check
from tests.model.symptoms import DAY, MINUTE

START = datetime(2030, 3, 1, 23, 50, tzinfo=UTC)  # twenty minutes before another local day
FORGOTTEN = 30 * DAY
"""The age from which the age of what is remembered matters no more."""


FUTURE = 10**6
"""Added to ages, which are negative after a clock was set back: Python's hashes of -1 and -2 are the same."""
NO_HISTORY = Of()
MESSAGES = frozenset({"reached_by_message", "refused_message"})
"""The fields of a concern that hold the number of a message: it only matters whether that is the last one."""


class View(NamedTuple):
    """What a step may look at: the time, the history and the number of the message that was sent last."""

    now: datetime
    facts: Facts
    message: int


class Step(NamedTuple):
    """A part of an event: time passes, then something happens. `happens` None: the team and the patient are asked."""

    after: timedelta
    happens: Callable[[View], Happening | None] | None


class Event(NamedTuple):
    name: str
    steps: tuple[Step, ...]


class Entry(NamedTuple):
    """One reached state, with the shortest history that led there."""

    memory: Memory
    facts: Facts
    now: datetime
    message: int
    history: tuple[str, ...]


class Found(NamedTuple):
    """A violation and the shortest history that shows it."""

    violation: Violation
    history: tuple[str, ...]

    def __str__(self) -> str:
        return f"law {self.violation.law}: {self.violation.what}\n    " + " → ".join(self.history)


class Explored(NamedTuple):
    """`states`: those that were gone on from; `applied`: the events that were tried in them."""

    states: int
    applied: int
    found: tuple[Found, ...]


def explore(symptoms: Sequence[str], events: Sequence[Event], depth: int, stop_at_law: int | None = None) -> Explored:
    """Explore every sequence of up to `depth` events; stop at the first violation of a law if one is given."""
    first = Entry(Memory(), Facts(dict.fromkeys(symptoms, NO_HISTORY)), START, 0, ())
    frontier, seen, found, applied = [first], {_key(first)}, {}, 0
    for number in range(1, depth + 1):
        reached = []
        for entry in frontier:
            for event in events:
                after, violations = _after(entry, event)
                if after is None:
                    continue
                applied += 1
                for violation in violations:
                    found.setdefault(violation, Found(violation, after.history))
                    if violation.law == stop_at_law:
                        return Explored(len(seen), applied, tuple(found.values()))
                if number == depth or violations:
                    continue
                key = _key(after)
                if key not in seen:
                    seen.add(key)
                    reached.append(after)
        frontier = reached
    return Explored(len(seen), applied, tuple(found.values()))


def _after(entry: Entry, event: Event) -> tuple[Entry | None, list[Violation]]:
    memory, facts, now, message, _ = entry
    violations: list[Violation] = []
    for after, happens in event.steps:
        now += after
        if happens is None:
            message += 1
            of = {name: _asked_again(one) for name, one in facts.of.items()}
            facts = facts._replace(message=Message(now, facts.open()), of=of)
            continue
        happening = happens(View(now, facts, message))
        if happening is None:
            return None, []
        applied = product.apply(memory, [happening], RULES, now)
        memory = applied.memory
        facts, broken = check(facts, happening, now, applied)
        violations += broken
    return Entry(memory, facts, now, message, (*entry.history, event.name)), violations


def _asked_again(of: Of) -> Of:
    """Return what counts from now on: replies to older messages don't."""
    if of.yes_by is None and not of.refused_by:
        return of
    return of._replace(yes_by=None, refused_by=frozenset())


# --- States that are the same -----------------------------------------------------------------------------------------


class _Ages(NamedTuple):
    """Makes values comparable between states: times as ages, without the ages that matter no more."""

    now: datetime
    message: int

    def of(self, value: Any) -> Any:
        kind = type(value)
        canonical = _CANONICAL.get(kind) or _CANONICAL.setdefault(kind, _canonical(kind))
        return canonical(self, value)

    def same(self, value: Any) -> Any:
        return value

    def time(self, value: datetime) -> int:
        return FUTURE + min(self.now - value, FORGOTTEN) // MINUTE

    def day(self, value: date) -> int:
        return FUTURE + min((self.now.date() - value).days, 3)

    def number(self, value: int) -> int:
        return min(value, 9)

    def sequence(self, values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple([self.of(value) for value in values])

    def mapping(self, values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        return tuple([(key, self.of(values[key])) for key in sorted(values)])

    def symptom(self, value: Of) -> Any:
        return None if value is NO_HISTORY else self.sequence(value)

    def record(self, value: BaseModel) -> tuple[Any, ...]:
        fields = value.__dict__.items()
        return tuple([one == self.message if key in MESSAGES else self.of(one) for key, one in fields])


def _key(entry: Entry) -> int:
    """Return a hash of 64 bits: of a million states, two different ones share one with a chance of 1 in 10 million."""
    ages = _Ages(entry.now, entry.message)
    return hash((ages.of(entry.memory), ages.of(entry.facts), entry.now.hour, entry.now.minute))


_CANONICAL: dict[type, Callable[[_Ages, Any], Any]] = {
    Level: _Ages.same,
    Of: _Ages.symptom,
    datetime: _Ages.time,
    date: _Ages.day,
    int: _Ages.number,
    frozenset: _Ages.same,
    dict: _Ages.mapping,
    type(None): _Ages.same,
}


def _canonical(kind: type) -> Callable[[_Ages, Any], Any]:
    if issubclass(kind, str | Enum | bool):
        return _Ages.same
    return _Ages.record if issubclass(kind, BaseModel) else _Ages.sequence
