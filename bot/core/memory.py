"""All that is remembered of one patient's symptoms, and what happens to it. Asks, shows and stores nothing.

`apply` turns what happened (an answer, a reply, an outcome of the team, the passing of time) into inputs to the
concerns it touches; what an input does to a concern is decided by `bot/core/concern.py`. The rules, each with a test:

* An answer opens a concern only above the levels that are accepted as usual for the patient: the reference level, and
  the agreed level of staff. The patient's word sets a reference at the first baseline only, and never one of an
  EMERGENCY; after that staff set it, and only weeks of lower answers lower it.
* Two concerns may need a human sooner than each alone, across check-ins: two SOON of different body systems are URGENT,
  two different signs of the overlap list are an EMERGENCY. Each pair raises once.
* The end of an agreement opens a concern for the team alone: no call screen and no prompt for the patient.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple

from bot.core.accepted import Accepted, after_answer
from bot.core.changes import NEWS, Change, What, changes_between
from bot.core.concern import change
from bot.core.concern_values import (
    NONE,
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
    NeedsDecision,
    NoAction,
    NotReachedYet,
    Rules,
    SpokeWith,
    TakenBack,
    TeamInformed,
    Usual,
)
from bot.core.frozen import Frozen
from bot.core.happenings import (
    Agree,
    AlertClosed,
    Answered,
    AtHospital,
    BaselineFinished,
    ClockJumped,
    Happening,
    KnownBefore,
    Named,
    NotKnown,
    NotYet,
    Outcome,
    OutcomeKind,
    RejectReference,
    SetReference,
    Spoke,
    TeamKnows,
    TimePassed,
    TookBack,
)
from bot.core.pairs import are_two_ambers, can_pair, overlap
from bot.core.protocol import Tier

# --- What is remembered -----------------------------------------------------------------------------------------------


class Memory(Frozen):
    """All that is remembered of one patient's symptoms. `pairs`: the pairs that have raised a tier already."""

    concerns: Mapping[str, Concern] = {}
    accepted: Mapping[str, Accepted] = {}
    pairs: frozenset[tuple[str, str]] = frozenset()
    has_baseline: bool = False
    """The first baseline is finished: from now on only staff set a reference level."""

    def concern(self, symptom: str) -> Concern:
        """Return the concern of a symptom, in state NONE if it never was one."""
        return self.concerns.get(symptom) or Concern(symptom=symptom)

    def usual(self, symptom: str) -> Accepted:
        """Return the accepted levels of a symptom."""
        return self.accepted.get(symptom) or Accepted()

    @property
    def open(self) -> tuple[Concern, ...]:
        """Return the OPEN concerns, highest tier first."""
        found = (c for c in self.concerns.values() if c.state is ConcernState.OPEN)
        return tuple(sorted(found, key=lambda c: (-c.tier, c.symptom)))


# --- What changed -----------------------------------------------------------------------------------------------------


class Applied(NamedTuple):
    """What is remembered afterwards, and every change of a concern."""

    memory: Memory
    changes: tuple[Change, ...]

    @property
    def raised(self) -> Tier:
        """Return the highest tier of what the patient has to call about now; ROUTINE if nothing is new."""
        new = {*NEWS, What.FOUND_AGAIN}
        return max((c.tier for c in self.changes if c.what in new and not c.is_for_team), default=Tier.ROUTINE)


# --- From what happened to the concerns -------------------------------------------------------------------------------


def apply(memory: Memory, happenings: Iterable[Happening], rules: Rules, at: datetime) -> Applied:
    """Return what is remembered after these happenings, all at `at`, and every change of a concern."""
    before = memory
    # An agreement holds until its end, not until somebody looks.
    memory = _time_passed(memory, TimePassed(), rules, at)
    again: list[str] = []
    for happening in happenings:
        again += _found_again(memory, happening)
        memory = _HANDLERS[type(happening)](memory, happening, rules, at)
    memory = _with_pairs(memory, rules, at)
    changes = tuple(changes_between(before.concerns, memory.concerns, again))
    settled = {c.symptom for c in changes if c.what is What.SETTLED}
    pairs = frozenset(pair for pair in memory.pairs if not settled.intersection(pair))
    # Nobody would decide about an ended level any more.
    accepted = {s: a.without_lapsed if s in settled else a for s, a in memory.accepted.items()}
    return Applied(memory.model_copy(update={"pairs": pairs, "accepted": accepted}), changes)


def can_note(memory: Memory, outcome: Outcome) -> bool:
    """Return whether an outcome is possible: URGENT and EMERGENCY need contact, not a decision without one."""
    return outcome.kind != "no_action" or all(memory.concern(s).tier <= Tier.SOON for s in outcome.symptoms)


def _answered(memory: Memory, given: Answered, rules: Rules, at: datetime) -> Memory:
    accepted = memory.usual(given.symptom)
    memory = _with_accepted(memory, given.symptom, after_answer(accepted, given, rules.remembering, at))
    return _with_input(memory, given.symptom, _input_of(accepted, given), rules, at)


def _input_of(accepted: Accepted, given: Answered) -> Input:
    # A safety screen asks what is "new, or worse": a sign named there is above what is usual.
    if given.level.tier >= Tier.SOON and (given.level > accepted.raises_nothing or given.is_named):
        return Above(level=given.level, by=given.by, day=given.day, is_named=given.is_named, replaces=given.replaces)
    if given.level <= accepted.is_usual or given.level.tier < Tier.SOON:
        return Usual(level=given.level, day=given.day)
    return Between(level=given.level, day=given.day)


def _took_back(memory: Memory, given: TookBack, rules: Rules, at: datetime) -> Memory:
    accepted = memory.usual(given.symptom)
    is_usual = given.level <= accepted.is_usual or given.level.tier < Tier.SOON
    if given.by in memory.concern(given.symptom).givers:
        # Another person's "mistake" is no answer.
        memory = _with_accepted(memory, given.symptom, accepted.model_copy(update={"last": given.level}))
    taken = TakenBack(level=given.level, by=given.by, given_at=given.given_at, day=given.day, is_usual=is_usual)
    return _with_input(memory, given.symptom, taken, rules, at)


def _named(memory: Memory, given: Named, rules: Rules, at: datetime) -> Memory:
    unnamed = memory.concern(given.instead_of)
    # Several signs may be named at once: each replaces what was not named.
    is_done = unnamed.ending is Ending.NAMED and unnamed.settled_at == at
    if not unnamed.is_pending and not is_done:
        found = Answered(symptom=given.symptom, level=given.level, by=given.by, day=given.day, is_named=True)
        return _answered(memory, found, rules, at)
    is_reached = not given.says_worse and (unnamed.state is ConcernState.REACHED or (is_done and unnamed.was_reached))
    found = Answered(symptom=given.symptom, level=given.level, by=given.by, day=given.day, is_named=not is_reached)
    memory = _answered(memory, found, rules, at)
    memory = _in_place_of(memory, given, unnamed, at, is_reached=is_reached)
    if given.level.tier < unnamed.own_tier:
        # A sign of a lower screen is not the one that was left unnamed: that one is as it was before.
        knew = unnamed.reached_level is not None and unnamed.highest <= unnamed.reached_level
        # Only what this "yes" opened again is as before; an earlier one that was left unnamed is open on its own.
        knew = knew and given.yes_at is not None and (unnamed.opened_at or at) >= given.yes_at
        return _with_concern(memory, unnamed.model_copy(update={"state": ConcernState.REACHED})) if knew else memory
    if (milder := unnamed.milder_yes(given.yes_at)) is not None:
        return _with_concern(memory, milder)
    return _with_input(memory, given.instead_of, End(ending=Ending.NAMED, shown_at=at), rules, at)


def _in_place_of(memory: Memory, given: Named, unnamed: Concern, at: datetime, *, is_reached: bool) -> Memory:
    """Give a sign that opened by being named the place and state of the "yes" before: naming is no news."""
    named = memory.concern(given.symptom)
    if named.state is not ConcernState.OPEN or named.opened_at != at:
        return memory
    if not is_reached:
        is_its = given.level.tier >= unnamed.own_tier and unnamed.state is not ConcernState.REACHED
        since = unnamed.opened_at if is_its else None
        return _with_concern(memory, named.model_copy(update={"opened_at": since or at}))
    # Somebody spoke with the patient before the sign had a name.
    spoken = {"state": ConcernState.REACHED, "reached_level": given.level, "reached_at": at}
    same = {"reached_by_message": unnamed.reached_by_message, "by_staff": unnamed.by_staff}
    return _with_concern(memory, named.model_copy(update={**spoken, **same}))


def _spoke_with(memory: Memory, given: Spoke, rules: Rules, at: datetime) -> Memory:
    said = SpokeWith(by=given.by, message=given.message, asked_at=given.asked_at)
    return _to_each(memory, given.symptoms, said, rules, at)


def _at_hospital(memory: Memory, given: AtHospital, rules: Rules, at: datetime) -> Memory:
    return _to_each(memory, memory.concerns, SpokeWith(by=given.by, message=None, asked_at=at), rules, at)


def _said_team_knows(memory: Memory, given: TeamKnows, rules: Rules, at: datetime) -> Memory:
    return _to_each(memory, given.symptoms, TeamInformed(asked_at=given.asked_at), rules, at)


def _said_not_yet(memory: Memory, given: NotYet, rules: Rules, at: datetime) -> Memory:
    return _to_each(memory, given.symptoms, NotReachedYet(by=given.by, message=given.message), rules, at)


def _outcome(memory: Memory, given: Outcome, rules: Rules, at: datetime) -> Memory:
    inputs: Mapping[OutcomeKind, Input] = {
        "contact": Contact(shown_at=given.shown_at),
        "no_action": NoAction(shown_at=given.shown_at),
        "false_alarm": End(ending=Ending.FALSE_ALARM, shown_at=given.shown_at),
        "out_of_care": End(ending=Ending.OUT_OF_CARE, shown_at=given.shown_at),
    }
    noted = inputs.get(given.kind)  # after "not reached" it stays as it is
    about = given.symptoms
    if given.kind == "false_alarm":
        # It is about what nobody of the team has dealt with; if nothing is left, it corrects an earlier outcome.
        found = map(memory.concern, about)
        about = tuple(c.symptom for c in found if c.awaits_staff and not c.opened_after(given.shown_at)) or about
    return memory if noted is None else _to_each(memory, about, noted, rules, at)


def _agree(memory: Memory, given: Agree, rules: Rules, at: datetime) -> Memory:
    accepted = memory.usual(given.symptom).model_copy(
        update={"agreed": given.level, "agreed_until": given.until, "has_lapsed": False}
    )
    return _accept(memory, given.symptom, accepted, rules, at)


def _set_reference(memory: Memory, given: SetReference, rules: Rules, at: datetime) -> Memory:
    accepted = Accepted(reference=given.level, last=memory.usual(given.symptom).last)
    return _accept(memory, given.symptom, accepted, rules, at)


def _accept(memory: Memory, symptom: str, accepted: Accepted, rules: Rules, at: datetime) -> Memory:
    """Accept levels by a decision of staff; what is above them stays as it is."""
    memory = _with_accepted(memory, symptom, accepted)
    if (memory.concern(symptom).level if accepted.last is None else accepted.last) > accepted.raises_nothing:
        return memory
    ended = End(ending=Ending.ACCEPTED, accepted=accepted.raises_nothing, shown_at=at)
    return _with_input(memory, symptom, ended, rules, at)


def _reject_reference(memory: Memory, given: RejectReference, rules: Rules, at: datetime) -> Memory:
    accepted = memory.usual(given.symptom)
    if accepted.reference == NONE and not accepted.has_lapsed:
        return memory
    rejected = accepted.model_copy(update={"reference": NONE, "confirm_until": None, "lower": None})
    if accepted.has_lapsed:
        rejected = rejected.model_copy(update={"agreed": None, "agreed_until": None, "has_lapsed": False})
    memory = _with_accepted(memory, given.symptom, rejected)
    concern = memory.concern(given.symptom)
    if concern.state is ConcernState.OPEN and concern.is_for_team:
        # Open since its time ended: the level that was no news to the team counts as any other from now on.
        return _with_concern(memory, concern.model_copy(update={"highest": NONE}))
    return _with_input(memory, given.symptom, NeedsDecision(known=NONE), rules, at)


def _known_before(memory: Memory, given: KnownBefore, rules: Rules, at: datetime) -> Memory:
    """Take the patient's word for a reference level at the first baseline, as far as their word goes."""
    staff_from = rules.symptom(given.symptom).staff_accept_from
    needs_staff = staff_from is not None and given.level.step >= staff_from
    if memory.has_baseline or given.level.tier is Tier.EMERGENCY or needs_staff:
        return memory
    must_confirm = given.is_helper or given.level.tier > Tier.SOON
    until = at + rules.remembering.confirm_within if must_confirm else None
    accepted = memory.usual(given.symptom).model_copy(update={"reference": given.level, "confirm_until": until})
    return _with_accepted(memory, given.symptom, accepted)


def _not_known(memory: Memory, given: NotKnown, _rules: Rules, _at: datetime) -> Memory:
    accepted = memory.usual(given.symptom)
    return _with_accepted(memory, given.symptom, accepted.model_copy(update={"reference": NONE, "confirm_until": None}))


def _baseline_finished(memory: Memory, _given: BaselineFinished, _rules: Rules, _at: datetime) -> Memory:
    return memory.model_copy(update={"has_baseline": True})


def _alert_closed(memory: Memory, _given: AlertClosed, _rules: Rules, _at: datetime) -> Memory:
    left = {s: concern.model_copy(update={"in_alert": False}) for s, concern in memory.concerns.items()}
    return memory if memory.open else memory.model_copy(update={"concerns": left})


def _clock_jumped(memory: Memory, _given: ClockJumped, rules: Rules, at: datetime) -> Memory:
    accepted = {symptom: each.model_copy(update={"lower": None}) for symptom, each in memory.accepted.items()}
    memory = memory.model_copy(update={"accepted": accepted})
    return _to_each(memory, memory.concerns, ForgetDays(), rules, at)


def _time_passed(memory: Memory, _given: TimePassed, rules: Rules, at: datetime) -> Memory:
    for symptom, accepted in memory.accepted.items():
        memory = _with_time(memory, symptom, accepted, rules, at)
    return memory


def _with_time(memory: Memory, symptom: str, accepted: Accepted, rules: Rules, at: datetime) -> Memory:
    """End an agreement, or a reference level that nobody confirmed, whose time has come."""
    if accepted.confirm_until is not None and at >= accepted.confirm_until:
        if accepted.last is not None and accepted.last <= NONE:
            # The last answer is none of it: nothing is there that staff would have to decide about.
            dropped = accepted.model_copy(update={"reference": NONE, "confirm_until": None})
            return _with_accepted(memory, symptom, dropped)
        known = max(accepted.reference, accepted.agreed or NONE)
        lapsed = accepted.model_copy(
            update={"reference": NONE, "confirm_until": None, "agreed": known, "agreed_until": at, "has_lapsed": True}
        )
    elif accepted.agreed is None or accepted.agreed_until is None or accepted.has_lapsed or at < accepted.agreed_until:
        return memory
    elif accepted.last is not None and accepted.last <= accepted.reference:
        ended = accepted.model_copy(update={"agreed": None, "agreed_until": None})
        return _with_accepted(memory, symptom, ended)
    else:
        lapsed = accepted.model_copy(update={"has_lapsed": True})
    memory = _with_accepted(memory, symptom, lapsed)
    return _with_input(memory, symptom, NeedsDecision(known=lapsed.raises_nothing), rules, at)


_HANDLERS: Mapping[type[Happening], Callable[[Memory, Any, Rules, datetime], Memory]] = {
    Answered: _answered,
    TookBack: _took_back,
    Named: _named,
    Spoke: _spoke_with,
    AtHospital: _at_hospital,
    TeamKnows: _said_team_knows,
    NotYet: _said_not_yet,
    Outcome: _outcome,
    Agree: _agree,
    SetReference: _set_reference,
    RejectReference: _reject_reference,
    KnownBefore: _known_before,
    NotKnown: _not_known,
    BaselineFinished: _baseline_finished,
    AlertClosed: _alert_closed,
    ClockJumped: _clock_jumped,
    TimePassed: _time_passed,
}


def _to_each(memory: Memory, symptoms: Iterable[str], given: Input, rules: Rules, at: datetime) -> Memory:
    for symptom in tuple(symptoms):
        memory = _with_input(memory, symptom, given, rules, at)
    return memory


def _with_input(memory: Memory, symptom: str, given: Input, rules: Rules, at: datetime) -> Memory:
    before = memory.concern(symptom)
    after = change(before, given, Context(rules.symptom(symptom), rules.remembering, at))
    return memory if after == before else _with_concern(memory, after)


def _with_concern(memory: Memory, concern: Concern) -> Memory:
    return memory.model_copy(update={"concerns": {**memory.concerns, concern.symptom: concern}})


def _with_accepted(memory: Memory, symptom: str, accepted: Accepted) -> Memory:
    return memory.model_copy(update={"accepted": {**memory.accepted, symptom: accepted}})


# --- Pairs ------------------------------------------------------------------------------------------------------------


def _with_pairs(memory: Memory, rules: Rules, at: datetime) -> Memory:
    """Raise what is OPEN in pairs of concerns that are more together than each alone, once per pair."""
    pending = [c for c in memory.concerns.values() if c.is_pending and can_pair(c, rules)]
    pairs = list(combinations(sorted(pending, key=lambda c: c.symptom), 2))
    # An EMERGENCY is decided first: two SOON that are part of it make no second, lower tier.
    for tier, meets in ((Tier.EMERGENCY, overlap), (Tier.URGENT, are_two_ambers)):
        for first, second in pairs:
            key = (first.symptom, second.symptom)
            now = [memory.concern(symptom) for symptom in key]
            if key in memory.pairs or not any(c.state is ConcernState.OPEN for c in now):
                continue
            if meets(now[0], now[1], rules, memory.concerns.values()):
                memory = memory.model_copy(update={"pairs": memory.pairs | {key}})
                memory = _to_each(memory, key, Combine(tier=tier), rules, at)
    return memory


# --- Changes ----------------------------------------------------------------------------------------------------------


def _found_again(before: Memory, happening: Happening) -> list[str]:
    """Return the symptom of an EMERGENCY answer whose concern was OPEN already."""
    if not isinstance(happening, Answered | Named) or happening.level.tier is not Tier.EMERGENCY:
        return []
    is_open = before.concern(happening.symptom).state is ConcernState.OPEN
    is_named = isinstance(happening, Named) or happening.is_named
    is_above = is_named or happening.level > before.usual(happening.symptom).raises_nothing
    return [happening.symptom] if is_open and is_above else []
