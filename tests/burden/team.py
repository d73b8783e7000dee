"""Staff of a counted life: they speak with the patient within a day, close what can be closed, renew agreements."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bot.app.alerts import ownership
from bot.app.concerns import agreeing
from tests.burden.courses import Course
from tests.property.notes import StaffAct
from tests.property.signs import AMOUNTS, EMERGENCY_SIGNS

CODE, MEMBER = "P-0001", "ann"
SPOKE = "spoke_to_patient"
AGREED_FOR, SIGN_AGREED_FOR = 28, 91
"""Days: the longest agreements."""
RENEWED_BEFORE = timedelta(days=7)
USUAL_SIGNS = "bot.app.concerns.usual_signs"
"""The module that agrees on usual EMERGENCY signs."""
Act = tuple[StaffAct, Callable[[Any], Any]]


def spoke(alert: int) -> Act:
    return StaffAct("outcome", alert, SPOKE), lambda work: ownership.note(work, alert, SPOKE)


def close(alert: int) -> Act:
    return StaffAct("close", alert), lambda work: ownership.close(work, alert)


def agree(course: Course, at: Any) -> tuple[Act, timedelta] | None:
    """Return the act that agrees on the symptom's first level, and how long it holds; None if there is no such act."""
    symptom, step = course.symptom, course.steps[0]
    if symptom in EMERGENCY_SIGNS:
        act, holds = agree_usual_sign(symptom), timedelta(days=SIGN_AGREED_FOR)
    else:
        level, holds = AMOUNTS[step], timedelta(days=AGREED_FOR)

        def act(work: Any) -> Any:
            return agreeing.agree_level(work, CODE, symptom, level, AGREED_FOR)

    if act is None:
        return None
    return (StaffAct("agree", symptom=symptom, step=step, until=at + holds), act), holds


def agree_usual_sign(symptom: str) -> Callable[[Any], Any] | None:
    """Return the call that agrees on an EMERGENCY sign as usual for the patient; None as long as there is none.

    The one place where it is entered: a function of `work`, by a coordinator or lead, for `SIGN_AGREED_FOR` days.
    """
    if find_spec(USUAL_SIGNS) is None:
        return None
    agreed = import_module(USUAL_SIGNS).agree_usual_sign
    words = {"reason": "since surgery", "decided_by": "Dr. Lee"}
    return lambda work: agreed(work, CODE, symptom, "there", SIGN_AGREED_FOR, **words)
