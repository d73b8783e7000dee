"""Telegram's rate limits, on an injected clock."""

import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.limits import Limits


class Seconds:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def limits(seconds):
    return Limits(monotonic=seconds)


def refused(act):
    """Return `retry_after` of the refusal, or None if there is none."""
    try:
        act()
    except ApiError as error:
        return error.parameters["retry_after"]
    return None


def sends(limits, chat, count, *, group=False):
    return [refused(lambda: limits.count_send(chat, group=group)) for _ in range(count)]


def test_private_chat_allows_burst_of_3_then_1_per_second(limits, seconds):
    assert sends(limits, 1, 4) == [None, None, None, 1]
    seconds.now += 0.9
    assert sends(limits, 1, 1) == [1]
    seconds.now += 0.2
    assert sends(limits, 1, 2) == [None, 1]


def test_refusal_takes_no_token(limits, seconds):
    sends(limits, 1, 50)
    seconds.now += 1
    assert sends(limits, 1, 1) == [None]


def test_bot_sends_at_most_30_per_second(limits, seconds):
    outcome = [sends(limits, chat, 1)[0] for chat in range(31)]
    assert outcome == [None] * 30 + [1]
    seconds.now += 1 / 30 + 0.001
    assert sends(limits, 99, 2) == [None, 1]


def test_group_allows_20_per_minute(limits, seconds):
    assert sends(limits, -1, 21, group=True) == [None] * 20 + [3]
    seconds.now += 3
    assert sends(limits, -1, 2, group=True) == [None, 3]


def test_edits_have_a_separate_limit_per_chat(limits, seconds):
    sends(limits, 1, 4)
    outcome = [refused(lambda: limits.count_edit(1)) for _ in range(11)]
    assert outcome == [None] * 10 + [1]
    assert refused(lambda: limits.count_edit(2)) is None


def test_disabled_limits_refuse_nothing(seconds):
    assert sends(Limits(enabled=False, monotonic=seconds), 1, 100) == [None] * 100


async def test_server_enforces_the_limits(client, box, maria):
    box.limits.enabled = True
    sent = [await client.call("sendMessage", chat_id=maria.id, text=str(number)) for number in range(4)]
    assert [body["ok"] for body in sent] == [True, True, True, False]
    assert sent[-1] == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert len(box.messages(maria)) == 4
    assert (await client.call("sendMessage", chat_id=maria.id, text=""))["error_code"] == 400
