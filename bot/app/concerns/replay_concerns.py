"""Replays concerns: what happened, by the protocols of those times, must give what is remembered. Changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from bot.app.concerns.events import happenings_of
from bot.app.concerns.replay import FindProtocol
from bot.app.patients.lookup import by_code
from bot.app.records.concern_events import ConcernEvent
from bot.app.records.concerns import ClockJump, ConcernChange, MemoryRow
from bot.app.work import Stores
from bot.core.changes import Change
from bot.core.clock_jump import after_jump
from bot.core.concern_values import Concern, Rules
from bot.core.frozen import Frozen
from bot.core.happenings import TimePassed
from bot.core.memory import Memory, apply

NO_LIMIT = 1_000_000
"""More changes than a patient can have."""


class ConcernDifference(Frozen):
    """A symptom whose state or tier differs, at the end or (`at`) after a change; None: there is no such change."""

    symptom: str
    at: datetime | None
    stored: str | None
    derived: str | None


class ReplayedConcerns(Frozen):
    """The replay of one patient's concerns. "no_events": nothing happened since events are kept."""

    events: int
    status: Literal["same", "differs", "no_events", "no_protocol"]
    differences: tuple[ConcernDifference, ...] = ()


def replay_concerns(stores: Stores, code: str, find: FindProtocol) -> ReplayedConcerns:
    """Derive a patient's concerns and tiers again and compare them with what is stored.

    Raise RefusedError for an unknown code, or an event that this version can't read.
    """
    patient = by_code(stores.patients, code)
    events, stored = stores.concerns.events(patient.id), stores.concerns.of_patient(patient.id)
    if stored is None or not events:
        return ReplayedConcerns(events=0, status="no_events")
    protocols = {name: find(stores, name) for name in {event.protocol_hash for event in events}}
    found = {name: protocol for name, protocol in protocols.items() if protocol is not None}
    if len(found) < len(protocols):
        return ReplayedConcerns(events=len(events), status="no_protocol")
    rules = {name: Rules(protocol.symptoms, protocol.remembering) for name, protocol in found.items()}
    replay = _Replay(rules, stores.concerns.jumps_after(0))
    memory, changes = replay.run(events)
    memory = replay.corrected(memory, events[-1].last_jump, stored.last_jump, rules[events[-1].protocol_hash])
    history = stores.concerns.changes(patient.id, NO_LIMIT)
    since = [row for row in reversed(history) if row.at >= events[0].at]
    differences = (*_of_changes(since, changes), *_at_the_end(stored, memory))
    return ReplayedConcerns(events=len(events), status="differs" if differences else "same", differences=differences)


class _Replay:
    def __init__(self, rules: dict[str, Rules], jumps: Sequence[ClockJump]) -> None:
        self._rules = rules
        self._jumps = jumps

    def run(self, events: Sequence[ConcernEvent]) -> tuple[Memory, list[tuple[datetime, Change]]]:
        """Return what is remembered after these events, and each change with its time."""
        memory, jump, changes = Memory(), 0, list[tuple[datetime, Change]]()
        for event in events:
            rules = self._rules[event.protocol_hash]
            if event.what.start is not None:
                memory = event.what.start
            else:
                memory = self.corrected(memory, jump, event.last_jump, rules)
            jump = event.last_jump
            applied = apply(memory, (TimePassed(), *happenings_of(event)), rules, event.at)
            memory = applied.memory
            changes += [(event.at, change) for change in applied.changes]
        return memory, changes

    def corrected(self, memory: Memory, after: int, until: int, rules: Rules) -> Memory:
        """Return what is remembered after the jumps of the clock with these numbers (`after` < number <= `until`)."""
        for jump in self._jumps:
            if after < jump.id <= until:
                memory = after_jump(memory, rules, jump.at, timedelta(seconds=jump.back_by))
        return memory


def _of_changes(
    stored: Sequence[ConcernChange], derived: Sequence[tuple[datetime, Change]]
) -> Iterator[ConcernDifference]:
    """Yield the changes that are stored and not derived, or the other way round."""
    kept = [(row.at, row.symptom, f"{row.what} {row.tier.name}") for row in stored]
    again = [(at, change.symptom, f"{change.what} {change.tier.name}") for at, change in derived]
    for at, symptom, what in kept:
        if (at, symptom, what) not in again:
            yield ConcernDifference(symptom=symptom, at=at, stored=what, derived=None)
    for at, symptom, what in again:
        if (at, symptom, what) not in kept:
            yield ConcernDifference(symptom=symptom, at=at, stored=None, derived=what)


def _at_the_end(stored: MemoryRow, derived: Memory) -> Iterator[ConcernDifference]:
    for symptom in sorted({*stored.value.concerns, *derived.concerns, *stored.value.accepted, *derived.accepted}):
        was, now = stored.value.concern(symptom), derived.concern(symptom)
        is_same = (was, stored.value.usual(symptom)) == (now, derived.usual(symptom))
        if not is_same:
            yield ConcernDifference(symptom=symptom, at=None, stored=_described(was), derived=_described(now))


def _described(concern: Concern) -> str:
    return f"{concern.state} {concern.tier.name}"
