"""Each kind of update goes to its one door; what a person said goes nowhere."""

from typing import cast

import pytest
from telegram import Update

from bot.app import conversation
from bot.app.ports import Meant
from bot.chat.buttons import encode
from bot.chat.handlers import Conversation
from bot.chat.poll import ALLOWED_UPDATES
from bot.core.screen import Action

from .stand_ins import KEY, House, chat, message, moved, person, tap

PICTURE = {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]}
VOICE = {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 1}}


def test_the_real_door_is_one() -> None:
    door: Conversation = conversation
    assert callable(door.said)


@pytest.mark.parametrize(
    ("text", "door"),
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
async def test_messages(house: House, text: str | None, door: tuple[object, ...]) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [door]


@pytest.mark.parametrize("content", [PICTURE, VOICE, {"caption": "/stop", **PICTURE}])
async def test_pictures_and_voices_are_only_said(house: House, content: dict[str, object]) -> None:
    await house.handle(message(1, 7, None, **content))
    assert house.log == [("said", 7)]


async def test_an_edited_command_is_not_obeyed(house: House) -> None:
    edited = message(1, 7, "/stop")
    edited["edited_message"] = edited.pop("message")
    await house.handle(edited)
    assert house.log == [("said", 7)]


@pytest.mark.parametrize("text", ["2", "P-0017"])
async def test_an_edited_number_or_code_answers_nothing(house: House, text: str) -> None:
    """It was written before what is asked now."""
    edited = message(1, 7, text)
    edited["edited_message"] = edited.pop("message")
    await house.handle(edited, message(2, 7, None, caption=text, **PICTURE))
    assert house.log == [("said", 7), ("said", 7)]


@pytest.mark.parametrize(("text", "code"), [("P-0017", "P-0017"), (" p-0017 ", "P-0017"), ("S1", "S1")])
async def test_a_study_code_is_told_apart_from_words(house: House, text: str, code: str) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [("said", 7, Meant("code", code=code))]


@pytest.mark.parametrize("text", ["HELLO", "numb", "P-0017 is numb", "P_17", "P-0017-0017-00170"])
async def test_words_are_no_study_code(house: House, text: str) -> None:
    await house.handle(message(1, 7, text))
    assert house.log == [("said", 7)]


async def test_a_tap(house: House) -> None:
    action = Action(kind="choose", subject=12, revision=3, question="numb", choice="mild")
    await house.handle(tap(1, 7, encode(action, KEY, 7)))
    assert house.log == [("tap", 7, action)]


@pytest.mark.parametrize("on", [None, {"message_id": 5, "date": 0, "chat": chat(7)}])
async def test_a_tap_on_a_message_that_is_gone(house: House, on: dict[str, object] | None) -> None:
    action = Action(kind="menu", choice="tips")
    await house.handle(tap(1, 7, encode(action, KEY, 7), message=on))
    assert house.log == [("tap", 7, action)]


@pytest.mark.parametrize("data", [None, "", "choose.1.0.numb.mild", encode(Action(kind="menu"), KEY, 8), "💥"])
async def test_a_forged_foreign_or_old_button_shows_where_they_are(house: House, data: str | None) -> None:
    await house.handle(tap(1, 7, data))
    assert house.log == [("stale_tap", 7)]
    assert house.api.sent("answerCallbackQuery") == [{"callback_query_id": "q1"}]


@pytest.mark.parametrize(("status", "reachable"), [("kicked", False), ("member", True)])
async def test_blocked_and_back(house: House, status: str, reachable: bool) -> None:
    await house.handle(moved(1, 7, status))
    assert house.log == [("membership", 7, reachable)]


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
async def test_groups_and_channels_are_left_with_a_word(house: House, kind: str) -> None:
    await house.handle(moved(1, -100, "member", kind))
    assert [name for name, _ in house.api.calls] == ["sendMessage", "leaveChat"]
    assert (
        house.api.sent("sendMessage")[0] | {"chat_id": -100, "text": "Me voy.", "parse_mode": "HTML"}
        == house.api.sent("sendMessage")[0]
    )
    assert house.log == []


async def test_a_group_is_told_once_though_all_talk(house: House) -> None:
    for number in range(5):
        await house.dispatcher.handle(message(number, -100, "/start", chat=chat(-100, "group")))
    await house.dispatcher.finish(1)
    assert len(house.api.sent("sendMessage")) == 1
    assert len(house.api.sent("leaveChat")) == 1


async def test_a_group_that_invites_again_is_told_again(house: House) -> None:
    await house.handle(moved(1, -100, "member", "group"))
    await house.handle(moved(2, -100, "member", "group"))
    assert len(house.api.sent("leaveChat")) == 2


async def test_a_group_is_left_even_where_nothing_may_be_said(house: House) -> None:
    house.api.fail("sendMessage", 403, "not enough rights")
    await house.handle(message(1, -100, "hi", chat=chat(-100, "group"), **{"from": person(9, None)}))
    assert house.api.sent("leaveChat") == [{"chat_id": -100}]
    assert house.api.sent("sendMessage")[0]["text"] == "I leave <b>now</b>."


async def test_a_tap_in_a_group_leaves_it_too(house: House) -> None:
    raw = tap(1, -100, encode(Action(kind="menu"), KEY, -100))
    raw["callback_query"]["message"]["chat"]["type"] = "group"
    await house.handle(raw)
    assert len(house.api.sent("leaveChat")) == 1
    assert house.log == []


async def test_being_removed_from_a_group_is_nothing(house: House) -> None:
    await house.handle(moved(1, -100, "left", "group"), moved(2, -100, "kicked", "supergroup"))
    assert house.api.calls == []


def test_other_kinds_are_ignored(house: House) -> None:
    assert house.handlers.step(Update(1)).kind == "ignored"


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
def test_only_what_names_its_screen_or_asks_for_help_may_be_worked_off_late(
    house: House, kind: str, choice: str, holds: bool
) -> None:
    raw = tap(1, 7, encode(Action(kind=kind, choice=choice), KEY, 7))
    assert (house.handlers.step(Update.de_json(raw, house.bot)).outdated is None) == holds


@pytest.mark.parametrize(
    "raw", [moved(1, 7, "kicked"), moved(1, -7, "member", "group"), message(1, -7, "hi", chat=chat(-7, "group"))]
)
def test_who_could_be_reached_once_is_not_told_late(house: House, raw: dict[str, object]) -> None:
    assert "by itself" in (house.handlers.step(Update.de_json(raw, house.bot)).outdated or "")


class Looked:
    """An update that holds nothing, and remembers what was looked for."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def __getattr__(self, kind: str) -> None:
        self.kinds.add(kind)


def test_telegram_is_asked_for_every_kind_that_is_handled(house: House) -> None:
    looked = Looked()
    house.handlers.step(cast("Update", looked))
    assert looked.kinds == set(ALLOWED_UPDATES)
