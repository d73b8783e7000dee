"""P15: what a helper reads about the patient speaks of them in the third person, in each language.

A text that says "you", "your" or "I" has a version for helpers, or is one of those listed here: it speaks of the reader
or of the bot, or no helper ever gets it.
"""

import re

import pytest

from bot.chat.screens import TextRenderer, make_render
from bot.content.texts import Texts
from bot.core.screen import Button, Screen, Text
from bot.dialog.two_patients import HEAD

LANGUAGES = ("en", "es", "ru")
TEXTS = Texts.load(LANGUAGES)
RENDERER = TextRenderer(TEXTS).for_helper()
PATIENTS_OWN = (
    # Screens of the patient's own chat: enrolment, links, phones, settings, leaving, the data that are kept.
    *("enrol.", "clock.", "phone.", "link.", "set.", "settings.", "stop.", "stopped.", "delete.", "own.", "privacy."),
    *(
        "menu.answers",
        "menu.settings",
        "menu.privacy",
        "menu.care",
        "menu.helped",
        "answers.",
        "trend.",
        "command.",
        "invite.",
        "plan.",
    ),
    # Strangers, groups, the team's chat, and what a helper gets as themselves.
    *("stranger.", "group.", "staff.", "team.", "console.", "care.", "call.despair", "said.staff", "said.helped"),
    # What is shown as an example, or quoted with a line that says so.
    *("tip.", "learn.how_common.", "learn.when_it_starts."),
)
ALSO_SHOWN = ("stop.open.",)
"""What is still to call about comes first on "Are you home?" and on the goodbye, which helpers get, too."""
ABOUT_THE_READER = {
    # The helper is asked, or called, or thanked; or the bot speaks of itself.
    *("button.agree", "button.no_thanks", "button.called", "button.cannot_call", "button.cannot_reach"),
    *("button.mistake", "button.remind_call", "checkin.go_on", "call.reply.can_wait", "menu.title", "read.intro"),
    *("oops.body", "toast.closed", "toast.rated", "caregiver.head"),
}
OF_A_PERSON = {
    "en": r"\b(?:you|your|yours|yourself|me|my|mine|I)\b",
    "es": r"\b(?:usted|me|mi|mis|yo|conmigo|tengo|siento|estoy|puedo|noto)\b",
    "ru": r"\b(?:вы|вас|вам|ваш\w*|мне|меня|мной|мой|моя|мои|могу|чувствую|хожу|встаю|говорю)\b",
}
OF_THE_PATIENT = {
    "en": (
        r"\byour (?:team|card|last|check-ins?|plan|answers?|hands|feet|face|arms|head|day|first|immunotherapy)"
        r"|\bhow you are|\bI (?:feel|am at) |\bmy |(?<!of )\byou (?:feel|get worse|told|can't (?:stand|walk))|worse than you|if you g"
    ),
    "es": r"\bmi(?:s)? (?!p)|\bsiento\b|\btengo\b|\bestoy\b|\bde usted\b|\ben usted\b|que me (?:dijo|contó)",
    "ru": r"\bваш\w* (?:врач|отв|карт|опрос|план)|\bмне\b|\bу вас\b|\bвас (?:трудно|кто|отвез)|вы (?:сказали|не дали)",
}


def shown_to_helpers(language):
    """Yield key and words of each text of the catalogs that a helper may get, as they get it."""
    for key in TEXTS.keys("en"):
        if key.startswith(ALSO_SHOWN) or not key.startswith((*PATIENTS_OWN, "helper.")):
            words = RENDERER.plain(Text(key=key), language)
            # A tap of the patient's is shown in their words.
            yield key, re.sub("“.*?”|«.*?»", "", words) if key.startswith("call.other.") else words


@pytest.mark.parametrize("language", LANGUAGES)
def test_p15_text_about_a_person_has_a_version_for_helpers(language):
    left = {
        key: words
        for key, words in shown_to_helpers(language)
        if not TEXTS.has(language, f"helper.{key}") and re.search(OF_A_PERSON[language], words, re.IGNORECASE)
    }
    assert {key: words for key, words in left.items() if key not in ABOUT_THE_READER} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_p15_version_for_helpers_does_not_address_the_patient(language):
    wrong = {key: words for key, words in shown_to_helpers(language) if re.search(OF_THE_PATIENT[language], words)}
    assert {key for key in wrong if key not in ABOUT_THE_READER} == set(), wrong


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tier", ["emergency", "urgent", "soon"])
def test_p15_line_above_are_they_home_has_a_version_for_helpers(language, tier):
    assert TEXTS.has(language, f"helper.stop.open.{tier}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_helper_does_not_read_that_the_patient_feels_very_low(language):
    named = Text(key="done.open.item", values={"what": Text(key="symptom.despair")})
    assert RENDERER.plain(named, language) != TextRenderer(TEXTS).plain(named, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_p15_helper_does_not_say_on_the_phone_that_they_have_cancer(language):
    said = {
        "en": ("This person has cancer", "I have cancer"),
        "es": ("Esta persona tiene cáncer", "Tengo cáncer"),
        "ru": ("У человека рак", "У меня рак"),
    }[language]
    words = [renderer.plain(Text(key="call.emergency.say"), language) for renderer in (RENDERER, TextRenderer(TEXTS))]
    assert (said[0] in words[0], said[1] in words[0]) == (True, False)
    assert said[1] in words[1], "the patient still says it of themselves"


def test_screen_for_a_helper_is_known_by_its_first_line():
    lines = (Text(key="call.no_answer", values={"emergency": "112"}),)
    rows = ((Button(label=Text(key="button.card"), copy_value="112"),),)
    render = make_render(TEXTS, bytes(32))
    theirs = render(Screen(name="x", lines=(Text(key=HEAD), *lines), rows=rows), "en", 7)
    own = render(Screen(name="x", lines=lines, rows=rows), "en", 7)
    assert ("show their card" in theirs.text, theirs.markup.inline_keyboard[0][0].text) == (True, "Show their card")
    assert ("show your card" in own.text, own.markup.inline_keyboard[0][0].text) == (True, "Show my card")


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentence_within_a_text_for_helpers_speaks_of_the_patient_too(language):
    asked = Text(key="done.open.item", values={"what": Text(key="symptom.arms")})
    assert "your" not in RENDERER.plain(asked, language)


def test_text_without_a_version_for_helpers_is_the_patients_in_the_same_language(tmp_path):
    for language, words in (("en", "Call."), ("es", "Llame.")):
        (tmp_path / language).mkdir()
        own = f'msgid ""\nmsgstr ""\n\nmsgid "call.now"\nmsgstr "{words}"\n'
        helpers = '\nmsgid "helper.call.now"\nmsgstr "Call for them."\n' if language == "en" else ""
        (tmp_path / language / "chat.po").write_text(own + helpers, encoding="utf-8")
    texts = Texts.load(["en", "es"], tmp_path)
    assert texts.get("en", "helper.call.now") == "Call for them."
    assert texts.get("es", "helper.call.now") == "Llame.", "rather in their language than about them"
    assert texts.get("es", "helper.unknown") == "unknown"
