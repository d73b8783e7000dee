"""Raises the alerts of what acts at once: "Need help now", "yes" on a safety screen (both however old), despair."""

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
from bot.core.checkin import CheckIn, State
from bot.core.concern_values import Level
from bot.core.findings import DESPAIR, HELP, NOT_NAMED
from bot.core.happenings import Answered
from bot.core.protocol import Tier

WORDS_OF_DESPAIR = "words_of_despair"
"""The rule name of an alert raised by typed words of despair. It is stored."""


def need_help(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """Show the call screen at once, in an alert of URGENT or above; while one asks about it already, show it again."""
    _call(work, patient, HELP, ASKED_FOR_HELP, checkin_id)


def words_of_despair(work: Work, patient: Patient) -> None:
    """The same for typed words of despair or self-harm, which have a call screen of their own."""
    _call(work, patient, DESPAIR, WORDS_OF_DESPAIR, None)


def _call(work: Work, patient: Patient, symptom: str, rule: str, checkin_id: int | None) -> None:
    day = local_day(patient, work.clinic, work.at)
    asked_for = Answered(symptom=symptom, level=Level(Tier.URGENT, 1), by=patient.giver, day=day, is_named=True)
    applied = remember(work.acting(patient.actor), patient, (asked_for,), checkin_id=checkin_id)
    is_new = any(c.symptom == symptom and c.what is not What.FOUND_AGAIN for c in applied.changes)
    alert = open_alert(work, patient)
    if alert is not None and not is_new and _asked_lately(work, alert, symptom):
        again = {"asked_tier": tier_to_call_about(work, patient), "rules": (*alert.rules, rule), "symptoms": ()}
        work.notices.call_now(patient, alert.model_copy(update=again))
        return
    tier, call = max(Tier.URGENT, applied.raised), tier_to_call_about(work, patient)
    raise_alert(work, patient, Found(tier, (rule,), (symptom,), checkin_id, call, is_new))


def _asked_lately(work: Work, alert: AlertRow, symptom: str) -> bool:
    """Return whether an alert names such a request, and the team was notified of it less than an hour ago."""
    named_at = alert.named_at or alert.raised_at
    is_asked = alert.state is AlertState.OPEN and alert.asks >= Tier.URGENT
    return is_asked and symptom in alert.symptoms and work.at - named_at < ONE_MESSAGE_FOR


def yes_again(work: Work, patient: Patient, tier: Tier | None, after: CheckIn) -> None:
    """Act on "yes" or "not sure" on a safety screen of that tier after which the form goes on: each one acts.

    The form raises nothing if a human knows of the sign that it names, or it was raised before; the tap is new.
    """
    if tier is None or after.state is not State.ASKING:
        return
    alert = open_alert(work, patient)
    if alert is None or min(alert.asks, tier_to_call_about(work, patient)) < tier:
        yes_on_old_screen(work, patient, tier)
    else:
        work.notices.call_now(patient, alert.model_copy(update={"rules": (), "symptoms": ()}))


def yes_on_old_screen(work: Work, patient: Patient, tier: Tier) -> None:
    """Act on "yes" or "not sure" on a safety screen that is no longer asked: the cautious answer wins.

    Show the call screen of what is open already, or of a new alert of the screen's tier.
    """
    day = local_day(patient, work.clinic, work.at)
    yes = Answered(symptom=NOT_NAMED, level=Level(tier, 1), by=patient.giver, day=day, is_named=True)
    applied = remember(work.acting(patient.actor), patient, (yes,))
    is_new = any(c.symptom == NOT_NAMED and c.what is not What.FOUND_AGAIN for c in applied.changes)
    umbrella = work.clinic.protocol.symptoms.get(NOT_NAMED)
    raised_by = umbrella.raised_by if umbrella is not None else ()
    rules = (r.id for r in work.clinic.protocol.rules if r.id in raised_by and r.tier is tier)
    rule, call = next(rules, NOT_NAMED), tier_to_call_about(work, patient)
    alert = open_alert(work, patient)
    if alert is not None and alert.asks >= tier and not is_new:
        shown = {"asked_tier": call, "rules": (rule,), "symptoms": ()}
        work.notices.call_now(patient, alert.model_copy(update=shown))
        return
    raise_alert(work, patient, Found(max(tier, applied.raised), (rule,), (NOT_NAMED,), None, call, is_new))
