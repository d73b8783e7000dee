"""Answers as they are stored, and how long those to the safety screens count. Assesses and asks nothing."""

from datetime import datetime

from bot.app.records.checkins import AnswerRow, CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.concern_values import NONE, ConcernState
from bot.core.findings import ALARMING, NOT_NAMED, safety_screens, still


def with_fresh_screens(work: Work, row: CheckInRow, given: core.Input) -> CheckInRow:
    """Return the check-in without "none" on a safety screen that is too old: evidence expires, and is asked again.

    A new "yes" on a safety screen counts as new, whatever this check-in said before and took back. "Back" ends no form,
    so it takes nothing away: the way back would be lost.
    """
    protocol = work.clinic.protocol
    if isinstance(given, core.Choose) and _is_new_yes(work, row.value, given):
        _forget_yes(work, row, given.question)
    elif isinstance(given, core.Choose) and row.value.answers.get(given.question) != (given.choice,):
        _forget_known(work, row, given.question)
    oldest = work.at - protocol.remembering.fresh
    none = [q for q in safety_screens(protocol) if row.value.answers.get(q) == ("none",)]
    is_on = row.value.state is core.State.ASKING and not isinstance(given, core.Back)
    if not is_on or not none or oldest < row.opened_at <= work.at:
        return row
    given_at = {a.question: a.given_at for a in work.answers.of_checkin(row.id) if a.superseded_at is None}
    # An answer from far ahead was given before the clock was set back: nobody knows how old it is.
    newest = work.at + protocol.remembering.fresh
    stale = [question for question in none if not oldest < given_at.get(question, oldest) < newest]
    for question in stale:
        work.answers.supersede(row.id, question, work.at)
    kept = {question: choices for question, choices in row.value.answers.items() if question not in stale}
    return row.model_copy(update={"value": row.value.model_copy(update={"answers": kept})})


def say_again(work: Work, row: CheckInRow, question: str, choices: tuple[str, ...]) -> None:
    """Before an answer of a finished check-in is changed: "yes" instead of "not sure" counts as new, too."""
    is_yes = question in safety_screens(work.clinic.protocol) and bool(ALARMING & set(choices))
    if is_yes and row.value.answers.get(question) != choices:
        _forget_yes(work, row, question)


def _is_new_yes(work: Work, value: core.CheckIn, given: core.Choose) -> bool:
    """Return whether a tap says "yes" or "not sure" on the safety screen that is asked now, or in place of "none"."""
    is_now = value.cursor == given.question and value.asked_revision <= given.revision <= value.revision
    is_milder = not ALARMING & set(value.answers.get(given.question, ()))
    return (is_now or is_milder) and given.question in safety_screens(work.clinic.protocol) and given.choice in ALARMING


def _forget_yes(work: Work, row: CheckInRow, screen: str) -> None:
    """Let the next "yes" on this safety screen, and the sign named after it, count as said for the first time."""
    signs = work.clinic.protocol.questions[screen].signs
    symptoms = work.clinic.protocol.symptoms.values() if signs is not None else ()
    named = {s.id for s in symptoms if s.names and signs is not None and s.question == signs.named_in}
    _forget(work, row, {NOT_NAMED, *named})


def _forget_known(work: Work, row: CheckInRow, question: str) -> None:
    """Let another answer count as said for the first time if somebody spoke with the patient about the one before."""
    stored = work.concerns.of_patient(row.patient_id)
    if stored is None:
        return
    asked = {s.id for s in work.clinic.protocol.symptoms.values() if question in {s.question, still(s.id)}}
    heard = {s: h.at for s, h in stored.heard.checkins.get(row.id, {}).items() if s in asked}
    concerns = {symptom: stored.value.concern(symptom) for symptom in heard}
    is_known = {s for s, c in concerns.items() if c.state is ConcernState.REACHED and c.reached_at is not None}
    _forget(work, row, {s for s in is_known if (concerns[s].reached_at or heard[s]) >= heard[s]})


def _forget(work: Work, row: CheckInRow, symptoms: set[str]) -> None:
    """Let what a check-in says about these symptoms count as said for the first time, in place of what it said."""
    stored = work.concerns.of_patient(row.patient_id)
    if stored is None:
        return
    before = stored.heard.checkins.get(row.id, {})
    left = {s: heard.model_copy(update={"level": NONE}) if s in symptoms else heard for s, heard in before.items()}
    if left != before:
        checkins = {**stored.heard.checkins, row.id: left}
        work.concerns.save(stored.model_copy(update={"heard": stored.heard.model_copy(update={"checkins": checkins})}))


def answer_row(patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...], at: datetime) -> AnswerRow:
    """Return an answer as it is stored, with the caregiver who gave it, if one did."""
    return AnswerRow(
        checkin_id=row.id,
        patient_id=row.patient_id,
        question=question,
        choices=choices,
        given_at=at,
        caregiver_id=patient.caregiver.id if patient.caregiver is not None else None,
    )
