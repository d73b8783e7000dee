"""Typed text: commands, signs and despair in three languages and different spellings; nothing else matches."""

from pathlib import Path
from time import process_time

import pytest

from bot.content.faults import ContentError
from bot.content.loader import load_protocol
from bot.content.review import unreviewed
from bot.content.typed import TypedWords, fold
from bot.content.typed_lists import SIGNS

PHRASES = Path(__file__).parent / "phrases"
CASES = Path(__file__).parents[3] / "shared" / "cases" / "phrases"
LANGUAGES = ("en", "es", "ru")
WORDS = TypedWords.load(LANGUAGES)

RED_FLAGS = """
can't breathe | I cant breath | CANNOT BREATHE!!! | its hard to breathe | i have shortness of breath | chest pain | my chest hurts
choking on my food | I can’t swallow | can't walk today | I cannot stand up | he had a seizure | she is very confused | passed out
face drooping on the left | my speech is slurred | cant pee since morning | double vision | seeing double | i fell in the bath
stiff neck and fever | numb between my legs | my heart is racing | I think it is a stroke | paralysed
no puedo respirar | me cuesta respirar | me falta el aire | no puedo tragar | me atraganto | no puedo caminar | dolor en el pecho
me duele el pecho | DOLOR DE PECHO | tuve una convulsión | estoy confusa | veo doble | se me cae el párpado | me caí | me desmayé
no puedo orinar | rigidez de cuello | palpitaciones | hablo raro
не могу дышать | мне тяжело дышать | задыхаюсь | одышка | не могу глотать | поперхнулась | не могу ходить | боль в груди
болит в груди | двоится в глазах | опустилось веко | упал на кухне | судороги | потеряла сознание | не могу помочиться
парализовало | путаются мысли | сердце колотится | Ещё двоится | заплетается язык
"""
HARMLESS = """
hello | no chest pain | thanks | I am fine | how are you | what does this mean | see you tomorrow | good morning | call me | my name is Anna
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
    assert WORDS.recognize(phrase).found == "sign"
    assert WORDS.recognize(f"Hello doctor, {phrase.upper()} since 5 am!").found == "sign"


@pytest.mark.parametrize("phrase", phrases(HARMLESS))
def test_harmless_phrase_is_no_red_flag(phrase):
    assert WORDS.recognize(phrase).found in {"other", "command"}


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("help", "help"),
        (" Help! ", "help"),
        ("AYUDA", "help"),
        ("помощь", "help"),
        ("stop", "stop"),
        ("стоп", "stop"),
        ("menú", "menu"),
        ("My data", "export"),
        ("удалить все", "delete"),
        ("Borrar todo", "delete"),
        ("delete my answers please", None),
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
    assert (WORDS.recognize(typed).found == "command") == (command is not None)


@pytest.mark.parametrize("typed", ["help me", "I need help now", "AYÚDAME", "necesito ayuda", "помогите!", "SOS", "🆘"])
def test_plea_is_a_sign_and_no_command(typed):
    assert WORDS.recognize(typed)[:2] == ("sign", ("help",))
    assert WORDS.command(typed) is None


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("больше не могу", "despair"),
        ("больше не могу ходить", "sign"),
        ("ya no aguanto más", "despair"),
        ("ya no aguanto más el dolor de pecho", "sign"),
        ("I can't go on", "despair"),
        ("hurt myself when I fell", "sign"),
        ("I want to hurt myself", "despair"),
    ],
)
def test_giving_up_is_despair_only_if_no_sign_is_named(typed, found):
    assert WORDS.recognize(typed).found == found


def lines(kind, language):
    collected = PHRASES / f"{language}-{kind}.txt"
    if not collected.is_file():
        pytest.skip(f"nobody has collected phrases in this language yet: {collected.name}")
    return collected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyday_words_for_signs_are_recognized(language):
    missed = [line for line in lines("sign", language) if WORDS.recognize(line).found not in {"sign", "despair"}]
    assert not missed


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyday_words_without_a_sign_are_left_alone(language):
    found = [line for line in lines("other", language) if WORDS.recognize(line).found in {"sign", "despair"}]
    assert not found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("u menya dvoitsya v glazah", "sign"),
        ("POTERYAL SOZNANIE", "sign"),
        ("onemeli ruki i nogi, ne mogu vstat", "sign"),
        ("hochu chtoby vsyo zakonchilos", "despair"),
        ("privet, kak dela?", "other"),
        ("grud ne bolit", "other"),
        ("kogda sleduyushchiy priyom", "other"),
    ],
)
def test_russian_in_latin_letters_is_read_as_russian(typed, found):
    assert WORDS.recognize(typed).found == found
    without = TypedWords.load(["en", "es"]).recognize(typed).found
    assert without == "other", "nobody in that clinic writes Russian"


@pytest.mark.parametrize(
    "typed",
    [
        *("I might take the whole bottle of pills", "my kids would be happier without me", "life is not worth living"),
        *(
            "me tomaría todas las pastillas si quiero",
            "mis hijos estarían mejor sin mí",
            "nadie me echaría de menos si muero",
        ),
        *("съем всю пачку таблеток", "детям будет легче без меня", "скорее бы это закончилось"),
    ],
)
def test_words_about_pills_or_of_being_a_burden_are_despair(typed):
    assert WORDS.recognize(typed).found == "despair"


@pytest.mark.parametrize(
    "typed",
    [
        "I am thinking about ending the treatment",
        "do I take all my pills with food?",
        "tomo todas las pastillas con agua",
    ],
)
def test_plain_questions_about_pills_or_treatment_are_no_despair(typed):
    assert WORDS.recognize(typed).found != "despair"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not next to this checkout")
@pytest.mark.parametrize("language", LANGUAGES)
def test_cases_are_recognized_in_19_of_20(language):
    words = TypedWords.load(dict.fromkeys(("en", language)))
    for name, kinds in (("safety", {"sign", "despair"}), ("other", {"command", "other"})):
        typed = (CASES / f"{language}-{name}.txt").read_text(encoding="utf-8").splitlines()
        wrong = [line for line in typed if words.recognize(line).found not in kinds]
        assert len(wrong) * 20 <= len(typed), wrong


@pytest.mark.parametrize(
    "typed",
    """
    I want to die | i dont want to live any more | better off dead | thinking of suicide | I will kill myself
    no quiero vivir | quiero morirme | me voy a matar | no aguanto más esta vida | estaría mejor muerto
    не хочу жить | хочу умереть | лучше бы я умерла | покончу с собой | жить незачем
    """.replace("\n", "|").split("|"),
)
def test_words_of_despair_are_told_from_signs(typed):
    if typed.strip():
        assert WORDS.recognize(typed).found == "despair"


@pytest.mark.parametrize(
    "typed", ["I am dying to see you", "I want to live", "me muero de risa", "quiero vivir", "хочу жить"]
)
def test_everyday_words_are_no_despair(typed):
    assert WORDS.recognize(typed).found != "despair"


def test_despair_with_a_sign_names_both():
    recognized = WORDS.recognize("I can't breathe and I want to die")
    assert recognized.found == "despair"
    assert recognized.signs == ("breathing",)
    assert len(recognized.matched) == 2


@pytest.mark.parametrize(
    ("typed", "sign"),
    [
        ("the breath that I take is very short", "breathing"),
        ("short is my breath", "breathing"),
        ("cant realy get my braeth", "breathing"),
        ("having a siezure", "mind"),
        ("swalowing is hard", "swallow"),
        ("estoy ahogandome", "breathing"),
        ("no puedo levantarme de la cama", "limbs"),
        ("tengo miedo de caerme, me caigo mucho", "walking"),
        ("она задыхается", "breathing"),
        ("задыхаюсь", "breathing"),
        ("глаза закрываются, веко опускается", "eyes"),
        ("сердце колотитсья", "heart"),
        ("call 911", "help"),
        ("112", "help"),
        ("103!!!", "help"),
        ("🚑 please", "help"),
    ],
)
def test_sign_is_found_in_any_order_and_spelling(typed, sign):
    assert sign in WORDS.recognize(typed).signs


@pytest.mark.parametrize("typed", ["blood sugar is 112", "the bus 911 was late"])
def test_number_in_a_sentence_is_no_sign(typed):
    assert WORDS.recognize(typed).found == "other"


@pytest.mark.parametrize(("between", "found"), [(0, "sign"), (4, "sign"), (5, "other")])
def test_parts_of_a_line_are_at_most_six_words_apart(tmp_path, between, found):
    (tmp_path / "en").mkdir()
    lists = "skip: [the]\nsigns: {heart: [chest + pain]}\n"
    (tmp_path / "en" / "typed.yaml").write_text(lists, encoding="utf-8")
    words = TypedWords.load(("en",), tmp_path)
    for first, last in (("chest", "pain"), ("pain", "chest")):
        assert words.recognize(f"{first} {'word the ' * between}{last}").found == found


def test_one_word_is_only_one_part_of_a_line(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "typed.yaml").write_text("signs: {heart: [pain* + pain/ache]}", encoding="utf-8")
    words = TypedWords.load(("en",), tmp_path)
    assert words.recognize("pain").found == "other"
    assert words.recognize("pain pain").found == "sign"


def test_emergency_number_of_the_settings_counts():
    assert WORDS.recognize("1669").found == "other"
    assert TypedWords.load(("en",), numbers=("1669",)).recognize("1669 please").found == "sign"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("no chest pain", "other"),
        ("no fever or chest pain", "other"),
        ("no tengo dolor de pecho ni de cabeza", "other"),
        ("боли в груди нет", "other"),
        ("my breathing", "sign"),
        ("my breathing is fine", "other"),
        ("swallowing was no trouble", "other"),
        ("no tengo dificultad para tragar", "other"),
        ("I walk without trouble", "other"),
        ("no, chest pain", "sign"),
        ("no chest pain but I can't breathe", "sign"),
        ("no no puedo respirar", "sign"),
        ("боли в груди, нет сил", "sign"),
        ("не могу дышать", "sign"),
        ("my friend had a stroke last year", "other"),
        ("my friend had a stroke last year and now I can't breathe", "sign"),
        ("my friend can't breathe", "sign"),
        ("mi marido esta confuso", "sign"),
        ("my mother had a seizure", "sign"),
        ("my mother had a seizure years ago", "other"),
        ("my wife got chest pain from running", "sign"),
        ("my daughter got chest pain from running", "other"),
        ("since my son died last year no reason to live", "despair"),
    ],
)
def test_denied_signs_and_those_of_others_are_left_alone(typed, found):
    assert WORDS.recognize(typed).found == found


def test_a_text_that_denies_a_sign_endlessly_is_asked_about():
    assert WORDS.recognize("no chest pain, " * 30).found == "sign"


def test_unusual_text_is_handled():
    for text in ("\u202e\U0001f600" * 5000, "a" * 100_000, "\ud800", "́" * 9000):
        assert WORDS.command(text) is None
        assert WORDS.recognize(text).found == "other"
    assert fold("Ça  va—bién?") == "ca va bien"


@pytest.mark.parametrize(
    "words", ["no chest pain or ", "leg arm weak pain ", "breatf chesst ", "my friend last year no ", "a "]
)
def test_long_text_takes_time_in_proportion(words):
    def seconds(text):
        best = float("inf")
        for _ in range(5):
            started = process_time()
            WORDS.recognize(text)
            best = min(best, process_time() - started)
        return best

    repeated = words * 400
    assert seconds(repeated[:4096]) < 16 * seconds(repeated[:1024]) + 0.005


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the list of typed words is missing"),
        ("signs: {}", "'signs' is empty"),
        ("help: [help]", "'signs' is empty"),
        ("signs: {heart: []}", "'heart' is empty"),
        ("signs: {heart: [angina]}\nhepl: [b]", "'hepl' is not a known field"),
        ("signs: no", "'signs' must hold names"),
        ("signs: {heart: no}", "'heart' must be followed by a list of phrases"),
        ("signs: {heart: ['...']}", "'heart' must be followed by a list of phrases"),
        ("signs: {haert: [angina]}", "1: 'haert' is not a known sign"),
        ("signs: {heart: [angina]}\nmentions: {haert: [pulse]}", "2: 'haert' is not a known sign"),
        ("mentions: {heart: [pulse]}", "'signs' is empty"),
        ("signs:\n  heart:\n    - an* + pain", r"3: the stem 'an\*' in"),
        ("signs: {heart: [chest + PAIN]}", "'PAIN' in .* is not a group"),
        ("signs: {heart: [chest + ]}", "is no word"),
        ("signs: {heart: [my_chest]}\nskip: [my]", "is never found: 'my' is in `skip`"),
        ("signs: {heart: [angina]}\ngroups: {Pain: [ache]}", "must be written in capitals"),
        ("signs: {heart: [angina]}\ndespair: []", "'despair' is empty"),
        ("signs: [", "this is not valid YAML"),
    ],
)
def test_faulty_list_is_refused_with_reason(tmp_path, content, reason):
    (tmp_path / "en").mkdir()
    if content is not None:
        (tmp_path / "en" / "typed.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ContentError, match=reason):
        TypedWords.load(("en",), tmp_path)


def test_faulty_list_names_every_fault_at_once(tmp_path):
    (tmp_path / "en").mkdir()
    faulty = "signs:\n  haert: [angina]\n  mind: []\n  heart: [an* + pain, chest + PAIN]\n"
    (tmp_path / "en" / "typed.yaml").write_text(faulty, encoding="utf-8")
    with pytest.raises(ContentError) as error:
        TypedWords.load(("en",), tmp_path)
    assert [fault.line for fault in error.value.faults] == [2, 3, 4, 4]


def test_every_sign_is_a_symptom_of_the_protocol():
    assert set(SIGNS) <= set(load_protocol().symptoms)


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
