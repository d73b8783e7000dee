"""Builds the lines of an alert about the patient's agreed levels. Names symptoms only if the clinic enabled that."""

from collections.abc import Iterator

from bot.app.concerns import agreed_levels
from bot.app.concerns.memory import recall
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Text


def agreed_lines(work: Work, patient: Patient, alert: AlertRow) -> Iterator[Text]:
    """Yield that agreed levels exist, and whether the alert is about more than they allow, or about something else."""
    found = agreed_levels.active(work, patient.id)
    if alert.is_agreed:
        yield Text(key="staff.expected")
    elif not work.clinic.staff_answers:
        concerns = recall(work, patient).value.concern
        named = [row for row in found if row.question in alert.symptoms]
        above = sum(concerns(row.question).is_pending for row in named)
        if above:
            yield Text(key="staff.expecting_above", values={"n": above})
        elif len(found) > len(named):
            yield Text(key="staff.expecting", values={"n": len(found) - len(named)})
    if work.clinic.staff_answers:
        yield from (Text(key="staff.expecting_what", values={"what": agreed_levels.describe(row)}) for row in found)
