"""The monitor asks Telegram whether the webhook works: a broken webhook looks like a day without updates."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.chat import webhook
from bot.chat.metrics import CALL_ERRORS, WEBHOOK_RESETS
from bot.chat.webhook import (
    CHECK_SECONDS,
    SOON_CHECK_SECONDS,
    STUCK_SECONDS,
    UNANSWERED_SECONDS,
    WebhookMonitor,
    failure_kind,
)

from .stand_ins import AT, House

URL = "https://bot.example/telegram/5ec7e7"
DELIVERED = "Telegram can't deliver: pending updates do not become fewer"


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A monotonic clock, in seconds, that the test sets."""
    hands = SimpleNamespace(at=1000.0)
    monkeypatch.setattr(webhook, "time", SimpleNamespace(monotonic=lambda: hands.at))
    return hands


@pytest.fixture
def monitor(house: House, hands: SimpleNamespace) -> WebhookMonitor:
    return WebhookMonitor(house.bot, URL, "s3cret", house.clock)


async def looked(house: House, monitor: WebhookMonitor, waiting: int = 0, *, url: str = URL, **more: Any) -> bool:
    """Check once while Telegram reports that many pending updates."""
    info = {"url": url, "has_custom_certificate": False, "pending_update_count": waiting} | more
    house.api.answers.setdefault("getWebhookInfo", []).append((200, {"ok": True, "result": info}))
    return await monitor.check()


def failed(
    seconds_ago: float, words: str = f"Wrong response from the webhook: 502 Bad Gateway of {URL}"
) -> dict[str, Any]:
    time_shown = AT - timedelta(seconds=seconds_ago)
    return {"last_error_date": int(time_shown.timestamp()), "last_error_message": words}


async def test_problem_before_the_first_answer_is_unknown(house: House, monitor: WebhookMonitor) -> None:
    assert monitor.problem == "Telegram has not answered yet"
    assert await looked(house, monitor)
    assert monitor.problem is None
    assert monitor.seconds_to_next_check == CHECK_SECONDS


async def test_problem_is_none_while_updates_arrive(house: House, monitor: WebhookMonitor, hands) -> None:
    for waiting in (3, 2, 2, 1, 4, 3, 0, 1):
        assert await looked(house, monitor, waiting), "some arrive all the time"
        hands.at += STUCK_SECONDS / 2
    assert monitor.seconds_to_next_check == SOON_CHECK_SECONDS


async def test_problem_when_pending_updates_do_not_become_fewer(house: House, monitor: WebhookMonitor, hands) -> None:
    assert await looked(house, monitor)
    hands.at += CHECK_SECONDS + 1
    assert await looked(house, monitor, 2), "they may have arrived just now"
    hands.at += STUCK_SECONDS
    assert await looked(house, monitor, 2)
    hands.at += 1
    assert not await looked(house, monitor, 5)
    assert monitor.problem == DELIVERED
    assert await looked(house, monitor, 4)
    assert monitor.problem is None


async def test_problem_names_only_the_kind_of_a_recent_error(house: House, monitor: WebhookMonitor) -> None:
    with capture_logs() as logs:
        assert not await looked(house, monitor, 1, **failed(100))
    assert monitor.problem == "Telegram can't deliver: the webhook answers 502"
    assert URL not in str(logs)
    assert monitor.seconds_to_next_check == SOON_CHECK_SECONDS
    assert await looked(house, monitor, 1, **failed(130)), "long ago"
    assert await looked(house, monitor, 0, **failed(1)), "the update was delivered since"


async def test_check_foreign_webhook_is_set_again_once(house: House, monitor: WebhookMonitor) -> None:
    before = WEBHOOK_RESETS._value.get()
    assert not await looked(house, monitor, url="https://other.example/")
    assert monitor.problem == "the webhook was missing or set to another address: it is set again"
    (asked,) = house.api.sent("setWebhook")
    assert (asked["url"], asked["secret_token"], asked["drop_pending_updates"]) == (URL, "s3cret", False)
    assert await looked(house, monitor)
    assert len(house.api.sent("setWebhook")) == 1, "replicas with the same settings don't reset each other's webhook"
    assert WEBHOOK_RESETS._value.get() == before + 1


async def test_check_without_answer_becomes_a_problem(house: House, monitor: WebhookMonitor, hands) -> None:
    assert await looked(house, monitor)
    failures = CALL_ERRORS.labels("getWebhookInfo")._value
    before = failures.get()
    hands.at += UNANSWERED_SECONDS
    house.api.fail("getWebhookInfo", 502)
    assert not await monitor.check()
    assert monitor.problem is None
    hands.at += 1
    assert monitor.problem == "Telegram last answered 121 s ago"
    house.api.fail("setWebhook", 502)
    assert not await looked(house, monitor, url="")
    assert failures.get() == before + 2


@pytest.mark.parametrize(
    ("words", "description"),
    [
        ("Wrong response from the webhook: 404 Not Found", "the webhook answers 404"),
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
def test_failure_kind_of_telegrams_description(words: str, description: str) -> None:
    assert failure_kind(words) == description
