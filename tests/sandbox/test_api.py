"""Bot API methods over HTTP: their results, and their errors with Telegram's wording."""

import base64
import logging
from datetime import timedelta

import aiohttp
import pytest

from bot.sandbox.state import BOT_USERNAME

from .schema import check_journal, check_object, check_result, needs_schema

KEYS = {
    "inline_keyboard": [
        [{"text": "Yes", "callback_data": "y"}],
        [{"text": "No", "callback_data": "n", "style": "danger"}],
    ]
}
MENU = {"keyboard": [[{"text": "Tips"}]], "is_persistent": True}
PAGE = b"<!doctype html><script>alert(1)</script>"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_get_me_returns_the_bot(client):
    me = await client.result("getMe")
    assert (me["id"], me["is_bot"], me["username"]) == (1000000001, True, BOT_USERNAME)


async def test_wrong_token_or_unknown_method_is_refused(client):
    assert await client.refused("getMe", token="1:wrong") == (401, "Unauthorized")
    assert await client.refused("getMee") == (404, "Not Found: method not found")


async def test_method_names_are_case_insensitive(client):
    assert (await client.result("GETME"))["is_bot"]


async def test_unsimulated_method_succeeds_and_warns_once(client, caplog):
    with caplog.at_level(logging.WARNING, "bot.sandbox"):
        assert await client.result("setChatTitle", chat_id=1, title="x") is True
        assert await client.result("setChatTitle", chat_id=1, title="y") is True
    assert [record.message for record in caplog.records] == ["the sandbox accepts setChatTitle but does nothing"]


async def test_send_message_returns_the_message(client, maria):
    sent = await client.result(
        "sendMessage",
        chat_id=maria.id,
        text=" <b>Hello</b> ",
        parse_mode="HTML",
        reply_markup=KEYS,
        protect_content=True,
        reply_parameters={"message_id": 1},
        link_preview_options={"is_disabled": True},
        disable_notification=True,
    )
    assert sent["text"] == "Hello"
    assert sent["entities"] == [{"type": "bold", "offset": 0, "length": 5}]
    assert sent["reply_markup"] == KEYS
    assert sent["has_protected_content"] is True
    assert sent["reply_to_message"]["text"] == "/start"
    assert sent["chat"] == {"id": maria.id, "type": "private", "first_name": "Maria"}
    assert client.box.messages(maria)[-1] == sent


@needs_schema
async def test_rich_message_has_paragraphs_and_numbers_that_a_tap_calls(client, maria):
    html = '<p><b>Call</b> <a href="tel:112">Emergency: 112</a></p><p><a href="https://example.org">More</a> &amp; so on</p>'
    sent = await client.result("sendRichMessage", chat_id=maria.id, rich_message={"html": html}, reply_markup=KEYS)
    check_object("Message", sent)
    first, second = sent["rich_message"]["blocks"]
    number = {"type": "phone_number", "phone_number": "112", "text": "Emergency: 112"}
    assert first == {"type": "paragraph", "text": [{"type": "bold", "text": "Call"}, " ", number]}
    assert second["text"] == [{"type": "url", "url": "https://example.org", "text": "More"}, " & so on"]
    assert sent["reply_markup"] == KEYS
    assert client.box.messages(maria)[-1] == sent


@pytest.mark.parametrize(
    "message",
    [
        {"markdown": "x"},
        {"html": ""},
        {"html": "x", "markdown": "x"},
        {"html": "<table></table>"},
        {"html": "<p><b>x</p>"},
        {"html": "x</b>"},
        {"html": '<a href="javascript:x">x</a>'},
        {"html": "x" * 32769},
    ],
)
async def test_rich_message_that_the_sandbox_cannot_read_is_refused(client, maria, message):
    code, description = await client.refused("sendRichMessage", chat_id=maria.id, rich_message=message)
    assert (code, description[:25]) == (400, "Bad Request: rich message"[:25]) or "can't parse rich" in description


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "  \n "}, "text must be non-empty"),
        ({"text": "x" * 4097}, "message is too long"),
        (
            {"text": "<b>x", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"text": "x", "parse_mode": "MarkdownV2"}, "unsupported parse_mode"),
        ({"text": "x", "reply_markup": "{no json"}, "can't parse reply markup JSON object"),
        ({"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ({"text": "x", "entities": [{"type": "bold"}]}, "can't parse MessageEntity: Can't find field \"type\""),
    ],
)
async def test_invalid_messages_are_refused(client, maria, params, expected):
    assert await client.refused("sendMessage", chat_id=maria.id, **params) == (400, f"Bad Request: {expected}")
    assert len(client.box.messages(maria)) == 1


async def test_send_message_accepts_the_longest_text(client, maria):
    assert len((await client.result("sendMessage", chat_id=maria.id, text="ä" * 4096))["text"]) == 4096


async def test_send_message_needs_a_reachable_chat(client, box, maria):
    stranger = box.person("Stranger")
    missing = (400, "Bad Request: chat not found")
    assert await client.refused("sendMessage", chat_id=stranger.id, text="x") == missing
    assert await client.refused("sendMessage", chat_id=5, text="x") == missing
    assert await client.refused("sendMessage", chat_id="@nobody", text="x") == missing
    assert await client.refused("sendMessage", text="x") == (400, "Bad Request: chat_id is empty")
    box.block(maria)
    assert await client.refused("sendMessage", chat_id=maria.id, text="x") == (
        403,
        "Forbidden: bot was blocked by the user",
    )
    box.unblock(maria)
    assert await client.result("sendMessage", chat_id=maria.id, text="x")
    box.deactivate(maria)
    assert await client.refused("sendMessage", chat_id=maria.id, text="x") == (403, "Forbidden: user is deactivated")


async def test_edit_replaces_the_message(client, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="one", reply_markup=KEYS)
    target = {"chat_id": maria.id, "message_id": sent["message_id"]}
    edited = await client.result("editMessageText", **target, text="two", reply_markup=KEYS)
    assert (edited["text"], edited["reply_markup"], "edit_date" in edited) == ("two", KEYS, True)
    assert "reply_markup" not in await client.result("editMessageReplyMarkup", **target)
    assert [message["text"] for message in client.box.messages(maria)] == ["/start", "two"]


async def test_edit_without_a_change_is_refused(client, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="one", reply_markup=KEYS)
    target = {"chat_id": maria.id, "message_id": sent["message_id"]}
    expected = (
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content "
        "and reply markup of the message"
    )
    assert await client.refused("editMessageText", **target, text="one", reply_markup=KEYS) == (400, expected)
    assert await client.refused("editMessageReplyMarkup", **target, reply_markup=KEYS) == (400, expected)
    await client.result("editMessageText", **target, text="<b>one</b>", parse_mode="HTML", reply_markup=KEYS)
    await client.result("editMessageText", **target, text="one", reply_markup=KEYS)


async def test_uneditable_messages_are_refused(client, maria):
    menu = await client.result("sendMessage", chat_id=maria.id, text="menu", reply_markup=MENU)
    contact = await client.result("sendContact", chat_id=maria.id, phone_number="+49 30 901820", first_name="Team")
    cases = [
        (99, "message to edit not found"),
        (1, "message can't be edited"),
        (menu["message_id"], "message can't be edited"),
    ]
    cases.append((contact["message_id"], "there is no text in the message to edit"))
    for message_id, expected in cases:
        refused = await client.refused("editMessageText", chat_id=maria.id, message_id=message_id, text="x")
        assert refused == (400, f"Bad Request: {expected}")
    refused = await client.refused(
        "editMessageCaption", chat_id=maria.id, message_id=contact["message_id"], caption="x"
    )
    assert refused == (400, "Bad Request: there is no caption in the message to edit")


async def test_delete_removes_recent_messages_only(client, box, maria):
    old = await client.result("sendMessage", chat_id=maria.id, text="old")
    new = await client.result("sendMessage", chat_id=maria.id, text="new")
    assert await client.result("deleteMessage", chat_id=maria.id, message_id=new["message_id"]) is True
    refused = await client.refused("deleteMessage", chat_id=maria.id, message_id=new["message_id"])
    assert refused == (400, "Bad Request: message to delete not found")
    box.advance(timedelta(hours=49))
    refused = await client.refused("deleteMessage", chat_id=maria.id, message_id=old["message_id"])
    assert refused == (400, "Bad Request: message can't be deleted for everyone")


async def test_send_photo_accepts_upload_and_file_id(client, box, maria):
    form = aiohttp.FormData({"chat_id": str(maria.id), "caption": "<i>week 5</i>", "parse_mode": "HTML"})
    form.add_field("photo", PNG, filename="chart.png", content_type="image/png")
    async with client.session.post(f"{client.server.api_url}/bot{box.token}/sendPhoto", data=form) as answer:
        sent = (await answer.json())["result"]
    size = sent["photo"][-1]
    assert (size["width"], size["height"], size["file_size"]) == (1, 1, len(PNG))
    assert (sent["caption"], sent["caption_entities"]) == ("week 5", [{"type": "italic", "offset": 0, "length": 6}])
    again = await client.result("sendPhoto", chat_id=maria.id, photo=size["file_id"])
    assert again["photo"] == sent["photo"]
    edited = await client.result(
        "editMessageCaption", chat_id=maria.id, message_id=sent["message_id"], caption="week 6"
    )
    assert edited["caption"] == "week 6"
    async with client.session.get(f"{client.server.api_url}/sandbox/photos/{size['file_id']}") as answer:
        assert (await answer.read(), answer.content_type) == (PNG, "image/png")


async def test_invalid_photos_are_refused(client, box, maria):
    form = aiohttp.FormData({"chat_id": str(maria.id)})
    form.add_field("photo", b"not a picture", filename="chart.png")
    async with client.session.post(f"{client.server.api_url}/bot{box.token}/sendPhoto", data=form) as answer:
        assert (await answer.json())["description"] == "Bad Request: IMAGE_PROCESS_FAILED"
    assert (await client.refused("sendPhoto", chat_id=maria.id))[1] == "Bad Request: there is no photo in the request"
    refused = await client.refused("sendPhoto", chat_id=maria.id, photo="https://example.org/x.png")
    assert refused == (400, "Bad Request: failed to get HTTP URL content")
    assert (await client.refused("sendPhoto", chat_id=maria.id, photo="AgAC"))[0] == 400


async def test_send_document_accepts_upload_and_file_id(client, box, maria):
    form = aiohttp.FormData({"chat_id": str(maria.id), "caption": "<b>All</b> of it", "parse_mode": "HTML"})
    form.add_field("document", PAGE, filename="answers.html", content_type="text/html")
    form.add_field("protect_content", "true")
    async with client.session.post(f"{client.server.api_url}/bot{box.token}/sendDocument", data=form) as answer:
        sent = (await answer.json())["result"]
    document = sent["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == (
        "answers.html", "text/html", len(PAGE),
    )  # fmt: skip
    assert (sent["caption"], sent["has_protected_content"]) == ("All of it", True)
    again = await client.result("sendDocument", chat_id=maria.id, document=document["file_id"])
    assert again["document"] == document
    async with client.session.get(f"{client.server.api_url}/sandbox/documents/{document['file_id']}") as answer:
        assert (await answer.read(), answer.content_type) == (PAGE, "application/octet-stream")
        assert answer.headers["Content-Disposition"].startswith("attachment"), "a page must not run as the sandbox's"
    async with client.session.get(f"{client.server.api_url}/sandbox/documents/none") as answer:
        assert answer.status == 404


async def test_invalid_documents_are_refused(client, box, maria):
    form = aiohttp.FormData({"chat_id": str(maria.id)})
    form.add_field("document", b"", filename="empty.json")
    async with client.session.post(f"{client.server.api_url}/bot{box.token}/sendDocument", data=form) as answer:
        assert (await answer.json())["description"] == "Bad Request: file must be non-empty"
    refused = await client.refused("sendDocument", chat_id=maria.id)
    assert refused == (400, "Bad Request: there is no document in the request")
    refused = await client.refused("sendDocument", chat_id=maria.id, document="https://example.org/x.html")
    assert refused == (400, "Bad Request: failed to get HTTP URL content")
    assert (await client.refused("sendDocument", chat_id=maria.id, document="BQAC"))[0] == 400


async def test_send_contact_needs_number_and_name(client, maria):
    refused = await client.refused("sendContact", chat_id=maria.id, phone_number="+49 30 901820")
    assert refused == (400, 'Bad Request: parameter "first_name" is required')


async def test_answer_callback_needs_a_known_id(client, box, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="?", reply_markup=KEYS)
    tap = box.tap(maria, sent["message_id"], "y")
    assert await client.result("answerCallbackQuery", callback_query_id=tap.id, text="Saved", show_alert=True) is True
    assert box.taps[tap.id].answer == {"text": "Saved", "show_alert": True}
    expected = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert await client.refused("answerCallbackQuery", callback_query_id="1") == (400, expected)
    refused = await client.refused("answerCallbackQuery", callback_query_id=tap.id, text="x" * 201)
    assert refused == (400, "Bad Request: MESSAGE_TOO_LONG")


async def test_commands_depend_on_scope_and_language(client, box, maria):
    def commands(word):
        return [{"command": "help", "description": word}]

    mine = {"type": "chat", "chat_id": maria.id}
    await client.result("setMyCommands", commands=commands("default"))
    await client.result("setMyCommands", commands=commands("private"), scope={"type": "all_private_chats"})
    await client.result(
        "setMyCommands", commands=commands("ayuda"), scope={"type": "all_private_chats"}, language_code="es"
    )
    assert await client.result("getMyCommands") == commands("default")
    assert await client.result("getMyCommands", scope=mine) == []

    async def shown():
        return (await client.tester("GET", f"/chats/{maria.id}"))["commands"][0]["description"]

    assert await shown() == "ayuda"
    await client.result("setMyCommands", commands=commands("hers"), scope=mine)
    assert await shown() == "hers"
    await client.result("deleteMyCommands", scope=mine)
    await client.result("deleteMyCommands", scope={"type": "all_private_chats"}, language_code="es")
    assert await shown() == "private"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"commands": [{"command": "Not Good", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "x", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ({"commands": [{"command": "x", "description": "x"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ({"commands": "x"}, "can't parse commands JSON object"),
        ({"commands": [], "scope": {"type": "moon"}}, "can't parse BotCommandScope: Unsupported type specified"),
        ({"commands": [], "scope": {"type": "chat", "chat_id": 5}}, "chat not found"),
    ],
)
async def test_invalid_commands_are_refused(client, params, expected):
    assert await client.refused("setMyCommands", **params) == (400, f"Bad Request: {expected}")


async def test_bot_texts_are_stored_per_language(client):
    await client.result("setMyDescription", description="Asks about nerves")
    await client.result("setMyDescription", description="Pregunta", language_code="es")
    assert await client.result("getMyDescription", language_code="es") == {"description": "Pregunta"}
    assert await client.result("getMyDescription", language_code="ru") == {"description": "Asks about nerves"}
    assert await client.result("getMyName") == {"name": "nervecheck"}


async def test_leave_chat_leaves_a_group(client, box, maria):
    group = box.add_to_group("Family", maria)
    await client.result("sendMessage", chat_id=group.id, text="I only work in private chats.")
    assert await client.result("leaveChat", chat_id=group.id) is True
    refused = await client.refused("sendMessage", chat_id=group.id, text="x")
    assert refused == (403, "Forbidden: bot is not a member of the supergroup chat")
    assert (await client.refused("leaveChat", chat_id=maria.id))[0] == 400


async def test_chat_action_must_be_known(client, maria):
    assert await client.result("sendChatAction", chat_id=maria.id, action="typing") is True
    refused = await client.refused("sendChatAction", chat_id=maria.id, action="dancing")
    assert refused == (400, "Bad Request: wrong parameter action in request")


async def test_arguments_are_accepted_in_all_encodings(client, box, maria):
    url = f"{client.server.api_url}/bot{box.token}/sendMessage"
    args = {
        "chat_id": str(maria.id),
        "text": "Grüße & more",
        "reply_markup": '{"inline_keyboard":[[{"text":"x","callback_data":"y"}]]}',
    }
    multipart = aiohttp.MultipartWriter("form-data")
    for name, value in args.items():
        multipart.append(value).set_content_disposition("form-data", name=name)
    answers = [
        client.session.get(url, params=args),
        client.session.post(url, data=args),
        client.session.post(url, json={**args, "chat_id": maria.id}),
        client.session.post(url, data=multipart),
    ]
    for request in answers:
        async with request as answer:
            body = await answer.json()
            assert body["ok"], body
            assert body["result"]["text"] == "Grüße & more"
            assert body["result"]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "y"


@needs_schema
async def test_every_object_matches_the_documentation(client, box, maria):
    """Check the results and updates of all simulated methods against the Bot API as data."""
    sent = await client.result(
        "sendMessage", chat_id=maria.id, text="<b>x</b> +49 30 901820", parse_mode="HTML", reply_markup=KEYS
    )
    target = {"chat_id": maria.id, "message_id": sent["message_id"]}
    box.tap(maria, sent["message_id"], "y")
    box.tap(maria, 77, "old", force=True)
    for method, params in [
        ("getMe", {}),
        ("getChat", {"chat_id": maria.id}),
        ("sendContact", {"chat_id": maria.id, "phone_number": "+49 30 901820", "first_name": "Team", "vcard": "x"}),
        ("editMessageText", {**target, "text": "two"}),
        ("editMessageReplyMarkup", {**target, "reply_markup": KEYS}),
        ("answerCallbackQuery", {"callback_query_id": next(iter(box.taps))}),
        ("sendMessage", {"chat_id": maria.id, "text": "menu", "reply_markup": MENU, "reply_parameters": target}),
        ("deleteMessage", target),
        ("setMyCommands", {"commands": [{"command": "help", "description": "Help"}]}),
        ("getMyCommands", {}),
        ("deleteMyCommands", {}),
        ("sendChatAction", {"chat_id": maria.id, "action": "typing"}),
        ("setMyName", {"name": "nervecheck"}),
        ("getMyName", {}),
        ("getMyShortDescription", {}),
        ("getWebhookInfo", {}),
        ("setWebhook", {"url": "http://127.0.0.1:9/x", "secret_token": "abc", "allowed_updates": ["message"]}),
        ("getWebhookInfo", {}),
        ("deleteWebhook", {}),
    ]:
        check_result(method, await client.result(method, **params))
    await client.result("getUpdates", allowed_updates=[])
    box.say(maria, "hello /help")
    box.block(maria)
    box.unblock(maria)
    for kind in ("group", "supergroup", "channel"):
        box.say_in(box.add_to_group(kind, maria, kind=kind), maria, "hello")
    updates = await client.result("getUpdates")
    check_object("Array of Update", updates)
    kinds = {kind for update in updates for kind in update} - {"update_id"}
    assert kinds == {"message", "callback_query", "my_chat_member", "channel_post"}
    check_journal(box.journal.calls())
