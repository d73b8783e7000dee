"""The bot's last requests, for tests. Bounded; never written to a log or a file."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MAX_ENTRIES = 50_000


@dataclass(frozen=True)
class Call:
    """A request. `at` and `ended`: arrival and end in real monotonic seconds; `clock`: the sandbox's time at arrival.

    `result` is what the bot received, `error` the (code, description) instead. `lost`: executed but not answered.
    """

    number: int
    method: str
    params: dict[str, Any]
    at: float
    clock: datetime
    result: Any = None
    error: tuple[int, str] | None = None
    lost: bool = False
    ended: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "method": self.method,
            "params": self.params,
            "at": self.at,
            "ended": self.ended,
            "clock": self.clock.isoformat(),
            "result": self.result,
            "error": list(self.error) if self.error else None,
            "lost": self.lost,
        }


class Journal:
    """The last `size` calls and the counts of all."""

    def __init__(self, size: int = MAX_ENTRIES) -> None:
        self._calls: deque[Call] = deque(maxlen=size)
        self.counts: Counter[str] = Counter()
        self._number = 0

    def add(self, method: str, params: dict[str, Any], at: float, clock: datetime, **outcome: Any) -> None:
        self._number += 1
        self.counts[method] += 1
        self._calls.append(Call(self._number, method, params, at, clock, **outcome))

    def calls(self, method: str | None = None, *, after: int = 0) -> list[Call]:
        """Return the calls of one method or all, in order, whose number is above `after`."""
        return [call for call in self._calls if call.number > after and method in (None, call.method)]

    def clear(self) -> None:
        self._calls.clear()
