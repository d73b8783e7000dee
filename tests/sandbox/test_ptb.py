"""The product's own client: python-telegram-bot parses every update and maps every error."""

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter

from .test_api import KEYS


@pytest.fixture
async def bot(server):
    async with Bot(server.sandbox.token, base_url=f"{server.api_url}/bot") as bot:
        yield bot


async def test_every_kind_of_update_is_parsed(client, box, bot, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="?", reply_markup=KEYS)
    box.tap(maria, sent["message_id"], "y")
    box.tap(maria, 77, "old", force=True)
    box.say(maria, "/start abc_DEF-1")
    box.block(maria)
    for kind in ("group", "supergroup", "channel"):
        box.say_in(box.add_to_group(kind, maria, kind=kind), maria, "hello")
    raw = await client.result("getUpdates")
    updates = [Update.de_json(update, bot) for update in raw]
    assert [update.update_id for update in updates] == [update["update_id"] for update in raw]
    tap, old, start, blocked, added, spoke, *_rest = updates
    assert (tap.callback_query.data, tap.effective_chat.id, tap.callback_query.message.text) == ("y", maria.id, "?")
    assert old.callback_query.message.is_accessible is False
    assert (start.message.text, start.effective_user.language_code) == ("/start abc_DEF-1", "es")
    assert blocked.my_chat_member.new_chat_member.status == "kicked"
    assert (added.my_chat_member.new_chat_member.status, spoke.effective_chat.type) == ("member", "group")
    assert updates[-1].channel_post.text == "hello"


async def test_sending_and_editing_map_errors(box, bot, maria, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    keys = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    sent = await bot.send_message(maria.id, "<b>Call 112</b>", parse_mode="HTML", reply_markup=keys)
    assert (await sent.edit_text("done")).text == "done"
    with pytest.raises(BadRequest, match="not modified"):
        await sent.edit_text("done")
    box.faults.add("429", count=1, retry_after=4)
    with pytest.raises(RetryAfter, match="0:00:04"):
        await bot.send_message(maria.id, "x")
    box.block(maria)
    with pytest.raises(Forbidden):
        await bot.send_message(maria.id, "x")


async def test_wrong_token_raises_invalid_token(server):
    bot = Bot("1:wrong", base_url=f"{server.api_url}/bot")
    with pytest.raises(InvalidToken):
        await bot.initialize()
    for request in bot._request:
        await request.shutdown()
