"""Measures of the structure, read from the source: `python -m tests.structure` prints them as a table.

Import levels are those inside one folder: a module that imports nothing from the folder is at level 1.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from tests import follow, usage

ROOT = Path(__file__).parent.parent
TAP = follow.page("follow-a-tap.md")
TAP_LIMITS = {"files": 25, "lines of the named functions": 1000, "lines of the whole files": 4500}
Graph = Mapping[str, set[str]]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def modules() -> Mapping[str, Path]:
    """Each module of the product by its dotted name."""
    found = {}
    for path in sorted((ROOT / "bot").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imported(path: Path, known: Iterable[str]) -> Iterator[str]:
    """The modules of ours that a file imports, also for types alone and inside functions."""
    names = set(known)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                yield from ({longer, node.module} & names and [longer if longer in names else node.module])
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)


@cache
def graph() -> Graph:
    return {name: set(imported(path, modules())) - {name} for name, path in modules().items()}


def circles(of: Graph) -> list[set[str]]:
    """Groups of modules that import each other, directly or not (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in of[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = set()
            while (member := stack.pop()) != name:
                group.add(member)
            if group:
                found.append(group | {name})

    sys.setrecursionlimit(10_000)
    for name in of:
        if name not in index:
            visit(name)
    return found


def levels(folder: str) -> dict[str, int]:
    """The import level of each module of a folder; ValueError where modules import each other."""
    inside = {name for name in modules() if name.startswith(f"{folder}.")}
    known: dict[str, int] = {}

    def level(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise ValueError(f"import circle: {' -> '.join((*path, name))}")
        if name not in known:
            known[name] = 1 + max((level(other, (*path, name)) for other in graph()[name] & inside), default=0)
        return known[name]

    return {name: level(name, ()) for name in sorted(inside)}


def entries(folder: str) -> list[str]:
    """What `ls` shows of a folder, without __init__.py."""
    inside = {name.removeprefix(f"{folder}.").partition(".")[0] for name in modules() if name.startswith(f"{folder}.")}
    return sorted(inside)


def _bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for name, path in modules().items():
        yield from ((name, node) for node in tree_of(path).body if isinstance(node, ast.ClassDef))


def ports() -> dict[str, int]:
    """Each Protocol with the number of its methods, those of the Protocols it extends included."""
    own = {node.name: node for _, node in classes() if "Protocol" in _bases(node)}

    def count(name: str) -> int:
        methods = sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in own[name].body)
        return methods + sum(count(base) for base in _bases(own[name]) & own.keys())

    return {name: count(name) for name in own}


def _alias(node: ast.stmt) -> str | None:
    """The name that a statement gives to a type: an alias of any form, or a NewType; a TypeVar is not a type."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).endswith("TypeAlias"):
        target = node.target
    else:
        return None
    name, value = ast.unparse(target), node.value
    is_type = isinstance(value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute) or (
        isinstance(value, ast.Call) and ast.unparse(value.func).endswith(("NewType", "NamedTuple", "TypedDict", "Enum"))
    )
    return name if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name) and is_type else None


def doubled_types() -> dict[str, list[str]]:
    """Public type names that more than one module defines."""
    where: dict[str, list[str]] = defaultdict(list)
    for module, node in classes():
        where[node.name].append(module)
    for module, path in modules().items():
        for node in tree_of(path).body:
            if (name := _alias(node)) is not None:
                where[name].append(module)
    return {name: found for name, found in where.items() if len(found) > 1 and not name.startswith("_")}


def unused() -> list[str]:
    """What the product defines and never uses itself (see tests/usage.py)."""
    templates = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.html"))
    (work,) = [node for name, node in classes() if (name, node.name) == ("bot.app.work", "Stores")]
    stores = {
        part.target.id: ast.unparse(part.annotation)
        for part in work.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    return usage.unused({name: tree_of(path) for name, path in modules().items()}, templates, stores)


def measures() -> dict[str, tuple[int, int]]:
    """Each measure with its limit."""
    return {
        "entries of bot/app": (len(entries("bot.app")), 14),
        "import levels of bot/app": (max(levels("bot.app").values()), 8),
        "import circles": (len(circles(graph())), 0),
        "methods of the widest port": (max(ports().values()), 20),
        "public type names defined twice": (len(doubled_types()), 5),
        "functions, classes, constants and methods that nothing uses": (len(unused()), 0),
        **{f"way of a tap: {name}": (found, TAP_LIMITS[name]) for name, found in follow.figures(TAP).items()},
    }


def main() -> None:
    for name, (found, limit) in measures().items():
        print(f"{name:<62} {found:>4}  (at most {limit})")  # noqa: T201 - a report
    for name, found in sorted(doubled_types().items()):
        print(f"  twice: {name}: {', '.join(found)}")  # noqa: T201
    for found in unused():
        print(f"  unused: {found}")  # noqa: T201


if __name__ == "__main__":
    main()
