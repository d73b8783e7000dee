"""Checks in the source code which modules may import what, and which may read the clock and the environment."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.every import for_every

ROOT = Path(__file__).parent.parent
EVERYTHING = {""}

# Part of bot/ -> parts of bot/ it may import. A part is the first name below bot; a dotted name allows only that module.
ARROWS: dict[str, set[str]] = {
    "core": {"core"},
    "content": {"content", "core"},
    "app": {"app", "core"},
    "dialog": {"dialog", "app", "core"},
    "db": {"db", "app", "core"},
    "chat": {"chat", "dialog", "app", "core", "clock"},
    "delivery": {"delivery", "dialog", "app", "core", "clock"},
    "ticker": {"dialog", "app", "clock"},
    "clock_sync": {"app", "clock"},
    "export": {"export", "app", "core"},
    "desk": {"desk", "export", "dialog", "app", "core", "clock"},
    "sandbox": {"sandbox", "clock"},
    "ops": {"ops", "config", "content", "app", "core", "clock", "db.crypto", "db.migrate"},
    "cli": {
        "cli",
        "config",
        "export",
        "logging",
        "database_session",
        "protocol_files",
        "wiring",
        "ops",
        "content",
        "dialog",
        "app",
        "core",
        "clock",
        "db.backup",
        "db.crypto",
        "db.migrate",
    },
    "service": {"app", "chat", "clock", "content", "core", "db", "delivery", "dialog", "ticker"},
    "sandboxed": {"app", "clock", "config_values", "db", "dialog", "sandbox"},
    "protocol_files": {"app", "content", "core"},
    "wiring": EVERYTHING,
    "database_session": EVERYTHING,
    "config": {"config_values"},
    "config_values": {"core.digits"},
    "logging": set(),
    "clock": set(),
    "": set(),
    "__main__": {"cli"},
}

# Library -> the parts that may import it.
LIBRARIES: dict[str, set[str]] = {
    "telegram": {"chat", "delivery", "service", "wiring"},
    "sqlalchemy": {"db", "wiring"},
    "alembic": {"db", "wiring"},
    "apscheduler": {"ticker"},
    "starlette": {"sandbox", "ops", "chat", "desk", "wiring"},
    "jinja2": {"desk"},
    "argon2": {"desk"},
    "pyotp": {"desk"},
    "webauthn": {"desk"},
    "segno": {"export"},
    "icalendar": {"export"},
    "uvicorn": {"sandbox", "ops"},
    "aiohttp": {"delivery", "ops", "sandbox"},
    "typer": {"cli"},
    "rich": {"cli"},
    "ruamel": {"content"},
    "dotenv": {"config"},
}

# The core has no I/O, no concurrency, no randomness and no clock.
PURE_FORBIDS = {
    "asyncio", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "selectors", "shutil",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip

CLOCK_READS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "datetime.datetime.now", "datetime.datetime.utcnow",
    "date.today", "datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime",
}  # fmt: skip
ENVIRONMENT_READS = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}

# Exceptions, each with its reason.
SETS_A_SWITCH = {"bot/delivery/transport.py"}  # sets PTB_TIMEDELTA for the library, reads nothing
MAKES_IDS_OF_TIME = {"bot/sandbox/state.py"}  # ids that are unique across restarts, independent of the sandbox's clock


def modules() -> list[Path]:
    return sorted((ROOT / "bot").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    name = path.relative_to(ROOT / "bot").parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    return tuple(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use absolute imports"
            # `from bot.db import crypto` also imports a module: the longer name is decisive.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def is_below(name: str, parent: str) -> bool:
    return parent in {"", name} or name.startswith(f"{parent}.")


each_module = for_every([(path,) for path in modules()])


@each_module
def test_imports_follow_the_allowed_direction(path: Path) -> None:
    allowed = ARROWS[part_of(path)]
    ours = [name.removeprefix("bot.") for name in imports_of(path) if is_below(name, "bot")]
    wrong = [name for name in ours if not any(is_below(name, part) for part in allowed)]
    assert not wrong, f"{name_of(path)} may import only {sorted(allowed)} of bot"


def test_use_cases_name_no_button_or_screen() -> None:
    named = {
        f"{name_of(path)}: {name}"
        for path in modules()
        if part_of(path) == "app"
        for name in imports_of(path)
        if is_below(name, "bot.core.screen")
    }
    # The body of a message that waits in the outbox.
    assert named == {"bot/app/records/messages.py: bot.core.screen.Screen"}


def test_member_is_removed_only_with_their_alerts_released() -> None:
    """`members.mark_removed` alone would leave alerts with a person who has left."""
    calling = {
        name_of(path) for path in modules() for node in ast.walk(tree_of(path)) if dotted(node).endswith("mark_removed")
    }
    calling |= {name_of(path) for path in modules() for name in imports_of(path) if name.endswith(".mark_removed")}
    assert calling == {"bot/app/alerts/escalation.py"}


def test_role_of_a_chat_is_decided_in_one_module() -> None:
    asking = {
        name_of(path)
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and dotted(node.func).endswith(".by_chat")
    }
    # A link makes a chat a member's only if it is not another member's, and a new phone is free of a patient who left:
    # these compare chats, and decide no role.
    assert asking == {"bot/app/chat_roles.py", "bot/app/team/members.py", "bot/app/patients/new_phone.py"}


@each_module
def test_libraries_are_imported_only_where_allowed(path: Path) -> None:
    wrong = [
        name
        for name in imports_of(path)
        for library, parts in LIBRARIES.items()
        if is_below(name, library) and part_of(path) not in parts
    ]
    assert not wrong, f"{name_of(path)} must not import these libraries"


@pytest.mark.parametrize("path", [p for p in modules() if part_of(p) == "core"], ids=lambda p: p.stem)
def test_core_is_pure(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports_of(path)}
    assert tops - sys.stdlib_module_names <= {"bot", "pydantic"}
    assert not tops & PURE_FORBIDS
    assert not [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.AsyncFunctionDef | ast.Await)]


@each_module
def test_only_the_settings_read_the_environment(path: Path) -> None:
    read = [dotted(n) for n in ast.walk(tree_of(path)) if dotted(n) in ENVIRONMENT_READS]
    read += [name for name in imports_of(path) if name in ENVIRONMENT_READS]
    assert not read or part_of(path) == "config" or name_of(path) in SETS_A_SWITCH


@each_module
def test_only_the_clocks_read_the_time(path: Path) -> None:
    read = [dotted(n) for n in ast.walk(tree_of(path)) if dotted(n) in CLOCK_READS]
    read += [name for name in imports_of(path) if name in CLOCK_READS]
    assert "datetime.utcnow" not in read, "utcnow is naive"
    assert not read or part_of(path) == "clock" or name_of(path) in MAKES_IDS_OF_TIME


@each_module
def test_modules_have_a_docstring(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path))
    assert docstring, f"{name_of(path)} has no docstring"
    assert docstring.splitlines()[0].endswith((".", "?", "!", ":")), docstring.splitlines()[0]


def test_import_table_names_every_part() -> None:
    assert {part_of(p) for p in modules()} <= ARROWS.keys()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from bot.db import engine", ["bot.db.engine"]),
        ("import bot.db.engine as e", ["bot.db.engine"]),
        ("def f():\n    from sqlalchemy import text", ["sqlalchemy.text"]),
    ],
)
def test_imports_are_found_anywhere_in_a_module(tmp_path: Path, source: str, found: list[str]) -> None:
    file = tmp_path / "module.py"
    file.write_text(source)
    assert list(imports_of(file)) == found


@pytest.mark.parametrize(
    "source", ["datetime.now(UTC)", "datetime.datetime.now()", "x = os.environ['A']", "time.time()"]
)
def test_calls_are_found_by_name(source: str) -> None:
    names = {dotted(n) for n in ast.walk(ast.parse(source))}
    assert names & (CLOCK_READS | ENVIRONMENT_READS)
