"""What answers mean, from the clinical page alone: the tier and step of each symptom. Knows nothing of the product."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

Answers = Mapping[str, Sequence[str]]


class Tier(IntEnum):
    ROUTINE = 0
    SOON = 1
    URGENT = 2
    EMERGENCY = 3


class Level(NamedTuple):
    """A higher tier is a higher level; within a tier the step counts. A sign: 0 gone, 1 there, 2 worse or not sure."""

    tier: Tier
    step: int


NONE = Level(Tier.ROUTINE, 0)


class Found(NamedTuple):
    """`is_named`: named after "yes" on a safety screen. `was_known`: None while the question for it is open."""

    level: Level
    is_named: bool = False
    was_known: bool | None = False


SCREENS = {"safety_now": Tier.EMERGENCY, "safety_new": Tier.URGENT}
NAMED_IN = {"safety_now": "which_now", "safety_new": "which_new"}
UNNAMED = "sign_not_named"
ALARMING = frozenset({"yes", "not_sure"})
OF_LIST = {"head": "head_pain"}
"""Symptoms whose name differs from their button's."""

AMOUNTS = ("none", "mild", "medium", "strong", "very_strong")
IN_THE_WAY = ("not_at_all", "a_little", "somewhat", "quite_a_bit", "very_much")
COMPOSITE = (
    (0, 0, 0, 0, 0),
    (1, 1, 1, 2, 2),
    (1, 1, 2, 2, 3),
    (1, 2, 2, 3, 3),
    (2, 2, 2, 3, 3),
)
TROUBLE = ("none", "some", "much", "cannot")
_S, _U, _E = Tier.SOON, Tier.URGENT, Tier.EMERGENCY
ITEMS = {
    "stairs": (_S, _U, _U),
    "buttons": (_S, _U, _U),
    "chair": (_S, _U, _E),
    "arms": (_U, _U, _E),
    "head": (_U, _U, _E),
    "floor": (_U, _U, _U),
}
KNOWN_BY = {
    "numbness": "known_before",
    "floor": "known_walking",
    "falls": "known_walking",
    **{item: f"known_{item}" for item in ("stairs", "chair", "buttons", "arms", "head")},
}
AMBERS = ("dizzy", "bowel", "full", "headache", "effort")
ONLY_STAFF = frozenset({"arms", "head"})
"""Whose "very hard" only staff accept."""
STILL = "still_"
"""Questions of the follow-up: whether a symptom is still there."""


def found_in(answers: Answers, form: str, *, is_closed: bool = True) -> dict[str, Found]:
    """Return what the answers say of each symptom, also that it isn't there. A skip says nothing.

    A sign is named once the form is closed: until then a tick may be removed.
    """
    if not is_closed:
        answers = {question: given for question, given in answers.items() if question not in NAMED_IN.values()}
    found: dict[str, Found] = {}
    for symptom, each in (said for part in _PARTS for said in part(answers)):
        found[symptom] = max(found.get(symptom, each), each, key=lambda f: f.level)  # the cautious answer wins
    if form == "baseline":
        return {symptom: _known(symptom, each, answers) for symptom, each in found.items()}
    return found


def _known(symptom: str, found: Found, answers: Answers) -> Found:
    question = KNOWN_BY.get(symptom)
    if question is None or found.level == NONE:
        return found
    if found.level.tier is Tier.EMERGENCY:
        return found
    if question not in answers:
        return found._replace(was_known=None)
    return found._replace(was_known="yes_known" in answers[question])


def _signs(answers: Answers) -> Iterator[tuple[str, Found]]:
    for screen, tier in SCREENS.items():
        if not ALARMING & set(answers.get(screen, ())):
            continue
        named = [choice for choice in answers.get(NAMED_IN[screen], ()) if choice not in {"not_sure", "skip"}]
        for choice in named:
            yield OF_LIST.get(choice, choice), Found(Level(tier, 1), is_named=True)
        if not named:
            yield f"{UNNAMED}:{screen}", Found(Level(tier, 1))


def _items(answers: Answers) -> Iterator[tuple[str, Found]]:
    for item, tiers in ITEMS.items():
        for choice in answers.get(item, ()):
            if choice in TROUBLE:
                step = TROUBLE.index(choice)
                yield item, Found(Level(tiers[step - 1], step) if step else NONE)
    for choice in answers.get("falls", ()):
        if choice != "skip":
            yield "falls", Found(Level(Tier.URGENT, 1) if choice in ALARMING else NONE)


def _numbness(answers: Answers) -> Iterator[tuple[str, Found]]:
    for choice in answers.get("numbness", ()):
        if choice in AMOUNTS:
            step = AMOUNTS.index(choice)
            yield "numbness", Found(Level(_tier_of_numbness(step, answers), step) if step else NONE)


def _tier_of_numbness(step: int, answers: Answers) -> Tier:
    in_the_way = [IN_THE_WAY.index(c) for c in answers.get("interference", ()) if c in IN_THE_WAY]
    is_composite = any(COMPOSITE[step][each] >= 3 for each in in_the_way)
    stops_care = bool(ALARMING & set(answers.get("selfcare", ())))
    return Tier.URGENT if step >= 3 or is_composite or stops_care else Tier.SOON


def _ambers(answers: Answers) -> Iterator[tuple[str, Found]]:
    given = answers.get("autonomic", ())
    if not given or "skip" in given:
        return
    for symptom in AMBERS:
        yield symptom, Found(Level(Tier.SOON, 1) if symptom in given else NONE)
    if "not_sure" in given:
        yield "autonomic_not_sure", Found(Level(Tier.SOON, 1))


def _still(answers: Answers) -> Iterator[tuple[str, Found]]:
    """Yield what the follow-up's questions about signs say."""
    tiers = {
        **{OF_LIST.get(c, c): Tier.EMERGENCY for c in EMERGENCY_SIGNS},
        **dict.fromkeys(URGENT_SIGNS, Tier.URGENT),
        **dict.fromkeys((*AMBERS, "autonomic_not_sure"), Tier.SOON),
    }
    for question, given in answers.items():
        symptom = question.removeprefix(STILL)
        if not question.startswith(STILL) or not given or "skip" in given or symptom not in tiers:
            continue
        word = given[0]
        step = 0 if "gone" in word else 2 if "worse" in word or "sure" in word else 1
        yield symptom, Found(Level(tiers[symptom], step) if step else NONE)


EMERGENCY_SIGNS = ("breathing", "swallow", "heart", "limbs", "mind", "sudden", "bladder", "back", "head")
URGENT_SIGNS = ("eyes", "fading", "face", "vision", "strength", "muscle_pain", "urine", "walking")
SIGNS = frozenset({OF_LIST.get(choice, choice) for choice in (*EMERGENCY_SIGNS, *URGENT_SIGNS)})
SCALES = frozenset({"numbness", *ITEMS})
WORSE = 2
"""The step of a sign that is worse, or not sure."""
_PARTS = (_still, _ambers, _numbness, _items, _signs)


def are_none(answers: Answers) -> bool:
    """Return whether both safety screens were answered "none"."""
    return all(tuple(answers.get(screen, ())) == ("none",) for screen in SCREENS)


def says_new(answers: Answers) -> bool:
    return bool(ALARMING & set(answers.get("change", ())))


def level_of(symptom: str, step: int) -> Level:
    """Return the level of a step of a symptom on its own."""
    if step == 0:
        return NONE
    if symptom == "numbness":
        return Level(_tier_of_numbness(step, {}), step)
    if symptom in ITEMS:
        return Level(ITEMS[symptom][step - 1], step)
    emergency = {OF_LIST.get(choice, choice) for choice in EMERGENCY_SIGNS}
    return Level(_E if symptom in emergency else _U if symptom in URGENT_SIGNS else _S, step)


def is_whole_baseline(form: str, state: str, answers: Answers) -> bool:
    """Return whether a baseline was finished and asked everything; one that an EMERGENCY stopped is offered again."""
    return form == "baseline" and state == "done" and {"numbness", *ITEMS} <= set(answers)
