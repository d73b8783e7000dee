"""Adds what asks about a sign again by name: its question, its rules, and its step in each form. Checks nothing.

A form says where with `- {ask: still}`. A sign that the form asks about anyway, in a list for example, gets no step
there: it is asked once.
"""

from collections.abc import Iterable, Iterator, Mapping

from bot.content.reader import Source
from bot.core.findings import GONE, STILL_THERE, still
from bot.core.protocol import SKIP, Choice, Form, FormStep, Question, Rule, Symptom, Tier

STILL = "still"
"""The step of a form at which it asks about what was found earlier, one question for each sign."""


def add_follow_ups(source: Source) -> None:
    """Add the questions and rules of every sign, and the steps of each form, to a file that asks about signs again."""
    forms: list[tuple[int, Form]] = source.items("forms")
    if not any(step.ask == STILL for _, form in forms for step in form.steps):
        return
    about = signs(
        (symptom for _, symptom in source.items("symptoms")),
        {question.id: question for _, question in source.items("questions")},
    )
    source.add("questions", [question_of(symptom) for symptom in about])
    source.add("rules", [rule for symptom in about for rule in rules_of(symptom)])
    for n, form in forms:
        steps = [(k, each) for k, step in enumerate(form.steps) for each in _expanded(step, form, about)]
        source.replace_form(n, form.model_copy(update={"steps": tuple(s for _, s in steps)}), [k for k, _ in steps])


def signs(symptoms: Iterable[Symptom], questions: Mapping[str, Question]) -> tuple[Symptom, ...]:
    """Return the symptoms that are asked about again by name: signs of a list of several."""
    return tuple(s for s in symptoms if s.is_sign and _is_list(questions.get(s.question or "")))


def _is_list(question: Question | None) -> bool:
    return question is not None and question.kind == "several"


def question_of(symptom: Symptom) -> Question:
    """Return the question how a sign is now."""
    answers = (GONE, *STILL_THERE)
    choices = tuple(
        Choice(id=each, text="choice.not_sure" if each == "unsure" else f"choice.still.{each}") for each in answers
    )
    return Question(id=still(symptom.id), choices=choices, red_flag=True, on_skip="no_answer", follows=symptom.id)


def rules_of(symptom: Symptom) -> Iterator[Rule]:
    """Yield the rules of that question: while it is there, the sign has its tier."""
    asked, tier = still(symptom.id), max(symptom.levels.values(), default=Tier.SOON)
    yield Rule(id=asked, group=symptom.group, tier=tier, if_={asked: tuple(STILL_THERE)})
    yield Rule(id=f"{asked}.gone", group=symptom.group, tier=Tier.ROUTINE, if_={asked: (GONE, SKIP)})


def _expanded(step: FormStep, form: Form, about: Iterable[Symptom]) -> tuple[FormStep, ...]:
    """Return the steps for a step of the file: at `still`, one for each of these signs."""
    if step.ask != STILL:
        return (step,)
    always = {each.ask for each in form.steps if not each.when and not each.about}
    return tuple(
        FormStep(ask=still(symptom.id), about=(symptom.id,), text="question.still")
        for symptom in about
        if symptom.question not in always
    )
