"""Raises what the team has to decide about, and the patient is not asked to call for. Notifies no patient."""

from bot.app.alerts.escalation import show_changed
from bot.app.alerts.naming import add_rules
from bot.app.alerts.writer import add
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.patients import Patient
from bot.app.work import SYSTEM, Work
from bot.core.protocol import Tier


def raise_for_team(
    work: Work, patient: Patient, rule: str, symptoms: tuple[str, ...], tier: Tier = Tier.SOON
) -> AlertRow:
    """Name the symptoms in an open alert of the patient of that tier or above, or in one that asks them nothing."""
    # One about agreed levels is not escalated: nobody would be notified of it.
    open_alerts = (
        a
        for a in work.alerts.of_patient(patient.id)
        if a.closed_at is None and not a.is_agreed and a.state is not AlertState.CONFIRMED
    )
    found = next((alert for alert in open_alerts if alert.tier >= tier), None)
    if found is not None:
        add_rules(work, found, (rule,), symptoms)
        changed = work.alerts.get(found.id) or found
        show_changed(work, changed)
        return changed
    alert = AlertRow(
        patient_id=patient.id,
        checkin_id=None,
        tier=tier,
        rules=(rule,),
        symptoms=symptoms,
        named_at=work.at,
        raised_at=work.at,
    )
    alert = add(work.alerts, alert, work.at)
    work.acting(SYSTEM).record("alert_raised", patient.code, alert=alert.id, tier=alert.tier.name)
    return alert
