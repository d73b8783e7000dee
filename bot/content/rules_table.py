"""Renders the rules of a protocol and their tiers as Markdown tables that clinicians can read. Decides nothing."""

from collections.abc import Iterator, Sequence

from bot.core.back_off import BackOffStep
from bot.core.plan_template import PlanTemplate, after_stop_of
from bot.core.protocol import Condition, Protocol, Rule, Tier


def rules_table(protocol: Protocol) -> str:
    """Return the document: rules by tier, composite table, deadlines and plans."""
    parts = [
        f"# Rules of the protocol “{protocol.name}” {protocol.version}",
        "Generated from the protocol file by `make rules`. The highest tier of all matching rules applies.",
        *(_tier(protocol, tier) for tier in sorted(Tier, reverse=True)),
        *_signs(protocol),
        *_skipping(protocol),
        _composite(protocol),
        _clocks(protocol),
        *_silence(protocol.silence),
        *(_plan(plan) for plan in protocol.plans.values()),
    ]
    return "\n\n".join(parts) + "\n"


def _tier(protocol: Protocol, tier: Tier) -> str:
    rows = [
        f"| `{rule.id}` | {rule.group} | {describe_condition(rule)} | {'; '.join(_qualifiers(rule))} |"
        for rule in protocol.rules
        if rule.tier is tier
    ]
    unknown = (
        f"\n\nAn answer that is not in the protocol counts as {tier.name}." if protocol.unassessable is tier else ""
    )
    return (
        "\n".join([f"## {tier.name}", "", "| rule | group | matches when | and |", "|---|---|---|---|", *rows])
        + unknown
    )


def describe_condition(rule: Rule) -> str:
    """Return in words, with the ids of the protocol, when a rule matches."""
    if rule.if_ is not None:
        return _condition(rule.if_)
    if rule.worse is not None:
        reference = "the last answer" if rule.worse.than == "last" else "the baseline"
        level = f"{rule.worse.reaching} or more, and " if rule.worse.reaching is not None else ""
        return f"`{rule.worse.question}` is {level}at least {rule.worse.by} step above {reference}"
    if rule.composite is not None:
        pair = f"`{rule.composite.severity}` × `{rule.composite.interference}`"
        return f"composite of {pair} is {rule.composite.at_least} or more"
    if rule.count is not None:
        which = f" ({', '.join(rule.count.choices)})" if rule.count.choices else ""
        return f"{rule.count.at_least} or more of `{rule.count.question}`{which}"
    if rule.groups is not None:
        return f"rules of {rule.groups.at_least} or more groups give {rule.groups.tier.name} or higher"
    return ""


def _condition(condition: Condition) -> str:
    return " and ".join(f"`{question}` is {' or '.join(choices)}" for question, choices in condition.items())


def _qualifiers(rule: Rule) -> Iterator[str]:
    if rule.unless is not None:
        yield f"not if {_condition(rule.unless)}"
    if rule.waits_for is not None:
        yield f"waits for `{rule.waits_for}` if that is asked"
    if rule.alone:
        yield "only if nothing else gives SOON or higher"
    if not rule.pairs:
        yield "its group doesn't count as one of several"


def _signs(protocol: Protocol) -> Iterator[str]:
    """Yield the safety screens: each line with the signs that it names, the last one nearest the buttons."""
    rows = [
        f"| `{question.id}` | {question.signs.tier.name} | {line.id} | {', '.join(line.choices)} |"
        for question in protocol.questions.values()
        if question.signs is not None
        for line in question.signs.lines
    ]
    if rows:
        head = ["## Safety screens", "", "| screen | tier | line | signs |", "|---|---|---|---|"]
        yield "\n".join([*head, *rows])


_ON_SKIP = {
    "ask_again": "asked once more at the end of the form; skipped again: as the rules say",
    "no_answer": "no answer, no alarm",
    "task": "no answer, no alarm; in two check-ins in a row a task for the team",
}


def _skipping(protocol: Protocol) -> Iterator[str]:
    rows = [
        f"| {', '.join(f'`{q.id}`' for q in protocol.questions.values() if q.on_skip == policy)} | {effect} |"
        for policy, effect in _ON_SKIP.items()
        if any(q.on_skip == policy for q in protocol.questions.values())
    ]
    if rows:
        yield "\n".join(["## Skipped questions", "", "| question | effect |", "|---|---|", *rows])


def _composite(protocol: Protocol) -> str:
    width = max(len(row) for row in protocol.composite_table)
    head = "| | " + " | ".join(str(n) for n in range(width)) + " |"
    rows = [
        f"| {n} | " + " | ".join("–" if value is None else str(value) for value in row) + " |"
        for n, row in enumerate(protocol.composite_table)
    ]
    return "\n".join(["## Composite (severity down, interference across)", "", head, "|---" * (width + 1) + "|", *rows])


def _clocks(protocol: Protocol) -> str:
    clocks, remembering = protocol.clocks, protocol.remembering
    rows = [
        f"| did you reach someone, {tier.name} | after {repeat.after}, {repeat.times} times |"
        for tier, repeat in sorted(clocks.safety_follow_up.items(), reverse=True)
    ]
    rows += [
        f"| not acknowledged, {tier.name} | next person after {ack.next}, everyone after {ack.everyone} |"
        for tier, ack in sorted(clocks.ack.items(), reverse=True)
    ]
    rows += [
        f"| reminders | {', '.join(str(wait) for wait in clocks.reminders)} |",
        f"| reminder if the next check-in is within a day | {clocks.reminder_when_daily} |",
        f"| not heard from | {clocks.silent_after} |",
        f"| answers can be changed for | {clocks.change_for} |",
        f"| daily follow-up until (form `{protocol.follow_up.form}`) | {remembering.calm_days} calm days |",
        f"| daily follow-up at the latest until | {remembering.follow_up_at_most} after it was last worse |",
        f"| send time, quiet hours | {clocks.send_time:%H:%M}, {clocks.quiet_from:%H:%M}–{clocks.quiet_to:%H:%M} |",
        f"| check-in skipped if later than | {clocks.cutoff} |",
    ]
    return "\n".join(["## Deadlines", "", "| event | time |", "|---|---|", *rows])


def _silence(steps: Sequence[BackOffStep]) -> Iterator[str]:
    rows = [f"| {step.after} | {step.days} days after the last one | {step.reminders} |" for step in steps]
    if rows:
        head = ["## Silence", "", "| unanswered in a row | next check-in at the earliest | reminders at most |"]
        rule = "Not while an EMERGENCY or URGENT is open. Any answer or tap ends it."
        yield "\n".join([*head, "|---|---|---|", *rows, "", rule])


def _plan(plan: PlanTemplate) -> str:
    rows = []
    for phase in plan.phases:
        schedule = ", ".join(f"{c.form} every {c.every} from day {phase.first_day + c.offset}" for c in phase.cadences)
        rows.append(f"| {phase.name} | {phase.first_day}–{phase.last_day} | {schedule} |")
    after = after_stop_of(plan)
    risk = f"if the stop falls on day {after.at_risk_until_day} or earlier or is: {', '.join(after.at_risk_reasons)}"
    for stop_phase in after.phases:
        schedule = ", ".join(f"{c.form} every {c.every} from day {c.offset}" for c in stop_phase.cadences)
        days = f"0–{stop_phase.last_day} after the stop{f', {risk}' if stop_phase.at_risk_only else ''}"
        rows.append(f"| {stop_phase.name} | {days}, where denser | {schedule} |")
    tail = ", ".join(f"{c.form} every {c.every}" for c in plan.tail.cadences)
    rows.append(f"| {plan.tail.name} | afterwards, until {plan.tail.days_after_stop} days after the stop | {tail} |")
    head = [
        f"## Plan “{plan.name}” (days from the start of immunotherapy; a restart begins it again)",
        "",
        "| phase | days | check-ins |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows])
