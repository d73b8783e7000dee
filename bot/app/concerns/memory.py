"""Keeps what is remembered of each patient's symptoms, with its history. `bot/core/memory.py` decides what changes.

Patients from before concerns were remembered are converted when their memory is first read (`concerns/conversion.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.concerns.clock_jumps import corrected
from bot.app.concerns.conversion import Sources, converted, symptoms_of
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import ConcernChange, Heard, HeardOf, MemoryRow, OpenConcern
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.changes import What
from bot.core.checkin import State, next_open, path
from bot.core.concern import NONE, Rules
from bot.core.findings import NOT_NAMED, Finding, find, safety_screens
from bot.core.happenings import (
    Answered,
    BaselineFinished,
    Happening,
    KnownBefore,
    Named,
    NotKnown,
    TimePassed,
    TookBack,
)
from bot.core.memory import Applied, Memory, apply
from bot.core.protocol import Tier
from bot.core.triage import Assessment

BASELINE = "baseline"
_REMEMBERED_CHECKINS = 4
"""Check-ins whose contributions are kept: the answers of a finished one can be changed for a day."""


NOTHING_HEARD = Applied(Memory(), ())
"""The result if a check-in could not be remembered."""


def rules_of(clinic: Clinic) -> Rules:
    """Return the protocol's symptoms and numbers."""
    return Rules(clinic.protocol.symptoms, clinic.protocol.remembering)


def recall(work: Work, patient: Patient) -> MemoryRow:
    """Return what is remembered of the patient's symptoms; stored if it had to be converted first."""
    row = work.concerns.of_patient(patient.id)
    if row is not None:
        return corrected(work.concerns, row, rules_of(work.clinic))
    value = converted(_sources(work), patient, rules_of(work.clinic), work.at)
    last_jump = work.concerns.last_jump()
    return work.concerns.add(MemoryRow(patient_id=patient.id, value=value, last_jump=last_jump))


def named_by(work: Work, alert: AlertRow) -> tuple[str, ...]:
    """Return the symptoms that an alert names; those of its answers if it is older than concerns."""
    return alert.symptoms or symptoms_of(_sources(work), alert)


def _sources(work: Work) -> Sources:
    clinic = work.clinic
    return Sources(work.answers, work.checkins, work.alerts, work.agreed_levels, clinic.protocol, clinic.timezone)


def remember(
    work: Work, patient: Patient, happenings: Iterable[Happening], *, checkin_id: int | None = None
) -> Applied:
    """Apply what happened to the patient's memory, store it with its history, and return what changed."""
    return _store(work, recall(work, patient), tuple(happenings), checkin_id)


def hear(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> Applied:
    """Apply what the answers of a check-in say about symptoms, each answer once, and return what changed.

    Before the form ends, only what needs a human counts: a question that comes later may still say that it was known.
    """
    stored = recall(work, patient)
    before = stored.heard.checkins.get(row.id, {})
    found = tuple(_found(row, assessment, work.clinic))
    happenings = tuple(_happenings(work, patient, row, found, before))
    new = {f.symptom: Heard(level=f.level, at=work.at, was_known=f.was_known) for f in found if _is_news(f, before)}
    gone = {h.symptom: Heard(level=NONE, at=work.at) for h in happenings if isinstance(h, TookBack)}
    heard = {**stored.heard.checkins, row.id: {**before, **gone, **new}}
    newest = sorted(heard)[-_REMEMBERED_CHECKINS:]
    kept = stored.model_copy(update={"heard": HeardOf(checkins={n: heard[n] for n in newest})})
    return _store(work.acting(patient.actor), kept, happenings, row.id)


def found_in(work: Work, patient: Patient, row: CheckInRow, applied: Applied) -> tuple[str, ...]:
    """Return the OPEN symptoms that a check-in found, or raised together with its own: those that its alert names."""
    stored = recall(work, patient)
    heard = stored.heard.checkins.get(row.id, {})
    # What was found here at less than it is open at has a message of its own, which asks about it.
    return tuple(
        concern.symptom
        for concern in stored.value.open
        if concern.symptom in _news(applied)
        or (concern.symptom in heard and heard[concern.symptom].level.tier >= concern.own_tier)
    )


def _news(applied: Applied) -> set[str]:
    return {change.symptom for change in applied.changes if change.what in {What.OPENED, What.ROSE, What.REOPENED}}


def open_after(work: Work, patient: Patient, row: CheckInRow) -> tuple[OpenConcern, ...]:
    """Return the concerns that are open at the end of a check-in, highest tier first."""
    stored = recall(work, patient)
    heard = stored.heard.checkins.get(row.id, {})
    return tuple(
        OpenConcern(
            symptom=concern.symptom,
            tier=concern.tier,
            since=concern.first_found_at or work.at,
            today=_today(heard.get(concern.symptom)),
            is_for_team=concern.is_for_team,
            is_retracted=concern.retracted_at is not None,
        )
        for concern in stored.value.open
    )


def _today(heard: Heard | None) -> Literal["there", "gone", "not_answered"]:
    if heard is None:
        return "not_answered"
    return "there" if heard.level.tier >= Tier.SOON else "gone"


def _store(work: Work, row: MemoryRow, happenings: tuple[Happening, ...], checkin_id: int | None) -> Applied:
    applied = apply(row.value, (TimePassed(), *happenings), rules_of(work.clinic), work.at)
    changed = row.model_copy(update={"value": applied.memory})
    if changed != work.concerns.of_patient(row.patient_id):
        work.concerns.save(changed)
    for change in applied.changes:
        work.concerns.add_change(
            ConcernChange(
                patient_id=row.patient_id,
                checkin_id=checkin_id,
                symptom=change.symptom,
                what=change.what,
                state=applied.memory.concern(change.symptom).state,
                tier=change.tier,
                at=work.at,
                actor=work.actor,
            )
        )
    return applied


# -- what a form says


def _found(row: CheckInRow, assessment: Assessment, clinic: Clinic) -> Iterator[Finding]:
    """Yield what the answers say that counts by now."""
    is_finished = row.value.state in {State.DONE, State.EXPIRED, State.REPLACED}
    for finding in find(row.value.answers, assessment, clinic.protocol):
        if is_finished or (finding.level.tier >= Tier.SOON and not _may_be_known(finding, row, clinic)):
            yield finding


def _may_be_known(finding: Finding, row: CheckInRow, clinic: Clinic) -> bool:
    """Return whether the form still leads to the question whether it was there before."""
    symptom = clinic.protocol.symptoms.get(finding.symptom)
    if symptom is None or symptom.known_by is None or row.value.form not in clinic.protocol.forms:
        return False
    asked = {step.ask for step in path(row.value, clinic.protocol)}
    return symptom.known_by in asked and symptom.known_by not in row.value.answers


def _is_news(finding: Finding, before: Mapping[str, Heard]) -> bool:
    heard = before.get(finding.symptom)
    return heard is None or (heard.level, heard.was_known) != (finding.level, finding.was_known)


def _happenings(
    work: Work, patient: Patient, row: CheckInRow, found: tuple[Finding, ...], before: Mapping[str, Heard]
) -> Iterator[Happening]:
    """Yield what is new in a form's answers since they were last heard."""
    by = patient.actor
    day = work.at.astimezone(ZoneInfo(patient.timezone or work.clinic.timezone)).date()
    for finding in found:
        if not _is_news(finding, before):
            continue
        heard = before.get(finding.symptom)
        if heard is not None and finding.level < heard.level:
            yield TookBack(symptom=finding.symptom, level=finding.level, by=by, given_at=heard.at, day=day)
            continue
        if heard is not None and heard.was_known and not finding.was_known:
            yield NotKnown(symptom=finding.symptom)
        if finding.was_known and row.value.form == BASELINE:
            yield KnownBefore(symptom=finding.symptom, level=finding.level, is_helper=patient.caregiver is not None)
        if finding.is_named and NOT_NAMED in before:
            yield Named(symptom=finding.symptom, level=finding.level, by=by, day=day, instead_of=NOT_NAMED)
        else:
            yield Answered(symptom=finding.symptom, level=finding.level, by=by, day=day, is_named=finding.is_named)
    yield from _taken_back(work.clinic, row, found, before, by, day)
    if (
        row.value.form == BASELINE
        and row.value.state is State.DONE
        and next_open(row.value, work.clinic.protocol) is None
    ):
        # A red flag ends a baseline before its last question; then it is offered again.
        yield BaselineFinished()


def _taken_back(
    clinic: Clinic, row: CheckInRow, found: tuple[Finding, ...], before: Mapping[str, Heard], by: str, day: date
) -> Iterator[TookBack]:
    """Yield the signs of a safety screen whose "yes" was changed to "none". A skip takes nothing back."""
    here = {finding.symptom for finding in found}
    for symptom, heard in before.items():
        screens = _screens_of(symptom, clinic)
        is_none = bool(screens) and all(row.value.answers.get(screen) == ("none",) for screen in screens)
        if symptom not in here and heard.level.tier >= Tier.SOON and is_none:
            yield TookBack(symptom=symptom, level=NONE, by=by, given_at=heard.at, day=day)


def _screens_of(symptom: str, clinic: Clinic) -> tuple[str, ...]:
    """Return the safety screens whose signs include this one; both for a sign that was not named."""
    known = clinic.protocol.symptoms.get(symptom)
    if symptom == NOT_NAMED:
        return safety_screens(clinic.protocol)
    if known is None or not known.names:
        return ()
    return tuple(
        q.id for q in clinic.protocol.questions.values() if q.signs is not None and q.signs.named_in == known.question
    )
