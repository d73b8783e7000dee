"""Prepares what answers are compared with, and stores assessments with their basis. Assesses nothing itself."""

from collections.abc import Sequence

from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import AssessmentRow, Basis, CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.protocol import Answers
from bot.core.triage import Assessment, History


def history(work: Work, row: CheckInRow) -> History:
    """Return what the check-in's answers are compared with: the previous answers and the baseline."""
    return History(
        previous=_last_answers(work.answers.last_finished(row.patient_id, row.id), work.clinic),
        baseline=work.answers.baseline(row.patient_id) if row.value.form != "baseline" else None,
    )


def _last_answers(finished: Sequence[tuple[str, Answers]], clinic: Clinic) -> Answers | None:
    """Return each question's answer in the newest check-in whose form has it; `finished` is newest first.

    If that check-in did not ask the question, it has no answer: a short form must not hide what a long one asked
    weeks ago, and an old answer must not replace one that the last check-in had no reason to ask.
    """
    forms = clinic.protocol.forms
    last: dict[str, tuple[str, ...]] = {}
    settled: set[str] = set()
    for form, answers in finished:
        asks = {step.ask for step in forms[form].steps} if form in forms else set(answers)
        last |= {question: choices for question, choices in answers.items() if question not in settled}
        settled |= asks
    return last if finished else None


def as_stored(stores: Stores, patient: Patient) -> Patient:
    """Return the patient as stored now: this transaction may have changed their follow-up."""
    stored = stores.patients.get(patient.id)
    acting = {"caregiver": patient.caregiver, "is_second": patient.is_second}
    return stored.model_copy(update=acting) if stored is not None else patient


def keep_assessment(work: Work, row: CheckInRow, assessment: Assessment, *, final: bool, finished: bool) -> None:
    """Store an assessment with its basis, so that it can be replayed later."""
    compared = history(work, row)
    work.assessments.add(
        AssessmentRow(
            checkin_id=row.id,
            patient_id=row.patient_id,
            tier=assessment.tier,
            rules=assessment.rules,
            complete=assessment.complete,
            final=final,
            protocol_name=assessment.protocol_name,
            protocol_version=assessment.protocol_version,
            protocol_hash=assessment.protocol_hash,
            at=work.at,
            basis=Basis(
                form=row.value.form,
                answers=row.value.answers,
                previous=compared.previous,
                baseline=compared.baseline,
                finished=finished,
                about=row.value.about,
                quiet=assessment.quiet,
                open=assessment.open,
            ),
        )
    )
