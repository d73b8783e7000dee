"""How the sender handles each kind of answer, and in which order it sends."""

import asyncio
import threading
from datetime import timedelta

import pytest
import structlog
from telegram.error import NetworkError, TimedOut

from bot.app.records.messages import Lane, OutboxState
from bot.delivery import metrics
from bot.delivery.results import UNREACHABLE_ATTEMPTS
from tests.fakes.outbox import UNLIMITED

from .stand_ins import AT, BUTTONS, CARD, CHAT, DRAWN_IN, TOKEN, Post, until

SECRET = f"https://api.example/bot{TOKEN}/sendMessage"


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


# -- sending and editing


async def test_queued_message_is_sent_and_marked(post):
    number = post.put("hello")
    assert await post.send()
    assert post.state(number) is OutboxState.SENT
    assert [call.method for call in post.api.calls] == ["sendMessage"]
    assert post.api.calls[0].text == "<b>hello</b> &amp; en"
    assert not await post.send()


async def test_message_is_sent_neither_early_nor_expired(post):
    early = post.put("early", not_before=AT + seconds(10))
    late = post.put("late", not_after=AT + seconds(5), not_before=AT + seconds(2))
    assert not await post.send()
    post.later(seconds=10)
    await post.send_all()
    assert post.texts == ["early"]
    assert (post.state(early), post.state(late)) == (OutboxState.SENT, OutboxState.EXPIRED)


async def test_screen_is_edited_in_place(post):
    post.put("one", slot="checkin:1", mode="edit", revision=1)
    await post.send()
    post.put("two", slot="checkin:1", mode="edit", revision=2)
    await post.send()
    assert [call.method for call in post.api.calls] == ["sendMessage", "editMessageText"]
    assert post.api.calls[1].asked["message_id"] == 101


async def test_new_message_becomes_the_one_to_edit(post):
    for name, mode in (("one", "new"), ("two", "new"), ("three", "edit")):
        post.put(name, slot="checkin:1", mode=mode)
        await post.send()
    assert post.api.calls[2].asked["message_id"] == 102


async def test_edit_without_changes_counts_as_sent(post):
    post.put("one", slot="s", mode="edit")
    await post.send()
    number = post.put("one", slot="s", mode="edit")
    post.api.fail("editMessageText", 400, "Bad Request: message is not modified: ...")
    await post.send()
    assert post.state(number) is OutboxState.SENT
    post.put("two", slot="s", mode="edit")
    await post.send()
    assert post.api.calls[-1].asked["message_id"] == 101


@pytest.mark.parametrize("words", ["message to edit not found", "message can't be edited"])
async def test_edit_of_a_deleted_message_is_resent_as_new(post, words):
    post.put("one", slot="s", mode="edit")
    await post.send()
    number = post.put("two", slot="s", mode="edit")
    post.api.fail("editMessageText", 400, f"Bad Request: {words}")
    await post.send_all()
    assert [call.method for call in post.api.calls] == ["sendMessage", "editMessageText", "sendMessage"]
    assert post.state(number) is OutboxState.SENT
    post.later(seconds=2)
    post.put("three", slot="s", mode="edit")
    await post.send()
    assert post.api.calls[-1].asked["message_id"] == 102


async def test_card_is_sent_after_its_call_screen(post):
    post.put("EMERGENCY", lane=Lane.RED_FLAG)
    post.put("card", lane=Lane.RED_FLAG)
    await post.send_all()
    assert [call.method for call in post.api.calls] == ["sendMessage", "sendContact"]
    assert "disable_notification" not in post.api.calls[0].asked


# -- order


async def test_lanes_are_sent_strictly_in_order(post):
    for chat, lane in enumerate([Lane.DIGEST, Lane.CHECKIN, Lane.REMINDER, Lane.REPLY, Lane.RED_FLAG], start=1):
        post.put(lane.name, chat=chat, lane=lane)
    while post.api.calls[4:] == []:
        await post.send()
        post.later(milliseconds=50)
    assert post.texts == ["RED_FLAG", "REPLY", "REMINDER", "CHECKIN", "DIGEST"]


async def test_one_chats_messages_are_sent_one_by_one(post):
    for name in ("one", "two", "three"):
        post.put(name)
    post.api.gate.clear()
    first = asyncio.create_task(post.send())
    await until_calls(post, 1)
    await post.sender._claim()
    assert post.texts == ["one"]
    post.api.gate.set()
    await first
    await post.send_all()
    assert post.texts == ["one", "two", "three"]


async def test_chat_gets_three_at_once_then_one_a_second(post):
    for number in range(5):
        post.put(f"m{number}")
    await post.send_all()
    assert len(post.texts) == 3
    post.later(milliseconds=1099)
    await post.send_all()
    assert len(post.texts) == 3
    post.later(milliseconds=1)
    await post.send_all()
    assert len(post.texts) == 4


async def test_limited_chat_does_not_delay_others(post):
    for number in range(5):
        post.put(f"m{number}")
    post.put("other", chat=1, lane=Lane.DIGEST)
    await post.send_all()
    assert "other" in post.texts


# -- the budget


async def test_any_second_has_at_most_30_and_bulk_keeps_its_share(post):
    for chat in range(200):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    for step in range(300):
        if step >= 200 and step % 2 == 0:
            post.put("reply", chat=1000 + step, lane=Lane.REPLY)
        await post.send()
        post.later(milliseconds=10)
    for name, most in ((None, 30), ("due", 24)):
        times = [c.at for c, t in zip(post.api.calls, post.texts, strict=True) if name in (None, t)]
        assert max(sum(a <= b <= a + seconds(1) for b in times) for a in times) <= most
    assert 40 <= post.texts.count("due") <= 44
    assert 25 <= post.texts.count("reply") <= 30


async def test_red_flag_is_sent_at_once_while_bulk_uses_its_share(post):
    for chat in range(100):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    for chat in range(10):
        await post.send_all()
        post.put("EMERGENCY", chat=1000 + chat, lane=Lane.RED_FLAG)
        post.put("card", chat=1000 + chat, lane=Lane.RED_FLAG)
        before = len(post.api.calls)
        await post.send_all()
        assert post.texts[before : before + 2] == ["EMERGENCY", "card"]
        post.later(milliseconds=400)


async def test_capacity_is_reserved_for_urgent_messages(post):
    post.sender = post.make_sender(concurrency=10, limits=UNLIMITED)
    for chat in range(20):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    post.api.gate.clear()
    await post.sender._claim()
    assert post.sender.in_flight == 2
    for chat in range(20):
        post.put("reply", chat=chat + 100)
    await post.sender._claim()
    await until_calls(post, 10)
    assert post.texts == ["due"] * 2 + ["reply"] * 8
    post.api.gate.set()
    await post.send_all()
    assert len(post.texts) == 40


async def test_urgent_messages_of_a_claim_reduce_bulk_capacity(post):
    post.sender = post.make_sender(concurrency=10, limits=UNLIMITED)
    for chat in range(20):
        post.put("due", chat=chat + 1, lane=Lane.CHECKIN)
    post.put("reply", chat=100)
    post.api.gate.clear()
    await post.sender._claim()
    await until_calls(post, 2)
    assert post.texts == ["reply", "due"]
    assert post.sender.in_flight == 2
    post.api.gate.set()
    await post.send_all()


# -- 429


async def test_429_of_a_recent_chat_pauses_that_chat(post):
    post.put("one")
    await post.send()
    number = post.put("two", lane=Lane.RED_FLAG)
    post.put("behind", lane=Lane.REPLY)
    post.api.fail("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
    await post.send()
    due = post.put("due", chat=1, lane=Lane.CHECKIN)
    await post.send_all()
    assert post.texts == ["one", "two", "due"]
    assert post.state(due) is OutboxState.SENT
    post.later(seconds=6.9)
    assert not await post.send()
    post.later(seconds=0.1)
    await post.send_all()
    assert post.texts[3:] == ["two"]
    post.later(milliseconds=1100)
    await post.send_all()
    assert post.texts[4:] == ["behind"]
    assert post.state(number) is OutboxState.SENT


async def test_429_of_a_chat_with_full_burst_pauses_only_bulk(post):
    post.put("due", chat=1, lane=Lane.CHECKIN)
    post.api.fail("sendMessage", 429, "Too Many Requests: retry after 30", retry_after=30)
    await post.send()
    for lane in (Lane.REMINDER, Lane.CHECKIN, Lane.DIGEST, Lane.REPLY, Lane.RED_FLAG):
        post.put(lane.name, chat=10 + lane, lane=lane)
    await post.send_all()
    assert post.texts == ["due", "RED_FLAG", "REPLY"]
    post.later(seconds=29.9)
    assert not await post.send()
    post.later(seconds=0.1)
    for _ in range(5):
        await post.send()
        post.later(seconds=1)
    assert post.texts[3:] == ["REMINDER", "CHECKIN", "due", "DIGEST"]


async def test_red_flag_after_a_bot_wide_429_is_retried_soon(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    post.api.fail("sendMessage", 429, "Too Many Requests: retry after 30", retry_after=30)
    await post.send()
    post.later(milliseconds=500)
    await post.send()
    assert post.state(number) is OutboxState.SENT


# -- permanent errors


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: user is deactivated"),
        (400, "Bad Request: chat not found"),
    ],
)
async def test_unreachable_chat_is_handled_in_the_same_transaction(post, code, words):
    number = post.put("hello", lane=Lane.RED_FLAG)
    post.api.fail("sendMessage", code, words)
    post.later(seconds=1)
    await post.send_all()
    assert post.state(number) is OutboxState.FAILED
    assert post.gone == [(CHAT, AT + seconds(1))]
    assert len(post.api.calls) == 1


async def test_handling_error_rolls_back_only_that_result(post):
    def fails(stores, chat_id, at):
        raise KeyError("a study code")

    post._on_permanent = fails
    post.sender = post.make_sender(lease_seconds=60)
    gone, fine = post.put("gone", chat=1), post.put("fine", chat=2)
    post.api.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
    with structlog.testing.capture_logs() as logs:
        await post.send()
    assert (post.state(gone), post.state(fine)) == (OutboxState.WAITING, OutboxState.SENT)
    assert "a study code" not in str(logs)
    assert not await post.send()
    post.later(seconds=60)
    assert await post.send()
    assert post.state(gone) is OutboxState.SENT


async def test_handling_error_each_time_finally_fails_the_message(post):
    def fails(stores, chat_id, at):
        stores.settings.set("half", "done")
        raise KeyError("a study code")

    post._on_permanent = fails
    post.sender = post.make_sender(lease_seconds=60)
    gone, before = post.put("gone"), metrics.SENDER_ERRORS.labels("gone")._value.get()
    for _ in range(8):
        post.api.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
        await post.send()
        post.later(seconds=61)
    assert post.state(gone) is OutboxState.FAILED
    assert len(post.api.calls) == UNREACHABLE_ATTEMPTS
    assert metrics.SENDER_ERRORS.labels("gone")._value.get() == before + UNREACHABLE_ATTEMPTS
    assert post.database.run(lambda s: s.settings.get("half")) is None


async def test_rejected_message_is_logged_and_not_retried(post):
    number = post.put("hello", lane=Lane.CHECKIN)
    before = metrics.FAILURES.labels("refused")._value.get()
    post.api.fail("sendMessage", 400, "Bad Request: BUTTON_DATA_INVALID")
    with structlog.testing.capture_logs() as logs:
        await post.send_all()
    assert post.state(number) is OutboxState.FAILED
    assert len(post.api.calls) == 1
    assert metrics.FAILURES.labels("refused")._value.get() == before + 1
    (line,) = [line for line in logs if line["action"] == "send_rejected"]
    assert line["log_level"] == "error"
    assert line["error"] == "BadRequest: Button_data_invalid"
    assert "<b>" not in str(logs)
    assert str(CHAT) not in str(logs)


async def test_rejected_red_flag_is_sent_as_plain_text(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    post.api.fail("sendMessage", 400, "Bad Request: BUTTON_DATA_INVALID")
    await post.send()
    assert post.state(number) is OutboxState.SENT
    assert post.api.calls[0].asked["reply_markup"] == BUTTONS.to_dict()
    assert post.api.calls[1].text == "EMERGENCY & en"
    assert not {"reply_markup", "parse_mode"} & set(post.api.calls[1].asked)


async def test_rejected_card_is_sent_as_plain_text(post):
    post.put("card", lane=Lane.RED_FLAG)
    post.api.fail("sendContact", 400, "Bad Request: PHONE_NUMBER_INVALID")
    await post.send()
    assert post.api.calls[1].text == f"{CARD.name}: {CARD.number}"


async def test_picture_has_its_caption_and_is_drawn_in_a_thread(post):
    number = post.put("trend", protect=True)
    await post.send()
    assert post.state(number) is OutboxState.SENT
    (call,) = post.api.calls
    assert (call.method, call.asked["caption"]) == ("sendPhoto", "<b>trend</b> &amp; en")
    assert call.asked["protect_content"] is True
    assert DRAWN_IN[-1] != threading.get_ident()


async def test_rejected_picture_is_sent_as_plain_text(post):
    number = post.put("trend", protect=True)
    post.api.fail("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    await post.send()
    assert post.state(number) is OutboxState.SENT
    assert [call.method for call in post.api.calls] == ["sendPhoto", "sendMessage"]
    assert (post.api.calls[1].text, post.api.calls[1].asked["protect_content"]) == ("trend & en", True)


async def test_rejected_edit_of_a_red_flag_is_sent_as_new(post):
    post.put("EMERGENCY", slot="a", lane=Lane.RED_FLAG)
    await post.send()
    post.put("NOTED", slot="a", lane=Lane.RED_FLAG, mode="edit")
    post.api.fail("editMessageText", 400, "Bad Request: can't parse entities")
    await post.send()
    assert [call.method for call in post.api.calls] == ["sendMessage", "editMessageText", "sendMessage"]


async def test_plain_text_during_an_outage_is_retried(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    post.api.fail("sendMessage", 400, "Bad Request: BUTTON_DATA_INVALID")
    post.api.breaks("sendMessage", TimedOut(SECRET))
    await post.send()
    assert post.state(number) is OutboxState.WAITING
    post.later(seconds=0.5)
    await post.send()
    assert post.state(number) is OutboxState.SENT


async def test_red_flag_rejected_twice_fails(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    for _ in range(2):
        post.api.fail("sendMessage", 400, "Bad Request: MESSAGE_TOO_LONG")
    await post.send_all()
    assert post.state(number) is OutboxState.FAILED
    assert len(post.api.calls) == 2


# -- transient errors


@pytest.mark.parametrize("lane", list(Lane))
async def test_outage_is_retried_however_long_it_lasts(post, lane):
    number = post.put("hello", lane=lane)
    for count in range(40):
        if count % 2:
            post.api.breaks("sendMessage", NetworkError(SECRET))
        else:
            post.api.fail("sendMessage", 502, "Bad Gateway")
        await post.send()
        post.later(minutes=5)
    await post.send()
    assert post.state(number) is OutboxState.SENT
    assert len(post.api.calls) == 41


async def test_backoff_doubles_and_stays_short_in_urgent_lanes(post):
    number = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    waits = []
    for _ in range(7):
        post.api.breaks("sendMessage", TimedOut())
        await post.send()
        waits.append((post.row(number).row.not_before - post.clock.now()).total_seconds())
        post.clock.advance(seconds(waits[-1]))
    assert waits == [0.5, 1, 2, 4, 8, 15, 15]


async def test_message_expires_during_an_outage(post):
    number = post.put("reminder", lane=Lane.REMINDER, not_after=AT + seconds(60))
    post.api.breaks("sendMessage", TimedOut())
    await post.send()
    post.later(seconds=61)
    assert not await post.send()
    assert post.state(number) is OutboxState.EXPIRED


async def test_unrenderable_screen_fails_alone(post):
    bad, red = post.put("broken", chat=1, lane=Lane.CHECKIN), post.put("broken", chat=2, lane=Lane.RED_FLAG)
    fine = post.put("fine", chat=3)
    with structlog.testing.capture_logs() as logs:
        await post.send_all()
    states = [post.state(number) for number in (bad, red, fine)]
    assert states == [OutboxState.FAILED, OutboxState.WAITING, OutboxState.SENT]
    assert post.row(red).error == "ValueError"
    assert "a patient's words" not in str(logs)
    assert {line["action"] for line in logs} == {"send_broken"}


async def test_token_is_neither_stored_nor_logged(post):
    number = post.put("hello")
    post.api.breaks("sendMessage", NetworkError(SECRET))
    with structlog.testing.capture_logs() as logs:
        await post.send()
    assert TOKEN not in str(logs)
    assert post.row(number).error == "NetworkError"


# -- metrics


async def test_sent_message_is_counted_with_its_duration(post):
    def total() -> tuple[float, float]:
        return metrics.SENT.labels("red_flag")._value.get(), metrics.SEND_SECONDS.labels("red_flag")._sum.get()

    count, took = total()
    post.put("EMERGENCY", lane=Lane.RED_FLAG)
    post.later(seconds=2)
    await post.send()
    assert total() == (count + 1, took + 2)


async def until_calls(post: Post, count: int) -> None:
    await until(lambda: len(post.api.calls) >= count)
