"""Walks every path of a form and assesses its end, with the core alone. Renders nothing.

Paths are given as the reference path (the answers of the lowest tier) and every deviation from it: each other answer to
each of its questions, all answers to the follow-up questions, and then reference answers to the end. Combinations of
deviations are not walked; the rules define their result: the highest tier, and two of SOON in different groups.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from bot.core import checkin as core
from bot.core.protocol import SKIP, Protocol, Question, Tier
from bot.core.triage import Assessment, History, assess

_OPEN = {core.State.ASKING, core.State.PAUSED, core.State.STOPPED}


class GivenAnswer(NamedTuple):
    """One answer on a path."""

    question: str
    choices: tuple[str, ...]


class Path(NamedTuple):
    """The answers that deviate from the reference path (none on that path itself), all answers, and the assessment."""

    deviations: tuple[GivenAnswer, ...]
    answers: tuple[GivenAnswer, ...]
    assessment: Assessment

    @property
    def tier(self) -> Tier:
        return self.assessment.tier


def paths(protocol: Protocol, form: str) -> list[Path]:
    """Return the reference path, then every deviation, then those of each question about what was found earlier.

    KeyError if the protocol has no such form.
    """
    opened = core.open_checkin(form, protocol)
    found = [_path((), _walk(opened, protocol, _reference_path(opened, protocol)), protocol)]
    found += _deviations(opened, protocol)
    for step in protocol.forms[form].steps:
        if step.about:
            again = core.open_checkin(form, protocol, about=step.about[:1])
            found += _deviations(again, protocol, {step.ask})
    return list(dict.fromkeys(found))


def _deviations(opened: core.CheckIn, protocol: Protocol, only: Collection[str] = ()) -> Iterator[Path]:
    """Yield every deviation from the reference path of a new check-in; with `only`, every answer to these."""
    reference = _reference_path(opened, protocol)
    reference_choices = {given.question: given.choices for given in reference}
    for n, given in enumerate(reference):
        if only and given.question not in only:
            continue
        for answer in options(protocol.questions[given.question]):
            if answer == given.choices and not only:
                continue
            prefix = (*reference[:n], GivenAnswer(given.question, answer))
            start = _walk(opened, protocol, prefix)
            for end, all_given in _ends(protocol, start, prefix, reference_choices):
                changed = tuple(
                    g for g in all_given if reference_choices.get(g.question) != g.choices or g.question in only
                )
                yield _path(changed, end, protocol)


def options(question: Question) -> list[tuple[str, ...]]:
    """Return the answers to walk: each choice alone, all symptoms together, and skipped."""
    single = [(choice.id,) for choice in question.choices]
    symptoms = tuple(choice.id for choice in question.choices if not choice.exclusive)
    combined = [symptoms] if question.kind == "several" and len(symptoms) > 1 else []
    return [*single, *combined, (SKIP,)]


# -- Walking


def _reference_path(opened: core.CheckIn, protocol: Protocol) -> tuple[GivenAnswer, ...]:
    given: tuple[GivenAnswer, ...] = ()
    checkin = opened
    while checkin.state in _OPEN and checkin.cursor is not None:
        at = checkin
        question = protocol.questions[checkin.cursor]
        lowest = min(
            (o for o in options(question) if o != (SKIP,)),
            key=lambda o: _rank(_give(at, protocol, GivenAnswer(question.id, o)), protocol),
        )
        given = (*given, GivenAnswer(question.id, lowest))
        checkin = _give(checkin, protocol, given[-1])
    return given


def _rank(checkin: core.CheckIn, protocol: Protocol) -> tuple[int, int]:
    assessment = assess(checkin.answers, History(), protocol, form=checkin.form, finished=True)
    return assessment.tier, core.taps_left(checkin, protocol)


def _walk(opened: core.CheckIn, protocol: Protocol, given: Sequence[GivenAnswer]) -> core.CheckIn:
    checkin = opened
    for answer in given:
        checkin = _give(checkin, protocol, answer)
    return checkin


def _give(checkin: core.CheckIn, protocol: Protocol, given: GivenAnswer) -> core.CheckIn:
    question = protocol.questions[given.question]
    for choice in given.choices:
        tapped = _input(question, choice, checkin.revision)
        checkin = core.step(checkin, tapped, protocol, History()).checkin
    if checkin.state is core.State.PAUSED:
        checkin = core.step(checkin, core.Continue(revision=checkin.revision), protocol, History()).checkin
    if checkin.cursor == given.question and question.kind == "several" and checkin.state in _OPEN:
        submit = core.Submit(question=question.id, revision=checkin.revision)
        checkin = core.step(checkin, submit, protocol, History()).checkin
    return checkin


def _input(question: Question, choice: str, revision: int) -> core.Input:
    if choice == SKIP:
        return core.Skip(question=question.id, revision=revision)
    if question.kind == "single":
        return core.Choose(question=question.id, choice=choice, revision=revision)
    return core.Toggle(question=question.id, choice=choice, on=True, revision=revision)


def _ends(
    protocol: Protocol, checkin: core.CheckIn, given: tuple[GivenAnswer, ...], reference: dict[str, tuple[str, ...]]
) -> Iterator[tuple[core.CheckIn, tuple[GivenAnswer, ...]]]:
    """Yield each end with its answers: the reference answer on the reference path, every answer elsewhere."""
    if checkin.state not in _OPEN or checkin.cursor is None:
        yield checkin, given
        return
    question = protocol.questions[checkin.cursor]
    if core.is_asked_again(checkin, protocol):
        left_open = _give(checkin, protocol, GivenAnswer(question.id, (SKIP,)))
        yield from _ends(protocol, left_open, given, reference)
        return
    expected = reference.get(question.id)
    for answer in [expected] if expected is not None else options(question):
        step = GivenAnswer(question.id, answer)
        yield from _ends(protocol, _give(checkin, protocol, step), (*given, step), reference)


def _path(deviations: tuple[GivenAnswer, ...], end: core.CheckIn, protocol: Protocol) -> Path:
    assessment = assess(end.answers, History(), protocol, form=end.form, finished=True)
    return Path(deviations, tuple(GivenAnswer(q, c) for q, c in end.answers.items()), assessment)
