"""Compares what a patient answered in the last week with the time before, and finds gaps. Shows and promises nothing.

The rules, each with a test:

* A question is compared if it was answered in the last seven days and in the seven days before; if not then, with the
  newest day before, which must not be more than `OLDEST` ago.
* It is better only if its highest answer is lower and its newest answer is not higher; it is worse if its highest
  answer is higher. What is neither is about the same: nothing here makes a day of more trouble look like progress.
* Days are missing between two answers that are more than a week apart, if the plan asks in between or they are further
  apart than any plan asks.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

WEEK = timedelta(days=7)
OLDEST = timedelta(weeks=5)
"""Plans ask every four weeks at least: what is further apart is not compared, and not joined by a line [D]."""


class AnsweredDay(NamedTuple):
    """The answers of one check-in: its local day, and question -> step on its scale (0: none)."""

    day: date
    steps: Mapping[str, int]


class Compared(StrEnum):
    """How the last week compares with the time before."""

    FIRST = "first"
    """Nothing was answered before the last week."""
    NOTHING_LATELY = "nothing_lately"
    """Nothing was answered in the last week."""
    TOO_FEW = "too_few"
    """No question was answered both in the last week and lately before."""
    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    MIXED = "mixed"


class Comparison(NamedTuple):
    """The result, and the questions that are worse and better. `is_by_week`: all of them with the week before."""

    result: Compared
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    is_by_week: bool = True


class Gap(NamedTuple):
    """Days without answers: `first` is the day of the answer before them, `last` that of the one after, or today."""

    first: date
    last: date


def compare(days: Sequence[AnsweredDay], today: date) -> Comparison:
    """Compare the last seven days, `today` included, with the time before. `days` are in order."""
    answered = [each for each in days if each.steps]
    lately = [each for each in answered if _ago(each, today) < WEEK]
    before = [each for each in answered if _ago(each, today) >= WEEK]
    if not lately:
        return Comparison(Compared.NOTHING_LATELY if before else Compared.TOO_FEW)
    if not before:
        return Comparison(Compared.FIRST)
    found = {question: then for question in _questions(lately) if (then := _then(before, question, today))}
    worse = tuple(q for q in found if _highest(lately, q) > _highest(found[q], q))
    better = tuple(q for q in found if _is_better(lately, found[q], q))
    return Comparison(
        _result(found, worse, better), worse, better, all(_is_last_week(then, today) for then in found.values())
    )


def _result(found: Collection[str], worse: Collection[str], better: Collection[str]) -> Compared:
    if not found:
        return Compared.TOO_FEW
    if worse and better:
        return Compared.MIXED
    if worse:
        return Compared.WORSE
    return Compared.BETTER if better else Compared.SAME


def _ago(each: AnsweredDay, today: date) -> timedelta:
    return today - each.day


def _questions(days: Sequence[AnsweredDay]) -> list[str]:
    return list(dict.fromkeys(question for each in days for question in each.steps))


def _then(before: Sequence[AnsweredDay], question: str, today: date) -> list[AnsweredDay]:
    """Return the days that the question is compared with: those of the week before, or else the newest one."""
    asked = [each for each in before if question in each.steps and _ago(each, today) <= OLDEST + WEEK]
    return [each for each in asked if _is_last_week([each], today)] or asked[-1:]


def _is_last_week(days: Sequence[AnsweredDay], today: date) -> bool:
    return all(_ago(each, today) < 2 * WEEK for each in days)


def _highest(days: Sequence[AnsweredDay], question: str) -> int:
    return max(each.steps[question] for each in days if question in each.steps)


def _newest(days: Sequence[AnsweredDay], question: str) -> int:
    return [each.steps[question] for each in days if question in each.steps][-1]


def _is_better(lately: Sequence[AnsweredDay], then: Sequence[AnsweredDay], question: str) -> bool:
    is_lower = _highest(lately, question) < _highest(then, question)
    return is_lower and _newest(lately, question) <= _newest(then, question)


# --- Gaps -------------------------------------------------------------------------------------------------------------


def gaps(answered: Sequence[date], planned_after: Callable[[date], date | None], today: date) -> Iterator[Gap]:
    """Yield the gaps between the days that were answered, in order, and after the last one.

    `planned_after` returns the first day after another one on which the plan asks, whether or not it was paused.
    """
    for before, after in pairwise([*answered, today]):
        if after - before > WEEK and (after - before > OLDEST or _is_before(planned_after(before), after)):
            yield Gap(before, after)


def _is_before(planned: date | None, after: date) -> bool:
    return planned is not None and planned < after
