"""Weighs what a form's answers say by what is remembered of the patient. Asks, shows and stores nothing.

The rules, each with a test:

* What is usual for the patient, or known to a human and not worse, raises nothing: the rules that report it are quiet.
* What is OPEN already and unchanged counts for today's words, and is not raised again; an EMERGENCY is, each time.
* Two findings raise what they need together, across check-ins (`bot/core/pairs.py`): the rules that combine findings of
  one form are always quiet.
* "Something is new", if nothing else was found, is judged after what is quiet: a known finding must not hide it.
* An answer counts once, however often the form is assessed; one that may still be said to be known waits, unless only
  staff can accept it.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from pydantic import AwareDatetime

from bot.core.concern import NONE, ConcernState, Level, Rules
from bot.core.findings import NOT_NAMED, STILL_THERE, Finding, find, safety_screens, still
from bot.core.frozen import Frozen
from bot.core.happenings import Answered, Happening, KnownBefore, Named, NotKnown, TookBack
from bot.core.memory import Memory, apply
from bot.core.protocol import Answers, Protocol, Rule, Symptom, Tier, applicable
from bot.core.triage import Assessment, History, Reason, assess

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


class FormAnswers(NamedTuple):
    """A form's answers so far, and the symptoms that it asks about again. `finished`: no more questions follow."""

    form: str
    answers: Answers
    about: Collection[str]
    finished: bool


# --- The assessment ---------------------------------------------------------------------------------------------------


def weigh(given: FormAnswers, history: History, remembered: Remembered | None, protocol: Protocol) -> Assessment:
    """Return the assessment of a form's answers for this patient; of the answers alone if nothing is remembered."""
    quiet = frozenset(rule.id for rule in protocol.rules if _combines(rule)) if remembered is not None else frozenset()
    assessment = _assessed(given, history, protocol, quiet)
    if remembered is None:
        return assessment
    while True:
        after = _Weighed.of(given, assessment, remembered, protocol)
        more = quiet | {r.rule for r in assessment.reasons if r.tier >= Tier.SOON and after.is_quiet(r, protocol)}
        if more == quiet:
            more_than_rules = after.tier if after.tier > assessment.tier else Tier.ROUTINE
            tiers = {"tier": max(assessment.tier, after.tier), "open": more_than_rules, "raised": after.raised}
            return assessment.model_copy(update=tiers)
        quiet = more
        assessment = _assessed(given, history, protocol, quiet)


def _assessed(given: FormAnswers, history: History, protocol: Protocol, quiet: Collection[str]) -> Assessment:
    return assess(
        given.answers,
        history,
        protocol,
        form=given.form,
        finished=given.finished,
        about=given.about,
        quiet=quiet,
    )


class _Weighed(NamedTuple):
    """What is found in the answers, and the memory as it would be with them."""

    found: tuple[Finding, ...]
    waiting: frozenset[str]
    memory: Memory
    remembered: Remembered

    @classmethod
    def of(cls, given: FormAnswers, assessment: Assessment, remembered: Remembered, protocol: Protocol) -> "_Weighed":
        everything = [f for f in find(given.answers, assessment, protocol) if f.level.tier >= Tier.SOON]
        found = tuple(f for f in everything if not _may_be_known(f, given, protocol))
        happened = happenings(found, given, remembered, protocol)
        rules = Rules(protocol.symptoms, protocol.remembering)
        memory = apply(remembered.memory, happened, rules, remembered.at).memory
        return cls(found, frozenset(f.symptom for f in everything if f not in found), memory, remembered)

    @property
    def tier(self) -> Tier:
        """Return the tier of what is OPEN and there today: it may be part of a pair, or have been more before."""
        return max(
            (self.memory.concern(f.symptom).tier for f in self.found if self._needs_call(f)), default=Tier.ROUTINE
        )

    @property
    def raised(self) -> Tier:
        """Return the tier of what is new: its own, or that of a pair; not what the same symptom was at before."""
        new = [f for f in self.found if self._needs_call(f) and self._is_new(f)]
        return max((max(f.level.tier, self.memory.concern(f.symptom).combined) for f in new), default=Tier.ROUTINE)

    def is_quiet(self, reason: Reason, protocol: Protocol) -> bool:
        """Return whether a rule reports only what needs no call, or may still be said to be known."""
        about = set(_about(reason, {*(f.symptom for f in self.found), *self.waiting}, protocol))
        calls = {f.symptom for f in self.found if self._needs_call(f)}
        return bool(about) and not about & calls

    def _needs_call(self, found: Finding) -> bool:
        concern = self.memory.concern(found.symptom)
        return concern.state is ConcernState.OPEN and not concern.is_for_team

    def _is_new(self, found: Finding) -> bool:
        concern = self.memory.concern(found.symptom)
        if concern.opened_at is not None and concern.opened_at >= self.remembered.opened_at:
            return True
        is_above = found.is_named or found.level > self.memory.usual(found.symptom).raises_nothing
        return found.level.tier is Tier.EMERGENCY and is_above


def _combines(rule: Rule) -> bool:
    return rule.groups is not None or rule.count is not None


def _about(reason: Reason, symptoms: Collection[str], protocol: Protocol) -> Iterator[str]:
    """Yield the symptoms that a rule is about: by its answer, or else by its group."""
    rule = next((r for r in protocol.rules if r.id == reason.rule), None)
    known = {symptom: protocol.symptoms.get(symptom) for symptom in symptoms}
    by_answer = [s for s, each in known.items() if each is not None and rule is not None and _is_about(rule, each)]
    yield from by_answer or [s for s, each in known.items() if (each.group if each is not None else s) == reason.group]


def _is_about(rule: Rule, symptom: Symptom) -> bool:
    if rule.id in symptom.raised_by or (rule.if_ is None and symptom.question in rule.questions):
        return True
    given = rule.if_ or {}
    answers = {**dict.fromkeys(symptom.levels, symptom.question), **dict.fromkeys(STILL_THERE, still(symptom.id))}
    return any(choice in given.get(question or "", ()) for choice, question in answers.items())


# --- What a form says -------------------------------------------------------------------------------------------------


def happenings(
    found: Collection[Finding], given: FormAnswers, remembered: Remembered, protocol: Protocol
) -> Iterator[Happening]:
    """Yield what is new in a form's answers since they were last heard."""
    by, day, before = remembered.by, remembered.day, remembered.heard
    for finding in found:
        if not is_news(finding, before):
            continue
        heard = before.get(finding.symptom)
        if heard is not None and finding.level < heard.level:
            yield TookBack(symptom=finding.symptom, level=finding.level, by=by, given_at=heard.at, day=day)
            continue
        if heard is not None and heard.was_known and not finding.was_known:
            yield NotKnown(symptom=finding.symptom)
        if finding.was_known and given.form == BASELINE:
            yield KnownBefore(symptom=finding.symptom, level=finding.level, is_helper=remembered.is_helper)
        if finding.is_named and NOT_NAMED in before:
            yield Named(symptom=finding.symptom, level=finding.level, by=by, day=day, instead_of=NOT_NAMED)
        else:
            yield Answered(symptom=finding.symptom, level=finding.level, by=by, day=day, is_named=finding.is_named)
    yield from _taken_back(found, given, remembered, protocol)


def that_counts(
    given: FormAnswers, assessment: Assessment, protocol: Protocol, *, is_closed: bool
) -> Iterator[Finding]:
    """Yield what the answers say that counts by now: before the form ends, only what needs a human."""
    for finding in find(given.answers, assessment, protocol):
        if is_closed or (finding.level.tier >= Tier.SOON and not _may_be_known(finding, given, protocol)):
            yield finding


def is_news(finding: Finding, before: Mapping[str, Heard]) -> bool:
    """Return whether a form has not contributed this yet."""
    heard = before.get(finding.symptom)
    return heard is None or (heard.level, heard.was_known) != (finding.level, finding.was_known)


def _may_be_known(finding: Finding, given: FormAnswers, protocol: Protocol) -> bool:
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
