"""Nothing is dropped silently: whoever catches an error of a kind they can't name counts it, or passes it on.

Read from the source. The sandbox, which is no part of a clinic's bot, and the command line, which shows errors to whoever
typed, are left out.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BROAD = {"Exception", "BaseException", "TelegramError", "DatabaseDownError", "UNREADABLE", "SealError"}
LEFT_OUT = {"sandbox", "cli", "content"}

# "module:function" -> where the error goes instead. A line that is no longer needed fails, too.
PASSED_ON = {
    "bot.chat.updates:_work_off": "_bury stores it as a dead update and counts it",
    "bot.db.rows:_readable": "row by row again, and there each is counted",
    "bot.db.sqlite:_commit": "handed back to whoever asked, as NotStoredError",
    "bot.db.sqlite:run": "handed back to whoever asked",
    "bot.db.store:attempt": "returned to the caller",
    "bot.delivery.outbox:_attempt": "a verdict, which _count counts by its class",
    "bot.delivery.outbox:_fall_back": "a verdict, which _count counts by its class",
    "bot.delivery.transport:do_request": "raised again below, without the address in its words",
    "bot.ops.health:_run": "the answer of /readyz",
    "bot.ticker:_one": "an error of the sweep, counted below with those of its rows",
}
COUNTING = {"_failed": "bot/delivery/outbox.py", "_backoff": "bot/chat/poll.py"}
"""Helpers that count what they are given, and where they are: each is looked at below."""


def handlers(path: Path) -> Iterator[tuple[str, ast.ExceptHandler]]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ExceptHandler):
                    yield f"{module}:{function.name}", node


def is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool(BROAD & {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)})


def counts(node: ast.AST) -> bool:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute | ast.Name):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
            if name == "inc" or name in COUNTING:
                return True
    return False


def raises(handler: ast.ExceptHandler) -> bool:
    """Whether it always ends in a raise."""
    return isinstance(handler.body[-1], ast.Raise)


def silent() -> set[str]:
    found = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if path.relative_to(ROOT / "bot").parts[0] in LEFT_OUT:
            continue
        for where, handler in handlers(path):
            if is_broad(handler) and not counts(handler) and not raises(handler):
                found.add(where)
    return found


def test_every_swallowed_error_is_counted_or_passed_on() -> None:
    assert silent() == set(PASSED_ON)


@pytest.mark.parametrize(("name", "path"), sorted(COUNTING.items()))
def test_the_helpers_count(name: str, path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    (helper,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
    assert counts(helper)


def test_a_silent_handler_is_seen() -> None:
    (handler,) = [
        n
        for n in ast.walk(ast.parse("try:\n x()\nexcept Exception:\n log.info('no')"))
        if isinstance(n, ast.ExceptHandler)
    ]
    assert is_broad(handler)
    assert not counts(handler)
    assert not raises(handler)
