"""Keeps what is remembered of each patient's symptoms, with its history. `bot/core/memory.py` decides what changes.

Patients from before concerns were remembered are converted until their memory is stored (`concerns/conversion.py`).
"""

from collections.abc import Iterable
from typing import Literal

from bot.app.concerns.assessments import history
from bot.app.concerns.clock_jumps import corrected
from bot.app.concerns.conversion import converted, sources_of
from bot.app.concerns.events import keep_event
from bot.app.concerns.follow_up import local_day, update_follow_up
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import ConcernChange, KnownConcern, MemoryRow, OpenConcern
from bot.app.records.patients import Patient, giver_of
from bot.app.work import Work
from bot.core.changes import NEWS, What, signs_named
from bot.core.checkin import State, next_open
from bot.core.concern_values import NONE, ConcernState, Rules
from bot.core.happenings import BaselineFinished, Happening, TimePassed, TookBack
from bot.core.hearing import BASELINE, FormAnswers, Heard, Remembered, happenings, is_news, that_counts
from bot.core.memory import Applied, Memory, apply
from bot.core.protocol import Tier
from bot.core.triage import Assessment
from bot.core.weighing import weigh

_CLOSED = frozenset({State.DONE, State.EXPIRED, State.REPLACED})
_REMEMBERED_CHECKINS = 8
"""Check-ins whose contributions are kept: the answers of a finished one can be changed for a day."""


NOTHING_HEARD = Applied(Memory(), ())
"""The result if a check-in could not be remembered."""


def rules_of(clinic: Clinic) -> Rules:
    """Return the protocol's symptoms and numbers."""
    return Rules(clinic.protocol.symptoms, clinic.protocol.remembering)


def recall(work: Work, patient: Patient) -> MemoryRow:
    """Return what is remembered of the patient's symptoms, corrected for jumps of the clock; stores nothing.

    It is converted if nothing is stored.
    """
    row = work.concerns.of_patient(patient.id)
    if row is not None:
        return corrected(work.concerns, row, rules_of(work.clinic))
    value = converted(sources_of(work), patient, rules_of(work.clinic), work.at)
    return MemoryRow(patient_id=patient.id, value=value, last_jump=work.concerns.last_jump())


def remember(
    work: Work, patient: Patient, happenings: Iterable[Happening], *, checkin_id: int | None = None
) -> Applied:
    """Apply what happened to the patient's memory, store it with its history, and return what changed."""
    return _store(work, recall(work, patient), tuple(happenings), checkin_id)


def remembered(work: Work, patient: Patient, row: CheckInRow) -> Remembered:
    """Return what the answers of a check-in are weighed by, for the person who answers now."""
    stored, given = recall(work, patient), _givers(work, patient, row)
    return Remembered(
        memory=stored.value,
        heard=stored.heard.checkins.get(row.id, {}),
        opened_at=row.opened_at,
        at=work.at,
        day=local_day(patient, work.clinic, work.at),
        by=patient.giver,
        is_helper=patient.caregiver is not None,
        given_by=given,
        helpers={*given.values()} - {giver_of(patient.code, None)},
    )


def _givers(work: Work, patient: Patient, row: CheckInRow) -> dict[str, str]:
    """Return who gave each answer of a check-in, by question."""
    given = [answer for answer in work.answers.of_checkin(row.id) if answer.superseded_at is None]
    return {a.question: giver_of(patient.code, a.caregiver_id) for a in given}


def assess_so_far(work: Work, patient: Patient, row: CheckInRow) -> Assessment:
    """Return the assessment of a check-in's answers so far, as if no more followed."""
    form = FormAnswers(row.value.form, row.value.answers, row.value.about, finished=True)
    return weigh(form, history(work, row), remembered(work, patient, row), work.clinic.protocol)


def hear(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment, *, finished: bool) -> Applied:
    """Apply what the answers of a check-in say about symptoms, each answer once, and return what changed.

    `finished`: no more questions follow. Before, only what needs a human counts: a question that comes later may still
    say that it was known.
    """
    stored, protocol = recall(work, patient), work.clinic.protocol
    before = stored.heard.checkins.get(row.id, {})
    form = FormAnswers(row.value.form, row.value.answers, row.value.about, finished)
    found = tuple(that_counts(form, assessment, protocol, is_closed=row.value.state in _CLOSED))
    happened = tuple(happenings(found, form, remembered(work, patient, row), protocol))
    new = {f.symptom: Heard(level=f.level, at=work.at, was_known=f.was_known) for f in found if is_news(f, before)}
    gone = {h.symptom: Heard(level=NONE, at=work.at) for h in happened if isinstance(h, TookBack)}
    if row.value.form == BASELINE and row.value.state is State.DONE and next_open(row.value, protocol) is None:
        # A red flag ends a baseline before its last question; then it is offered again.
        happened = (*happened, BaselineFinished())
    heard = {**stored.heard.checkins, row.id: {**before, **gone, **new}}
    newest = sorted(heard)[-_REMEMBERED_CHECKINS:]
    kept_checkins = {n: heard[n] for n in newest}
    kept = stored.model_copy(update={"heard": stored.heard.model_copy(update={"checkins": kept_checkins})})
    return _store(work.acting(patient.actor), kept, happened, row.id)


def found_in(work: Work, patient: Patient, row: CheckInRow, applied: Applied) -> tuple[str, ...]:
    """Return what the alert of a check-in names: what it found, or raised together with its own, and is OPEN.

    A sign whose "yes" a human knows about already is known as well; the alert names it all the same.
    """
    stored = recall(work, patient)
    heard = stored.heard.checkins.get(row.id, {})
    # What was found here at less than it is open at has a message of its own, which asks about it.
    found = tuple(
        concern.symptom
        for concern in stored.value.open
        if concern.symptom in _news(applied)
        or (concern.symptom in heard and heard[concern.symptom].level.tier >= concern.own_tier)
    )
    known = set(signs_named(applied.changes, work.clinic.protocol)) - {*found}
    return (*found, *sorted(known))


def _news(applied: Applied) -> set[str]:
    return {change.symptom for change in applied.changes if change.what in NEWS}


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


def known_after(work: Work, patient: Patient, row: CheckInRow) -> tuple[KnownConcern, ...]:
    """Return what a human knows about: what is asked about until it has passed, or is there at an agreed level."""
    stored = recall(work, patient)
    heard = stored.heard.checkins.get(row.id, {})
    there = [symptom for symptom, each in heard.items() if each.level.tier >= Tier.SOON]
    reached = {c.symptom: c for c in stored.value.concerns.values() if c.state is ConcernState.REACHED}
    agreed = [symptom for symptom in there if stored.value.usual(symptom).agreed is not None]
    return tuple(
        KnownConcern(
            symptom=symptom,
            tier=reached[symptom].tier if symptom in reached else heard[symptom].level.tier,
            is_there=symptom in there,
            by_staff=symptom not in reached or reached[symptom].by_staff,
            came_back=symptom in there and _was_away(stored, symptom, row.id),
        )
        for symptom in dict.fromkeys((*agreed, *reached))
    )


def _was_away(stored: MemoryRow, symptom: str, checkin_id: int) -> bool:
    """Return whether the last check-in before that one which asked about the symptom did not find it."""
    heard = stored.heard.checkins
    earlier = [heard[number][symptom] for number in sorted(heard) if number < checkin_id and symptom in heard[number]]
    return bool(earlier) and earlier[-1].level.tier < Tier.SOON


def tier_to_call_about(work: Work, patient: Patient) -> Tier:
    """Return the highest tier of what the patient still has to call about; ROUTINE if there is nothing."""
    found = recall(work, patient).value.open
    return max((c.tier for c in found if not c.is_for_team and c.retracted_at is None), default=Tier.ROUTINE)


def _today(heard: Heard | None) -> Literal["there", "gone", "not_answered"]:
    if heard is None:
        return "not_answered"
    return "there" if heard.level.tier >= Tier.SOON else "gone"


def take_unnamed(work: Work, patient: Patient) -> tuple[str, ...]:
    """Return what the end of a level opened and no alert named yet; from now on it counts as named."""
    row = recall(work, patient)
    seen = row.heard.model_copy(update={"unnamed": (), "seen_at": work.at})
    work.concerns.save(row.model_copy(update={"heard": seen}))
    return row.heard.unnamed


def _store(work: Work, row: MemoryRow, happenings: tuple[Happening, ...], checkin_id: int | None) -> Applied:
    applied = apply(row.value, (TimePassed(), *happenings), rules_of(work.clinic), work.at)
    opened = tuple(c.symptom for c in applied.changes if c.is_for_team and c.what is What.OPENED)
    heard = row.heard.model_copy(update={"unnamed": tuple(dict.fromkeys((*row.heard.unnamed, *opened)))})
    kept = keep_event(work, row, happenings, applied.memory, checkin_id)
    changed = kept.model_copy(update={"value": applied.memory, "heard": heard})
    if changed != work.concerns.of_patient(row.patient_id):
        work.concerns.save(changed) if row.id else work.concerns.add(changed)
        update_follow_up(work, row.patient_id, applied.memory)
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
