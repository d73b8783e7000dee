"""Nothing is dropped silently: whoever catches an error of a kind they can't name counts it, or passes it on.

Read from the source. The sandbox, which is no part of a clinic's bot, and the command line, which shows errors to whoever
typed, are left out. An error of one meaning is an answer and no silence: a TimeoutError ends a wait, a ValueError says
that a text is no number, a BlockingIOError that a lock is taken.
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
LEFT_OUT = {"sandbox", "cli"}

OF_ONE_MEANING = (TimeoutError, BlockingIOError, FileExistsError, FileNotFoundError, ProcessLookupError)


def family(root: type[BaseException], known: ModuleType) -> set[str]:
    """Name an error and all that are one, as far as that module has them."""
    found = {name: kind for name, kind in vars(known).items() if isinstance(kind, type) and issubclass(kind, root)}
    return {name for name, kind in found.items() if not issubclass(kind, OF_ONE_MEANING)}


BROAD = {"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup", "RuntimeError"}
BROAD |= {"StoreDownError", "NotStoredError", "DatabaseDownError", "DatabaseClosedError", "SealError", "KeyringError"}
BROAD |= family(OSError, builtins) | family(sqlite3.Error, sqlite3) | family(aiohttp.ClientError, aiohttp)
BROAD |= family(sqlalchemy.exc.SQLAlchemyError, sqlalchemy.exc) | family(telegram.error.TelegramError, telegram.error)
BROAD -= {kind.__name__ for kind in OF_ONE_MEANING}  # SQLAlchemy has a TimeoutError, too
BROAD |= {"sqlite3.Error"}
"""What a disk, a network, a database or Telegram may raise for any reason at all."""

# "module:function what" -> where the error goes instead. A line that is no longer needed fails, too.
PASSED_ON = {
    "bot.chat.poll:Poller.run gather": "tasks that are cancelled at the end: each counts its own errors",
    "bot.chat.receiver:Receiver._poll gather": "tasks that are cancelled at the end: whichever ended first is raised",
    "bot.chat.updates:Dispatcher._work_off except Exception": "_bury stores it as a dead update and counts it",
    "bot.config:_read except OSError": "a problem that the start is refused for",
    "bot.content.review:_signed except OSError": "not signed, which the start is refused for",
    "bot.db.backup:_settle except DatabaseError": "a damaged file, which is kept byte by byte and was said to be so",
    "bot.db.lock:_held suppress OSError": "the file stays root's: who can't open it then is told",
    "bot.db.migrate:_upgrade_beside_others except OperationalError": "tried again, and the last time not caught",
    "bot.db.postgres:PostgresDatabase._hang_up suppress OSError": "a connection that is cut on purpose",
    "bot.db.postgres:PostgresDatabase._tried except DBAPIError": "tried again, and the last time not caught",
    "bot.db.rows:Section._readable except SealError KeyringError": "row by row again, and there each is counted",
    "bot.db.sqlite:_Job._try except BaseException": "handed back to whoever asked",
    "bot.db.sqlite:_commit except BaseException": "handed back to whoever asked, as NotStoredError",
    "bot.db.sqlite:_commit suppress sqlite3.Error": "of undoing: why it is undone is handed back",
    "bot.db.sqlite:_hand_back suppress RuntimeError": "the event loop is closed: nobody waits any more",
    "bot.db.store:SqlStore._attempt except Exception": "returned to the caller",
    "bot.delivery.outbox:Sender._attempt except Exception": "a verdict, which _count counts by its class",
    "bot.delivery.outbox:Sender._fall_back except Exception": "a verdict, which _count counts by its class",
    "bot.delivery.outbox:Sender.stop gather": "tasks that are cancelled at the end: their messages are given back",
    "bot.delivery.transport:AiohttpRequest.do_request except Exception": "raised again below, without the address",
    "bot.ops.health:_run except Exception": "the answer of /readyz",
    "bot.ticker:Ticker._one except Exception": "an error of the sweep, counted below with those of its rows",
    "bot.wiring:_found except OSError KeyringError": "a problem that the start is refused for",
    "bot.wiring:_on_signals suppress RuntimeError": "not in the main thread, as in tests: there `stop` ends it",
}
COUNTING = {"_failed": "bot/delivery/outbox.py", "_backoff": "bot/chat/poll.py"}
"""Helpers that count what they are given, and where they are: each is looked at below."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
Tuples = Mapping[str, set[str]]


def named(node: ast.expr | None) -> Iterator[str]:
    """Yield the last name of each kind caught: SQLAlchemyError of sqlalchemy.exc.SQLAlchemyError."""
    match node:
        case None:
            yield "BaseException"
        case ast.Tuple():
            for each in node.elts:
                yield from named(each)
        case ast.Starred():
            yield from named(node.value)
        case ast.Attribute():
            # Each library has its Error: of a file of CSV it is of one meaning, of a database not.
            yield ast.unparse(node) if node.attr == "Error" else node.attr
        case ast.Name():
            yield node.id


def tuples(trees: Sequence[ast.Module]) -> Tuples:
    """Return the kinds that stand together under one name, as UNREADABLE does."""
    found = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Assign))
    return {
        target.id: set(named(node.value))
        for node in found
        if isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


class Reader(ast.NodeVisitor):
    """Collects the places of one module at which an error ends silently."""

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
        if names and not tells(node.body):
            self.note("except", names)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        (called,) = [*named(node.func)] or [""]
        if self.renamed.get(called, called) == "suppress" and (names := self.broad(node.args)):
            self.note("suppress", names)
        if called == "gather" and any(word.arg == "return_exceptions" for word in node.keywords):
            self.note("gather")
        self.generic_visit(node)


def tells(body: Sequence[ast.stmt]) -> bool:
    """Whether every way through these lines counts, or ends in a raise."""
    for number, line in enumerate(body):
        after = body[number + 1 :]
        match line:
            case ast.Raise():
                return True
            case ast.If():
                return all(tells([*branch, *after]) for branch in (line.body, line.orelse))
            case ast.With() | ast.AsyncWith():
                return tells([*line.body, *after])
            case ast.Try():
                return tells([*line.body, *line.orelse, *line.finalbody, *after])
            case ast.Return() | ast.Continue() | ast.Break():
                return counts(line)
            case ast.Expr() | ast.Assign() if counts(line):
                return True
    return False


def counts(node: ast.AST) -> bool:
    """Whether it counts; what is only made there, to be called some time, does not."""
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.IfExp | ast.BoolOp):
        return False
    if isinstance(node, ast.Call) and {"inc", *COUNTING} & set(named(node.func)):
        return True
    return any(counts(child) for child in ast.iter_child_nodes(node))


def silent(sources: Mapping[str, str]) -> list[str]:
    """Read modules; name each place at which an error ends silently, as often as there is one."""
    trees = {module: ast.parse(source) for module, source in sources.items()}
    known, found = tuples([*trees.values()]), []
    for module, tree in trees.items():
        reader = Reader(module, known)
        reader.visit(tree)
        found += reader.found
    return sorted(found)


def of_the_bot() -> dict[str, str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / "bot").rglob("*.py"))
    kept = (path for path in paths if path.parts[1] not in LEFT_OUT)
    return {".".join(path.with_suffix("").parts): (ROOT / path).read_text(encoding="utf-8") for path in kept}


def test_every_swallowed_error_is_counted_or_passed_on() -> None:
    found, listed = Counter(silent(of_the_bot())), Counter(PASSED_ON.keys())
    assert not found - listed, "count these, or list where they go"
    assert not listed - found, "these are no longer needed"


@pytest.mark.parametrize(("name", "path"), sorted(COUNTING.items()))
def test_the_helpers_count(name: str, path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    (helper,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
    assert tells(helper.body)


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
HEARD = {
    "counted": caught("Exception", "ERRORS.labels('x').inc()\n  log.info('yes')"),
    "counted in both branches": caught("Exception", "if x:\n   A.inc()\n  else:\n   B.inc()"),
    "counted or raised": caught("Exception", "if x:\n   raise\n  ERRORS.inc()"),
    "raised as another": caught("OSError", "raise Other from error"),
    "of one meaning": caught("(TimeoutError, ValueError, FileNotFoundError)", "pass"),
    "a wait": "with contextlib.suppress(TimeoutError):\n x()",
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_a_silent_handler_is_seen(source: str) -> None:
    assert len(silent({"m": source})) == 1


@pytest.mark.parametrize("source", HEARD.values(), ids=HEARD)
def test_one_that_tells_is_not(source: str) -> None:
    assert silent({"m": source}) == []


def test_a_second_silence_in_a_function_that_is_listed_is_seen() -> None:
    twice = caught("Exception", "pass\n try:\n  x()\n except Exception:\n  pass")
    assert silent({"m": twice}) == ["m:f except Exception", "m:f except Exception"]
