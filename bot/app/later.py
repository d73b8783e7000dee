""" "Remind me later": when the open question comes again. Answers nothing."""

from datetime import datetime

from bot.app.checkins import present, settle_half_answered
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.reminding import next_step_at
from bot.app.screens import put_off_screen
from bot.app.store import Patient, Store
from bot.core import checkin as core
from bot.core.later import Day, Later, remind_at
from bot.core.screen import Action, Text


def put_off(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """ "In 1 hour", "This evening", "Tomorrow": the question stays open and comes again then."""
    row = present(store, clinic, patient, at)
    if row is None or row.id != action.subject or row.value.state is not core.State.ASKING:
        return None
    if action.choice not in set(Later):
        return None
    zone = patient.timezone or clinic.timezone
    day = Day(zone=zone, send_time=patient.send_time, quiet_from=patient.quiet_from, quiet_to=patient.quiet_to)
    moment = remind_at(Later(action.choice), day, at)
    # What was answered so far counts now: it must not wait until tomorrow.
    row = settle_half_answered(store, clinic, patient, row, at)
    put = row.model_copy(update={"remind_at": moment})
    store.save_checkin(put.model_copy(update={"next_step_at": next_step_at(put, patient, clinic)}))
    screen = put_off_screen(clinic, moment, zone)
    post(store, patient, screen, at=at, slot=f"later:{row.id}")
    return Outcome(toast=Text(key="toast.noted"), language=patient.speaks)
