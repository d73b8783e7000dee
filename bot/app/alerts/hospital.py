"""Ends the questions of a patient who is at the hospital, pauses their check-ins, and asks them whether they are home.

Somebody sees a patient who is there, so all that is open is known to a human. Longer pauses stay as they are.
"""

from datetime import date, datetime, timedelta
from functools import partial

from bot.app.alerts.followers import notify_team, show_changed
from bot.app.alerts.messages import Asked
from bot.app.alerts.naming import Found, open_alert
from bot.app.alerts.raising import join, record
from bot.app.alerts.writer import update_patient_side
from bot.app.concerns.follow_up import local_day, replanned
from bot.app.concerns.memory import assess_so_far, hear, remember
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused, pauses_ended, pauses_with, rescheduled
from bot.app.work import Work
from bot.core.changes import NEWS, Change
from bot.core.happenings import AtHospital
from bot.core.local_time import after_quiet_hours, time_of_day, zone_of
from bot.core.safety_follow_up import Reply
from bot.core.schedule import Pause

PAUSE = timedelta(days=7)
"""How long check-ins pause for a patient at the hospital; then they are asked whether they are home [D]."""
ASKED_FOR = timedelta(days=7)
"""How long "are you home?" can be answered; an older message shows where the patient is."""


def arrived(work: Work, patient: Patient, alert_id: int) -> AlertRow | None:
    """Store that the patient is at the hospital, on a message about this alert, and return the alert as it was before.

    Return None, having changed nothing, if the alert is not theirs.
    """
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    _all_is_known(work, patient, alert)
    record(work, patient, alert, "patient_at_hospital")
    for each in work.alerts.open_of(patient.id):
        _confirm(work, each)
    _pause(work, patient)
    notify_team(work, patient, alert, "at_hospital")
    return alert


def _all_is_known(work: Work, patient: Patient, alert: AlertRow) -> None:
    """End what is open, and what an unfinished form found so far: no call is asked about it later.

    Twice, because a rule of the form that fires alone speaks only once a human knows about the others.
    """
    mine = open_alert(work, patient)
    for is_first in (True, False):
        news = _hear_unfinished(work, patient)
        if news and is_first and mine is not None:
            symptoms = tuple(change.symptom for change in news)
            join(work, patient, mine, Found(max(change.tier for change in news), (), symptoms))
        remember(work.acting(patient.actor), patient, (AtHospital(by=patient.actor),), checkin_id=alert.checkin_id)


def _hear_unfinished(work: Work, patient: Patient) -> list[Change]:
    row = work.checkins.open_of(patient.id)
    if row is None or not row.value.answers:
        return []
    applied = hear(work, patient, row, assess_so_far(work, patient, row), finished=True)
    return [change for change in applied.changes if change.what in NEWS]


def _confirm(work: Work, alert: AlertRow) -> None:
    changed = update_patient_side(
        work.alerts,
        alert,
        last_reply=Reply.AT_HOSPITAL,
        replied_at=work.at,
        state=AlertState.CONFIRMED,
        next_patient_prompt_at=None,
    )
    show_changed(work, changed)


def _pause(work: Work, patient: Patient) -> None:
    """Pause check-ins for a week, unless they are paused for longer; on the last day the patient is asked."""
    stored = work.patients.get(patient.id)
    if stored is None or stored.state is not PatientState.ACTIVE:
        # Paused until they resume it themselves, or not asked anything yet.
        return
    today = local_day(stored, work.clinic, work.at)
    last = _joined(stored.pauses, today + PAUSE)
    paused = stored.model_copy(
        update={
            "pauses": pauses_with(stored.pauses, Pause(first=today, last=last)),
            "ask_home_at": _time_on(work, stored, last),
        }
    )
    if (paused.pauses, paused.ask_home_at) != (stored.pauses, stored.ask_home_at):
        work.patients.save(rescheduled(paused, work.clinic, work.at))
        work.acting(patient.actor).record("patient_paused", stored.code, until=str(last))


def _joined(pauses: tuple[Pause, ...], last: date) -> date:
    """Return the last day of the pause together with those that it meets."""
    for pause in sorted(pauses, key=lambda p: p.first):
        if pause.first <= last < pause.last:
            last = pause.last
    return last


def _time_on(work: Work, patient: Patient, day: date) -> datetime:
    """Return the patient's time for check-ins on a day."""
    zone, quiet = patient.timezone or work.clinic.timezone, (patient.quiet_from, patient.quiet_to)
    found = time_of_day(day, zone_of(zone), patient.send_time, *quiet, 0)
    return found or after_quiet_hours(work.at + (day - local_day(patient, work.clinic, work.at)), zone, *quiet)


def hospital_clocks(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Ask the patients whose pause for the hospital ends today whether they are home (a sweep)."""
    found = work.patients.home_due(work.at, limit, after)
    if not found:
        return SweepResult()
    results = [work.attempt(partial(_ask, work, patient)) for patient in found]
    return SweepResult.of(results, found[-1].ask_home_at, found[-1].id)


def _ask(work: Work, patient: Patient) -> None:
    asked = work.patients.save(patient.model_copy(update={"ask_home_at": None}))
    alert = next(iter(work.alerts.of_patient(patient.id, limit=1)), None)
    # Who has resumed check-ins since is home, and who has left is asked nothing any more.
    if alert is not None and asked.state is PatientState.ACTIVE and is_paused(asked, work.clinic, work.at):
        work.by_clock().notices.ask_home(asked, alert)


def home(work: Work, patient: Patient, alert_id: int, asked: Asked) -> Patient | None:
    """Resume the check-ins of a patient who is home, and return the patient; None if they were not asked lately."""
    if not _was_asked(work, patient, alert_id, asked):
        return None
    stored = work.patients.get(patient.id)
    if stored is None or not is_paused(stored, work.clinic, work.at):
        return stored
    today = local_day(stored, work.clinic, work.at)
    changes = {"pauses": pauses_ended(stored.pauses, today), "ask_home_at": None}
    active = work.patients.save(replanned(work, stored.model_copy(update=changes)))
    work.acting(patient.actor).record("patient_resumed", stored.code)
    return active


def not_home(work: Work, patient: Patient, alert_id: int, asked: Asked) -> Patient | None:
    """Pause check-ins for another week, notify the team and return the patient; None if they were not asked lately."""
    alert = work.alerts.get(alert_id)
    if alert is None or not _was_asked(work, patient, alert_id, asked):
        return None
    _pause(work, patient)
    record(work, patient, alert, "patient_still_in_hospital")
    notify_team(work, patient, alert, "still_in_hospital")
    return work.patients.get(patient.id)


def _was_asked(work: Work, patient: Patient, alert_id: int, asked: Asked) -> bool:
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id or patient.state is not PatientState.ACTIVE:
        return False
    return work.at - asked.made_at(alert, work.at) <= ASKED_FOR
