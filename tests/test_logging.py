import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from prometheus_client import REGISTRY

from bot.logging import QUIET, REDACTED, scrubbed, setup

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123"
Written = Callable[[], str]


@pytest.fixture
def log_to() -> Iterator[Callable[..., Written]]:
    root, quiet = logging.getLogger(), {name: logging.getLogger(name).level for name in QUIET}
    handlers, level = root.handlers[:], root.level

    def start(**settings: object) -> Written:
        stream = io.StringIO()
        setup(stream=stream, **settings)  # type: ignore[arg-type]
        return stream.getvalue

    yield start
    root.handlers = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "+49 30 901820",
        "+1 (202) 555-0123",
        "+4930901820",
        "030 901820",
        "0171/1234567",
        "4930901820",
    ],
)
def test_scrubbed_redacts_what_looks_secret(secret: str) -> None:
    text = scrubbed(f"failed for {secret}: https://host/bot{TOKEN}/getMe and postgres://nurse:wonderland@db/clinic")
    assert secret not in text
    assert TOKEN not in text
    assert "wonderland" not in text
    assert text.startswith("failed for ")


@pytest.mark.parametrize(
    "harmless",
    ["2026-11-23T06:52:56.123456Z", "127.0.0.1:8080", "took 0.25 s", "P-0017", "2026-11-23 06:52", "Python 3.11.7",
     "12 of 2000 rows", "revision 0001_first"],
)  # fmt: skip
def test_scrubbed_keeps_harmless_text(harmless: str) -> None:
    assert scrubbed(harmless) == harmless


def test_json_line_has_action_time_and_level(log_to: Callable[..., Written]) -> None:
    written = log_to(style="json")
    structlog.get_logger("bot.somewhere").warning("Telegram does not answer", action="poll_failed", again_in=2.0)
    line = json.loads(written())
    assert (line["action"], line["level"], line["message"]) == ("poll_failed", "warning", "Telegram does not answer")
    assert line["again_in"] == 2.0
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_never_reach_the_log(log_to: Callable[..., Written], style: str) -> None:
    written = log_to(style=style, secrets=["hunter2-hunter2"])
    log = structlog.get_logger()
    log.error("key hunter2-hunter2 is bad", action="x", url=f"https://api/bot{TOKEN}/getMe", chat_id=42424242)
    log.error("nested", action="x", detail={"answers": ["yes"], "errors": ["call +49 30 901820", ("hunter2-hunter2",)]})
    log.error("an error", action="x", error=ValueError(TOKEN))
    try:
        raise ValueError(f"refused hunter2-hunter2 and {TOKEN}")  # noqa: TRY301
    except ValueError:
        log.exception("failed", action="x")
    logging.getLogger("some.library").error("sent to %s", TOKEN)
    for secret in ("hunter2-hunter2", TOKEN, "42424242", "901820", "yes"):
        assert secret not in written()
    assert written().count(REDACTED) >= 8
    assert "Traceback" in written()


def test_libraries_that_log_urls_are_quiet(log_to: Callable[..., Written]) -> None:
    written = log_to()
    for name in QUIET:
        logging.getLogger(name).info("chatter")
    logging.getLogger("httpx").warning("trouble")
    assert "chatter" not in written()
    assert "trouble" in written()


def test_level_decides_what_is_written(log_to: Callable[..., Written]) -> None:
    written = log_to(level="warning")
    structlog.get_logger().info("small", action="x")
    structlog.get_logger().error("big", action="x")
    assert "small" not in written()
    assert "big" in written()


def test_setup_called_twice_writes_once(log_to: Callable[..., Written]) -> None:
    log_to()
    written = log_to()
    structlog.get_logger().error("once", action="x")
    assert written().count("once") == 1


def test_unwritable_line_is_counted_and_shown_nowhere(
    log_to: Callable[..., Written], capsys: pytest.CaptureFixture[str]
) -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    log_to()
    setup(stream=FullDisk())
    before = REGISTRY.get_sample_value("nervecheck_log_errors_total")
    structlog.get_logger().error("sent", action="sent", phone="+49 30 901820")
    assert REGISTRY.get_sample_value("nervecheck_log_errors_total") == before + 1
    assert capsys.readouterr() == ("", "")
