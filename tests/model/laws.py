"""The laws of concerns as predicates: what a history of events says must, may and must not be remembered after it.

`check` takes what the history said before an event, the event, and the product's memory and changes after it. It
returns what the history says now, and every violation with the number of its law:

1 no all-clear while a concern is open · 2 only evidence closes · 3 "I have called" and "not yet" are not "reached" ·
4 the follow-up asks about what was found, until it is calm · 5 two ambers, two overlap signs · 6 worse is worse than the reference · 8 "yes" and
"need help" act at once · 9 the cautious answer wins · 10 nothing but evidence ends an OPEN concern: no second baseline,
no closed alert, no time, no clock · 11 EMERGENCY signs, agreements and their end · 13 an answer opens by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple

from bot.core.changes import What
from bot.core.concern_values import Concern, Level
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
    NotYet,
    Outcome,
    RejectReference,
    SetReference,
    Spoke,
    TeamKnows,
    TimePassed,
    TookBack,
)
from bot.core.memory import Applied, Memory
from bot.core.protocol import Tier
from tests.model.facts import (
    NEVER,
    OPEN,
    PENDING,
    REACHED,
    SETTLED,
    Ended,
    Facts,
    Given,
    Of,
    Violation,
    given_also,
    is_signal,
    keeps_known_level,
    nothing_counted,
    opened,
    recovered,
    reopens_when_given,
    taken_back_by,
    went_away,
    with_calm,
    with_lower,
    with_time,
    with_usual_day,
)
from tests.model.follow_ups import asked_about
from tests.model.pair_tiers import pair_tier
from tests.model.symptoms import DAY, HOUR, KINDS, NOTHING, product_rules

RULES = product_rules()
NEW = frozenset({What.OPENED, What.ROSE, What.REOPENED, What.FOUND_AGAIN})


class Expected(NamedTuple):
    """What may be remembered of a symptom: its states, the law if it is another one, and the other things to compare.

    `level`: of an answer above the accepted levels, by `by`. `retracted` None: both are right. `raises`: the tier that
    the patient has to be shown at once; None: nothing may be raised; `...`: both are right.
    """

    of: Of
    states: frozenset[str]
    law: int
    level: Level | None = None
    by: str = ""
    retracted: bool | None = False
    raises: Any = ...
    references: frozenset[Level] | None = None
    lasts: frozenset[Level | None] | None = None
    for_team: str = ""
    own_most: Tier | None = None
    is_false_alarm: bool = False
    is_decision: bool = False
    yes_by: str | None = None
    is_contact: bool = False
    is_decided: bool = False


class Asked(NamedTuple):
    """An event about one symptom: what the history said of it and of everything, and when."""

    name: str
    of: Of
    facts: Facts
    at: datetime


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def unchanged(asked: Asked, law: int) -> Expected:
    return Expected(asked.of, states(asked.of.state), law, retracted=asked.of.is_retracted)


# --- Answers ----------------------------------------------------------------------------------------------------------


def _answered(asked: Asked, event: Answered) -> Expected:
    name, of, _, at = asked
    after, references = with_lower(of, event.level, at, event.day)
    if after.reference not in references:
        after = after._replace(reference=max(references))
    after = with_calm(after, name, event.level, at, event.day)._replace(last=event.level)
    is_chronic_yes = event.is_named and event.level.tier is Tier.EMERGENCY
    if of.is_usual(event.level) and not is_chronic_yes:
        return _usual(asked, after, event)._replace(references=references)
    above = nothing_counted(after)._replace(above_on=event.day)
    if of.is_quiet(event.level) and not is_chronic_yes:
        return Expected(above, states(of.state), 11, retracted=of.is_retracted, raises=None, references=references)
    return _above(asked, above, event)._replace(references=references, level=event.level, by=event.by)


def _usual(asked: Asked, after: Of, event: Answered) -> Expected:
    of, at = asked.of, asked.at
    after = with_usual_day(after, at, event.day)
    law = 9 if event.day == of.above_on else 2
    if of.state == OPEN:
        if KINDS[asked.name].is_left_open:
            return Expected(after, states(SETTLED), 2, retracted=None, raises=None)
        if of.is_retracted:
            is_later = of.taken_back_at is not None and at - of.taken_back_at >= 12 * HOUR
            if of.tier < Tier.EMERGENCY and is_later and event.day not in {of.taken_back_on, of.above_on}:
                return Expected(after, states(SETTLED), 2, retracted=None, raises=None)
            if of.own < Tier.EMERGENCY and is_later and event.day != of.above_on:
                return Expected(after, states(OPEN, SETTLED), 2, retracted=True, raises=None)
            also = states(SETTLED) if went_away(after, surely=False) else states()
            return Expected(after, states(OPEN) | also, law, retracted=True, raises=None)
        if went_away(after, surely=False):
            surely = went_away(after, surely=True) and not of.for_team
            return Expected(after, states(SETTLED) if surely else states(OPEN, SETTLED), 2, raises=None)
        return Expected(after, states(OPEN), law, raises=None)
    if of.state == REACHED:
        if KINDS[asked.name].is_left_open or recovered(after, at, surely=True):
            return Expected(after, states(SETTLED), 2, raises=None)
        if recovered(after, at, surely=False):
            return Expected(after, states(REACHED, SETTLED), 2, raises=None)
        return Expected(after, states(REACHED), law, raises=None)
    return Expected(after, states(of.state), 6, raises=None)


def _above(asked: Asked, after: Of, event: Answered) -> Expected:
    name, of, _, at = asked
    level = event.level
    law = 11 if of.agreed is not None or of.reference > NOTHING else 8 if event.is_named else 13
    if of.state == NEVER:
        return Expected(after, states(OPEN), law, raises=level.tier)
    if of.state == OPEN:
        return Expected(after, states(OPEN), law, raises=_raised_while_open(asked, event))
    if of.state == REACHED:
        must = (
            is_signal(name, level)
            or event.is_named
            or reopens_when_given(name)
            or of.known_most is None
            or level > of.known_most
            or level.tier > of.tier
        )
        if must:
            return Expected(
                after, states(OPEN), 8 if event.is_named or reopens_when_given(name) else 6, raises=level.tier
            )
        if of.known_least is not None and level <= of.known_least:
            return Expected(after, states(REACHED), 6, raises=None)
        return Expected(after, states(OPEN, REACHED), 6)
    keeps = keeps_known_level(of, at)
    is_new = level.tier > Tier.SOON or of.known_most is None or level > of.known_most or reopens_when_given(name)
    if is_new or keeps is False:
        return Expected(after, states(OPEN), 8 if reopens_when_given(name) else law, raises=level.tier)
    is_clear = of.known_least is not None and level <= of.known_least and keeps and not event.is_named
    if is_clear and not is_signal(name, level) and KINDS[name].has_question:
        return Expected(after, states(REACHED), 6, raises=None)
    return Expected(after, states(OPEN, REACHED), 6)


def _raised_while_open(asked: Asked, event: Answered) -> Any:
    """The same finding while it is open shows no second call screen; an EMERGENCY does, and so does a higher tier."""
    of, level = asked.of, event.level
    if level.tier is Tier.EMERGENCY or level.tier > of.tier:
        return level.tier
    is_same = level <= of.open_top and level.tier <= of.own and not of.is_retracted and not of.for_team
    if is_same and not event.is_named and not is_signal(asked.name, level) and not reopens_when_given(asked.name):
        return None
    return ...


def _took_back(asked: Asked, event: TookBack) -> Expected:
    of, at = asked.of, asked.at
    entry = next((entry for entry in of.given if entry.by == event.by), None)
    if of.state not in PENDING or entry is None or event.given_at > entry.last:
        found = unchanged(asked, 2)._replace(lasts=frozenset({of.last, event.level}), raises=None)
        if of.state != OPEN or of.is_usual(event.level):
            return found
        given = tuple(sorted((*(one for one in of.given if one.by != event.by), Given(event.by, at, at, "some"))))
        return found._replace(of=of._replace(given=given), retracted=None if of.is_retracted else False)
    lasts: frozenset[Level | None] = frozenset({of.last, event.level})
    if of.state == REACHED:
        if of.is_usual(event.level):
            return Expected(of, states(REACHED), 2, lasts=lasts, raises=None)
        return Expected(nothing_counted(of), states(REACHED, OPEN), 2, lasts=lasts)
    after = of._replace(last=event.level)
    is_below_known = of.known_most is not None and event.level <= of.known_most
    returns = states(REACHED) if of.own < Tier.EMERGENCY and is_below_known else states()
    if not of.is_usual(event.level):
        after = nothing_counted(after)._replace(given=given_also(of.given, event.by, at))
        return Expected(after, states(OPEN) | returns, 2, retracted=None if of.is_quiet(event.level) else False)
    given = taken_back_by(of.given, event.by, event.given_at)
    all_back = all(entry.taken == "all" for entry in given)
    none_left = not any(entry.taken == "none" for entry in given)
    after = after._replace(given=given)
    if not of.is_retracted:
        after = after._replace(taken_back_at=at, taken_back_on=at.date())
    after = after._replace(usual=with_usual_day(after, at, at.date()).usual)
    retracted = True if all_back else None if none_left else of.is_retracted
    lasts = lasts if "some" in {entry.taken for entry in given} else None
    ok = states(OPEN) | (returns if none_left else states())
    return Expected(after, ok, 2, retracted=retracted, raises=None, lasts=lasts)


def _named(asked: Asked, event: Named) -> Expected:
    name, of, facts, _ = asked
    instead = facts.of[event.instead_of].state
    if name == event.instead_of:
        # A sign of a lower screen is not the one that was left unnamed.
        if instead in PENDING and event.level.tier >= of.tier:
            return Expected(of._replace(last=of.last), states(SETTLED), 2, retracted=None, raises=None)
        return unchanged(asked, 2)
    plain = Answered(symptom=name, level=event.level, by=event.by, day=event.day, is_named=True)
    found = _answered(asked, plain)
    if instead not in PENDING:
        return found
    if OPEN in {instead, of.state}:
        return found._replace(
            states=states(OPEN), law=1, raises=..., own_most=Tier.EMERGENCY, level=event.level, by=event.by
        )
    if instead == REACHED and of.is_usual(event.level):
        return found._replace(states=states(REACHED, OPEN, of.state), law=2, raises=...)
    if REACHED in {instead, of.state}:
        also = states(OPEN) if of.state == REACHED or event.level.tier > facts.of[event.instead_of].tier else states()
        return found._replace(
            states=states(REACHED) | also, law=2, raises=..., own_most=Tier.EMERGENCY, level=event.level, by=event.by
        )
    return found


# --- Words of the patient and helpers ---------------------------------------------------------------------------------


def _reached_by_word(asked: Asked, shown: datetime | None, law: int) -> Expected:
    """It counts for what had not risen or re-opened since the message or page was shown (None: for all)."""
    of = asked.of
    if of.state != OPEN:
        also = states(SETTLED) if of.state == REACHED and recovered(of, asked.at, surely=False) else states()
        return Expected(of, states(of.state) | also, law, raises=None)
    if shown is not None and of.changed is not None and shown < of.changed:
        return unchanged(asked, law)
    ok = states(REACHED)
    if shown is not None and of.maybe_changed is not None and shown < of.maybe_changed:
        ok |= states(OPEN)
    if of.usual is not None and of.usual.is_at_least(3, 48 * HOUR):
        ok |= states(SETTLED)
    return Expected(of, ok, law, retracted=None, raises=None)


def _spoke(asked: Asked, event: Spoke) -> Expected:
    of = asked.of
    if asked.name not in event.symptoms:
        return unchanged(asked, 2)
    if of.state == OPEN and of.refused_by - {event.by}:
        return unchanged(asked, 3)
    found = _reached_by_word(asked, event.asked_at, 3)
    if of.state == OPEN and (of.refused_by or of.for_team):
        found = found._replace(states=found.states | {OPEN}, retracted=None)
    return found._replace(yes_by=event.by)


def _at_hospital(asked: Asked, _event: AtHospital) -> Expected:
    return _reached_by_word(asked, None, 3)


def _team_knows(asked: Asked, event: TeamKnows) -> Expected:
    if asked.name not in event.symptoms or (asked.of.state == OPEN and asked.of.tier > Tier.SOON):
        return unchanged(asked, 2)
    found = _reached_by_word(asked, event.asked_at, 2)
    return found._replace(states=found.states | {OPEN}) if asked.of.for_team and asked.of.state == OPEN else found


def _not_yet(asked: Asked, event: NotYet) -> Expected:
    of = asked.of
    if asked.name not in event.symptoms:
        return unchanged(asked, 3)
    after = of._replace(refused_by=of.refused_by | {event.by})
    if of.state != REACHED:
        return Expected(after, states(of.state), 3, retracted=of.is_retracted)
    if of.yes_by is not None and of.yes_by != event.by:
        return Expected(after, states(OPEN), 3)
    if of.yes_by == event.by:
        return Expected(after, states(OPEN, REACHED), 3)
    return Expected(after, states(REACHED), 3)


# --- Staff ------------------------------------------------------------------------------------------------------------


def _outcome(asked: Asked, event: Outcome) -> Expected:
    of = asked.of
    if asked.name not in event.symptoms or event.kind == "not_reached" or of.state not in PENDING:
        return unchanged(asked, 2)
    if event.kind == "contact":
        return _reached_by_word(asked, event.shown_at, 2)._replace(is_contact=True)
    if event.kind == "no_action":
        refused = of.state == OPEN and of.tier > Tier.SOON
        return unchanged(asked, 2) if refused else _reached_by_word(asked, event.shown_at, 2)._replace(is_decided=True)
    is_false = event.kind == "false_alarm"
    if of.changed is not None and event.shown_at < of.changed:
        stale = states(of.state) if of.state == OPEN and is_false else states(of.state, SETTLED)
        return Expected(of, stale, 2, retracted=of.is_retracted, is_false_alarm=is_false)
    others = is_false and asked.facts.unheard(set(event.symptoms) - {asked.name}, event.shown_at)
    if of.state == REACHED and of.by_staff is not False and others is not False:
        # Staff spoke with the patient about it: the false alarm is the other one.
        ok = states(REACHED) if others and of.by_staff else states(REACHED, SETTLED)
        return Expected(of, ok, 2, is_false_alarm=True, raises=None)
    is_maybe = of.maybe_changed is not None and event.shown_at < of.maybe_changed
    ok = states(SETTLED, of.state) if is_maybe else states(SETTLED)
    return Expected(of, ok, 2, retracted=None, is_false_alarm=is_false, raises=None)


def _decided(asked: Asked, after: Of) -> Expected:
    """Staff accept a level: it settles what is within it, and nothing above it."""
    after = after._replace(quiet=None)
    if asked.of.state not in PENDING:
        return Expected(after, states(asked.of.state), 11, raises=None)
    covers = asked.of.last is None or after.is_usual(asked.of.last)
    ok = states(SETTLED) if covers else states(asked.of.state)
    retracted = None if covers else asked.of.is_retracted
    return Expected(after, ok, 11 if covers else 2, retracted=retracted, raises=None, is_decision=True)


def _agree(asked: Asked, event: Agree) -> Expected:
    after = asked.of._replace(agreed=event.level, agreed_until=event.until)
    return _decided(asked, after)


def _set_reference(asked: Asked, event: SetReference) -> Expected:
    after = asked.of._replace(
        reference=event.level, confirm_until=None, is_word=False, lower=None, lower_since=asked.at
    )
    return _decided(asked, after)


def _reject_reference(asked: Asked, _event: RejectReference) -> Expected:
    of = asked.of
    if of.quiet is not None and of.is_quiet_word:
        if of.state != OPEN:
            return Expected(of._replace(quiet=None), states(of.state, OPEN), 11, for_team="rejected", retracted=None)
        after = of._replace(quiet=None, top=NOTHING, open_top=NOTHING) if of.for_team else of._replace(quiet=None)
        return Expected(after, states(OPEN), 11, for_team="rejected", retracted=None)
    if not of.is_word:
        # The page doesn't say what a rejected reference is that staff set: staff decide.
        both = frozenset({of.reference, NOTHING})
        ok = states(of.state, OPEN) if of.reference > NOTHING else states(of.state)
        return Expected(of, ok, 11, for_team="rejected", retracted=None, references=both)
    after = of._replace(reference=NOTHING, confirm_until=None, is_word=False, lower=None, lower_since=asked.at)
    if of.last is None or after.is_usual(of.last):
        return Expected(after, states(of.state, OPEN), 11, for_team="rejected", retracted=of.is_retracted)
    ok = states(OPEN) if of.state != REACHED else states(OPEN, REACHED)
    return Expected(after, ok, 11, for_team="rejected", retracted=None)


# --- The baseline, time and the clock ---------------------------------------------------------------------------------


def _known_before(asked: Asked, event: KnownBefore) -> Expected:
    """The patient's word counts at the first baseline only, and never for an EMERGENCY or what only staff accept."""
    staff_only = KINDS[asked.name].staff_only_from
    is_staff_only = staff_only is not None and event.level.step >= staff_only
    if asked.facts.has_baseline or event.level.tier is Tier.EMERGENCY or is_staff_only:
        return unchanged(asked, 11)
    needs_staff = event.is_helper or event.level.tier > Tier.SOON
    until = asked.at + 7 * DAY if needs_staff else None
    after = asked.of._replace(
        reference=event.level, confirm_until=until, is_word=True, lower=None, lower_since=asked.at
    )
    return Expected(after, states(asked.of.state), 10, retracted=asked.of.is_retracted)


def _clock_jumped(asked: Asked, _event: ClockJumped) -> Expected:
    of = nothing_counted(asked.of)._replace(calm_least=0)
    return Expected(of, states(of.state), 10, retracted=of.is_retracted)


def _nothing(asked: Asked, _event: object) -> Expected:
    return unchanged(asked, 10)


_EXPECTED: Mapping[type, Callable[[Asked, Any], Expected]] = {
    Answered: _answered,
    TookBack: _took_back,
    Named: _named,
    Spoke: _spoke,
    AtHospital: _at_hospital,
    TeamKnows: _team_knows,
    NotYet: _not_yet,
    Outcome: _outcome,
    Agree: _agree,
    SetReference: _set_reference,
    RejectReference: _reject_reference,
    KnownBefore: _known_before,
    BaselineFinished: _nothing,
    AlertClosed: _nothing,
    ClockJumped: _clock_jumped,
    TimePassed: _nothing,
}


def _concerns(event: Happening, name: str) -> bool:
    """Return whether an event says anything about a symptom."""
    if isinstance(event, Named) and name == event.instead_of:
        return True
    symptom = getattr(event, "symptom", None)
    return symptom is None or symptom == name


# --- Comparing --------------------------------------------------------------------------------------------------------


def check(facts: Facts, event: Happening, at: datetime, applied: Applied) -> tuple[Facts, list[Violation]]:
    """Compare what is remembered after an event with what the history says."""
    violations: list[Violation] = []
    after: dict[str, Of] = {}
    for name, known in facts.of.items():
        ended = with_time(known, at)
        of = ended.of
        if ended.or_opens is not None and _opens(ended, event, at, facts, applied.memory, name):
            of = ended.or_opens
        asked = Asked(name, of, facts, at)
        expected = _expected(facts, of, name, event, at)
        concern = applied.memory.concern(name)
        is_lapse = of is not known and known.state != OPEN and of.state == OPEN
        violations += _compared(asked, expected, concern, is_lapse=is_lapse)
        violations += _raised(asked, expected, applied, is_lapse=is_lapse)
        violations += _remembered(asked, expected, applied.memory)
        after[name] = _resolved(asked, expected, concern, applied.memory)
    found, pair_violations = _with_pairs(facts, after, applied.memory, at, event)
    violations += pair_violations
    violations += _listed(found, applied.memory)
    violations += asked_about(found, applied.memory, RULES.remembering, at)
    return found, violations


def _expected(facts: Facts, of: Of, name: str, event: Happening, at: datetime) -> Expected:
    asked = Asked(name, of, facts, at)
    return _EXPECTED[type(event)](asked, event) if _concerns(event, name) else unchanged(asked, 10)


def _follows(of: Of, event: Happening, at: datetime, facts: Facts, memory: Memory, name: str) -> bool:
    """Return whether the product goes on from this reading."""
    return str(memory.concern(name).state) in _expected(facts, of, name, event, at).states


def _opens(ended: Ended, event: Happening, at: datetime, facts: Facts, memory: Memory, name: str) -> bool:
    """Return whether the product goes on from the reading by which an end opens; both may lead to the same state."""
    if ended.or_opens is None or not _follows(ended.or_opens, event, at, facts, memory, name):
        return False
    return memory.concern(name).is_for_team or not _follows(ended.of, event, at, facts, memory, name)


def _compared(asked: Asked, expected: Expected, concern: Concern, *, is_lapse: bool) -> Iterator[Violation]:
    state, name = str(concern.state), asked.name
    if state not in expected.states:
        law = 11 if is_lapse and state not in PENDING else expected.law
        yield Violation(law, f"{name} is {state}, not {'/'.join(sorted(expected.states))}")
        if expected.states == {OPEN}:
            yield Violation(1, f"an all-clear while {name} should be open: it is {state}")
    elif state == OPEN and expected.retracted is not None:
        is_retracted = concern.retracted_at is not None
        if is_retracted != expected.retracted:
            yield Violation(2, f"{name} is {'' if is_retracted else 'not '}retracted")
    if is_lapse and state == OPEN and not concern.is_for_team and expected.level is None:
        yield Violation(6, f"{name}, opened by the end of an agreement, is not for the team alone")


def _raised(asked: Asked, expected: Expected, applied: Applied, *, is_lapse: bool) -> Iterator[Violation]:
    tiers = [c.tier for c in applied.changes if c.symptom == asked.name and c.what in NEW and not c.is_for_team]
    if expected.raises is None and tiers and applied.memory.concern(asked.name).combined <= asked.of.combined:
        yield Violation(6, f"{asked.name} raises {max(tiers).name} again")
    if isinstance(expected.raises, Tier) and max(tiers, default=Tier.ROUTINE) < expected.raises:
        yield Violation(8, f"{asked.name} is not shown at {expected.raises.name} at once")
    if isinstance(expected.raises, Tier) and applied.raised < expected.raises:
        yield Violation(8, f"{expected.raises.name} is not raised at once")
    if is_lapse and expected.level is None and tiers:
        yield Violation(6, f"the end of an agreement of {asked.name} calls the patient")


def _remembered(asked: Asked, expected: Expected, memory: Memory) -> Iterator[Violation]:
    usual, of = memory.usual(asked.name), expected.of
    references = expected.references or frozenset({of.reference})
    if of.quiet is None and usual.reference not in references:
        law = 11 if usual.reference.tier is Tier.EMERGENCY else 6
        yield Violation(
            law, f"the reference level of {asked.name} is {usual.reference}, not one of {sorted(references)}"
        )


def _resolved(asked: Asked, expected: Expected, concern: Concern, memory: Memory) -> Of:
    """Return what the history says now; where it leaves a choice, the product's."""
    before, of, at, state = asked.of, expected.of, asked.at, str(concern.state)
    if expected.references is not None and len(expected.references) > 1:
        reference = memory.usual(asked.name).reference
        of = of._replace(reference=reference, lower=None if reference < before.reference else of.lower)
    elif expected.references is not None and max(expected.references) != before.reference:
        of = of._replace(reference=max(expected.references), lower=None, lower_since=at)
    last = memory.usual(asked.name).last
    if expected.lasts is not None and last in expected.lasts:
        of = of._replace(last=last)
    resolve = _RESOLVED.get(state)
    of = resolve(of, asked, expected, concern) if resolve is not None else of
    of = of._replace(state=state)
    if expected.own_most is not None and of.own < concern.own_tier <= expected.own_most:
        of = of._replace(own=concern.own_tier)
    return _with_marks(of, asked, concern)


def _now_open(of: Of, asked: Asked, expected: Expected, _concern: Concern) -> Of:
    before, at, level = asked.of, asked.at, expected.level
    if before.state in {NEVER, SETTLED}:
        if keeps_known_level(before, at) is False:
            of = of._replace(known_least=None, known_most=None)
        tier = level.tier if level is not None else Tier.SOON
        return opened(of, at, level or of.last or NOTHING, tier, expected.for_team, expected.by)
    if before.state == REACHED:
        return _reopened(of, asked, expected)
    if level is not None:
        return _still_above(of, asked, expected, level)
    return of._replace(own=max(of.own, Tier.SOON)) if expected.for_team else of


def _now_reached(of: Of, asked: Asked, expected: Expected, concern: Concern) -> Of:
    before, at, level = asked.of, asked.at, expected.level
    if before.state == OPEN:
        of = _with_contact(of)._replace(yes_by=expected.yes_by, was_reached=True, is_retracted=False)
        of = of._replace(by_staff=expected.is_contact or expected.is_decided)
        return of._replace(usual_reached=None, given=(), refused_by=frozenset())
    if before.state in {NEVER, SETTLED}:
        found = (*before.found[:1], at) if before.found else (at,)
        of = opened(of, at, level or NOTHING, level.tier if level is not None else Tier.SOON, "", expected.by)
        of = of._replace(found=found, was_reached=True, given=(), by_staff=None if before.state == NEVER else False)
        named_level = Level(Tier.EMERGENCY, 9)  # somebody spoke with the patient about a sign without a name
        return of if before.state == SETTLED else of._replace(known_least=level, known_most=named_level)
    if expected.is_contact:
        return of._replace(known_most=_most(of.known_most, of.top), yes_by=None, by_staff=True)
    if level is not None:
        return of._replace(own=max(of.own, min(level.tier, concern.own_tier)), top=max(of.top, level))
    return of


def _now_settled(of: Of, asked: Asked, expected: Expected, _concern: Concern) -> Of:
    if asked.of.state not in PENDING:
        return of
    if of.quiet is not None and of.quiet.tier is not Tier.EMERGENCY:
        # Nobody decides about an ended level of it any more, so that its return raises.
        of = of._replace(quiet=None)
    of = nothing_counted(of)._replace(settled=asked.at, given=(), is_retracted=False)
    if expected.is_false_alarm:
        return of._replace(known_least=None, known_most=None)
    # Whether staff who accept a level were reached at it, the page doesn't say; above it they were not.
    accepted = max(of.reference, of.agreed or NOTHING)
    return of._replace(known_most=_most(of.known_most, accepted)) if expected.is_decision else of


_RESOLVED = {OPEN: _now_open, REACHED: _now_reached, SETTLED: _now_settled}


def _with_marks(of: Of, asked: Asked, concern: Concern) -> Of:
    kind = KINDS[asked.name]
    if of.state == OPEN:
        of = of._replace(is_retracted=concern.retracted_at is not None)
    if of.state not in PENDING:
        return of._replace(own=Tier.ROUTINE, combined=Tier.ROUTINE, sign_found=None)
    if kind.overlap is not None and of.sign_found is None and of.top.step >= kind.overlap_from and not of.for_team:
        of = of._replace(sign_found=asked.at)
    return of


def _most(first: Level | None, second: Level | None) -> Level | None:
    return max((level for level in (first, second) if level is not None), default=None)


def _with_contact(of: Of) -> Of:
    """A human was reached about it: at its last level at least, at its highest at most."""
    least = of.known_least if of.for_team else _most(of.known_least, of.last)
    return of._replace(known_least=least, known_most=_most(of.known_most, of.top))


def _reopened(of: Of, asked: Asked, expected: Expected) -> Of:
    at, level = asked.at, expected.level
    of = nothing_counted(of)._replace(changed=at, maybe_changed=None, yes_by=None)
    of = of._replace(for_team=expected.for_team, is_retracted=False)
    if level is None:
        return of
    given = given_also((), expected.by, at)
    of = of._replace(given=given, open_top=level, top=max(of.top, level), own=max(of.own, level.tier))
    return of._replace(worse_least=at, worse_most=at, calm_least=0, calm_most=0, calm_on=None, worse_on=at.date())


def _still_above(of: Of, asked: Asked, expected: Expected, level: Level) -> Of:
    at, before = asked.at, asked.of
    rises = level > before.top or level.tier > before.own
    is_maybe = level > before.open_top or is_signal(asked.name, level) or before.is_retracted or bool(before.for_team)
    if rises:
        of = of._replace(changed=at)
    elif is_maybe:
        of = of._replace(maybe_changed=at)
    return of._replace(
        own=max(of.own, level.tier),
        top=max(of.top, level),
        open_top=max(of.open_top, level),
        given=given_also(of.given, expected.by, at),
        for_team="",
        is_retracted=False,
    )


# --- Pairs (law 5) ----------------------------------------------------------------------------------------------------


def _with_pairs(
    facts: Facts, after: dict[str, Of], memory: Memory, at: datetime, event: Happening
) -> tuple[Facts, list[Violation]]:
    renewed = {name for name, of in after.items() if of.state in PENDING and facts.of[name].state in {NEVER, SETTLED}}
    pairs = {pair for pair in facts.pairs if not renewed & set(pair)}
    had_urgent = any(memory_tier(facts.of[n]) == Tier.URGENT and facts.of[n].state == OPEN for n in facts.of)
    must, may = dict.fromkeys(after, Tier.ROUTINE), dict.fromkeys(after, Tier.ROUTINE)
    for pair in combinations(sorted(after), 2):
        is_open = [name for name in pair if after[name].state == OPEN]
        surely, maybe = pair_tier(*pair, after, was_urgent=facts.was_urgent, had_urgent=had_urgent)
        for name in is_open:
            may[name] = max(may[name], maybe)
            must[name] = max(must[name], surely if pair not in pairs else Tier.ROUTINE)
        if maybe > Tier.ROUTINE and any(memory.concern(name).tier >= maybe for name in is_open):
            pairs.add(pair)
    violations, result = [], dict(after)
    for name, of in after.items():
        if of.state in PENDING:
            tier = memory.concern(name).tier
            violations += _tier_compared(name, of, facts.of[name], tier, must[name], may[name])
            result[name] = _with_combined(of, facts.of[name], tier, at)
    was_urgent = not isinstance(event, AlertClosed) and (
        facts.was_urgent or any(of.tier >= Tier.URGENT for of in result.values() if of.state in PENDING)
    )
    baseline = facts.has_baseline or isinstance(event, BaselineFinished)
    return Facts(result, baseline, was_urgent, frozenset(pairs), facts.message), violations


def _tier_compared(name: str, of: Of, before: Of, tier: Tier, must: Tier, may: Tier) -> Iterator[Violation]:
    kept = max(of.own, of.combined if before.state in PENDING else Tier.ROUTINE)
    least, most = max(kept, must), max(kept, may)
    if tier < least:
        yield Violation(5 if must > kept else 2, f"{name} is {tier.name}, not at least {least.name}")
    if tier < must and of.state == OPEN:
        yield Violation(1, f"the end screen names {name} at {tier.name}, not {must.name}")
    if tier > most:
        yield Violation(5, f"{name} is {tier.name}, not at most {most.name}")


def _with_combined(of: Of, before: Of, tier: Tier, at: datetime) -> Of:
    rose = before.state in PENDING and of.state == OPEN and tier > max(before.tier, of.own)
    return of._replace(combined=tier if tier > of.own else of.combined, changed=at if rose else of.changed)


def memory_tier(of: Of) -> Tier:
    return of.tier if of.state in PENDING else Tier.ROUTINE


# --- What is shown (law 1) ---------------------------------------------------------------------------


def _listed(facts: Facts, memory: Memory) -> Iterator[Violation]:
    listed = {concern.symptom for concern in memory.open}
    if listed != set(facts.open()):
        yield Violation(1, f"open for the end screen are {sorted(listed)}, not {facts.open()}")
