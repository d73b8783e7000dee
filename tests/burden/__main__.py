"""`make burden`: counts the alarms of thirteen weeks, one JSON object for each life and line.

Each number is the 95th percentile of its seeds. With staff who act: alerts, call screens, check-ins, taps and, if it
gets worse, how many of the steps were detected at the first check-in after each. With staff who never act: all-clears
while something is open, and call screens beyond one for each level reached.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from random import Random
from typing import Any

from bot.config import Settings
from bot.wiring import build
from tests.burden.courses import LIVES
from tests.burden.life import Counts, Life
from tests.property.words import Wording

SEEDS = 200
SHARE_WITHOUT_STAFF = 5
"""Of so many seeds one is lived without staff as well: there the worst life counts, not a percentile."""


@cache
def _ready() -> tuple[Any, Wording]:
    ready = build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True)
    return ready.clinic, Wording(ready.texts, ready.clinic.languages)


def counted(name: str, seed: int, *, staff_act: bool) -> Counts:
    """Live one life and return what was counted."""
    clinic, wording = _ready()
    course = LIVES[name](Random(f"{name} course {seed}"))
    return Life(course, seed, clinic, lambda row: wording.text(row.screen, "en"), staff_act=staff_act).live()


def percentile(values: Sequence[int], share: float = 0.95) -> int:
    """Return the smallest value that this share of the values doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def with_staff(name: str, lives: Sequence[Counts]) -> dict[str, Any]:
    """Return the line of a life with staff who act."""
    counts = ("alerts", "call_screens", "checkins", "taps")
    line: dict[str, Any] = {"life": name, "staff": "within 24 h"}
    line |= {count: percentile([getattr(life, count) for life in lives]) for count in counts}
    if any(life.steps for life in lives) and name == "gradually worse":
        line["steps"], line["detected"] = sum(life.steps for life in lives), sum(life.detected for life in lives)
    return line | {"false_all_clears": sum(len(life.false_all_clears) for life in lives)}


def without_staff(name: str, lives: Sequence[Counts]) -> dict[str, Any]:
    """Return the line of a life with staff who never act."""
    return {
        "life": name,
        "staff": "never",
        "false_all_clears": sum(len(life.false_all_clears) for life in lives),
        "call_screens": percentile([life.call_screens for life in lives]),
        "alerts": percentile([life.alerts for life in lives]),
        "levels": percentile([life.levels for life in lives]),
        "beyond": max(life.call_screens - life.levels for life in lives),
    }


def lines(names: Sequence[str], seeds: int, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the lines of these lives, each with staff who act and with staff who never do."""
    with ProcessPoolExecutor(jobs) as pool:
        for staff_act, line in ((True, with_staff), (False, without_staff)):
            for name in names:
                one = partial(counted, name, staff_act=staff_act)
                number = seeds if staff_act else -(-seeds // SHARE_WITHOUT_STAFF)
                yield line(name, list(pool.map(one, range(number))))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.burden", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many lives of each kind")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="processes")
    parser.add_argument("--life", action="append", choices=list(LIVES), help="only this life; may be repeated")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    for line in lines(given.life or list(LIVES), given.seeds, given.jobs):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    sys.stderr.write(f"{time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
