"""The structure stays within its limits; `python -m tests.structure` prints the figures."""

import ast
from pathlib import Path

import pytest

from tests import structure


def test_structure_measures_are_within_their_limits() -> None:
    beyond = [
        f"{name}: {found}, at most {limit}" for name, (found, limit) in structure.measures().items() if found > limit
    ]
    assert not beyond, f"{beyond}; run `python -m tests.structure`"


def test_circle_of_two_modules_is_found() -> None:
    assert structure.circles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [{"a", "b"}]


def test_chain_of_modules_has_no_circle() -> None:
    assert structure.circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_import_for_types_alone_counts(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("if TYPE_CHECKING:\n    from bot.app.work import Work\n")
    assert list(structure.imported(file, ["bot.app.work"])) == ["bot.app.work"]


@pytest.mark.parametrize(
    "statement",
    ["Tap = Choose | Skip", "Tap = dict[str, Any]", "Tap = Literal['a']", "Tap = NewType('Tap', int)", "Tap = other.Tap",
     "Tap: TypeAlias = int"],
)  # fmt: skip
def test_alias_of_any_form_is_a_type(statement: str) -> None:
    assert structure._alias(ast.parse(statement).body[0]) == "Tap"


@pytest.mark.parametrize("statement", ["T = TypeVar('T')", "TAPS = dict[str, int]", "Tap: int = 3"])
def test_other_assignment_is_no_type(statement: str) -> None:
    assert structure._alias(ast.parse(statement).body[0]) is None
