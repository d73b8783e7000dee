"""Raises the alerts of what acts at once, however old its button is: "Need help now", and "yes" on a safety screen."""

from datetime import timedelta

from bot.app.alerts.raising import raise_alert
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.app.concerns.follow_up import local_day
from bot.app.concerns.memory import remember
from bot.app.records.alerts import AlertState
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.changes import What
from bot.core.concern import Level
from bot.core.findings import HELP, NOT_NAMED
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


def yes_on_old_screen(work: Work, patient: Patient, tier: Tier) -> None:
    """Act on "yes" or "not sure" on a safety screen that is no longer asked: the cautious answer wins.

    Show the call screen of what is open already, or of a new alert of the screen's tier.
    """
    day = local_day(patient, work.clinic, work.at)
    yes = Answered(symptom=NOT_NAMED, level=Level(tier, 1), by=patient.actor, day=day, is_named=True)
    applied = remember(work.acting(patient.actor), patient, (yes,))
    is_new = any(c.symptom == NOT_NAMED and c.what is not What.FOUND_AGAIN for c in applied.changes)
    shown = [a for a in work.alerts.of_patient(patient.id) if a.closed_at is None and a.tier >= tier]
    if shown and not is_new:
        work.notices.call_now(patient, max(shown, key=lambda a: (a.tier, a.id)))
        return
    umbrella = work.clinic.protocol.symptoms.get(NOT_NAMED)
    raised_by = umbrella.raised_by if umbrella is not None else ()
    rules = (r.id for r in work.clinic.protocol.rules if r.id in raised_by and r.tier is tier)
    raise_alert(
        work,
        patient,
        tier=max(tier, applied.raised),
        rules=(next(rules, NOT_NAMED),),
        checkin_id=None,
        symptoms=(NOT_NAMED,),
    )
