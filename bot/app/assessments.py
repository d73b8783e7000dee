"""What answers are judged against, and what follows from a judgement: it is kept with its basis, and raised."""

from collections.abc import Sequence
from datetime import datetime

from bot.app import alerts, snoozes
from bot.app.ports import Clinic
from bot.app.store import AlertState, AnswerRow, AssessmentRow, Basis, CheckInRow, Patient, Store
from bot.core.again import Watch, has_news
from bot.core.protocol import Answers, Tier
from bot.core.triage import Assessment, History


def history(store: Store, clinic: Clinic, row: CheckInRow) -> History:
    """What the answers are compared with: the last answers and the baseline."""
    return History(
        previous=_last_answers(store.last_finished(row.patient_id, row.id), clinic),
        baseline=store.baseline_answers(row.patient_id) if row.value.form != "baseline" else None,
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


def as_stored(store: Store, patient: Patient) -> Patient:
    """Return the patient as this transaction has left them: what is asked daily may have changed."""
    stored = store.patient(patient.id)
    return stored.model_copy(update={"helper": patient.helper}) if stored is not None else patient


def answer_row(patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...], at: datetime) -> AnswerRow:
    return AnswerRow(
        checkin_id=row.id,
        patient_id=row.patient_id,
        question=question,
        choices=choices,
        given_at=at,
        caregiver_id=patient.helper.id if patient.helper is not None else None,
    )


def keep_assessment(
    store: Store, clinic: Clinic, row: CheckInRow, assessment: Assessment, at: datetime, *, final: bool, finished: bool
) -> None:
    compared = history(store, clinic, row)
    store.add_assessment(
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
            at=at,
            basis=Basis(
                form=row.value.form,
                answers=row.value.answers,
                previous=compared.previous,
                baseline=compared.baseline,
                finished=finished,
            ),
        )
    )


def raise_for(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, assessment: Assessment, at: datetime
) -> None:
    alert = alerts.raise_alert(
        store,
        clinic,
        patient,
        tier=assessment.tier,
        rules=assessment.concerns,
        checkin_id=row.id,
        at=at,
        expected=is_expected(store, clinic, row, assessment, at),
    )
    alerts.hand_loop_back_to(store, alert)


def is_expected(store: Store, clinic: Clinic, row: CheckInRow, found: Assessment, at: datetime) -> bool:
    """Whether these findings are no more than what the team expects for a while."""
    compared = history(store, clinic, row)
    return snoozes.explains(store, clinic, row.patient_id, found, row.value.answers, compared, row.value.form, at)


def raises_nothing_new(
    store: Store, clinic: Clinic, before: Watch | None, row: CheckInRow, found: Assessment, at: datetime
) -> bool:
    """Whether a SOON finding needs no alert of its own: it stands in one that is open, or the team expects it."""
    return found.tier is Tier.SOON and (
        is_known(store, before, row.patient_id, found, clinic) or is_expected(store, clinic, row, found, at)
    )


def is_known(store: Store, before: Watch | None, patient_id: int, found: Assessment, clinic: Clinic) -> bool:
    """Whether these findings are those of a watch before, unchanged, and stand in an alert that staff still have.

    Then no second alert is raised for the same: the patient is asked to call all the same, if they have not.
    """
    groups = {reason.group for reason in found.reasons if reason.tier >= Tier.SOON}
    if before is None or has_news(found, clinic.protocol) or not groups <= set(before.groups):
        return False
    return any(
        a.state is not AlertState.CLOSED and set(found.concerns) <= set(a.rules) for a in store.alerts(patient_id)
    )
