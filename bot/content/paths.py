"""Walks every path of a form and says where it ends, by the core alone. Draws nothing.

Paths are told as the calm line (the answers that lead to nothing) and every way off it: each other answer of each of
its questions, with all that this leads to, and then calmly to the end. What two ways off together come to is what the
rules say: the highest tier, and two of SOON in different groups.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bot.core import checkin as core
from bot.core.protocol import SKIP, Protocol, Question, Tier
from bot.core.triage import Assessment, History, assess

AT = datetime(2000, 1, 1, tzinfo=UTC)
"""Steps carry a moment; which one means nothing here."""
_OPEN = {core.State.ASKING, core.State.PAUSED, core.State.STOPPED}


class Given(NamedTuple):
    """One answer on a path."""

    question: str
    choices: tuple[str, ...]


class Path(NamedTuple):
    """Answers off the calm line (none: the calm line itself), all answers, and what they mean in the end."""

    off: tuple[Given, ...]
    given: tuple[Given, ...]
    found: Assessment

    @property
    def tier(self) -> Tier:
        return self.found.tier


def paths(protocol: Protocol, form: str) -> list[Path]:
    """Return the calm line, then every way off it. KeyError if the protocol has no such form."""
    calm = _calm_line(protocol, form)
    on_it = {given.question: given.choices for given in calm}
    found = [_path((), _walked(protocol, form, calm), protocol)]
    for n, given in enumerate(calm):
        for answer in options(protocol.questions[given.question]):
            if answer != given.choices:
                start = _walked(protocol, form, (*calm[:n], Given(given.question, answer)))
                found += [
                    _path(tuple(g for g in end_given if on_it.get(g.question) != g.choices), end, protocol)
                    for end, end_given in _onward(protocol, start, (*calm[:n], Given(given.question, answer)), on_it)
                ]
    return found


def options(question: Question) -> list[tuple[str, ...]]:
    """Return the answers worth telling: each choice alone, all symptoms together, and skipped."""
    alone = [(choice.id,) for choice in question.choices]
    symptoms = tuple(choice.id for choice in question.choices if not choice.exclusive)
    both = [symptoms] if question.kind == "several" and len(symptoms) > 1 else []
    return [*alone, *both, (SKIP,)]


# -- walking


def _calm_line(protocol: Protocol, form: str) -> tuple[Given, ...]:
    given: tuple[Given, ...] = ()
    checkin = core.open_checkin(form, protocol)
    while checkin.state in _OPEN and checkin.cursor is not None:
        question = protocol.questions[checkin.cursor]
        calmest = min(
            (o for o in options(question) if o != (SKIP,)),
            key=lambda o: _weight(_walked(protocol, form, (*given, Given(question.id, o))), protocol),
        )
        given = (*given, Given(question.id, calmest))
        checkin = _walked(protocol, form, given)
    return given


def _weight(checkin: core.CheckIn, protocol: Protocol) -> tuple[int, int]:
    found = assess(checkin.answers, History(), protocol, form=checkin.form, finished=True)
    return found.tier, core.taps_left(checkin, protocol)


def _walked(protocol: Protocol, form: str, given: Sequence[Given]) -> core.CheckIn:
    checkin = core.open_checkin(form, protocol)
    for answer in given:
        checkin = _answered(checkin, protocol, answer)
    return checkin


def _answered(checkin: core.CheckIn, protocol: Protocol, given: Given) -> core.CheckIn:
    question = protocol.questions[given.question]
    for choice in given.choices:
        received = _input(question, choice, checkin.revision)
        checkin = core.step(checkin, received, protocol, History(), AT).checkin
    if checkin.state is core.State.PAUSED:
        checkin = core.step(checkin, core.GoOn(revision=checkin.revision), protocol, History(), AT).checkin
    if checkin.cursor == given.question and question.kind == "several" and checkin.state in _OPEN:
        done = core.Submit(question=question.id, revision=checkin.revision)
        checkin = core.step(checkin, done, protocol, History(), AT).checkin
    return checkin


def _input(question: Question, choice: str, revision: int) -> core.Input:
    if choice == SKIP:
        return core.Skip(question=question.id, revision=revision)
    if question.kind == "single":
        return core.Choose(question=question.id, choice=choice, revision=revision)
    return core.Toggle(question=question.id, choice=choice, on=True, revision=revision)


def _onward(
    protocol: Protocol, checkin: core.CheckIn, given: tuple[Given, ...], calm: dict[str, tuple[str, ...]]
) -> Iterator[tuple[core.CheckIn, tuple[Given, ...]]]:
    """Yield each end: every answer where the way leads off the calm line, the calm one where it is back on it."""
    if checkin.state not in _OPEN or checkin.cursor is None:
        yield checkin, given
        return
    question = protocol.questions[checkin.cursor]
    known = calm.get(question.id)
    for answer in [known] if known is not None else options(question):
        step = Given(question.id, answer)
        yield from _onward(protocol, _answered(checkin, protocol, step), (*given, step), calm)


def _path(off: tuple[Given, ...], end: core.CheckIn, protocol: Protocol) -> Path:
    found = assess(end.answers, History(), protocol, form=end.form, finished=True)
    return Path(off, tuple(Given(q, c) for q, c in end.answers.items()), found)
