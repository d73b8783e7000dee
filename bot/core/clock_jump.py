"""Corrects what is remembered of a patient after the computer's clock was set. Reads no clock.

The rules, each with a test:

* Days that were counted before a jump may not be days: every count starts again, so that a jump settles nothing.
* A clock that was set back leaves no time in the future: a reply or an outcome of today would seem older than what was
  found, and would count for nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.core.concern import change
from bot.core.concern_values import Concern, Context, ForgetDays, Rules
from bot.core.memory import Memory


def after_jump(memory: Memory, rules: Rules, at: datetime, back_by: timedelta) -> Memory:
    """Return what is remembered after the clock was set at `at` (`back_by`: by how much it was set back)."""
    concerns: Mapping[str, Concern] = {
        symptom: _after_jump(concern, rules, at, back_by) for symptom, concern in memory.concerns.items()
    }
    accepted = {symptom: each.model_copy(update={"lower": None}) for symptom, each in memory.accepted.items()}
    return memory.model_copy(update={"concerns": concerns, "accepted": accepted})


def not_ahead(timestamp: datetime, at: datetime, back_by: timedelta) -> datetime:
    """Return a time that had passed when the clock was set back at `at`, as the corrected clock shows it."""
    return timestamp if timestamp <= at else min(at, timestamp - back_by)


def _after_jump(concern: Concern, rules: Rules, at: datetime, back_by: timedelta) -> Concern:
    moved: dict[str, object] = {
        name: not_ahead(value, at, back_by) for name, value in concern if isinstance(value, datetime)
    }
    moved["givers"] = {by: not_ahead(given_at, at, back_by) for by, given_at in concern.givers.items()}
    moved["given"] = {by: tuple(not_ahead(t, at, back_by) for t in times) for by, times in concern.given.items()}
    context = Context(rules.symptom(concern.symptom), rules.remembering, at)
    return change(concern.model_copy(update=moved), ForgetDays(), context)
