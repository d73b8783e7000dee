"""The protocol: forms, questions, rules, tips and clocks as a clinic signs them. Types only; content/ reads files.

Every clinical number is a value of the protocol file, never a constant in code. Conditions look only at answers that
stand earlier in the same form, so a form can't loop; the reader of files checks that.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.core.schedule import PlanTemplate
from bot.core.screen import Frozen

SKIP = "skip"
"""The pseudo-choice of a question that was skipped; rules may name it like any other choice."""

Answers = Mapping[str, tuple[str, ...]]
"""Question id -> chosen choice ids (one for a single question, one or more for several; `(SKIP,)` when skipped)."""

QuestionId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,17}$")]
ChoiceId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,12}$")]
Condition = Mapping[str, tuple[str, ...]]
"""Question id -> choices; true when for every question named one of its choices was given."""


class Tier(IntEnum):
    """How urgent an assessment is; the highest wins."""

    ROUTINE = 0
    SOON = 1
    URGENT = 2
    EMERGENCY = 3


class Choice(Frozen):
    """One possible answer. `exclusive`: in a several-question it stands alone ("none of these").

    Its text is the catalog's `text`, by default `choice.<question>.<id>`.
    """

    id: ChoiceId
    exclusive: bool = False
    text: str | None = None


class Question(Frozen):
    """One thing asked. `scale`: the choices are ordered from none upwards, so answers can be compared.

    `red_flag`: its strings must be complete in every enabled language, or the start is refused.
    """

    id: QuestionId
    kind: Literal["single", "several"] = "single"
    choices: tuple[Choice, ...]
    scale: bool = False
    red_flag: bool = False

    def choice(self, choice_id: str) -> Choice | None:
        """Return the choice of that id, or None."""
        return next((c for c in self.choices if c.id == choice_id), None)


class FormStep(Frozen):
    """Ask one question of a form, when any of the `when` conditions holds (none given: always).

    `after_emergency`: still asked once an EMERGENCY stopped the form ("which sign was it?").
    `text` replaces the question's own text key in this form.
    """

    ask: QuestionId
    when: tuple[Condition, ...] = ()
    after_emergency: bool = False
    text: str | None = None


class Form(Frozen):
    """An ordered list of questions."""

    id: str
    steps: tuple[FormStep, ...]


class Worse(Frozen):
    """True when a scale question rose by at least `by` steps from the last answer or from the baseline.

    A missing reference counts as the lowest step: what was never recorded is new.
    """

    question: QuestionId
    than: Literal["last", "baseline"]
    by: Annotated[int, Field(ge=1)] = 1


class Composite(Frozen):
    """True when the severity x interference table gives at least `at_least` (Basch 2021, public mapping)."""

    severity: QuestionId
    interference: QuestionId
    at_least: Annotated[int, Field(ge=1, le=3)]


class Count(Frozen):
    """True when at least `at_least` choices of a several-question (exclusive ones aside) were given."""

    question: QuestionId
    at_least: Annotated[int, Field(ge=2)]


class Groups(Frozen):
    """True when rules of at least `at_least` different groups fired at `tier` (UKONS: two ambers make a red)."""

    tier: Tier
    at_least: Annotated[int, Field(ge=2)]


class Rule(Frozen):
    """One fixed, readable rule: exactly one of if_, worse, composite, count, groups decides; `unless` takes it back.

    `alone`: fires only when no other rule at SOON or above did.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,39}$")]
    group: str
    tier: Tier
    if_: Condition | None = Field(default=None, alias="if")
    worse: Worse | None = None
    composite: Composite | None = None
    count: Count | None = None
    groups: Groups | None = None
    unless: Condition | None = None
    alone: bool = False


class Tip(Frozen):
    """A coping tip; fits when `when` holds for the answers (empty: always). Its text is `tip.<id>`."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    theme: str
    source: str
    when: tuple[Condition, ...] = ()


class Repeat(Frozen):
    """Ask again after `after`, at most `times` times."""

    after: timedelta
    times: Annotated[int, Field(ge=1)]


class Clocks(Frozen):
    """The waits of check-ins and alerts (defaults and sources: the protocol file)."""

    cutoff: timedelta
    """A check-in that falls due while the service is down and is later than this is skipped, not sent."""
    reminders: tuple[timedelta, ...]
    """After the check-in was sent; only those before the next check-in count."""
    reminder_when_daily: timedelta
    """The one reminder where the next check-in comes within a day."""
    silent_after: timedelta
    """After this a check-in not finished becomes the work item "not heard from"."""
    remind_again_soon: timedelta
    invite_valid: timedelta
    jitter: timedelta
    loop_back: Mapping[Tier, Repeat]
    quiet_from: time
    quiet_to: time
    send_time: time


class Protocol(Frozen):
    """One protocol file, checked. `content_hash` is the SHA-256 (hex) of the file as read."""

    name: str
    version: str
    content_hash: str
    questions: Mapping[str, Question]
    forms: Mapping[str, Form]
    rules: tuple[Rule, ...]
    composite_table: tuple[tuple[int | None, ...], ...]
    """[severity 0-4][interference 0-4] -> 0-3; None where interference isn't asked."""
    unassessable: Tier
    """What an answer the protocol does not know counts as: cautious, never ROUTINE."""
    tips: tuple[Tip, ...]
    tip_rest: timedelta
    plans: Mapping[str, PlanTemplate]
    clocks: Clocks
