"""A concern, the levels of answers, and the inputs to one concern: values; `bot/core/concern.py` has the rules."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import AwareDatetime

from bot.core.frozen import Frozen
from bot.core.protocol import Remembering, Symptom, Tier

# --- What is remembered -----------------------------------------------------------------------------------------------


class Level(NamedTuple):
    """How strong a symptom is: the tier of that answer, then its step on the question's scale (0: none).

    A sign has the steps 0 (gone), 1 (there) and 2 (worse, or not sure). Levels are ordered; a higher tier through a
    second question (interference, self-care) is a higher level.
    """

    tier: Tier
    step: int


NONE = Level(Tier.ROUTINE, 0)
WORSE_STEP = 2


class ConcernState(StrEnum):
    """The state of a concern. NONE: the symptom never was one."""

    NONE = "none"
    OPEN = "open"
    REACHED = "reached"
    SETTLED = "settled"


class Ending(StrEnum):
    """Why a concern was settled."""

    RECOVERED = "recovered"
    WENT_AWAY = "went_away"
    """A SOON that nobody called about, and that answers showed to be gone."""
    TAKEN_BACK = "taken_back"
    FALSE_ALARM = "false_alarm"
    ACCEPTED = "accepted"
    OUT_OF_CARE = "out_of_care"
    NAMED = "named"
    """A sign that was not named at first was named: its own concern continues."""
    ANSWERED = "answered"


class Days(Frozen):
    """Consecutive local days with an answer of one kind: their number, the first and last answer, and the last day."""

    days: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    last_day: date


class Concern(Frozen):
    """One symptom of one patient that needs a human, or needed one.

    `opened_at`: when it last opened, rose or re-opened. `givers`: who gave the answers above the accepted levels, with
    the time of their first one since it opened.
    """

    symptom: str
    state: ConcernState = ConcernState.NONE
    own_tier: Tier = Tier.ROUTINE
    """The highest tier of its own findings until it is settled."""
    combined: Tier = Tier.ROUTINE
    """The tier it took from a pair with another concern."""
    level: Level = NONE
    """The level of the last answer."""
    highest: Level = NONE
    first_found_at: AwareDatetime | None = None
    sign_found_at: AwareDatetime | None = None
    """When it first counted as a sign of the overlap list: an item of a scale does from a step on."""
    opened_at: AwareDatetime | None = None
    givers: Mapping[str, AwareDatetime] = {}
    given: Mapping[str, tuple[AwareDatetime, ...]] = {}
    """Each time that a giver gave such an answer since: all of them have to be taken back."""
    retracted_at: AwareDatetime | None = None
    """Everyone who gave it took it back: the patient is asked no more, and the team's alert goes on."""
    is_for_team: bool = False
    """Opened by the end of an agreement or by a rejected reference level: no call screen and no prompt."""
    came_back: bool = False
    in_alert: bool = False
    reached_level: Level | None = None
    reached_at: AwareDatetime | None = None
    reached_by_message: int | None = None
    """The safety follow-up whose "yes" led to REACHED; None: staff did."""
    by_staff: bool = False
    """Staff were in contact about it since it last opened, or decided about it."""
    refused_message: int | None = None
    """The last safety follow-up that was answered "not yet"."""
    refused_by: frozenset[str] = frozenset()
    usual: Days | None = None
    """The days at or below the reference level since the last answer above it."""
    above_on: date | None = None
    """The local day of the last answer above the reference level: it can't count as a usual day any more."""
    worsened_at: AwareDatetime | None = None
    calm_days: int = 0
    """The days with an answer that was not worse, since it last opened, rose or re-opened."""
    calm_on: date | None = None
    settled_at: AwareDatetime | None = None
    ending: Ending | None = None

    @property
    def tier(self) -> Tier:
        """Return the tier it needs a human at: the highest of its findings and of its pairs."""
        return max(self.own_tier, self.combined)

    @property
    def was_reached(self) -> bool:
        """Return whether a human was reached since it opened last, whatever became of it then."""
        return self.reached_at is not None and (self.opened_at is None or self.opened_at <= self.reached_at)

    @property
    def is_pending(self) -> bool:
        """Return whether it is OPEN or REACHED."""
        return self.state in {ConcernState.OPEN, ConcernState.REACHED}

    @property
    def awaits_staff(self) -> bool:
        """Return whether no one of the team has dealt with it since it last opened."""
        return self.is_pending and (self.state is ConcernState.OPEN or not self.by_staff)

    @property
    def is_still_there(self) -> bool:
        """Return whether a human knows about it, and the last answer found it above the reference."""
        return self.state is ConcernState.REACHED and self.usual is None and self.level.tier >= Tier.SOON

    def opened_after(self, shown_at: datetime) -> bool:
        """Return whether it opened, rose or re-opened later: what was said or shown then is not about it."""
        return self.opened_at is not None and self.opened_at > shown_at

    def milder_yes(self, yes_at: datetime | None) -> "Concern | None":
        """Return what is left of a sign that nobody named, if a sign of a higher screen was named after its own "yes".

        `yes_at`: when that "yes" was said. None if it raised nothing that was OPEN at a lower tier: all of it is named.
        """
        rose_at = self.opened_at
        if yes_at is None or rose_at is None or rose_at < yes_at:
            return None
        # Of what a human knows already, no earlier answer is left here.
        given = {by: tuple(at for at in times if at < rose_at) for by, times in self.given.items()}
        given = {by: times for by, times in given.items() if times}
        if self.state is not ConcernState.OPEN or not given:
            return None
        tier = Tier(self.own_tier - 1)
        at = {by: min(times) for by, times in given.items()}
        first = {"givers": at, "given": given, "opened_at": max(max(times) for times in given.values())}
        return self.model_copy(update={**first, "own_tier": tier, "level": Level(tier, 1), "highest": Level(tier, 1)})


# --- Inputs to one concern --------------------------------------------------------------------------------------------


class Above(Frozen):
    """An answer above all accepted levels."""

    level: Level
    by: str
    day: date
    is_named: bool
    replaces: AwareDatetime | None = None
    """When the same check-in gave the answer that this one replaces."""


class Between(Frozen):
    """An answer above the reference that raises nothing: staff have to decide about its level first."""

    level: Level
    day: date


class Usual(Frozen):
    """An answer at or below the reference, or the agreed level while it holds."""

    level: Level
    day: date


class TakenBack(Frozen):
    """A giver took their answer back and now answers `level`."""

    level: Level
    by: str
    given_at: AwareDatetime
    day: date
    is_usual: bool


class SpokeWith(Frozen):
    """The patient or a helper says that somebody spoke with them. `message`: None for "I am at the hospital"."""

    by: str
    message: int | None
    asked_at: AwareDatetime


class TeamInformed(Frozen):
    """The patient says that the team knows about it."""

    asked_at: AwareDatetime


class NotReachedYet(Frozen):
    """Somebody answers a message that asked for it with "not yet"."""

    by: str
    message: int


class Contact(Frozen):
    """Staff were in contact with the patient."""

    shown_at: AwareDatetime


class NoAction(Frozen):
    """Staff read the answers and contacted nobody."""

    shown_at: AwareDatetime


class End(Frozen):
    """It ends by a decision of staff, or because another concern replaces it. `accepted`: up to that level."""

    ending: Ending
    accepted: Level | None = None
    shown_at: AwareDatetime


class NeedsDecision(Frozen):
    """Staff have to decide about a level again. `known`: answers up to it are no news to them."""

    known: Level


class Combine(Frozen):
    """It is part of a pair that needs a human at this tier."""

    tier: Tier


class ForgetDays(Frozen):
    """The days that were counted may not be days: the clock was set."""


Input = (
    Above
    | Between
    | Usual
    | TakenBack
    | SpokeWith
    | TeamInformed
    | NotReachedYet
    | Contact
    | NoAction
    | End
    | NeedsDecision
    | Combine
    | ForgetDays
)


class Rules(NamedTuple):
    """The symptoms of the protocol by id, and its numbers."""

    symptoms: Mapping[str, Symptom]
    remembering: Remembering

    def symptom(self, symptom: str) -> Symptom:
        """Return a symptom; one that the protocol doesn't know is a body system of its own."""
        return self.symptoms.get(symptom) or Symptom(id=symptom, group=symptom)


class Context(NamedTuple):
    """What a handler works with besides the concern."""

    symptom: Symptom
    remembering: Remembering
    at: datetime

    @property
    def is_said_only_if_new(self) -> bool:
        """Return whether it has no question of its own: said again, it came again."""
        return not self.symptom.has_question and not self.symptom.ends_when_answered


def counted(days: Days | None, day: date, at: datetime) -> Days:
    """Return the days with one more answer; the count starts again if the clock was set back."""
    if days is None or at < days.last_at or day < days.last_day:
        return Days(days=1, first_at=at, last_at=at, last_day=day)
    more = 1 if day > days.last_day else 0
    return days.model_copy(update={"days": days.days + more, "last_at": at, "last_day": day})


def lasted(days: Days | None, at_least: int, span: timedelta) -> bool:
    """Return whether there are so many days, over so long a time."""
    return days is not None and days.days >= at_least and days.last_at - days.first_at >= span
