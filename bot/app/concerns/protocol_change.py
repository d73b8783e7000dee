"""Refuses a protocol that would forget what is remembered: a symptom that is gone, or levels that moved on its scale.

A concern lives across protocol versions. What was found or accepted as usual is stored by the symptom's id and the step
on its scale, so another protocol has to keep both for as long as it counts for somebody. Changes nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from bot.app.records.patients import PatientState
from bot.app.work import Stores
from bot.core.concern_values import NONE
from bot.core.memory import Memory
from bot.core.protocol import Protocol

PAGE = 100
"""Patients that are read at a time."""
_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})


class Clash(NamedTuple):
    """A symptom that a protocol would forget, and the study codes of the patients for whom it counts.

    `levels`: those of the last protocol that somebody has, lowest first; None if the new one lacks the symptom.
    """

    symptom: str
    codes: tuple[str, ...]
    levels: tuple[str, ...] | None


def clashes(
    stores: Stores, known: Collection[Protocol], last: Protocol | None, after: Protocol, at: datetime
) -> list[Clash]:
    """Return what `after` would forget. `known`: protocols that were used before; `last`: the one that was used last.

    Only what is still asked counts: the concerns and close watches of patients in care, and, for a scale, the levels
    that are accepted as usual for them.
    """
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    moved: defaultdict[str, dict[str, int]] = defaultdict(dict)
    named = {symptom for protocol in known for symptom in protocol.symptoms}
    for code, patient_id, memory in _in_care(stores):
        watched = {
            w.symptom for w in stores.close_watches.of_patient(patient_id) if w.ended_at is None and at < w.until
        }
        pending = {symptom for symptom, concern in memory.concerns.items() if concern.is_pending}
        for symptom in (pending | watched) & named - after.symptoms.keys():
            lacking[symptom].append(code)
        if last is not None:
            for symptom, step in _steps(memory).items():
                if symptom in after.symptoms and _is_moved(symptom, step, last, after):
                    moved[symptom][code] = step
    gone = [Clash(symptom, tuple(codes), None) for symptom, codes in sorted(lacking.items())]
    return gone + [
        Clash(symptom, tuple(steps), _levels(symptom, last)[: max(steps.values()) + 1])
        for symptom, steps in sorted(moved.items())
        if last is not None
    ]


def described(clash: Clash) -> str:
    """Return the problem in one line, without a study code."""
    number = len(clash.codes)
    if clash.levels is None:
        for_whom = "1 patient has" if number == 1 else f"{number} patients have"
        return f"it lacks the symptom {clash.symptom!r}, about which {for_whom} a concern or a close watch: keep it"
    for_whom = "1 patient has a level" if number == 1 else f"{number} patients have levels"
    levels = f"list these levels first, in this order: {', '.join(clash.levels)}" if clash.levels else "keep it a sign"
    return f"it changes the scale of {clash.symptom!r}, on which {for_whom}: {levels}"


def _in_care(stores: Stores) -> Iterator[tuple[str, int, Memory]]:
    after: str | None = ""
    while after is not None:
        patients = stores.patients.page(after_code=after, limit=PAGE)
        for patient in patients:
            row = stores.concerns.of_patient(patient.id) if patient.state not in _LEFT else None
            if row is not None:
                yield patient.code, patient.id, row.value
        after = patients[-1].code if len(patients) == PAGE else None


def _steps(memory: Memory) -> dict[str, int]:
    """Return the highest step that is remembered of each symptom with a concern or an accepted level."""
    found = {c.symptom: max(c.highest, c.reached_level or NONE) for c in memory.concerns.values() if c.is_pending}
    for symptom, accepted in memory.accepted.items():
        if accepted.raises_nothing > NONE:
            found[symptom] = max(found.get(symptom, NONE), accepted.raises_nothing)
    return {symptom: level.step for symptom, level in found.items()}


def _is_moved(symptom: str, step: int, last: Protocol, after: Protocol) -> bool:
    """Return whether a step, or one below it, means something else in the new protocol."""
    before = last.symptoms.get(symptom)
    if before is None:
        return False
    upto = step + 1
    is_other = before.is_sign != after.symptoms[symptom].is_sign
    return is_other or _levels(symptom, after)[:upto] != _levels(symptom, last)[:upto]


def _levels(symptom: str, protocol: Protocol) -> tuple[str, ...]:
    """Return the scale of a symptom, lowest level first; none for a sign."""
    found = protocol.symptoms[symptom]
    question = protocol.questions.get(found.question or "")
    return () if found.is_sign or question is None else question.levels
