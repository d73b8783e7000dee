"""Raises the alert of "Need help now", once an hour. Chooses no texts."""

from datetime import timedelta

from bot.app.alerts.raising import raise_alert
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.app.concerns.follow_up import local_day
from bot.app.concerns.memory import remember
from bot.app.records.alerts import AlertState
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.concern import Level
from bot.core.findings import HELP
from bot.core.happenings import Answered
from bot.core.protocol import Tier


def need_help(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """Show the call screen at once and raise an URGENT alert; while nobody has dealt with that one, show it again."""
    asked = [
        a
        for a in work.alerts.of_patient(patient.id)
        if a.rules == (ASKED_FOR_HELP,)
        and work.at - a.raised_at < timedelta(hours=1)
        and a.state not in {AlertState.CLOSED, AlertState.CONFIRMED}
    ]
    if asked:
        work.notices.call_now(patient, asked[0])
    else:
        day = local_day(patient, work.clinic, work.at)
        asked_for = Answered(symptom=HELP, level=Level(Tier.URGENT, 1), by=patient.actor, day=day, is_named=True)
        remember(work.acting(patient.actor), patient, (asked_for,), checkin_id=checkin_id)
        raise_alert(work, patient, tier=Tier.URGENT, rules=(ASKED_FOR_HELP,), checkin_id=checkin_id, symptoms=(HELP,))
