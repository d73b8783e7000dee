"""Raises what the team has to decide about, and the patient is not asked to call for. Notifies no patient."""

from bot.app.alerts.naming import Found, open_alert
from bot.app.alerts.raising import join
from bot.app.alerts.writer import add
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import SYSTEM, Work
from bot.core.protocol import Tier


def raise_for_team(
    work: Work, patient: Patient, rule: str, symptoms: tuple[str, ...], tier: Tier = Tier.SOON
) -> AlertRow:
    """Name the symptoms in the patient's open alert, or in a new one that asks the patient nothing."""
    mine = open_alert(work, patient)
    if mine is not None:
        return join(work.acting(SYSTEM), patient, mine, Found(tier, (rule,), symptoms, asks_patient=False))
    alert = AlertRow(
        patient_id=patient.id,
        checkin_id=None,
        tier=tier,
        asked_tier=Tier.ROUTINE,
        rules=(rule,),
        symptoms=symptoms,
        named_at=work.at,
        raised_at=work.at,
    )
    alert = add(work.alerts, alert, work.at)
    work.acting(SYSTEM).record("alert_raised", patient.code, alert=alert.id, tier=alert.tier.name)
    return alert
