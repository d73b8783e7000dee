"""Raises alerts and adds to them. Assesses no answers, and never closes an alert."""

from bot.app.alerts.writer import add, update_patient_side
from bot.app.records.alerts import AlertRow, AlertState
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
) -> AlertRow:
    """Store an alert about these symptoms and notify the patient that they have to call now."""
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
    is_new: bool,
) -> None:
    """Raise the alert of an assessment; lower alerts of the same check-in stop asking the patient.

    `raised`: the tier of what is new, which with earlier findings may need more than this form alone. `symptoms`: what
    it names. If nothing `is_new` since an open alert of that tier named all of it, show its call screen again.
    """
    known = None if is_new else _open_about(work, patient, raised, symptoms)
    if known is not None:
        work.notices.call_now(patient, known)
        return
    own = max((r.tier for r in assessment.reasons if r.rule in assessment.concerns), default=Tier.ROUTINE)
    pair = (_PAIRS[raised],) if raised > own and raised in _PAIRS else ()
    rules = (*assessment.concerns, *(rule for rule in pair if rule not in assessment.concerns))
    alert = raise_alert(work, patient, tier=raised, rules=rules, checkin_id=row.id, symptoms=symptoms)
    hand_safety_follow_up_to(work, alert)


def _open_about(stores: Stores, patient: Patient, tier: Tier, symptoms: tuple[str, ...]) -> AlertRow | None:
    """Return an alert that still asks the patient and names all of this."""
    for alert in stores.alerts.of_patient(patient.id):
        is_open = alert.closed_at is None and alert.state is AlertState.OPEN and alert.tier >= tier
        if is_open and symptoms and set(symptoms) <= set(alert.symptoms):
            return alert
    return None


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
