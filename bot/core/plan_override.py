"""Owns plan overrides: one patient's frequency, weekdays and extra check-ins, where they differ from the clinic's plan.

An override never drops a check-in because of its weekday: it moves to the next weekday that the override allows. Times,
pauses and time zones belong to schedule.py.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from bot.core.frozen import Frozen
from bot.core.plan_template import Cadence, Phase, PlanTemplate, after_stop_of
from bot.core.schedule import Occurrence, Plan, day_number, due_on, next_occurrence, occurrences

LONGEST_INTERVAL_DAYS = 92
"""The longest interval between check-ins: a quarter of a year. A longer break is a pause, which has a last day."""
_WEEK = 7
_DAY = timedelta(days=1)


class Rhythm(Frozen):
    """A check-in every `every` days, day `first_day` to `last_day` since a period began, both included (None: no end).

    ValidationError if it ends before it begins, or `every` is not between 1 and LONGEST_INTERVAL_DAYS.
    """

    first_day: int = Field(ge=0)
    last_day: int | None = None
    every: int = Field(ge=1, le=LONGEST_INTERVAL_DAYS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError(f"it ends on day {self.last_day}, before it begins on day {self.first_day}")
        return self


class ExtraCheckIn(Frozen):
    """One additional check-in on that local date."""

    day: date
    form: str = "quick"


class PlanOverride(Frozen):
    """One patient's changes to the plan. `weekdays`: 0 = Monday; empty: every day."""

    rhythms: tuple[Rhythm, ...] = ()
    weekdays: tuple[int, ...] = ()
    extras: tuple[ExtraCheckIn, ...] = ()


class _Piece(NamedTuple):
    name: str
    first: int
    last: int | None
    cadences: tuple[Cadence, ...]


def with_rhythms(template: PlanTemplate, rhythms: Sequence[Rhythm], form: str = "quick") -> PlanTemplate:
    """Return the plan with the changed frequency of `form`; other forms become rarer where the rhythm is slower.

    Where two rhythms overlap, the later one in the list applies. After a stop, the plan's own frequency by days since
    the stop holds where it is higher.
    """
    if not rhythms:
        return template
    tail_first = (template.phases[-1].last_day or 0) + 1
    pieces = [_Piece(p.name, p.first_day, p.last_day, p.cadences) for p in template.phases]
    if template.phases[-1].last_day is not None:
        pieces.append(_Piece(template.tail.name, tail_first, None, template.tail.cadences))
    for rhythm in rhythms:
        pieces = [part for piece in pieces for part in _cut(piece, rhythm, form)]
    # An unchanged last piece of the tail stays the tail, which also applies after ICI has stopped.
    ends_in_tail = pieces[-1].name == template.tail.name and pieces[-1].cadences == template.tail.cadences
    phases = pieces[:-1] if ends_in_tail else pieces
    return template.model_copy(
        update={
            "phases": tuple(
                Phase(name=p.name, first_day=p.first, last_day=p.last, cadences=p.cadences) for p in phases
            ),
            "after_stop": after_stop_of(template),
        }
    )


def _cut(piece: _Piece, rhythm: Rhythm, form: str) -> Iterator[_Piece]:
    """Yield the piece, split at the ends of the rhythm; only the part inside the rhythm changes."""
    endless = 10**6
    last, end = (endless if day is None else day for day in (piece.last, rhythm.last_day))
    first, until = max(piece.first, rhythm.first_day), min(last, end)
    if first > until:
        yield piece
        return
    if piece.first < first:
        yield _fit_cadences(piece._replace(last=first - 1))
    changed = _slower(piece.cadences, rhythm.every, form)
    yield _fit_cadences(piece._replace(first=first, last=None if until == endless else until, cadences=changed))
    if until < last:
        yield _fit_cadences(piece._replace(first=until + 1))


def _slower(cadences: Sequence[Cadence], every: int, form: str) -> tuple[Cadence, ...]:
    """Return the cadences: other forms on days of the rhythm, about as often as before; `form` on its other days."""
    others = dict.fromkeys(c.form for c in cadences if c.form != form)
    slowest = {name: min(c.every for c in cadences if c.form == name) for name in others}
    kept = [Cadence(form=name, every=-(-days // every) * every) for name, days in slowest.items()]
    return (*kept, Cadence(form=form, every=every))


def _fit_cadences(piece: _Piece) -> _Piece:
    """Return the piece without cadences that begin after its end; keep at least one cadence."""
    if piece.last is None:
        return piece
    days = piece.last - piece.first + 1
    kept = tuple(c for c in piece.cadences if c.offset < days)
    first = piece.cadences[0]
    return piece._replace(cadences=kept or (first.model_copy(update={"offset": 0}),))


def next_with_override(
    plan: Plan, override: PlanOverride, after: datetime, rests_until: date | None = None
) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`, by the plan (rhythms applied) and the override.

    None if there is none; NaiveDatetimeError if `after` is naive. The plan asks nothing before `rests_until`, a local
    date; an additional check-in comes all the same, because somebody asked for it.
    """
    planned = _planned(plan, override, after)
    while planned is not None and rests_until is not None and planned.local_date < rests_until:
        planned = _planned(plan, override, planned.due_at)
    extra = min(_extras(plan, override, after), key=lambda each: each.due_at, default=None)
    if planned is None or extra is None:
        return planned or extra
    # If both fall on one day, the plan's check-in is the one asked.
    return planned if planned.due_at <= extra.due_at else extra


def _planned(plan: Plan, override: PlanOverride, after: datetime) -> Occurrence | None:
    return _on_weekdays(plan, override.weekdays, after) if override.weekdays else next_occurrence(plan, after)


def _extras(plan: Plan, override: PlanOverride, after: datetime) -> Iterator[Occurrence]:
    for extra in override.extras:
        due_at = due_on(plan, extra.day)
        if due_at is not None and due_at > after:
            day = day_number(plan, extra.day)
            yield Occurrence(due_at=due_at, local_date=extra.day, day=day, form=extra.form, phase="extra")


def _on_weekdays(plan: Plan, weekdays: Sequence[int], after: datetime) -> Occurrence | None:
    """Return the next check-in on an allowed weekday; if several move to one day, the one that the plan lists first."""
    first: tuple[datetime, list[Occurrence]] | None = None
    for occurrence in occurrences(plan, after - (_WEEK + 1) * _DAY):
        moved = _moved(plan, occurrence, weekdays)
        if moved is None or moved.due_at <= after:
            continue
        if first is None:
            first = moved.due_at, []
        elif moved.due_at > first[0]:
            break
        first[1].append(moved)
    return min(first[1], key=lambda each: _rank(plan, each.form)) if first is not None else None


def _moved(plan: Plan, occurrence: Occurrence, weekdays: Sequence[int]) -> Occurrence | None:
    """Return the check-in on the first allowed weekday from its own day on; None if that day is in a pause."""
    day = next(
        occurrence.local_date + n * _DAY
        for n in range(_WEEK)
        if (occurrence.local_date + n * _DAY).weekday() in weekdays
    )
    if day == occurrence.local_date:
        return occurrence
    due_at = due_on(plan, day)
    if due_at is None:
        return None
    return occurrence.model_copy(
        update={"due_at": due_at, "local_date": day, "day": day_number(plan, day)},
    )


def _rank(plan: Plan, form: str) -> int:
    """Return the position of the form in the plan's list."""
    phases = [c.form for phase in plan.template.phases for c in phase.cadences]
    after_stop = [c.form for phase in after_stop_of(plan.template).phases for c in phase.cadences]
    return [*phases, *(c.form for c in plan.template.tail.cadences), *after_stop].index(form)
