"""Finds a baseline that was interrupted, so that it is offered again. Opens no check-in."""

from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State, next_open
from bot.core.hearing import BASELINE
from bot.core.protocol import Tier


def is_interrupted(work: Work, patient: Patient) -> bool:
    """Return whether a patient began a baseline and never finished one: silence or a red flag came first."""
    if BASELINE not in work.clinic.protocol.forms:
        return False
    begun = work.checkins.of_form(patient.id, BASELINE)
    return bool(begun) and not any(_is_finished(work, row) for row in begun)


def _is_finished(work: Work, row: CheckInRow) -> bool:
    """Return whether every question was asked; a red flag ends a form before that."""
    is_cut = row.value.raised >= Tier.URGENT and next_open(row.value, work.clinic.protocol) is not None
    return row.value.state is State.DONE and not is_cut
