"""Raises the alerts of what acts at once, however old its button is: "Need help now", and "yes" on a safety screen."""

from bot.app.alerts.followers import ONE_MESSAGE_FOR
from bot.app.alerts.naming import Found, open_alert
from bot.app.alerts.raising import raise_alert
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.app.concerns.follow_up import local_day
from bot.app.concerns.memory import remember, tier_to_call_about
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.changes import What
from bot.core.concern_values import Level
from bot.core.findings import HELP, NOT_NAMED
from bot.core.happenings import Answered
from bot.core.protocol import Tier


def need_help(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """Show the call screen at once, in an alert of URGENT or above; while one asks about it already, show it again."""
    day = local_day(patient, work.clinic, work.at)
    asked_for = Answered(symptom=HELP, level=Level(Tier.URGENT, 1), by=patient.actor, day=day, is_named=True)
    applied = remember(work.acting(patient.actor), patient, (asked_for,), checkin_id=checkin_id)
    is_new = any(c.symptom == HELP and c.what is not What.FOUND_AGAIN for c in applied.changes)
    alert = open_alert(work, patient)
    if alert is not None and not is_new and _asked_lately(work, alert):
        shown = {"asked_tier": tier_to_call_about(work, patient), "symptoms": ()}
        work.notices.call_now(patient, alert.model_copy(update=shown))
        return
    tier, call = max(Tier.URGENT, applied.raised), tier_to_call_about(work, patient)
    raise_alert(work, patient, Found(tier, (ASKED_FOR_HELP,), (HELP,), checkin_id, call, is_new))


def _asked_lately(work: Work, alert: AlertRow) -> bool:
    """Return whether an alert names a request for help that the team was notified of less than an hour ago."""
    named_at = alert.named_at or alert.raised_at
    is_asked = alert.state is AlertState.OPEN and alert.asks >= Tier.URGENT
    return is_asked and HELP in alert.symptoms and work.at - named_at < ONE_MESSAGE_FOR


def yes_on_old_screen(work: Work, patient: Patient, tier: Tier) -> None:
    """Act on "yes" or "not sure" on a safety screen that is no longer asked: the cautious answer wins.

    Show the call screen of what is open already, or of a new alert of the screen's tier.
    """
    day = local_day(patient, work.clinic, work.at)
    yes = Answered(symptom=NOT_NAMED, level=Level(tier, 1), by=patient.actor, day=day, is_named=True)
    applied = remember(work.acting(patient.actor), patient, (yes,))
    is_new = any(c.symptom == NOT_NAMED and c.what is not What.FOUND_AGAIN for c in applied.changes)
    alert = open_alert(work, patient)
    if alert is not None and alert.asks >= tier and not is_new:
        shown = {"asked_tier": tier_to_call_about(work, patient), "symptoms": ()}
        work.notices.call_now(patient, alert.model_copy(update=shown))
        return
    umbrella = work.clinic.protocol.symptoms.get(NOT_NAMED)
    raised_by = umbrella.raised_by if umbrella is not None else ()
    rules = (r.id for r in work.clinic.protocol.rules if r.id in raised_by and r.tier is tier)
    call = tier_to_call_about(work, patient)
    found = Found(max(tier, applied.raised), (next(rules, NOT_NAMED),), (NOT_NAMED,), None, call, is_new)
    raise_alert(work, patient, found)
