"""No error is dropped silently: code that catches a broad class of errors counts the error or passes it on.

The test reads the source. It excludes the sandbox, which is no part of a clinic's bot, and the command line, which shows
errors to its user. An error with one meaning is an answer, not silence: a TimeoutError ends a wait, a ValueError says
that a text is not a number, a BlockingIOError that a lock is held.
"""

import ast
import builtins
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest
import sqlalchemy.exc
import telegram.error

ROOT = Path(__file__).parent.parent
EXCLUDED = {"sandbox", "cli"}

UNAMBIGUOUS = (TimeoutError, BlockingIOError, FileExistsError, FileNotFoundError, ProcessLookupError)


def family(root: type[BaseException], known: ModuleType) -> set[str]:
    """Return the names of an error class and its subclasses in that module."""
    found = {name: kind for name, kind in vars(known).items() if isinstance(kind, type) and issubclass(kind, root)}
    return {name for name, kind in found.items() if not issubclass(kind, UNAMBIGUOUS)}


BROAD = {"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup", "RuntimeError"}
BROAD |= {"StoreDownError", "NotStoredError", "DatabaseDownError", "DatabaseClosedError", "SealError", "KeyringError"}
BROAD |= family(OSError, builtins) | family(sqlite3.Error, sqlite3) | family(aiohttp.ClientError, aiohttp)
BROAD |= family(sqlalchemy.exc.SQLAlchemyError, sqlalchemy.exc) | family(telegram.error.TelegramError, telegram.error)
BROAD -= {kind.__name__ for kind in UNAMBIGUOUS}  # SQLAlchemy has a TimeoutError, too
BROAD |= {"sqlite3.Error"}
"""Errors that a disk, a network, a database or Telegram may raise for any reason."""

# "module:function what" -> where the error goes instead. An entry that is no longer needed fails the test, too.
PASSED_ON = {
    "bot.chat.poll:Poller.run gather": "tasks that are cancelled at the end: each counts its own errors",
    "bot.chat.receiver:Receiver._poll gather": "tasks that are cancelled at the end: the error of the first is raised",
    "bot.chat.updates:Dispatcher._process except Exception": "_dead_letter stores it as a dead update and counts it",
    "bot.config:_read except OSError": "a problem that prevents the start",
    "bot.content.review:_signed except OSError": "not signed, which prevents the start",
    "bot.db.backup:_checkpoint except DatabaseError": "a damaged file, which is kept byte by byte and was reported",
    "bot.db.lock:_held suppress OSError": "the file remains root's: a user who can't open it then gets an error",
    "bot.db.migrate:_upgrade_with_retries except OperationalError": "retried, and the last error is not caught",
    "bot.db.postgres:PostgresDatabase._disconnect suppress OSError": "a connection that is closed on purpose",
    "bot.db.postgres:PostgresDatabase._with_retries except DBAPIError": "retried, and the last error is not caught",
    "bot.db.rows:Section._readable except SealError KeyringError": "retried row by row, where each error is counted",
    "bot.db.sqlite:_Job._try except BaseException": "returned to the caller",
    "bot.db.sqlite:_commit except BaseException": "returned to the caller as NotStoredError",
    "bot.db.sqlite:_commit suppress sqlite3.Error": "an error of the rollback: its reason is returned to the caller",
    "bot.db.sqlite:_return_results suppress RuntimeError": "the event loop is closed: nothing waits any more",
    "bot.db.stores.open:_attempt_once except Exception": "returned to the caller",
    "bot.delivery.outbox:Sender._attempt except Exception": "a result, which count_result counts by its class",
    "bot.delivery.outbox:Sender._fall_back except Exception": "a result, which count_result counts by its class",
    "bot.delivery.outbox:Sender.stop gather": "tasks that are cancelled at the end: their messages are released",
    "bot.delivery.tappable_numbers:send_number except EndPointNotFound InvalidToken": "logged: the screen goes alone",
    "bot.delivery.transport:AiohttpRequest.do_request except Exception": "raised again below, without the address",
    "bot.ops.health:_run except Exception": "the answer of /readyz",
    "bot.ticker:Ticker._run_sweep except Exception": "an error of the sweep, counted below with those of its rows",
    "bot.wiring:_collect except OSError KeyringError": "a problem that prevents the start",
    "bot.wiring:_set_on_signals suppress RuntimeError": "not in the main thread, as in tests, where `stop` ends it",
}
COUNTING = {"_log_failure": "bot/delivery/outbox.py", "_backoff": "bot/chat/poll.py"}
"""Helpers that count the errors they receive, and their files; a test below checks each."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
Tuples = Mapping[str, set[str]]


def named(node: ast.expr | None) -> Iterator[str]:
    """Yield the last part of each caught class's name: SQLAlchemyError for sqlalchemy.exc.SQLAlchemyError."""
    match node:
        case None:
            yield "BaseException"
        case ast.Tuple():
            for each in node.elts:
                yield from named(each)
        case ast.Starred():
            yield from named(node.value)
        case ast.Attribute():
            # Each library has its Error: csv.Error has one meaning, a database's doesn't.
            yield ast.unparse(node) if node.attr == "Error" else node.attr
        case ast.Name():
            yield node.id


def tuples(trees: Sequence[ast.Module]) -> Tuples:
    """Return the classes that a named tuple, such as UNREADABLE, groups."""
    found = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Assign))
    return {
        target.id: set(named(node.value))
        for node in found
        if isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


class Reader(ast.NodeVisitor):
    """Collects the places in one module where an error is dropped silently."""

    def __init__(self, module: str, known: Tuples) -> None:
        self.within: list[str] = []
        self.module = module
        self.known = known
        self.renamed: dict[str, str] = {}
        self.found: list[str] = []

    def broad(self, caught: Sequence[ast.expr | None]) -> list[str]:
        names = [self.renamed.get(name, name) for node in caught for name in named(node)]
        return [each for name in names for each in sorted(self.known.get(name, {name}), reverse=True) if each in BROAD]

    def note(self, how: str, names: Sequence[str] = ()) -> None:
        self.found.append(" ".join([f"{self.module}:{'.'.join(self.within)}", how, *names]))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.renamed |= {each.asname: each.name for each in node.names if each.asname}

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.inside(node)

    def inside(self, node: ast.ClassDef | FUNCTIONS) -> None:
        self.within.append(node.name)
        self.generic_visit(node)
        self.within.pop()

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        names = self.broad([node.type])
        if names and not reports(node.body):
            self.note("except", names)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        (called,) = [*named(node.func)] or [""]
        if self.renamed.get(called, called) == "suppress" and (names := self.broad(node.args)):
            self.note("suppress", names)
        if called == "gather" and any(word.arg == "return_exceptions" for word in node.keywords):
            self.note("gather")
        self.generic_visit(node)


def reports(body: Sequence[ast.stmt]) -> bool:
    """Return whether every path through these statements counts the error or raises."""
    for number, line in enumerate(body):
        after = body[number + 1 :]
        match line:
            case ast.Raise():
                return True
            case ast.If():
                return all(reports([*branch, *after]) for branch in (line.body, line.orelse))
            case ast.With() | ast.AsyncWith():
                return reports([*line.body, *after])
            case ast.Try():
                return reports([*line.body, *line.orelse, *line.finalbody, *after])
            case ast.Return() | ast.Continue() | ast.Break():
                return counts(line)
            case ast.Expr() | ast.Assign() if counts(line):
                return True
    return False


def counts(node: ast.AST) -> bool:
    """Return whether the node counts the error; code that is only defined there, to run later, doesn't."""
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.IfExp | ast.BoolOp):
        return False
    if isinstance(node, ast.Call) and {"inc", *COUNTING} & set(named(node.func)):
        return True
    return any(counts(child) for child in ast.iter_child_nodes(node))


def silent(sources: Mapping[str, str]) -> list[str]:
    """Return each place in these modules where an error is dropped silently, as often as it occurs."""
    trees = {module: ast.parse(source) for module, source in sources.items()}
    known, found = tuples([*trees.values()]), []
    for module, tree in trees.items():
        reader = Reader(module, known)
        reader.visit(tree)
        found += reader.found
    return sorted(found)


def bot_sources() -> dict[str, str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / "bot").rglob("*.py"))
    kept = (path for path in paths if path.parts[1] not in EXCLUDED)
    return {".".join(path.with_suffix("").parts): (ROOT / path).read_text(encoding="utf-8") for path in kept}


def test_every_swallowed_error_is_counted_or_passed_on() -> None:
    found, listed = Counter(silent(bot_sources())), Counter(PASSED_ON.keys())
    assert not found - listed, "count these, or list where they go"
    assert not listed - found, "these entries are no longer needed"


@pytest.mark.parametrize(("name", "path"), sorted(COUNTING.items()))
def test_helpers_count_the_error(name: str, path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    (helper,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
    assert reports(helper.body)


def caught(kinds: str, body: str, before: str = "") -> str:
    return f"{before}\ndef f(x):\n try:\n  x()\n except {kinds} as error:\n  {body}"


SILENT = {
    "a log line is no count": caught("Exception", "log.info('no')"),
    "an attribute": caught("sqlalchemy.exc.SQLAlchemyError", "pass"),
    "of Telegram": caught("telegram.error.TelegramError", "pass"),
    "below that": caught("telegram.error.BadRequest", "return None"),
    "the store, among others": caught("(StoreDownError, OSError)", "pass"),
    "the driver": caught("DBAPIError", "pass"),
    "the network": caught("ConnectionResetError", "pass"),
    "nothing named": "try:\n x()\nexcept:\n pass",
    "by another name": caught("Oops", "pass", "from telegram.error import TelegramError as Oops"),
    "a tuple with a name": caught("BAD", "pass", "BAD = (ValueError, m.OSError)"),
    "a group": "def f(x):\n try:\n  x()\n except* OSError:\n  pass",
    "suppressed": "def f(x):\n with suppress(Exception):\n  x()",
    "suppressed in full": "def f(x):\n with contextlib.suppress(KeyError, telegram.error.TelegramError):\n  x()",
    "suppressed by another name": "from contextlib import suppress as hush\nwith hush(OSError):\n x()",
    "gathered": "async def f(a):\n await asyncio.gather(a, return_exceptions=True)",
    "counted in one branch": caught("Exception", "if x:\n   ERRORS.inc()"),
    "counted in one branch, out by the other": caught("Exception", "if x:\n   return\n  ERRORS.inc()"),
    "counted perhaps": caught("Exception", "for one in x:\n   ERRORS.inc()"),
    "counted some time": caught("Exception", "x.later = lambda: ERRORS.inc()"),
    "raised perhaps": caught("Exception", "if x:\n   raise"),
    "counted in the other handler": caught("KeyError", "ERRORS.inc()\n except Exception:\n  pass"),
}
REPORTED = {
    "counted": caught("Exception", "ERRORS.labels('x').inc()\n  log.info('yes')"),
    "counted in both branches": caught("Exception", "if x:\n   A.inc()\n  else:\n   B.inc()"),
    "counted or raised": caught("Exception", "if x:\n   raise\n  ERRORS.inc()"),
    "raised as another": caught("OSError", "raise Other from error"),
    "of one meaning": caught("(TimeoutError, ValueError, FileNotFoundError)", "pass"),
    "a wait": "with contextlib.suppress(TimeoutError):\n x()",
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_silent_handler_is_found(source: str) -> None:
    assert len(silent({"m": source})) == 1


@pytest.mark.parametrize("source", REPORTED.values(), ids=REPORTED)
def test_reporting_handler_is_not_found(source: str) -> None:
    assert silent({"m": source}) == []


def test_second_silent_handler_in_listed_function_is_found() -> None:
    twice = caught("Exception", "pass\n try:\n  x()\n except Exception:\n  pass")
    assert silent({"m": twice}) == ["m:f except Exception", "m:f except Exception"]
