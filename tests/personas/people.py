"""The personas: who they are, how their symptom really goes, and what they and their team do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from tests.burden.courses import LIVES, Course

DAYS = 91
YEAR = 365


@dataclass(frozen=True)
class Persona:
    """`hours`: they answer within so many hours. `prompts`: how they answer "did someone speak with you?", in order; the
    last one again and again. `staff_after`: hours after which the team speaks with them about an alert; None: never.
    """

    name: str
    title: str
    course: Course
    language: str = "en"
    regimen: str = "single"
    hours: float = 4
    answers: bool = True
    prompts: tuple[str, ...] = ("reached",)
    staff_after: float | None = 6
    has_helper: bool = False
    dislikes: frozenset[str] = frozenset()
    likes: frozenset[str] = frozenset()
    types: Mapping[int, str] = field(default_factory=dict)
    """What they type at noon of a day."""
    has_large_text: bool = False
    is_lived_for_a_year: bool = False


def _steps(*changes: tuple[int, int], days: int = DAYS) -> tuple[int, ...]:
    """Return the step of each day: from each (day, step) on, 0 before."""
    return tuple(next((step for day, step in reversed(changes) if day <= each), 0) for each in range(days + 1))


def _course(symptom: str, *changes: tuple[int, int], **more: object) -> Course:
    return Course(symptom, symptom, _steps(*changes, days=YEAR), **more)  # type: ignore[arg-type]


def _for_a_year(course: Course) -> Course:
    """Repeat the last day of a course that ends sooner."""
    return replace(course, steps=course.steps + course.steps[-1:] * (YEAR + 1 - len(course.steps)))


def _life(name: str, seed: int) -> Course:
    return _for_a_year(LIVES[name](Random(f"{name} persona {seed}")))


PEOPLE = (
    Persona("quiet", "Nothing is ever wrong", _course("numbness"), is_lived_for_a_year=True),
    Persona(
        "new-mild",
        "Mild numbness from day 1 on; called, and somebody spoke with her on day 2; the team records nothing",
        _course("numbness", (1, 1), in_the_way="a_little"),
        staff_after=None,
        is_lived_for_a_year=True,
    ),
    Persona("known-strong", "Strong numbness of old, agreed on by the team", _life("known strong", 1)),
    Persona("fluctuating", "Numbness comes and goes, up to medium", _life("fluctuating none-medium", 2)),
    Persona(
        "gradually-worse",
        "Worse in four steps; cannot reach the team at once",
        _life("gradually worse", 3),
        prompts=("not_yet", "cannot_reach", "reached"),
        staff_after=9,
    ),
    Persona(
        "diabetic-smoker",
        "Diabetes and cigarettes: mild numbness of old; some tips are just right",
        _course("numbness", (0, 1), is_known=True, in_the_way="a_little"),
        likes=frozenset({"habits_smoking", "habits_sugar"}),
        dislikes=frozenset({"habits_alcohol"}),
    ),
    Persona("silent", "Answers the first check-in, and then never again", _course("numbness"), answers=False),
    Persona(
        "caregiver",
        "Her daughter answers with her; falls and trouble walking on day 33",
        _course("walking", (33, 1), (36, 0)),
        has_helper=True,
    ),
    Persona(
        "hospital",
        "Hard to breathe on day 24: 112, the hospital, home after a week",
        _course("breathing", (24, 1), (25, 0)),
        prompts=("at_hospital",),
        regimen="combination",
        staff_after=2,
    ),
    Persona(
        "russian",
        "In Russian: dizzy on getting up from day 12 to day 20",
        _course("dizzy", (12, 1), (20, 0)),
        language="ru",
        dislikes=frozenset({"habits_smoking"}),
    ),
    Persona(
        "spanish",
        "In Spanish: sees double on day 40 for three days",
        _course("eyes", (40, 1), (43, 0)),
        language="es",
        prompts=("not_yet", "reached"),
    ),
    Persona(
        "large-text",
        "Reads with large letters, looks around in the menus; stairs get harder on day 50",
        _course("stairs", (50, 1), (64, 0)),
        has_large_text=True,
        types={5: "/menu", 9: "/help", 13: "/privacy", 20: "/answers", 27: "hello", 34: "/tips", 60: "/answers"},
    ),
)
BY_NAME = {persona.name: persona for persona in PEOPLE}
