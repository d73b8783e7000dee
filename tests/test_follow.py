"""The pages that follow a tap and an alert name functions that exist; the way of a tap is short, and has no lambda.

That the functions call each other is compared with a story in tests/stories/test_follow.py.
"""

import pytest

from tests import follow
from tests.follow import Function, Item

MOST_FILES, MOST_FUNCTION_LINES, MOST_FILE_LINES = 25, 1000, 4500
"""The limits of the way of a tap."""


@pytest.mark.parametrize("name", follow.PAGES)
def test_page_names_functions_that_exist(name: str) -> None:
    found = follow.items(follow.page(name))
    assert len(found) == len(follow.ANY_ITEM.findall(follow.page(name))), "an item of another form"
    assert len(found) > 20
    for item in found:
        follow.definition(item.function)


@pytest.mark.parametrize("name", follow.PAGES)
def test_page_is_linked_where_documentation_is_listed(name: str) -> None:
    for place in ("README.md", "CONTRIBUTING.md", "bot/__init__.py"):
        assert f"deploy/docs/{name}" in (follow.ROOT / place).read_text(encoding="utf-8"), place


@pytest.mark.parametrize("name", follow.PAGES)
def test_function_on_the_way_passes_no_lambda_on(name: str) -> None:
    found = {
        f"{item.function}, line {line}"
        for item in follow.items(follow.page(name))
        for line in follow.lambdas_passed_on(follow.definition(item.function))
    }
    assert found == set()


@pytest.mark.parametrize("name", follow.PAGES)
def test_other_modules_on_a_page_exist(name: str) -> None:
    for path in follow.also_run(follow.page(name)):
        assert (follow.ROOT / path).is_file(), path


def test_way_of_a_tap_is_short() -> None:
    functions = {item.function for item in follow.items(follow.page("follow-a-tap.md"))}
    definitions = [follow.definition(function) for function in functions]
    paths = {function.path for function in functions}
    in_functions = sum((node.end_lineno or 0) - node.lineno + 1 for node in definitions)
    in_files = sum(len((follow.ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths)
    figures = f"{len(paths)} files, {len(functions)} functions of {in_functions} lines, whole files {in_files} lines"
    print(figures)
    assert len(paths) <= MOST_FILES, figures
    assert in_functions <= MOST_FUNCTION_LINES, figures
    assert in_files <= MOST_FILE_LINES, figures


def test_item_is_called_by_the_item_that_it_is_nested_in() -> None:
    one, two, three = (Function("bot/dialog/post.py", name) for name in ("one", "two", "three"))
    text = "\n".join(
        f"{' ' * depth}- `bot/dialog/post.py` `{function.name}`: text." for depth, function in enumerate((one, two))
    )
    text += "\n- `bot/dialog/post.py` `three`: text."
    assert follow.items(text) == [Item(one, None), Item(two, one), Item(three, None)]


def test_function_that_does_not_exist_is_found() -> None:
    with pytest.raises(LookupError, match="defines no Dispatcher.answer"):
        follow.definition(Function("bot/chat/updates.py", "Dispatcher.answer"))


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("f(lambda: 1)", [1]),
        ("self._database.transact(fn=lambda stores: None)", [1]),
        ("found.sort(key=lambda row: row.id)", []),
        ("f(partial(step, work))", []),
    ],
)
def test_lambda_that_is_passed_on_is_found(source: str, lines: list[int]) -> None:
    assert list(follow.lambdas_passed_on(follow.ast.parse(source))) == lines
