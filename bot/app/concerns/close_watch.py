"""Close watch: staff name symptoms that the daily follow-up asks about for some weeks, whatever is remembered of them.

For times in which a symptom may come back fast: a steroid taper, a treated nerve event. Opens no check-in.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.app.concerns.deciding import check_may_decide, text_problems
from bot.app.concerns.follow_up import update_follow_up, watches
from bot.app.concerns.memory import recall
from bot.app.patients.lookup import locked
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.levels import CloseWatch
from bot.app.work import Work

MAX_DAYS = 28
"""The longest close watch."""


def watchable(clinic: Clinic) -> tuple[str, ...]:
    """Return the symptoms that can be watched closely: those with a question of their own."""
    return tuple(symptom.id for symptom in clinic.protocol.symptoms.values() if symptom.question is not None)


def watch(work: Work, code: str, symptoms: Sequence[str], days: int, *, reason: str) -> Sequence[CloseWatch]:
    """Watch symptoms closely for some days and return the watches; each replaces an earlier one of its symptom.

    Raise RefusedError with every problem of the request.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    known = watchable(work.clinic)
    problems = [
        f"{each!r} is no symptom with a question: the protocol has {', '.join(known)}"
        for each in symptoms
        if each not in known
    ]
    problems += [] if symptoms else ["no symptom is named"]
    problems += [] if 1 <= days <= MAX_DAYS else [f"{days} days: choose between 1 and {MAX_DAYS}"]
    problems += text_problems(reason)
    if problems:
        raise RefusedError("; ".join(problems))
    named = tuple(dict.fromkeys(symptoms))
    _end(work, [row for row in watches(work, patient.id) if row.symptom in named])
    until = work.at + timedelta(days=days)
    made = {"patient_id": patient.id, "until": until, "made_by": work.actor, "made_at": work.at}
    added = [work.close_watches.add(CloseWatch(symptom=each, reason=reason.strip(), **made)) for each in named]
    work.record("close_watch_set", patient.code, days=days)
    update_follow_up(work, patient.id, recall(work, patient).value)
    return added


def end_watch(work: Work, code: str, symptoms: Sequence[str] = ()) -> Sequence[CloseWatch]:
    """End the close watch of these symptoms, by default of all, and return it; RefusedError if none is watched."""
    patient = locked(work.patients, code)
    check_may_decide(work)
    found = [row for row in watches(work, patient.id) if not symptoms or row.symptom in symptoms]
    if not found:
        raise RefusedError(f"{code}: nothing of that is watched closely, so nothing was ended")
    _end(work, found)
    work.record("close_watch_ended", patient.code)
    update_follow_up(work, patient.id, recall(work, patient).value)
    return found


def _end(work: Work, rows: Sequence[CloseWatch]) -> None:
    for row in rows:
        work.close_watches.save(row.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))
