"""The evidence of a run for the auditor: what was seen from outside, and what the shared clock showed when."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.sandbox.chats import Message
from bot.sandbox.journal import Call
from tests.chaos.fleet import Kill
from tests.chaos.robots import Tapped

SENDS = ("sendMessage", "sendPhoto", "sendContact")
EDITS = ("editMessageText",)
AFTER_A_KILL = 20.0
"""Real seconds that a killed process needs to be running again, on a busy machine."""
OF_DATABASE = frozenset({"locked", "disk full", "database restarted"})
_BRIEF = 0.3
"""Real seconds of tolerance between a timestamp and the time it is calculated from."""
_AN_INSTANT = 1e-6
_LAGS = 15.0
"""Real seconds for which a process may continue with the clock from before a jump: it reads it periodically."""


@dataclass(frozen=True)
class ClockSet:
    """A jump of the clock by so many seconds. `by_chance`: as a fault; otherwise to let hours pass."""

    at: float
    by: float
    by_chance: bool = True


@dataclass(frozen=True)
class Window:
    """The real time during which a fault was played."""

    kind: str
    begun: float
    ended: float


@dataclass(frozen=True)
class Timeline:
    """The clock that all processes share: it showed `shown` at the real time `started`, and was set since."""

    started: float
    shown: datetime
    sets: Sequence[ClockSet] = ()

    def at(self, time: float) -> datetime:
        """Return what the clock showed at a real time."""
        passed = time - self.started + sum(one.by for one in self.sets if one.at <= time)
        return self.shown + timedelta(seconds=passed)

    def real_times(self, shown: datetime) -> list[float]:
        """Return when the clock showed that, oldest first: repeatedly if it was set back, never if it jumped over it."""
        found, offset = [], 0.0
        bounds = [-float("inf"), *(one.at for one in self.sets), float("inf")]
        for number, (begun, ended) in enumerate(pairwise(bounds)):
            if number:
                offset += self.sets[number - 1].by
            time = self.started + (shown - self.shown).total_seconds() - offset
            if begun - _BRIEF <= time <= ended + _LAGS:
                # Of a process that had not yet noticed, the last instant before the clock was set counts.
                found.append(min(time, ended - _AN_INSTANT))
        return found

    def last(self, shown: datetime, before: float) -> float | None:
        """Return when it last showed that before a real time."""
        return max((time for time in self.real_times(shown) if time <= before + _BRIEF), default=None)

    def reached(self, due: datetime, since: float) -> float:
        """Return the first real time from `since` on when the clock showed that or later."""
        steps = [since, *(one.at for one in self.sets if one.at > since)]
        at_once = [time for time in steps if self.at(time) >= due]
        return min([*at_once, *(m for m in self.real_times(due) if m >= since)], default=float("inf"))

    def by_chance(self, begun: float, ended: float) -> timedelta:
        """Return by how much faults set the clock in between."""
        return timedelta(seconds=sum(one.by for one in self.sets if one.by_chance and begun < one.at <= ended))


@dataclass
class Evidence:
    """What was seen from outside: by the sandbox, the robots and the killer."""

    calls: Sequence[Call]
    taps: Sequence[Tapped]
    kills: Sequence[Kill]
    first_update: int
    next_update: int
    unconfirmed: int
    key: bytes
    timeline: Timeline
    until: datetime
    already: int = 0
    """Check-ins up to this number existed before the run, so the auditor doesn't check whether they were shown."""
    in_turn: bool = True
    """Whether each chat's updates were processed in the order of their numbers: a webhook may deliver them in another."""
    windows: Sequence[Window] = ()
    chats: Mapping[int, Sequence[Message]] = field(default_factory=dict)
    """The messages of each chat at the end, oldest first."""
    faults: bool = True

    def trouble(self, begun: float, ended: float, *, kinds: frozenset[str] | None = None) -> float:
        """For how many real seconds in between something was wrong on purpose, all kinds or some."""
        windows = [w for w in self.windows if kinds is None or w.kind in kinds]
        if kinds is None:
            windows += [Window("kill", kill.at, kill.at + AFTER_A_KILL) for kill in self.kills]
        return sum(w.ended - w.begun for w in windows if w.begun <= ended and w.ended >= begun)

    def set_back(self) -> bool:
        """Return whether the clock was ever set back."""
        return any(one.by < 0 for one in self.timeline.sets)


@dataclass
class Findings:
    """Findings by kind; `counts` are the figures of the run."""

    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=dict)
    around: list[str] = field(default_factory=list)
    """What happened around the first losses."""

    @property
    def losses(self) -> list[str]:
        return [f"{kind}: {line}" for kind, lines in self.found.items() if kind not in ALLOWED for line in lines]


ALLOWED = frozenset({"doubled, in flight at a kill", "doubled, answer lost on the way"})


# -- calls


def worked(call: Call) -> bool:
    """Return whether Telegram executed a message or an edit; a card that goes ahead of one is no message of its own."""
    if call.method not in (*SENDS, *EDITS) or _is_card_ahead(call):
        return False
    # "Not modified": the content to show is already there.
    return call.error is None or "is not modified" in call.error[1]


def _is_card_ahead(call: Call) -> bool:
    return call.method == "sendContact" and bool(call.params.get("disable_notification"))


def row_of(call: Call) -> int | None:
    number = call.params.get("outbox_row")
    return int(number) if number is not None else None


def chat_of(call: Call) -> int:
    return int(call.params["chat_id"])


def note_of(call: Call, name: str) -> Any:
    """What `launch` noted about the outbox row at that time."""
    noted = call.params.get(f"outbox_{name}")
    return place_of(noted) if name == "slot" and noted is not None else noted


def place_of(slot: str) -> str:
    """Return a slot; all call screens of an alert count as one, though each has a slot of its own."""
    return ":".join(slot.split(":")[:2]) if slot.startswith("alert:") else slot


def pid_of(call: Call) -> Any:
    return note_of(call, "pid")


def carried_out(calls: Sequence[Call]) -> dict[int, list[Call]]:
    """Return each outbox row's calls that Telegram executed."""
    found: defaultdict[int, list[Call]] = defaultdict(list)
    for call in calls:
        row = row_of(call)
        if row is not None and worked(call):
            found[row].append(call)
    return found


def came(call: Call) -> float:
    """Return when the call reached the server."""
    return call.at


def left(call: Call) -> float:
    """Return when its process sent the call, in the monotonic seconds that all processes of a machine share."""
    return float(note_of(call, "at"))


def most_within(calls: Sequence[Call], seconds: float, time_of: Callable[[Call], float] = came) -> int:
    """The most messages and edits within any so many seconds: by the time they came to the server, or were sent."""
    of_outbox = (call for call in calls if call.method in (*SENDS, *EDITS) and row_of(call) is not None)
    real_times = sorted(time_of(call) for call in of_outbox)
    most = first = 0
    for number, at in enumerate(real_times):
        while real_times[first] <= at - seconds:
            first += 1
        most = max(most, number - first + 1)
    return most
