"""The command list: in each language, for private chats; a failure does not prevent the start."""

from structlog.testing import capture_logs

from bot.chat.commands import publish_commands

from .stand_ins import WORDS, House


async def test_publish_commands_sets_each_language(house: House) -> None:
    assert await publish_commands(house.bot, WORDS, ("en", "es")) == 0
    calls = house.api.sent("setMyCommands")
    assert [call.get("language_code") for call in calls] == [None, "en", "es"]
    assert {call["scope"]["type"] for call in calls} == {"all_private_chats"}
    assert [entry["command"] for entry in calls[0]["commands"]] == [
        *("menu", "answers", "learn", "language", "settings", "help", "privacy", "export", "stop", "delete")
    ]
    assert all(entry["description"] for call in calls for entry in call["commands"])


async def test_publish_commands_refusal_is_counted_and_rest_is_set(house: House) -> None:
    house.api.fail("setMyCommands", 502, "Bad Gateway")
    with capture_logs() as logs:
        assert await publish_commands(house.bot, WORDS, ("en", "es")) == 1
    assert len(house.api.sent("setMyCommands")) == 3
    assert [line["action"] for line in logs] == ["commands_failed"]
