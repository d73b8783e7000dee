"""Breaks a rule of the product at a time: the exploration has to report a violation of its law, or it proves nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from bot.core import concern as core
from bot.core import follow_up, pairs
from bot.core import memory as product
from bot.core.concern import Transition
from bot.core.concern_values import Above, Concern, ConcernState, Context, Ending, Rules, TakenBack, Usual
from bot.core.happenings import BaselineFinished, KnownBefore, NotYet, RejectReference
from bot.core.memory import Memory
from bot.core.protocol import Tier
from tests.model.explore import explore
from tests.model.worlds import WORLDS

Patch = Callable[[pytest.MonkeyPatch], None]
ANYWHERE = frozenset(ConcernState)


class Break(NamedTuple):
    """A broken rule, and the world, the depth and the law in which it shows."""

    law: int
    what: str
    world: str
    depth: int
    patch: Patch


def _row(state: ConcernState, given: type, handle: Callable[[Concern, Any, Context], Concern]) -> Patch:
    """Replace the handler of a row of the table."""
    return lambda patch: patch.setitem(core.TRANSITIONS, (state, given), Transition(handle, ANYWHERE))


def _handler(event: type, handle: Callable[[Memory, Any, Rules, datetime], Memory]) -> Patch:
    """Replace what the memory does with an event."""
    return lambda patch: patch.setitem(product._HANDLERS, event, handle)


def _function(module: Any, name: str, function: Any) -> Patch:
    return lambda patch: patch.setattr(module, name, function)


def _is_changed(concern: Concern, **update: Any) -> Concern:
    return concern.model_copy(update=update)


def _settle(concern: Concern, given: Any, context: Context) -> Concern:
    return core._settled(concern, Ending.RECOVERED, context)


def _unchanged(concern: Concern, given: Any, context: Context) -> Concern:
    return concern


def _nothing(memory: Memory, given: Any, rules: Rules, at: datetime) -> Memory:
    return memory


def _forget_all(memory: Memory, given: Any, rules: Rules, at: datetime) -> Memory:
    return memory.model_copy(update={"concerns": {}})


def _settle_same_day(concern: Concern, given: Usual, context: Context) -> Concern:
    same_day = given.day == concern.above_on
    return _settle(concern, given, context) if same_day else core._usual_while_open(concern, given, context)


def _count_every_day(concern: Concern, given: Usual, context: Context) -> Concern:
    return core._usual_while_reached(_is_changed(concern, above_on=None), given, context)


def _reopen_unless_named(concern: Concern, given: Above, context: Context) -> Concern:
    return core._above_while_reached(concern, _is_changed(given, is_named=False), context)


def _only_higher_reopens(concern: Concern, given: Above, context: Context) -> Concern:
    known = concern.reached_level is not None and given.level <= concern.reached_level
    return concern if known else core._above_while_reached(concern, given, context)


def _reopen_always(concern: Concern, given: Above, context: Context) -> Concern:
    return core._opened(concern, given, context)


def _anybody_takes_back(concern: Concern, given: TakenBack, context: Context) -> Concern:
    return _is_changed(concern, retracted_at=context.at) if given.is_usual else concern


def _without_span(days: Any, at_least: int, span: Any) -> bool:
    return days is not None and days.days >= at_least


def _known_for_ever(memory: Memory, given: KnownBefore, rules: Rules, at: datetime) -> Memory:
    first = memory.model_copy(update={"has_baseline": False})
    later = product._known_before(first, given, rules, at)
    return later.model_copy(update={"has_baseline": memory.has_baseline})


def _emergency_is_known(memory: Memory, given: KnownBefore, rules: Rules, at: datetime) -> Memory:
    accepted = memory.usual(given.symptom).model_copy(update={"reference": given.level})
    return product._with_accepted(memory, given.symptom, accepted)


def _reference_ignored(accepted: Any, given: Any) -> Any:
    if given.level.tier >= Tier.SOON:
        return Above(level=given.level, by=given.by, day=given.day, is_named=given.is_named)
    return Usual(level=given.level, day=given.day)


def _soon_ignored(accepted: Any, given: Any) -> Any:
    if given.level.tier > Tier.SOON:
        return Above(level=given.level, by=given.by, day=given.day, is_named=given.is_named)
    return Usual(level=given.level, day=given.day)


def _never_ends(memory: Memory, symptom: str, accepted: Any, rules: Rules, at: datetime) -> Memory:
    return memory


def _first_urgent_only(self: Memory) -> tuple[Concern, ...]:
    return tuple(c for c in self.concerns.values() if c.state is ConcernState.OPEN and c.tier >= Tier.URGENT)


def _not_retracted(self: Memory) -> tuple[Concern, ...]:
    return tuple(c for c in self.concerns.values() if c.state is ConcernState.OPEN and c.retracted_at is None)


def _only_open(memory: Memory) -> tuple[str, ...]:
    return tuple(sorted(concern.symptom for concern in memory.open))


NONE, OPEN, REACHED, SETTLED = ConcernState.NONE, ConcernState.OPEN, ConcernState.REACHED, ConcernState.SETTLED

BREAKS = (
    Break(
        1,
        "a SOON is not named on the end screen",
        "numbness",
        1,
        _function(Memory, "open", property(_first_urgent_only)),
    ),
    Break(1, "what is retracted is not named", "mistakes", 2, _function(Memory, "open", property(_not_retracted))),
    Break(1, "one answer of none settles what is open", "numbness", 2, _row(OPEN, Usual, _settle)),
    Break(2, "one answer of none settles what was reached", "numbness", 3, _row(REACHED, Usual, _settle)),
    Break(2, "three days in less than 48 hours settle", "days", 4, _function(core, "lasted", _without_span)),
    Break(2, "no number of days settles", "eyes", 4, _function(core, "lasted", lambda *_: False)),
    Break(2, "anybody takes any answer back", "mistakes", 2, _row(OPEN, TakenBack, _anybody_takes_back)),
    Break(2, "nobody takes an answer back", "mistakes", 2, _row(OPEN, TakenBack, _unchanged)),
    Break(
        2,
        "a false alarm ends what staff spoke about",
        "names",
        4,
        _function(Concern, "awaits_staff", property(lambda concern: concern.is_pending)),
    ),
    Break(3, "not yet by another person is not heard", "replies", 4, _handler(NotYet, _nothing)),
    Break(
        3, "an old message is about what rose since", "replies", 4, _function(Concern, "opened_after", lambda *_: False)
    ),
    Break(4, "no form asks about what was reached", "numbness", 2, _function(follow_up, "asked_again", _only_open)),
    Break(4, "no daily follow-up", "numbness", 1, _function(follow_up, "_is_unsettled", lambda *_: False)),
    Break(4, "a daily follow-up without end", "numbness", 3, _function(follow_up, "_is_unsettled", lambda *_: True)),
    Break(4, "days on which it got worse are calm", "eyes", 4, _function(core, "_is_worse", lambda *_: False)),
    Break(5, "no pair", "ambers", 2, _function(product, "_with_pairs", lambda memory, *_: memory)),
    Break(5, "no two ambers", "ambers", 2, _function(product, "are_two_ambers", lambda *_: False)),
    Break(5, "no overlap", "overlap", 2, _function(product, "overlap", lambda *_: False)),
    Break(5, "pairs at any distance", "overlap", 3, _function(pairs, "_found_together", lambda *_: True)),
    Break(5, "everything pairs", "ambers", 3, _function(product, "can_pair", lambda *_: True)),
    Break(6, "the reference is ignored", "references", 1, _function(product, "_input_of", _reference_ignored)),
    Break(6, "what a human knows opens again", "numbness", 3, _row(REACHED, Above, _reopen_always)),
    Break(6, "a higher level is no news", "numbness", 3, _row(REACHED, Above, _unchanged)),
    Break(6, "a second baseline raises the reference", "references", 2, _handler(KnownBefore, _known_for_ever)),
    Break(8, "a sign named after yes is no news", "eyes", 3, _row(REACHED, Above, _only_higher_reopens)),
    Break(8, "yes is an answer like any other", "eyes", 3, _row(REACHED, Above, _reopen_unless_named)),
    Break(8, "an EMERGENCY found again shows nothing", "replies", 2, _function(product, "_found_again", lambda *_: [])),
    Break(9, "none on the day of a yes settles", "numbness", 2, _row(OPEN, Usual, _settle_same_day)),
    Break(2, "a day with a yes counts as a day of none", "days", 4, _row(REACHED, Usual, _count_every_day)),
    Break(10, "a finished baseline forgets concerns", "references", 3, _handler(BaselineFinished, _forget_all)),
    Break(10, "time forgets concerns", "numbness", 2, _function(product, "_time_passed", _forget_all)),
    Break(10, "time forgets concerns of the ended", "eyes", 2, _function(product, "_time_passed", _forget_all)),
    Break(11, "the patient's word accepts an EMERGENCY", "references", 1, _handler(KnownBefore, _emergency_is_known)),
    Break(11, "an agreement never ends", "agreements", 3, _function(product, "_with_time", _never_ends)),
    Break(11, "staff can't reject a reference", "references", 2, _handler(RejectReference, _nothing)),
    Break(13, "a SOON waits for the end of the form", "numbness", 1, _function(product, "_input_of", _soon_ignored)),
    Break(13, "nothing opens", "numbness", 1, _row(NONE, Above, _unchanged)),
)


def test_breaks_cover_every_law_of_the_exploration():
    assert {broken.law for broken in BREAKS} == {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: f"{broken.law}: {broken.what}")
def test_broken_rule_is_reported(broken, monkeypatch):
    broken.patch(monkeypatch)
    world = WORLDS[broken.world]
    explored = explore(world.symptoms, world.events, broken.depth, stop_at_law=broken.law)
    laws = {found.violation.law for found in explored.found}
    assert broken.law in laws, f"not noticed in {explored.applied} events; violations of {laws or 'no law'}"
