"""Finds what the product defines and never uses itself; what only tests use counts as unused.

A public name of a module (function, class, constant) is used where its own module names it elsewhere, where another
module imports it, and where another module names it as an attribute of this module. A method of a port is used where it
is named on that port: `work.outbox.enqueue`, or `store.add` for a parameter with the port's type. Any other method is
used where its name is named as an attribute at all.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

Trees = Mapping[str, ast.Module]

BY_OTHERS = {
    "load_dialect_impl": "SQLAlchemy's TypeDecorator",
    "process_bind_param": "SQLAlchemy's TypeDecorator",
    "process_result_value": "SQLAlchemy's TypeDecorator",
    "do_request": "python-telegram-bot's BaseRequest",
    "read_timeout": "python-telegram-bot's BaseRequest",
    "main": "the console script",
    "handle_starttag": "html.parser's HTMLParser",
    "handle_endtag": "html.parser's HTMLParser",
    "handle_data": "html.parser's HTMLParser",
    "handleError": "logging's Handler",
    "capture_signals": "uvicorn's Server",
    "main_loop": "uvicorn's Server",
    "next_message": "tests of a bot: the sandbox's own interface in Python",
    "log": "the module's logger",
}
DOCUMENTED_TABLES = {
    "bot.app.records.outbox_states": "a table that a test compares with the stores, and the diagrams are drawn from",
}


def unused(trees: Trees, templates: str, stores: Mapping[str, str]) -> list[str]:
    """Return "module:name" of each public definition that is not used.

    `templates`: the text of all templates, whose words are attributes too. `stores`: the port of each attribute of a unit
    of work ("outbox": "OutboxStore").
    """
    found = [f"{module}:{name}" for module, name in _unused_names(trees) if module not in DOCUMENTED_TABLES]
    ports = {port: {field for field, of in stores.items() if of == port} for port in stores.values()}
    attributes = Counter(re.findall(r"\w+", templates)) + _attributes(trees)
    for module, node in _classes(trees):
        called = _called_on(trees, node.name, ports[node.name]) if node.name in ports else attributes
        found += [
            f"{module}:{node.name}.{name}" for name in _methods(node) if name not in called and name not in BY_OTHERS
        ]
    return sorted(found)


def _unused_names(trees: Trees) -> Iterator[tuple[str, str]]:
    used = defaultdict(set)
    for module, tree in trees.items():
        for other, name in _references(tree, trees):
            used[other].add(name)
        own = Counter(
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
        # A name in quotes is a type that is defined further down.
        own.update(
            word
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 100
            for word in re.findall(r"\w+", node.value)
        )
        used[module].update(own)
    for module, tree in trees.items():
        for name in _names(tree):
            if name not in used[module] and not name.startswith("_") and name not in BY_OTHERS:
                yield module, name


def _names(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines at its top: functions without a decorator, classes, constants."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _references(tree: ast.Module, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names of other modules that a module imports or names as an attribute of them."""
    names = set(known)
    as_module: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                if longer in names:
                    as_module[alias.asname or alias.name] = longer
                yield node.module, alias.name
        elif isinstance(node, ast.Import):
            as_module |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in as_module:
            yield as_module[node.value.id], node.attr


def _classes(trees: Trees) -> Iterator[tuple[str, ast.ClassDef]]:
    for module, tree in trees.items():
        yield from ((module, node) for node in tree.body if isinstance(node, ast.ClassDef))


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and not part.name.startswith("_"):
            yield part.name


def _attributes(trees: Trees) -> Counter[str]:
    return Counter(node.attr for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def _called_on(trees: Trees, port: str, fields: set[str]) -> set[str]:
    """The methods that are named on a port: on one of its fields, or on what has its type."""
    found = set()
    for tree in trees.values():
        typed = fields | {
            node.arg
            for node in ast.walk(tree)
            if isinstance(node, ast.arg) and node.annotation is not None and port in ast.unparse(node.annotation)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] in typed:
                found.add(node.attr)
    return found
