"""What a coordinator may make different for one patient: how often, on which weekdays, and single days more.

The clinic's plan stays what it is; this changes it for one patient. Nothing is lost by a weekday that isn't wanted:
what falls due on such a day is asked on the next that is. Times, pauses and time zones stay schedule.py's business.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from bot.core.schedule import Cadence, Occurrence, Phase, Plan, PlanTemplate, due_on, next_occurrence, occurrences
from bot.core.screen import Frozen

LONGEST = 92
"""Days between check-ins at most: a quarter of a year. Who shouldn't be asked is paused, with a last day."""
_WEEK = 7
_DAY = timedelta(days=1)


class Rhythm(Frozen):
    """Every `every` days from day `first_day` to `last_day` since ICI start, both included; None: from then on."""

    first_day: int = Field(ge=0)
    last_day: int | None = None
    every: int = Field(ge=1, le=LONGEST)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError(f"it ends on day {self.last_day}, before it begins on day {self.first_day}")
        return self


class Extra(Frozen):
    """One check-in more, on that day of the patient's calendar."""

    day: date
    form: str = "quick"


class Own(Frozen):
    """One patient's own: `weekdays` 0 = Monday, empty: all of them."""

    rhythms: tuple[Rhythm, ...] = ()
    weekdays: tuple[int, ...] = ()
    extras: tuple[Extra, ...] = ()


class _Piece(NamedTuple):
    name: str
    first: int
    last: int | None
    cadences: tuple[Cadence, ...]


def with_rhythms(template: PlanTemplate, rhythms: Sequence[Rhythm], form: str = "quick") -> PlanTemplate:
    """Return the plan with how often `form` is asked changed; other forms come less often where the rhythm is slower.

    The later of two rhythms holds where they overlap.
    """
    tail_first = (template.phases[-1].last_day or 0) + 1
    pieces = [_Piece(p.name, p.first_day, p.last_day, p.cadences) for p in template.phases]
    if template.phases[-1].last_day is not None:
        pieces.append(_Piece(template.tail.name, tail_first, None, template.tail.cadences))
    for rhythm in rhythms:
        pieces = [part for piece in pieces for part in _cut(piece, rhythm, form)]
    # What is left of the tail at the end is the tail itself; after a stop that is asked in any case.
    left = pieces[-1].name == template.tail.name and pieces[-1].cadences == template.tail.cadences
    phases = pieces[:-1] if left else pieces
    return template.model_copy(
        update={
            "phases": tuple(
                Phase(name=p.name, first_day=p.first, last_day=p.last, cadences=p.cadences) for p in phases
            ),
        }
    )


def _cut(piece: _Piece, rhythm: Rhythm, form: str) -> Iterator[_Piece]:
    """Yield the piece, what of it lies in the rhythm changed, the rest as it was."""
    far = 10**6
    last, end = (far if day is None else day for day in (piece.last, rhythm.last_day))
    first, until = max(piece.first, rhythm.first_day), min(last, end)
    if first > until:
        yield piece
        return
    if piece.first < first:
        yield _fitting(piece._replace(last=first - 1))
    changed = _slower(piece.cadences, rhythm.every, form)
    yield _fitting(piece._replace(first=first, last=None if until == far else until, cadences=changed))
    if until < last:
        yield _fitting(piece._replace(first=until + 1))


def _slower(cadences: Sequence[Cadence], every: int, form: str) -> tuple[Cadence, ...]:
    """The other forms on days that the rhythm asks anyway, about as often as before; `form` on the rest of them."""
    others = dict.fromkeys(c.form for c in cadences if c.form != form)
    slowest = {name: min(c.every for c in cadences if c.form == name) for name in others}
    kept = [Cadence(form=name, every=-(-days // every) * every) for name, days in slowest.items()]
    return (*kept, Cadence(form=form, every=every))


def _fitting(piece: _Piece) -> _Piece:
    """Leave out cadences that begin after the end of what is left of a phase; something is always asked."""
    if piece.last is None:
        return piece
    days = piece.last - piece.first + 1
    kept = tuple(c for c in piece.cadences if c.offset < days)
    first = piece.cadences[0]
    return piece._replace(cadences=kept or (first.model_copy(update={"offset": 0}),))


def next_of_own(plan: Plan, own: Own, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`, by the plan (with its rhythms) and what is own."""
    planned = _on_weekdays(plan, own.weekdays, after) if own.weekdays else next_occurrence(plan, after)
    extra = min(_extras(plan, own, after), key=lambda each: each.due_at, default=None)
    if planned is None or extra is None:
        return planned or extra
    # On a day that both would ask, the plan does.
    return planned if planned.due_at <= extra.due_at else extra


def _extras(plan: Plan, own: Own, after: datetime) -> Iterator[Occurrence]:
    for extra in own.extras:
        due_at = due_on(plan, extra.day)
        if due_at is not None and due_at > after:
            day = (extra.day - plan.ici_start).days
            yield Occurrence(due_at=due_at, local_date=extra.day, day=day, form=extra.form, phase="extra")


def _on_weekdays(plan: Plan, weekdays: Sequence[int], after: datetime) -> Occurrence | None:
    """Of all that comes to be asked on one day, what the plan lists first is asked."""
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
    return min(first[1], key=lambda each: _place(plan, each.form)) if first is not None else None


def _moved(plan: Plan, occurrence: Occurrence, weekdays: Sequence[int]) -> Occurrence | None:
    """The same on the first wanted weekday from its own on; None where that day is in a pause."""
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
        update={"due_at": due_at, "local_date": day, "day": (day - plan.ici_start).days},
    )


def _place(plan: Plan, form: str) -> int:
    """Where the plan lists that form among the others of a day."""
    phases = [c.form for phase in plan.template.phases for c in phase.cadences]
    return [*phases, *(c.form for c in plan.template.tail.cadences)].index(form)
