"""The catalogs: language, plurals, placeholders, missing red-flag strings, and markup that Telegram accepts."""

import html
from pathlib import Path

import pytest

from bot.content.faults import ContentError
from bot.content.loader import load_protocol
from bot.content.texts import Texts, markup_problems, needed_keys, red_flag_keys, sign_keys
from bot.core.protocol import SignLine, SignList
from tests.content.former import protocol_2

PROTOCOL = load_protocol()
BEFORE = protocol_2()
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {}\\n"\n\n'
TWO = "nplurals=2; plural=(n != 1);"
THREE = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"

NAMES = '\nmsgid "language.en"\nmsgstr "English"\n\nmsgid "language.ru"\nmsgstr "Русский"\n'

EN = (
    HEADER.format(TWO)
    + (
        'msgid "hello"\nmsgstr "Hello {name}"\n\n'
        'msgid "call.now"\nmsgstr "Call <b>{number}</b>"\n\n'
        'msgid "taps"\nmsgid_plural "taps"\nmsgstr[0] "{n} tap"\nmsgstr[1] "{n} taps"\n'
    )
    + NAMES
)
RU = (
    HEADER.format(THREE)
    + (
        'msgid "hello"\nmsgstr "Привет, {name}"\n\n'
        'msgid "call.now"\nmsgstr "Звоните <b>{number}</b>"\n\n'
        'msgid "taps"\nmsgid_plural "taps"\nmsgstr[0] "{n} раз"\nmsgstr[1] "{n} раза"\nmsgstr[2] "{n} разов"\n'
    )
    + NAMES
)


def folder_of(tmp_path: Path, **catalogs: str) -> Path:
    for language, content in catalogs.items():
        (tmp_path / language).mkdir()
        (tmp_path / language / "chat.po").write_text(content, encoding="utf-8")
    return tmp_path


def faults(tmp_path: Path, **catalogs: str) -> list[str]:
    none = PROTOCOL.model_copy(
        update={"questions": {}, "forms": {}, "tips": (), "topics": (), "rules": (), "symptoms": {}}
    )
    return [str(f) for f in Texts.load(catalogs, folder_of(tmp_path, **catalogs)).faults(none)]


@pytest.fixture
def texts(tmp_path):
    return Texts.load(["ru"], folder_of(tmp_path, en=EN, ru=RU))


def test_get_returns_the_string_of_the_language(texts):
    assert texts.languages == ("en", "ru")
    assert texts.get("ru", "hello", {"name": "P-1"}) == "Привет, P-1"
    assert texts.get("en", "hello", {"name": "P-1"}) == "Hello P-1"
    assert texts.keys() == ("hello", "call.now", "taps", "language.en", "language.ru")
    assert texts.forms("ru", "taps") == ("{n} раз", "{n} раза", "{n} разов")
    assert texts.forms("ru", "other") == ()


def test_plurals_follow_the_rule_of_the_language(texts):
    assert [texts.get("en", "taps", {"n": n}) for n in (1, 2, 5)] == ["1 tap", "2 taps", "5 taps"]
    assert [texts.get("ru", "taps", {"n": n}) for n in (1, 2, 5, 21)] == ["1 раз", "2 раза", "5 разов", "21 раз"]
    assert texts.get("en", "taps", {"n": "many"}) == "many taps"


def test_get_escapes_string_values_but_not_numbers(texts):
    assert texts.get("en", "hello", {"name": "<b>"}, escape=html.escape) == "Hello &lt;b&gt;"
    assert texts.get("en", "hello", {"name": "<b>"}) == "Hello <b>"
    assert texts.get("en", "hello", {"name": 7}, escape=html.escape) == "Hello 7"


def test_get_tolerates_missing_values_keys_and_languages(texts):
    assert texts.get("en", "hello") == "Hello {name}"
    assert texts.get("en", "never.written") == "never.written"
    assert texts.get("fr", "hello", {"name": "P-1"}) == "Hello P-1"


@pytest.mark.parametrize(
    "catalog",
    [
        RU.replace('"Привет, {name}"', '""'),
        RU.replace('msgid "hello"', '#, fuzzy\nmsgid "hello"'),
        RU.replace('msgid "hello"\nmsgstr "Привет, {name}"\n\n', ""),
    ],
    ids=["empty", "fuzzy", "missing"],
)
def test_get_falls_back_to_english_without_fault(tmp_path, catalog):
    texts = Texts.load(["ru"], folder_of(tmp_path, en=EN, ru=catalog))
    assert texts.get("ru", "hello", {"name": "P-1"}) == "Hello P-1"
    assert not texts.has("ru", "hello")
    none = PROTOCOL.model_copy(
        update={"questions": {}, "forms": {}, "tips": (), "topics": (), "rules": (), "symptoms": {}}
    )
    assert texts.faults(none) == []


@pytest.mark.parametrize(
    ("english", "russian", "reason"),
    [
        (
            EN,
            RU.replace('"Звоните <b>{number}</b>"', '""'),
            "ru/chat.po:9: the red-flag string 'call.now' is missing in 'ru'",
        ),
        (EN, RU.replace('msgid "call.now"', '#, fuzzy\nmsgid "call.now"'), "the red-flag string 'call.now' is fuzzy"),
        (
            EN,
            RU.replace('msgid "call.now"', 'msgid "call.then"'),
            "ru/chat.po:1: the red-flag string 'call.now' is missing",
        ),
        (EN, RU.replace('msgid "call.now"', 'msgid "call.then"'), "'call.then' is not a key of the English catalog"),
        (EN, RU.replace("{number}", "{nummer}"), "'call.now' has the placeholders nummer, but in English number"),
        (EN, RU.replace("<b>{number}</b>", "<b>{number}"), "'call.now': <b> is not closed: Telegram would refuse"),
        (EN.replace('"Hello {name}"', '""'), RU, "en/chat.po:6: 'hello' has no English string"),
        (EN.replace('msgid "hello"', '#, fuzzy\nmsgid "hello"'), RU, "'hello' has no English string"),
        (EN, RU.replace('"Русский"', '""'), "'language.ru' is missing in 'ru'"),
        (EN.replace('msgid "language.ru"', 'msgid "tongue.ru"'), RU, "'language.ru' is missing in 'en'"),
        (EN.replace("call.now", "calm.now"), RU, "en/chat.po:1: the texts of the call screens are missing"),
    ],
)
def test_catalog_fault_is_reported(tmp_path, english, russian, reason):
    assert any(reason in f for f in faults(tmp_path, en=english, ru=russian))


def test_valid_catalogs_have_no_faults(tmp_path):
    assert faults(tmp_path, en=EN, ru=RU) == []


@pytest.mark.parametrize(
    ("catalogs", "reason"),
    [
        ({"en": EN}, "ru/clinical.po:1: this language has no catalog"),
        ({"en": EN, "ru": "msgid broken\n"}, "ru/chat.po:.*can't be read"),
        ({"en": EN, "ru": RU.replace("nplurals=3", "nplurals=x")}, "can't be read|has no catalog"),
    ],
)
def test_missing_or_unreadable_catalog_is_refused(tmp_path, catalogs, reason):
    with pytest.raises(ContentError, match=reason):
        Texts.load(["ru"], folder_of(tmp_path, **catalogs))


def test_key_in_two_catalogs_is_refused(tmp_path):
    folder = folder_of(tmp_path, en=EN)
    (folder / "en" / "clinical.po").write_text(EN)
    with pytest.raises(ContentError, match="'hello' is in two catalogs"):
        Texts.load([], folder)


@pytest.mark.parametrize("good", ["plain", "<b>bold</b> and <i>it</i>", "a &lt; b &amp; c", "43 °C"])
def test_markup_accepted_by_telegram_has_no_problems(good):
    assert markup_problems(good) == ()


@pytest.mark.parametrize(
    "bad", ["<b>open", "closed</b>", "<b><i>x</b></i>", "<blink>x</blink>", '<b class="x">y</b>', "a & b", "1 < 2"]
)
def test_markup_refused_by_telegram_has_problems(bad):
    assert markup_problems(bad)


# --- The packaged texts ---------------------------------------------------------------------------------

LANGUAGES = ("en", "es", "ru")
PACKAGED = Texts.load(LANGUAGES)


def test_packaged_texts_have_no_faults():
    assert [str(f) for f in PACKAGED.faults(PROTOCOL)] == []
    assert [str(f) for f in Texts.load(["en"]).faults(PROTOCOL)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_packaged_protocol_is_complete_in_language(language):
    assert [key for key in needed_keys(PROTOCOL) if not PACKAGED.has(language, key)] == []


def test_packaged_clinical_strings_are_all_used():
    shown = {*needed_keys(PROTOCOL), *needed_keys(BEFORE)}
    starts = ("question.", "sign.", "fold.", "choice.", "short.", "tip.", "learn.", "symptom.")
    written = {k for k in PACKAGED.keys() if k.startswith(starts)}  # noqa: SIM118
    # What an older protocol found, and this one doesn't know, has a name too.
    assert written == shown | {"symptom.unknown"}


def test_protocol_2_still_has_all_its_texts():
    assert BEFORE.version == "2.0"
    assert [str(f) for f in PACKAGED.faults(BEFORE)] == []
    for language in LANGUAGES:
        assert [key for key in needed_keys(BEFORE) if not PACKAGED.has(language, key)] == []


def test_red_flag_keys_cover_questions_that_can_give_urgent():
    keys = red_flag_keys(PROTOCOL)
    asked = {k for k in keys if k.startswith("question.")}
    assert {"question.signs_now", "question.signs_now.first", "question.which_new", "question.selfcare"} <= asked
    assert {"question.numbness", "question.numbness.first", "question.interference"} <= asked  # severe is URGENT
    assert not any("known_before" in k or "question.change" in k or k.startswith("tip.") for k in keys)
    assert {"choice.none_of_signs", "choice.not_sure", "choice.numbness.very_strong"} <= set(keys)
    assert {"sign.safety_now.breathing", "fold.safety_now", "sign.safety_new.eyes", "fold.safety_new"} <= set(keys)


CLINICAL_SIGNS = {
    "safety_now": [
        *["breathe", "at rest", "flat", "swallow", "choking", "spit", "slurred", "nasal"],
        *["stand", "walk", "lift arms, head", "hours or days", "confused", "odd behavior", "seizure", "hard to wake"],
        *["headache", "stiff neck", "fever", "light", "urine", "stool", "between the legs"],
        *["new back pain", "weak or numb legs", "band around chest or belly"],
        *["Chest pain", "faint", "racing", "uneven", "sudden", "weak side", "drooping", "speech", "sight"],
    ],
    "safety_new": [
        *["double", "eyelid", "face", "stairs", "chair", "grip", "buttons", "muscle pain", "dark urine"],
        *["walking", "a fall", "feel the floor", "blurred", "fading sight"],
        *["jaw gets weak while you chew", "voice fades while you talk", "hard to hold up", "weaker as you go on"],
    ],
}
SCREENS = {q.id: q for q in PROTOCOL.questions.values() if q.signs is not None}


def screen_of(question: str, language: str = "en") -> str:
    """Return the signs of a safety screen, with their rarer forms, in lower case."""
    return "\n".join(PACKAGED.get(language, key) for key in sign_keys(SCREENS[question])).lower()


@pytest.mark.parametrize(("screen", "sign"), [(k, s) for k, signs in CLINICAL_SIGNS.items() for s in signs])
def test_sign_is_on_the_screen(screen, sign):
    assert sign.lower() in screen_of(screen)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_safety_screen_has_at_most_8_lines_of_34_characters(language, screen):
    lines = [PACKAGED.get(language, key) for key in sign_keys(SCREENS[screen])[:-1]]
    assert len(lines) <= 8
    assert [line for line in lines if len(f"• {line}") > 34] == []


def test_breathing_and_swallowing_are_nearest_the_buttons():
    assert [line.id for line in SCREENS["safety_now"].signs.lines][-2:] == ["swallow", "breathing"]


def test_none_is_at_another_height_on_the_second_screen():
    first, second = ([c.id for c in SCREENS[q].choices] for q in ("safety_now", "safety_new"))
    assert len(first) == len(second)
    assert first.index("none") != second.index("none")


@pytest.mark.parametrize(("length", "fits"), [(32, True), (33, False)])
def test_sign_that_is_too_long_for_a_line_is_a_fault(tmp_path, length, fits):
    signs = SignList(tier="URGENT", named_in="which", lines=(SignLine(id="first", choices=("a",)),))
    screen = SCREENS["safety_new"].model_copy(update={"id": "screen", "signs": signs})
    protocol = PROTOCOL.model_copy(update={"questions": {"screen": screen}, "forms": {}, "tips": (), "topics": ()})
    sign = f'\nmsgid "sign.screen.first"\nmsgstr "{"x" * length}"\n'
    texts = Texts.load(["en"], folder_of(tmp_path, en=EN + sign))
    found = [f for f in texts.faults(protocol) if "one line on a phone" in f.reason]
    assert bool(found) != fits


def test_choice_labels_fit_a_phone_button():
    for language in LANGUAGES:
        for key in PACKAGED.keys():  # noqa: SIM118
            if key.startswith("choice."):
                assert len(PACKAGED.get(language, key)) <= 40, (language, key)


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_each_question_whether_it_was_so_before_names_what_it_is_about(language):
    """It may come hours later, in a message of its own: "It was a mistake" asks it again."""
    texts = Texts.load(["en", language])
    asked = [step.text or f"question.{step.ask}" for step in PROTOCOL.forms["baseline"].steps if "known_" in step.ask]
    words = [texts.forms(language, key) for key in asked]
    assert len(set(words)) == len(words) >= 7
