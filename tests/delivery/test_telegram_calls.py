import time

import pytest
from telegram import ReplyKeyboardMarkup
from telegram.error import BadRequest

from bot.app.records.messages import Claim, Lane
from bot.delivery import companions, metrics, tappable_numbers, telegram_calls
from bot.dialog.rendered import ContactCard, Rendered

from .stand_ins import BUTTONS, CARD, CHAT, CONTACT, Post, until
from .test_outcomes import claim


async def asked(post: Post, rendered: Rendered, *, message_id: int | None = None):
    sent = await telegram_calls.send(post.bot, claim(Lane.CHECKIN, message_id=message_id), rendered)
    call = post.api.calls[-1]
    return call.method, call.asked, sent


async def test_send_new_message(post):
    method, params, sent = await asked(post, Rendered("<b>Hello</b>", BUTTONS, protect=True))
    assert method == "sendMessage"
    assert params["chat_id"] == CHAT
    assert params["text"] == "<b>Hello</b>"
    assert params["parse_mode"] == "HTML"
    assert params["protect_content"] is True
    assert params["link_preview_options"] == {"is_disabled": True}
    assert params["reply_markup"] == BUTTONS.to_dict()
    assert "disable_notification" not in params
    assert sent == 101


async def test_silent_message_makes_no_sound(post):
    _, params, _ = await asked(post, Rendered("Hello", silent=True))
    assert params["disable_notification"] is True


async def test_send_edit_keeps_the_message_id(post):
    method, params, sent = await asked(post, Rendered("Hello", BUTTONS), message_id=7)
    assert method == "editMessageText"
    assert (params["chat_id"], params["message_id"], params["text"]) == (CHAT, 7, "Hello")
    assert params["link_preview_options"] == {"is_disabled": True}
    assert params["reply_markup"] == BUTTONS.to_dict()
    assert sent == 7


async def test_send_edit_works_without_buttons(post):
    method, params, _ = await asked(post, Rendered("Hello"), message_id=7)
    assert method == "editMessageText"
    assert "reply_markup" not in params


async def test_send_reply_keyboard_is_always_a_new_message(post):
    method, _, _ = await asked(post, Rendered("Hello", ReplyKeyboardMarkup([["Menu"]])), message_id=7)
    assert method == "sendMessage"


@pytest.mark.parametrize("message_id", [None, 7])
async def test_send_contact_card_is_always_a_new_message(post, message_id):
    method, params, _ = await asked(post, Rendered("", contact=CARD), message_id=message_id)
    assert method == "sendContact"
    assert (params["phone_number"], params["first_name"]) == (CARD.number, CARD.name)
    assert "protect_content" not in params


def call_screen(lane=Lane.RED_FLAG, attempt=1):
    row = claim(lane).row
    screen = row.screen.model_copy(update={"ahead": CONTACT})
    return Claim(row=row.model_copy(update={"screen": screen}), attempt=attempt, message_id=None)


async def test_card_goes_ahead_without_a_sound(post):
    sent = await telegram_calls.send(post.bot, call_screen(), Rendered("Call", BUTTONS, ahead=CARD))
    card, message = post.api.calls
    assert (card.method, card.asked["phone_number"], card.asked["first_name"]) == (
        "sendContact",
        CARD.number,
        CARD.name,
    )
    assert card.asked["disable_notification"] is True
    assert message.method == "sendMessage"
    assert "disable_notification" not in message.asked
    assert sent == 102, "the message, not the card"


@pytest.mark.parametrize("error", [(403, "Forbidden"), (500, "Internal")])
async def test_message_goes_alone_if_its_card_is_refused(post, error):
    post.api.fail("sendContact", *error)
    before = metrics.COMPANION_ERRORS.labels("card")._value.get()
    assert await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=CARD)) == 101
    assert [call.method for call in post.api.calls] == ["sendContact", "sendMessage"]
    assert metrics.COMPANION_ERRORS.labels("card")._value.get() == before + 1


EMERGENCY = ContactCard("112", "Emergency: 112")


@pytest.fixture
def _asked_for_the_first_time(monkeypatch):
    monkeypatch.setattr(tappable_numbers, "_not_offered_until", 0.0)


@pytest.mark.usefixtures("_asked_for_the_first_time")
@pytest.mark.parametrize(
    ("card", "link"),
    [
        (EMERGENCY, '<p><a href="tel:112">Emergency: 112</a></p>'),
        (ContactCard("+49 30 1", "Team <A&B>"), '<p><a href="tel:+49 30 1">Team &lt;A&amp;B&gt;: +49 30 1</a></p>'),
    ],
)
async def test_number_that_a_tap_calls_goes_ahead_if_the_card_is_refused(post, card, link):
    post.api.fail("sendContact", 400, "Bad Request: PHONE_NUMBER_INVALID")
    sent = await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=card))
    _, number, message = post.api.calls
    assert (number.method, number.asked["rich_message"]["html"]) == ("sendRichMessage", link)
    assert number.asked["disable_notification"] is True
    assert message.method == "sendMessage", "a plain message: every phone can show it"
    assert sent == 102


@pytest.mark.usefixtures("_asked_for_the_first_time")
async def test_server_without_rich_messages_is_asked_once_an_hour(post, monkeypatch):
    for _ in range(3):
        post.api.fail("sendContact", 400)
        post.api.fail("sendRichMessage", 404, "Not Found: method not found")
        await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=EMERGENCY))
    assert len(post.api.sent("sendRichMessage")) == 1
    assert len(post.api.sent("sendMessage")) == 3
    hour_later = time.monotonic() + tappable_numbers.RETRY_SECONDS + 1
    monkeypatch.setattr(tappable_numbers.time, "monotonic", lambda: hour_later)
    await tappable_numbers.send_number(post.bot, CHAT, EMERGENCY)
    assert len(post.api.sent("sendRichMessage")) == 2


@pytest.mark.usefixtures("_asked_for_the_first_time")
@pytest.mark.parametrize("error", [(400, "Bad Request: RICH_VALIDATE"), (403, "Forbidden"), (500, "Internal")])
async def test_message_goes_alone_if_card_and_number_are_refused(post, error):
    before = metrics.COMPANION_ERRORS.labels("number")._value.get()
    for _ in range(2):
        post.api.fail("sendContact", 400)
        post.api.fail("sendRichMessage", *error)
        await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=EMERGENCY))
    assert [call.method for call in post.api.calls] == ["sendContact", "sendRichMessage", "sendMessage"] * 2
    assert metrics.COMPANION_ERRORS.labels("number")._value.get() == before + 2


@pytest.mark.usefixtures("_asked_for_the_first_time")
async def test_message_never_waits_for_its_number_and_stays_the_last(post, monkeypatch):
    monkeypatch.setattr(companions, "CARD_SECONDS", 0.01)
    post.api.fail("sendContact", 400)
    post.api.held_methods = {"sendRichMessage"}
    post.api.gate.clear()
    sent = await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=EMERGENCY))
    assert post.api.sent("sendMessage")
    post.api.gate.set()
    await until(lambda: post.api.sent("deleteMessage"))
    (deleted,) = post.api.sent("deleteMessage")
    assert deleted.asked["message_id"] != sent, "the number that came too late"


async def test_message_never_waits_for_its_card_and_stays_the_last(post, monkeypatch):
    monkeypatch.setattr(companions, "CARD_SECONDS", 0.01)
    post.api.held_methods = {"sendContact"}
    post.api.gate.clear()
    sent = await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=CARD))
    assert [call.method for call in post.api.calls] == ["sendContact", "sendMessage"]
    post.api.gate.set()
    await until(lambda: post.api.sent("deleteMessage"))
    (deleted,) = post.api.sent("deleteMessage")
    assert deleted.asked["message_id"] != sent, "the card that came too late"


async def test_card_that_fails_late_is_nothing_to_delete(post, monkeypatch):
    monkeypatch.setattr(companions, "CARD_SECONDS", 0.01)
    post.api.held_methods = {"sendContact"}
    post.api.gate.clear()
    post.api.fail("sendContact", 400)
    await telegram_calls.send(post.bot, call_screen(), Rendered("Call", ahead=CARD))
    post.api.gate.set()
    await until(lambda: not companions._deletions)
    assert not post.api.sent("deleteMessage")


async def test_retried_message_sends_no_second_card(post):
    await telegram_calls.send(post.bot, call_screen(attempt=2), Rendered("Call", ahead=CARD))
    assert [call.method for call in post.api.calls] == ["sendMessage"]


def moved(message_id=7, mode="new"):
    row = claim(Lane.REMINDER).row
    screen = row.screen.model_copy(update={"replaces": True})
    return Claim(row=row.model_copy(update={"screen": screen, "mode": mode}), attempt=1, message_id=message_id)


async def test_message_that_replaces_the_former_copy_deletes_it(post):
    assert await telegram_calls.send(post.bot, moved(), Rendered("Again", BUTTONS)) == 101
    await until(lambda: not companions._deletions)
    assert [call.method for call in post.api.calls] == ["sendMessage", "deleteMessage"]
    assert post.api.calls[1].asked["message_id"] == 7


async def test_copy_that_is_too_old_to_be_deleted_loses_its_buttons(post):
    post.api.fail("deleteMessage", 400, "Bad Request: message can't be deleted for everyone")
    post.api.fail("editMessageReplyMarkup", 400, "Bad Request: message is not modified")
    await telegram_calls.send(post.bot, moved(), Rendered("Again", BUTTONS))
    await until(lambda: not companions._deletions)
    edited = post.api.calls[-1]
    assert (edited.method, edited.asked["message_id"]) == ("editMessageReplyMarkup", 7)
    assert "reply_markup" not in edited.asked


async def test_copy_stays_if_the_new_one_was_not_sent(post):
    post.api.fail("sendMessage", 400)
    with pytest.raises(BadRequest):
        await telegram_calls.send(post.bot, moved(), Rendered("Again"))
    assert not companions._deletions
    assert not post.api.sent("deleteMessage")


@pytest.mark.parametrize("sent", [moved(message_id=None), moved(mode="edit")])
async def test_nothing_is_deleted_without_a_former_copy_or_after_an_edit(post, sent):
    await telegram_calls.send(post.bot, sent, Rendered("Again"))
    assert not companions._deletions


async def test_send_plain_text_has_no_markup(post):
    await telegram_calls.send_plain_text(
        post.bot, claim(), Rendered("<b>Call 112</b> now &amp; wait < 5\n<i>!</i>", BUTTONS)
    )
    params = post.api.calls[-1].asked
    assert params["text"] == "Call 112 now & wait < 5\n!"
    assert set(params) == {"chat_id", "text", "link_preview_options"}


def test_plain_text_of_a_card_is_its_name_and_number():
    assert telegram_calls.plain_text(Rendered("", contact=CARD)) == "Your team: +4930901820"


def of_buttons(message_id=7):
    row = claim(Lane.DIGEST).row
    return Claim(row=row.model_copy(update={"mode": "buttons"}), attempt=1, message_id=message_id)


async def test_buttons_alone_are_changed_and_the_text_stays(post):
    assert await telegram_calls.send(post.bot, of_buttons(), Rendered("")) == 7
    (call,) = post.api.calls
    assert call.method == "editMessageReplyMarkup"
    assert (call.asked["chat_id"], call.asked["message_id"], "reply_markup" in call.asked) == (CHAT, 7, False)
    await telegram_calls.send(post.bot, of_buttons(), Rendered("", BUTTONS))
    assert post.api.calls[-1].asked["reply_markup"] == BUTTONS.to_dict()


async def test_message_that_was_never_sent_has_no_buttons_to_change(post):
    assert await telegram_calls.send(post.bot, of_buttons(message_id=None), Rendered("")) is None
    assert post.api.calls == []
