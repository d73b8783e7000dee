"""Where a check-in stands in its form: the questions its answers lead to, the next one, how many are left."""

from bot.core.checkin_words import CheckIn, State
from bot.core.protocol import Answers, FormStep, Protocol, Question, applicable


def progress(checkin: CheckIn, protocol: Protocol) -> tuple[int, int]:
    """Return (position, total) for "3 of 8": questions so far with the present one, and all that answers lead to."""
    asked = [s.ask for s in path(checkin, protocol)]
    if checkin.cursor in asked:
        return asked.index(checkin.cursor) + 1, len(asked)
    return sum(q in checkin.answers for q in asked), len(asked)


def taps_left(checkin: CheckIn, protocol: Protocol) -> int:
    """Return how many questions are left, the present one included: one tap each when nothing is wrong."""
    return sum(
        s.ask not in checkin.answers or (s.ask == checkin.cursor and is_unfinished(checkin, protocol))
        for s in path(checkin, protocol)
    )


def path(checkin: CheckIn, protocol: Protocol) -> tuple[FormStep, ...]:
    """Return the steps of this check-in: after an EMERGENCY only those still asked then."""
    steps = applicable(protocol.forms[checkin.form], checkin.answers)
    return tuple(s for s in steps if s.after_emergency) if checkin.state is State.STOPPED else steps


def next_open(checkin: CheckIn, protocol: Protocol) -> str | None:
    """Return the first question without an answer; None when all are answered."""
    return next((s.ask for s in path(checkin, protocol) if s.ask not in checkin.answers), None)


def is_unfinished(checkin: CheckIn, protocol: Protocol) -> bool:
    """Tell whether the question at the cursor waits for a tap although it has an answer.

    So it is while one can still be changed: after Back, after a mistake, and before "Done" under ticked choices.
    """
    if checkin.state is not State.PAUSED:
        return checkin.cursor is not None
    return checkin.cursor is not None and _is_ticking(protocol.questions[checkin.cursor], checkin.answers)


def is_possible(question: Question, choices: tuple[str, ...]) -> bool:
    """Tell whether these choices can be a whole answer to the question."""
    chosen = [question.choice(c) for c in choices]
    if not chosen or None in chosen or len(set(choices)) < len(choices):
        return False
    alone = question.kind == "single" or any(c is not None and c.exclusive for c in chosen)
    return len(chosen) == 1 or not alone


def _is_ticking(question: Question, answers: Answers) -> bool:
    given = [question.choice(c) for c in answers.get(question.id, ())]
    return question.kind == "several" and any(c is not None and not c.exclusive for c in given)
