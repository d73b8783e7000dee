"""The laws that must hold after every transaction of every life; checked inside the transaction itself."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import takewhile

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.checkins import AssessmentRow
from bot.app.records.messages import Lane
from bot.app.records.patients import PatientState
from bot.core.concern_values import ConcernState
from bot.core.local_time import in_quiet_hours
from bot.core.protocol import Tier
from bot.core.triage import History, assess
from tests.property import plan
from tests.property.notes import Books, Deed

GONE = frozenset({PatientState.WITHDRAWN, PatientState.DECLINED})
BULK = frozenset({Lane.REMINDER, Lane.CHECKIN})
BY_PLAN = frozenset({"scheduled", "follow_up"})
REACHED = frozenset({"reached", "team_knows"})
COUNTS_FOR = frozenset({"called", "reached", "at_hospital", "team_knows", "not_yet", "cannot_reach", "cannot_call"})
"""Replies that count for what had opened when their message was made."""
NIGHT = timedelta(hours=12)
"""The longest quiet hours."""
Law = Callable[[Books, Books, Deed, Clinic], Iterator[str]]


def broken(before: Books, after: Books, deed: Deed, clinic: Clinic) -> list[str]:
    """Return a description of every law that the deed broke."""
    if deed.of("erase_patient_data"):
        return []  # no data is left that a law could apply to
    errors = [f"a row could not be processed: {error!r}" for error in deed.stores.errors]
    return [*errors, *(f"{law.__name__}: {said}" for law in ALL for said in law(before, after, deed, clinic))]


# -- red flags


def new_alert_shows_a_call_screen(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """A new alert has its first safety follow-up planned and its call screen queued as a new, prioritized message."""
    for alert in deed.of("add_alert"):
        # What no answer of this transaction found: an accepted level ended, perhaps while they had left.
        if (deed.swept or _gone(after) or not deed.of("record_answer", "add_assessment")) and _is_for_team(alert):
            continue
        repeat = clinic.protocol.clocks.safety_follow_up.get(alert.tier)
        if alert.next_patient_prompt_at != (deed.at + repeat.after if repeat else None):
            yield f"alert {alert.id} is asked after at {alert.next_patient_prompt_at}"
        slots = (f"alert:{alert.id}:", f"call-soon:{alert.id}")
        calls = [
            r for r in deed.queued if r.slot.startswith(slots) and r.mode == "new" and r.screen.name.startswith("call.")
        ]
        lane = Lane.RED_FLAG if alert.tier >= Tier.URGENT else Lane.REPLY
        # What the clock opens at SOON waits for the end of quiet hours.
        latest = deed.at + NIGHT if deed.swept and alert.tier is Tier.SOON else deed.at
        good = [r for r in calls if r.mode == "new" and r.lane is lane and r.not_before <= latest]
        patient = after.patient
        if patient is not None and patient.chat_id is not None and patient.chat_id not in {r.chat_id for r in good}:
            yield f"{alert.tier.name} alert {alert.id} shows no call screen"


def alerts_follow_their_schedule(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """Each safety follow-up is asked when planned; then the alert is unconfirmed. Only the patient confirms."""
    for number, new in after.alerts.items():
        old = before.alerts.get(number)
        if old is not None and old is not new:
            yield from _check_change(old, new, deed, clinic, after)
        yield from _check_planned(new, after, deed, clinic)


def _check_change(old: AlertRow, new: AlertRow, deed: Deed, clinic: Clinic, after: Books) -> Iterator[str]:
    name = f"alert {new.id}"
    if old.tier > new.tier or old.raised_at != new.raised_at or not set(old.rules) <= set(new.rules):
        yield f"{name} lost something of what raised it"
    tapped = deed.action.choice if deed.action is not None and deed.action.kind == "alert" else ""
    mine = bool(tapped) and deed.action is not None and deed.action.subject == new.id
    by_staff = deed.staff is not None and deed.staff.alert == new.id
    if new.state is AlertState.CLOSED and old.state is not AlertState.CLOSED and not by_staff:
        yield f"{name} was closed and no staff did it"
    # At the hospital, all alerts are confirmed; one that is reopened is confirmed as before.
    reached = (mine and tapped in REACHED) or tapped == "at_hospital" or by_staff
    if new.state is AlertState.CONFIRMED and old.state is not new.state and not reached:
        yield f"{name} was confirmed by {deed.name}"
    # Found when they left: named for the team, and nothing is asked any more.
    # What a form found that ended because they are at the hospital: somebody is with them, and nothing is asked.
    is_with_help = tapped == "at_hospital" and new.state is AlertState.CONFIRMED
    starts_again = new.safety_follow_ups == 0 and (
        new.next_patient_prompt_at is not None or _gone(after) or is_with_help
    )
    if new.safety_follow_ups != old.safety_follow_ups and not starts_again:
        yield from _check_follow_up(old, new, deed, clinic, after)
    repeat = clinic.protocol.clocks.safety_follow_up.get(_asked_tier(new, after))
    if new.state is AlertState.UNCONFIRMED and old.state is AlertState.OPEN and not _gone(after):
        if repeat is not None and new.safety_follow_ups < repeat.times:
            yield f"{name} is unconfirmed after {new.safety_follow_ups} questions"
        if not deed.swept:
            yield f"{name} became unconfirmed by {deed.name}"
    postpone = (
        old.next_patient_prompt_at is not None
        and new.next_patient_prompt_at is not None
        and new.next_patient_prompt_at > old.next_patient_prompt_at
    )
    if (
        postpone
        and not deed.swept
        and not (mine and tapped in {"remind", "called"})
        and old.next_patient_prompt_at > deed.at
    ):
        yield f"the question of {name} was put off by {deed.name} {tapped}"


def _check_follow_up(old: AlertRow, new: AlertRow, deed: Deed, clinic: Clinic, after: Books) -> Iterator[str]:
    name, repeat = f"alert {new.id}", clinic.protocol.clocks.safety_follow_up[_asked_tier(new, after)]
    # What is left of a higher finding that was dealt with is asked about from the beginning.
    counts = {old.safety_follow_ups + 1, 1 if new.call_tier < old.call_tier else 0}
    if not deed.swept or new.safety_follow_ups not in counts or new.safety_follow_ups > repeat.times:
        yield f"{name} was asked after {new.safety_follow_ups} times"
    if old.next_patient_prompt_at is None or (old.next_patient_prompt_at != deed.at and not deed.late):
        yield f"{name} was asked after at {deed.at}, not at {old.next_patient_prompt_at}"
    if new.next_patient_prompt_at != deed.at + repeat.after:
        yield f"{name} is asked after again at {new.next_patient_prompt_at}"
    asked = [r for r in deed.queued if r.slot == f"loopback:{new.id}:{new.safety_follow_ups}"]
    if not any(r.mode == "new" and r.lane is Lane.RED_FLAG and r.screen.name == "loopback.ask" for r in asked):
        yield f"safety follow-up {new.safety_follow_ups} of {name} was not sent"


def _check_planned(alert: AlertRow, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    repeat = clinic.protocol.clocks.safety_follow_up.get(_asked_tier(alert, after))
    waits = alert.state is AlertState.OPEN and repeat is not None
    if waits and alert.next_patient_prompt_at is None and not _gone(after) and _is_asked_about(alert, after):
        yield f"nobody will ask after alert {alert.id}"
    if (
        waits
        and deed.swept
        and alert.next_patient_prompt_at is not None
        and alert.next_patient_prompt_at < deed.at
        and not deed.late
    ):
        yield f"alert {alert.id} was to be asked after at {alert.next_patient_prompt_at}"


def _is_asked_about(alert: AlertRow, books: Books) -> bool:
    """Return whether it names something that is open and that nobody took back, or that is not remembered."""
    if books.memory is None or not alert.symptoms:
        return True
    concerns = [books.memory.value.concern(symptom) for symptom in alert.symptoms]
    known = {ConcernState.REACHED, ConcernState.SETTLED}
    return any(c.state not in known and c.retracted_at is None and not c.is_for_team for c in concerns)


def _asked_tier(alert: AlertRow, books: Books) -> Tier:
    """The highest tier of what the alert names and the patient still has to call about; else what it was asked at."""
    open_now = books.memory.value.open if books.memory is not None else ()
    asked = [c.tier for c in open_now if c.symptom in alert.symptoms and c.retracted_at is None and not c.is_for_team]
    return max(asked, default=alert.call_tier)


def one_alert_is_open(before: Books, after: Books, _deed: Deed, _clinic: Clinic) -> Iterator[str]:
    """A patient has one alert that is not closed: what is found later joins it."""
    found = [alert.id for alert in after.alerts.values() if alert.closed_at is None]
    if len(found) > 1:
        yield f"alerts {found} are open at once"


def _is_for_team(alert: AlertRow) -> bool:
    """Return whether an accepted level ended, which needs no call screen and no prompt."""
    return alert.checkin_id is None and alert.tier is Tier.SOON


def _gone(books: Books) -> bool:
    return books.patient is None or books.patient.state in GONE


# -- what is said


def who_left_is_sent_nothing(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """No unrequested message goes to people who left, and no unrequested question in a pause or in quiet hours."""
    patient = after.patient
    if patient is None or not deed.swept:
        return
    if _gone(after) and deed.queued:
        yield f"{patient.state} and sent {deed.queued[0].screen.name}"
    # Check-ins that they started themselves, or asked to be reminded of, may have reminders.
    asked_for = {row.id for row in before.checkins.values() if row.remind_at is not None}
    own = {f"checkin:{r.id}" for r in after.checkins.values() if r.kind in {"worse", "baseline"} or r.id in asked_for}
    # "Are you home?" ends a pause.
    asked = [
        row for row in deed.queued if row.lane in BULK and row.slot not in own and not row.slot.startswith("home:")
    ]
    if asked and (
        patient.state is PatientState.PAUSED or plan.paused(patient, plan.local_day(patient, clinic, deed.at))
    ):
        yield f"asked in a pause: {asked[0].screen.name}"
    quiet = in_quiet_hours(deed.at, plan.zone(patient, clinic).key, patient.quiet_from, patient.quiet_to)
    if asked and quiet and not deed.late:
        yield f"asked in quiet hours: {asked[0].screen.name}"


def replies_say_when_they_were_asked_for(_before: Books, after: Books, deed: Deed, _clinic: Clinic) -> Iterator[str]:
    """A button about an alert carries the time of its message: one without it counts for what began the alert alone."""
    # A former screen that is edited ("Seen by your team") keeps the time at which it was made.
    for row in (row for row in deed.queued if row.mode == "new"):
        for made in (button.action for line in row.screen.rows for button in line):
            if made is None or made.kind != "alert" or made.choice not in COUNTS_FOR:
                continue
            alert = after.alerts.get(made.subject)
            if alert is not None and alert.raised_at < deed.at and made.revision == 0:
                yield f"{row.screen.name} has {made.choice!r} as if it were made when alert {alert.id} was raised"


# -- check-ins


def at_most_one_is_open(_before: Books, after: Books, _deed: Deed, _clinic: Clinic) -> Iterator[str]:
    opened = [row.id for row in after.open_checkins()]
    if len(opened) > 1:
        yield f"check-ins {opened} are open"


def no_check_in_is_missed(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """A due time that passes leaves a check-in, or (too late after an outage) a task."""
    old = before.patient
    for new in deed.of("save_patient"):
        due = old.next_due_at if old is not None and old.state is PatientState.ACTIVE else None
        if due is not None and due <= deed.at and new.next_due_at != due and old.unreachable_at is None:
            opened = any(row.due_at == due for row in deed.of("add_checkin"))
            too_late = deed.at - due > clinic.protocol.clocks.cutoff
            subject = f"{new.code}@{due:%Y-%m-%dT%H:%MZ}"
            reported = any((w.kind, w.subject) == ("skipped_after_outage", subject) for w in after.work)
            if (not opened and not too_late) or (too_late and not reported):
                yield f"the check-in due at {due} is missing"
        old = new


def next_check_in_is_planned(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """An active patient has the plan's next check-in ahead; today's may already be closed."""
    patient = after.patient
    if patient is None or patient.state is not PatientState.ACTIVE or not deed.of("save_patient", "add_checkin"):
        return
    if patient.next_due_at is not None and patient.next_due_at <= deed.at:
        return  # the sweep has not reached it yet
    first = plan.due_after(patient, clinic, deed.at)
    if first is None:
        yield "active, and never asked again"
    if patient.next_due_at == first:
        return
    today = plan.local_day(patient, clinic, deed.at)
    asked = any(plan.local_day(patient, clinic, row.due_at) == today for row in after.checkins.values())
    if not asked or patient.next_due_at != plan.due_after(patient, clinic, plan.next_day(patient, clinic, deed.at)):
        yield f"next due at {patient.next_due_at}, planned at {first}"


def silence_puts_off_no_more_than_the_table(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """A check-in is put off only after as many unanswered ones in a row as the protocol says, and for no longer."""
    for new in deed.of("save_patient"):
        opened = deed.of("add_checkin")
        if new.rests_until is None or not opened:
            continue
        newest = sorted(after.checkins.values(), key=lambda row: row.id)[::-1]
        silent = len(list(takewhile(lambda row: not row.value.answers, newest)))
        allowed = [step for step in clinic.protocol.silence if step.after <= silent]
        asked_on = plan.local_day(new, clinic, opened[-1].due_at)
        if not allowed or (new.rests_until - asked_on).days > allowed[-1].days:
            yield f"put off until {new.rests_until} after {silent} unanswered check-ins"


def no_check_in_is_doubled(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    patient = after.patient
    for new in deed.of("add_checkin"):
        if patient is None or new.kind not in BY_PLAN:
            continue
        day = plan.local_day(patient, clinic, new.due_at)
        same = [c.id for c in before.checkins.values() if c.kind in BY_PLAN and c.id != new.id]
        if any(plan.local_day(patient, clinic, before.checkins[n].due_at) == day for n in same):
            yield f"a second check-in on {day}"


# -- assessments


def every_assessment_replays(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    for found in deed.of("add_assessment"):
        name = f"the assessment of check-in {found.checkin_id}"
        if found.basis is None:
            yield f"{name} has no basis"
            continue
        given = deed.stores.checkins.get(found.checkin_id)
        if given is not None and dict(given.value.answers) != dict(found.basis.answers):
            yield f"{name} was made from other answers than are stored"
        again = _reassess(found, clinic)
        if again != (found.tier, found.rules, found.complete):
            yield f"{name} is {found.tier.name}, reassessed as {again[0].name}"


def _reassess(found: AssessmentRow, clinic: Clinic) -> tuple[Tier, tuple[str, ...], bool]:
    basis = found.basis
    assert basis is not None
    compared = History(previous=basis.previous, baseline=basis.baseline)
    again = assess(
        basis.answers,
        compared,
        clinic.protocol,
        form=basis.form,
        finished=basis.finished,
        about=basis.about,
        quiet=basis.quiet,
    )
    return max(again.tier, basis.open), again.rules, again.complete


ALL: tuple[Law, ...] = (
    new_alert_shows_a_call_screen,
    alerts_follow_their_schedule,
    one_alert_is_open,
    who_left_is_sent_nothing,
    replies_say_when_they_were_asked_for,
    at_most_one_is_open,
    no_check_in_is_missed,
    next_check_in_is_planned,
    silence_puts_off_no_more_than_the_table,
    no_check_in_is_doubled,
    every_assessment_replays,
)
