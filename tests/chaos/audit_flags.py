"""Whether every red flag became an alert and every alert a call screen, judged anew from taps and stored answers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.app import replay as replays
from bot.app.alerts import ASKED_FOR_HELP
from bot.app.assessments import history, is_expected
from bot.app.store import AlertRow, AnswerRow, CheckInRow
from bot.core.again import Watch, follow, has_news
from bot.core.checkin import State
from bot.core.protocol import Answers, Tier
from bot.core.triage import Assessment, assess
from tests.chaos.evidence import Evidence
from tests.chaos.model import Led
from tests.chaos.stored import Stored
from tests.property.plan import local_day

RED = frozenset({Tier.URGENT, Tier.EMERGENCY})
HOUR = timedelta(hours=1)
"""So long "need help now" shows the same alert's screen again."""
SOON_ENOUGH = timedelta(minutes=2)
"""By the clock, from a red flag to its call screen at Telegram, nothing being wrong."""
IN_TROUBLE = timedelta(minutes=10)
"""With an outage, a 429, a kill or a database that failed in between."""
_CLOSED = frozenset({State.DONE, State.EXPIRED, State.REPLACED})


def silent_flags(stored: Stored, seen: Evidence, led: dict[int, tuple[Led, str | None]]) -> Iterator[str]:
    """A tap, an answer or an assessment that is a red flag, and no alert of its tier."""
    for patient in stored.patients:
        for row in stored.checkins[patient.id]:
            yield from _of_answers(stored, row)
            if row.id in led:
                yield from _of_taps(stored, row, led[row.id][0], set_back=seen.set_back())
        yield from _of_assessments(stored, patient.code, patient.id)


def judged_anew(stored: Stored, led: dict[int, tuple[Led, str | None]]) -> Counter[str]:
    """How many check-ins were found to need an alert, by tier: of the taps alone, then of the stored answers."""
    found: Counter[str] = Counter()
    for mine in stored.checkins.values():
        for row in mine:
            by_taps = led[row.id][0] if row.id in led else None
            tapped = [a.tier for a, _ in by_taps.flags] + [a.tier for a, _, _ in by_taps.ended] if by_taps else []
            highest = max((tier for _, tier in _judged(stored, row)), default=Tier.ROUTINE)
            found["EMERGENCY flags judged anew"] += Tier.EMERGENCY in (*tapped, highest)
            found["URGENT flags judged anew"] += Tier.URGENT in (*tapped, highest)
            found["SOON findings judged anew"] += Tier.SOON in (*tapped, highest)
            found["calls for help judged anew"] += len(by_taps.helped) if by_taps else 0
    return found


# -- by what was tapped


def _of_taps(stored: Stored, row: CheckInRow, led: Led, *, set_back: bool) -> Iterator[str]:
    raised = stored.of_checkin(row.id)
    for assessment, at in led.flags:
        # Each has its own: after a claimed mistake the same tier is raised again.
        if not any(alert.raised_at == at and alert.tier >= assessment.tier for alert in raised):
            yield f"check-in {row.id}: {assessment.tier.name} was tapped {_when(at)}, and no alert was raised at it"
    for assessment, at, before in led.ended:
        if assessment.tier <= max(Tier.ROUTINE, before) or any(a.tier >= assessment.tier for a in raised):
            continue
        if assessment.tier is not Tier.SOON or not _stands_already(stored, row, assessment, at):
            yield f"check-in {row.id}: it ended {_when(at)} with {assessment.tier.name}, and there is no alert"
    helps = [a for a in stored.alerts if a.patient_id == row.patient_id and a.rules == (ASKED_FOR_HELP,)]
    for at in led.helped:
        if not any(at - alert.raised_at < HOUR and (set_back or alert.raised_at <= at) for alert in helps):
            yield f"check-in {row.id}: help was asked for {_when(at)}, and there is no alert of it"


def _stands_already(stored: Stored, row: CheckInRow, found: Assessment, at: datetime) -> bool:
    """Whether a SOON finding is that of a watch before, unchanged, in an alert that staff had; or is expected."""
    if is_expected(stored.store, stored.clinic, row, found, at):
        return True
    before = watch_before(stored, row.patient_id, at)
    groups = {reason.group for reason in found.reasons if reason.tier >= Tier.SOON}
    if before is None or has_news(found, stored.clinic.protocol) or not groups <= set(before.groups):
        return False
    return any(
        alert.patient_id == row.patient_id and alert.raised_at <= at and set(found.concerns) <= set(alert.rules)
        for alert in stored.alerts
    )


def watch_before(stored: Stored, patient_id: int, at: datetime) -> Watch | None:
    """What was asked daily just before that moment, worked out anew from the assessments until then."""
    patient, clinic = stored.patient(patient_id), stored.clinic
    watch: Watch | None = None
    for kept in stored.assessments[patient_id]:
        if kept.at < at and kept.basis is not None:
            found = replays._derived(kept.basis, clinic.protocol)
            watch = follow(watch, found, clinic.protocol, local_day(patient, clinic, kept.at))
    return watch


# -- by what is stored


def _of_answers(stored: Stored, row: CheckInRow) -> Iterator[str]:
    raised = max((alert.tier for alert in stored.of_checkin(row.id)), default=Tier.ROUTINE)
    for at, tier in _judged(stored, row):
        if tier in RED and tier > raised:
            yield f"check-in {row.id}: its answers of {_when(at)} are {tier.name}, and its highest alert {raised.name}"
            return


def _judged(stored: Stored, row: CheckInRow) -> Iterator[tuple[datetime, Tier]]:
    """What the answers stood for after each one that was given, and at the end; superseded ones were given too."""
    protocol, compared = stored.clinic.protocol, history(stored.store, stored.clinic, row)
    form = row.value.form
    for at, answers in _as_given(stored.answers[row.id]):
        yield at, assess(answers, compared, protocol, form=form, finished=False).tier
    if row.value.state in _CLOSED and row.value.answers:
        ended = assess(row.value.answers, compared, protocol, form=form, finished=True)
        yield row.closed_at or row.opened_at, ended.tier


def _as_given(answers: Sequence[AnswerRow]) -> Iterator[tuple[datetime, Answers]]:
    """Each set of answers there was, in the order of giving."""
    present: dict[str, AnswerRow] = {}
    for answer in answers:
        # What was taken back before this one was given no longer counts beside it.
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
        if row.tier in RED and row.tier > raised:
            yield f"check-in {row.checkin_id}: it was assessed as {row.tier.name}, and its highest alert is {raised.name}"
    protocol = stored.clinic.protocol
    for one in replays.replay(stored.store, code, lambda _, name: protocol if name == protocol.content_hash else None):
        if one.verdict != "same":
            yield f"check-in {one.checkin}: its {one.stored_tier} is {one.derived_tier} when judged anew ({one.verdict})"


# -- call screens


def call_screens(stored: Stored, seen: Evidence) -> Iterator[str]:
    """A red flag whose call screen did not come to the patient, or late."""
    for alert in stored.alerts:
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
    """How long a call screen took by the clock, less what faults set it by; and how long it may have taken."""
    raised = seen.timeline.last(alert.raised_at, came_at)
    if raised is None:
        return shown - alert.raised_at, SOON_ENOUGH
    passed = shown - alert.raised_at - seen.timeline.by_chance(raised, came_at)
    return passed, IN_TROUBLE if seen.trouble(raised, came_at) else SOON_ENOUGH


def _when(at: datetime) -> str:
    return f"on {at:%d at %H:%M:%S}"
