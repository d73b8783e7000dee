"""Weighs what a form's answers say by what is remembered of the patient. Asks, shows and stores nothing.

The rules, each with a test:

* What is usual for the patient, or known to a human and not worse, raises nothing: the rules that report it are quiet.
* What is OPEN already and unchanged counts for today's words, and is not raised again; an EMERGENCY is, each time.
* Two findings raise what they need together, across check-ins (`bot/core/pairs.py`): the rules that combine findings of
  one form are always quiet.
* "Something is new", if nothing else was found, is judged after what is quiet: a known finding must not hide it.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from bot.core.concern_values import WORSE_STEP, ConcernState, Rules
from bot.core.findings import NOT_NAMED, STILL_THERE, Finding, find, still
from bot.core.hearing import FormAnswers, Remembered, happenings, is_news, may_be_known
from bot.core.memory import Memory, apply
from bot.core.protocol import Protocol, Rule, Symptom, Tier
from bot.core.triage import Assessment, History, Reason, assess


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
            tiers = {
                "tier": max(assessment.tier, after.tier),
                "open": more_than_rules,
                "raised": after.raised,
                "fresh": after.fresh,
            }
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
        found = tuple(f for f in everything if not may_be_known(f, given, protocol))
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

    @property
    def fresh(self) -> Tier:
        """Return the tier of what the newest answer itself opened or raised, and no call screen was shown for."""
        now = [f.level.tier for f in self.found if self._needs_call(f) and self._is_fresh(f)]
        return max(now, default=Tier.ROUTINE)

    def is_quiet(self, reason: Reason, protocol: Protocol) -> bool:
        """Return whether a rule reports only what needs no call, or may still be said to be known."""
        about = set(_about(reason, {*(f.symptom for f in self.found), *self.waiting}, protocol))
        calls = {f.symptom for f in self.found if self._needs_call(f)}
        return bool(about) and not about & calls

    def _needs_call(self, found: Finding) -> bool:
        concern = self.memory.concern(found.symptom)
        return concern.state is ConcernState.OPEN and not concern.is_for_team

    def _is_fresh(self, found: Finding) -> bool:
        before, after = self.remembered.memory.concern(found.symptom), self.memory.concern(found.symptom)
        yes = self.remembered.heard.get(NOT_NAMED)
        # The call screen of a "yes" is that of the sign that is named after it.
        is_name = found.is_named and yes is not None and yes.level.tier >= found.level.tier
        # That one was answered if somebody has spoken with the patient since: "worse" needs another.
        is_name = is_name and not (before.state is ConcernState.REACHED and found.level.step >= WORSE_STEP)
        # "Yes" said again acts again, though it opens nothing.
        is_yes = found.symptom == NOT_NAMED and is_news(found, self.remembered.heard)
        is_change = before.state is not ConcernState.OPEN or before.opened_at != after.opened_at
        return not is_name and (is_yes or is_change)

    def _is_new(self, found: Finding) -> bool:
        concern = self.memory.concern(found.symptom)
        is_since = concern.opened_at is not None and concern.opened_at >= self.remembered.opened_at
        # "Yes" on a safety screen acts each time, also while an earlier one is open.
        if is_since or found.symptom == NOT_NAMED:
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
