"""Refuses a protocol that would forget what is remembered: a symptom that is gone, or whose scale changed.

A concern lives across protocol versions. What was found or accepted as usual is stored by the symptom's id and the step
on its scale, so another protocol has to keep both for as long as it counts for somebody. Changes nothing.
"""

from collections import Counter
from collections.abc import Iterator

from bot.app.work import Stores
from bot.core.concern_values import NONE
from bot.core.memory import Memory
from bot.core.protocol import Protocol

PAGE = 100
"""Patients that are read at a time."""


def problems_with(stores: Stores, before: Protocol, after: Protocol) -> list[str]:
    """Return why `after` can't replace `before`, the protocol that was used last; name no patient."""
    changed = {symptom for symptom in before.symptoms if _is_other(symptom, before, after)}
    if not changed:
        return []
    used = Counter(symptom for memory in _memories(stores) for symptom in _remembered(memory) if symptom in changed)
    return [_problem(symptom, number, before, after) for symptom, number in sorted(used.items())]


def _is_other(symptom: str, before: Protocol, after: Protocol) -> bool:
    if symptom not in after.symptoms:
        return True
    levels = _levels(symptom, before)
    # A level that is added at the upper end moves no other one.
    return _levels(symptom, after)[: len(levels)] != levels


def _levels(symptom: str, protocol: Protocol) -> tuple[str, ...]:
    """Return the scale of a symptom, lowest level first; none for a sign."""
    found = protocol.symptoms[symptom]
    question = protocol.questions.get(found.question or "")
    return () if found.is_sign or question is None else question.levels


def _memories(stores: Stores) -> Iterator[Memory]:
    after: str | None = ""
    while after is not None:
        patients = stores.patients.page(after_code=after, limit=PAGE)
        for patient in patients:
            row = stores.concerns.of_patient(patient.id)
            if row is not None:
                yield row.value
        after = patients[-1].code if len(patients) == PAGE else None


def _remembered(memory: Memory) -> set[str]:
    """Return the symptoms with a concern that is not settled, or a level that is accepted as usual."""
    pending = {symptom for symptom, concern in memory.concerns.items() if concern.is_pending}
    return pending | {symptom for symptom, levels in memory.accepted.items() if levels.raises_nothing > NONE}


def _problem(symptom: str, number: int, before: Protocol, after: Protocol) -> str:
    new, old = f"protocol {after.name} {after.version}", f"{before.name} {before.version}"
    for_whom = f"{number} {'patient has' if number == 1 else 'patients have'} a concern or an accepted level of it"
    if symptom not in after.symptoms:
        return f"{new} lacks the symptom {symptom!r} of {old}, and {for_whom}: keep the symptom"
    levels = ", ".join(_levels(symptom, before))
    return f"{new} changes the scale of {symptom!r}, and {for_whom}: keep the levels of {old} first ({levels})"
