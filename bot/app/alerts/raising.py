"""Decides whether a finding needs an alert, and raises it. Assesses no answers, and never closes an alert."""

from datetime import timedelta

from bot.app.alerts.writer import add, update_patient_side
from bot.app.concerns import agreed_levels
from bot.app.concerns.assessments import history
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.alert import first_prompt_at
from bot.core.follow_up import FollowUp, has_news
from bot.core.protocol import Tier
from bot.core.triage import Assessment

ASKED_FOR_HELP = "asked_for_help"
"""The rule name of an alert raised by "Need help now"."""


def raise_alert(
    work: Work, patient: Patient, *, tier: Tier, rules: tuple[str, ...], checkin_id: int | None, is_agreed: bool = False
) -> AlertRow:
    """Store an alert and notify the patient that they have to call now.

    With `is_agreed` the patient is still asked to call, but the alert does not escalate.
    """
    alert = add(
        work.alerts,
        AlertRow(
            patient_id=patient.id,
            checkin_id=checkin_id,
            tier=tier,
            rules=rules,
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


def raise_for(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Raise the alert of an assessment; lower alerts of the same check-in stop asking the patient."""
    alert = raise_alert(
        work,
        patient,
        tier=assessment.tier,
        rules=assessment.concerns,
        checkin_id=row.id,
        is_agreed=is_agreed(work, row, assessment),
    )
    hand_safety_follow_up_to(work, alert)


def is_agreed(work: Work, row: CheckInRow, found: Assessment) -> bool:
    """Return whether the findings are within the patient's agreed levels."""
    compared = history(work, row)
    return agreed_levels.covers(work, row.patient_id, found, row.value.answers, compared, row.value.form)


def needs_no_alert(work: Work, before: FollowUp | None, row: CheckInRow, found: Assessment) -> bool:
    """Return whether a SOON finding needs no alert: an open alert has it, or it is within agreed levels."""
    return found.tier is Tier.SOON and (
        is_in_open_alert(work, before, row.patient_id, found) or is_agreed(work, row, found)
    )


def is_in_open_alert(work: Work, before: FollowUp | None, patient_id: int, found: Assessment) -> bool:
    """Return whether an alert that is not closed has these findings, unchanged since the follow-up `before`.

    The patient is still asked to call if they have not.
    """
    groups = {reason.group for reason in found.reasons if reason.tier >= Tier.SOON}
    if before is None or has_news(found, work.clinic.protocol) or not groups <= set(before.groups):
        return False
    return any(
        a.state is not AlertState.CLOSED and set(found.concerns) <= set(a.rules)
        for a in work.alerts.of_patient(patient_id)
    )


def need_help(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """ "Need help now": the call screen at once, and an URGENT alert. Tapped again it shows the same alert's screen."""
    asked = [
        a
        for a in work.alerts.of_patient(patient.id)
        if a.rules == (ASKED_FOR_HELP,) and work.at - a.raised_at < timedelta(hours=1)
    ]
    if asked:
        work.notices.call_now(patient, asked[0])
    else:
        raise_alert(work, patient, tier=Tier.URGENT, rules=(ASKED_FOR_HELP,), checkin_id=checkin_id)


def calls_for(work: Work, patient: Patient) -> bool:
    """Return whether a recent red flag is pending: the patient has not confirmed that they reached someone."""
    since = work.at - work.clinic.protocol.clocks.silent_after
    pending = {AlertState.OPEN, AlertState.UNCONFIRMED}
    return any(
        a.tier >= Tier.URGENT and a.state in pending and a.raised_at >= since
        for a in work.alerts.of_patient(patient.id)
    )


def hand_safety_follow_up_to(stores: Stores, higher: AlertRow) -> None:
    """Stop the safety follow-ups of lower alerts of the same check-in: one check-in asks once. They stay open."""
    for alert in stores.alerts.of_patient(higher.patient_id):
        if (
            alert.checkin_id == higher.checkin_id
            and alert.tier < higher.tier
            and alert.next_patient_prompt_at is not None
        ):
            update_patient_side(stores.alerts, alert, next_patient_prompt_at=None)


def add_rules(stores: Stores, patient_id: int, checkin_id: int, rules: tuple[str, ...]) -> None:
    """Add rules that fired after the call screen (its "which sign?") to the alert of that check-in."""
    for alert in stores.alerts.of_patient(patient_id):
        if alert.checkin_id == checkin_id and ASKED_FOR_HELP not in alert.rules:
            merged = (*alert.rules, *(r for r in rules if r not in alert.rules))
            if merged != alert.rules:
                update_patient_side(stores.alerts, alert, rules=merged)
            return


def record(work: Work, patient: Patient, alert: AlertRow, action: str) -> None:
    """Add a line on an alert to the audit, by the patient or their caregiver."""
    work.acting(patient.actor).record(action, patient.code, alert=alert.id, tier=alert.tier.name)
