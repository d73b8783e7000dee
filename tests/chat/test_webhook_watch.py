"""Telegram is asked whether it can bring updates: nothing else tells a broken way from a quiet day."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.chat import webhook
from bot.chat.metrics import CALL_ERRORS, WEBHOOK_RESETS
from bot.chat.webhook import LOOK_SECONDS, SOON_SECONDS, STUCK_SECONDS, UNANSWERED_SECONDS, WebhookWatch, failure

from .stand_ins import AT, House

URL = "https://bot.example/telegram/5ec7e7"
DELIVERED = "Telegram can't deliver: updates wait, and become no fewer"


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A watch that is set by hand, in seconds."""
    hands = SimpleNamespace(at=1000.0)
    monkeypatch.setattr(webhook, "time", SimpleNamespace(monotonic=lambda: hands.at))
    return hands


@pytest.fixture
def watch(house: House, hands: SimpleNamespace) -> WebhookWatch:
    return WebhookWatch(house.bot, URL, "s3cret", house.clock)


async def looked(house: House, watch: WebhookWatch, waiting: int = 0, *, url: str = URL, **more: Any) -> bool:
    """Look once, while Telegram says that so many updates wait."""
    info = {"url": url, "has_custom_certificate": False, "pending_update_count": waiting} | more
    house.api.answers.setdefault("getWebhookInfo", []).append((200, {"ok": True, "result": info}))
    return await watch.look()


def failed(
    seconds_ago: float, words: str = f"Wrong response from the webhook: 502 Bad Gateway of {URL}"
) -> dict[str, Any]:
    moment = AT - timedelta(seconds=seconds_ago)
    return {"last_error_date": int(moment.timestamp()), "last_error_message": words}


async def test_before_the_first_answer_nobody_knows(house: House, watch: WebhookWatch) -> None:
    assert watch.trouble == "Telegram has not answered yet"
    assert await looked(house, watch)
    assert watch.trouble is None
    assert watch.seconds_to_next == LOOK_SECONDS


async def test_updates_that_come_are_no_trouble(house: House, watch: WebhookWatch, hands) -> None:
    for waiting in (3, 2, 2, 1, 4, 3, 0, 1):
        assert await looked(house, watch, waiting), "some come all the time"
        hands.at += STUCK_SECONDS / 2
    assert watch.seconds_to_next == SOON_SECONDS


async def test_updates_that_wait_and_become_no_fewer(house: House, watch: WebhookWatch, hands) -> None:
    assert await looked(house, watch)
    hands.at += LOOK_SECONDS + 1
    assert await looked(house, watch, 2), "they may have arrived a moment ago"
    hands.at += STUCK_SECONDS
    assert await looked(house, watch, 2)
    hands.at += 1
    assert not await looked(house, watch, 5)
    assert watch.trouble == DELIVERED
    assert await looked(house, watch, 4)
    assert watch.trouble is None


async def test_an_error_of_a_moment_ago_is_told_by_its_kind_alone(house: House, watch: WebhookWatch) -> None:
    with capture_logs() as logs:
        assert not await looked(house, watch, 1, **failed(100))
    assert watch.trouble == "Telegram can't deliver: it is answered 502"
    assert URL not in str(logs)
    assert watch.seconds_to_next == SOON_SECONDS
    assert await looked(house, watch, 1, **failed(130)), "long ago"
    assert await looked(house, watch, 0, **failed(1)), "it was brought since"


async def test_a_webhook_that_is_not_ours_is_set_again_once(house: House, watch: WebhookWatch) -> None:
    before = WEBHOOK_RESETS._value.get()
    assert not await looked(house, watch, url="https://other.example/")
    assert watch.trouble == "the webhook was not set, or set elsewhere: it is set again"
    (asked,) = house.api.sent("setWebhook")
    assert (asked["url"], asked["secret_token"], asked["drop_pending_updates"]) == (URL, "s3cret", False)
    assert await looked(house, watch)
    assert len(house.api.sent("setWebhook")) == 1, "replicas of the same settings leave each other's alone"
    assert WEBHOOK_RESETS._value.get() == before + 1


async def test_a_telegram_that_does_not_answer(house: House, watch: WebhookWatch, hands) -> None:
    assert await looked(house, watch)
    failures = CALL_ERRORS.labels("getWebhookInfo")._value
    before = failures.get()
    hands.at += UNANSWERED_SECONDS
    house.api.fail("getWebhookInfo", 502)
    assert not await watch.look()
    assert watch.trouble is None
    hands.at += 1
    assert watch.trouble == "Telegram last answered 121 s ago"
    house.api.fail("setWebhook", 502)
    assert not await looked(house, watch, url="")
    assert failures.get() == before + 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Wrong response from the webhook: 404 Not Found", "it is answered 404"),
        ("Connection refused", "the connection is refused"),
        ("Connection timed out", "no answer in time"),
        ("Read timeout expired", "no answer in time"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "the certificate or TLS is wrong"),
        ("Failed to resolve host: Name or service not known", "the host's name is not found"),
        ("Connection reset by peer", "the connection is lost"),
        (f"Something new at {URL}", "another error"),
        ("", "another error"),
    ],
)
def test_a_failure_is_named_by_its_kind(words: str, told: str) -> None:
    assert failure(words) == told
