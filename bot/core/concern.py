"""Concerns: what is remembered of a patient's symptoms between check-ins. Asks, shows and stores nothing.

Everything that changes the state of a concern belongs in this file. `TRANSITIONS` has a row for every pair of state and
input that can have an effect; each row names the states that it can lead to. What turns an answer, a reply or an
outcome of the team into these inputs is `bot/core/memory.py`.

The rules, each with a test (their numbers are the protocol's, `Remembering`):

* A concern is OPEN while nobody is known to have spoken with the patient about it, REACHED once a human knows, SETTLED
  once answers about that symptom, or staff, ended it. Time, silence and "I have called" close nothing.
* A human who was reached knows a level: a higher one, "worse", or any EMERGENCY opens the concern again.
* A reply or an outcome counts for what was open when its question or page was shown: what opened, rose or re-opened
  since stays OPEN.
* Of two people who differ, the more cautious one is believed.
* An input without a row changes nothing. A row that leads to a state it doesn't list raises
  `UnlistedConcernStateError`, unless the new state is OPEN: an error in the table must not suppress a red flag.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

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
    """It ends by a decision of staff, or because another concern replaces it."""

    ending: Ending
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


class UnlistedConcernStateError(AssertionError):
    """A handler returned a state that its row of `TRANSITIONS` doesn't list: an error in the table."""

    def __init__(self, received: Input, state: ConcernState, reached: ConcernState) -> None:
        super().__init__(f"{type(received).__name__} in {state} led to {reached}, which its transition doesn't list")


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


# --- Handlers ---------------------------------------------------------------------------------------------------------


def _open_new(concern: Concern, given: Above, context: Context) -> Concern:
    """Open a concern that is not pending, forgetting all of an earlier one but its reached level."""
    kept = _kept_reached_level(concern, context)
    opened = Concern(symptom=concern.symptom, first_found_at=context.at, reached_level=kept)
    return _opened(opened, given, context)


def _back_from_settled(concern: Concern, given: Above, context: Context) -> Concern:
    """Open it again, or only show that it came back: a SOON up to the level that a human was reached about."""
    kept = _kept_reached_level(concern, context)
    is_known = kept is not None and given.level <= kept and given.level.tier is Tier.SOON
    if not is_known or given.is_named or _is_worse(given, context) or not context.symptom.has_question:
        return _open_new(concern, given, context)
    back = Concern(symptom=concern.symptom, first_found_at=context.at, reached_level=kept, reached_at=context.at)
    return _answered_above(back, given, context).model_copy(
        update={
            "state": ConcernState.REACHED,
            "came_back": True,
            "own_tier": given.level.tier,
            "highest": given.level,
            "sign_found_at": _sign_found_at(back, given, context),
            "worsened_at": context.at,
            "calm_on": given.day,
        }
    )


def _above_while_open(concern: Concern, given: Above, context: Context) -> Concern:
    is_higher = given.level > concern.highest or given.level.tier > concern.own_tier
    # "Yes" on a safety screen says more than the level about which only the team was asked.
    is_more = concern.is_for_team and given.is_named
    if is_higher or is_more or concern.retracted_at is not None:
        return _opened(concern, given, context)
    after = _answered_above(concern, given, context)
    if given.level.tier is Tier.EMERGENCY or _is_worse(given, context):
        return after.model_copy(update={"worsened_at": context.at, "calm_days": 0, "calm_on": given.day})
    return _calm(after, given.day)


def _above_while_reached(concern: Concern, given: Above, context: Context) -> Concern:
    is_higher = concern.reached_level is None or given.level > concern.reached_level
    is_emergency = given.level.tier is Tier.EMERGENCY
    # What no question asks about is new each time it is given.
    is_new = given.is_named or not (context.symptom.has_question or context.symptom.ends_when_answered)
    if is_higher or is_emergency or is_new or given.level.tier > concern.tier or _is_worse(given, context):
        return _opened(concern, given, context)
    return _calm(_answered_above(concern, given, context), given.day)


def _between(concern: Concern, given: Between, _context: Context) -> Concern:
    after = concern.model_copy(update={"level": given.level, "usual": None, "above_on": given.day})
    return _calm(after, given.day)


def _usual_while_open(concern: Concern, given: Usual, context: Context) -> Concern:
    counted = _with_usual_day(concern, given, context)
    rules = context.remembering
    if context.symptom.ends_when_answered:
        return _settled(counted, Ending.ANSWERED, context)
    if _is_taken_back_for_good(concern, given, context):
        return _settled(counted, Ending.TAKEN_BACK, context)
    if concern.tier is Tier.SOON and lasted(counted.usual, rules.open_days, rules.open_span):
        return _settled(counted, Ending.WENT_AWAY, context)
    return counted


def _usual_while_reached(concern: Concern, given: Usual, context: Context) -> Concern:
    counted = _with_usual_day(concern, given, context)
    rules = context.remembering
    if context.symptom.ends_when_answered:
        return _settled(counted, Ending.ANSWERED, context)
    if lasted(counted.usual, rules.reached_days, rules.reached_span):
        return _settled(counted, Ending.RECOVERED, context)
    return counted


def _taken_back(concern: Concern, given: TakenBack, context: Context) -> Concern:
    """Take one giver's answer back; any other answer that they gave still counts."""
    first = concern.givers.get(given.by)
    if first is None and not given.is_usual:
        # Nothing of theirs to take back (any more), but asked again, they say that it is there.
        again = _with_giver(concern, given.by, context.at)
        return again.model_copy(update={"retracted_at": None, "level": given.level, "usual": None})
    if first is None:
        return concern
    others = tuple(at for at in concern.given.get(given.by, (first,)) if at != given.given_at)
    if others:
        return concern.model_copy(update={"given": {**concern.given, given.by: others}})
    left = {by: at for by, at in concern.givers.items() if by != given.by}
    left_given = {by: times for by, times in concern.given.items() if by != given.by}
    after = concern.model_copy(update={"givers": left, "given": left_given, "level": given.level})
    if left and not given.is_usual:
        return _with_giver(after, given.by, context.at)
    if left:
        return after
    if given.is_usual:
        return after.model_copy(update={"retracted_at": context.at, "above_on": given.day})
    is_known = concern.reached_level is not None and given.level <= concern.reached_level
    # What is above SOON and had passed was open again at once: nobody spoke about its return.
    is_reached = is_known and (concern.reached_at is not None or given.level.tier <= Tier.SOON)
    if is_reached and max(given.level.tier, concern.tier) < Tier.EMERGENCY:
        return after.model_copy(update={"state": ConcernState.REACHED})
    return concern


def _spoke(concern: Concern, given: SpokeWith, context: Context) -> Concern:
    differs = concern.refused_message == given.message and concern.refused_by - {given.by}
    # At the hospital all of it is known; any other message did not ask about what only the team decides.
    is_unasked = concern.is_for_team and given.message is not None
    if _opened_after(concern, given.asked_at) or is_unasked or (given.message is not None and differs):
        return concern
    return _reached(concern, context).model_copy(update={"reached_by_message": given.message})


def _team_knows(concern: Concern, given: TeamInformed, context: Context) -> Concern:
    if concern.tier > Tier.SOON or _opened_after(concern, given.asked_at):
        return concern
    return _reached(concern, context)


def _not_yet(concern: Concern, given: NotReachedYet, _context: Context) -> Concern:
    if concern.refused_message is not None and given.message < concern.refused_message:
        return concern  # the newer message still counts as "not yet"
    others = concern.refused_by if concern.refused_message == given.message else frozenset()
    return concern.model_copy(update={"refused_message": given.message, "refused_by": others | {given.by}})


def _not_yet_after_yes(concern: Concern, given: NotReachedYet, context: Context) -> Concern:
    if concern.reached_by_message is None or given.message < concern.reached_by_message:
        # Staff know, or it is about an earlier message than the one that was answered "yes".
        return concern
    again = _not_yet(concern, given, context)
    return again.model_copy(
        update={"state": ConcernState.OPEN, "opened_at": context.at, "in_alert": True, "retracted_at": None}
    )


def _contact(concern: Concern, given: Contact, context: Context) -> Concern:
    return concern if _opened_after(concern, given.shown_at) else _reached_by_staff(concern, context)


def _no_action(concern: Concern, given: NoAction, context: Context) -> Concern:
    if concern.tier > Tier.SOON or _opened_after(concern, given.shown_at):
        return concern
    return _reached_by_staff(concern, context)


def _end(concern: Concern, given: End, context: Context) -> Concern:
    if _opened_after(concern, given.shown_at):
        return concern
    settled = _settled(concern, given.ending, context)
    if given.ending in {Ending.FALSE_ALARM, Ending.NAMED}:
        return settled.model_copy(update={"reached_level": None})
    if given.ending is Ending.ACCEPTED:
        return settled.model_copy(update={"reached_level": _max_level(concern.reached_level, concern.highest)})
    return settled


def _needs_decision(concern: Concern, given: NeedsDecision, context: Context) -> Concern:
    return Concern(
        symptom=concern.symptom,
        state=ConcernState.OPEN,
        own_tier=Tier.SOON,
        level=concern.level,
        highest=given.known,
        first_found_at=context.at,
        opened_at=context.at,
        is_for_team=True,
        in_alert=True,
        reached_level=_kept_reached_level(concern, context),
        worsened_at=context.at,
    )


def _combine(concern: Concern, given: Combine, context: Context) -> Concern:
    if given.tier <= concern.tier:
        return concern
    return concern.model_copy(update={"combined": given.tier, "opened_at": context.at, "in_alert": True})


def _forget_days(concern: Concern, _given: ForgetDays, context: Context) -> Concern:
    after = concern.model_copy(update={"usual": None, "calm_days": 0, "calm_on": None})
    if concern.retracted_at is None or concern.above_on is None:
        return after
    # "On another day, hours later" begins again, too.
    return after.model_copy(update={"retracted_at": context.at, "above_on": max(concern.above_on, context.at.date())})


# --- Shared by handlers -----------------------------------------------------------------------------------------------


def _sign_found_at(concern: Concern, given: Above, context: Context) -> datetime | None:
    return concern.sign_found_at or (context.at if given.level.step >= context.symptom.overlap_from else None)


def _opened(concern: Concern, given: Above, context: Context) -> Concern:
    """Return the concern as it opens, rises or re-opens with this answer."""
    if concern.state is ConcernState.REACHED:
        # Who gave what a human knows already doesn't have to take the new answer back.
        concern = concern.model_copy(update={"givers": {}, "given": {}})
    return _answered_above(concern, given, context).model_copy(
        update={
            "state": ConcernState.OPEN,
            "own_tier": max(concern.own_tier, given.level.tier),
            "highest": max(concern.highest, given.level),
            "sign_found_at": _sign_found_at(concern, given, context),
            "opened_at": context.at,
            "in_alert": True,
            "is_for_team": False,
            "came_back": False,
            "retracted_at": None,
            "reached_by_message": None,
            "by_staff": False,
            "worsened_at": context.at,
            "calm_days": 0,
            "calm_on": given.day,
        }
    )


def _answered_above(concern: Concern, given: Above, context: Context) -> Concern:
    after = _with_giver(concern, given.by, context.at, given.replaces)
    return after.model_copy(update={"level": given.level, "usual": None, "above_on": given.day})


def _with_giver(concern: Concern, by: str, at: datetime, replaces: datetime | None = None) -> Concern:
    """Add an answer of a person, in place of the one that it replaces."""
    times = [*(each for each in concern.given.get(by, ()) if each != replaces), at]
    givers = {**concern.givers, by: concern.givers.get(by, at)}
    return concern.model_copy(update={"givers": givers, "given": {**concern.given, by: tuple(dict.fromkeys(times))}})


def _calm(concern: Concern, day: date) -> Concern:
    """Count a day on which it was answered and not worse."""
    if concern.calm_on == day:
        return concern
    return concern.model_copy(update={"calm_days": concern.calm_days + 1, "calm_on": day})


def _with_usual_day(concern: Concern, given: Usual, context: Context) -> Concern:
    """Count a day at or below the reference; a day's worst answer counts, and a clock set back starts again."""
    after = _calm(concern.model_copy(update={"level": given.level}), given.day)
    if concern.above_on is not None and given.day <= concern.above_on:
        return after
    return after.model_copy(update={"usual": counted(concern.usual, given.day, context.at)})


def counted(days: Days | None, day: date, at: datetime) -> Days:
    """Return the days with one more answer; the count starts again if the clock was set back."""
    if days is None or at < days.last_at or day < days.last_day:
        return Days(days=1, first_at=at, last_at=at, last_day=day)
    more = 1 if day > days.last_day else 0
    return days.model_copy(update={"days": days.days + more, "last_at": at, "last_day": day})


def lasted(days: Days | None, at_least: int, span: timedelta) -> bool:
    """Return whether there are so many days, over so long a time."""
    return days is not None and days.days >= at_least and days.last_at - days.first_at >= span


def _is_taken_back_for_good(concern: Concern, given: Usual, context: Context) -> bool:
    retracted = concern.retracted_at
    if retracted is None or concern.tier is Tier.EMERGENCY or concern.above_on is None:
        return False
    return given.day > concern.above_on and context.at - retracted >= context.remembering.take_back_after


def _is_worse(given: Above, context: Context) -> bool:
    return context.symptom.is_sign and given.level.step >= WORSE_STEP


def _opened_after(concern: Concern, shown_at: datetime) -> bool:
    """Return whether it opened, rose or re-opened after that time: what was said, or a page showed, is not about it."""
    return concern.opened_at is not None and concern.opened_at > shown_at


def _reached(concern: Concern, context: Context) -> Concern:
    return concern.model_copy(
        update={
            "state": ConcernState.REACHED,
            "reached_level": _max_level(concern.reached_level, concern.highest),
            "reached_at": context.at,
            "reached_by_message": None,
            "retracted_at": None,
        }
    )


def _reached_by_staff(concern: Concern, context: Context) -> Concern:
    return _reached(concern, context).model_copy(update={"by_staff": True})


def _settled(concern: Concern, ending: Ending, context: Context) -> Concern:
    return concern.model_copy(
        update={
            "state": ConcernState.SETTLED,
            "settled_at": context.at,
            "ending": ending,
            "givers": {},
            "given": {},
            "usual": None,
        }
    )


def _kept_reached_level(concern: Concern, context: Context) -> Level | None:
    settled, keep = concern.settled_at, context.remembering.keep_reached_level
    if settled is None or context.at - settled >= keep:
        return None
    return concern.reached_level


def _max_level(first: Level | None, second: Level) -> Level:
    return second if first is None else max(first, second)


# --- The table --------------------------------------------------------------------------------------------------------

_Handler = Callable[[Concern, Any, Context], Concern]


class Transition(NamedTuple):
    """A row of the table: the handler of an input in a state, and all states that it can lead to."""

    handle: _Handler
    leads_to: frozenset[ConcernState]


def _to(handle: _Handler, *leads_to: ConcernState) -> Transition:
    return Transition(handle, frozenset(leads_to))


_NONE, _OPEN, _REACHED, _SETTLED = ConcernState.NONE, ConcernState.OPEN, ConcernState.REACHED, ConcernState.SETTLED

TRANSITIONS: Mapping[tuple[ConcernState, type[Input]], Transition] = {
    (_NONE, Above): _to(_open_new, _OPEN),
    (_NONE, NeedsDecision): _to(_needs_decision, _OPEN),
    (_OPEN, Above): _to(_above_while_open, _OPEN),
    (_OPEN, Between): _to(_between, _OPEN),
    (_OPEN, Usual): _to(_usual_while_open, _OPEN, _SETTLED),
    (_OPEN, TakenBack): _to(_taken_back, _OPEN, _REACHED),
    (_OPEN, SpokeWith): _to(_spoke, _OPEN, _REACHED),
    (_OPEN, TeamInformed): _to(_team_knows, _OPEN, _REACHED),
    (_OPEN, NotReachedYet): _to(_not_yet, _OPEN),
    (_OPEN, Contact): _to(_contact, _OPEN, _REACHED),
    (_OPEN, NoAction): _to(_no_action, _OPEN, _REACHED),
    (_OPEN, End): _to(_end, _OPEN, _SETTLED),
    (_OPEN, Combine): _to(_combine, _OPEN),
    (_OPEN, ForgetDays): _to(_forget_days, _OPEN),
    (_REACHED, Above): _to(_above_while_reached, _OPEN, _REACHED),
    (_REACHED, Between): _to(_between, _REACHED),
    (_REACHED, Usual): _to(_usual_while_reached, _REACHED, _SETTLED),
    (_REACHED, NotReachedYet): _to(_not_yet_after_yes, _OPEN, _REACHED),
    (_REACHED, Contact): _to(_contact, _REACHED),
    (_REACHED, End): _to(_end, _REACHED, _SETTLED),
    (_REACHED, ForgetDays): _to(_forget_days, _REACHED),
    (_SETTLED, Above): _to(_back_from_settled, _OPEN, _REACHED),
    (_SETTLED, NeedsDecision): _to(_needs_decision, _OPEN),
}
"""Every input that has an effect in a state, and the states it can lead to."""


def change(concern: Concern, given: Input, context: Context) -> Concern:
    """Return the concern after an input; the same one if the input has no effect in its state.

    UnlistedConcernStateError if the new state is neither OPEN nor listed in the input's row of `TRANSITIONS`.
    """
    transition = TRANSITIONS.get((concern.state, type(given)))
    if transition is None:
        return concern
    after = transition.handle(concern, given, context)
    if after.state not in transition.leads_to and after.state is not ConcernState.OPEN:
        raise UnlistedConcernStateError(given, concern.state, after.state)
    return after
