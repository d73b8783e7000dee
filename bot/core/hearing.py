"""Turns what a form's answers say into what happened to the patient's symptoms. Asks, shows and stores nothing.

The rules, each with a test:

* An answer counts once, however often the form is assessed; a lower one takes the earlier one back.
* Before the form ends, only what needs a human counts. What may still be said to be known waits, unless only staff can
  accept it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from pydantic import AwareDatetime

from bot.core.concern_values import NONE, Level
from bot.core.findings import ALARMING, NOT_NAMED, Finding, find, safety_screens, still
from bot.core.frozen import Frozen
from bot.core.happenings import Answered, Happening, KnownBefore, Named, NotKnown, TookBack
from bot.core.memory import Memory
from bot.core.protocol import Answers, Protocol, Tier, applicable
from bot.core.triage import Assessment

BASELINE = "baseline"
"""The form that asks what was there before."""


class Heard(Frozen):
    """The level of a symptom that a check-in has contributed to the memory, when, and whether it was known before."""

    level: Level
    at: AwareDatetime
    was_known: bool = False


class Remembered(NamedTuple):
    """What a form's answers are weighed by, who answers, and when.

    `heard`: what this check-in has contributed already; `opened_at`: when it was opened; `day`: the local day.
    """

    memory: Memory
    heard: Mapping[str, Heard]
    opened_at: datetime
    at: datetime
    day: date
    by: str
    is_helper: bool = False
    given_by: Mapping[str, str] = {}
    """Who gave each answer, by question, if that is known; otherwise it was `by`."""
    helpers: Collection[str] = ()
    """Those of them who are helpers."""

    def giver(self, questions: Iterable[str]) -> str:
        """Return who answered the first of these questions that has an answer."""
        return next((self.given_by[q] for q in questions if q in self.given_by), self.by)


class FormAnswers(NamedTuple):
    """A form's answers so far, and the symptoms that it asks about again. `finished`: no more questions follow."""

    form: str
    answers: Answers
    about: Collection[str]
    finished: bool


def happenings(
    found: Collection[Finding], given: FormAnswers, remembered: Remembered, protocol: Protocol
) -> Iterator[Happening]:
    """Yield what is new in a form's answers since they were last heard."""
    by, day, before = remembered.by, remembered.day, remembered.heard
    for finding in found:
        if not is_news(finding, before):
            continue
        heard = before.get(finding.symptom)
        # "Yes" on the other safety screen takes nothing back.
        if (
            heard is not None
            and finding.level < heard.level
            and (finding.symptom != NOT_NAMED or not finding.level.tier)
        ):
            yield TookBack(symptom=finding.symptom, level=finding.level, by=by, given_at=heard.at, day=day)
            continue
        if heard is not None and heard.was_known and not finding.was_known:
            yield NotKnown(symptom=finding.symptom)
        if finding.was_known and given.form == BASELINE:
            is_helper = remembered.is_helper or _is_by_helper(finding.symptom, remembered, protocol)
            yield KnownBefore(symptom=finding.symptom, level=finding.level, is_helper=is_helper)
        if finding.is_named and NOT_NAMED in before and not _has_named(finding, before, protocol):
            yield Named(
                symptom=finding.symptom,
                level=finding.level,
                by=_giver(finding, given, remembered, protocol),
                day=day,
                instead_of=NOT_NAMED,
                yes_at=before[NOT_NAMED].at,
            )
        else:
            yield Answered(
                symptom=finding.symptom,
                level=finding.level,
                by=_giver(finding, given, remembered, protocol),
                day=day,
                is_named=finding.is_named,
                replaces=heard.at if heard is not None else None,
            )
    yield from _taken_back(found, given, remembered, protocol)


def _has_named(finding: Finding, before: Mapping[str, Heard], protocol: Protocol) -> bool:
    """Return whether the form named a sign of that screen before: one that is added later is found on its own."""
    asked = protocol.symptoms[finding.symptom].question
    named = (s for s, heard in before.items() if heard.level.tier >= Tier.SOON and s in protocol.symptoms)
    return any(protocol.symptoms[s].names and protocol.symptoms[s].question == asked for s in named)


def _is_by_helper(symptom: str, remembered: Remembered, protocol: Protocol) -> bool:
    """Return whether a helper said how strong it is, or that it was known before."""
    found = protocol.symptoms.get(symptom)
    asked = (found.question, found.known_by) if found is not None else ()
    return any(remembered.given_by.get(question or "") in remembered.helpers for question in asked)


def _giver(finding: Finding, given: FormAnswers, remembered: Remembered, protocol: Protocol) -> str:
    """Return who gave the answer that found it: another person may have given the rest of the form."""
    symptom = protocol.symptoms.get(finding.symptom)
    asked = symptom.question if symptom is not None and symptom.question is not None else ""
    yes = (q for q in safety_screens(protocol) if ALARMING & set(given.answers.get(q, ())))
    return remembered.giver((still(finding.symptom), asked, *(yes if finding.symptom == NOT_NAMED else ())))


def that_counts(
    given: FormAnswers, assessment: Assessment, protocol: Protocol, *, is_closed: bool
) -> Iterator[Finding]:
    """Yield what the answers say that counts by now: before the form ends, only what needs a human."""
    for finding in find(given.answers, assessment, protocol):
        if is_closed or (finding.level.tier >= Tier.SOON and not may_be_known(finding, given, protocol)):
            yield finding


def is_news(finding: Finding, before: Mapping[str, Heard]) -> bool:
    """Return whether a form has not contributed this yet."""
    heard = before.get(finding.symptom)
    return heard is None or (heard.level, heard.was_known) != (finding.level, finding.was_known)


def may_be_known(finding: Finding, given: FormAnswers, protocol: Protocol) -> bool:
    """Return whether the form still leads to the question whether it was there before, and the answer can matter."""
    symptom = protocol.symptoms.get(finding.symptom)
    if symptom is None or symptom.known_by is None or given.finished or given.form not in protocol.forms:
        return False
    needs_staff = symptom.staff_accept_from is not None and finding.level.step >= symptom.staff_accept_from
    if needs_staff or finding.level.tier is Tier.EMERGENCY:
        return False
    asked = {step.ask for step in applicable(protocol.forms[given.form], given.answers, given.about)}
    return symptom.known_by in asked and symptom.known_by not in given.answers


def _taken_back(
    found: Collection[Finding], given: FormAnswers, remembered: Remembered, protocol: Protocol
) -> Iterator[TookBack]:
    """Yield the signs of a safety screen whose "yes" was changed to "none". A skip takes nothing back."""
    here = {finding.symptom for finding in found}
    for symptom, heard in remembered.heard.items():
        screens = _screens_of(symptom, protocol)
        is_none = bool(screens) and all(given.answers.get(screen) == ("none",) for screen in screens)
        if symptom not in here and heard.level.tier >= Tier.SOON and is_none:
            yield TookBack(symptom=symptom, level=NONE, by=remembered.by, given_at=heard.at, day=remembered.day)


def _screens_of(symptom: str, protocol: Protocol) -> tuple[str, ...]:
    """Return the safety screens whose signs include this one; both for a sign that was not named."""
    known = protocol.symptoms.get(symptom)
    if symptom == NOT_NAMED:
        return safety_screens(protocol)
    if known is None or not known.names:
        return ()
    return tuple(
        q.id for q in protocol.questions.values() if q.signs is not None and q.signs.named_in == known.question
    )
