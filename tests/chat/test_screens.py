"""Screens as Telegram takes them: markup only from the catalogs, signed buttons, one markup, within the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove

from bot.chat.buttons import decode
from bot.chat.screens import BETWEEN_LINES, MAX_TEXT, Words, fitted, keyboard_commands, make_render, toast, unmarked
from bot.content.texts import Texts
from bot.core.screen import Action, Button, Contact, Screen, Style, Text

from .stand_ins import KEY, NOTED, WORDS, Catalog

RENDER = make_render(Catalog(), KEY)
CHAT = 7


def raw(text: str) -> Text:
    return Text(key="raw", values={"text": text})


def screen(*lines: Text, **more: object) -> Screen:
    return Screen(name="s", lines=lines, **more)


def test_lines_are_paragraphs_of_catalog_html() -> None:
    made = RENDER(screen(Text(key="group.goodbye"), Text(key="toast.noted")), "en", CHAT)
    assert made.text == f"I leave <b>now</b>.{BETWEEN_LINES}Noted &amp; kept."
    assert (made.markup, made.protect, made.contact) == (None, False, None)


def test_the_language_is_the_patients() -> None:
    assert RENDER(screen(Text(key="group.goodbye")), "es", CHAT).text == "Me voy."


def test_a_button_may_open_an_address() -> None:
    made = RENDER(screen(raw("?"), rows=((Button(label=raw("Open"), url="https://clinic.example/x"),),)), "en", CHAT)
    assert made.markup.inline_keyboard[0][0].url == "https://clinic.example/x"


@given(st.text())
def test_no_value_becomes_markup(value: str) -> None:
    made = RENDER(screen(raw(value)), "en", CHAT).text
    if len(value) < 1000:
        assert not set("<>") & set(made)
        assert unmarked(made) == value


def test_a_text_in_a_text_is_plain_words_escaped_once() -> None:
    tip = Text(key="tip.bath", values={"who": "A&B"})
    assert RENDER(screen(Text(key="done.tip", values={"tip": tip})), "en", CHAT).text == (
        "<b>Tip:</b> Test the water, A&amp;B &lt; you"
    )


def test_buttons_are_signed_for_the_chat() -> None:
    action = Action(kind="choose", subject=4, revision=2, question="q", choice="c")
    made = RENDER(screen(raw("?"), rows=((Button(label=raw("<A & B>"), action=action),),)), "en", CHAT).markup
    assert isinstance(made, InlineKeyboardMarkup)
    ((button,),) = made.inline_keyboard
    assert button.text == "<A & B>"
    assert decode(str(button.callback_data), KEY, CHAT) == action
    assert "style" not in button.to_dict()


@pytest.mark.parametrize(("style", "sent"), [(Style.DANGER, "danger"), (Style.SUCCESS, "success")])
def test_a_buttons_colour_is_sent(style: Style, sent: str) -> None:
    button = Button(label=raw("Call"), action=Action(kind="call"), style=style)
    made = RENDER(screen(raw("?"), rows=((button,),)), "en", CHAT).markup
    assert made.to_dict()["inline_keyboard"][0][0]["style"] == sent


def test_a_number_to_copy() -> None:
    made = RENDER(screen(raw("?"), rows=((Button(label=raw("Copy"), copy_value="+4930901820"),),)), "en", CHAT).markup
    assert made.to_dict()["inline_keyboard"] == [[{"text": "Copy", "copy_text": {"text": "+4930901820"}}]]


def test_a_button_without_a_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        RENDER(screen(raw("?"), rows=((Button(label=raw("x")),),)), "en", CHAT)


def test_the_reply_keyboard_has_two_rows_and_stays() -> None:
    made = RENDER(screen(raw("?"), keyboard="show"), "es", CHAT).markup
    assert isinstance(made, ReplyKeyboardMarkup)
    assert [[key.text for key in row] for row in made.keyboard] == [
        ["Me siento peor", "Consejos"],
        ["Mi equipo", "Menú"],
    ]
    assert (made.is_persistent, made.resize_keyboard) == (True, True)


def test_the_reply_keyboard_goes() -> None:
    assert isinstance(RENDER(screen(raw("?"), keyboard="remove"), "en", CHAT).markup, ReplyKeyboardRemove)


def test_buttons_to_answer_with_come_before_the_keyboard() -> None:
    rows = ((Button(label=raw("x"), action=Action(kind="menu")),),)
    assert isinstance(RENDER(screen(raw("?"), keyboard="show", rows=rows), "en", CHAT).markup, InlineKeyboardMarkup)


def test_labels_of_all_languages_are_commands() -> None:
    commands = keyboard_commands(WORDS, ("en", "es"))
    assert commands["Tips"] == commands["Consejos"] == "tips"
    assert set(commands.values()) == {"worse", "tips", "team", "menu"}


def test_protection_and_contact_are_handed_on() -> None:
    card = Contact(number="+4930901820", name="The team")
    made = RENDER(screen(raw("?"), protect=True, contact=card), "en", CHAT)
    assert (made.protect, made.contact) == (True, card)


def test_what_is_too_long_loses_its_end_not_its_beginning() -> None:
    assert fitted("s", ["<b>Call 112 now.</b>", "x" * MAX_TEXT]) == "<b>Call 112 now.</b>"
    assert fitted("s", ["a", "b" * (MAX_TEXT - 1 - len(BETWEEN_LINES))]).endswith("b")


@given(st.text(min_size=2000, max_size=2100), st.integers(2, 4))
def test_a_single_line_that_is_too_long_is_cut(text: str, times: int) -> None:
    kept = unmarked(fitted("s", [text.replace("&", "").replace("<", "") * times]))
    assert len(kept.encode("utf-16-le")) // 2 <= MAX_TEXT


def test_toasts_are_plain_and_short() -> None:
    assert toast(WORDS, NOTED, "en") == "Noted & kept."
    assert len(toast(WORDS, raw("x" * 300), "en")) == 200


# -- the real catalogs

LABELS = ("button.", "keyboard.", "choice.", "menu.", "language.", "region.", "time.", "stop.pause", "stop.keep")


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(("en",))


def test_every_label_of_the_catalogs_fits_on_a_phone(texts: Texts) -> None:
    labels = {key: form for key in texts.keys() if key.startswith(LABELS) for form in texts.forms("en", key)}  # noqa: SIM118
    assert labels
    assert {key: label for key, label in labels.items() if len(unmarked(label)) > 64 and key != "menu.title"} == {}


def test_every_toast_and_command_of_the_catalogs_fits(texts: Texts) -> None:
    limits = {"toast.": 200, "command.": 256}
    for prefix, limit in limits.items():
        forms = [form for key in texts.keys() if key.startswith(prefix) for form in texts.forms("en", key)]  # noqa: SIM118
        assert forms
        assert all(1 <= len(unmarked(form)) <= limit for form in forms)


def test_the_real_catalogs_render(texts: Texts) -> None:
    render = make_render(texts, KEY)
    values = {"team_number": "+49 30 901820", "team": "Tom & Co", "emergency": "112"}
    made = render(screen(Text(key="help.body", values=values)), "en", CHAT)
    assert "Tom &amp; Co" in made.text
    assert "<b>112</b>" in made.text
    assert "{" not in made.text


@pytest.mark.parametrize(
    "key", ["group.goodbye", "oops.body", "keyboard.worse", "keyboard.tips", "keyboard.team", "keyboard.menu"]
)
def test_the_strings_that_the_chat_itself_names_exist(texts: Texts, key: str) -> None:
    assert texts.has("en", key)


def test_the_reply_keyboards_labels_differ_in_each_language() -> None:
    languages = ("en", "es", "ru")
    commands = keyboard_commands(Words(Texts.load(languages)), languages)
    by_command = {name: [label for label, to in commands.items() if to == name] for name in set(commands.values())}
    assert {name: len(labels) for name, labels in by_command.items()} == dict.fromkeys(by_command, 3)
    assert len(by_command) == 4
