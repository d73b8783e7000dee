"""What happens to a patient that concerns depend on: answers, replies, outcomes of staff, time. Decides nothing."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from bot.core.concern_values import WORSE_STEP, Level
from bot.core.frozen import Frozen


class Answered(Frozen):
    """An answer about a symptom, by a person, on a local day. `is_named`: after "yes" on a safety screen.

    `replaces`: when the same check-in gave the answer that this one replaces.
    """

    symptom: str
    level: Level
    by: str
    day: date
    is_named: bool = False
    replaces: AwareDatetime | None = None


class TookBack(Frozen):
    """A person took back the answer they gave at `given_at`, was asked again, and answered `level`."""

    symptom: str
    level: Level
    by: str
    given_at: AwareDatetime
    day: date


class Named(Frozen):
    """The sign behind a "yes" on a safety screen was named: its concern replaces that of `instead_of`.

    `yes_at`: when "yes" was said.
    """

    symptom: str
    level: Level
    by: str
    day: date
    instead_of: str
    yes_at: AwareDatetime | None = None

    @property
    def says_worse(self) -> bool:
        """Return whether it is more than the name of what was left unnamed: asked by name, it was "worse"."""
        return self.level.step >= WORSE_STEP


class Spoke(Frozen):
    """ "Yes, someone spoke with me", on a message that named these symptoms at `asked_at`."""

    symptoms: tuple[str, ...]
    by: str
    message: int
    asked_at: AwareDatetime


class AtHospital(Frozen):
    """ "I am at the hospital": it counts for everything that is open."""

    by: str


class TeamKnows(Frozen):
    """ "My team knows", confirmed by "yes" to "did you tell them about this?"."""

    symptoms: tuple[str, ...]
    by: str
    asked_at: AwareDatetime


class NotYet(Frozen):
    """ "Not yet", or "I can't reach them", on a message that named these symptoms."""

    symptoms: tuple[str, ...]
    by: str
    message: int


OutcomeKind = Literal["contact", "no_action", "not_reached", "false_alarm", "out_of_care"]


class Outcome(Frozen):
    """An outcome by staff for these symptoms, on a page that was shown at `shown_at`."""

    kind: OutcomeKind
    symptoms: tuple[str, ...]
    shown_at: AwareDatetime


class Agree(Frozen):
    """Staff accept a level of a symptom until a time."""

    symptom: str
    level: Level
    until: AwareDatetime


class SetReference(Frozen):
    """Staff set the reference level of a symptom, or confirm it."""

    symptom: str
    level: Level


class RejectReference(Frozen):
    """Staff reject the reference level that the patient or a helper named."""

    symptom: str


class KnownBefore(Frozen):
    """At the first baseline: "it was there before, and my team knows". `is_helper`: a helper said so."""

    symptom: str
    level: Level
    is_helper: bool


class NotKnown(Frozen):
    """ "It was there before, and my team knows" was changed to another answer."""

    symptom: str


class BaselineFinished(Frozen):
    """A baseline was finished."""


class AlertClosed(Frozen):
    """Staff closed the alert that groups the concerns."""


class ClockJumped(Frozen):
    """The computer's clock was set: days that were counted may not be days."""


class TimePassed(Frozen):
    """Time passed: agreements may have ended."""


Happening = (
    Answered
    | TookBack
    | Named
    | Spoke
    | AtHospital
    | TeamKnows
    | NotYet
    | Outcome
    | Agree
    | SetReference
    | RejectReference
    | KnownBefore
    | NotKnown
    | BaselineFinished
    | AlertClosed
    | ClockJumped
    | TimePassed
)
