"""Which choices are an answer to a question. Knows no form and no check-in."""

from bot.core.protocol import Answers, Question


def is_possible(question: Question, choices: tuple[str, ...]) -> bool:
    """Return whether these choices are a complete, valid answer to the question."""
    chosen = [question.choice(c) for c in choices]
    if not chosen or None in chosen or len(set(choices)) < len(choices):
        return False
    alone = question.kind == "single" or any(c is not None and c.exclusive for c in chosen)
    return len(chosen) == 1 or not alone


def has_ticked_choices(question: Question, answers: Answers) -> bool:
    """Return whether choices of a multiple-choice question are ticked that can be changed before "Done"."""
    given = [question.choice(c) for c in answers.get(question.id, ())]
    return question.kind == "several" and any(c is not None and not c.exclusive for c in given)
