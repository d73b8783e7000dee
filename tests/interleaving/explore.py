"""Explore: `python -m tests.interleaving.explore --seed S [--pairs N | --all] [--seconds 180]`.

Prints pairs, switches, serialised, retried and differences; exits 1 when there is a difference.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.interleaving.catalog import ALL, UseCase
from tests.interleaving.dump import differences
from tests.interleaving.lab import Lab, open_lab
from tests.interleaving.runner import Result, Runner, Solo

IN_ORDER = {
    frozenset({"start CARLA by another chat", "caregiver opens link"}): "two links opened in one chat",
    frozenset({"start CARLA by the chat of EMIL", "start EMIL by old link"}): "two links opened in one chat",
    frozenset({"caregiver opens link"}): "one link opened twice in one chat",
    frozenset({"stale tap of a stranger"}): "two taps in one chat",
    frozenset({"staff opens link"}): "one link opened twice in one chat",
}
"""Pairs that can't meet, with the reason: Telegram delivers one chat's updates one after the other, and so does the bot."""
TABLE_BY_TABLE = {
    "clock found set back": "moves messages, then alerts: what another one writes between is of the right time anyway",
}
"""Use cases of which each table may be as after another order, with the reason: no two of their tables must agree."""
SHOWN_ROWS = 6
PROGRESS_SECONDS = 15.0
Say = Callable[[str], None]
Pair = tuple[UseCase, UseCase]


@dataclass(frozen=True)
class Difference:
    """A run whose result is that of neither order. `rows`: against the order it is nearer to."""

    first: str
    second: str
    after: int
    ended: tuple[str, str]
    rows: str
    tables: frozenset[str] = frozenset()

    def __str__(self) -> str:
        head = f"{self.first} | {self.second}: switched after statement {self.after}; ended {' and '.join(self.ended)}"
        return f"{head}\n{self.rows}"


@dataclass
class Report:
    """What was explored and found."""

    seed: int
    pairs: int = 0
    switches: int = 0
    serialised: int = 0
    retried: int = 0
    of: int = 0
    found: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: pairs {self.pairs} of {self.of}, switches {self.switches}, "
            f"serialised {self.serialised}, retried {self.retried}, differences: {len(self.found)}"
        )


def pairs_that_meet(solos: dict[str, Solo], cases: Sequence[UseCase]) -> list[Pair]:
    """Return all pairs of which one writes a table that the other reads or changes; each with itself, too."""
    return [
        (one, other)
        for place, one in enumerate(cases)
        for other in cases[place:]
        if solos[one.name].touched.meets(solos[other.name].touched)
        and frozenset({one.name, other.name}) not in IN_ORDER
    ]


def explore(
    lab: Lab,
    *,
    seed: int,
    most: int | None = None,
    seconds: float | None = None,
    cases: Sequence[UseCase] = ALL,
    say: Say = lambda _: None,
) -> Report:
    """Run pairs in an order drawn by the seed: all of them, or `most`, or as many as the seconds allow."""
    runner = Runner(lab)
    solos = {case.name: runner.solo(case) for case in cases}
    pairs = pairs_that_meet(solos, cases)
    random.Random(seed).shuffle(pairs)
    if most is not None or seconds is not None:
        # Where time is short, those first that share rows, not only a table.
        pairs.sort(key=lambda pair: not solos[pair[0].name].touched.depends_on(solos[pair[1].name].touched))
    report = Report(seed, of=len(pairs))
    began = said = time.monotonic()
    for pair in pairs[:most]:
        if seconds is not None and time.monotonic() - began > seconds:
            break
        report.pairs += 1
        for difference in _explored(runner, pair, solos, report):
            report.found.append(difference)
            say(f"DIFFERENCE {difference}")
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            say(f"{said - began:.0f} s: {report}")
    return report


def _explored(runner: Runner, pair: Pair, solos: dict[str, Solo], report: Report) -> Iterator[Difference]:
    for first, second in {pair, pair[::-1]} if pair[0] is not pair[1] else {pair}:
        orders = [runner.in_turn(first, second, turned=turned) for turned in (False, True)]
        one, two = solos[first.name], solos[second.name]
        for after in one.points_against(two):
            result = runner.switched(first, second, after)
            report.switches += 1
            report.serialised += result.waited
            report.retried += result.attempts > one.attempts + two.attempts
            if not _is_possible(result, orders, first, second):
                rows, tables = _nearest(result, orders)
                yield Difference(first.name, second.name, after, result.ended, rows, tables)


def _is_possible(result: Result, orders: Sequence[Result], first: UseCase, second: UseCase) -> bool:
    """Return whether a run may end so: as after one of the orders, or each table as after one where that suffices."""
    if any(_same(result, order) for order in orders):
        return True
    return bool({first.name, second.name} & TABLE_BY_TABLE.keys()) and all(
        any(result.ended == order.ended and rows == order.content[name] for order in orders)
        for name, rows in result.content.items()
    )


def _same(result: Result, order: Result) -> bool:
    return result.ended == order.ended and not _parted(result, order)


def _parted(result: Result, order: Result) -> dict[str, tuple[list[str], list[str]]]:
    return differences(result.content, order.content)


def _nearest(result: Result, orders: Sequence[Result]) -> tuple[str, frozenset[str]]:
    """Return what differs from the order that the result is nearer to, as text and as tables."""
    described = []
    for name, order in zip(("in turn", "turned"), orders, strict=True):
        parted = _parted(result, order)
        lines = [f"  against {name} (ended {' and '.join(order.ended)}):"]
        for table, (here, there) in parted.items():
            lines += [f"    {table}: - {row}" for row in there[:SHOWN_ROWS]]
            lines += [f"    {table}: + {row}" for row in here[:SHOWN_ROWS]]
        rows = sum(len(here) + len(there) for here, there in parted.values())
        described.append((rows, "\n".join(lines), frozenset(parted)))
    _, text, tables = min(described, key=lambda each: each[0])
    return text, tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore as the command line says."""
    parser = argparse.ArgumentParser(prog="explore", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    many = parser.add_mutually_exclusive_group()
    many.add_argument("--pairs", type=int, help="so many pairs, drawn by the seed")
    many.add_argument("--all", action="store_true", help="every pair")
    parser.add_argument("--seconds", type=float, help="begin no further pair after that (180 unless told how many)")
    parser.add_argument("--only", action="append", help="only use cases whose name begins so (may be repeated)")
    given = parser.parse_args(arguments)
    seconds = given.seconds or (None if given.all or given.pairs else 180.0)
    cases = [c for c in ALL if not given.only or any(c.name.startswith(begin) for begin in given.only)]
    with open_lab() as lab:
        report = explore(lab, seed=given.seed, most=given.pairs, seconds=seconds, cases=cases, say=_print)
    _print(str(report))
    return 1 if report.found else 0


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
