"""Screens rendered for Telegram: markup only from the catalogs, signed buttons, one markup, within the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove

from bot.chat.buttons import decode
from bot.chat.reply_keyboard import keyboard_commands
from bot.chat.screens import (
    BETWEEN_LINES,
    MAX_TEXT,
    TextRenderer,
    fit_lines,
    make_render,
    strip_markup,
    toast_text,
)
from bot.content.texts import Texts
from bot.core.screen import Action, Button, Contact, Screen, Style, Text
from bot.dialog.rendered import ContactCard

from .stand_ins import KEY, NOTED, WORDS, Catalog

RENDER = make_render(Catalog(), KEY)
CHAT = 7


def raw(text: str) -> Text:
    return Text(key="raw", values={"text": text})


def screen(*lines: Text, **more: object) -> Screen:
    return Screen(name="s", lines=lines, **more)


def test_render_lines_are_paragraphs_of_catalog_html() -> None:
    made = RENDER(screen(Text(key="group.goodbye"), Text(key="toast.noted")), "en", CHAT)
    assert made.text == f"I leave <b>now</b>.{BETWEEN_LINES}Noted &amp; kept."
    assert (made.markup, made.protect, made.contact) == (None, False, None)


def test_render_uses_the_patients_language() -> None:
    assert RENDER(screen(Text(key="group.goodbye")), "es", CHAT).text == "Me voy."


def test_button_with_url_opens_an_address() -> None:
    made = RENDER(screen(raw("?"), rows=((Button(label=raw("Open"), url="https://clinic.example/x"),),)), "en", CHAT)
    assert made.markup.inline_keyboard[0][0].url == "https://clinic.example/x"


@given(st.text())
def test_render_value_never_becomes_markup(value: str) -> None:
    made = RENDER(screen(raw(value)), "en", CHAT).text
    if len(value) < 1000:
        assert not set("<>") & set(made)
        assert strip_markup(made) == value


def test_nested_text_is_plain_text_escaped_once() -> None:
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
def test_button_style_is_sent(style: Style, sent: str) -> None:
    button = Button(label=raw("Call"), action=Action(kind="call"), style=style)
    made = RENDER(screen(raw("?"), rows=((button,),)), "en", CHAT).markup
    assert made.to_dict()["inline_keyboard"][0][0]["style"] == sent


def test_button_with_copy_value_copies_the_number() -> None:
    made = RENDER(screen(raw("?"), rows=((Button(label=raw("Copy"), copy_value="+4930901820"),),)), "en", CHAT).markup
    assert made.to_dict()["inline_keyboard"] == [[{"text": "Copy", "copy_text": {"text": "+4930901820"}}]]


def test_button_without_action_copy_or_url_raises() -> None:
    with pytest.raises(ValueError, match="needs an action"):
        RENDER(screen(raw("?"), rows=((Button(label=raw("x")),),)), "en", CHAT)


def test_reply_keyboard_has_two_rows_and_is_persistent() -> None:
    made = RENDER(screen(raw("?"), keyboard="show"), "es", CHAT).markup
    assert isinstance(made, ReplyKeyboardMarkup)
    assert [[key.text for key in row] for row in made.keyboard] == [
        ["Me siento peor", "Consejos"],
        ["Mi equipo", "Menú"],
    ]
    assert (made.is_persistent, made.resize_keyboard) == (True, True)


def test_reply_keyboard_is_removed() -> None:
    assert isinstance(RENDER(screen(raw("?"), keyboard="remove"), "en", CHAT).markup, ReplyKeyboardRemove)


def test_inline_buttons_take_precedence_over_the_keyboard() -> None:
    rows = ((Button(label=raw("x"), action=Action(kind="menu")),),)
    assert isinstance(RENDER(screen(raw("?"), keyboard="show", rows=rows), "en", CHAT).markup, InlineKeyboardMarkup)


def test_keyboard_labels_of_all_languages_are_commands() -> None:
    commands = keyboard_commands((WORDS.plain,), ("en", "es"))
    assert commands["Tips"] == commands["Consejos"] == "tips"
    assert set(commands.values()) == {"worse", "tips", "team", "menu"}


def test_render_passes_on_protection_and_contact() -> None:
    card = Contact(number="+4930901820", name="The team")
    made = RENDER(screen(raw("?"), protect=True, contact=card), "en", CHAT)
    assert (made.protect, made.contact) == (True, ContactCard("+4930901820", "The team"))


def test_render_names_a_card_in_the_language_of_the_chat() -> None:
    card = Contact(number="112", name=raw("112 <now>"))
    made = RENDER(screen(raw("?")).model_copy(update={"ahead": card}), "en", CHAT)
    assert (made.contact, made.ahead) == (None, ContactCard("112", "112 <now>"))


def test_fit_lines_too_long_drops_the_end() -> None:
    assert fit_lines("s", ["<b>Call 112 now.</b>", "x" * MAX_TEXT]) == "<b>Call 112 now.</b>"
    assert fit_lines("s", ["a", "b" * (MAX_TEXT - 1 - len(BETWEEN_LINES))]).endswith("b")


@given(st.text(min_size=2000, max_size=2100), st.integers(2, 4))
def test_fit_lines_single_long_line_is_truncated(text: str, times: int) -> None:
    kept = strip_markup(fit_lines("s", [text.replace("&", "").replace("<", "") * times]))
    assert len(kept.encode("utf-16-le")) // 2 <= MAX_TEXT


def test_toast_text_is_plain_and_short() -> None:
    assert toast_text(WORDS, NOTED, "en") == "Noted & kept."
    assert len(toast_text(WORDS, raw("x" * 300), "en")) == 200


# -- the real catalogs

LABELS = ("button.", "keyboard.", "choice.", "menu.", "language.", "clock.", "time.", "stop.pause", "stop.keep")


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(("en",))


def test_catalog_labels_fit_on_a_phone(texts: Texts) -> None:
    labels = {key: form for key in texts.keys() if key.startswith(LABELS) for form in texts.forms("en", key)}  # noqa: SIM118
    assert labels
    assert {key: label for key, label in labels.items() if len(strip_markup(label)) > 64 and key != "menu.title"} == {}


def test_catalog_toasts_and_commands_fit(texts: Texts) -> None:
    limits = {"toast.": 200, "command.": 256}
    for prefix, limit in limits.items():
        forms = [form for key in texts.keys() if key.startswith(prefix) for form in texts.forms("en", key)]  # noqa: SIM118
        assert forms
        assert all(1 <= len(strip_markup(form)) <= limit for form in forms)


def test_render_with_the_real_catalogs(texts: Texts) -> None:
    render = make_render(texts, KEY)
    values = {"team_number": "+49 30 901820", "team": "Tom & Co", "emergency": "112"}
    made = render(screen(Text(key="help.body", values=values)), "en", CHAT)
    assert "Tom &amp; Co" in made.text
    assert "<b>112</b>" in made.text
    assert "{" not in made.text


@pytest.mark.parametrize(
    "key", ["group.goodbye", "oops.body", "keyboard.worse", "keyboard.tips", "keyboard.team", "keyboard.menu"]
)
def test_catalogs_contain_every_key_used_by_the_chat(texts: Texts, key: str) -> None:
    assert texts.has("en", key)


def test_keyboard_labels_are_distinct_in_each_language() -> None:
    languages = ("en", "es", "ru")
    renderer = TextRenderer(Texts.load(languages))
    commands = keyboard_commands((renderer.plain, renderer.for_helper().plain), languages)
    by_command = {name: [label for label, to in commands.items() if to == name] for name in set(commands.values())}
    # Three languages, and what is about a patient as they read it and as their helper does.
    assert {name: len(labels) for name, labels in by_command.items()} == {"worse": 6, "team": 6, "tips": 3, "menu": 3}
    assert len(by_command) == 4
