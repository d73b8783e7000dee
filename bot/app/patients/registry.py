"""Adds patients and invites them. Stores no name and no phone number."""

import re
from datetime import date, datetime, timedelta
from typing import Literal

from bot.app.patients.lookup import locked
from bot.app.patients.treatment import DRUG, DRUG_FORMAT
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import Invite, Patient, TreatmentPeriod
from bot.app.schedules.plans import plan_for
from bot.app.work import Work
from bot.core.local_time import valid_timezone
from bot.core.schedule import stable_jitter
from bot.core.treatment import StopReason

CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,15}")


# -- adding and inviting


def add(
    work: Work,
    *,
    code: str,
    ici_start: date,
    ici_stop: date | None = None,
    stop_reason: StopReason | None = None,
    regimen: Literal["single", "combination"] = "single",
    drug: str | None = None,
    plan: str | None = None,
    language: str | None = None,
    timezone: str | None = None,
) -> tuple[Patient, str]:
    """Add a patient and invite them; return the patient and the token that follows `/start `.

    Raise RefusedError for a bad code, plan, language, time zone or date, DuplicateError for a code in use.
    """
    plan = plan or plan_for(work.clinic, regimen)
    problems = problems_of(
        work.clinic,
        code=code,
        drug=drug,
        plan=plan,
        language=language,
        timezone=timezone,
        ici_start=ici_start,
        ici_stop=ici_stop,
        stop_reason=stop_reason,
        at=work.at,
    )
    if problems:
        raise RefusedError("; ".join(problem for _, problem in problems))
    clocks = work.clinic.protocol.clocks
    patient = work.patients.add(
        Patient(
            code=code,
            language=language or work.clinic.languages[0],
            timezone=timezone,
            send_time=clocks.send_time,
            quiet_from=clocks.quiet_from,
            quiet_to=clocks.quiet_to,
            periods=(_period(work, ici_start, ici_stop, stop_reason, drug),),
            regimen=regimen,
            plan=plan,
            jitter=stable_jitter(code, int(clocks.jitter.total_seconds())),
            created_at=work.at,
        )
    )
    work.record("patient_added", patient.code)
    return patient, invite(work, patient)


def _period(work: Work, start: date, stop: date | None, reason: StopReason | None, drug: str | None) -> TreatmentPeriod:
    if stop is not None:
        reason = reason or StopReason.UNKNOWN
    return TreatmentPeriod(
        start=start, stop=stop, stop_reason=reason, drug=drug, recorded_at=work.at, recorded_by=work.actor
    )


def problems_of(
    clinic: Clinic,
    *,
    code: str,
    drug: str | None,
    plan: str,
    language: str | None,
    timezone: str | None,
    ici_start: date,
    ici_stop: date | None = None,
    stop_reason: StopReason | None = None,
    at: datetime,
) -> list[tuple[str, str]]:
    """Return the problems of a new patient's facts: the name of the fact, and what to do."""
    problems = []
    if not CODE.fullmatch(code):
        problems.append(("code", f"code {code!r}: use 2 to 16 of A-Z, 0-9 and '-'; a study code, never a name"))
    if drug is not None and not DRUG.fullmatch(drug):
        problems.append(("drug", f"drug {drug!r}: {DRUG_FORMAT}"))
    if plan not in clinic.protocol.plans:
        problems.append(("plan", f"plan {plan!r}: the protocol has {', '.join(clinic.protocol.plans)}"))
    if language is not None and language not in clinic.languages:
        enabled = ", ".join(clinic.languages)
        problems.append(("language", f"language {language!r}: enabled are {enabled} (NERVECHECK_LANGUAGES)"))
    if timezone is not None and not valid_timezone(timezone):
        problems.append(("timezone", f"time zone {timezone!r}: use an IANA name like Europe/Berlin"))
    if not at.date() - timedelta(days=3653) <= ici_start <= at.date() + timedelta(days=366):
        reason = f"ICI start {ici_start}: use a day between ten years ago and one year from now"
        problems.append(("ici_start", reason))
    if ici_stop is not None and ici_stop < ici_start:
        problems.append(("ici_stop", f"ICI stop {ici_stop}: it is before the start on {ici_start}"))
    if ici_stop is not None and ici_stop > at.date() + timedelta(days=366):
        problems.append(("ici_stop", f"ICI stop {ici_stop}: that is more than a year ahead"))
    if stop_reason is not None and ici_stop is None:
        problems.append(("stop_reason", f"stop reason {stop_reason}: give the date of the stop as well"))
    return problems


def invite(work: Work, patient: Patient) -> str:
    """Return the token of a new single-use invite, of which only the hash is stored. Earlier ones stop working."""
    for old in work.invites.of_patient(patient.id):
        if old.revoked_at is None:
            work.invites.save(old.model_copy(update={"revoked_at": work.at}))
    token = work.clinic.new_token()
    expires = work.at + work.clinic.protocol.clocks.invite_valid
    work.invites.add(Invite(patient_id=patient.id, token_hash=work.clinic.hash_token(token), expires_at=expires))
    return token


def invite_again(work: Work, code: str) -> tuple[Patient, str]:
    """Invite a patient again whose link has expired, who left, or who has a new phone; return them and the token.

    Opening the link starts enrolment again; until then nothing changes. Raise RefusedError for an unknown code.
    """
    patient = locked(work.patients, code)
    work.record("invited_again", patient.code)
    return patient, invite(work, patient)


def find_invite(work: Work, token: str, chat_id: int) -> Patient | None:
    """Return the patient of an invite that the chat could accept now, locked; None if there is none. Change nothing.

    The first chat that accepted an invite may do so again. An invite that is unknown, revoked, expired, or was accepted
    by another chat, is none.
    """
    return _openable(work, token, chat_id)[1]


def accept_invite(work: Work, token: str, chat_id: int) -> Patient | None:
    """Accept an invite in a chat and return its patient, locked; None if the chat can't (see `find_invite`)."""
    found, patient = _openable(work, token, chat_id)
    if found is not None and found.used_at is None:
        work.invites.save(found.model_copy(update={"used_at": work.at}))
    return patient


def _openable(work: Work, token: str, chat_id: int) -> tuple[Invite | None, Patient | None]:
    """Return an invite that the chat could accept, and its patient, locked; (None, None) if there is none."""
    nothing = None, None
    found = work.invites.by_hash(work.clinic.hash_token(token))
    if found is None or found.revoked_at is not None:
        return nothing
    patient = work.patients.get(found.patient_id, lock=True)
    # Read again under the lock: two chats may open the invite at once, and one of them is too late.
    found = work.invites.by_hash(work.clinic.hash_token(token))
    if patient is None or found is None or found.revoked_at is not None:
        return nothing
    if found.used_at is not None:
        return (found, patient) if patient.chat_id == chat_id else nothing
    return (found, patient) if found.expires_at > work.at else nothing
