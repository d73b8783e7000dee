"""What Spanish and Russian patients read is as easy as the English: by each language's own index, and with no promise.

Spanish: Fernández-Huerta 1959 (206.84 - 60 syllables/word - 1.02 words/sentence; 80 and more is "easy", the sixth
grade). Russian: Flesch as adapted by Oborneva 2006 (206.835 - 60.1 syllables/word - 1.3 words/sentence). Russian words
have more syllables than any formula made for English allows for, so sentences decide there: 80 on a scale that is
moved by the difference of the languages' own averages (about 0.6 syllables a word) is 50.
"""

import html
import re

import pytest

from bot.content.texts import Texts

TEXTS = Texts.load(["es", "ru"])
FEWEST_WORDS = 8
FOR_STAFF = ("card.",)
EASY = {"es": 75.0, "ru": 45.0}
VOWELS = {"es": r"[aeiouáéíóúü]+", "ru": r"[аеёиоуыэюя]"}


def plain(text: str) -> str:
    return re.sub(r"\{[a-z_]+\}", "", html.unescape(re.sub(r"<[^>]+>", "", text)))


def sentences(text: str) -> list[list[str]]:
    parts = re.split(r"[.!?•:\n]+(?:\s|$)|\n", plain(text))
    return [words for part in parts if (words := re.findall(r"[^\W\d_]+", part))]


def ease(text: str, language: str) -> float:
    """The index of the language: higher is easier, 100 is very easy."""
    parts = sentences(text)
    words = [word.lower() for part in parts for word in part]
    syllables = sum(max(1, len(re.findall(VOWELS[language], word))) for word in words) / len(words)
    length = len(words) / len(parts)
    if language == "es":
        return 206.84 - 60 * syllables - 1.02 * length
    return 206.835 - 60.1 * syllables - 1.3 * length


KEYS = [(lang, key, form) for lang in ("es", "ru") for key in TEXTS.keys(lang) for form in TEXTS.forms(lang, key)]
LONG = [
    (lang, key, form)
    for lang, key, form in KEYS
    if not key.startswith(FOR_STAFF) and sum(map(len, sentences(form))) >= FEWEST_WORDS
]


def test_a_hard_sentence_is_seen_to_be_hard():
    hard_es = (
        "La polineuropatía desmielinizante inmunomediada requiere hospitalización y monitorización cardiorrespiratoria"
    )
    hard_ru = "Иммуноопосредованная демиелинизирующая полинейропатия требует незамедлительной госпитализации пациента"
    assert ease(hard_es, "es") < 0
    assert ease(hard_ru, "ru") < 0
    assert ease("Le duele el pie. No puede ir a pie a casa.", "es") > 90
    assert ease("Он не ест и не пьёт. Ему нужен врач.", "ru") > 90


@pytest.mark.parametrize("language", ["es", "ru"])
def test_the_language_as_a_whole_is_easy(language):
    found = [ease(form, lang) for lang, _, form in LONG if lang == language]
    assert sum(found) / len(found) >= EASY[language] + 5


@pytest.mark.parametrize(("language", "key", "text"), LONG, ids=[f"{lang}-{key}" for lang, key, _ in LONG])
def test_easy_to_read(language, key, text):
    longest = max(len(words) for words in sentences(text))
    assert longest <= 24, f"{language} {key}: a sentence of {longest} words"


DIAGNOSES = {
    "es": r"miasteni|guillain|encefalitis|meningitis|miositis|miocarditis|mielitis|polineuropat",
    "ru": r"миастени|гийен|энцефалит|менингит|миозит|миокардит|миелит|полинейропат",
}
PROMISES = {
    "es": r"está a salvo|no corre peligro|no tiene nada grave|todo está bien|no se preocupe",
    "ru": r"вы в безопасности|опасности нет|ничего серь[её]зного|вс[её] в порядке|не волнуйтесь|не беспокойтесь",
}


@pytest.mark.parametrize("language", ["es", "ru"])
def test_no_disease_is_named_and_no_safety_promised(language):
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
