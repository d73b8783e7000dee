"""Handles "I feel worse now": a check-in outside every schedule, at its first safety screen."""

from datetime import timedelta

from bot.app.alerts.naming import open_alert
from bot.app.alerts.replies import tier_left
from bot.app.checkins.answering import current
from bot.app.checkins.opening import close_open, open_checkin
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.findings import DESPAIR, HELP, safety_screens
from bot.core.protocol import Tier
from bot.dialog import checkins, seen
from bot.dialog.post import drop_unsent
from bot.dialog.replies import TapResult

RESHOWN_FOR = timedelta(minutes=10)
""" "I feel worse now" shows its first question again for so long; later it starts a new check-in."""


def feel_worse(work: Work, patient: Patient) -> TapResult:
    """Handle "I feel worse now": open the quick check, or show it again, below the call screen of what is open."""
    row = current(work, patient)
    is_again = row is not None and row.kind == "worse" and _is_at_first_screen(work, row)
    if not is_again:
        close_open(work, patient)
    _call_now(work, patient)
    if row is not None and is_again:
        checkins.show_again(work, patient, row)
    else:
        open_checkin(work, patient, form="quick", kind="worse", due_at=work.at)
    return TapResult(language=patient.chat_language)


def _call_now(work: Work, patient: Patient) -> None:
    """Show the call screen of all that is open, once: that of the check-in which was closed just now is not needed."""
    alert = open_alert(work, patient)
    if alert is None or (tier := tier_left(work, patient, alert)) < Tier.URGENT:
        return
    # A call for help, or words of despair, have a screen of their own as long as the alert is about nothing else.
    rules = alert.rules if set(alert.symptoms) <= {HELP, DESPAIR} else ()
    drop_unsent(work, patient, seen.slot_of(work, alert))
    work.notices.call_now(patient, alert.model_copy(update={"asked_tier": tier, "rules": rules, "symptoms": ()}))


def _is_at_first_screen(work: Work, row: CheckInRow) -> bool:
    """Return whether a check-in was opened just now and still asks its first safety screen."""
    first = safety_screens(work.clinic.protocol)[:1]
    return work.at - row.opened_at < RESHOWN_FOR and row.value.cursor in first
