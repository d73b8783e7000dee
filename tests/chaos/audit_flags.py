"""Checks that every red flag became an alert and every alert a call screen, reassessed from taps and stored answers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from bot.app.concerns import replay as replays
from bot.app.concerns.assessments import history
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import AnswerRow, CheckInRow
from bot.core.checkin import State
from bot.core.findings import NOT_NAMED, find
from bot.core.follow_up import FollowUp
from bot.core.protocol import Answers, Tier
from bot.core.triage import History, assess
from tests.chaos.evidence import Evidence
from tests.chaos.model import Led
from tests.chaos.stored import Stored
from tests.fakes.work import work_on
from tests.property.plan import local_day

RED = frozenset({Tier.URGENT, Tier.EMERGENCY})
SOON_ENOUGH = timedelta(minutes=2)
"""Clock time from a red flag to its call screen at Telegram, without a fault."""
DURING_FAULTS = timedelta(minutes=10)
"""The same with an outage, a 429, a kill or a database failure in between."""
_CLOSED = frozenset({State.DONE, State.EXPIRED, State.REPLACED})


def silent_flags(stored: Stored, seen: Evidence, led: dict[int, tuple[Led, str | None]]) -> Iterator[str]:
    """Yield taps, answers and assessments that are red flags without an alert of their tier."""
    for patient in stored.patients:
        for row in stored.checkins[patient.id]:
            yield from _of_answers(stored, row)
            if row.id in led:
                yield from _of_taps(stored, row, led[row.id][0])
        yield from _of_assessments(stored, patient.code, patient.id)


def reassessed_counts(stored: Stored, led: dict[int, tuple[Led, str | None]]) -> Counter[str]:
    """Return how many check-ins need an alert, by tier, judging by the taps alone and by the stored answers."""
    found: Counter[str] = Counter()
    for mine in stored.checkins.values():
        for row in mine:
            by_taps = led[row.id][0] if row.id in led else None
            tapped = [a.tier for a, _ in by_taps.flags] + [a.tier for a, _, _ in by_taps.ended] if by_taps else []
            highest = max((tier for _, tier in _assessed(stored, row)), default=Tier.ROUTINE)
            found["EMERGENCY flags reassessed"] += Tier.EMERGENCY in (*tapped, highest)
            found["URGENT flags reassessed"] += Tier.URGENT in (*tapped, highest)
            found["SOON findings reassessed"] += Tier.SOON in (*tapped, highest)
            found["calls for help reassessed"] += len(by_taps.helped) if by_taps else 0
    return found


# -- by the taps


def _was_at_hospital(stored: Stored, row: CheckInRow, at: datetime) -> bool:
    """Return whether the patient said so while the form was open: what it had found by then is known there."""
    lines = stored.lines[stored.patient(row.patient_id).code]
    return any(line.action == "patient_at_hospital" and row.opened_at <= line.at <= at for line in lines)


def _of_taps(stored: Stored, row: CheckInRow, led: Led) -> Iterator[str]:
    raised = stored.of_checkin(row.id)
    given = [answer.given_at for answer in stored.answers[row.id]]
    # In a form over which the clock was set back, what was known at a tap can't be separated from what came later.
    was_set_back = any(after < before for before, after in pairwise(given))
    for assessment, at in led.flags:
        at_once = any(alert.tier >= assessment.raised and (was_set_back or alert.raised_at == at) for alert in raised)
        # What an open alert names already, and is found again, has its call screen again and no line of its own.
        mine = [a for a in stored.alerts if a.patient_id == row.patient_id and a.tier >= assessment.raised]
        at_once = at_once or any(_shown(stored, alert, at) for alert in mine)
        if not at_once and _unnamed(stored, row, at) > Tier.ROUTINE:
            yield f"check-in {row.id}: {assessment.tier.name} was tapped {_when(at)}, and no alert was raised at it"
    for assessment, at, before in led.ended:
        if assessment.tier <= max(Tier.ROUTINE, before) or any(a.tier >= assessment.tier for a in raised):
            continue
        if _unnamed(stored, row, at) > Tier.ROUTINE and not _was_at_hospital(stored, row, at):
            yield f"check-in {row.id}: it ended {_when(at)} with {assessment.tier.name}, and there is no alert"
    helps = [a for a in stored.alerts if a.patient_id == row.patient_id and ASKED_FOR_HELP in a.rules]
    for at in led.helped:
        if not any(stored.slots.get(f"alert:{alert.id}") and _shown(stored, alert, at) for alert in helps):
            yield f"check-in {row.id}: help was asked for {_when(at)}, and there is no alert of it"


def _shown(stored: Stored, alert: AlertRow, at: datetime) -> bool:
    return any(row.created_at == at for row in stored.slots[f"alert:{alert.id}"])


def _unnamed(stored: Stored, row: CheckInRow, at: datetime) -> Tier:
    """The highest tier of what the answers until then found, that no alert names and nobody said to be known."""
    protocol = stored.clinic.protocol
    answers = next((given for when, given in reversed(list(_as_given(stored.answers[row.id]))) if when <= at), {})
    raw = assess(answers, History(), protocol, form=row.value.form, finished=True)
    alerts = [a for a in (*stored.raised, *stored.joined) if a.patient_id == row.patient_id and a.raised_at <= at]
    named = {(s, tier) for a in alerts for s in a.symptoms for tier in Tier if tier <= a.tier}
    found = [f for f in find(answers, raw, protocol) if not _is_said_to_be_known(stored, row, f.symptom)]
    # The call screen of a "yes" is that of the signs that are named after it.
    names = [(f, {f.symptom, NOT_NAMED} if f.is_named else {f.symptom}) for f in found]
    left = (f.level.tier for f, symptoms in names if not any((s, f.level.tier) in named for s in symptoms))
    return max(left, default=Tier.ROUTINE)


def _is_said_to_be_known(stored: Stored, row: CheckInRow, symptom: str) -> bool:
    known = stored.clinic.protocol.symptoms.get(symptom)
    said = known.known_by if known is not None else None
    mine = stored.checkins[row.patient_id]
    return said is not None and any(one.value.answers.get(said) == ("yes_known",) for one in mine)


def follow_up_before(stored: Stored, patient_id: int, at: datetime) -> FollowUp | None:
    """Return the follow-up that the patient has, if it ran just before that time."""
    follow_up = stored.patient(patient_id).follow_up
    zone_day = local_day(stored.patient(patient_id), stored.clinic, at)
    return follow_up if follow_up is not None and follow_up.since < zone_day else None


# -- by the stored answers


def _of_answers(stored: Stored, row: CheckInRow) -> Iterator[str]:
    raised = max((alert.tier for alert in stored.of_checkin(row.id)), default=Tier.ROUTINE)
    for at, tier in _assessed(stored, row):
        if tier in RED and tier > raised and _unnamed(stored, row, at) in RED:
            yield f"check-in {row.id}: its answers of {_when(at)} are {tier.name}, and its highest alert {raised.name}"
            return


def _assessed(stored: Stored, row: CheckInRow) -> Iterator[tuple[datetime, Tier]]:
    """Yield the assessment after each answer and at the end; superseded answers count as given."""
    protocol, compared = stored.clinic.protocol, history(work_on(stored.stores, stored.clinic), row)
    form = row.value.form
    for at, answers in _as_given(stored.answers[row.id]):
        yield at, assess(answers, compared, protocol, form=form, finished=False).tier
    if row.value.state in _CLOSED and row.value.answers:
        ended = assess(row.value.answers, compared, protocol, form=form, finished=True)
        yield row.closed_at or row.opened_at, ended.tier


def _as_given(answers: Sequence[AnswerRow]) -> Iterator[tuple[datetime, Answers]]:
    """Yield each set of answers, in the order in which they were given."""
    present: dict[str, AnswerRow] = {}
    for answer in answers:
        # What was taken back before this one was given no longer counts together with it.
        gone = [
            q for q, old in present.items() if old.superseded_at is not None and old.superseded_at <= answer.given_at
        ]
        for question in gone:
            del present[question]
        present[answer.question] = answer
        yield answer.given_at, {question: one.choices for question, one in present.items()}


def _of_assessments(stored: Stored, code: str, patient_id: int) -> Iterator[str]:
    for row in stored.assessments[patient_id]:
        raised = max((alert.tier for alert in stored.of_checkin(row.checkin_id)), default=Tier.ROUTINE)
        mine = next(c for c in stored.checkins[patient_id] if c.id == row.checkin_id)
        if row.tier in RED and row.tier > raised and _unnamed(stored, mine, row.at) in RED:
            yield f"check-in {row.checkin_id}: it was assessed as {row.tier.name}, and its highest alert is {raised.name}"
    protocol = stored.clinic.protocol
    for one in replays.replay(stored.stores, code, lambda _, name: protocol if name == protocol.content_hash else None):
        if one.result != "same":
            yield f"check-in {one.checkin}: its {one.stored_tier} is {one.derived_tier} when reassessed ({one.result})"


# -- call screens


def call_screens(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield red flags whose call screen did not reach the patient, or reached them late."""
    for alert in stored.raised:
        if alert.tier not in RED:
            continue
        chat = stored.patient(alert.patient_id).chat_id
        calls = stored.arrived(f"alert:{alert.id}", chat, at=alert.raised_at)
        if not calls:
            yield f"alert {alert.id} ({alert.tier.name}): no call screen was sent with it"
            continue
        passed, allowed = _passed(alert, calls[0].at, calls[0].clock, seen)
        if passed > allowed:
            yield f"alert {alert.id} ({alert.tier.name}): its call screen came {passed.total_seconds():.0f} s later"


def _passed(alert: AlertRow, came_at: float, shown: datetime, seen: Evidence) -> tuple[timedelta, timedelta]:
    """Return the clock time until the call screen, without the jumps of faults, and the time allowed."""
    raised = seen.timeline.last(alert.raised_at, came_at)
    if raised is None:
        return shown - alert.raised_at, SOON_ENOUGH
    passed = shown - alert.raised_at - seen.timeline.by_chance(raised, came_at)
    return passed, DURING_FAULTS if seen.trouble(raised, came_at) else SOON_ENOUGH


def _when(at: datetime) -> str:
    return f"on {at:%d at %H:%M:%S}"
