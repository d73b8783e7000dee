"""Each kind of update is routed to its use case; the text that a person typed goes nowhere."""

from typing import cast

import pytest
from telegram import Update

from bot.chat.buttons import encode
from bot.chat.handlers import Conversation
from bot.chat.poll import ALLOWED_UPDATES
from bot.core.screen import Action
from bot.dialog import conversation
from bot.dialog.replies import Meaning

from .stand_ins import KEY, House, chat, message, moved, person, tap

PICTURE = {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]}
VOICE = {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 1}}


def test_conversation_module_satisfies_the_protocol() -> None:
    expected: Conversation = conversation
    assert callable(expected.message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start", ("start", 7, "", "es-MX")),
        ("/start aZ09_-x", ("start", 7, "aZ09_-x", "es-MX")),
        ("/start  my feet hurt", ("start", 7, "", "es-MX")),
        ("/start " + "x" * 65, ("start", 7, "", "es-MX")),
        ("/START@nervebot abc", ("start", 7, "abc", "es-MX")),
        ("/help", ("command", 7, "help")),
        ("/help@NerveBot", ("command", 7, "help")),
        ("/privacy", ("command", 7, "privacy")),
        ("/stop", ("command", 7, "stop")),
        ("/stop please", ("command", 7, "stop")),
        ("/menu", ("command", 7, "menu")),
        ("I feel worse now", ("command", 7, "worse")),
        ("me siento  PEOR ", ("command", 7, "worse")),
        ("Consejos", ("command", 7, "tips")),
        ("My team", ("command", 7, "team")),
        ("Menú", ("command", 7, "menu")),
        ("/help@other_bot", ("said", 7)),
        ("/unknown", ("said", 7)),
        ("my hands tingle", ("said", 7)),
        (None, ("said", 7)),
    ],
)
async def test_message_is_routed_by_its_text(house: House, text: str | None, expected: tuple[object, ...]) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [expected]


@pytest.mark.parametrize("content", [PICTURE, VOICE, {"caption": "/stop", **PICTURE}])
async def test_message_without_text_is_only_said(house: House, content: dict[str, object]) -> None:
    await house.handle(message(1, 7, None, **content))
    assert house.log == [("said", 7)]


async def test_edited_command_is_ignored(house: House) -> None:
    edited = message(1, 7, "/stop")
    edited["edited_message"] = edited.pop("message")
    await house.handle(edited)
    assert house.log == [("said", 7)]


@pytest.mark.parametrize("text", ["2", "P-0017"])
async def test_edited_number_or_code_answers_nothing(house: House, text: str) -> None:
    """The message was written before the current question."""
    edited = message(1, 7, text)
    edited["edited_message"] = edited.pop("message")
    await house.handle(edited, message(2, 7, None, caption=text, **PICTURE))
    assert house.log == [("said", 7), ("said", 7)]


@pytest.mark.parametrize(("text", "code"), [("P-0017", "P-0017"), (" p-0017 ", "P-0017"), ("S1", "S1")])
async def test_study_code_is_distinguished_from_words(house: House, text: str, code: str) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [("said", 7, Meaning("code", code=code))]


@pytest.mark.parametrize("text", ["HELLO", "numb", "P-0017 is numb", "P_17", "P-0017-0017-00170"])
async def test_words_without_digits_are_not_a_study_code(house: House, text: str) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [("said", 7)]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("I can't breathe", Meaning("red_flag")),
        ("🆘", Meaning("red_flag")),
        ("no quiero vivir", Meaning("despair")),
        ("I can't breathe, I want to die", Meaning("despair", names_sign=True)),
    ],
)
async def test_of_words_only_their_meaning_goes_on(house: House, text: str, meaning: Meaning) -> None:
    await house.handle(message(1, 7, text), message(2, 7, None, caption=text, **PICTURE))
    assert house.log == [("said", 7, meaning)] * 2


async def test_tap_is_passed_to_the_conversation(house: House) -> None:
    action = Action(kind="choose", subject=12, revision=3, question="numb", choice="mild")
    await house.handle(tap(1, 7, encode(action, KEY, 7)))
    assert house.log == [("tap", 7, action, "es-MX")]


@pytest.mark.parametrize("on", [None, {"message_id": 5, "date": 0, "chat": chat(7)}])
async def test_tap_on_a_deleted_message_uses_the_senders_chat(house: House, on: dict[str, object] | None) -> None:
    action = Action(kind="menu", choice="tips")
    await house.handle(tap(1, 7, encode(action, KEY, 7), message=on))
    assert house.log == [("tap", 7, action, "es-MX")]


@pytest.mark.parametrize("data", [None, "", "choose.1.0.numb.mild", encode(Action(kind="menu"), KEY, 8), "💥"])
async def test_tap_forged_foreign_or_old_shows_the_current_screen(house: House, data: str | None) -> None:
    await house.handle(tap(1, 7, data))
    assert house.log == [("stale_tap", 7)]
    assert house.api.sent("answerCallbackQuery") == [{"callback_query_id": "q1"}]


@pytest.mark.parametrize(("status", "reachable"), [("kicked", False), ("member", True)])
async def test_membership_blocked_and_unblocked_is_passed_on(house: House, status: str, reachable: bool) -> None:
    await house.handle(moved(1, 7, status))
    assert house.log == [("membership", 7, reachable)]


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
async def test_group_or_channel_is_left_with_a_message(house: House, kind: str) -> None:
    await house.handle(moved(1, -100, "member", kind))
    assert [name for name, _ in house.api.calls] == ["sendMessage", "leaveChat"]
    assert (
        house.api.sent("sendMessage")[0] | {"chat_id": -100, "text": "Me voy.", "parse_mode": "HTML"}
        == house.api.sent("sendMessage")[0]
    )
    assert house.log == []


async def test_group_with_many_messages_gets_one_goodbye(house: House) -> None:
    for number in range(5):
        await house.dispatcher.handle(message(number, -100, "/start", chat=chat(-100, "group")))
    await house.dispatcher.finish(1)
    assert len(house.api.sent("sendMessage")) == 1
    assert len(house.api.sent("leaveChat")) == 1


async def test_group_that_invites_again_gets_another_goodbye(house: House) -> None:
    await house.handle(moved(1, -100, "member", "group"))
    await house.handle(moved(2, -100, "member", "group"))
    assert len(house.api.sent("leaveChat")) == 2


async def test_group_that_forbids_messages_is_left_anyway(house: House) -> None:
    house.api.fail("sendMessage", 403, "not enough rights")
    await house.handle(message(1, -100, "hi", chat=chat(-100, "group"), **{"from": person(9, None)}))
    assert house.api.sent("leaveChat") == [{"chat_id": -100}]
    assert house.api.sent("sendMessage")[0]["text"] == "I leave <b>now</b>."


async def test_tap_in_a_group_leaves_it(house: House) -> None:
    raw = tap(1, -100, encode(Action(kind="menu"), KEY, -100))
    raw["callback_query"]["message"]["chat"]["type"] = "group"
    await house.handle(raw)
    assert len(house.api.sent("leaveChat")) == 1
    assert house.log == []


async def test_removal_from_a_group_does_nothing(house: House) -> None:
    await house.handle(moved(1, -100, "left", "group"), moved(2, -100, "kicked", "supergroup"))
    assert house.api.calls == []


def test_other_update_kinds_are_ignored(house: House) -> None:
    assert house.handlers.route(Update(1)).kind == "ignored"


@pytest.mark.parametrize(
    ("kind", "choice", "holds"),
    [
        ("choose", "yes", True),
        ("help_now", "", True),
        ("menu", "worse", True),
        ("alert", "cannot_reach", True),
        ("alert", "called", False),
        ("alert", "mistake", False),
        ("stop", "erase", False),
        ("menu", "resume", False),
        ("later", "hour", False),
        ("care", "end", False),
        ("set", "es", False),
        ("sa", "close", False),
    ],
)
def test_route_outdated_unless_tap_names_screen_or_asks_for_help(
    house: House, kind: str, choice: str, holds: bool
) -> None:
    raw = tap(1, 7, encode(Action(kind=kind, choice=choice), KEY, 7))
    assert (house.handlers.route(Update.de_json(raw, house.bot)).outdated is None) == holds


@pytest.mark.parametrize(
    "raw", [moved(1, 7, "kicked"), moved(1, -7, "member", "group"), message(1, -7, "hi", chat=chat(-7, "group"))]
)
def test_route_of_an_old_membership_update_is_outdated(house: House, raw: dict[str, object]) -> None:
    assert "by itself" in (house.handlers.route(Update.de_json(raw, house.bot)).outdated or "")


class Looked:
    """An empty update that records which attributes were read."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def __getattr__(self, kind: str) -> None:
        self.kinds.add(kind)


def test_allowed_updates_include_every_handled_kind(house: House) -> None:
    looked = Looked()
    house.handlers.route(cast("Update", looked))
    assert looked.kinds == set(ALLOWED_UPDATES)
