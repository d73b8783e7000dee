"""Configures the log: one line per event, as JSON or for people, without secrets. Logs nothing itself.

Every line carries `action`, a word to search for. What must never be logged is redacted here as a last defence, because
a library's message or an error's text may contain it: tokens, keys, phone numbers, chat ids, answers.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TextIO

import structlog
from prometheus_client import Counter
from structlog.typing import EventDict, Processor

REDACTED = "[redacted]"
QUIET = ("httpx", "httpcore", "aiohttp", "apscheduler", "telegram", "uvicorn", "asyncio", "alembic", "sqlalchemy")
"""Libraries that log from WARNING on: httpx logs whole URLs, which contain the token; others log each tick."""
PRIVATE_KEYS = frozenset({
    "answer", "answers", "body", "chat", "chat_id", "choice", "choices", "first_name", "keys", "last_name",
    "number", "password", "payload", "phone", "phone_number", "secret", "text", "token", "user_id", "username",
})  # fmt: skip
"""Names whose values are never written, whatever they contain."""

_PATTERNS = (
    re.compile(r"\d+:[A-Za-z0-9_-]{30,}"),  # a bot token
    re.compile(r"\+\d(?:[\s()./-]*\d){6,14}"),  # a number in international form
    re.compile(r"(?<![\w.:+-])0\d{1,5}[ /-]\d{3}[\d /-]*\d"),  # a number as dialled at home
    re.compile(r"(?<![\w.])\d{9,15}(?![\w.])"),  # a number without signs, or a chat id
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user and password of an address
)
LOG_ERRORS = Counter("nervecheck_log_errors_total", "Log lines that could not be written, for example on a full disk.")
_MIN_SECRET_LENGTH = 6
"""Redacting shorter secrets would cut pieces out of ordinary words."""


class _Handler(logging.StreamHandler[TextIO]):
    """Counts the lines it can't write; the library would print them unredacted, with a stack trace."""

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        LOG_ERRORS.inc()


def setup(
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    style: Literal["console", "json"] = "console",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Write the log of the whole process to `stream` (default: standard error); may be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_level_number(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                scrubber(secrets),
                *_renderers(style),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_level_number(level))
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, _level_number(level)))


def scrubber(secrets: Iterable[str] = ()) -> Callable[[Any, str, EventDict], EventDict]:
    """Return the processor that redacts `secrets`, and whatever looks like a token or a number, in an event."""
    long_secrets = sorted({s for s in secrets if len(s) >= _MIN_SECRET_LENGTH}, key=len, reverse=True)

    def scrub(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {name: _clean(name, value, long_secrets) for name, value in event.items()}

    return scrub


def _clean(name: str, value: Any, secrets: Iterable[str]) -> Any:
    if name in PRIVATE_KEYS:
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {k: _clean(str(k), v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", v, secrets) for v in value]
    return scrubbed(value if isinstance(value, str) else str(value), secrets)


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with the secrets, and whatever looks like a token or a phone number, redacted."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    return text


def _renderers(style: str) -> tuple[Processor, ...]:
    if style == "json":
        return structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(ensure_ascii=False)
    return (structlog.dev.ConsoleRenderer(colors=False, pad_event_to=40),)


def _level_number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
