"""Finds what a form's answers say about each symptom. Knows no earlier answers, no concerns and no time.

The rules, each with a test:

* A symptom that the answers say nothing about is not found: a skip is no answer, and the list that names the signs of a
  safety screen says nothing about those it doesn't name.
* Every rule at SOON or higher that fired belongs to a found symptom: what no symptom of the protocol claims is found as
  a symptom of its own, named like the rule's group. Nothing that needs a human is without a symptom.
* "Yes" on a safety screen is found as `sign_not_named` until its sign is named.
"""

from collections.abc import Iterator, Mapping

from bot.core.concern_values import WORSE_STEP, Level
from bot.core.frozen import Frozen
from bot.core.protocol import SKIP, Answers, Protocol, Symptom, Tier, holds
from bot.core.triage import Assessment, Reason

NOT_NAMED = "sign_not_named"
"""The symptom of a "yes" on a safety screen whose sign has not been named."""
HELP, DESPAIR = "help", "despair"
"""The symptoms of "Need help now", and of typed words of despair or self-harm."""
STILL_THERE: Mapping[str, int] = {"same": 1, "worse": WORSE_STEP, "unsure": WORSE_STEP}
"""The answers to "how is it now?" that say that a sign is there, and its step. "Not sure" counts as worse."""
ALARMING = frozenset({"yes", "not_sure"})
"""The answers to a safety screen that say that one of its signs is there."""
GONE = "gone"
KNOWN = "yes_known"
"""The choice "it was there before, and my team knows" of a `known_by` question."""


class Finding(Frozen):
    """A symptom at a level. `is_named`: it was named after "yes" on a safety screen. `was_known`: see `known_by`."""

    symptom: str
    level: Level
    is_named: bool = False
    was_known: bool = False


def still(symptom: str) -> str:
    """Return the question that asks about a sign again by name."""
    return f"still_{symptom}"


def find(answers: Answers, assessment: Assessment, protocol: Protocol) -> tuple[Finding, ...]:
    """Return every symptom that the answers say something about, with its level (step 0: it isn't there)."""
    fired = [r for r in assessment.reasons if r.tier >= Tier.SOON and not _combines(r.rule, protocol)]
    found = [finding for s in protocol.symptoms.values() for finding in _of_symptom(s, answers, fired, protocol)]
    if any(f.is_named for f in found):
        found = [*(f for f in found if f.symptom != NOT_NAMED), *_still_unnamed(found, answers, protocol)]
    return (*found, *_unclaimed(found, fired, protocol))


def _still_unnamed(found: list[Finding], answers: Answers, protocol: Protocol) -> Iterator[Finding]:
    """Yield the finding of "yes" on a safety screen none of whose signs was named, whatever was named of the other."""
    named_in = {protocol.symptoms[f.symptom].question for f in found if f.is_named}
    screens = [q for q in protocol.questions.values() if ALARMING & set(answers.get(q.id, ()))]
    tiers = [q.signs.tier for q in screens if q.signs is not None and q.signs.named_in not in named_in]
    if tiers and NOT_NAMED in protocol.symptoms:
        yield Finding(symptom=NOT_NAMED, level=Level(max(tiers), 1))


def _combines(rule: str, protocol: Protocol) -> bool:
    """Return whether a rule combines findings: pairs are combined across check-ins (`bot/core/memory.py`)."""
    return any(r.id == rule and (r.groups is not None or r.count is not None) for r in protocol.rules)


def _of_symptom(symptom: Symptom, answers: Answers, fired: list[Reason], protocol: Protocol) -> Iterator[Finding]:
    question = protocol.questions.get(symptom.question or "")
    choices = [question.choice(c) for c in answers.get(question.id, ())] if question is not None else []
    # A skip and "does not apply" are no answer.
    given = tuple(choice.id for choice in choices if choice is not None and not choice.off_scale)
    again = next(iter(answers.get(still(symptom.id), ())), None)
    tiers = [symptom.levels[choice] for choice in given if choice in symptom.levels]
    by_rule = [r.tier for r in fired if _raises(r, symptom)]
    if again in STILL_THERE:
        by_rule += symptom.levels.values()
    if tiers or by_rule:
        step = max(1, _step(symptom, given, protocol), STILL_THERE.get(again or "", 0))
        known = symptom.known_by is not None and KNOWN in answers.get(symptom.known_by, ())
        level = Level(max((*tiers, *by_rule)), step)
        yield Finding(symptom=symptom.id, level=level, is_named=symptom.names and bool(tiers), was_known=known)
    elif again == GONE or _says_none(symptom, given, answers, protocol):
        yield Finding(symptom=symptom.id, level=Level(Tier.ROUTINE, _step(symptom, given, protocol)))


def _raises(reason: Reason, symptom: Symptom) -> bool:
    if symptom.question is None and symptom.id != NOT_NAMED and reason.group == symptom.group:
        return True
    return reason.rule in symptom.raised_by


def _step(symptom: Symptom, given: tuple[str, ...], protocol: Protocol) -> int:
    """Return the step of an answer: its place on a scale; for a sign 1 if it is there."""
    if symptom.is_sign:
        return min(WORSE_STEP, int(any(choice in symptom.levels for choice in given)))
    question = protocol.questions.get(symptom.question or "")
    steps = [question.step_of(choice) for choice in given] if question is not None else []
    return max((step for step in steps if step is not None), default=0)


def _says_none(symptom: Symptom, given: tuple[str, ...], answers: Answers, protocol: Protocol) -> bool:
    """Return whether the answers say that the symptom isn't there."""
    if symptom.has_question:
        # "Not sure" about a list says of no symptom that it is gone.
        return bool(given) and not symptom.names and not ALARMING & set(given)
    is_skipped = any(SKIP in answers.get(q, ()) for r in protocol.rules if r.alone for q in r.if_ or {})
    return are_both_screens_none(answers, protocol) and not is_skipped and not _says_something_new(answers, protocol)


def are_both_screens_none(answers: Answers, protocol: Protocol) -> bool:
    """Return whether every safety screen was answered with "none of these"."""
    screens = safety_screens(protocol)
    return bool(screens) and all(answers.get(screen) == ("none",) for screen in screens)


def safety_screens(protocol: Protocol) -> tuple[str, ...]:
    """Return the questions that are safety screens: each names the signs of one tier."""
    return tuple(question.id for question in protocol.questions.values() if question.signs is not None)


def _says_something_new(answers: Answers, protocol: Protocol) -> bool:
    """Return whether something is said to be new or worse, whatever else the answers found."""
    return any(rule.alone and rule.if_ is not None and holds(rule.if_, answers) for rule in protocol.rules)


def _unclaimed(found: list[Finding], fired: list[Reason], protocol: Protocol) -> Iterator[Finding]:
    """Yield a finding for each group of rules that fired without any symptom of that group having been found."""
    groups = {protocol.symptoms[f.symptom].group for f in found if f.level.tier >= Tier.SOON}
    umbrella = protocol.symptoms.get(NOT_NAMED)
    claimed = set(umbrella.raised_by) if umbrella is not None else set()
    tiers: dict[str, Tier] = {}
    for reason in fired:
        if reason.group not in groups and reason.rule not in claimed:
            tiers[reason.group] = max(tiers.get(reason.group, Tier.ROUTINE), reason.tier)
    for group, tier in tiers.items():
        yield Finding(symptom=group, level=Level(tier, 1))
