"""Tasks for the team about a patient's levels: confirm, renew or decide about one, ask about usual EMERGENCY signs.

A sweep calls `open_level_tasks` for each patient. A task that staff closed is not opened again for the same reason.
"""

from collections.abc import Iterator
from datetime import datetime

from bot.app.records.alerts import Task, TaskKind
from bot.app.records.concerns import NOTICE, outcome_due_at
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.concern_values import Rules
from bot.core.memory import apply

CONFIRM: TaskKind = "confirm_reference"
ENDS: TaskKind = "agreement_ends"
ASK: TaskKind = "ask_usual_signs"
SECOND: TaskKind = "second_person"
STILL: TaskKind = "still_there"
_PRESENT = frozenset({PatientState.INVITED, PatientState.ENROLLING, PatientState.ACTIVE, PatientState.PAUSED})


def open_level_tasks(work: Work, patient: Patient) -> None:
    """Open the tasks that are due about the patient's levels; change nothing if there are none or they are open."""
    if patient.state not in _PRESENT:
        return
    for kind, since in _due(work, patient):
        _open(work, patient, kind, since)


def open_usual_signs_task(work: Work, patient: Patient) -> None:
    """Open the task to ask which EMERGENCY signs are usual for a patient, before their first check-in."""
    _open(work, patient, ASK, patient.created_at)


def open_second_person_task(work: Work, patient: Patient) -> None:
    """Open the task to accept, as the second person, what another member proposed."""
    _open(work, patient, SECOND, work.at)


def close_level_tasks(work: Work, patient: Patient, *more: TaskKind) -> None:
    """Close the tasks that nothing waits for any more, after staff decided or noted an outcome, and those of `more`."""
    waiting = {kind for kind, _ in _due(work, patient)}
    done = [kind for kind in (CONFIRM, ENDS, STILL) if kind not in waiting]
    work.tasks.close_of_patient(patient.id, [*done, *more], work.at)


def _due(work: Work, patient: Patient) -> Iterator[tuple[TaskKind, datetime]]:
    """Yield the kind of each task that is due, and since when it may have been opened."""
    row = work.concerns.of_patient(patient.id)
    if row is None:
        return
    # An agreement may have ended since it was last looked at.
    rules = Rules(work.clinic.protocol.symptoms, work.clinic.protocol.remembering)
    memory = apply(row.value, (), rules, work.at).memory
    for due in filter(None, map(outcome_due_at, memory.concerns.values())):
        if due <= work.at:
            yield STILL, due
    decided = {each.symptom: each.made_at for each in work.levels.of_patient(patient.id)} if memory.accepted else {}
    for symptom, accepted in memory.accepted.items():
        if accepted.confirm_until is not None:
            yield CONFIRM, accepted.confirm_until - work.clinic.protocol.remembering.confirm_within
        elif accepted.agreed_until is not None and work.at >= accepted.agreed_until - NOTICE:
            # A short agreement: a task from before it was made is about an earlier one.
            since = accepted.agreed_until - NOTICE
            yield ENDS, max(since, decided.get(symptom, since))


def _open(work: Work, patient: Patient, kind: TaskKind, since: datetime) -> None:
    if not work.tasks.was_raised(patient.id, kind, since):
        work.tasks.add(Task(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=work.at))
