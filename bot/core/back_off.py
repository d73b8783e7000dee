"""Owns how much later the next check-in comes for a patient who leaves one after another unanswered. Knows no plan."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from bot.core.frozen import Frozen

LONGEST_DAYS = 28
"""The longest that silence may put off a check-in, in days: as rare as the rarest check-ins of a plan [D]."""


class BackOffStep(Frozen):
    """After `after` unanswered check-ins in a row the next one comes at least `days` days after the last one.

    `reminders`: how many reminders at most has a check-in that comes after so many unanswered ones.
    """

    after: Annotated[int, Field(ge=2)]
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
    reminders: Annotated[int, Field(ge=0)]


def step_at(steps: Sequence[BackOffStep], unanswered: int) -> BackOffStep | None:
    """Return the step that applies after so many unanswered check-ins in a row; None before the first one."""
    return next((step for step in reversed(steps) if step.after <= unanswered), None)


def is_first(steps: Sequence[BackOffStep], unanswered: int) -> bool:
    """Return whether the check-in after so many unanswered ones is the first that comes later than planned."""
    return bool(steps) and unanswered == steps[0].after


def rests_until(steps: Sequence[BackOffStep], unanswered: int, asked_on: date) -> date | None:
    """Return the first local date of the next check-in, if the one of `asked_on` is unanswered as well.

    `unanswered`: the check-ins in a row with that one. None if it comes as planned.
    """
    step = step_at(steps, unanswered)
    return asked_on + timedelta(days=step.days) if step is not None else None


def check_steps(steps: Sequence[BackOffStep]) -> list[tuple[int, str]]:
    """Return every fault of the steps, with the position of its step: later ones must ask more rarely."""
    faults: list[tuple[int, str]] = []
    for n, (before, step) in enumerate(pairwise(steps), start=1):
        if step.after <= before.after:
            faults.append(
                (n, f"after {step.after} is not above after {before.after}, listed before it: sort the steps")
            )
        if step.days < before.days:
            faults.append(
                (n, f"days {step.days} is below days {before.days}, listed before it: silence would ask more")
            )
        if step.reminders > before.reminders:
            faults.append((n, f"reminders {step.reminders} is above {before.reminders}: silence would remind more"))
    return faults
