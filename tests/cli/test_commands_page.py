"""deploy/docs/commands.md lists every command, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bot.cli import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "deploy" / "docs" / "commands.md"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "deploy").rglob("*.md"), *(ROOT / "bot" / "content").rglob("*.po")]
SPAN = re.compile(r"`([^`]+)`")
Command = tuple[str, ...]


def commands(group: object, above: Command = (), *, hidden: bool = False) -> Iterator[tuple[Command, frozenset[str]]]:
    """Yield each command with its options: those that people see, or the `hidden` ones, which are former names."""
    for name, found in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(found, "commands"):
            if hidden and found.hidden:
                yield (*above, name), frozenset()
            elif not found.hidden:
                yield from commands(found, (*above, name), hidden=hidden)
        elif found.hidden is not hidden:
            continue
        else:
            options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
            yield (*above, name), frozenset(option for option in options if option.startswith("--"))


EXISTING = dict(commands(typer.main.get_command(app)))
FORMER = dict(commands(typer.main.get_command(app), hidden=True))
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


def test_no_document_names_a_command_by_its_former_name() -> None:
    assert ("work",) in FORMER
    former = re.compile(rf"nervecheck ({'|'.join(' '.join(command) for command in FORMER)})(?![\w-])")
    assert [
        f"{path.name}: {found[0]}" for path in DOCUMENTS for found in former.finditer(path.read_text("utf-8"))
    ] == []


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
