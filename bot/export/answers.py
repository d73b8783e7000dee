"""All that was answered as a table (CSV): a line an answer, as it was given; changed answers too."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from bot.app.records import CheckInRecord, PatientRecord

COLUMNS = (
    *("code", "checkin", "form", "kind", "due_at", "state", "tier", "rules"),
    *("question", "choices", "given_at", "superseded_at", "given_by"),
)


def header() -> str:
    """Return the first line."""
    return _line(COLUMNS)


def lines(patient: PatientRecord) -> Iterator[str]:
    """Yield the lines of one patient, check-ins in order; a check-in without an answer has a line of its own."""
    for record in patient.checkins:
        before = _of_checkin(patient.code, record)
        if not record.answers:
            yield _line((*before, "", "", "", "", ""))
        for answer in record.answers:
            by = "caregiver" if answer.caregiver_id is not None else "patient"
            choices = " ".join(answer.choices)
            yield _line((*before, answer.question, choices, _at(answer.given_at), _at(answer.superseded_at), by))


def _of_checkin(code: str, record: CheckInRecord) -> tuple[str, ...]:
    row = record.row
    tier, rules = (record.assessment.tier.name, record.assessment.rules) if record.assessment is not None else ("", ())
    return code, str(row.id), row.value.form, row.kind, _at(row.due_at), row.value.state, tier, " ".join(rules)


def _at(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is text."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t"} else cell
