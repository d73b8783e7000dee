"""Law 4: the follow-up asks about the thing found, until it is calm; written from the history of events alone."""

from collections.abc import Iterator
from datetime import datetime

from bot.core import follow_up
from bot.core.memory import Memory
from bot.core.protocol import Remembering
from tests.model.facts import PENDING, Facts, Of, Violation
from tests.model.symptoms import DAY


def asked_about(facts: Facts, memory: Memory, rules: Remembering, at: datetime) -> Iterator[Violation]:
    """Every form asks about what is not settled; the daily follow-up until three calm days, or 14 without worsening."""
    pending = {name for name, of in facts.of.items() if of.state in PENDING}
    again = set(follow_up.asked_again(memory))
    if again != pending:
        yield Violation(4, f"every form asks about {sorted(again)}, not {sorted(pending)}")
    daily = set(follow_up.asked_daily(memory, rules, at))
    for name in sorted(daily - pending):
        yield Violation(4, f"{name} is asked about daily although it is settled")
    for name in sorted(pending):
        of = facts.of[name]
        if name not in daily and _must_be_daily(of, at):
            yield Violation(4, f"{name} is no longer asked about daily")
        if name in daily and _is_calm(of, at):
            yield Violation(4, f"{name} is still asked about daily")


def _must_be_daily(of: Of, at: datetime) -> bool:
    is_recent = of.worse_least is not None and at - of.worse_least < 14 * DAY
    return is_recent and of.calm_most < 3 and not of.for_team


def _is_calm(of: Of, at: datetime) -> bool:
    is_long_ago = of.worse_most is not None and at - of.worse_most > 14 * DAY
    return is_long_ago or of.calm_least >= 3
