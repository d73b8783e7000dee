"""The words of a check-in: what it is, what it can be told and what it says happened. Decides nothing."""

from enum import StrEnum

from pydantic import AwareDatetime

from bot.core.protocol import Answers, Tier
from bot.core.screen import Frozen
from bot.core.triage import Assessment


class State(StrEnum):
    """Where a check-in stands."""

    ASKING = "asking"
    PAUSED = "paused"
    """URGENT was raised: the call screen stands, going on or finishing is offered."""
    STOPPED = "stopped"
    """EMERGENCY was raised: only the steps marked `after_emergency` are still asked."""
    DONE = "done"
    EXPIRED = "expired"
    REPLACED = "replaced"


class CheckIn(Frozen):
    """One check-in of one patient. `raised`: the highest tier already acted on in it."""

    form: str
    state: State
    revision: int
    asked_revision: int
    """The revision at which the question at `cursor` was first shown; older taps are stale."""
    cursor: str | None
    answers: Answers
    raised: Tier = Tier.ROUTINE
    acted_on: Tier = Tier.ROUTINE
    """The tier an answer has to pass to raise: as `raised`, but back at ROUTINE after a claimed mistake."""


# --- Inputs -----------------------------------------------------------------------------------------------------------


class Choose(Frozen):
    """A choice of a single question was tapped."""

    question: str
    choice: str
    revision: int


class Toggle(Frozen):
    """A choice of a several-question was tapped; `on` is what it is to become."""

    question: str
    choice: str
    on: bool
    revision: int


class Submit(Frozen):
    """The button "Done" under a several-question."""

    question: str
    revision: int


class Skip(Frozen):
    """The question is passed over."""

    question: str
    revision: int


class Back(Frozen):
    """To the question before."""

    question: str
    revision: int


class GoOn(Frozen):
    """Answer the rest, after URGENT."""

    revision: int


class Finish(Frozen):
    """Leave the rest, after URGENT."""

    revision: int


class Mistake(Frozen):
    """The button "I tapped by mistake"."""


class Expire(Frozen):
    """Its time is over."""


class Replace(Frozen):
    """Another check-in takes its place."""


class Change(Frozen):
    """A question of the finished check-in is answered anew."""

    question: str
    choices: tuple[str, ...]


Tap = Choose | Toggle | Submit | Skip | Back
Input = Tap | GoOn | Finish | Mistake | Expire | Replace | Change

# --- Events -----------------------------------------------------------------------------------------------------------


class AnswerGiven(Frozen):
    """Store this as the question's answer, in place of an earlier one."""

    question: str
    choices: tuple[str, ...]


class AnswerForgotten(Frozen):
    """The question has no answer any more: unticked, or no longer asked."""

    question: str


class RedFlag(Frozen):
    """The tier rose to URGENT or EMERGENCY: show the call screen now."""

    assessment: Assessment


class Finished(Frozen):
    """Nothing more will be asked: the final assessment."""

    assessment: Assessment


class Changed(Frozen):
    """An answer of the finished check-in was changed: what all its answers mean now."""

    assessment: Assessment


class MistakeClaimed(Frozen):
    """The patient says the answer behind this tier was a slip. Log it; it takes nothing back."""

    tier: Tier


class Closed(Frozen):
    """The check-in ended without being finished."""

    state: State


class Reason(StrEnum):
    """Why an input was ignored."""

    NOT_NOW = "not_now"
    STALE = "stale"
    UNKNOWN_CHOICE = "unknown_choice"
    NOTHING_CHOSEN = "nothing_chosen"
    FIRST_QUESTION = "first_question"


class Ignored(Frozen):
    """Nothing changed: `input` (its kind) could not be taken in `state`."""

    reason: Reason
    input: str
    state: State


Event = AnswerGiven | AnswerForgotten | RedFlag | Finished | Changed | MistakeClaimed | Closed | Ignored


class Step(Frozen):
    """The check-in after an input, what happened, and the moment it did (aware; naive ones are refused)."""

    checkin: CheckIn
    events: tuple[Event, ...]
    at: AwareDatetime
