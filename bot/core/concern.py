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
from datetime import date, datetime
from typing import Any, NamedTuple

from bot.core.concern_values import (
    WORSE_STEP,
    Above,
    Between,
    Combine,
    Concern,
    ConcernState,
    Contact,
    Context,
    End,
    Ending,
    ForgetDays,
    Input,
    Level,
    NeedsDecision,
    NoAction,
    NotReachedYet,
    SpokeWith,
    TakenBack,
    TeamInformed,
    Usual,
    counted,
    lasted,
)
from bot.core.protocol import Tier


class UnlistedConcernStateError(AssertionError):
    """A handler returned a state that its row of `TRANSITIONS` doesn't list: an error in the table."""

    def __init__(self, received: Input, state: ConcernState, reached: ConcernState) -> None:
        super().__init__(f"{type(received).__name__} in {state} led to {reached}, which its transition doesn't list")


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
    if given.level.tier is Tier.EMERGENCY or _is_worse(given, context) or context.is_said_only_if_new:
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
    if concern.opened_after(given.asked_at) or is_unasked or (given.message is not None and differs):
        return concern
    return _reached(concern, context).model_copy(update={"reached_by_message": given.message})


def _team_knows(concern: Concern, given: TeamInformed, context: Context) -> Concern:
    if concern.tier > Tier.SOON or concern.opened_after(given.asked_at):
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
    return concern if concern.opened_after(given.shown_at) else _reached_by_staff(concern, context)


def _no_action(concern: Concern, given: NoAction, context: Context) -> Concern:
    if concern.tier > Tier.SOON or concern.opened_after(given.shown_at):
        return concern
    return _reached_by_staff(concern, context)


def _end(concern: Concern, given: End, context: Context) -> Concern:
    if concern.opened_after(given.shown_at):
        return concern
    known = None if given.ending in {Ending.FALSE_ALARM, Ending.NAMED} else concern.reached_level
    if given.accepted is not None:
        # Staff know of the level that they accept, and of no higher one that nobody was reached about.
        known = _max_level(known, given.accepted)
    return _settled(concern, given.ending, context).model_copy(update={"reached_level": known})


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
        # Who gave what a human knows already doesn't have to take the new answer back, and what is worse than it rises.
        concern = concern.model_copy(update={"givers": {}, "given": {}, "highest": given.level})
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


def _is_taken_back_for_good(concern: Concern, given: Usual, context: Context) -> bool:
    retracted = concern.retracted_at
    if retracted is None or concern.tier is Tier.EMERGENCY or concern.above_on is None:
        return False
    return given.day > concern.above_on and context.at - retracted >= context.remembering.take_back_after


def _is_worse(given: Above, context: Context) -> bool:
    return context.symptom.is_sign and given.level.step >= WORSE_STEP


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
