"""Previews of a protocol for its authors: every path of a form as text, and how many alerts it would raise."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from html import unescape
from re import compile as pattern
from typing import Any, NamedTuple

from bot.content.paths import GivenAnswer, Path
from bot.content.texts import Texts, choice_key, sign_keys, step_keys, symptom_key
from bot.core.protocol import SKIP, Answers, Protocol, Question, Tier, applicable
from bot.core.triage import Assessment, History, assess

_TAG = pattern(r"</?[a-z]+>")
CHECKINS_PER_DAY = 0.4
"""Approximates the early phase of the standard plan, the densest one: three check-ins a week."""


# -- Paths as text


def describe_paths(protocol: Protocol, form: str, paths: Sequence[Path], texts: Texts, language: str) -> Iterator[str]:
    """Yield the form's questions with their choices, then the reference path, then every deviation with its result."""
    renderer = _Renderer(protocol, texts, language)
    yield f"# {form}: {len(protocol.forms[form].steps)} questions, {len(paths)} paths"
    for step in protocol.forms[form].steps:
        question = protocol.questions[step.ask]
        yield f"\n[{question.id}] {renderer.question(question, step.text)}"
        yield from (f"    {renderer.text(key)}" for key in (*sign_keys(question), *step_keys(step, question)[1:]))
        yield from (f"    - {renderer.choice(question, choice.id)}" for choice in question.choices)
    yield f"\n## Reference path (lowest tier)\n\n{renderer.answers(paths[0].answers)}\n    => {_result(paths[0])}"
    yield "\n## Deviations from it"
    for path in paths[1:]:
        yield f"\n{renderer.answers(path.deviations)}\n    => {_result(path)}"


def _result(path: Path) -> str:
    reasons = ", ".join(path.assessment.concerns) or "nothing above ROUTINE"
    return f"{path.tier.name} ({reasons})" + ("" if path.assessment.complete else ", incomplete: no all-clear")


class _Renderer:
    def __init__(self, protocol: Protocol, texts: Texts, language: str) -> None:
        self._protocol, self._texts, self._language = protocol, texts, language

    def text(self, key: str) -> str:
        return unescape(_TAG.sub("", self._texts.get(self._language, key)))

    def question(self, question: Question, key: str | None) -> str:
        text = self.text(key or f"question.{question.id}")
        return text.replace("{what}", self.text(symptom_key(question.follows))) if question.follows else text

    def choice(self, question: Question, choice_id: str) -> str:
        if choice_id == SKIP:
            return "(skipped)"
        choice = question.choice(choice_id)
        text = self.text(choice_key(question.id, choice_id, choice.text if choice is not None else None))
        return text.replace("{count}", str(len(question.signs.lines))) if question.signs is not None else text

    def answers(self, answers: Iterable[GivenAnswer]) -> str:
        return "\n".join(f"  {question}: {self._answer(question, choices)}" for question, choices in answers)

    def _answer(self, question: str, choices: tuple[str, ...]) -> str:
        return " + ".join(self.choice(self._protocol.questions[question], choice) for choice in choices)


# -- Number of alerts


class AlertCount(NamedTuple):
    """Assessed check-ins by tier, and by rule above ROUTINE.

    For past check-ins also the stored tiers, and how many new tiers are higher or lower than the stored one.
    """

    checkins: int
    tiers: Counter[str]
    rules: Counter[str]
    stored: Counter[str]
    higher: int
    lower: int

    def as_data(self) -> dict[str, Any]:
        """Return the counts for JSON output; rates per 100 check-ins have one decimal place."""
        return {
            "checkins": self.checkins,
            "per_100": {name: self.per_100(self.tiers[name]) for name in Tier.__members__},
            "rules_per_100": {rule: self.per_100(n) for rule, n in self.rules.most_common()},
            "stored_per_100": {name: self.per_100(n) for name, n in self.stored.items()},
            "higher_than_stored": self.higher,
            "lower_than_stored": self.lower,
        }

    def per_100(self, number: int) -> float:
        """Return a number of check-ins as a rate per 100."""
        return round(100 * number / self.checkins, 1) if self.checkins else 0.0


def count_alerts(assessments: Iterable[tuple[Assessment, Tier | None]]) -> AlertCount:
    """Count assessments, each given with the stored tier of the same answers (None if there is none)."""
    tiers: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    higher = lower = 0
    for assessment, stored_tier in assessments:
        tiers[assessment.tier.name] += 1
        rules.update(assessment.concerns)
        if stored_tier is not None:
            stored[stored_tier.name] += 1
            higher += assessment.tier > stored_tier
            lower += assessment.tier < stored_tier
    return AlertCount(tiers.total(), tiers, rules, stored, higher, lower)


# -- Synthetic answers


def synthetic_assessments(
    protocol: Protocol, *, patients: int, days: int, seed: int
) -> Iterator[tuple[Assessment, None]]:
    """Yield assessments of synthetic patients: most are stable, some get worse, a few have an urgent sign.

    The model serves to compare protocols with each other; it does not forecast the alerts of a clinic.
    """
    for number in range(patients):
        rng = random.Random(f"{seed}:{number}")  # noqa: S311 - reproducible synthetic patients
        yield from _course(protocol, rng, days)


def _course(protocol: Protocol, rng: random.Random, days: int) -> Iterator[tuple[Assessment, None]]:
    drift = rng.choice((0.0, 0.0, 0.0, 0.01, 0.03))
    level, previous, baseline = rng.choice((0, 0, 0, 1)), None, None
    day = date(2000, 1, 1)
    form = "baseline"
    for _ in range(max(1, int(days * CHECKINS_PER_DAY))):
        level = min(4, max(0, level + (rng.random() < drift) - (rng.random() < drift / 3)))
        answers = _answers(protocol, form, level, rng)
        assessment = assess(answers, History(previous=previous, baseline=baseline), protocol, form=form, finished=True)
        yield assessment, None
        previous = {**(previous or {}), **answers}
        baseline = baseline or answers
        day += timedelta(days=1)
        form = "full" if day.day % 3 == 0 and "full" in protocol.forms else "quick"


def _answers(protocol: Protocol, form: str, level: int, rng: random.Random) -> Answers:
    """Return the answers to a form at that level of numbness (0-4), with one urgent sign in about 300 answers."""
    answers: dict[str, tuple[str, ...]] = {}
    while True:
        step = next((s for s in applicable(protocol.forms[form], answers) if s.ask not in answers), None)
        if step is None:
            return answers
        answers[step.ask] = (_choice(protocol.questions[step.ask], level, rng),)


def _choice(question: Question, level: int, rng: random.Random) -> str:
    ids = [choice.id for choice in question.choices]
    if question.id in {"numbness", "interference"}:
        return ids[min(level, len(ids) - 1)]
    if rng.random() < 1 / 300:
        return rng.choice(ids)
    calm = next((i for i in ids if i in {"none", "no", "yes_known"}), ids[0])
    return calm if question.id != "known_before" else "yes_known"
