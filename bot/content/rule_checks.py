"""Finds what is wrong with the rules of a protocol: what they name, what they leave out, what can never decide."""

from collections.abc import Iterator
from itertools import pairwise

from bot.content.checks import Ground, check_condition
from bot.content.reader import Loc
from bot.core.protocol import SKIP, Question, Rule, Tier


def check_rules(ground: Ground) -> None:
    """Rules name what exists, every answer has a rule of its own, and no rule is shadowed by another."""
    rules: list[tuple[int, Rule]] = ground.source.items("rules")
    for n, rule in rules:
        _check_names(ground, ("rules", n), rule)
        for m, other in rules:
            if _shadows(other, rule) and (m < n or not _shadows(rule, other)):
                reason = f"rule '{rule.id}' never decides anything: '{other.id}' already gives {other.tier.name} then"
                ground.source.fault(("rules", n), f"{reason}; correct or remove one")
    if len(rules) == sum(1 for _ in ground.source.ids("rules")):  # else a faulty rule may be the one that is missed
        _check_coverage(ground, [rule for _, rule in rules])
        _check_skipped_red_flags(ground, [rule for _, rule in rules])
    _check_table(ground, [rule for _, rule in rules])
    if ground.source.value("unassessable") is Tier.ROUTINE:
        reason = "what can't be assessed must not count as ROUTINE: use SOON or higher"
        ground.source.fault(("unassessable",), reason)


# --- What rules name --------------------------------------------------------------------------------------------------


def _check_names(ground: Ground, loc: Loc, rule: Rule) -> None:
    if rule.if_ is not None:
        check_condition(ground, (*loc, "if"), rule.if_)
    if rule.unless is not None:
        check_condition(ground, (*loc, "unless"), rule.unless)
    if rule.waits_for is not None:
        _check_waits(ground, loc, rule, rule.waits_for)
    for where, name, needs in _clause_questions(rule):
        if name not in ground.questions:
            ground.source.fault((*loc, *where), f"there is no question '{name}': correct the id or add the question")
            continue
        question = ground.questions[name]
        if question is not None and not _is(question, needs):
            ground.source.fault((*loc, *where), f"'{name}' is no {needs} question, which this rule needs: name another")


def _check_waits(ground: Ground, loc: Loc, rule: Rule, awaited: str) -> None:
    """What a rule waits for is asked, and after all that the rule looks at: else it would fire too early or never."""
    where = (*loc, "waits_for")
    if awaited not in ground.questions:
        ground.source.fault(where, f"there is no question '{awaited}': correct the id or add the question")
    if rule.tier is Tier.EMERGENCY:
        ground.source.fault(where, f"rule '{rule.id}' gives EMERGENCY, which never waits: remove 'waits_for'")
    for form in ground.forms.values():
        asked = [step.ask for step in form.steps] if form is not None else []
        if awaited in asked and any(asked.index(q) > asked.index(awaited) for q in rule.questions & set(asked)):
            reason = f"form '{form.id if form else ''}' asks '{awaited}' before what rule '{rule.id}' looks at"
            ground.source.fault(where, f"{reason}: ask it after")


def _clause_questions(rule: Rule) -> Iterator[tuple[Loc, str, str]]:
    if rule.worse is not None:
        yield ("worse", "question"), rule.worse.question, "scale"
    if rule.composite is not None:
        yield ("composite", "severity"), rule.composite.severity, "scale"
        yield ("composite", "interference"), rule.composite.interference, "scale"
    if rule.count is not None:
        yield ("count", "question"), rule.count.question, "several"


def _is(question: Question, needs: str) -> bool:
    return question.scale if needs == "scale" else question.kind == "several"


# --- What rules leave out ---------------------------------------------------------------------------------------------


def _check_coverage(ground: Ground, rules: list[Rule]) -> None:
    """Each answer stands in an `if` of its own: one that is not tied to another answer and not taken back."""
    covered = {(q, c) for r in rules if r.unless is None for q, choices in _own(r) for c in choices}
    for n, question in ground.source.items("questions"):
        for k, choice in enumerate(question.choices):
            if (question.id, choice.id) not in covered:
                reason = f"choice '{choice.id}' of '{question.id}' has no rule"
                ground.source.fault(("questions", n, "choices", k), f"{reason}: say what it means, even if ROUTINE")
        if (question.id, SKIP) not in covered:
            reason = f"skipping '{question.id}' has no rule"
            ground.source.fault(("questions", n), f"{reason}: say what '{SKIP}' means, even if ROUTINE")


def _own(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    if rule.if_ is not None and len(rule.if_) == 1:
        yield from rule.if_.items()


def _check_skipped_red_flags(ground: Ground, rules: list[Rule]) -> None:
    """A red-flag question that was skipped never ends in an all-clear."""
    cautious = {q for r in rules if r.tier >= Tier.SOON and r.unless is None for q, cs in _own(r) if SKIP in cs}
    for n, question in ground.source.items("questions"):
        if question.red_flag and question.id not in cautious:
            reason = f"skipping the red-flag question '{question.id}' would end in an all-clear"
            ground.source.fault(("questions", n), f"{reason}: give '{SKIP}' a rule of SOON or higher")


def _check_table(ground: Ground, rules: list[Rule]) -> None:
    """The composite table has a cell for each pair of answers and never falls as they get worse."""
    table: tuple[tuple[int | None, ...], ...] | None = ground.source.value("composite_table")
    if table is None:
        return
    for rule in rules:
        if rule.composite is not None:
            down, across = (ground.questions.get(q) for q in (rule.composite.severity, rule.composite.interference))
            sizes = (down and len(down.choices), across and len(across.choices))
            if None not in sizes and (len(table), {len(row) for row in table}) != (sizes[0], {sizes[1]}):
                reason = f"composite_table needs {sizes[0]} lines of {sizes[1]} values for rule '{rule.id}'"
                ground.source.fault(("composite_table",), f"{reason}: one for each pair of answers")
    for n, row in enumerate(table):
        if _falls(row):
            ground.source.fault(("composite_table", n), "a worse answer gives a lower value in this line: correct it")
        if n > 0 and None in row:
            reason = "a value is missing in this line (null is for the first line, where the second isn't asked)"
            ground.source.fault(("composite_table", n), f"{reason}: write it")
    for n, (above, below) in enumerate(pairwise(table), start=1):
        if any(_falls(column) for column in zip(above, below, strict=False)):
            reason = "a worse answer gives a lower value than the line above"
            ground.source.fault(("composite_table", n), f"{reason}: correct it")


def _falls(values: tuple[int | None, ...]) -> bool:
    present = [v for v in values if v is not None]
    return any(b < a for a, b in pairwise(present))


# --- What can never decide --------------------------------------------------------------------------------------------


def _shadows(first: Rule, second: Rule) -> bool:
    """Tell whether `first` always fires where `second` does and says as much or more."""
    if first is second or first.unless is not None or first.alone or _is_lower(first, second):
        return False
    if first.if_ is not None and second.if_ is not None:
        return all(set(second.if_.get(q, ())) and set(second.if_[q]) <= set(cs) for q, cs in first.if_.items())
    return _clauses(first) == _clauses(second)


def _is_lower(first: Rule, second: Rule) -> bool:
    """A rule of another group at the same tier still counts: two groups can make a higher tier."""
    return first.tier < second.tier or (first.tier == second.tier and first.group != second.group)


def _clauses(rule: Rule) -> tuple[object, ...]:
    return rule.if_, rule.worse, rule.composite, rule.count, rule.groups
