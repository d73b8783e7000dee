"""Faults a tester can play: which requests fail, and how. It decides; the HTTP side carries it out.

A server that answers 429, a gateway's 502, an answer lost after the request was carried out, an outage (with a
percentage: connections that are reset), a slow line, a half-open one (no answer ever comes); and of a webhook: updates
brought twice, and out of order.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import NotPossibleError

OF_WEBHOOKS = ("duplicate", "reorder")
KINDS = ("429", "502", "reply_lost", "outage", "slow", "half_open", *OF_WEBHOOKS)
NEED_SECONDS = ("slow", "reorder")
DEFAULT_RETRY_AFTER = 3


@dataclass
class Fault:
    """One fault. No `methods`: all. No `count`, `percent` or `seconds` (of an outage): until it is cleared.

    `seconds` is how long an outage lasts, how much later each answer of a slow line comes, or the longest time by which
    an update of a webhook is held back.
    """

    id: int
    kind: str
    methods: frozenset[str] = frozenset()
    count: int | None = None
    percent: float | None = None
    seconds: float | None = None
    retry_after: int = DEFAULT_RETRY_AFTER
    ends: float | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "methods": sorted(self.methods),
            "count": self.count,
            "percent": self.percent,
            "seconds": self.seconds,
            "retry_after": self.retry_after if self.kind == "429" else None,
        }


@dataclass
class Plan:
    """What happens to one request: wait `delay` seconds, then `refuse` (429, 502, outage) or `lose` the answer.

    `hang`: neither carry it out nor answer. To an update of a webhook: wait `delay`, bring it `twice`.
    """

    delay: float = 0.0
    refuse: Fault | None = None
    lose: bool = False
    hang: bool = False
    twice: bool = False


NO_FAULT = Plan()


@dataclass
class Faults:
    """The faults being played. `seed` makes percentages repeatable; `on_change` is told of each change."""

    seed: int = 0
    monotonic: Callable[[], float] = time.monotonic
    on_change: list[Callable[[], None]] = field(default_factory=list)
    _active: list[Fault] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - which request fails is no secret

    def add(
        self,
        kind: str,
        *,
        methods: Iterable[str] = (),
        count: int | None = None,
        percent: float | None = None,
        seconds: float | None = None,
        retry_after: int = DEFAULT_RETRY_AFTER,
    ) -> Fault:
        """Start to play a fault; NotPossibleError for a kind or a number that makes no sense."""
        if kind not in KINDS:
            raise NotPossibleError(f"a fault is one of {', '.join(KINDS)}, not {kind!r}")
        if (count is not None and count < 1) or (percent is not None and not 0 < percent <= 100):  # noqa: PLR2004
            raise NotPossibleError("count must be at least 1 and percent above 0, up to 100")
        if (seconds is not None and seconds < 0) or (kind in NEED_SECONDS and not seconds):
            raise NotPossibleError(f"{' and '.join(NEED_SECONDS)} need seconds above 0; seconds can't be negative")
        self._made += 1
        ends = self.monotonic() + seconds if kind == "outage" and seconds else None
        wanted = frozenset(name.lower() for name in methods)
        fault = Fault(self._made, kind, wanted, count, percent, seconds, retry_after, ends)
        self._active.append(fault)
        self._changed()
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Stop one fault, or all."""
        self._active = [fault for fault in self._active if fault_id is not None and fault.id != fault_id]
        self._changed()

    def active(self) -> list[Fault]:
        self._expire()
        return list(self._active)

    def outage(self, method: str = "") -> bool:
        """Whether Telegram can't be reached just now (by `method`, or at all)."""
        return any(f.kind == "outage" and (not f.methods or method.lower() in f.methods) for f in self.active())

    def plan(self, method: str) -> Plan:
        """Decide what happens to this request; counts down what is counted."""
        if not self._active:
            return NO_FAULT
        plan = Plan()
        for fault in self.active():
            if fault.kind in OF_WEBHOOKS or not self._strikes(fault, method.lower()):
                continue
            if fault.kind == "slow":
                plan.delay += fault.seconds or 0.0
            elif fault.kind == "half_open":
                plan.hang = True
            elif fault.kind == "reply_lost":
                plan.lose = True
            elif plan.refuse is None:
                plan.refuse = fault
        return plan

    def bringing(self) -> Plan:
        """Decide how the next update is brought to a webhook."""
        plan = Plan()
        for fault in self.active():
            if fault.kind in OF_WEBHOOKS and self._strikes(fault, "webhook"):
                plan.twice = plan.twice or fault.kind == "duplicate"
                if fault.kind == "reorder":
                    plan.delay += self._random.random() * (fault.seconds or 0.0)
        return plan

    def _strikes(self, fault: Fault, method: str) -> bool:
        if fault.methods and method not in fault.methods:
            return False
        if fault.percent is not None and self._random.random() * 100 >= fault.percent:
            return False
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self.clear(fault.id)
        return True

    def _expire(self) -> None:
        now = self.monotonic()
        kept = [fault for fault in self._active if fault.ends is None or fault.ends > now]
        if len(kept) != len(self._active):
            self._active = kept
            self._changed()

    def _changed(self) -> None:
        for callback in self.on_change:
            callback()
