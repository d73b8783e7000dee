"""What only tests use counts as unused, whatever else has the same name."""

import ast

import pytest

from tests.usage import unused

PORT = "class Outbox:\n    def add(self): ...\n    def counts(self): ...\n"
STORES = {"outbox": "Outbox"}


def found(**sources: str) -> list[str]:
    return unused({f"bot.{name}": ast.parse(text) for name, text in sources.items()}, "", STORES)


@pytest.mark.parametrize(
    "definition", ["def thing(): ...", "class thing: ...", "thing = 3", "thing: int = 3", "async def thing(): ..."]
)
@pytest.mark.parametrize(
    ("other", "is_used"),
    [
        ("x = 1\nprint(x)", False),
        ("def f(job):\n    return job.thing\nf(1)", False),
        ("thing2 = 1\nprint(thing2)", False),
        ("from bot.a import thing", True),
        ("from bot import a\nprint(a.thing)", True),
        ("import bot.a as b\nprint(b.thing)", True),
    ],
)
def test_name_is_used_where_it_is_imported_or_named_on_its_module(definition: str, other: str, is_used: bool) -> None:
    assert found(a=definition, b=other) == ([] if is_used else ["bot.a:thing"])


def test_name_is_used_where_its_own_module_names_it() -> None:
    assert found(a="LIMIT = 3\nprint(LIMIT)") == []
    assert found(a="LIMIT = 3\nLIMIT = 4") == ["bot.a:LIMIT", "bot.a:LIMIT"]


@pytest.mark.parametrize(
    "use",
    [
        "def f(work):\n    work.outbox.add()\n    work.journal.counts()\nprint(f)",
        "def f(store: Outbox):\n    store.add()\nprint(f)",
        "def f(calls):\n    calls.counts()\n    outbox.add()\nprint(f)",
    ],
)
def test_method_of_a_port_is_used_where_it_is_named_on_that_port(use: str) -> None:
    assert found(a=PORT, b=use + "\nfrom bot.a import Outbox") == ["bot.a:Outbox.counts"]
