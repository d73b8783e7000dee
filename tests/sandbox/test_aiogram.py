"""A second, strict client: aiogram parses every answer into its own models and maps each error to a class."""

import asyncio
import importlib
from functools import cache

import pytest

from tests.polling import until

from .test_api import PNG


@cache
def library():
    """Return aiogram. Importing it takes three seconds, which the other tests needn't wait for."""
    found = importlib.import_module("aiogram")
    importlib.import_module("aiogram.client.session.aiohttp")
    return found


def keys():
    return library().types.InlineKeyboardMarkup(
        inline_keyboard=[
            [library().types.InlineKeyboardButton(text="Yes", callback_data="y", style="danger")],
            [
                library().types.InlineKeyboardButton(
                    text="Copy number", copy_text=library().types.CopyTextButton(text="+49 30 901820")
                )
            ],
        ],
    )


def aiogram(server, token=None):
    client = library().client
    session = client.session.aiohttp.AiohttpSession(api=client.telegram.TelegramAPIServer.from_base(server.api_url))
    return library().Bot(token or server.sandbox.token, session=session)


@pytest.fixture
async def bot(server):
    async with aiogram(server) as bot:
        yield bot


async def test_conversation_is_parsed(bot, box, maria):
    sent = await bot.send_message(
        maria.id, "<b>New or worse?</b>", parse_mode="HTML", reply_markup=keys(), protect_content=True
    )
    assert sent.html_text == "<b>New or worse?</b>"
    assert sent.reply_markup.model_dump() == keys().model_dump()
    box.tap(maria, sent.message_id, "y")
    (update,) = await bot.get_updates(timeout=1)
    assert (update.callback_query.data, update.callback_query.from_user.language_code) == ("y", "es")
    assert update.callback_query.message.text == "New or worse?"
    assert await bot.answer_callback_query(update.callback_query.id, text="Saved")
    edited = await bot.edit_message_text("Thank you.", chat_id=maria.id, message_id=sent.message_id)
    assert (edited.text, edited.reply_markup) == ("Thank you.", None)
    box.say(maria, "/help me")
    (update,) = await bot.get_updates(offset=update.update_id + 1)
    assert (update.message.text, update.message.entities[0].type) == ("/help me", "bot_command")


async def test_photo_contact_keyboard_and_commands_are_parsed(bot, maria):
    file = library().types.BufferedInputFile(b"{}", "answers.json")
    document = await bot.send_document(maria.id, file, caption="All", protect_content=True)
    assert (document.document.file_name, document.document.mime_type) == ("answers.json", "application/json")
    photo = await bot.send_photo(maria.id, library().types.BufferedInputFile(PNG, "chart.png"), caption="Week 5")
    assert photo.photo[-1].width == 1
    contact = await bot.send_contact(
        maria.id, "+49 30 901820", "Team", reply_parameters=library().types.ReplyParameters(message_id=photo.message_id)
    )
    assert (contact.contact.phone_number, contact.reply_to_message.caption) == ("+49 30 901820", "Week 5")
    menu = library().types.ReplyKeyboardMarkup(
        keyboard=[[library().types.KeyboardButton(text="Tips")]], is_persistent=True, resize_keyboard=True
    )
    assert (await bot.send_message(maria.id, "menu", reply_markup=menu)).reply_markup is None
    commands = [library().types.BotCommand(command="help", description="Help")]
    assert await bot.set_my_commands(
        commands, scope=library().types.BotCommandScopeChat(chat_id=maria.id), language_code="es"
    )
    (shown,) = await bot.get_my_commands(
        scope=library().types.BotCommandScopeChat(chat_id=maria.id), language_code="es"
    )
    assert (shown.command, shown.description) == ("help", "Help")
    assert (await bot.get_chat(maria.id)).first_name == "Maria"


async def test_errors_map_to_their_classes(bot, box, server, maria):
    with pytest.raises(library().exceptions.TelegramBadRequest, match="chat not found"):
        await bot.send_message(5, "x")
    sent = await bot.send_message(maria.id, "x")
    with pytest.raises(library().exceptions.TelegramBadRequest, match="message is not modified"):
        await sent.edit_text("x")
    with pytest.raises(library().exceptions.TelegramBadRequest, match="BUTTON_DATA_INVALID"):
        await bot.send_message(
            maria.id,
            "x",
            reply_markup=library().types.InlineKeyboardMarkup(
                inline_keyboard=[[library().types.InlineKeyboardButton(text="x", callback_data="x" * 65)]]
            ),
        )
    box.faults.add("429", count=1, retry_after=7)
    with pytest.raises(library().exceptions.TelegramRetryAfter) as flood:
        await bot.send_message(maria.id, "x")
    assert flood.value.retry_after == 7
    box.faults.add("502", count=1)
    with pytest.raises(library().exceptions.TelegramServerError):
        await bot.send_message(maria.id, "x")
    box.faults.add("reply_lost", count=1)
    with pytest.raises(library().exceptions.TelegramNetworkError):
        await bot.send_message(maria.id, "x")
    box.block(maria)
    with pytest.raises(library().exceptions.TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(maria.id, "x")
    async with aiogram(server, "1:wrong") as stranger:
        with pytest.raises(library().exceptions.TelegramUnauthorizedError):
            await stranger.get_me()


async def test_second_poller_gets_a_conflict(bot, server):
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await until(lambda: server._delivering._poll is not None)
    async with aiogram(server) as other:
        assert await other.get_updates() == []
        with pytest.raises(library().exceptions.TelegramConflictError):
            await first


async def test_webhook_set_by_aiogram_receives_updates(bot):
    assert await bot.set_webhook(
        "http://127.0.0.1:9/hook", secret_token="s", allowed_updates=["message"], max_connections=3
    )
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.allowed_updates) == ("http://127.0.0.1:9/hook", 3, ["message"])
    assert await bot.delete_webhook()
