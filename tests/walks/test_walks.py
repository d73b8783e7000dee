"""Carries out the walks of CONTRIBUTING.md, step by step as they are written there, in a copy of the tree.

The page says which sentences a step may consist of; one that is not understood fails here, and so does a file or a
line that no longer exists.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
COPIED = (
    "bot",
    "migrations",
    "tests",
    "deploy",
    *(path.name for path in ROOT.glob("*.*") if path.is_file()),
    "Makefile",
)
WALKS = ("A tip", "A question", "A language", "A command", "A migration")
LONG = ("make transcripts",)
"""Commands that take minutes: a slow test runs them once."""

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
QUOTED = r"(?:``(.+?)``|`([^`]+)`)"
ACTION = re.compile(
    rf"[Ii]n {QUOTED}, (?P<side>above|below) the (?P<first>first )?line {QUOTED}, add:"
    rf"|(?P<append>[Aa]t the end of) {QUOTED}, add:"
    rf"|(?P<create>Create) {QUOTED}[^:]*:"
    rf"|(?P<copy>Copy) {QUOTED} to {QUOTED}"
    rf"|[Ii]n {QUOTED}, (?P<replace>replace) {QUOTED} by {QUOTED}"
    rf"|(?P<version>Raise `version` in) {QUOTED}"
    rf"|(?P<run>[Rr]un) {QUOTED}(?:; it prints {QUOTED})?"
)
FILE = re.compile(r"(?:bot|tests|migrations|deploy)/[\w./-]+")


def section(title: str) -> str:
    """The walk of that title; AssertionError if the page has none."""
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"CONTRIBUTING.md has no walk '{title}'"
    return found[1]


class Walk:
    """One walk in a copy of the tree; `carry_out` does its steps in order."""

    def __init__(self, text: str, tree: Path) -> None:
        self.tree = tree
        numbers = sorted(path.name[:4] for path in (tree / "migrations" / "versions").glob("[0-9]*.py"))
        self.text = text.replace("NNNN", f"{int(numbers[-1]) + 1:04}").replace("MMMM", numbers[-1])
        self.snippets = [re.sub(rf"(?m)^{found[1]}", "", found[3]) for found in FENCE.finditer(self.text)]
        # A path in a snippet or a command may be one of the reader's own; those in prose and steps must exist.
        self.prose = " ".join(FENCE.sub("", self.text).split())

    def carry_out(self) -> None:
        snippets = iter(self.snippets)
        ran = 0
        for action in ACTION.finditer(self.prose):
            words = [word for word in action.groups() if word is not None]
            self._act(action, words, snippets)
            ran += bool(action["run"])
        assert not list(snippets), "a snippet that no step asks to write"
        assert ran, "a walk without a command"
        for name in FILE.findall(self.prose):
            assert (self.tree / name.rstrip(".")).exists(), f"{name} doesn't exist"

    def _act(self, action: re.Match[str], words: list[str], snippets: Iterator[str]) -> None:
        match words:
            case [name, ("above" | "below") as side, *first, line] if action["side"]:
                self._insert(name, side, line, next(snippets), first=bool(first))
            case [_, name] if action["append"]:
                path = self.tree / name
                path.write_text(path.read_text("utf-8") + next(snippets), "utf-8")
            case [_, name] if action["create"]:
                assert not (self.tree / name).exists(), name
                (self.tree / name).write_text(next(snippets), "utf-8")
            case [_, old, new] if action["copy"]:
                shutil.copytree(self.tree / old, self.tree / new)
            case [name, _, old, new] if action["replace"]:
                text = (self.tree / name).read_text("utf-8")
                assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
                (self.tree / name).write_text(text.replace(old, new), "utf-8")
            case [_, name] if action["version"]:
                text = (self.tree / name).read_text("utf-8")
                (self.tree / name).write_text(re.sub(r'(?m)^(version: "\d+\.)\d+"', r'\g<1>999"', text), "utf-8")
            case [_, command, *printed]:
                self._run(command, *printed)

    def _insert(self, name: str, side: str, line: str, snippet: str, *, first: bool) -> None:
        path = self.tree / name
        lines = path.read_text("utf-8").splitlines(keepends=True)
        at = [n for n, each in enumerate(lines) if each.strip() == line or each.strip().startswith(f"{line.strip()} ")]
        assert len(at) == 1 or (first and at), f"{name} has {len(at)} lines {line!r}"
        lines.insert(at[0] + (side == "below"), snippet)
        path.write_text("".join(lines), "utf-8")

    def _run(self, command: str, printed: str = "") -> None:
        if command not in LONG:
            output = run(self.tree, command)
            assert printed in " ".join(output.split()), f"{command} doesn't print {printed!r}, but:\n{output}"


def run(tree: Path, command: str) -> str:
    """Run a command as the page has it and return what it prints; fail with that if its status is not 0."""
    # The virtual environment is used as it is: `make` must not bring it up to date with the copy.
    command = re.sub(r"^make ", "make -o .venv/.ready ", command)
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("NERVECHECK_", "PYTEST_", "COV_", "MAKE"))}
    done = subprocess.run(  # noqa: S602 - the project's own page
        f"set -o pipefail; {command}",
        executable="/bin/bash",
        shell=True,
        cwd=tree,
        env={**settings, "PYTHONPATH": str(tree), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-5000:]}"
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the checkout with the virtual environment of this run."""
    copy = tmp_path / "nervecheck"
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("title", WALKS)
def test_walk_succeeds_as_written(title: str, tree: Path) -> None:
    Walk(section(title), tree).carry_out()


def test_page_has_exactly_these_walks() -> None:
    found = re.search(r"^## First changes\n(.*?)^## ", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    assert tuple(re.findall(r"^### (.+)$", found[1], re.MULTILINE)) == WALKS


@pytest.mark.parametrize("title", WALKS)
def test_walk_is_a_numbered_list_of_known_steps(title: str) -> None:
    text = section(title)
    numbers = [int(n) for n in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    asked = re.findall(r"\badd:|\breplace `|\bCreate `|\bCopy `|\b[Rr]un `", FENCE.sub("", text))
    understood = [found for found in ACTION.finditer(" ".join(FENCE.sub("", text).split())) if not found["version"]]
    assert len(asked) == len(understood), "a step is not understood: see the forms at the start of the section"


def test_every_make_target_on_the_page_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"`make ([\w-]+)", PAGE.read_text("utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_every_file_on_the_page_exists() -> None:
    page = re.sub(r"^## First changes\n.*?(?=^## )", "", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`((?:bot|tests|migrations|deploy)/[\w./-]*)`", page):
        assert (ROOT / name).exists() or name.endswith("..."), name


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_transcripts_recorded_again_are_the_same(tree: Path) -> None:
    golden = tree / "tests" / "transcripts" / "golden"
    before = {path.name: path.read_bytes() for path in golden.iterdir()}
    (golden / "nothing_new.txt").unlink()
    run(tree, "make transcripts")
    assert {path.name: path.read_bytes() for path in golden.iterdir()} == before
