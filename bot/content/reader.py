"""Parses a protocol file into items with their line numbers. Doesn't check how the items fit together.

Each item is parsed separately, so that one invalid rule doesn't hide the faults of the others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bot.content.faults import ContentError, Fault
from bot.core.back_off import BackOffStep
from bot.core.despair import DespairRule
from bot.core.frozen import Frozen
from bot.core.plan_template import PlanTemplate
from bot.core.protocol import (
    Clocks,
    Duration,
    FollowUpRule,
    Form,
    Question,
    Remembering,
    Rule,
    Symptom,
    TierName,
    Tip,
    Topic,
)

Loc = Sequence[str | int]


class ProtocolFile(Frozen):
    """The structure of a protocol file; the published JSON Schema is generated from it."""

    name: str
    version: str
    questions: tuple[Question, ...]
    forms: tuple[Form, ...]
    unassessable: TierName
    rules: tuple[Rule, ...]
    composite_table: tuple[tuple[int | None, ...], ...]
    again: FollowUpRule
    symptoms: tuple[Symptom, ...] = ()
    concerns: Remembering | None = None
    despair: DespairRule = DespairRule()
    sources: Mapping[str, str]
    topics: tuple[Topic, ...]
    tip_rest: Duration
    tip_rest_disliked: Duration
    tips: tuple[Tip, ...]
    plans: tuple[PlanTemplate, ...]
    silence: tuple[BackOffStep, ...] = ()
    clocks: Clocks


LISTS: dict[str, type[BaseModel]] = {
    "questions": Question,
    "forms": Form,
    "rules": Rule,
    "symptoms": Symptom,
    "topics": Topic,
    "tips": Tip,
    "plans": PlanTemplate,
}
"""The sections that are lists, with the type of their items."""


class Source:
    """A protocol file: its tree with line numbers, the items that could be parsed, and the faults found so far."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._tree = _tree(file, content)
        self._items: dict[str, dict[int, Any]] = {}
        self._added: list[tuple[str, int, str]] = []
        self._steps: dict[int, tuple[int, ...]] = {}
        self._values: dict[str, Any] = {}
        for name, field in ProtocolFile.model_fields.items():
            if name not in self._tree:
                if field.is_required():
                    self.fault((), f"'{name}' is missing: add it")
            elif name in LISTS:
                self._items[name] = self._parse_list(name)
            else:
                self._values[name] = self._parse((name,), TypeAdapter(field.rebuild_annotation()), self._tree[name])
        for name in self._tree:
            if name not in ProtocolFile.model_fields:
                self.fault((name,), f"'{name}' is not a known field: correct the name or remove it")

    def items(self, section: str) -> list[tuple[int, Any]]:
        """Return (position, item) of each item in a list section that could be parsed."""
        return list(self._items.get(section, {}).items())

    def add(self, section: str, items: Iterable[Any]) -> None:
        """Add items that no line of the file holds: their faults are reported at the section."""
        listed, first = self._items.setdefault(section, {}), len(self._tree.get(section, ()))
        for n, item in enumerate(items, start=max((first, *(n + 1 for n in listed)))):
            listed[n] = item
            self._added.append((section, n, item.id))

    def replace_form(self, n: int, form: Form, lines: Sequence[int]) -> None:
        """Replace a parsed form. `lines`: for each of its steps, the position of the file's step that it is from."""
        self._items["forms"][n] = form
        self._steps[n] = tuple(lines)

    def value(self, name: str) -> Any:
        """Return a single value, or None if it could not be parsed."""
        return self._values.get(name)

    def ids(self, section: str) -> Iterator[tuple[int, str]]:
        """Yield (position, id) of each item in a list section, also of items that could not be parsed."""
        nodes = self._tree.get(section)
        for n, node in enumerate(nodes if isinstance(nodes, CommentedSeq) else ()):
            name = node.get("id", node.get("name")) if isinstance(node, CommentedMap) else None
            if isinstance(name, str):
                yield n, name
        yield from ((n, name) for added, n, name in self._added if added == section)

    def fault(self, loc: Loc, reason: str) -> None:
        """Record a fault at the position in the tree that `loc` leads to, as far as it exists."""
        self.faults.append(self.fault_at(loc, reason))

    def fault_at(self, loc: Loc, reason: str) -> Fault:
        """Return such a fault without recording it."""
        match loc:
            case ("forms", int(n), "steps", int(k), *rest) if n in self._steps:
                loc = ("forms", n, "steps", self._steps[n][k], *rest)
        return Fault(self.file, _line(self._tree, loc), reason)

    def _parse_list(self, section: str) -> dict[int, Any]:
        nodes = self._tree[section]
        if not isinstance(nodes, CommentedSeq) or not nodes:
            self.fault((section,), f"'{section}' must be a list with at least one item: begin each item with '- '")
            return {}
        adapter: TypeAdapter[Any] = TypeAdapter(LISTS[section])
        parsed = {n: self._parse((section, n), adapter, node) for n, node in enumerate(nodes)}
        return {n: item for n, item in parsed.items() if item is not None}

    def _parse(self, loc: Loc, adapter: TypeAdapter[Any], node: object) -> Any:
        try:
            return adapter.validate_python(node)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False, include_input=False):
                self.fault((*loc, *problem["loc"]), _reason(problem["loc"], problem["type"], problem["msg"]))
            return None


def _tree(file: str, content: bytes) -> CommentedMap:
    try:
        # YAML 1.2: "no" is a string, and "22:30" is not a number.
        tree = YAML(typ="rt", pure=True).load(content.decode("utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context).split())
        raise ContentError([Fault(file, mark.line + 1 if mark else 1, f"this is not valid YAML: {what}")]) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ContentError(
            [Fault(file, 1, f"this is not valid YAML in UTF-8: {' '.join(str(error).split())}")]
        ) from None
    if not isinstance(tree, CommentedMap):
        raise ContentError([Fault(file, 1, "a protocol file must consist of 'name: value' lines")])
    return tree


def _line(tree: CommentedMap, loc: Loc) -> int:
    """Return the line (from 1) of the deepest existing node on the path `loc`."""
    node: object = tree
    line = 0
    for key in loc:
        if isinstance(node, CommentedMap) and key in node:
            line = node.lc.key(key)[0]
        elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
            line = node.lc.item(key)[0]
        else:
            continue  # added by pydantic, such as the name of a union's branch
        node = node[key]
    return int(line) + 1


def _reason(loc: Loc, kind: str, message: str) -> str:
    """Return pydantic's message with the names of the file."""
    field = ".".join(str(part) for part in loc if isinstance(part, str)) or "this item"
    match kind:
        case "missing":
            return f"'{field}' is missing: add it"
        case "extra_forbidden":
            return f"'{field}' is not a known field: correct the name or remove it"
        case "value_error":
            return f"{field}: {message.removeprefix('Value error, ')}"
        case _:
            return f"{field}: {message}"
