"""All answers as a CSV table: one row per answer, unmodified, including superseded ones."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.app.patients.history import CheckInRecord, PatientRecord

COLUMNS = (
    *("code", "checkin", "form", "kind", "due_at", "state", "tier", "rules"),
    *("question", "choices", "given_at", "superseded_at", "given_by"),
    *("treatment_period", "period_start", "period_stop", "stop_reason", "drug"),
)


def header() -> str:
    """Return the header line."""
    return _line(COLUMNS)


def lines(patient: PatientRecord) -> Iterator[str]:
    """Yield the lines of one patient, ordered by check-in; a check-in without answers has one line of its own."""
    for record in patient.checkins:
        checkin_cells = _checkin_cells(patient.code, record)
        period_cells = _period_cells(patient, record)
        if not record.answers:
            yield _line((*checkin_cells, "", "", "", "", "", *period_cells))
        for answer in record.answers:
            by = "caregiver" if answer.caregiver_id is not None else "patient"
            choices = " ".join(answer.choices)
            yield _line(
                (
                    *checkin_cells,
                    answer.question,
                    choices,
                    _timestamp(answer.given_at),
                    _timestamp(answer.superseded_at),
                    by,
                    *period_cells,
                )
            )


def _checkin_cells(code: str, record: CheckInRecord) -> tuple[str, ...]:
    row = record.row
    tier, rules = (record.assessment.tier.name, record.assessment.rules) if record.assessment is not None else ("", ())
    return code, str(row.id), row.value.form, row.kind, _timestamp(row.due_at), row.value.state, tier, " ".join(rules)


def _period_cells(patient: PatientRecord, record: CheckInRecord) -> tuple[str, ...]:
    """Return the treatment period in force on the patient's day of the check-in."""
    zone = ZoneInfo(patient.patient.timezone or "UTC")
    treatment = patient.patient.treatment
    period = treatment.on(record.row.due_at.astimezone(zone).date())
    number = str(treatment.periods.index(period) + 1)
    return number, *(str(value or "") for value in (period.start, period.stop, period.stop_reason, period.drug))


def _timestamp(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at is not None else ""


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_escape_formula(cell) for cell in cells])
    return out.getvalue()


def _escape_formula(cell: str) -> str:
    """Return the cell so that a spreadsheet treats it as text, not as a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t"} else cell
