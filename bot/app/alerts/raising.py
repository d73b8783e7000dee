"""Raises alerts and adds to them. Assesses no answers, and never closes an alert."""

from bot.app.alerts.writer import add, update_patient_side
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.alert import first_prompt_at
from bot.core.protocol import Tier
from bot.core.triage import Assessment

_PAIRS = {Tier.URGENT: "two_groups", Tier.EMERGENCY: "overlap"}
"""The rule names of an alert that findings of several check-ins raise together."""


def raise_alert(
    work: Work,
    patient: Patient,
    *,
    tier: Tier,
    rules: tuple[str, ...],
    checkin_id: int | None,
    symptoms: tuple[str, ...] = (),
    is_agreed: bool = False,
) -> AlertRow:
    """Store an alert about these symptoms and notify the patient that they have to call now.

    With `is_agreed` the patient is still asked to call, but the alert does not escalate.
    """
    alert = add(
        work.alerts,
        AlertRow(
            patient_id=patient.id,
            checkin_id=checkin_id,
            tier=tier,
            rules=rules,
            symptoms=symptoms,
            named_at=work.at,
            raised_at=work.at,
            caregiver_id=patient.caregiver.id if patient.caregiver is not None else None,
            next_patient_prompt_at=first_prompt_at(tier, work.clinic.protocol.clocks, work.at),
            is_agreed=is_agreed,
        ),
        work.at,
    )
    record(work, patient, alert, "alert_raised")
    work.notices.call_now(patient, alert)
    return alert


def raise_for(
    work: Work,
    patient: Patient,
    row: CheckInRow,
    assessment: Assessment,
    *,
    raised: Tier,
    symptoms: tuple[str, ...],
    is_agreed: bool,
) -> None:
    """Raise the alert of an assessment; lower alerts of the same check-in stop asking the patient.

    `raised`: the tier that the patient's concerns took, which together may need more than this form alone.
    `symptoms`: what it names. `is_agreed`: the findings of this form are within agreed levels.
    """
    tier = max(assessment.tier, raised)
    pair = (_PAIRS[tier],) if tier > assessment.tier and tier in _PAIRS else ()
    rules = (*assessment.concerns, *(rule for rule in pair if rule not in assessment.concerns))
    alert = raise_alert(
        work,
        patient,
        tier=tier,
        rules=rules,
        checkin_id=row.id,
        symptoms=symptoms,
        is_agreed=not pair and is_agreed,
    )
    hand_safety_follow_up_to(work, alert)


def hand_safety_follow_up_to(stores: Stores, higher: AlertRow) -> None:
    """Stop the safety follow-ups of lower alerts of the same check-in: one check-in asks once. They stay open."""
    for alert in stores.alerts.of_patient(higher.patient_id):
        if (
            alert.checkin_id == higher.checkin_id
            and alert.tier < higher.tier
            and alert.next_patient_prompt_at is not None
        ):
            update_patient_side(stores.alerts, alert, next_patient_prompt_at=None)


def record(work: Work, patient: Patient, alert: AlertRow, action: str) -> None:
    """Add a line on an alert to the audit, by the patient or their caregiver."""
    work.acting(patient.actor).record(action, patient.code, alert=alert.id, tier=alert.tier.name)
