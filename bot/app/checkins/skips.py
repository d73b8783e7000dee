"""Opens the task for a patient who skips the same question again and again, and closes it. Assesses nothing.

Such a skip is no alarm (`on_skip: task`), but a patient who never says how the numbness is can't be watched.
"""

from collections.abc import Sequence

from bot.app.records.alerts import Task
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import SKIP

KIND = "skipped_twice"
SEARCHED_CHECKINS = 20
"""Newest check-ins that are searched for the answer before: not every form asks every question."""


def update_skip_task(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Open the task if a question was skipped here and the last time it was asked; close it once none is skipped."""
    watched = [q.id for q in work.clinic.protocol.questions.values() if q.on_skip == "task"]
    skipped = [q for q in watched if row.value.answers.get(q) == (SKIP,)]
    is_open = any(task.kind == KIND for task in work.tasks.open(patient.id))
    if is_open == bool(skipped):
        return
    rows = [r for r in work.checkins.of_patient(patient.id, limit=SEARCHED_CHECKINS) if r.id < row.id]
    if any(_last_answer(q, rows) == (SKIP,) for q in skipped):
        work.tasks.add(Task(kind=KIND, patient_id=patient.id, subject=patient.code, raised_at=work.at))
    elif not any(_last_answer(q, [row, *rows]) == (SKIP,) for q in watched):
        work.tasks.close_of_patient(patient.id, (KIND,), work.at)


def _last_answer(question: str, rows: Sequence[CheckInRow]) -> tuple[str, ...] | None:
    """Return the newest answer; None if none of these check-ins, newest first, has one."""
    return next((row.value.answers[question] for row in rows if question in row.value.answers), None)
