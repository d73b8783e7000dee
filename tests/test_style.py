"""Rules for every file of the project, enforced by tests."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Files that may be longer because a single place matters more than length, each with its limit.
MAY_BE_LONGER = {
    "bot/core/checkin.py": 615,
    "bot/core/concern.py": 420,
    "bot/core/protocol.py": 480,
    "tests/property/test_outbox_machine.py": 710,
}
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".po", ".js", ".css", ".html", ".txt", ".service", ".mako", ".json", ""}

# The walk in CONTRIBUTING.md adds it; tests/walks follows it.
EXAMPLE_COMMAND = "nervecheck protocol sources"

# Split, so that this file doesn't contain what it searches for.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
ELSEWHERE = re.compile(
    r"(?<![\w.])/(wo" r"rk|ro" r"ot|ho" r"me/\w+|Us" r"ers/\w+)/"  # a local path
    r"|py" r"pi\.org|pythonho" r"sted|--(extra-)?index-" r"url[ =]\S*//|/simp" r"le/"  # a registry
)  # fmt: skip


def tracked() -> list[Path]:
    """Return all files of the project: those that git tracks or, without git, all but the ignored ones."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs the git checkout")
    named = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in named.split("\0") if name and (ROOT / name).is_file()]


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each line with its location."""
    if path.suffix in TEXT:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def found(pattern: re.Pattern[str]) -> list[str]:
    return [f"{where}: {line.strip()}" for p in tracked() for where, line in lines_of(p) if pattern.search(line)]


def test_files_have_no_unfinished_markers() -> None:
    assert found(UNFINISHED) == []


def test_files_name_no_local_path_or_registry() -> None:
    assert found(ELSEWHERE) == []


@pytest.mark.parametrize("line", ["see /{}/x.md", "open('/{}/x')", "https://{}/x", "--index-{} https://x/y"])
def test_local_paths_and_registries_are_detected(line: str) -> None:
    assert any(ELSEWHERE.search(line.format(word)) for word in ("work", "home/anna", f"{'py'}pi.org", "url"))


@pytest.mark.parametrize(("folder", "most"), [("bot", 400), ("migrations", 400), ("tests", 700)])
def test_files_do_not_exceed_the_length_limit(folder: str, most: int) -> None:
    code = [p for p in tracked() if p.suffix == ".py" and p.is_relative_to(ROOT / folder)]
    lines = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in code}
    assert [f"{name}: {n} lines" for name, n in lines.items() if n > MAY_BE_LONGER.get(name, most)] == []


def public_names(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from (
                    (f"{node.name}.{inner.name}", inner)
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                )


@pytest.mark.parametrize("path", sorted((ROOT / "bot" / "core").glob("*.py")), ids=lambda p: p.stem)
def test_public_names_of_the_core_have_docstrings(path: Path) -> None:
    names = public_names(ast.parse(path.read_text(encoding="utf-8")))
    assert [name for name, node in names if not ast.get_docstring(node)] == []  # type: ignore[arg-type]


def test_documented_commands_exist() -> None:
    from bot.cli import app  # noqa: PLC0415 - the other tests don't import the program

    groups = {
        g.name: {c.name or c.callback.__name__.rstrip("_") for c in g.typer_instance.registered_commands if c.callback}
        for g in app.registered_groups
        if g.typer_instance
    }
    alone = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    wrong = []
    for path in tracked():
        if path.suffix in {".md", ".service", ".yaml", ".po"} or path.name in {"Dockerfile", "Makefile"}:
            for where, line in lines_of(path):
                for first, second in re.findall(r"`?nervecheck ((?!in\b|is\b|runs\b)[a-z]+)(?: ([a-z-]+))?", line):
                    if first in alone or (first in groups and second in groups[first]):
                        continue
                    if f"nervecheck {first} {second}" == EXAMPLE_COMMAND:
                        continue
                    if f"nervecheck {first}" in line and "`nervecheck" in line:
                        wrong.append(f"{where}: {line.strip()}")
    assert wrong == []
