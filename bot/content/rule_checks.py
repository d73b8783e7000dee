"""Checks the rules of a protocol: unknown ids, answers without a rule, and rules that never have an effect."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from bot.content.checks import CheckContext, check_condition
from bot.content.reader import Loc
from bot.core.protocol import SKIP, Question, Rule, SignList, Tier


def check_rules(context: CheckContext) -> None:
    """Check that rules use existing ids, that each answer has its own rule and that no rule is shadowed by another."""
    rules: list[tuple[int, Rule]] = context.source.items("rules")
    for n, rule in rules:
        _check_names(context, ("rules", n), rule)
        for m, other in rules:
            if _shadows(other, rule) and (m < n or not _shadows(rule, other)):
                reason = (
                    f"rule '{rule.id}' never has an effect: '{other.id}' already gives {other.tier.name} in that case"
                )
                context.source.fault(("rules", n), f"{reason}; correct or remove one of them")
    if len(rules) == sum(1 for _ in context.source.ids("rules")):  # otherwise an unparsed rule may be the missing one
        _check_coverage(context, [rule for _, rule in rules])
        _check_skipped(context, [rule for _, rule in rules])
        _check_signs(context, [rule for _, rule in rules])
    _check_table(context, [rule for _, rule in rules])
    if context.source.value("unassessable") is Tier.ROUTINE:
        reason = "an answer that can't be assessed must not count as ROUTINE: use SOON or higher"
        context.source.fault(("unassessable",), reason)


# --- Ids in rules -----------------------------------------------------------------------------------------------------


def _check_names(context: CheckContext, loc: Loc, rule: Rule) -> None:
    if rule.if_ is not None:
        check_condition(context, (*loc, "if"), rule.if_)
    if rule.unless is not None:
        check_condition(context, (*loc, "unless"), rule.unless)
    if rule.waits_for is not None:
        _check_waits(context, loc, rule, rule.waits_for)
    for where, name, required_kind in _clause_questions(rule):
        if name not in context.questions:
            context.source.fault((*loc, *where), f"there is no question '{name}': correct the id or add the question")
            continue
        question = context.questions[name]
        if question is not None and not _is_kind(question, required_kind):
            context.source.fault(
                (*loc, *where),
                f"'{name}' is not a {required_kind} question, which this rule needs: use another one",
            )
    for where, name, choices in _clause_choices(rule):
        found = context.questions.get(name)
        for choice in choices if found is not None else ():
            if found is not None and choice not in found.levels:
                reason = f"question '{name}' has no choice '{choice}' that this rule can use"
                context.source.fault((*loc, *where), f"{reason}: use one of {', '.join(found.levels)}")


def _check_waits(context: CheckContext, loc: Loc, rule: Rule, awaited: str) -> None:
    """Check that the question a rule waits for exists and is asked after those the rule uses.

    Otherwise the rule would match too early or never.
    """
    where = (*loc, "waits_for")
    if awaited not in context.questions:
        context.source.fault(where, f"there is no question '{awaited}': correct the id or add the question")
    if rule.tier is Tier.EMERGENCY:
        context.source.fault(where, f"rule '{rule.id}' gives EMERGENCY, which must never wait: remove 'waits_for'")
    for form in context.forms.values():
        asked = [step.ask for step in form.steps] if form is not None else []
        if awaited in asked and any(asked.index(q) > asked.index(awaited) for q in rule.questions & set(asked)):
            reason = f"form '{form.id if form else ''}' asks '{awaited}' before a question of rule '{rule.id}'"
            context.source.fault(where, f"{reason}: ask it afterwards")


def _clause_questions(rule: Rule) -> Iterator[tuple[Loc, str, str]]:
    if rule.worse is not None:
        yield ("worse", "question"), rule.worse.question, "scale"
    if rule.composite is not None:
        yield ("composite", "severity"), rule.composite.severity, "scale"
        yield ("composite", "interference"), rule.composite.interference, "scale"
    if rule.count is not None:
        yield ("count", "question"), rule.count.question, "several"


def _clause_choices(rule: Rule) -> Iterator[tuple[Loc, str, tuple[str, ...]]]:
    if rule.worse is not None and rule.worse.reaching is not None:
        yield ("worse", "reaching"), rule.worse.question, (rule.worse.reaching,)
    if rule.count is not None:
        yield ("count", "choices"), rule.count.question, rule.count.choices


def _is_kind(question: Question, required_kind: str) -> bool:
    return question.scale if required_kind == "scale" else question.kind == "several"


# --- Answers without a rule -------------------------------------------------------------------------------------------


def _check_coverage(context: CheckContext, rules: list[Rule]) -> None:
    """Check that each answer is in an `if` that depends on no other answer, of a rule without `unless`."""
    covered = {(q, c) for r in rules if r.unless is None for q, choices in _single_conditions(r) for c in choices}
    for n, question in context.source.items("questions"):
        for k, choice in enumerate(question.choices):
            if (question.id, choice.id) not in covered:
                reason = f"choice '{choice.id}' of '{question.id}' has no rule"
                context.source.fault(("questions", n, "choices", k), f"{reason}: add one, even if it gives ROUTINE")
        if (question.id, SKIP) not in covered:
            reason = f"skipping '{question.id}' has no rule"
            context.source.fault(("questions", n), f"{reason}: add one for '{SKIP}', even if it gives ROUTINE")


def _single_conditions(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    if rule.if_ is not None and len(rule.if_) == 1:
        yield from rule.if_.items()


def _check_skipped(context: CheckContext, rules: list[Rule]) -> None:
    """Check that skipping a red-flag question never ends in an all-clear, unless `on_skip` says that it is no answer.

    Then it must not raise an alarm either.
    """
    alarms = {q for r in rules if r.tier >= Tier.SOON for q, cs in _single_conditions(r) if SKIP in cs}
    cautious = {
        q for r in rules if r.tier >= Tier.SOON and r.unless is None for q, cs in _single_conditions(r) if SKIP in cs
    }
    for n, question in context.source.items("questions"):
        silent = question.on_skip in {"no_answer", "task"}
        if (question.red_flag or question.on_skip == "ask_again") and not silent and question.id not in cautious:
            reason = f"skipping the red-flag question '{question.id}' would end in an all-clear"
            context.source.fault(("questions", n), f"{reason}: add a rule of SOON or higher for '{SKIP}'")
        if silent and question.id in alarms:
            reason = (
                f"skipping '{question.id}' is no answer ('on_skip: {question.on_skip}'), but a rule raises an alarm"
            )
            context.source.fault(("questions", n), f"{reason}: correct one of them")


def _check_signs(context: CheckContext, rules: list[Rule]) -> None:
    """Check that each sign of a safety screen, and "yes" to the screen itself, gives the screen's tier at once."""
    given = {
        (q, c): rule.tier
        for rule in sorted(rules, key=lambda r: r.tier)
        if rule.unless is None and not rule.alone and rule.waits_for is None
        for q, choices in _single_conditions(rule)
        for c in choices
    }
    for n, question in context.source.items("questions"):
        if question.signs is None:
            continue
        tier = question.signs.tier
        if not any(given.get((question.id, c.id)) == tier for c in question.choices):
            reason = f"no answer to '{question.id}' gives {tier.name}, the tier of its signs"
            context.source.fault(("questions", n, "signs"), f"{reason}: add a rule")
        elif question.signs.named_in in context.questions:
            _check_lines(context, n, question.signs, given)


def _check_lines(context: CheckContext, n: int, signs: SignList, given: Mapping[tuple[str, str], Tier]) -> None:
    for k, line in enumerate(signs.lines):
        for choice in line.choices:
            if given.get((signs.named_in, choice)) != signs.tier:
                reason = (
                    f"the sign '{choice}' is on a safety screen of {signs.tier.name}, but no rule gives it that tier"
                )
                context.source.fault(("questions", n, "signs", "lines", k), f"{reason}: correct one of them")


def _check_table(context: CheckContext, rules: list[Rule]) -> None:
    """Check that the composite table has a cell for each pair of answers and never decreases for worse answers."""
    table: tuple[tuple[int | None, ...], ...] | None = context.source.value("composite_table")
    if table is None:
        return
    for rule in rules:
        if rule.composite is not None:
            severity, interference = (
                context.questions.get(q) for q in (rule.composite.severity, rule.composite.interference)
            )
            sizes = (severity and len(severity.choices), interference and len(interference.choices))
            if None not in sizes and (len(table), {len(row) for row in table}) != (sizes[0], {sizes[1]}):
                reason = f"composite_table needs {sizes[0]} rows of {sizes[1]} values for rule '{rule.id}'"
                context.source.fault(("composite_table",), f"{reason}: one for each pair of answers")
    for n, row in enumerate(table):
        if _decreases(row):
            context.source.fault(("composite_table", n), "a worse answer gives a lower value in this row: correct it")
        if n > 0 and None in row:
            reason = "a value is missing in this row (null is only for the first row, where interference isn't asked)"
            context.source.fault(("composite_table", n), f"{reason}: add it")
    for n, (above, below) in enumerate(pairwise(table), start=1):
        if any(_decreases(column) for column in zip(above, below, strict=False)):
            reason = "a worse answer gives a lower value than in the row above"
            context.source.fault(("composite_table", n), f"{reason}: correct it")


def _decreases(values: tuple[int | None, ...]) -> bool:
    present = [v for v in values if v is not None]
    return any(b < a for a, b in pairwise(present))


# --- Rules without effect ---------------------------------------------------------------------------------------------


def _shadows(first: Rule, second: Rule) -> bool:
    """Return whether `first` always matches when `second` does, with the same or a higher tier."""
    if first is second or first.unless is not None or first.alone or _is_lower(first, second):
        return False
    if first.if_ is not None and second.if_ is not None:
        return all(set(second.if_.get(q, ())) and set(second.if_[q]) <= set(cs) for q, cs in first.if_.items())
    return _clauses(first) == _clauses(second)


def _is_lower(first: Rule, second: Rule) -> bool:
    """Return whether `first` can't replace `second`.

    A rule of another group at the same tier still counts: two groups can give a higher tier.
    """
    return first.tier < second.tier or (first.tier == second.tier and first.group != second.group)


def _clauses(rule: Rule) -> tuple[object, ...]:
    return rule.if_, rule.worse, rule.composite, rule.count, rule.groups
