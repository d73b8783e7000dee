"""Tells every rule of a protocol and its tier as a table (Markdown) that clinicians can read. Decides nothing."""

from collections.abc import Iterator

from bot.core.protocol import Condition, Protocol, Rule, Tier
from bot.core.schedule import PlanTemplate


def rules_table(protocol: Protocol) -> str:
    """Return the whole document: rules by tier, the composite table, clocks, and when is asked what."""
    parts = [
        f"# Rules of the protocol “{protocol.name}” {protocol.version}",
        "Made from the protocol file; write it anew with `make rules`. The highest tier of all rules that fire wins.",
        *(_tier(protocol, tier) for tier in sorted(Tier, reverse=True)),
        _composite(protocol),
        _clocks(protocol),
        *(_plan(plan) for plan in protocol.plans.values()),
    ]
    return "\n\n".join(parts) + "\n"


def _tier(protocol: Protocol, tier: Tier) -> str:
    rows = [
        f"| `{rule.id}` | {rule.group} | {fires(rule)} | {'; '.join(_besides(rule))} |"
        for rule in protocol.rules
        if rule.tier is tier
    ]
    unknown = (
        f"\n\nAn answer that the protocol does not know counts as {tier.name}." if protocol.unassessable is tier else ""
    )
    return (
        "\n".join([f"## {tier.name}", "", "| rule | group | fires when | and |", "|---|---|---|---|", *rows]) + unknown
    )


def fires(rule: Rule) -> str:
    """Return when a rule fires, in words with the ids of the protocol."""
    if rule.if_ is not None:
        return _condition(rule.if_)
    if rule.worse is not None:
        reference = "the last answer" if rule.worse.than == "last" else "the baseline"
        return f"`{rule.worse.question}` is {rule.worse.by} step or more above {reference}"
    if rule.composite is not None:
        pair = f"`{rule.composite.severity}` × `{rule.composite.interference}`"
        return f"composite of {pair} is {rule.composite.at_least} or more"
    if rule.count is not None:
        return f"{rule.count.at_least} or more of `{rule.count.question}`"
    if rule.groups is not None:
        return f"rules of {rule.groups.at_least} or more groups give {rule.groups.tier.name} or higher"
    return ""


def _condition(condition: Condition) -> str:
    return " and ".join(f"`{question}` is {' or '.join(choices)}" for question, choices in condition.items())


def _besides(rule: Rule) -> Iterator[str]:
    if rule.unless is not None:
        yield f"not if {_condition(rule.unless)}"
    if rule.waits_for is not None:
        yield f"waits for `{rule.waits_for}` where that is asked"
    if rule.alone:
        yield "only if nothing else gives SOON or higher"
    if rule.standing:
        yield "says how things stand: no news by itself"


def _composite(protocol: Protocol) -> str:
    width = max(len(row) for row in protocol.composite_table)
    head = "| | " + " | ".join(str(n) for n in range(width)) + " |"
    rows = [
        f"| {n} | " + " | ".join("–" if value is None else str(value) for value in row) + " |"
        for n, row in enumerate(protocol.composite_table)
    ]
    return "\n".join(["## Composite (severity down, interference across)", "", head, "|---" * (width + 1) + "|", *rows])


def _clocks(protocol: Protocol) -> str:
    clocks = protocol.clocks
    rows = [
        f"| did you reach someone, {tier.name} | after {repeat.after}, {repeat.times} times |"
        for tier, repeat in sorted(clocks.loop_back.items(), reverse=True)
    ]
    rows += [
        f"| taken up by nobody, {tier.name} | the next person's after {ack.next}, everyone's after {ack.everyone} |"
        for tier, ack in sorted(clocks.ack.items(), reverse=True)
    ]
    rows += [
        f"| reminders | {', '.join(str(wait) for wait in clocks.reminders)} |",
        f"| reminder where the next check-in comes within a day | {clocks.reminder_when_daily} |",
        f"| not heard from | {clocks.silent_after} |",
        f"| answers can be changed for | {clocks.change_for} |",
        f"| asked again daily until | {protocol.again.stable_days} days without news, form `{protocol.again.form}` |",
        f"| send time, quiet hours | {clocks.send_time:%H:%M}, {clocks.quiet_from:%H:%M}–{clocks.quiet_to:%H:%M} |",
        f"| skipped when later than | {clocks.cutoff} |",
    ]
    return "\n".join(["## Clocks", "", "| what | when |", "|---|---|", *rows])


def _plan(plan: PlanTemplate) -> str:
    rows = []
    for phase in plan.phases:
        asked = ", ".join(f"{c.form} every {c.every} from day {phase.first_day + c.offset}" for c in phase.cadences)
        rows.append(f"| {phase.name} | {phase.first_day}–{phase.last_day} | {asked} |")
    tail = ", ".join(f"{c.form} every {c.every}" for c in plan.tail.cadences)
    rows.append(f"| {plan.tail.name} | then, to {plan.tail.days_after_stop} days after the stop | {tail} |")
    head = [
        f"## Plan “{plan.name}” (days from the start of immunotherapy)",
        "",
        "| phase | days | asked |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows])
