"""Patient texts: grade 6 at most, no name of a disease, no promise of safety, nothing revealing on a lock screen.

Flesch-Kincaid needs syllables. The package's own dictionary is fetched from the network, so they are counted here: as
hyphenation splits a word (pyphen, which comes with textstat), and at least as the groups of vowels one hears.
"""

import html
import re
from statistics import mean

import pyphen
import pytest

from bot.content.texts import Texts
from tests.every import for_every

TEXTS = Texts.load(["en"])
GRADE = 6.0
FEWEST_WORDS = 8
_SPLIT = pyphen.Pyphen(lang="en_US")

# Texts for staff, not patients: the card is shown to an emergency team. Console labels are in another catalog.
FOR_STAFF = ("card.", "helper.card.", "staff.", "console.")


def syllables(word: str) -> int:
    word = word.lower()
    heard = re.sub(r"(?:[^l]e|[^td]ed|[^aeiouy]es)$", "", word) if len(word) > 3 else word
    return max(1, len(_SPLIT.positions(word)) + 1, len(re.findall(r"[aeiouy]+", heard)))


def plain(text: str) -> str:
    """Return the words as they are read: without markup; a phone number or name counts as one short word."""
    return re.sub(r"\{[a-z_]+\}", "it", html.unescape(re.sub(r"<[^>]+>", "", text)))


def sentences(text: str) -> list[list[str]]:
    parts = re.split(r"[.!?•\n]+(?:\s|$)|\n", plain(text))
    return [words for part in parts if (words := re.findall(r"[A-Za-z][A-Za-z'’-]*", part))]


def grade(text: str) -> float:
    """Return the Flesch-Kincaid grade of a text."""
    parts = sentences(text)
    words = [word for part in parts for word in part]
    return 0.39 * len(words) / len(parts) + 11.8 * mean(map(syllables, words)) - 15.59


PATIENT_KEYS = [k for k in TEXTS.keys() if not k.startswith(FOR_STAFF)]  # noqa: SIM118
FORMS = [(key, form) for key in PATIENT_KEYS for form in TEXTS.forms("en", key)]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("breathe", 1),
        ("headache", 2),
        ("immunotherapy", 6),
        ("numb", 1),
        ("tingling", 2),
        ("confusion", 3),
        ("little", 2),
        ("raised", 1),
        ("needed", 2),
    ],
)
def test_syllables_are_counted_as_pronounced(word, count):
    assert abs(syllables(word) - count) <= (1 if count > 3 else 0)


def test_hard_sentence_has_a_high_grade():
    assert (
        grade("Immune checkpoint inhibitors may precipitate a demyelinating polyneuropathy requiring hospitalisation.")
        > 12
    )
    assert grade("Do you have any of these right now? Tap each one, then Done.") < 4


@for_every(FORMS)
def test_texts_have_grade_6_at_most(key, text):
    if sum(map(len, sentences(text))) >= FEWEST_WORDS:
        assert grade(text) <= GRADE, f"{key}: grade {grade(text):.1f}"


DIAGNOSES = (
    r"neuropath|myasthen|guillain|barr[ée]|mening|encephal|myosit|myocard|myelit|stroke|paraly|autoimmun|inflamm"
)
PROMISES = (
    r"\bsafe\b|\bfine\b|nothing to worry|don't worry|do not worry|harmless|all good|all clear|no danger|no problem"
)


@for_every(FORMS)
def test_texts_have_no_diagnosis_and_no_promise(key, text):
    assert not re.search(DIAGNOSES, text, re.IGNORECASE), key
    assert not re.search(PROMISES, text, re.IGNORECASE), key


@for_every(FORMS)
def test_first_lines_are_safe_on_a_lock_screen(key, text):
    first = plain(text).strip().partition("\n")[0]
    if key.removeprefix("helper.") != "call.emergency.say":  # never a first line: it is shown below "Call 112 now."
        assert not re.search(r"cancer|tumou?r|chemo|oncolog", first, re.IGNORECASE), key


@pytest.mark.parametrize("language", ["es", "ru"])
def test_other_languages_have_no_diagnosis_and_no_promise(language):
    words = {
        "es": r"neuropat|miasten|guillain|mening|encefal|miosit|miocard|ictus|a salvo|no se preocupe|está bien|sin peligro",
        "ru": r"нейропат|невропат|миастен|гийен|менинг|энцефал|миозит|миокард|инсульт|не волнуйтесь|безопасно|всё в порядке",
    }[language]
    texts = Texts.load([language])
    for key in texts.keys(language):
        if key == "card.doctor":
            continue  # for the emergency department, which has to think of them
        for text in texts.forms(language, key):
            assert not re.search(words, text, re.IGNORECASE), (key, text)
