"""What `nervecheck protocol` prints beside faults: every path of a form, and how many alerts a protocol would raise."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from html import unescape
from re import compile as pattern
from typing import Any, NamedTuple

from bot.content.paths import Given, Path
from bot.content.texts import Texts, choice_key
from bot.core.protocol import SKIP, Answers, Protocol, Question, Tier, applicable
from bot.core.triage import Assessment, History, assess

_TAG = pattern(r"</?[a-z]+>")
CHECKINS_A_DAY = 0.4
"""About the standard plan's early phase, the densest one: three check-ins a week."""


# -- every path as text


def told(protocol: Protocol, form: str, found: Sequence[Path], texts: Texts, language: str) -> Iterator[str]:
    """Yield the form's questions with their answers once, then every path off the calm line with where it ends."""
    words = _Words(protocol, texts, language)
    yield f"# {form}: {len(protocol.forms[form].steps)} questions, {len(found)} paths"
    for step in protocol.forms[form].steps:
        question = protocol.questions[step.ask]
        yield f"\n[{question.id}] {words.text(step.text or f'question.{question.id}')}"
        yield from (f"    - {words.choice(question, choice.id)}" for choice in question.choices)
    yield f"\n## The calm line\n\n{words.chain(found[0].given)}\n    => {_end(found[0])}"
    yield "\n## Every way off it"
    for path in found[1:]:
        yield f"\n{words.chain(path.off)}\n    => {_end(path)}"


def _end(path: Path) -> str:
    why = ", ".join(path.found.concerns) or "nothing above ROUTINE"
    return f"{path.tier.name} ({why})" + ("" if path.found.complete else ", not complete: no all-clear")


class _Words:
    def __init__(self, protocol: Protocol, texts: Texts, language: str) -> None:
        self._protocol, self._texts, self._language = protocol, texts, language

    def text(self, key: str) -> str:
        return unescape(_TAG.sub("", self._texts.get(self._language, key)))

    def choice(self, question: Question, choice_id: str) -> str:
        if choice_id == SKIP:
            return "(skipped)"
        choice = question.choice(choice_id)
        return self.text(choice_key(question.id, choice_id, choice.text if choice is not None else None))

    def chain(self, given: Iterable[Given]) -> str:
        return "\n".join(f"  {question}: {self._answer(question, choices)}" for question, choices in given)

    def _answer(self, question: str, choices: tuple[str, ...]) -> str:
        return " + ".join(self.choice(self._protocol.questions[question], choice) for choice in choices)


# -- how many alerts


class Count(NamedTuple):
    """Check-ins judged, by tier and by rule above ROUTINE; of past ones also what was stored, and which differ."""

    checkins: int
    tiers: Counter[str]
    rules: Counter[str]
    stored: Counter[str]
    higher: int
    lower: int

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON takes it; numbers per 100 check-ins have one place."""
        return {
            "checkins": self.checkins,
            "per_100": {name: self.per_100(self.tiers[name]) for name in Tier.__members__},
            "rules_per_100": {rule: self.per_100(n) for rule, n in self.rules.most_common()},
            "stored_per_100": {name: self.per_100(n) for name, n in self.stored.items()},
            "higher_than_stored": self.higher,
            "lower_than_stored": self.lower,
        }

    def per_100(self, number: int) -> float:
        """Return a number as so many of 100 check-ins."""
        return round(100 * number / self.checkins, 1) if self.checkins else 0.0


def counted(judged: Iterable[tuple[Assessment, Tier | None]]) -> Count:
    """Count assessments, each with the tier that is stored for the same answers (None: there is none)."""
    tiers: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    higher = lower = 0
    for found, before in judged:
        tiers[found.tier.name] += 1
        rules.update(found.concerns)
        if before is not None:
            stored[before.name] += 1
            higher += found.tier > before
            lower += found.tier < before
    return Count(tiers.total(), tiers, rules, stored, higher, lower)


# -- made-up answers


def synthetic(protocol: Protocol, *, patients: int, days: int, seed: int) -> Iterator[tuple[Assessment, None]]:
    """Yield assessments of made-up patients: most are steady, some get worse, now and then one has an urgent sign.

    A model for comparing protocols with each other, and no forecast for a clinic.
    """
    for number in range(patients):
        chance = random.Random(f"{seed}:{number}")  # noqa: S311 - made-up patients, the same for the same seed
        yield from _life(protocol, chance, days)


def _life(protocol: Protocol, chance: random.Random, days: int) -> Iterator[tuple[Assessment, None]]:
    drift = chance.choice((0.0, 0.0, 0.0, 0.01, 0.03))
    level, previous, baseline = chance.choice((0, 0, 0, 1)), None, None
    day = date(2000, 1, 1)
    form = "baseline"
    for _ in range(max(1, int(days * CHECKINS_A_DAY))):
        level = min(4, max(0, level + (chance.random() < drift) - (chance.random() < drift / 3)))
        answers = _answers(protocol, form, level, chance)
        found = assess(answers, History(previous=previous, baseline=baseline), protocol, form=form, finished=True)
        yield found, None
        previous = {**(previous or {}), **answers}
        baseline = baseline or answers
        day += timedelta(days=1)
        form = "full" if day.day % 3 == 0 and "full" in protocol.forms else "quick"


def _answers(protocol: Protocol, form: str, level: int, chance: random.Random) -> Answers:
    """Answer a form as someone at that level of numbness (0-4) would, with one urgent sign in a few hundred."""
    answers: dict[str, tuple[str, ...]] = {}
    while True:
        step = next((s for s in applicable(protocol.forms[form], answers) if s.ask not in answers), None)
        if step is None:
            return answers
        answers[step.ask] = (_choice(protocol.questions[step.ask], level, chance),)


def _choice(question: Question, level: int, chance: random.Random) -> str:
    ids = [choice.id for choice in question.choices]
    if question.id in {"numbness", "interference"}:
        return ids[min(level, len(ids) - 1)]
    if chance.random() < 1 / 300:
        return chance.choice(ids)
    calm = next((i for i in ids if i in {"none", "no", "yes_known"}), ids[0])
    return calm if question.id != "known_before" else "yes_known"
