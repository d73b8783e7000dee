"""Patients: added, invited, paused, withdrawn, erased, looked up. What they see in enrolment is in enrolment.py."""

import re
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.leaving import wind_up
from bot.app.lookup import RefusedError, locked
from bot.app.plans import FAR, is_paused, pauses_ended, rescheduled
from bot.app.ports import Clinic
from bot.app.post import post, post_stranger
from bot.app.rounds import replanned
from bot.app.screens import date_text, next_checkin_text
from bot.app.store import (
    Audit,
    Invite,
    Patient,
    PatientState,
    Store,
    WorkItem,
)
from bot.core.schedule import Pause, stable_jitter, valid_timezone
from bot.core.screen import Screen, Text

CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,15}")
DRUG = re.compile(r"[^\W_][\w +\-/(),.]{1,59}")


# -- adding and inviting


def add(
    store: Store,
    clinic: Clinic,
    *,
    code: str,
    ici_start: date,
    regimen: Literal["single", "combination"] = "single",
    drug: str | None = None,
    plan: str | None = None,
    language: str | None = None,
    timezone: str | None = None,
    at: datetime,
    by: str = "operator",
) -> tuple[Patient, str]:
    """Add a patient and make their invite; return both the patient and the token that follows `/start `.

    Raise RefusedError for a bad code, plan, language, time zone or date, DuplicateError for a code in use.
    """
    plan = plan or plan_for(clinic, regimen)
    problems = problems_of(
        clinic, code=code, drug=drug, plan=plan, language=language, timezone=timezone, ici_start=ici_start, at=at
    )
    if problems:
        raise RefusedError("; ".join(problem for _, problem in problems))
    clocks = clinic.protocol.clocks
    patient = store.add_patient(
        Patient(
            code=code,
            language=language or clinic.languages[0],
            timezone=timezone,
            send_time=clocks.send_time,
            quiet_from=clocks.quiet_from,
            quiet_to=clocks.quiet_to,
            ici_start=ici_start,
            regimen=regimen,
            drug=drug,
            plan=plan,
            jitter=stable_jitter(code, int(clocks.jitter.total_seconds())),
            created_at=at,
        )
    )
    _audit(store, patient, "patient_added", at, actor=by)
    return patient, invite(store, clinic, patient, at)


def problems_of(
    clinic: Clinic,
    *,
    code: str,
    drug: str | None,
    plan: str,
    language: str | None,
    timezone: str | None,
    ici_start: date,
    at: datetime,
) -> list[tuple[str, str]]:
    """Return what is wrong with the facts of a new patient: each time which one, and what to do."""
    problems = []
    if not CODE.fullmatch(code):
        problems.append(("code", f"code {code!r}: use 2 to 16 of A-Z, 0-9 and '-'; a study code, never a name"))
    if drug is not None and not DRUG.fullmatch(drug):
        problems.append(("drug", f"drug {drug!r}: use its name in 2 to 60 letters, digits, blanks and + - / ( ) ,"))
    if plan not in clinic.protocol.plans:
        problems.append(("plan", f"plan {plan!r}: the protocol has {', '.join(clinic.protocol.plans)}"))
    if language is not None and language not in clinic.languages:
        enabled = ", ".join(clinic.languages)
        problems.append(("language", f"language {language!r}: enabled are {enabled} (NERVECHECK_LANGUAGES)"))
    if timezone is not None and not valid_timezone(timezone):
        problems.append(("timezone", f"time zone {timezone!r}: use an IANA name like Europe/Berlin"))
    if not at.date() - timedelta(days=3653) <= ici_start <= at.date() + timedelta(days=366):
        reason = f"ICI start {ici_start}: must lie within ten years before and one year after today"
        problems.append(("ici_start", reason))
    return problems


def plan_for(clinic: Clinic, regimen: str) -> str:
    """Return the name of the plan that goes with a regimen."""
    return "combination" if regimen == "combination" and "combination" in clinic.protocol.plans else "standard"


def invite(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> str:
    """Make a new single-use invite and return its token; earlier ones stop working. Only its hash is stored."""
    for old in store.invites(patient.id):
        if old.revoked_at is None:
            store.save_invite(old.model_copy(update={"revoked_at": at}))
    token = clinic.new_token()
    expires = at + clinic.protocol.clocks.invite_valid
    store.add_invite(Invite(patient_id=patient.id, token_hash=clinic.hash_token(token), expires_at=expires))
    return token


def invite_again(store: Store, clinic: Clinic, code: str, at: datetime, *, by: str = "operator") -> tuple[Patient, str]:
    """Make a new invite for a patient whose link is too old, who left, or who has a new phone.

    Whoever opens it goes through enrolment anew; until then all stays as it is.
    """
    patient = locked(store, code)
    _audit(store, patient, "invited_again", at, actor=by)
    return patient, invite(store, clinic, patient, at)


def invited_by(store: Store, clinic: Clinic, token: str, chat_id: int, at: datetime) -> Patient | None:
    """Return the locked patient an invite opens for this chat, or None (unknown, used elsewhere, revoked, too old).

    The first opening binds the invite to the chat; that chat may open it again, any other may not.
    """
    found = store.invite_by_hash(clinic.hash_token(token))
    if found is None or found.revoked_at is not None:
        return None
    patient = store.patient(found.patient_id, lock=True)
    # Read again behind the lock: two chats may open it at once, and one of them comes too late.
    found = store.invite_by_hash(clinic.hash_token(token))
    if patient is None or found is None or found.revoked_at is not None:
        return None
    if found.used_at is not None:
        return patient if patient.chat_id == chat_id else None
    if found.expires_at <= at:
        return None
    store.save_invite(found.model_copy(update={"used_at": at}))
    return patient


def is_for(store: Store, clinic: Clinic, token: str, patient: Patient) -> bool:
    """Whether the token is of one of this patient's invites."""
    found = store.invite_by_hash(clinic.hash_token(token))
    return found is not None and found.patient_id == patient.id


# -- pausing and leaving


def pause(
    store: Store, clinic: Clinic, code: str, until: date | None, at: datetime, *, by: str = "operator"
) -> Patient:
    """No check-ins from today until the day named (inclusive; None: until resumed). An open one stays answerable.

    It takes the place of a pause that runs: what the patient is told now is what holds.
    """
    patient = locked(store, code)
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    if until is not None and until < today:
        raise RefusedError(f"pause until {until}: that day has passed; name today or later")
    if patient.state not in {PatientState.ACTIVE, PatientState.PAUSED}:
        raise RefusedError(f"{code} is {patient.state}: only an active patient can be paused")
    gap = Pause(first=today, last=until or FAR)
    state = PatientState.ACTIVE if until else PatientState.PAUSED
    paused = patient.model_copy(update={"pauses": (*pauses_ended(patient.pauses, today), gap), "state": state})
    paused = rescheduled(paused, clinic, at)
    paused = store.save_patient(paused)
    _audit(store, patient, "patient_paused", at, actor=by, until=str(until) if until else None)
    _tell_paused(store, paused, until, at)
    return paused


def _tell_paused(store: Store, patient: Patient, until: date | None, at: datetime) -> None:
    key = "pause.until" if until else "pause.open"
    values: dict[str, str | int | Text] = {"date": date_text(until)} if until else {}
    post(store, patient, Screen(name="pause", lines=(Text(key=key, values=values),)), at=at, slot="pause")


def tell_pause(store: Store, patient: Patient, pause: Pause, at: datetime) -> None:
    """Tell a patient of a pause that was planned: from when, and that it ends by itself."""
    values: dict[str, str | int | Text] = {"first": date_text(pause.first), "last": date_text(pause.last)}
    screen = Screen(name="pause", lines=(Text(key="pause.planned", values=values),))
    post(store, patient, screen, at=at, slot="pause")


def resume(store: Store, clinic: Clinic, patient: Patient, at: datetime, *, by: str | None = None) -> Patient:
    """End a pause today; check-ins go on as planned."""
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    active = patient.model_copy(update={"pauses": pauses_ended(patient.pauses, today), "state": PatientState.ACTIVE})
    active = replanned(store, clinic, active, at)
    active = store.save_patient(active)
    _audit(store, patient, "patient_resumed", at, actor=by or f"patient:{patient.code}")
    return active


def resume_for(store: Store, clinic: Clinic, code: str, at: datetime, *, by: str) -> Patient:
    """End a pause on behalf of a patient, who is told; RefusedError for one who isn't in a pause."""
    patient = locked(store, code)
    if patient.state not in {PatientState.ACTIVE, PatientState.PAUSED} or not is_paused(patient, clinic, at):
        raise RefusedError(f"{code} is not in a pause: nothing to resume")
    active = resume(store, clinic, patient, at, by=by)
    tell_plan(store, clinic, active, at)
    return active


def tell_plan(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    """Tell a patient in one line that their plan was changed, and when the next check-in comes."""
    following = next_checkin_text(patient.next_due_at, patient.timezone or clinic.timezone)
    lines = (Text(key="plan.changed"), *((following,) if following is not None else ()))
    post(store, patient, Screen(name="plan.changed", lines=lines), at=at, slot="plan")


def withdraw(store: Store, clinic: Clinic, code: str, at: datetime, *, actor: str) -> Patient:
    """End the check-ins: consent is withdrawn, nothing more is sent. Answers are kept until erased."""
    patient = locked(store, code)
    for unused in store.invites(patient.id):
        if unused.revoked_at is None:
            store.save_invite(unused.model_copy(update={"revoked_at": at}))
    patient = wind_up(store, clinic, patient, at)
    left = {"state": PatientState.WITHDRAWN, "next_due_at": None, "enrol_step": None, "watch": None}
    gone = patient.model_copy(update=left)
    gone = store.save_patient(gone)
    _audit(store, patient, "patient_withdrawn", at, actor=actor)
    farewell = Screen(name="stop.done", lines=(Text(key="stop.done"),), keyboard="remove")
    post(store, gone, farewell, at=at, slot="stop")
    return gone


def erase(store: Store, clinic: Clinic, code: str, at: datetime, *, actor: str) -> None:
    """Delete a patient's answers, assessments, alerts and messages for good; the audit keeps that it was done."""
    patient = locked(store, code)
    helping = [(c.chat_id, c.language) for c in store.caregivers(patient.id) if c.chat_id is not None]
    if patient.state is not PatientState.WITHDRAWN:
        withdraw(store, clinic, code, at, actor=actor)
    store.erase_patient_data(patient.id)
    for chat_id, language in helping:
        # What withdrawing told them went with the patient's messages.
        goodbye = Screen(name="care.goodbye", lines=(Text(key="care.goodbye"),), keyboard="remove")
        post_stranger(store, chat_id, language, goodbye, at)
    _audit(store, patient, "patient_erased", at, actor=actor)
    if patient.chat_id is not None:
        # The chat is no longer the patient's: the farewell goes to it as to a stranger.
        farewell = Screen(name="stop.erased", lines=(Text(key="stop.erased"),), keyboard="remove")
        post_stranger(store, patient.chat_id, patient.language, farewell, at)


def set_reachable(store: Store, patient: Patient, at: datetime, *, reachable: bool) -> None:
    """Mark a patient as unreachable (blocked the bot, chat gone), or as back again."""
    if reachable:
        store.save_patient(patient.model_copy(update={"unreachable_at": None}))
        store.close_work_items(patient.id, ("unreachable",), at)
    elif patient.unreachable_at is None:
        store.save_patient(patient.model_copy(update={"unreachable_at": at}))
        store.add_work_item(WorkItem(kind="unreachable", patient_id=patient.id, subject=patient.code, raised_at=at))
        _audit(store, patient, "patient_unreachable", at, actor="system")


def _audit(store: Store, patient: Patient, action: str, at: datetime, *, actor: str, **detail: str | None) -> None:
    store.audit(Audit(at=at, actor=actor, action=action, subject=patient.code, detail=detail))
