"""Handles "Remind me later". Changes no answer."""

from bot.app.checkins.answering import current
from bot.app.checkins.reminders import next_action_at
from bot.app.checkins.timing import settle_half_answered
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.postpone import LocalTimes, Postponement, remind_at
from bot.core.screen import Action, Text
from bot.dialog.checkin_screens import postponed_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult


def postpone(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Postpone the reminder of an open check-in; return None if it is not open or there is no such button."""
    row = current(work, patient)
    if row is None or row.id != action.subject or row.value.state is not core.State.ASKING:
        return None
    if action.choice not in set(Postponement):
        return None
    zone = patient.timezone or work.clinic.timezone
    day = LocalTimes(zone=zone, send_time=patient.send_time, quiet_from=patient.quiet_from, quiet_to=patient.quiet_to)
    timestamp = remind_at(Postponement(action.choice), day, work.at)
    # Act on the answers so far: they must not wait until tomorrow.
    row = settle_half_answered(work, patient, row)
    postponed = row.model_copy(update={"remind_at": timestamp})
    work.checkins.save(postponed.model_copy(update={"next_action_at": next_action_at(postponed, patient, work.clinic)}))
    screen = postponed_screen(work.clinic, timestamp, zone)
    post(work, patient, screen, slot=f"later:{row.id}")
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)
