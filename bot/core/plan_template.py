"""Owns what a plan consists of: phases of "every N days", the days after a stop, the tail; and every fault of it.

Knows no dates: those, and when a check-in falls due, belong to schedule.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from bot.core.frozen import Frozen
from bot.core.treatment import StopReason


class Cadence(Frozen):
    """A check-in with `form` every `every` days, first on day `offset` of the phase (0 = its first day)."""

    form: str
    every: int
    offset: int = 0


class Phase(Frozen):
    """The days from `first_day` to `last_day` since a treatment period began (day 0), both included; None: no end."""

    name: str
    first_day: int
    last_day: int | None = None
    cadences: tuple[Cadence, ...]


class Tail(Frozen):
    """The part of a plan after the last phase, until `days_after_stop` days after the stop.

    It begins on the day after the last phase; a later stop doesn't restart its cadences. The plan ends 183 days (half a
    year) after the stop unless the protocol says otherwise: some adverse events begin after the last dose.
    """

    name: str = "tail"
    cadences: tuple[Cadence, ...]
    days_after_stop: int = 183


class StopPhase(Frozen):
    """The days from the stop (day 0) to `last_day` after it, both included.

    `at_risk_only`: it applies only to stops at risk (see `AfterStop`).
    """

    name: str
    last_day: int
    at_risk_only: bool = False
    cadences: tuple[Cadence, ...]


class AfterStop(Frozen):
    """How often a plan asks by days since the stop; later than all its phases, as the tail.

    A stop is at risk if it falls on day `at_risk_until_day` since the start or earlier, or if its reason is one of
    `at_risk_reasons`. Several phases may include a day: the one that asks most often applies.
    """

    at_risk_until_day: int = 182
    at_risk_reasons: tuple[StopReason, ...] = (StopReason.SIDE_EFFECT, StopReason.UNKNOWN)
    phases: tuple[StopPhase, ...]


class PlanTemplate(Frozen):
    """A named plan of the protocol file: phases in order from day 0, then the tail. See `check_template`.

    `after_stop` None (files of earlier versions): see `after_stop_of`.
    """

    name: str
    phases: tuple[Phase, ...]
    tail: Tail
    after_stop: AfterStop | None = None


def after_stop_of(template: PlanTemplate) -> AfterStop:
    """Return how the plan asks after a stop.

    A template that doesn't say it asks as on day 0 for 28 days after a stop at risk, and as on day 92 (the first day of
    the middle phase) until day 91 after any stop: a combination's daily check-ins follow the start only. [concerns,
    law 12]
    """
    if template.after_stop is not None:
        return template.after_stop
    early, middle = _like(template, 0), _like(template, 92)
    return AfterStop(
        phases=(
            StopPhase(name=early.name, last_day=28, at_risk_only=True, cadences=early.cadences),
            StopPhase(name=middle.name, last_day=91, cadences=middle.cadences),
        )
    )


def _like(template: PlanTemplate, day: int) -> Phase | Tail:
    """Return the phase, or the tail, of a day since the start."""
    return next((phase for phase in template.phases if phase.last_day is None or day <= phase.last_day), template.tail)


# --- Faults of a template ---------------------------------------------------------------------------------------------


def check_template(template: PlanTemplate) -> list[str]:
    """Return every fault of a template, one sentence each; empty if it is valid."""
    tail = template.tail
    faults = check_phases(template.phases) + list(_cadence_faults(tail.name, tail.cadences, None))
    if tail.days_after_stop < 0:
        faults.append(f"phase '{tail.name}' ends {tail.days_after_stop} days after the stop: must be 0 or more")
    for phase in template.after_stop.phases if template.after_stop is not None else ():
        faults += _stop_phase_faults(phase)
    return faults


def check_phases(phases: Sequence[Phase]) -> list[str]:
    """Return every gap, overlap, wrong order and impossible cadence of phases, one sentence each; empty if none."""
    faults: list[str] = []
    if not phases:
        faults.append("there are no phases: days from 0 on have no phase")
    elif phases[0].first_day != 0:
        faults.append(f"phase '{phases[0].name}' starts at day {phases[0].first_day}: the first phase starts at day 0")
    for phase in phases:
        faults += _phase_faults(phase)
    for before, after in pairwise(phases):
        faults += _transition_faults(before, after)
    return faults


def _stop_phase_faults(phase: StopPhase) -> Iterator[str]:
    if phase.last_day < 0:
        yield f"phase '{phase.name}' after the stop ends on day {phase.last_day}: must be 0 or more"
    yield from _cadence_faults(phase.name, phase.cadences, max(0, phase.last_day + 1), where=" after the stop")


def _phase_faults(phase: Phase) -> Iterator[str]:
    length = None
    if phase.last_day is not None:
        length = phase.last_day - phase.first_day + 1
        if length < 1:
            yield f"phase '{phase.name}' ends at day {phase.last_day}, before it starts at day {phase.first_day}"
    yield from _cadence_faults(phase.name, phase.cadences, length)


def _cadence_faults(phase: str, cadences: Iterable[Cadence], length: int | None, *, where: str = "") -> Iterator[str]:
    named = f"phase '{phase}'{where}"
    if not cadences:
        yield f"{named} has no check-ins: give it a cadence"
    for cadence in cadences:
        where = f"{named}, form '{cadence.form}'"
        if cadence.every < 1:
            yield f"{where}: every {cadence.every} days: must be 1 or more"
        elif cadence.offset >= cadence.every:
            yield f"{where}: offset {cadence.offset} is not below every {cadence.every} days"
        if cadence.offset < 0:
            yield f"{where}: offset {cadence.offset} is negative"
        if length is not None and cadence.offset >= length > 0:
            yield f"{where}: offset {cadence.offset} is past the end of a phase of {_count(length)}"


def _transition_faults(before: Phase, after: Phase) -> Iterator[str]:
    starts = f"phase '{after.name}' starts at day {after.first_day} but '{before.name}'"
    if after.first_day <= before.first_day:
        yield f"{starts}, listed before it, starts at day {before.first_day}: list phases in order"
    elif before.last_day is None:
        yield f"{starts} has no last day: they overlap from day {after.first_day} on"
    elif after.first_day > before.last_day + 1:
        yield f"{starts} ends at day {before.last_day}: {_days(before.last_day + 1, after.first_day - 1, 'no phase')}"
    elif after.first_day <= before.last_day:
        yield f"{starts} ends at day {before.last_day}: {_days(after.first_day, before.last_day, 'two phases')}"


def _days(first: int, last: int, have: str) -> str:
    return f"day {first} has {have}" if first == last else f"days {first} to {last} have {have}"


def _count(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
