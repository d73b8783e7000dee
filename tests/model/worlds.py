"""The worlds that are explored: which symptoms, which events, and to which depth."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from bot.core.concern_values import Level
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
    OutcomeKind,
    RejectReference,
    SetReference,
    Spoke,
    TeamKnows,
    TimePassed,
    TookBack,
)
from tests.model.explore import Event, Step, View
from tests.model.facts import NEVER, PENDING
from tests.model.symptoms import (
    DAY,
    EMERGENCY_1,
    EMERGENCY_2,
    HOUR,
    MINUTE,
    NOTHING,
    SOON_1,
    SOON_2,
    URGENT_1,
    URGENT_2,
    URGENT_3,
)

SOME_TIME = 10 * MINUTE
PATIENT, HELPER = "patient", "helper"


# --- Events -----------------------------------------------------------------------------------------------------------


def _event(name: str, happens: Callable[[View], Happening | None], after: timedelta = SOME_TIME) -> Event:
    return Event(name, (Step(after, happens),))


def _answer(symptom: str, level: Level, by: str, *, is_named: bool) -> Callable[[View], Happening]:
    return lambda view: Answered(symptom=symptom, level=level, by=by, day=view.now.date(), is_named=is_named)


def answers(
    symptom: str, *levels: Level, by: str = PATIENT, after: timedelta = SOME_TIME, is_named: bool = False
) -> tuple[Event, ...]:
    """An event for each level."""
    words = " after yes" if is_named else ""
    return tuple(
        _event(
            f"{by}: {symptom} {level.tier.name}/{level.step}{words} (+{after})",
            _answer(symptom, level, by, is_named=is_named),
            after,
        )
        for level in levels
    )


def days(symptom: str, level: Level, number: int, every: timedelta = DAY) -> Event:
    """The same answer on a number of days."""
    step = Step(every, _answer(symptom, level, PATIENT, is_named=False))
    return Event(f"{symptom} {level.tier.name}/{level.step} {number} times every {every}", (step,) * number)


def mistake(symptom: str, by: str, level: Level = NOTHING, of: str | None = None) -> Event:
    """A person takes back the last answer above the accepted levels that `of` gave (their own, if None)."""

    def happens(view: View) -> Happening | None:
        given = [entry for entry in view.facts.of[symptom].given if entry.by == (of or by)]
        if not given:
            return None
        return TookBack(symptom=symptom, level=level, by=by, given_at=given[0].last, day=view.now.date())

    whose = f" of {of}" if of else ""
    return _event(f"{by}: {symptom} was a mistake{whose}, asked again {level.tier.name}/{level.step}", happens)


def named(symptom: str, level: Level, by: str = PATIENT) -> Event:
    """The sign behind a "yes" gets its name."""
    return _event(
        f"{by}: the sign is {symptom}",
        lambda view: Named(symptom=symptom, level=level, by=by, day=view.now.date(), instead_of="sign_not_named"),
    )


ASK = Event("ask", (Step(MINUTE, None),))
"""A prompt is sent and a page is opened: both name what is open now."""


def _spoke(by: str) -> Callable[[View], Happening | None]:
    def happens(view: View) -> Happening | None:
        asked = view.facts.message
        if asked is None or not asked.names:
            return None
        return Spoke(symptoms=asked.names, by=by, message=view.message, asked_at=asked.at)

    return happens


def _not_yet(by: str) -> Callable[[View], Happening | None]:
    def happens(view: View) -> Happening | None:
        asked = view.facts.message
        if asked is None or not asked.names:
            return None
        return NotYet(symptoms=asked.names, by=by, message=view.message)

    return happens


def _team_knows(view: View) -> Happening | None:
    asked = view.facts.message
    return None if asked is None else TeamKnows(symptoms=asked.names, by=PATIENT, asked_at=asked.at)


def _outcome(kind: OutcomeKind) -> Callable[[View], Happening | None]:
    def happens(view: View) -> Happening | None:
        page = view.facts.message
        if page is None or not page.names:
            return None
        return Outcome(kind=kind, symptoms=page.names, shown_at=page.at)

    return happens


def yes(by: str) -> Event:
    return _event(f"{by}: yes, someone spoke with me", _spoke(by))


def not_yet(by: str) -> Event:
    return _event(f"{by}: not yet", _not_yet(by))


def outcome(kind: OutcomeKind) -> Event:
    return _event(f"staff, on the page shown: {kind}", _outcome(kind))


def asked_then(event: Event) -> Event:
    """Ask about what is open now, and reply at once."""
    return Event(f"asked now, {event.name}", (*ASK.steps, *event.steps))


def _still_cared_for(view: View) -> Happening | None:
    return None if view.facts.open() else AlertClosed()


def _false_alarm(view: View) -> Happening:
    """The alert still names what somebody spoke about already, and the page shows all of it."""
    named = tuple(name for name, of in sorted(view.facts.of.items()) if of.state in PENDING)
    return Outcome(kind="false_alarm", symptoms=named, shown_at=view.now)


FALSE_ALARM = _event("staff, on the newest page: false alarm", _false_alarm)
TEAM_KNOWS = _event("patient: my team knows, I told them", _team_knows)
HOSPITAL = _event("patient: I am at the hospital", lambda _: AtHospital(by=PATIENT))
CONTACT = asked_then(outcome("contact"))
CLOSED = _event("staff close the alert", _still_cared_for)
BASELINE = _event("a baseline is finished", lambda _: BaselineFinished())


def passes(time: timedelta) -> Event:
    return _event(f"{time} pass", lambda _: TimePassed(), time)


def jumps(by: timedelta) -> Event:
    return _event(f"the clock jumps {by.total_seconds() / 3600:.0f} h", lambda _: ClockJumped(), by)


def agree(symptom: str, level: Level, until: timedelta) -> Event:
    return _event(
        f"staff agree {symptom} {level.tier.name}/{level.step} for {until}",
        lambda view: Agree(symptom=symptom, level=level, until=view.now + until),
    )


def set_reference(symptom: str, level: Level) -> Event:
    def happens(view: View) -> Happening | None:
        has_agreement = view.facts.of[symptom].agreed is not None
        return None if has_agreement else SetReference(symptom=symptom, level=level)

    return _event(f"staff set the reference of {symptom} to {level.tier.name}/{level.step}", happens)


def reject(symptom: str) -> Event:
    def happens(view: View) -> Happening | None:
        of = view.facts.of[symptom]
        was_word = of.quiet is not None and of.is_quiet_word
        return RejectReference(symptom=symptom) if of.reference > NOTHING or was_word else None

    return _event(f"staff reject the reference of {symptom}", happens)


def known(symptom: str, level: Level, *, is_helper: bool = False) -> Event:
    """An answer in a baseline with "it was there before, and my team knows"."""
    by = HELPER if is_helper else PATIENT

    def happens(view: View) -> Happening | None:
        of = view.facts.of[symptom]
        if not view.facts.has_baseline and (of.state != NEVER or of.last is not None):
            return None
        return KnownBefore(symptom=symptom, level=level, is_helper=is_helper)

    answer = Step(timedelta(0), _answer(symptom, level, by, is_named=False))
    return Event(f"{by}: {symptom} {level.tier.name}/{level.step}, known before", (Step(SOME_TIME, happens), answer))


def only_pending(symptom: str, event: Event) -> Event:
    """The event, only while the symptom is OPEN or REACHED."""
    first, *rest = event.steps
    happens = first.happens
    assert happens is not None
    return Event(
        event.name,
        (Step(first.after, lambda view: happens(view) if view.facts.of[symptom].state in PENDING else None), *rest),
    )


# --- Worlds -----------------------------------------------------------------------------------------------------------


class World(NamedTuple):
    """`depth` takes seconds; `deep` is for the slow suite."""

    symptoms: tuple[str, ...]
    events: tuple[Event, ...]
    depth: int
    deep: int


def both(*events: Event) -> Event:
    """Events that follow each other."""
    return Event(", ".join(event.name for event in events), tuple(step for event in events for step in event.steps))


def recover(*symptoms: str) -> Event:
    """Staff reach the patient; the symptoms are gone on three days; staff close the alert."""
    gone = [answers(symptom, NOTHING)[0] for symptom in symptoms]
    day = both(*gone, passes(DAY - len(gone) * SOME_TIME - SOME_TIME))
    steps = both(CONTACT, day, day, day, *gone, CLOSED).steps
    return Event(f"{' and '.join(symptoms)} recover, the alert is closed", steps)


LONG = (passes(7 * DAY), passes(28 * DAY + HOUR))

WORLDS = {
    # What reaches, and what doesn't: replies by two people on new and old messages, old pages.
    "replies": World(
        ("numbness", "breathing"),
        (
            *answers("numbness", SOON_1, URGENT_3, NOTHING),
            *answers("breathing", EMERGENCY_1),
            ASK,
            yes(PATIENT),
            yes(HELPER),
            not_yet(PATIENT),
            not_yet(HELPER),
            asked_then(yes(PATIENT)),
            TEAM_KNOWS,
            HOSPITAL,
            outcome("contact"),
            outcome("no_action"),
            outcome("not_reached"),
            outcome("false_alarm"),
            FALSE_ALARM,
            passes(DAY),
        ),
        4,
        5,
    ),
    # What settles a concern on a scale, and what opens it again.
    "numbness": World(
        ("numbness",),
        (
            *answers("numbness", NOTHING, SOON_1, SOON_2, URGENT_3),
            *answers("numbness", NOTHING, SOON_1, by=HELPER),
            *answers("numbness", NOTHING, SOON_1, after=DAY),
            days("numbness", NOTHING, 2),
            days("numbness", NOTHING, 6),
            days("numbness", SOON_1, 3),
            CONTACT,
            asked_then(outcome("false_alarm")),
            jumps(3 * DAY),
            jumps(-2 * DAY),
            passes(28 * DAY + HOUR),
            CLOSED,
        ),
        4,
        5,
    ),
    # Which days count: twelve hours apart, twenty minutes apart over midnight, with an answer above on the same day.
    "days": World(
        ("eyes",),
        (
            *answers("eyes", URGENT_1, NOTHING),
            *answers("eyes", NOTHING, by=HELPER),
            *answers("eyes", NOTHING, after=12 * HOUR),
            both(*answers("eyes", URGENT_1), CONTACT, *answers("eyes", NOTHING)),
            days("eyes", NOTHING, 2),
            days("eyes", NOTHING, 2, every=12 * HOUR),
            CONTACT,
            jumps(DAY),
        ),
        5,
        7,
    ),
    # A sign with a question: gone, the same, worse.
    "eyes": World(
        ("eyes",),
        (
            *answers("eyes", NOTHING, URGENT_1, URGENT_2),
            *answers("eyes", URGENT_1, is_named=True),
            *answers("eyes", NOTHING, URGENT_1, after=DAY),
            days("eyes", NOTHING, 2),
            days("eyes", NOTHING, 7),
            days("eyes", URGENT_1, 3),
            CONTACT,
            HOSPITAL,
            asked_then(outcome("no_action")),
            asked_then(outcome("out_of_care")),
            *LONG,
            jumps(7 * DAY),
            CLOSED,
        ),
        4,
        5,
    ),
    # "It was a mistake", by two people, at each tier.
    "mistakes": World(
        ("numbness", "breathing"),
        (
            *answers("numbness", SOON_1, URGENT_3),
            *answers("numbness", SOON_1, by=HELPER),
            *answers("numbness", NOTHING, after=DAY),
            *answers("breathing", EMERGENCY_1),
            *answers("breathing", EMERGENCY_1, by=HELPER),
            *answers("breathing", NOTHING, after=DAY),
            mistake("numbness", PATIENT),
            mistake("numbness", PATIENT, SOON_1),
            mistake("numbness", HELPER),
            mistake("numbness", HELPER, of=PATIENT),
            mistake("breathing", PATIENT),
            mistake("breathing", HELPER),
            mistake("breathing", HELPER, of=PATIENT),
            *answers("numbness", NOTHING),
            CONTACT,
            passes(12 * HOUR),
        ),
        4,
        5,
    ),
    # Two ambers: of two body systems, of one, both autonomic.
    "ambers": World(
        ("dizzy", "constipation", "headache", "numbness"),
        (
            *answers("dizzy", SOON_1, SOON_2),
            *answers("constipation", SOON_1),
            *answers("headache", SOON_1),
            *answers("numbness", SOON_1, URGENT_3),
            CONTACT,
            mistake("dizzy", PATIENT),
            agree("dizzy", SOON_1, 7 * DAY - HOUR),
            days("dizzy", NOTHING, 3),
            days("headache", NOTHING, 3),
            passes(6 * DAY),
            passes(7 * DAY + HOUR),
            CLOSED,
        ),
        4,
        5,
    ),
    # Two signs of the overlap list.
    "overlap": World(
        ("eyes", "voice", "arms", "effort", "stairs"),
        (
            *answers("eyes", URGENT_1, URGENT_2),
            *answers("voice", URGENT_1),
            *answers("arms", URGENT_1, URGENT_2),
            *answers("stairs", SOON_1, URGENT_2),
            *answers("effort", SOON_1),
            CONTACT,
            mistake("eyes", PATIENT),
            days("eyes", NOTHING, 3),
            days("eyes", URGENT_1, 2),
            passes(6 * DAY),
            passes(7 * DAY + HOUR),
        ),
        3,
        4,
    ),
    # Pairs of concerns that were settled and are found again.
    "pairs_again": World(
        ("dizzy", "headache", "eyes", "voice"),
        (
            *answers("dizzy", SOON_1, SOON_2),
            *answers("headache", SOON_1, SOON_2),
            *answers("eyes", URGENT_1, URGENT_2),
            *answers("voice", URGENT_1),
            both(*answers("dizzy", SOON_2), *answers("headache", SOON_2)),
            both(*answers("eyes", URGENT_1), *answers("voice", URGENT_1)),
            recover("dizzy", "headache"),
            recover("eyes", "voice"),
            CONTACT,
            passes(28 * DAY + HOUR),
        ),
        3,
        4,
    ),
    # Replies to messages and pages from before a pair made what they name more urgent.
    "old_pages": World(
        ("dizzy", "headache", "eyes", "voice"),
        (
            *answers("dizzy", SOON_1, SOON_2, NOTHING),
            *answers("headache", SOON_1),
            *answers("eyes", URGENT_1),
            *answers("voice", URGENT_1),
            ASK,
            yes(PATIENT),
            yes(HELPER),
            not_yet(HELPER),
            outcome("contact"),
            outcome("no_action"),
            TEAM_KNOWS,
            mistake("dizzy", PATIENT),
            passes(DAY),
        ),
        4,
        5,
    ),
    # Words at the first baseline and decisions of staff about the same symptom.
    "decisions": World(
        ("numbness",),
        (
            *answers("numbness", SOON_1, URGENT_3, NOTHING),
            known("numbness", URGENT_3),
            known("numbness", SOON_1),
            BASELINE,
            agree("numbness", SOON_1, 7 * DAY - HOUR),
            agree("numbness", URGENT_3, 21 * DAY),
            reject("numbness"),
            mistake("numbness", PATIENT),
            CONTACT,
            days("numbness", NOTHING, 3),
            passes(8 * DAY),
            ASK,
            outcome("contact"),
            asked_then(outcome("false_alarm")),
        ),
        4,
        5,
    ),
    # Agreements and reference levels by staff, and their end.
    "agreements": World(
        ("numbness", "breathing"),
        (
            *answers("numbness", NOTHING, SOON_1, URGENT_3),
            *answers("breathing", NOTHING, EMERGENCY_1, EMERGENCY_2),
            *answers("breathing", EMERGENCY_1, is_named=True),
            agree("numbness", SOON_1, 7 * DAY - HOUR),
            agree("numbness", URGENT_3, 7 * DAY - HOUR),
            agree("breathing", EMERGENCY_1, 7 * DAY - HOUR),
            days("numbness", NOTHING, 3),
            CONTACT,
            passes(7 * DAY),
            *answers("numbness", SOON_1, after=7 * DAY),
            *answers("breathing", EMERGENCY_1, after=7 * DAY),
            jumps(8 * DAY),
        ),
        4,
        5,
    ),
    # The patient's and a helper's word at the first baseline, staff's decision, weeks of lower answers.
    "references": World(
        ("numbness", "arms", "breathing"),
        (
            known("numbness", SOON_2),
            known("numbness", URGENT_3),
            known("numbness", SOON_1, is_helper=True),
            known("arms", URGENT_3),
            known("breathing", EMERGENCY_1),
            BASELINE,
            *answers("numbness", NOTHING, SOON_1, SOON_2, URGENT_3),
            set_reference("numbness", URGENT_3),
            reject("numbness"),
            days("numbness", NOTHING, 6, every=6 * DAY),
            days("numbness", SOON_1, 5, every=7 * DAY),
            passes(7 * DAY + HOUR),
            CONTACT,
        ),
        3,
        4,
    ),
    # What has no question of its own.
    "help": World(
        ("help", "other", "unanswered"),
        (
            *answers("help", URGENT_1, is_named=True),
            *answers("help", NOTHING),
            *answers("other", SOON_1, NOTHING),
            *answers("unanswered", SOON_1, NOTHING),
            days("help", NOTHING, 3),
            days("other", NOTHING, 3),
            days("other", NOTHING, 7),
            CONTACT,
            asked_then(TEAM_KNOWS),
            mistake("help", PATIENT),
            jumps(7 * DAY),
            *LONG,
            CLOSED,
        ),
        3,
        4,
    ),
    # A sign that is left without a name, and named.
    "names": World(
        ("sign_not_named", "eyes", "breathing"),
        (
            *answers("sign_not_named", EMERGENCY_1, URGENT_1, is_named=True),
            *answers("sign_not_named", NOTHING, after=DAY),
            named("eyes", URGENT_1),
            named("breathing", EMERGENCY_1),
            named("breathing", EMERGENCY_1, by=HELPER),
            *answers("eyes", URGENT_1, NOTHING),
            days("eyes", NOTHING, 3),
            days("sign_not_named", NOTHING, 3),
            agree("breathing", EMERGENCY_1, 28 * DAY),
            CONTACT,
            HOSPITAL,
            FALSE_ALARM,
            asked_then(outcome("false_alarm")),
            passes(DAY),
        ),
        3,
        4,
    ),
}
