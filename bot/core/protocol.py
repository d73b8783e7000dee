"""The protocol: forms, questions, rules, tips and waits, as a clinic signs them; reads no file (content/ does).

Every clinical number is a value of the protocol file, never a constant in code. A condition depends only on earlier
answers of the same form, so that a form can't loop; content/ checks that.
"""

import re
from collections.abc import Collection, Mapping
from datetime import time, timedelta
from enum import IntEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bot.core.back_off import BackOffStep
from bot.core.despair import DespairRule
from bot.core.frozen import Frozen
from bot.core.plan_template import PlanTemplate

SKIP = "skip"
"""The pseudo-choice of a skipped question; rules may name it like any other choice."""

Answers = Mapping[str, tuple[str, ...]]
"""Question id -> ids of the chosen choices (one if single-choice, one or more otherwise; `(SKIP,)` if skipped)."""

BUTTON_ROOM = 31
"""The maximum length of a question id plus a choice id (with a toggle's sign) in a button, in characters.

Telegram allows 64 bytes of callback data; the rest is kind, subject, revision and signature (see chat/buttons.py).
"""

QuestionId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ChoiceId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Condition = Mapping[str, tuple[str, ...]]
"""Question id -> choices; true if, for every question named, one of these choices was given."""

UNANSWERED = "unanswered"
"""The group of the rules for a safety screen that was left open: nothing is new or stronger."""
MAX_SIGN_LINES = 8
"""The lines of a safety screen that are whole on a phone of 390 x 844 points, with its buttons and the keyboard."""


class Tier(IntEnum):
    """The urgency of an assessment; the highest one applies."""

    ROUTINE = 0
    SOON = 1
    URGENT = 2
    EMERGENCY = 3


def _tier(value: object) -> object:
    """Return the tier for a name such as "URGENT", and any other type unchanged. ValueError if the name is unknown."""
    if not isinstance(value, str):
        return value
    if value not in Tier.__members__:
        raise ValueError(f"'{value}' is not a tier: use one of {', '.join(Tier.__members__)}")
    return Tier[value]


TierName = Annotated[Tier, BeforeValidator(_tier), WithJsonSchema({"type": "string", "enum": list(Tier.__members__)})]
"""A tier, given by its name."""

_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "day": timedelta(days=1), "days": timedelta(days=1)}
_DURATION = re.compile(rf"^(\d{{1,5}}) ({'|'.join(_UNITS)})$")


def _duration(value: object) -> object:
    """Return the duration of "15 min", "1 h" or "14 days". ValueError for any other text and for a bare number."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration: write it like '15 min', '12 h' or '14 days'")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[
    timedelta, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": _DURATION.pattern})
]
"""A duration with its unit; a bare number is refused, because its unit is unknown."""


class Choice(Frozen):
    """One possible answer. `exclusive`: it can't be combined with other choices ("none of these").

    `off_scale`: it is not a level of the question's scale ("does not apply"). Its text is the catalog string `text`, by
    default `choice.<question>.<id>`.
    """

    id: ChoiceId
    exclusive: bool = False
    off_scale: bool = False
    text: str | None = None


class SignLine(Frozen):
    """One line of a safety screen: a body system. `choices`: the signs that it names, as choices of `named_in`.

    Its text is `sign.<question>.<id>`.
    """

    id: ChoiceId
    choices: Annotated[tuple[ChoiceId, ...], Field(min_length=1)]


class SignList(Frozen):
    """The signs of a safety screen, one line each, the most dangerous ones last: nearest the buttons.

    `tier`: the tier of each of these signs. `named_in`: the question that asks which one it is. Rarer forms of the
    signs are in the catalog string `fold.<question>`.
    """

    tier: TierName
    named_in: QuestionId
    lines: Annotated[tuple[SignLine, ...], Field(min_length=1, max_length=MAX_SIGN_LINES)]


class Question(Frozen):
    """One question. `scale`: the choices are ordered from "none" upwards, so that answers can be compared.

    `red_flag`: its strings must be complete in every enabled language, or the program refuses to start. `signs`: it is
    a safety screen. `on_skip`: what skipping it does. `ask_again`: it is asked once more at the end of the form;
    `no_answer`: no alarm; `task`: no alarm, but skipped in two check-ins in a row it is a task for the team; None: as
    the rules say. ValidationError lists every fault of a question.
    """

    id: QuestionId
    kind: Literal["single", "several"] = "single"
    choices: tuple[Choice, ...]
    scale: bool = False
    red_flag: bool = False
    on_skip: Literal["ask_again", "no_answer", "task"] | None = None
    signs: SignList | None = None
    follows: str | None = None
    """The symptom that it asks about again by name (`bot/content/follow_ups.py`); no field of the file."""

    def choice(self, choice_id: str) -> Choice | None:
        """Return the choice with that id; None if there is none."""
        return next((c for c in self.choices if c.id == choice_id), None)

    @property
    def levels(self) -> tuple[str, ...]:
        """Return the ids of the choices that can be compared, lowest first."""
        return tuple(c.id for c in self.choices if not c.off_scale)

    def step_of(self, choice_id: str) -> int | None:
        """Return the steps from the lowest choice up to this one; None if it is not a level of this question."""
        return next((n for n, level in enumerate(self.levels) if level == choice_id), None)

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        ids = [c.id for c in self.choices]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        faults = [f"choice '{i}' is listed twice: give each choice its own id" for i in twice]
        if SKIP in ids:
            faults.append(f"'{SKIP}' is reserved for a skipped question: use another id for that choice")
        if len(ids) < 2:  # noqa: PLR2004 - one choice leaves nothing to ask
            faults.append("a question needs at least two choices")
        if self.kind == "single" and any(c.exclusive for c in self.choices):
            faults.append("'exclusive' applies only to a question of kind 'several': remove it")
        if self.kind == "several" and self.scale:
            faults.append("a scale has one answer: make the question 'single' or remove 'scale'")
        if self.kind == "several" and not any(c.exclusive for c in self.choices):
            faults.append("a 'several' question needs an exclusive choice such as \"none of these\"")
        if any(c.off_scale for c in self.choices) and not self.scale:
            faults.append("'off_scale' applies only to a scale: remove it")
        if self.scale and len(self.levels) < 2:  # noqa: PLR2004 - one level can't be compared
            faults.append("a scale needs at least two levels: 'off_scale' choices don't count")
        if self.signs is not None and self.on_skip != "ask_again":
            faults.append("a safety screen that was skipped must be asked once more: set 'on_skip: ask_again'")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class FormStep(Frozen):
    """One question of a form, asked if any of the `when` conditions holds (always if there are none).

    `about`: it is asked only if the check-in asks about one of these symptoms again; with `when`, either is enough.
    `after_emergency`: still asked after an EMERGENCY has stopped the form ("which sign was it?").
    `text` replaces the question's text key in this form.
    """

    ask: QuestionId
    when: tuple[Condition, ...] = ()
    about: tuple[str, ...] = ()
    after_emergency: bool = False
    text: str | None = None

    def applies(self, answers: Answers, about: Collection[str]) -> bool:
        """Return whether it is asked after these answers, in a check-in that asks about these symptoms again."""
        if any(symptom in about for symptom in self.about):
            return True
        return any(holds(c, answers) for c in self.when) if self.when or self.about else True


class Form(Frozen):
    """An ordered list of questions."""

    id: str
    steps: tuple[FormStep, ...]


class Worse(Frozen):
    """True if a scale question rose by at least `by` steps since the last answer or the baseline.

    `reaching`: the answer must also be this level or a higher one. A missing reference counts as the lowest step: a
    symptom that was never recorded is new.
    """

    question: QuestionId
    than: Literal["last", "baseline"]
    by: Annotated[int, Field(ge=1)] = 1
    reaching: ChoiceId | None = None


class Composite(Frozen):
    """True if the severity x interference table gives at least `at_least` (Basch 2021, public mapping)."""

    severity: QuestionId
    interference: QuestionId
    at_least: Annotated[int, Field(ge=1, le=3)]


class Count(Frozen):
    """True if at least `at_least` choices of a multiple-choice question were given, exclusive ones not counted.

    `choices`: only these count (empty: all).
    """

    question: QuestionId
    at_least: Annotated[int, Field(ge=2)]
    choices: tuple[ChoiceId, ...] = ()


class Groups(Frozen):
    """True if rules of at least `at_least` different groups fired at `tier` (UKONS: two ambers make a red).

    Rules with `pairs: false` are not counted.
    """

    tier: TierName
    at_least: Annotated[int, Field(ge=2)]


class Rule(Frozen):
    """One fixed rule: exactly one of if_, worse, composite, count and groups decides; `unless` prevents it from firing.

    `alone`: it fires only if no other rule at SOON or above does. `standing`: read in files of former
    versions, without effect. `waits_for`: it doesn't fire before that question is
    answered, as long as the form still leads to it ("was that there before?"). `pairs: false`: it names no sign of its
    own ("yes, one of these", "left open"), so that its group is never one of several. ValidationError if not exactly
    one condition is set.
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
    pairs: bool = True
    waits_for: QuestionId | None = None

    @property
    def questions(self) -> frozenset[str]:
        """Return the questions whose answers decide it, except those of `unless`."""
        questions = set(self.if_ or ())
        questions |= {clause.question for clause in (self.worse, self.count) if clause is not None}
        if self.composite is not None:
            questions |= {self.composite.severity, self.composite.interference}
        return frozenset(questions)

    @model_validator(mode="after")
    def _check_conditions(self) -> Self:
        clauses: dict[str, object] = {"if": self.if_, "worse": self.worse, "composite": self.composite}
        clauses |= {"count": self.count, "groups": self.groups}
        given = [name for name, clause in clauses.items() if clause is not None]
        if len(given) != 1:
            raise ValueError(
                f"a rule has exactly one of {', '.join(clauses)}; this one has {', '.join(given) or 'none'}"
            )
        return self


class Tip(Frozen):
    """A coping tip; it fits if any of `when` holds for the answers (empty: always). Its text is `tip.<id>`.

    `sources` are ids in the protocol's list of sources.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    theme: str
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    when: tuple[Condition, ...] = ()


class Topic(Frozen):
    """A topic of the menu "Learn"; its texts are `learn.<id>.title` and `learn.<id>.body`.

    `signs`: it lists the signs of these safety screens, each below `learn.<id>.<question>`, and ends with
    `learn.<id>.rest` instead of the body.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    signs: tuple[QuestionId, ...] = ()


class Symptom(Frozen):
    """One thing that a question, or a line of a safety screen, asks about: a concern is about one symptom.

    `levels`: the tier of each choice of `question` that needs a human. `names`: the question only names the signs
    of a safety screen, so that its silence about a sign says nothing. `raised_by`: rules that raise the tier further.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    group: str
    """Its body system, as in `Rule.group`."""
    question: QuestionId | None = None
    levels: Mapping[ChoiceId, TierName] = {}
    names: bool = False
    raised_by: tuple[str, ...] = ()
    known_by: QuestionId | None = None
    """At the baseline: was it there before, and does the team know?"""
    is_sign: bool = True
    has_question: bool = True
    """False: nothing but "none" on both safety screens says that it is gone."""
    pairs: bool = True
    """Whether it counts when two ambers make a red; `pairs_in_group`: with its own group as well."""
    pairs_in_group: bool = False
    overlap: str | None = None
    """Its sign on the list of signs of which two different ones make an EMERGENCY."""
    overlap_from: Annotated[int, Field(ge=1)] = 1
    overlap_not_with: frozenset[str] = frozenset()
    staff_accept_from: int | None = None
    """The step of its scale from which only staff can accept it as usual."""
    ends_when_answered: bool = False
    """Settled by the first answer at or below the reference level ("left open")."""


class Remembering(Frozen):
    """How long and how often concerns are remembered; the protocol file names the sources."""

    reached_days: Annotated[int, Field(ge=1)]
    """A REACHED concern is settled by answers at or below the reference on so many days ..."""
    reached_span: Duration
    """... over at least this time."""
    open_days: Annotated[int, Field(ge=1)]
    """The same for an OPEN one at SOON."""
    open_span: Duration
    keep_reached_level: Duration
    """The level that a human was reached about is kept for this after the concern was settled."""
    pair_window: Duration
    """Two concerns count together if they were first found within this time."""
    lower_span: Duration
    """Lower answers for so long ..."""
    lower_days: Annotated[int, Field(ge=1)]
    """... on so many days lower a reference level."""
    take_back_after: Duration
    confirm_within: Duration
    """Staff have to confirm a reference level that is more than the patient's word carries."""
    calm_days: Annotated[int, Field(ge=1)]
    follow_up_at_most: Duration
    fresh: Duration
    """"None" on a safety screen counts for an all-clear for so long."""
    half_answer: Duration
    """What an unfinished form found counts as soon as nobody has tapped for so long."""


class FollowUpRule(Frozen):
    """The form of the daily follow-up; `Remembering` has its days. `stable_days`: read in former files, no effect."""

    form: str
    stable_days: Annotated[int, Field(ge=1)] | None = None


class Repeat(Frozen):
    """The safety follow-ups of a tier: every `after`, at most `times` times."""

    after: Duration
    times: Annotated[int, Field(ge=1)]


class Ack(Frozen):
    """How long staff may take to acknowledge an alert: the next person is notified after `next`, then `everyone`."""

    next: Duration
    everyone: Duration


class Clocks(Frozen):
    """The waits of check-ins and alerts; the protocol file names their sources."""

    cutoff: Duration
    """A check-in that was due longer ago than this, because the service was down, is skipped instead of sent."""
    reminders: tuple[Duration, ...]
    """Counted from when the check-in was sent; only reminders before the next check-in are sent."""
    reminder_when_daily: Duration
    """The only reminder if the next check-in is due within a day."""
    silent_after: Duration
    """An unfinished check-in becomes the task "not heard from" after this."""
    remind_again_soon: Duration
    change_for: Duration
    """How long the answers of a finished check-in can be changed."""
    invite_valid: Duration
    jitter: Duration
    safety_follow_up: Mapping[TierName, Repeat] = Field(alias="loop_back")
    """`loop_back` in the protocol file."""
    ack: Mapping[TierName, Ack]
    quiet_from: time
    quiet_to: time
    send_time: time


class Protocol(Frozen):
    """One checked protocol file. `content_hash`: the SHA-256 (hex) of its bytes. No `silence`: it changes nothing."""

    name: str
    version: str
    content_hash: str
    questions: Mapping[str, Question]
    forms: Mapping[str, Form]
    rules: tuple[Rule, ...]
    composite_table: tuple[tuple[int | None, ...], ...]
    """[severity 0-4][interference 0-4] -> 0-3; None if interference isn't asked."""
    unassessable: TierName
    """The tier of an answer that the protocol doesn't know: cautious, never ROUTINE."""
    follow_up: FollowUpRule
    """`again` in the protocol file."""
    symptoms: Mapping[str, Symptom]
    remembering: Remembering
    """`concerns` in the protocol file."""
    sources: Mapping[str, str]
    """Source id -> citation."""
    topics: tuple[Topic, ...]
    tips: tuple[Tip, ...]
    tip_rest: Duration
    tip_rest_disliked: Duration
    """A tip is shown again after `tip_rest` at the earliest; after this if it was rated "not for me"."""
    plans: Mapping[str, PlanTemplate]
    clocks: Clocks
    despair: DespairRule = DespairRule()
    silence: tuple[BackOffStep, ...] = ()


# --- Conditions and answers -------------------------------------------------------------------------------------------


def holds(condition: Condition, answers: Answers) -> bool:
    """Return whether, for every question named, one of these choices was given."""
    return all(any(c in answers.get(question, ()) for c in choices) for question, choices in condition.items())


def any_holds(conditions: tuple[Condition, ...], answers: Answers) -> bool:
    """Return whether one of the conditions holds, or there are none."""
    return not conditions or any(holds(c, answers) for c in conditions)


def applicable(form: Form, answers: Answers, about: Collection[str] = ()) -> tuple[FormStep, ...]:
    """Return the steps that these answers lead to, in order; answers to steps that don't apply are ignored.

    `about`: the symptoms that the check-in asks about again.
    """
    steps: list[FormStep] = []
    counted: dict[str, tuple[str, ...]] = {}
    for step in form.steps:
        if step.applies(counted, about):
            steps.append(step)
            if step.ask in answers:
                counted[step.ask] = answers[step.ask]
    return tuple(steps)
