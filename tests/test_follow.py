"""The pages that follow a tap and an alert name functions that exist and pass no lambda on.

That the functions call each other is compared with a story in tests/stories/test_follow.py. How long the way of a tap
may be is one of the measures of tests/structure.py.
"""

import ast

import pytest

from tests import follow
from tests.follow import Function, Item


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


SAID_IN_PROSE = (
    # Who brings updates, ticks and results: the caller, and a name that it uses.
    ("bot/chat/poll.py", "Poller._start_new", "handle"),
    ("bot/chat/webhook.py", "UpdateIntake.handle", "_dispatcher"),
    ("bot/ticker.py", "Ticker._tick", "tick"),
    ("bot/ticker.py", "Ticker.tick", "ALL"),
    ("bot/delivery/outbox.py", "_record_one", "record_result"),
    ("bot/cli/alert.py", "ack", "ownership"),
)


@pytest.mark.parametrize(("path", "caller", "name"), SAID_IN_PROSE)
def test_call_that_the_pages_name_in_prose_exists(path: str, caller: str, name: str) -> None:
    assert name in follow.names_in(follow.definition(Function(path, caller)))


def test_item_is_called_by_the_item_that_it_is_nested_in() -> None:
    one, two, three = (Function("bot/dialog/post.py", name) for name in ("one", "two", "three"))
    text = "\n".join(
        f"{' ' * depth}- `bot/dialog/post.py` `{function.name}`: text." for depth, function in enumerate((one, two))
    )
    text += "\n- `bot/dialog/post.py` `three`: text."
    assert follow.items(text) == [Item(one, None), Item(two, one), Item(three, None)]


def test_function_that_does_not_exist_is_found() -> None:
    with pytest.raises(LookupError, match="defines no Dispatcher"):
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
    assert list(follow.lambdas_passed_on(ast.parse(source))) == lines
