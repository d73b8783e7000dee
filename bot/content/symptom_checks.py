"""Checks the symptoms of a protocol: unknown ids, and answers that need a human without belonging to a symptom."""

from collections.abc import Iterator

from bot.content.checks import CheckContext
from bot.content.reader import Loc
from bot.core.findings import still
from bot.core.protocol import FollowUpRule, Rule, Symptom, Tier


def check_symptoms(context: CheckContext) -> None:
    """Check that symptoms use existing questions, choices and rules, and that none is lost between them."""
    rules: dict[str, Rule] = {rule.id: rule for _, rule in context.source.items("rules")}
    all_rules_known = len(rules) == sum(1 for _ in context.source.ids("rules"))
    for n, symptom in context.source.items("symptoms"):
        for loc, reason in _faults(context, symptom, rules if all_rules_known else None):
            context.source.fault(("symptoms", n, *loc), reason)
        for reason in _follow_up_faults(context, symptom):
            context.source.fault(("symptoms", n), reason)
        for reason in _unasked_faults(context, symptom):
            context.source.fault(("symptoms", n), reason)


def _unasked_faults(context: CheckContext, symptom: Symptom) -> Iterator[str]:
    """Yield the forms whose answers would end a symptom without having asked whether anything is new."""
    if symptom.has_question or symptom.ends_when_answered:
        return
    asks_news = {q for _, rule in context.source.items("rules") if rule.alone for q in rule.if_ or {}}
    screens = {q.id for _, q in context.source.items("questions") if q.signs is not None}
    for form in filter(None, context.forms.values()):
        asked = {step.ask for step in form.steps if step.applies({}, (symptom.id,))}
        for question in sorted(asks_news - asked if screens <= asked else ()):
            yield (
                f"form '{form.id}' doesn't ask '{question}', so it would end '{symptom.id}' unasked: add the step "
                f"'{{ask: {question}, about: [{symptom.id}]}}'"
            )


def _follow_up_faults(context: CheckContext, symptom: Symptom) -> Iterator[str]:
    """Yield why the daily follow-up would not ask about a symptom that was found: it could then never pass."""
    again: FollowUpRule | None = context.source.value("again")
    form = context.forms.get(again.form) if again is not None else None
    if form is None:
        return
    asked = {step.ask for step in form.steps if step.applies({}, (symptom.id,))}
    screens = [q.id for _, q in context.source.items("questions") if q.signs is not None]
    if symptom.has_question and not asked & {symptom.question, still(symptom.id)}:
        yield f"the follow-up '{form.id}' doesn't ask about '{symptom.id}': add a step with 'about: [{symptom.id}]'"
    missing = ", ".join(screen for screen in screens if screen not in asked)
    if not symptom.has_question and missing:
        yield f"the follow-up '{form.id}' must always ask {missing}: nothing else says that '{symptom.id}' has passed"


def _faults(context: CheckContext, symptom: Symptom, rules: dict[str, Rule] | None) -> Iterator[tuple[Loc, str]]:
    for field, name in (("question", symptom.question), ("known_by", symptom.known_by)):
        if name is not None and name not in context.questions:
            yield (field,), f"there is no question '{name}': correct the id or add the question"
    question = context.questions.get(symptom.question or "")
    for choice, tier in symptom.levels.items():
        if question is not None and question.choice(choice) is None:
            ids = ", ".join(c.id for c in question.choices)
            yield ("levels", choice), f"question '{question.id}' has no choice '{choice}': use one of {ids}"
        if tier < Tier.SOON:
            yield ("levels", choice), f"{tier.name} needs no human: leave '{choice}' out of the levels"
    if symptom.levels and symptom.question is None:
        yield ("levels",), "levels are choices of a question: name the 'question' too"
    if question is not None and not symptom.is_sign and not question.scale:
        yield ("is_sign",), f"'{question.id}' is no scale: remove 'is_sign', or make the question one"
    for rule in symptom.raised_by:
        if rules is not None and rule not in rules:
            yield ("raised_by",), f"there is no rule '{rule}': correct the id or add the rule"
