"""How a patient's symptom really is on each day of thirteen weeks: the lives whose alarms are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

DAYS = 91
"""The length of a life after enrolment."""


@dataclass(frozen=True)
class Course:
    """`steps`: the symptom's step on each day, 0 for none; a sign is there at 1.

    `is_known`: it was there before immunotherapy, and the team knows. `is_agreed`: staff agree on its first level.
    """

    name: str
    symptom: str
    steps: tuple[int, ...]
    in_the_way: str = "not_at_all"
    is_known: bool = False
    is_agreed: bool = False

    @property
    def worsens_on(self) -> tuple[int, ...]:
        """Return the days on which it is worse than ever before."""
        return tuple(day for day, step in enumerate(self.steps) if day and step > max(self.steps[:day]))

    def worst(self, first: int, last: int) -> int:
        """Return the worst step of some days, both included."""
        return max(self.steps[min(first, last) : last + 1])


def _wandering(rng: Random, highest: int) -> tuple[int, ...]:
    """Mild on the first day; then a step up or down now and then, between none and the highest."""
    moves, steps = rng.uniform(0.15, 0.6), [1]
    while len(steps) <= DAYS:
        step = steps[-1]
        if rng.random() < moves:
            step = rng.choice([other for other in (step - 1, step + 1) if 0 <= other <= highest])
        steps.append(step)
    return tuple(steps)


def _always(step: int) -> tuple[int, ...]:
    return (step,) * (DAYS + 1)


def _rising(days: list[int]) -> tuple[int, ...]:
    return tuple(sum(day >= each for each in days) for day in range(DAYS + 1))


def _in_the_way(rng: Random) -> str:
    return rng.choice(("not_at_all", "a_little"))


def _fluctuating(name: str, highest: int) -> Callable[[Random], Course]:
    return lambda rng: Course(name, "numbness", _wandering(rng, highest), _in_the_way(rng), is_known=True)


def _gradually_worse(rng: Random) -> Course:
    days = sorted(rng.sample(range(1, DAYS - 10), 4))
    while any(later - earlier < 8 for earlier, later in pairwise(days)):
        days = sorted(rng.sample(range(1, DAYS - 10), 4))
    return Course("gradually worse", "numbness", _rising(days), _in_the_way(rng))


LIVES: dict[str, Callable[[Random], Course]] = {
    "fluctuating none-mild": _fluctuating("fluctuating none-mild", 1),
    "fluctuating none-medium": _fluctuating("fluctuating none-medium", 2),
    "known strong": lambda rng: Course(
        "known strong", "numbness", _always(3), _in_the_way(rng), is_known=True, is_agreed=True
    ),
    "new mild, closed": lambda rng: Course(
        "new mild, closed", "numbness", _rising([rng.randrange(1, 28)]), _in_the_way(rng)
    ),
    "old dizziness": lambda _rng: Course("old dizziness", "dizzy", _always(1)),
    "chronic leak": lambda _rng: Course("chronic leak", "bladder", _always(1), is_agreed=True),
    "gradually worse": _gradually_worse,
}
