"""What a person can and can't do."""

from datetime import timedelta

import pytest

from bot.clock import FrozenClock, SystemClock
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.state import Sandbox

from .conftest import START
from .test_api import KEYS, MENU


async def test_person_is_created_once_with_a_language(box):
    maria = box.person("Maria", language_code="es")
    assert box.person("Maria") is maria
    other = box.person("Olga", language_code="ru", code="P-0002", start="abc", link="https://t.me/x?start=abc")
    assert other.id != maria.id
    assert box.say(other, " hello ")["text"] == "hello"
    assert box.open_invite(other)["text"] == "/start abc"
    assert other.opened
    with pytest.raises(NotPossibleError, match="has no invite"):
        box.open_invite(maria)
    with pytest.raises(NotPossibleError, match="empty"):
        box.say(maria, "  ")


async def test_messages_are_dated_by_the_sandbox_clock(box, maria):
    box.advance(timedelta(days=2))
    date = box.say(maria, "later")["date"]
    assert 0 <= date - (START + timedelta(days=2)).timestamp() < 60


async def test_tap_needs_an_existing_button(client, box, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="?", reply_markup=KEYS)
    number = sent["message_id"]
    assert box.tap(maria, number, "y").data == "y"
    assert box.tap(maria, number, label="No").data == "n"
    assert box.tap(maria, number, position=(1, 0)).data == "n"
    await client.result("editMessageReplyMarkup", chat_id=maria.id, message_id=number)
    with pytest.raises(NotPossibleError, match="doesn't have this button"):
        box.tap(maria, number, "y")
    assert box.tap(maria, number, "y", force=True).data == "y"
    assert len({tap.id for tap in box.taps.values()}) == 4
    assert [update["callback_query"]["data"] for update in box.updates.all()] == ["y", "n", "n", "y"]


async def test_copy_button_sends_nothing_to_the_bot(client, box, maria):
    keys = {"inline_keyboard": [[{"text": "Copy number", "copy_text": {"text": "+49 30 901820"}}]]}
    sent = await client.result("sendMessage", chat_id=maria.id, text="x", reply_markup=keys)
    assert box.tap(maria, sent["message_id"], label="Copy number")["copy_text"] == {"text": "+49 30 901820"}
    assert box.updates.all() == []


async def test_reply_keyboard_stays_until_removed(client, box, maria):
    await client.result("sendMessage", chat_id=maria.id, text="menu", reply_markup=MENU)
    await client.result("sendMessage", chat_id=maria.id, text="more")
    assert box.tap_reply(maria, "Tips")["text"] == "Tips"
    with pytest.raises(NotPossibleError, match="no button 'Moon'"):
        box.tap_reply(maria, "Moon")
    await client.result("sendMessage", chat_id=maria.id, text="bye", reply_markup={"remove_keyboard": True})
    with pytest.raises(NotPossibleError):
        box.tap_reply(maria, "Tips")


async def test_blocked_person_must_unblock_before_writing(client, box, maria):
    sent = await client.result("sendMessage", chat_id=maria.id, text="?", reply_markup=KEYS)
    box.block(maria)
    box.block(maria)
    for act in (lambda: box.say(maria, "x"), lambda: box.tap(maria, sent["message_id"], "y")):
        with pytest.raises(NotPossibleError, match="unblock"):
            act()
    box.unblock(maria)
    statuses = [update["my_chat_member"]["new_chat_member"]["status"] for update in box.updates.all()]
    assert statuses == ["kicked", "member"]


async def test_next_message_waits_for_the_bot(client, box, maria):
    await client.result("sendMessage", chat_id=maria.id, text="one")
    await client.result("sendMessage", chat_id=maria.id, text="two")
    assert [(await box.next_message(maria))["text"] for _ in range(2)] == ["one", "two"]
    with pytest.raises(TimeoutError):
        await box.next_message(maria, timeout=0.05)


async def test_clock_only_moves_forward():
    box = Sandbox(FrozenClock(START))
    box.advance(timedelta(hours=1))
    assert box.clock.now() == START + timedelta(hours=1)
    with pytest.raises(NotPossibleError, match="forward"):
        box.advance(timedelta(seconds=-1))
    with pytest.raises(NotPossibleError, match="can't be moved"):
        Sandbox(SystemClock()).advance(timedelta(hours=1))


async def test_subscriber_far_behind_gets_a_reload_event(box, maria):
    with box.events.subscribed() as queue:
        for number in range(2100):
            box.events.publish("typing", number=number)
        assert queue.get_nowait() == {"type": "reload"}
        assert queue.qsize() < 200
