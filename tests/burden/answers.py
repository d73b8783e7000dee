"""How a patient answers any question by the true state of their symptom, also questions that came later than this."""

import re
from collections.abc import Callable, Sequence

from bot.app.records.messages import Outbox
from bot.core.screen import Action
from tests.burden.courses import Course
from tests.property.phone import actions
from tests.property.signs import AMOUNTS, EMERGENCY_SIGNS, ITEMS, STILL, TROUBLE, URGENT_SIGNS

LEAST = ("none", "no", "not_at_all", "gone", "na")
SIGNS = {"safety_now": EMERGENCY_SIGNS, "safety_new": URGENT_SIGNS}
NAMING = {"which_now": EMERGENCY_SIGNS, "which_new": URGENT_SIGNS}
USUAL = re.compile(r"\busual for you\b|\bthan usual\b", re.IGNORECASE)
ENROLLING = ("next", "agree", "lang-en", "own", "morning")


class Answerer:
    """Answers for one course. `read` returns a message's words in English."""

    def __init__(self, course: Course, read: Callable[[Outbox], str]) -> None:
        self.course = course
        self._read = read
        self._said: int | None = None
        self._most = 0
        self._asked_on = 0

    def next_tap(self, row: Outbox, day: int) -> Action | None:
        """Return the tap that answers a message; None if nothing is asked."""
        found = [action for action in actions(row) if action.kind in {"choose", "toggle", "submit", "go_on"}]
        if not found:
            return None
        if found[0].kind == "go_on":
            return found[0]
        question = found[0].question
        choices = {action.choice.lstrip("+-"): action for action in found if action.choice}
        wanted = self._choice(question, tuple(choices), row, day)
        action = choices[wanted]
        if action.kind == "toggle" and action.choice.startswith("-"):
            return next(each for each in found if each.kind == "submit")  # ticked already
        return action

    def finished(self, day: int) -> None:
        """Remember what was said in a check-in that is complete."""
        self._said = self._now(day)
        self._most = max(self._most, self._said)
        self._asked_on = day

    def _now(self, day: int) -> int:
        """Return how it is: at its worst since the last check-in, as the questions ask."""
        first = day if self._said is None else min(self._asked_on + 1, day)
        return self.course.worst(first, day)

    def _choice(self, question: str, choices: Sequence[str], row: Outbox, day: int) -> str:
        symptom, now = self.course.symptom, self._now(day)
        if question == "change":
            return "yes" if self._said is not None and now > self._most else "no"
        if question in SIGNS:
            return "yes" if now and symptom in SIGNS[question] and not self._reads_worse_than_usual(row) else "none"
        if question in NAMING:
            return symptom if symptom in choices else "not_sure"
        if question.startswith("known"):
            return "yes_known" if self.course.is_known else "no"
        if question.startswith(STILL):
            return self._still(choices, now if question == STILL + symptom else 0)
        if question == "interference":
            return self.course.in_the_way
        scale = {"numbness": AMOUNTS, **dict.fromkeys(ITEMS, TROUBLE)}.get(question)
        if question == symptom and scale is not None:
            return scale[now]
        if symptom in choices and now:
            return symptom
        return next((least for least in LEAST if least in choices), choices[0])

    def _still(self, choices: Sequence[str], now: int) -> str:
        words = ("gone", "none", "no") if not now else ("worse",) if now > (self._said or 0) else ("same", "better")
        return next((choice for word in words for choice in choices if word in choice), choices[0 if not now else 1])

    def _reads_worse_than_usual(self, row: Outbox) -> bool:
        """Return whether the line of this sign asks whether it is worse than usual for this patient."""
        return any(USUAL.search(line) for line in self._read(row).splitlines())


def enrol(row: Outbox) -> Action | None:
    """Return the tap that goes on with enrolment."""
    found = {action.choice: action for action in actions(row) if action.kind == "enrol"}
    return next((found[word] for word in ENROLLING if word in found), None)
