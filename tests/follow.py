"""The pages that follow a tap and an alert through the code, and what a story really calls, to compare them with.

A page lists functions as nested items, "- `bot/file.py` `Class.method`: text". An item is called by the one that it is
nested in. A function that another one defines is named by both: `make_render.render`.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "deploy" / "docs"
PAGES = ("follow-a-tap.md", "follow-an-alert.md")
ITEM = re.compile(r"^(?P<indent> *)- `(?P<path>bot/[\w/]+\.py)` `(?P<name>[\w.]+)`:", re.MULTILINE)
ANY_ITEM = re.compile(r"^ *- `bot/", re.MULTILINE)
ALSO_RUN = "## What also runs"
"""The section of a page with the modules that run and that the red flag doesn't pass through."""
CARRIERS = frozenset({"bot/db/sqlite.py", "bot/db/stores/open.py"})
"""They run the function that they are handed, in a transaction or a savepoint: its caller is who handed it to them."""


class Function(NamedTuple):
    """A function by its file and its name there."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.path} {self.name}"


class Item(NamedTuple):
    """One function on a page, and the one that it is nested in."""

    function: Function
    parent: Function | None


# -- the page


def items(text: str) -> list[Item]:
    """Return the items of a page in order."""
    found: list[Item] = []
    open_: list[tuple[int, Function]] = []
    for match in ITEM.finditer(text):
        depth = len(match["indent"])
        while open_ and open_[-1][0] >= depth:
            open_.pop()
        function = Function(match["path"], match["name"])
        found.append(Item(function, open_[-1][1] if open_ else None))
        open_.append((depth, function))
    return found


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def also_run(text: str) -> set[str]:
    """Return the files that the page's last section names."""
    _, _, section = text.partition(ALSO_RUN)
    return set(re.findall(r"`(bot/[\w/]+\.py)`", section))


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def definition(function: Function) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the definition of a function. LookupError if there is none."""
    place: ast.AST = _tree(function.path)
    for part in function.name.split("."):
        inside = [node for node in ast.iter_child_nodes(place) if getattr(node, "name", None) == part]
        if not inside:
            raise LookupError(f"{function.path} defines no {function.name}")
        place = inside[0]
    if not isinstance(place, ast.FunctionDef | ast.AsyncFunctionDef):
        raise LookupError(f"{function} is not a function")  # noqa: TRY004 - there is none of that name
    return place


def names_in(node: ast.AST) -> set[str]:
    """Return the names and attributes that the code of a function uses."""
    found = list(ast.walk(node))
    return {n.id for n in found if isinstance(n, ast.Name)} | {n.attr for n in found if isinstance(n, ast.Attribute)}


def lambdas_passed_on(node: ast.AST) -> Iterator[int]:
    """Yield the lines where an anonymous function is handed to another function; keys to sort by don't count."""
    for call in (found for found in ast.walk(node) if isinstance(found, ast.Call)):
        handed = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "key")]
        yield from (value.lineno for value in handed if isinstance(value, ast.Lambda))


def figures(text: str) -> dict[str, int]:
    """Return how long the way of a page is: whole files, functions, and their lines."""
    functions = {item.function for item in items(text)}
    definitions = [definition(function) for function in functions]
    paths = {function.path for function in functions}
    return {
        "files": len(paths),
        "lines of the named functions": sum((node.end_lineno or 0) - node.lineno + 1 for node in definitions),
        "lines of the whole files": sum(len((ROOT / path).read_text("utf-8").splitlines()) for path in paths),
    }


# -- what runs


class Calls:
    """What was called while a story ran: `callers` of each function, and the files of all that ran.

    An empty set of callers: the event loop or the scheduler started it.
    """

    def __init__(self) -> None:
        self.callers: defaultdict[Function, set[Function]] = defaultdict(set)
        self._handed: dict[int, tuple[object, FrameType | None]] = {}
        self._names: dict[CodeType, Function | None] = {}

    @property
    def files(self) -> set[str]:
        return {function.path for function in self.callers}

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call; a function for `sys.setprofile`."""
        function = self._name(frame.f_code) if event == "call" else None
        if function is None:
            return
        if function.name == "SqliteDatabase.transact":
            # The writer's thread runs it: there the stack doesn't say who handed it over.
            self._handed[id(frame.f_locals["fn"])] = (frame.f_locals["fn"], frame.f_back)
        callers = self.callers[function]
        if (caller := self._caller(frame)) not in {None, function}:
            callers.add(caller)

    def _name(self, code: CodeType) -> Function | None:
        if code not in self._names:
            path = Path(code.co_filename)
            ours = path.is_relative_to(ROOT / "bot") and not path.is_relative_to(ROOT / "bot" / "sandbox")
            # A comprehension is part of its function; a lambda is not.
            name = re.sub(r"\.<locals>\.<(listcomp|genexpr|dictcomp|setcomp)>", "", code.co_qualname)
            named = Function(path.relative_to(ROOT).as_posix(), name.replace(".<locals>", "")) if ours else None
            self._names[code] = named
        return self._names[code]

    def _caller(self, frame: FrameType) -> Function | None:
        """Return the nearest function of the product that called it, or handed it to a carrier."""
        own, above = self._name(frame.f_code), frame.f_back
        while above is not None:
            name = self._name(above.f_code)
            if name is not None and name.name == "_Job._try":
                above = self._handed.get(id(above.f_locals["self"].fn), (None, None))[1]
                continue
            if name is not None and name != own and name.path not in CARRIERS:
                return name
            above = above.f_back
        return None


@contextmanager
def recorded(calls: Calls) -> Iterator[None]:
    """Record the calls of this thread."""
    sys.setprofile(calls.note)
    try:
        yield
    finally:
        sys.setprofile(None)


def start_in_writer(calls: Calls) -> Any:
    """Return a function for `transact` that starts the recording in the writer's thread."""
    return lambda _stores: sys.setprofile(calls.note)


def stop_in_writer(_stores: object) -> None:
    sys.setprofile(None)
