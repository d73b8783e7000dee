"""Patients as coordinators see them: a line in a list, or everything about one. Changes nothing."""

from collections.abc import Sequence
from datetime import date, datetime

from bot.app.checkins.silence import unanswered_at
from bot.app.patients import treatment
from bot.app.patients.lookup import by_code
from bot.app.patients.treatment import PeriodView
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import occurrence_after
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.protocol import Tier
from bot.core.treatment import StopReason


class CheckInView(Frozen):
    """One check-in as a coordinator sees it."""

    id: int
    form: str
    kind: str
    due_at: datetime
    state: str
    answers: dict[str, tuple[str, ...]]


class AlertView(Frozen):
    """One alert as a coordinator sees it."""

    id: int
    tier: str
    state: str
    raised_at: datetime
    rules: tuple[str, ...]
    safety_follow_ups: int
    last_reply: str | None
    mistake_at: datetime | None
    declared: str | None


class ConcernView(Frozen):
    """One concern as a coordinator sees it, with its changes: what changed, when and by whom."""

    symptom: str
    state: str
    tier: str
    since: datetime | None
    changes: tuple[tuple[datetime, str, str], ...]


class PatientView(Frozen):
    """One patient's state, check-ins, answers, alerts and next dates."""

    code: str
    state: str
    language: str
    timezone: str | None
    send_time: str
    ici_start: date
    """Of the first treatment period: day 0 of the week count."""
    ici_stop: date | None
    stop_reason: StopReason | None
    regimen: str
    drug: str | None
    """As `ici_stop`: of the newest treatment period."""
    periods: tuple[PeriodView, ...]
    treatment_history: tuple[PeriodView, ...]
    plan: str
    unreachable_at: datetime | None
    new_phone: str | None
    """"asked", "confirmed" or "moved" while the patient moves; "unconfirmed": the chat shows no earlier answers."""
    unanswered: int
    """Check-ins in a row without an answer, the open one included."""
    next_due_at: datetime | None
    upcoming: tuple[datetime, ...]
    consent: str | None
    tier: str | None
    checkins: tuple[CheckInView, ...]
    alerts: tuple[AlertView, ...]
    concerns: tuple[ConcernView, ...]
    """What was found, and whether a human has dealt with it; the newest first."""
    tasks: tuple[str, ...]
    """Kinds of open tasks; scripts read the field by this name."""


class PatientLine(Frozen):
    """One patient in a list."""

    code: str
    state: str
    ici_start: date
    plan: str
    next_due_at: datetime | None
    open_alerts: int


def listing(stores: Stores, *, after: str = "", limit: int = 100) -> list[PatientLine]:
    """Return one page of patients in order of code."""
    page = stores.patients.page(after_code=after, limit=limit)
    waiting = stores.alerts.not_closed_of([p.id for p in page])
    return [
        PatientLine(
            code=p.code,
            state=p.state,
            ici_start=p.treatment.first_start,
            plan=p.plan,
            next_due_at=p.next_due_at,
            open_alerts=len(waiting.get(p.id, ())),
        )
        for p in page
    ]


def view(work: Work, code: str) -> PatientView:
    """Return everything a coordinator may see of a patient. Raise RefusedError if there is none with that code."""
    patient = by_code(work.patients, code)
    newest = patient.treatment.newest
    assessed = work.assessments.of_patient(patient.id, limit=1)
    consents = work.consents.of_patient(patient.id)
    return PatientView(
        code=patient.code,
        state=patient.state,
        language=patient.language,
        timezone=patient.timezone,
        send_time=f"{patient.send_time:%H:%M}",
        ici_start=patient.treatment.first_start,
        ici_stop=newest.stop,
        stop_reason=newest.stop_reason,
        regimen=patient.regimen,
        drug=newest.drug,
        periods=treatment.current(patient),
        treatment_history=treatment.history(work, patient),
        plan=patient.plan,
        unreachable_at=patient.unreachable_at,
        new_phone=patient.phone_move or ("unconfirmed" if patient.history_from is not None else None),
        unanswered=unanswered_at(work, patient, work.at),
        next_due_at=patient.next_due_at,
        upcoming=_upcoming(patient, work.clinic, work.at) if patient.state is PatientState.ACTIVE else (),
        consent=consents[-1].version if consents and consents[-1].withdrawn_at is None else None,
        tier=Tier(assessed[0].tier).name if assessed else None,
        checkins=tuple(_checkin_views(work, patient)),
        alerts=tuple(_alert_view(a) for a in work.alerts.of_patient(patient.id)),
        concerns=tuple(_concern_views(work, patient)),
        tasks=tuple(task.kind for task in work.tasks.open(patient.id)),
    )


def _upcoming(patient: Patient, clinic: Clinic, at: datetime, count: int = 5) -> tuple[datetime, ...]:
    found: list[datetime] = []
    after = at
    while len(found) < count and (following := occurrence_after(patient, clinic, after)):
        found.append(following.due_at)
        after = following.due_at
    return tuple(found)


def _checkin_views(stores: Stores, patient: Patient) -> Sequence[CheckInView]:
    return [
        CheckInView(
            id=row.id,
            form=row.value.form,
            kind=row.kind,
            due_at=row.due_at,
            state=row.value.state,
            answers=dict(row.value.answers),
        )
        for row in stores.checkins.of_patient(patient.id)
    ]


def _concern_views(stores: Stores, patient: Patient) -> Sequence[ConcernView]:
    stored = stores.concerns.of_patient(patient.id)
    changes = stores.concerns.changes(patient.id)
    found = stored.value.concerns.values() if stored is not None else ()
    return [
        ConcernView(
            symptom=concern.symptom,
            state=concern.state,
            tier=concern.tier.name,
            since=concern.first_found_at,
            changes=tuple((c.at, c.what, c.actor) for c in changes if c.symptom == concern.symptom),
        )
        for concern in sorted(found, key=lambda c: c.first_found_at or patient.created_at, reverse=True)
    ]


def _alert_view(alert: AlertRow) -> AlertView:
    return AlertView(
        id=alert.id,
        tier=alert.tier.name,
        state=alert.state,
        raised_at=alert.raised_at,
        rules=alert.rules,
        safety_follow_ups=alert.safety_follow_ups,
        last_reply=alert.last_reply,
        mistake_at=alert.mistake_at,
        declared=alert.declared,
    )
