"""Faults that a tester can inject: decides which requests fail and how; http.py and delivering.py act on it.

The faults: 429, a gateway's 502, a refusal (400), a method that an older server doesn't have (404), an answer lost
after the request was executed, an outage (with a percentage: dropped connections), a slow line, a half-open connection
(no answer ever arrives); and for webhooks: updates delivered twice or out of order.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import NotPossibleError

WEBHOOK_KINDS = ("duplicate", "reorder")
KINDS = ("429", "502", "refused", "older_api", "reply_lost", "outage", "slow", "half_open", *WEBHOOK_KINDS)
NEED_SECONDS = ("slow", "reorder")
DEFAULT_RETRY_AFTER = 3


@dataclass
class InjectedFault:
    """A fault. Without `methods`: all methods. Without `count`, `percent` or, for an outage, `seconds`: until cleared.

    `seconds` is how long an outage lasts, the delay of each answer on a slow line, or the longest time for which a
    webhook update is held back.
    """

    id: int
    kind: str
    methods: frozenset[str] = frozenset()
    count: int | None = None
    percent: float | None = None
    seconds: float | None = None
    retry_after: int = DEFAULT_RETRY_AFTER
    ends: float | None = None

    def as_json(self) -> dict[str, Any]:
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
class FaultPlan:
    """What happens to one request: wait `delay` seconds, then `refuse` it (429, 502, outage …) or `lose` the answer.

    `hang`: neither execute it nor answer. For a webhook update: wait `delay`, drop it (`refuse`) or deliver it `twice`.
    """

    delay: float = 0.0
    refuse: InjectedFault | None = None
    lose: bool = False
    hang: bool = False
    twice: bool = False


NO_FAULT = FaultPlan()


@dataclass
class Faults:
    """The active faults. `seed` makes percentages repeatable; the `on_change` callbacks run after each change."""

    seed: int = 0
    monotonic: Callable[[], float] = time.monotonic
    on_change: list[Callable[[], None]] = field(default_factory=list)
    _active: list[InjectedFault] = field(default_factory=list)
    _last_id: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - not security-relevant

    def add(
        self,
        kind: str,
        *,
        methods: Iterable[str] = (),
        count: int | None = None,
        percent: float | None = None,
        seconds: float | None = None,
        retry_after: int = DEFAULT_RETRY_AFTER,
    ) -> InjectedFault:
        """Activate a fault; NotPossibleError for an invalid kind or number."""
        if kind not in KINDS:
            raise NotPossibleError(f"a fault is one of {', '.join(KINDS)}, not {kind!r}")
        if (count is not None and count < 1) or (percent is not None and not 0 < percent <= 100):  # noqa: PLR2004
            raise NotPossibleError("count must be at least 1 and percent above 0, up to 100")
        if (seconds is not None and seconds < 0) or (kind in NEED_SECONDS and not seconds):
            raise NotPossibleError(f"{' and '.join(NEED_SECONDS)} need seconds above 0; seconds can't be negative")
        self._last_id += 1
        ends = self.monotonic() + seconds if kind == "outage" and seconds else None
        method_names = frozenset(name.lower() for name in methods)
        fault = InjectedFault(self._last_id, kind, method_names, count, percent, seconds, retry_after, ends)
        self._active.append(fault)
        self._changed()
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Stop one fault, or all of them."""
        self._active = [fault for fault in self._active if fault_id is not None and fault.id != fault_id]
        self._changed()

    def active(self) -> list[InjectedFault]:
        self._expire()
        return list(self._active)

    def outage(self, method: str = "") -> bool:
        """Return whether nothing at all gets through (for `method`, or for any request): not with a percentage."""
        return any(
            f.kind == "outage" and f.percent is None and (not f.methods or method.lower() in f.methods)
            for f in self.active()
        )

    def plan(self, method: str) -> FaultPlan:
        """Decide what happens to this request, and count down the faults that have a `count`."""
        if not self._active:
            return NO_FAULT
        plan = FaultPlan()
        for fault in self.active():
            if fault.kind in WEBHOOK_KINDS or not self._applies(fault, method.lower()):
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

    def webhook_plan(self) -> FaultPlan:
        """Decide how the next update is delivered to a webhook."""
        plan = FaultPlan()
        for fault in self.active():
            if fault.kind not in (*WEBHOOK_KINDS, "outage") or not self._applies(fault, "webhook"):
                continue
            if fault.kind == "outage":
                plan.refuse = fault
            elif fault.kind == "duplicate":
                plan.twice = True
            else:
                plan.delay += self._random.random() * (fault.seconds or 0.0)
        return plan

    def _applies(self, fault: InjectedFault, method: str) -> bool:
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
        current = [fault for fault in self._active if fault.ends is None or fault.ends > now]
        if len(current) != len(self._active):
            self._active = current
            self._changed()

    def _changed(self) -> None:
        for callback in self.on_change:
            callback()
