"""Finds the writing use cases by reading the source: functions that are handed a unit of work and write with it.

A function writes when it calls a method of a port that isn't among `READS`, states a notice, adds to the audit, or
calls a function that writes. What a parameter is handed is read from its annotation: all of the stores, or one port.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, get_type_hints

from bot.app.work import Stores, Work

BOT = Path(__file__).parents[2] / "bot"
PLACES = (BOT / "app", BOT / "dialog")
WRITERS = (*PLACES, BOT / "delivery", BOT / "desk")
"""Where calls that write are looked for one by one."""
WHOLE = frozenset({Work.__name__, Stores.__name__})
"""The types of a first parameter that make a function a use case."""
_PORTS = {name: port.__name__ for name, port in get_type_hints(Stores).items() if name != "attempt"}
_SAME_WORK = frozenset({"acting", "at_time"})
"""Methods of a unit of work that return it for another actor or time."""
_WRITES = frozenset({"notices", "record"})
_READS: Mapping[str, str] = {
    "patients": "get by_code by_chat by_second_chat page due by_ids with_prefix started_between",
    "treatments": "of_patient history",
    "invites": "by_hash of_patient",
    "consents": "of_patient",
    "caregivers": "by_hash by_chat of_patient",
    "checkins": "get open_of of_patient due overdue",
    "answers": "of_checkin last_finished baseline",
    "assessments": "of_patient",
    "protocols": "get all",
    "alerts": "get of_patient open_of in_queue prompts_due escalations_due not_closed_of queue_state",
    "tasks": "open was_raised",
    "tips": "of_patient",
    "outbox": "counts retrying_since",
    "dead_letters": "updates update messages message undelivered",
    "limits": "budget chats_free_at",
    "staff": "by_name by_invite by_chat all get by_login",
    "rota": "shifts covers",
    "agreed_levels": "of_patient",
    "levels": "of_patient",
    "close_watches": "of_patient",
    "concerns": "of_patient changes events jumps_after last_jump",
    "sessions": "by_hash",
    "passkeys": "by_credential of_staff",
    "reports": "completion weeks answer_minutes alert_times",
    "updates": "",
    "settings": "get",
    "audit": "lines",
    "leases": "",
    "clock": "next_event_at shared_now",
}
READS = {_PORTS[name]: frozenset(methods.split()) for name, methods in _READS.items()}
"""By port: its methods that write nothing; any other counts as writing."""
_WRITING_HELPERS = frozenset({"act_on", "update_patient_side", "name_more"})
"""The functions that save an alert: each call of them is a case of its own."""


class Function(NamedTuple):
    """A function by its module (as imported) and name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Line(NamedTuple):
    """A line of the source."""

    path: str
    number: int


class _Body(NamedTuple):
    writes: bool
    calls: frozenset[Function]
    is_use_case: bool


def writing_use_cases() -> set[Function]:
    """Return the public functions that are handed a unit of work, or its stores, first and write, in whatever depth."""
    files = (path for place in PLACES for path in sorted(place.rglob("*.py")))
    bodies = {function: body for path in files for function, body in _functions(path)}
    writing = {function for function, body in bodies.items() if body.writes}
    while True:
        more = {function for function, body in bodies.items() if body.calls & writing} - writing
        if not more:
            break
        writing |= more
    return {each for each in writing if bodies[each].is_use_case and not each.name.startswith("_")}


def writing_methods() -> set[tuple[str, str]]:
    """Return the methods of the stores that write: the name in `Stores` and the method's."""
    ports = get_type_hints(Stores)
    return {
        (name, method)
        for name in _PORTS
        for method in vars(ports[name])
        if not method.startswith("_") and method not in READS[_PORTS[name]]
    }


def writing_calls() -> dict[Line, str]:
    """Return the lines that call such a method, or a function that saves an alert: each with its function and call."""
    methods = writing_methods()
    files = (path for place in WRITERS for path in sorted(place.rglob("*.py")))
    return {
        Line(str(path), call.lineno): f"{_module(path)}.{function.name} {name}"
        for path in files
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and (name := _written_by(call, methods)) is not None
    }


def _written_by(call: ast.Call, methods: set[tuple[str, str]]) -> str | None:
    match call.func:
        case ast.Attribute(value=ast.Attribute(attr=port), attr=method) if (port, method) in methods:
            return f"{port}.{method}"
        case ast.Name(id=name) if name in _WRITING_HELPERS:
            return name
        case _:
            return None


def _functions(path: Path) -> Iterator[tuple[Function, _Body]]:
    module = _module(path)
    tree = ast.parse(path.read_text())
    imported = _imported(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            handed = list(_handed(node.args))
            first = node.args.args[:1]
            is_use_case = bool(first) and (first[0].arg, WHOLE) in handed
            yield Function(module, node.name), _body(node, module, imported, handed, is_use_case=is_use_case)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            # A table of functions by word: who looks up in it reaches all of them.
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield Function(module, target.id), _body(node, module, imported, (), is_use_case=False)


def _module(path: Path) -> str:
    parts = path.relative_to(BOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name is: a module, or "module:function"."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("bot."):
            for each in node.names:
                names[each.asname or each.name] = f"{node.module}:{each.name}"
    return names


def _handed(arguments: ast.arguments) -> Iterator[tuple[str, frozenset[str]]]:
    """Of each parameter that is the stores or a port: its name, and the types that it is of."""
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        kind = ast.unparse(each.annotation).strip("'\"") if each.annotation is not None else ""
        if kind in WHOLE:
            yield each.arg, WHOLE
        elif kind in READS:
            yield each.arg, frozenset({kind})


def _body(
    node: ast.AST,
    module: str,
    imported: Mapping[str, str],
    handed: Iterable[tuple[str, frozenset[str]]],
    *,
    is_use_case: bool,
) -> _Body:
    kinds = dict(handed)
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            kinds |= dict(_handed(part.args))
        elif isinstance(part, ast.Assign) and _kind(part.value, kinds) == WHOLE:
            kinds |= {target.id: WHOLE for target in part.targets if isinstance(target, ast.Name)}
    writes, calls = False, set()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            writes = writes or _is_write(part, kinds)
            if isinstance(part.value, ast.Name) and part.value.id in imported and part.value.id not in kinds:
                # A module that is imported by its name: `escalation.step`.
                calls.add(Function(imported[part.value.id].replace(":", "."), part.attr))
        elif isinstance(part, ast.Name):
            found = imported.get(part.id)
            calls.add(Function(*found.split(":")) if found is not None else Function(module, part.id))
    return _Body(writes, frozenset(calls), is_use_case)


def _is_write(part: ast.Attribute, kinds: Mapping[str, frozenset[str]]) -> bool:
    of = _kind(part.value, kinds)
    if of == WHOLE:
        return part.attr in _WRITES
    return any(part.attr not in READS[port] for port in of)


def _kind(node: ast.AST, kinds: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """What an expression is: the stores, a port, or nothing of these."""
    if isinstance(node, ast.Name):
        return kinds.get(node.id, frozenset())
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAME_WORK:
        return _kind(node.func.value, kinds)
    if isinstance(node, ast.Attribute) and _kind(node.value, kinds) == WHOLE and node.attr in _PORTS:
        return frozenset({_PORTS[node.attr]})
    return frozenset()
