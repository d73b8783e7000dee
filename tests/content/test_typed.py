"""Typed text: commands, and red flags in three languages and different spellings; nothing else matches."""

import pytest

from bot.content.faults import ContentError
from bot.content.review import unreviewed
from bot.content.typed import TypedWords, fold

LANGUAGES = ("en", "es", "ru")
WORDS = TypedWords.load(LANGUAGES)

RED_FLAGS = """
can't breathe | I cant breath | CANNOT BREATHE!!! | its hard to breathe | i have shortness of breath | chest pain | my chest hurts
choking on my food | I can’t swallow | can't walk today | I cannot stand up | he had a seizure | she is very confused | passed out
face drooping on the left | my speech is slurred | cant pee since morning | double vision | seeing double | i fell in the bath
no chest pain | stiff neck and fever | numb between my legs | my heart is racing | I think it is a stroke | paralysed
no puedo respirar | me cuesta respirar | me falta el aire | no puedo tragar | me atraganto | no puedo caminar | dolor en el pecho
me duele el pecho | DOLOR DE PECHO | tuve una convulsión | estoy confusa | veo doble | se me cae el párpado | me caí | me desmayé
no puedo orinar | rigidez de cuello | palpitaciones | hablo raro
не могу дышать | мне тяжело дышать | задыхаюсь | одышка | не могу глотать | поперхнулась | не могу ходить | боль в груди
болит в груди | двоится в глазах | опустилось веко | упал на кухне | судороги | потеряла сознание | не могу помочиться
парализовало | путаются мысли | сердце колотится | Ещё двоится | заплетается язык
"""
HARMLESS = """
hello | thanks | I am fine | how are you | what does this mean | see you tomorrow | good morning | call me | my name is Anna
I slept well | the weather is nice | tell the doctor | ok | 7 | yes please | when is my next visit
hola | gracias | estoy bien | buenos días | qué significa esto | hasta mañana | mi nombre es Ana | vale | he dormido bien
dígale al médico | cuándo es mi cita | sí por favor | buen tiempo hoy | me llamo Luis | nada más | todo igual
привет | спасибо | всё хорошо | доброе утро | что это значит | до завтра | меня зовут Анна | хорошо спала | скажите врачу
когда приём | да | хорошая погода | ничего нового | как дела | всё по-старому | понятно
"""


def phrases(text):
    return [phrase.strip() for line in text.strip().splitlines() for phrase in line.split("|")]


@pytest.mark.parametrize("phrase", phrases(RED_FLAGS))
def test_red_flag_phrase_is_recognized(phrase):
    assert WORDS.names_red_flag(phrase)
    assert WORDS.names_red_flag(f"Hello doctor, {phrase.upper()} since 5 am!")


@pytest.mark.parametrize("phrase", phrases(HARMLESS))
def test_harmless_phrase_is_no_red_flag(phrase):
    assert not WORDS.names_red_flag(phrase)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("help", "help"),
        (" Help! ", "help"),
        ("AYÚDAME", "help"),
        ("помощь", "help"),
        ("stop", "stop"),
        ("стоп", "stop"),
        ("menú", "menu"),
        ("I feel worse", "worse"),
        ("me siento peor", "worse"),
        ("мне хуже", "worse"),
        ("please help me with the tap", None),
        ("stopwatch", None),
        ("", None),
    ],
)
def test_command_must_be_the_entire_text(typed, command):
    assert WORDS.command(typed) == command


def test_unusual_text_is_handled():
    for text in ("\u202e\U0001f600" * 5000, "a" * 100_000, "\ud800", "́" * 9000):
        assert WORDS.command(text) is None
        assert not WORDS.names_red_flag(text)
    assert fold("Ça  va—bién?") == "ca va bien"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the list of typed words is missing"),
        ("red_flags: []", "'red_flags' is empty"),
        ("help: [help]", "'red_flags' is empty"),
        ("red_flags: [a]\nhepl: [b]", "'hepl' is not a known field"),
        ("red_flags: no", "must be followed by a list of phrases"),
        ("red_flags: ['...']", "must be followed by a list of phrases"),
        ("red_flags: [", "this is not valid YAML"),
    ],
)
def test_faulty_list_is_refused_with_reason(tmp_path, content, reason):
    (tmp_path / "en").mkdir()
    if content is not None:
        (tmp_path / "en" / "typed.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ContentError, match=reason):
        TypedWords.load(("en",), tmp_path)


def test_packaged_languages_are_not_signed_yet():
    assert unreviewed(LANGUAGES) == LANGUAGES


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        ("reviewed: true\nby: Dr A\non: 2026-01-02\n", True),
        ("reviewed: true\nby: ''\non: 2026-01-02\n", False),
        ("reviewed: true\n", False),
        ("reviewed: false\nby: Dr A\non: 2026-01-02\n", False),
        ("reviewed: yes\nby: Dr A\non: 2026-01-02\n", False),
        ("[", False),
    ],
)
def test_only_a_complete_signature_counts(tmp_path, content, signed):
    (tmp_path / "es").mkdir()
    (tmp_path / "es" / "review.yaml").write_text(content, encoding="utf-8")
    assert unreviewed(("es",), tmp_path) == (() if signed else ("es",))
