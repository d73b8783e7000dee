"""Participation: pause, resume, withdraw, erase, reachability. Never closes an alert: those stay for the team."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot.app.alerts.replies import stop_asking
from bot.app.checkins.answering import close_as
from bot.app.concerns.assessments import as_stored
from bot.app.concerns.follow_up import replanned
from bot.app.concerns.memory import tier_to_call_about
from bot.app.patients import caregivers
from bot.app.patients.leaving import hand_to_team, keep_for_team
from bot.app.patients.lookup import locked
from bot.app.patients.returning import UNDO_FOR
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import Task
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import OPEN_ENDED, is_paused, pauses_ended, rescheduled
from bot.app.work import SYSTEM, Work
from bot.core.checkin import Expire
from bot.core.schedule import Pause

STOP_FOR = timedelta(days=7)
"""The length of the pause that a patient chooses in /stop."""


def pause(work: Work, code: str, until: date | None) -> Patient:
    """Pause check-ins from today until a day (inclusive; None: until resumed) and return the patient.

    It replaces a running pause; an open check-in can still be answered. Raise RefusedError for a day in the past or a
    patient who is not active.
    """
    patient = locked(work.patients, code)
    today = work.at.astimezone(ZoneInfo(patient.timezone or work.clinic.timezone)).date()
    if until is not None and until < today:
        raise RefusedError(f"pause until {until}: that day has passed; name today or later")
    if patient.state not in {PatientState.ACTIVE, PatientState.PAUSED}:
        raise RefusedError(f"{code} is {patient.state}: only an active patient can be paused")
    gap = Pause(first=today, last=until or OPEN_ENDED)
    state = PatientState.ACTIVE if until else PatientState.PAUSED
    paused = patient.model_copy(update={"pauses": (*pauses_ended(patient.pauses, today), gap), "state": state})
    paused = work.patients.save(rescheduled(paused, work.clinic, work.at))
    work.record("patient_paused", patient.code, until=str(until) if until else None)
    hand_to_team(work, paused, "paused")
    work.notices.paused(paused, gap, is_planned=False)
    return paused


def resume(work: Work, patient: Patient) -> Patient:
    """End a pause today and return the patient; check-ins continue as planned."""
    today = work.at.astimezone(ZoneInfo(patient.timezone or work.clinic.timezone)).date()
    active = patient.model_copy(update={"pauses": pauses_ended(patient.pauses, today), "state": PatientState.ACTIVE})
    active = work.patients.save(replanned(work, active))
    work.record("patient_resumed", patient.code)
    return active


def resume_for(work: Work, code: str) -> Patient:
    """End a pause on behalf of a patient, who is notified. Raise RefusedError if they are not paused."""
    patient = locked(work.patients, code)
    if patient.state not in {PatientState.ACTIVE, PatientState.PAUSED} or not is_paused(patient, work.clinic, work.at):
        raise RefusedError(f"{code} is not paused, so there is nothing to resume")
    active = resume(work, patient)
    work.notices.plan_changed(active)
    return active


def withdraw(work: Work, code: str) -> Patient:
    """Withdraw the patient's consent: nothing more is sent, links stop working. Answers are kept until erased.

    A patient who did it themselves can undo it for a day (`returning.undo_stop`).
    """
    patient = locked(work.patients, code)
    for unused in work.invites.of_patient(patient.id):
        if unused.revoked_at is None:
            work.invites.save(unused.model_copy(update={"revoked_at": work.at}))
    is_by_patient = work.actor == patient.actor and patient.state in {PatientState.ACTIVE, PatientState.PAUSED}
    undo_until = work.at + UNDO_FOR if is_by_patient else None
    patient = end_participation(work, patient)
    left = {
        "state": PatientState.WITHDRAWN,
        **dict.fromkeys(("next_due_at", "goodbye_at", "enrol_step", "follow_up")),
        "undo_until": undo_until,
    }
    gone = work.patients.save(patient.model_copy(update=left))
    work.record("patient_withdrawn", patient.code)
    work.notices.withdrawn(gone, tier_to_call_about(work, gone))
    return gone


def end_participation(work: Work, patient: Patient) -> Patient:
    """End consent, check-in, safety follow-ups and caregivers of a patient; return the patient as stored.

    Their answers are assessed first, and their alerts stay open for the team, which is notified. Messages that wait are
    not sent any more.
    """
    work.outbox.drop_waiting_of(patient.id)
    for consent in work.consents.of_patient(patient.id):
        if consent.withdrawn_at is None:
            work.consents.save(consent.model_copy(update={"withdrawn_at": work.at}))
    unfinished = work.checkins.open_of(patient.id)
    if unfinished is not None:
        # The answers were given under consent and may require a call.
        close_as(work, patient, unfinished, Expire())
    stop_asking(work, patient)
    hand_to_team(work, patient, "left")
    caregivers.end_all(work, patient)
    left = as_stored(work, patient)
    if left.phone_move == "moved":
        # The old chat may still say that the move was not theirs.
        return left
    # Whichever phone they leave on, the other one is nobody's any more.
    return left.model_copy(update={"second_chat_id": None, "phone_move": None})


def erase(work: Work, code: str) -> None:
    """Delete a patient's answers, assessments, alerts and messages permanently; the audit keeps that it was done.

    If something is OPEN, the team keeps an alert without answers until they record an outcome.
    """
    patient = locked(work.patients, code)
    caregivers_present = [row for row in work.caregivers.of_patient(patient.id) if row.chat_id is not None]
    if patient.state is not PatientState.WITHDRAWN:
        withdraw(work, code)
    tier = tier_to_call_about(work, patient)
    work.patients.erase_data(patient.id, keep_alert=keep_for_team(work, patient))
    work.notices.data_erased(patient, caregivers_present, tier)
    work.record("patient_erased", patient.code)


def set_reachable(work: Work, patient: Patient, *, reachable: bool) -> None:
    """Mark a patient as unreachable (bot blocked, chat deleted) and open a task, or as reachable and close it."""
    if reachable:
        work.patients.save(patient.model_copy(update={"unreachable_at": None}))
        work.tasks.close_of_patient(patient.id, ("unreachable",), work.at)
    elif patient.unreachable_at is None:
        work.patients.save(patient.model_copy(update={"unreachable_at": work.at}))
        work.tasks.add(Task(kind="unreachable", patient_id=patient.id, subject=patient.code, raised_at=work.at))
        work.acting(SYSTEM).record("patient_unreachable", patient.code)
