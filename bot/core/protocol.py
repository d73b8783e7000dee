"""The protocol: forms, questions, rules, tips and clocks as a clinic signs them; reads no file (content/ does).

Every clinical number is a value of the protocol file, never a constant in code. Conditions look only at answers that
stand earlier in the same form, so a form can't loop; the reader of files checks that.
"""

import re
from collections.abc import Mapping
from datetime import time, timedelta
from enum import IntEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bot.core.schedule import PlanTemplate
from bot.core.screen import Frozen

SKIP = "skip"
"""The pseudo-choice of a question that was skipped; rules may name it like any other choice."""

Answers = Mapping[str, tuple[str, ...]]
"""Question id -> chosen choice ids (one for a single question, one or more for several; `(SKIP,)` when skipped)."""

BUTTON_ROOM = 31
"""Characters that a question id and a choice id (with the sign of a toggle) may take together in a button.

Telegram takes 64 bytes of callback data; the rest is the kind, subject, revision and signature (see chat/buttons.py).
"""

QuestionId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ChoiceId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Condition = Mapping[str, tuple[str, ...]]
"""Question id -> choices; true when for every question named one of its choices was given."""


class Tier(IntEnum):
    """How urgent an assessment is; the highest wins."""

    ROUTINE = 0
    SOON = 1
    URGENT = 2
    EMERGENCY = 3


def _tier(value: object) -> object:
    """Read "URGENT" as files write it; anything else goes on to pydantic. ValueError for another word."""
    if not isinstance(value, str):
        return value
    if value not in Tier.__members__:
        raise ValueError(f"'{value}' is no tier: use one of {', '.join(Tier.__members__)}")
    return Tier[value]


TierName = Annotated[Tier, BeforeValidator(_tier), WithJsonSchema({"type": "string", "enum": list(Tier.__members__)})]
"""A tier by its name."""

_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "day": timedelta(days=1), "days": timedelta(days=1)}
_DURATION = re.compile(rf"^(\d{{1,5}}) ({'|'.join(_UNITS)})$")


def _duration(value: object) -> object:
    """Read "15 min", "1 h" or "14 days" as files write it. ValueError for other words and for bare numbers."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no length of time: write it like '15 min', '12 h' or '14 days'")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[
    timedelta, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": _DURATION.pattern})
]
"""A length of time; a bare number is refused, because it doesn't say of what."""


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

    def step_of(self, choice_id: str) -> int | None:
        """Return how many steps above the lowest choice that one stands, or None when it is no choice of this."""
        return next((n for n, c in enumerate(self.choices) if c.id == choice_id), None)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        ids = [c.id for c in self.choices]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        faults = [f"choice '{i}' stands twice: give each its own id" for i in twice]
        if SKIP in ids:
            faults.append(f"'{SKIP}' is kept for a skipped question: choose another id for that choice")
        if len(ids) < 2:  # noqa: PLR2004 - a question with one answer is none
            faults.append("a question needs two choices or more")
        if self.kind == "single" and any(c.exclusive for c in self.choices):
            faults.append("'exclusive' means something in a question of kind 'several' only: remove it")
        if self.kind == "several" and self.scale:
            faults.append("a scale has one answer: make the question 'single' or remove 'scale'")
        if self.kind == "several" and not any(c.exclusive for c in self.choices):
            faults.append("a 'several' question needs an exclusive choice such as \"none of these\"")
        if faults:
            raise ValueError("; ".join(faults))
        return self


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

    tier: TierName
    at_least: Annotated[int, Field(ge=2)]


class Rule(Frozen):
    """One fixed, readable rule: exactly one of if_, worse, composite, count, groups decides; `unless` takes it back.

    `alone`: fires only when no other rule at SOON or above did. `standing`: it says how things stand, not that anything
    changed, so that alone it keeps no daily question going. `waits_for`: it does not fire before that question is
    answered, while the form still leads to it ("was that there before?").
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,39}$")]
    group: str
    tier: TierName
    if_: Condition | None = Field(default=None, alias="if")
    worse: Worse | None = None
    composite: Composite | None = None
    count: Count | None = None
    groups: Groups | None = None
    unless: Condition | None = None
    alone: bool = False
    standing: bool = False
    waits_for: QuestionId | None = None

    @property
    def questions(self) -> frozenset[str]:
        """The questions whose answers decide it (`unless` aside)."""
        looks_at = set(self.if_ or ())
        looks_at |= {clause.question for clause in (self.worse, self.count) if clause is not None}
        if self.composite is not None:
            looks_at |= {self.composite.severity, self.composite.interference}
        return frozenset(looks_at)

    @model_validator(mode="after")
    def _decided_by_one(self) -> Self:
        clauses: dict[str, object] = {"if": self.if_, "worse": self.worse, "composite": self.composite}
        clauses |= {"count": self.count, "groups": self.groups}
        given = [name for name, clause in clauses.items() if clause is not None]
        if len(given) != 1:
            raise ValueError(
                f"a rule has exactly one of {', '.join(clauses)}; this one has {', '.join(given) or 'none'}"
            )
        return self


class Tip(Frozen):
    """A coping tip; fits when `when` holds for the answers (empty: always). Its text is `tip.<id>`.

    `sources` are ids of the protocol's list of sources.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    theme: str
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    when: tuple[Condition, ...] = ()


class Topic(Frozen):
    """Something to read in the menu "Learn": its texts are `learn.<id>.title` and `learn.<id>.body`."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    sources: Annotated[tuple[str, ...], Field(min_length=1)]


class Again(Frozen):
    """What is asked daily after a finding at SOON or higher: `form`, until `stable_days` days brought no news."""

    form: str
    stable_days: Annotated[int, Field(ge=1)]


class Repeat(Frozen):
    """Ask again after `after`, at most `times` times."""

    after: Duration
    times: Annotated[int, Field(ge=1)]


class Ack(Frozen):
    """How long staff may take until they take up an alert: after `next` it is the next person's, then everyone's."""

    next: Duration
    everyone: Duration


class Clocks(Frozen):
    """The waits of check-ins and alerts (defaults and sources: the protocol file)."""

    cutoff: Duration
    """A check-in that falls due while the service is down and is later than this is skipped, not sent."""
    reminders: tuple[Duration, ...]
    """After the check-in was sent; only those before the next check-in count."""
    reminder_when_daily: Duration
    """The one reminder where the next check-in comes within a day."""
    silent_after: Duration
    """After this a check-in not finished becomes the work item "not heard from"."""
    remind_again_soon: Duration
    change_for: Duration
    """The answers of a finished check-in can be changed for so long."""
    invite_valid: Duration
    jitter: Duration
    loop_back: Mapping[TierName, Repeat]
    ack: Mapping[TierName, Ack]
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
    unassessable: TierName
    """What an answer the protocol does not know counts as: cautious, never ROUTINE."""
    again: Again
    sources: Mapping[str, str]
    """Id -> the citation as people read it."""
    topics: tuple[Topic, ...]
    tips: tuple[Tip, ...]
    tip_rest: Duration
    """A tip is not shown again before this."""
    tip_rest_disliked: Duration
    """The same for a tip that was rated "not for me"."""
    plans: Mapping[str, PlanTemplate]
    clocks: Clocks


# --- What follows from answers ----------------------------------------------------------------------------------------


def holds(condition: Condition, answers: Answers) -> bool:
    """Tell whether for every question named one of its choices was given."""
    return all(any(c in answers.get(question, ()) for c in choices) for question, choices in condition.items())


def any_holds(conditions: tuple[Condition, ...], answers: Answers) -> bool:
    """Tell whether one of the conditions holds, or none is set."""
    return not conditions or any(holds(c, answers) for c in conditions)


def applicable(form: Form, answers: Answers) -> tuple[FormStep, ...]:
    """Return the steps that these answers lead to, in order; an answer to a step that doesn't apply counts for none."""
    steps: list[FormStep] = []
    counted: dict[str, tuple[str, ...]] = {}
    for step in form.steps:
        if any_holds(step.when, counted):
            steps.append(step)
            if step.ask in answers:
                counted[step.ask] = answers[step.ask]
    return tuple(steps)
