"""What answers are compared with, and how an assessment is kept together with what it was made from."""

from collections.abc import Sequence

from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import AssessmentRow, Basis, CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.protocol import Answers
from bot.core.triage import Assessment, History


def history(work: Work, row: CheckInRow) -> History:
    """What the answers are compared with: the last answers and the baseline."""
    return History(
        previous=_last_answers(work.answers.last_finished(row.patient_id, row.id), work.clinic),
        baseline=work.answers.baseline(row.patient_id) if row.value.form != "baseline" else None,
    )


def _last_answers(finished: Sequence[tuple[str, Answers]], clinic: Clinic) -> Answers | None:
    """Return each question's answer of the newest check-in whose form asks it, `finished` being newest first.

    A question that it did not lead to has none: the short form must not hide what the long one asked weeks ago, nor
    an old answer stand in for one that the last check-in had no reason to ask.
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
    """Return the patient as this transaction has left them: what is asked daily may have changed."""
    stored = stores.patients.get(patient.id)
    return stored.model_copy(update={"helper": patient.helper}) if stored is not None else patient


def keep_assessment(work: Work, row: CheckInRow, assessment: Assessment, *, final: bool, finished: bool) -> None:
    """Store an assessment with its basis, so that it can be replayed."""
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
            ),
        )
    )
