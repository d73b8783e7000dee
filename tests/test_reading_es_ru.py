"""Spanish and Russian patient texts are as easy as the English ones by each language's index, and promise nothing.

Spanish: Crawford 1984, years of primary school from sentences and syllables per 100 words. Russian: the Flesch-Kincaid
grade with the constants fitted to Russian texts by school year (I. Begtin's plainrussian: 0.318, 14.2, 30.5).
"""

import html
import re

import pytest

from bot.content.texts import Texts
from tests.every import for_every

TEXTS = Texts.load(["es", "ru"])
FEWEST_WORDS = 8
FOR_STAFF = ("card.", "helper.card.", "staff.", "console.")
GRADE = 6.0
VOWELS = {"es": r"[aeiouáéíóúü]+", "ru": r"[аеёиоуыэюя]"}


def plain(text: str) -> str:
    """Return the words as they are read: without markup; a phone number or name counts as one short word."""
    return re.sub(r"\{[a-z_]+\}", "on", html.unescape(re.sub(r"<[^>]+>", "", text)))


def sentences(text: str) -> list[list[str]]:
    parts = re.split(r"[.!?•:\n]+(?:\s|$)|\n", plain(text))
    return [words for part in parts if (words := re.findall(r"[^\W\d_]+", part))]


def grade(text: str, language: str) -> float:
    """Return the school year that a text requires, by the index of the language."""
    parts = sentences(text)
    words = [word.lower() for part in parts for word in part]
    syllables = sum(max(1, len(re.findall(VOWELS[language], word))) for word in words) / len(words)
    length = len(words) / len(parts)
    if language == "es":
        return -20.5 / length + 4.9 * syllables - 3.407
    return 0.318 * length + 14.2 * syllables - 30.5


KEYS = [(lang, key, form) for lang in ("es", "ru") for key in TEXTS.keys(lang) for form in TEXTS.forms(lang, key)]
LONG = [
    (lang, key, form)
    for lang, key, form in KEYS
    if not key.startswith(FOR_STAFF) and sum(map(len, sentences(form))) >= FEWEST_WORDS
]


@pytest.mark.parametrize(
    ("language", "text", "year"),
    [
        ("es", "Le duele el pie. No puede ir a pie a casa.", (-4, 3)),
        ("es", "La polineuropatía desmielinizante inmunomediada requiere una hospitalización inmediata", (12, 30)),
        ("ru", "Он не ест и не пьёт. Ему нужен врач.", (-20, 3)),
        ("ru", "Иммуноопосредованная демиелинизирующая полинейропатия требует госпитализации", (17, 90)),
    ],
)
def test_reading_index_separates_easy_from_hard_texts(language, text, year):
    least, most = year
    assert least < grade(text, language) < most


@for_every(LONG)
def test_texts_have_grade_6_at_most(language, key, text):
    found = grade(text, language)
    assert found <= GRADE, f"{language} {key} requires {found:.1f} years of school: {text!r}"


DIAGNOSES = {
    "es": r"miasteni|guillain|encefalitis|meningitis|miositis|miocarditis|mielitis|polineuropat",
    "ru": r"миастени|гийен|энцефалит|менингит|миозит|миокардит|миелит|полинейропат",
}
PROMISES = {
    "es": r"está a salvo|no corre peligro|no tiene nada grave|todo está bien|no se preocupe",
    "ru": r"вы в безопасности|опасности нет|ничего серь[её]зного|вс[её] в порядке|не волнуйтесь|не беспокойтесь",
}


@pytest.mark.parametrize("language", ["es", "ru"])
def test_texts_name_no_disease_and_promise_no_safety(language):
    for lang, key, form in KEYS:
        if lang == language and not key.startswith(FOR_STAFF):
            assert not re.search(DIAGNOSES[lang], form, re.IGNORECASE), key
            assert not re.search(PROMISES[lang], form, re.IGNORECASE), key


@pytest.mark.parametrize("language", ["es", "ru"])
def test_first_lines_are_safe_on_a_lock_screen(language):
    secret = {"es": r"cáncer|tumor|quimio|oncolog", "ru": r"рак\b|рака\b|опухол|химиотерап|онколог"}[language]
    for lang, key, form in KEYS:
        shown = key.startswith(("checkin.", "reminder.", "enrol.", "loopback.", "done.", "call.", "learn.", "care."))
        if lang == language and shown and key.count(".") and not key.startswith("call.emergency.say"):
            assert not re.search(secret, plain(form).split("\n")[0], re.IGNORECASE), key
