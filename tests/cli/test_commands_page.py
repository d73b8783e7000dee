"""deploy/docs/commands.md lists every command, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bot.cli import app

PAGE = Path(__file__).parents[2] / "deploy" / "docs" / "commands.md"
SPAN = re.compile(r"`([^`]+)`")
Command = tuple[str, ...]


def commands(group: object, above: Command = ()) -> Iterator[tuple[Command, frozenset[str]]]:
    """Yield each command that isn't hidden, with its options."""
    for name, found in group.commands.items():  # type: ignore[attr-defined]
        if found.hidden:
            continue
        if hasattr(found, "commands"):
            yield from commands(found, (*above, name))
        else:
            options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
            yield (*above, name), frozenset(option for option in options if option.startswith("--"))


EXISTING = dict(commands(typer.main.get_command(app)))
GROUPS = {command[0] for command in EXISTING if len(command) > 1}


def rows(page: str) -> Iterator[tuple[list[Command], set[str]]]:
    """Yield the commands and the options of each row. After the first command, others of its group are named alone."""
    for line in re.findall(r"^\| `nervecheck .*$", page, re.MULTILINE):
        cell, _, text = line.strip("| ").partition(" | ")
        named: list[Command] = []
        group: Command = ()
        for span in SPAN.findall(cell):
            words = span.removeprefix("nervecheck ").split()
            if span.startswith("nervecheck "):
                group = tuple(words[:1]) if words[0] in GROUPS else ()
                words = words[len(group) :]
            named.append((*group, *words[:1]))
        yield named, set(re.findall(r"(?<!\w)--[a-z-]+", " ".join([*SPAN.findall(cell), *SPAN.findall(text)])))


def problems(page: str) -> list[str]:
    listed = {command for named, _ in rows(page) for command in named}
    found = [f"{' '.join(command)} is not on the page" for command in EXISTING if command not in listed]
    for named, options in rows(page):
        unknown = [command for command in named if command not in EXISTING]
        found += [f"{' '.join(command)} doesn't exist" for command in unknown]
        known = frozenset().union(*(EXISTING.get(command, frozenset()) for command in named))
        found += [f"{' '.join(named[0])} has no {option}" for option in sorted(options - known)]
    return found


def test_page_lists_every_command_and_option_that_exists() -> None:
    assert problems(PAGE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("`nervecheck task list`", "`nervecheck work list`", "work doesn't exist"),
        ("`discard REF --by NAME`", "`drop REF --by NAME`", "dead discard is not on the page"),
        ("`nervecheck migrate`", "`nervecheck migration`", "migrate is not on the page"),
        ("`--dry-run` only checks", "`--test` only checks", "patient import has no --test"),
    ],
)
def test_page_problem_is_found(old: str, new: str, problem: str) -> None:
    page = PAGE.read_text("utf-8")
    assert old in page
    assert problem in problems(page.replace(old, new))
