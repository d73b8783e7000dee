"""Checks that patients were asked if they reached someone, that replies are stored, and that the team was notified."""

from collections.abc import Collection, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.records.alerts import AlertRow, AlertState
from bot.core.concern_values import ConcernState
from bot.core.protocol import Repeat, Tier
from bot.core.safety_follow_up import CONFIRMS, Reply
from tests.chaos.evidence import Evidence
from tests.chaos.stored import ProcessedTap, Stored

AT_ONCE = 60.0
"""Real seconds from when a safety follow-up falls due to its sweep, with a large margin."""
JUST_NOW = timedelta(minutes=2)
A_MINUTE = timedelta(minutes=1)
A_DAY = 24 * 60
"""Minutes."""
MISTAKES = frozenset({"mistake", "was_mistake"})
TOGETHER = timedelta(seconds=20)
"""See model.TOGETHER."""
_NAMED = frozenset({*Reply, "mistake", "is_urgent", "can_wait", "remind"})


def without_follow_up(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield alerts without a safety follow-up, whose follow-up never arrived, or whose schedule stopped."""
    for alert in stored.alerts:
        name = f"alert {alert.id} ({alert.tier.name})"
        chat = stored.patient(alert.patient_id).chat_id
        for number in range(1, alert.safety_follow_ups + 1):
            if not stored.arrived(f"loopback:{alert.id}:{number}", chat):
                yield f"{name}: its safety follow-up {number} was never sent"
        if alert.next_patient_prompt_at is not None and alert.next_patient_prompt_at < seen.until - timedelta(
            minutes=1
        ):
            yield f"{name}: its next step was due at {alert.next_patient_prompt_at:%d %H:%M}"
        repeat = stored.clinic.protocol.clocks.safety_follow_up.get(alert.call_tier)
        if repeat is not None:
            yield from _not_asked(stored, alert, repeat, name, seen)


def _not_asked(stored: Stored, alert: AlertRow, repeat: Repeat, name: str, seen: Evidence) -> Iterator[str]:
    due = _first_due(stored, alert, repeat)
    if alert.state is AlertState.OPEN and alert.next_patient_prompt_at is None and _is_asked_about(stored, alert):
        yield f"{name}: nobody said that they reached someone, and its clock stands"
    if alert.state is AlertState.UNCONFIRMED and alert.safety_follow_ups < repeat.times:
        yield f"{name}: it counts as unconfirmed after {alert.safety_follow_ups} questions, of {repeat.times}"
    if not _said(stored, alert, CONFIRMS) and not _is_asked_about(stored, alert):
        return
    if alert.safety_follow_ups == 0 and due < seen.until - JUST_NOW and _had_to_be_asked(stored, alert, due, seen):
        yield f"{name}: nobody was asked whether they reached someone"


def _is_asked_about(stored: Stored, alert: AlertRow) -> bool:
    """Return whether it names something that is open and that nobody took back, or that is not remembered."""
    memory = stored.stores.concerns.of_patient(alert.patient_id)
    if memory is None or not alert.symptoms:
        return True
    known = {ConcernState.REACHED, ConcernState.SETTLED}
    concerns = [memory.value.concern(symptom) for symptom in alert.symptoms]
    return any(c.state not in known and c.retracted_at is None and not c.is_for_team for c in concerns)


def _first_due(stored: Stored, alert: AlertRow, repeat: Repeat) -> datetime:
    """Return when the patient has to be asked first: "I have called" puts that off by the wait.

    The question about SOON waits for the end of the patient's quiet hours.
    """
    due = _last_raised(stored, alert) + repeat.after
    for one in _taps_since(stored, alert, _last_raised(stored, alert)):
        if one.tap.action.choice == Reply.CALLED and one.at <= due:
            due = one.at + repeat.after
    if alert.call_tier is Tier.SOON:
        while _is_quiet(stored, alert, due):
            due += A_MINUTE
    return due


def _is_quiet(stored: Stored, alert: AlertRow, at: datetime) -> bool:
    patient = stored.patient(alert.patient_id)
    local = at.astimezone(ZoneInfo(patient.timezone or stored.clinic.timezone)).time()
    since_begin, length = (_minutes(one) - _minutes(patient.quiet_from) for one in (local, patient.quiet_to))
    return since_begin % A_DAY < length % A_DAY


def _minutes(time_of_day: time) -> int:
    return 60 * time_of_day.hour + time_of_day.minute


def _last_raised(stored: Stored, alert: AlertRow) -> datetime:
    """When it last began to ask the patient: what joined it, or a sign that was named, begins again."""
    times = [each.raised_at for each in stored.raised if each.id == alert.id]
    return max(*times, alert.named_at or alert.raised_at)


def _had_to_be_asked(stored: Stored, alert: AlertRow, due: datetime, seen: Evidence) -> bool:
    """Return whether the due time came before the patient said if they reached someone, or staff closed the alert.

    The end screen of a check-in asks it, too: "not yet" there puts the question off.
    """
    if alert.closed_at is not None and alert.closed_at < due + JUST_NOW:
        return False
    said = _said(stored, alert, {*CONFIRMS, Reply.NOT_YET})
    if not said:
        return True
    raised = seen.timeline.last(_last_raised(stored, alert), min(said))
    came = seen.timeline.reached(due, raised) if raised is not None else float("inf")
    return min(said) - came > AT_ONCE and not seen.trouble(came, min(said))


def _said(stored: Stored, alert: AlertRow, words: Collection[str]) -> list[float]:
    """When, in real seconds, somebody said one of these, since the alert last began to ask."""
    since = _taps_since(stored, alert, _last_raised(stored, alert))
    return [one.tap.at for one in since if one.tap.action.choice in words]


# -- what was said about a call


def not_as_said(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield taps on a call screen or a safety follow-up that are not stored or were not answered."""
    for alert in stored.alerts:
        every = _taps(stored, alert)
        # What joined the alert since is not what was replied to.
        taps = _taps_since(stored, alert, alert.named_at or alert.raised_at)
        name = f"alert {alert.id} ({alert.tier.name})"
        yield from _replies(alert, [o for o in taps if o.tap.action.choice in set(Reply)], name, seen)
        mistakes = [one.at for one in taps if one.tap.action.choice in MISTAKES]
        if mistakes and alert.mistake_at not in (mistakes if not seen.in_turn else mistakes[:1]):
            yield f"{name}: a mistake was claimed, and {alert.mistake_at} is stored"
        declared = [one.tap.action.choice for one in taps if one.tap.action.choice in {"is_urgent", "can_wait"}]
        if declared and alert.declared not in (declared if not seen.in_turn else declared[-1:]):
            yield f"{name}: {declared[-1]} was said, and {alert.declared} is stored"
        yield from _unnoted(stored, alert, every, name)


def _replies(alert: AlertRow, taps: list[ProcessedTap], name: str, seen: Evidence) -> Iterator[str]:
    if not taps:
        return
    last = taps[-1]
    # A webhook may have delivered the last two in reverse order.
    may_be = [last] if seen.in_turn else [one for one in taps if abs(one.at - last.at) < TOGETHER]
    if last.tap.action.choice in CONFIRMS or alert.last_reply == Reply.AT_HOSPITAL:
        # A "yes" that leaves something open is not kept, and the hospital ends the questions of all alerts.
        return
    if (alert.last_reply, alert.replied_at) not in [(one.tap.action.choice, one.at) for one in may_be]:
        kept = f"{alert.last_reply} of {alert.replied_at}"
        yield f"{name}: {last.tap.action.choice} was said at {last.at:%d %H:%M:%S}, and {kept} is stored"


def _unnoted(stored: Stored, alert: AlertRow, taps: list[ProcessedTap], name: str) -> Iterator[str]:
    patient = stored.patient(alert.patient_id)
    lines = {(line.action, line.at) for line in stored.lines[patient.code] if line.detail.get("alert") == alert.id}
    for one in taps:
        word = one.tap.action.choice
        action = "patient_mistake" if word in MISTAKES else f"patient_{word}"
        if word in _NAMED | MISTAKES and (action, one.at) not in lines:
            yield f"{name}: {word} was said at {one.at:%d %H:%M:%S}, and the record does not have it"
        slots = [f"card:{alert.id}" if word == "card" else f"alert-reply:{alert.id}"]
        if word == "was_mistake":
            # Asked again, in the message of the question or in the check-in.
            slots += [s for s in stored.slots if s.startswith((f"loopback:{alert.id}:", "checkin:"))]
        # The answer to a doubled tap replaces the first one's, which may not have left yet.
        doubled = [o.at for o in taps if o.tap.action == one.tap.action and timedelta(0) <= o.at - one.at < TOGETHER]
        if not any(stored.arrived(slot, patient.chat_id, at=at) for slot in slots for at in doubled):
            yield f"{name}: {word} was said at {one.at:%d %H:%M:%S}, and nothing was answered"


def _taps_since(stored: Stored, alert: AlertRow, start: datetime) -> list[ProcessedTap]:
    """The taps since something happened to the alert at `start`.

    By the order of the record, for the clock may have been set back since; by time if the record has no line of it.
    """
    lines = [
        line
        for line in reversed(stored.lines[stored.patient(alert.patient_id).code])
        if line.detail.get("alert") == alert.id
    ]
    begun = next((number for number, line in enumerate(lines) if line.at == start), None)
    if begun is None:
        return [one for one in _taps(stored, alert) if one.at >= start]
    since = {line.at for line in lines[begun:]}
    return [one for one in _taps(stored, alert) if one.at in since]


def _taps(stored: Stored, alert: AlertRow) -> list[ProcessedTap]:
    chat = stored.patient(alert.patient_id).chat_id
    return [
        one
        for one in stored.taps.get(chat or 0, [])
        if one.tap.action.kind == "alert" and one.tap.action.subject == alert.id
    ]


# -- the team


def team_not_notified(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield alerts without a message to the team."""
    for alert in stored.alerts:
        # Out of hours, SOON waits for the next shift, but no longer than until the next escalation.
        wait = stored.clinic.protocol.clocks.ack[Tier.SOON].next if alert.tier is Tier.SOON else timedelta(0)
        if alert.is_agreed or alert.raised_at + wait > seen.until - JUST_NOW:
            continue
        if not stored.arrived(f"staff-alert:{alert.id}"):
            yield f"alert {alert.id} ({alert.tier.name}): nobody of the team was told"
