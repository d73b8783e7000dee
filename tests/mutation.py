"""Mutation testing of use cases: `python -m tests.mutation --seed 1 [--count 1000] [--jobs 2] [--only PATTERN] [--again]`.

mutmut changes one line at a time of what `SOURCES` names. The seed chooses `--count` of these mutants, the same
ones every time; a function that is edited changes only its own part of the sample. Each mutant runs the tests that call
its function, until one fails. Prints the seed, a table and each survivor as a diff; exits 1 if more than 5 % survive.

`--only` runs the mutants of the sample whose names match a pattern, such as `*caregivers*`, and `--again` only those
that survived the last run. mutmut keeps its results in `build/mutation`, so `mutmut browse` works there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "mutation"
SOURCES = (
    *(f"bot/app/{name}" for name in ("alerts", "checkins", "concerns", "patients", "schedules", "operations", "team")),
    "bot/dialog/notices.py",
)
"""Alerts and escalation, check-ins, assessments, caregivers, sweeps, plan edits, and whom each message reaches."""
TESTS = ("tests/app", "tests/dialog", "tests/desk", "tests/export")
"""The tests that call these modules and take milliseconds each."""
COPIED = ("bot", "tests", "migrations", "deploy", "README.md")
MOST_SURVIVORS = 0.05
DETECTED = frozenset({"killed", "timeout", "suspicious", "segfault"})
TIMEOUT_FACTOR = 5.0
"""How many times longer than without a mutant the tests may take: a mutant may loop for good."""


def configuration() -> str:
    """The project's pyproject.toml with mutmut's part replaced."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    others = re.sub(r"^\[tool\.mutmut\]\n(?:(?!\[).*\n)*", "", project, flags=re.MULTILINE)
    values = {
        "source_paths": list(SOURCES),
        "pytest_add_cli_args_test_selection": [path for path in TESTS if (ROOT / path).is_dir()],
        "pytest_add_cli_args": ["-m", "not slow and not bench"],
        "also_copy": list(COPIED),
    }
    lines = [f"{name} = {value!r}".replace("'", '"') for name, value in values.items()]
    return "\n".join(
        [
            others,
            "[tool.mutmut]",
            *lines,
            "use_git_change_detection = false",
            f"timeout_multiplier = {TIMEOUT_FACTOR}",
            "",
        ]
    )


def prepare(*, again: bool) -> None:
    """Make the folder in which mutmut works: links to the sources, and a configuration of its own.

    Earlier results are deleted unless they are needed `again`: mutmut would keep them after a change of the tests.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not again:
        shutil.rmtree(FOLDER / "mutants", ignore_errors=True)
    for name in COPIED:
        if not (FOLDER / name).is_symlink():
            (FOLDER / name).symlink_to(os.path.relpath(ROOT / name, FOLDER))
    (FOLDER / "pyproject.toml").write_text(configuration(), encoding="utf-8")


def mutants() -> Iterator[str]:
    """Yield the name of each mutant that mutmut makes of the sources."""
    for source in SOURCES:
        folder = ROOT / source
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            relative = path.relative_to(ROOT)
            made = mutate_file_contents(str(relative), path.read_text(encoding="utf-8"))
            yield from (get_mutant_name(relative, name) for name in made.mutant_names)


def sample(names: Iterable[str], seed: int, count: int) -> list[str]:
    """Return `count` of the names in order; a name's place in the draw depends on the seed and the name alone."""
    return sorted(sorted(names, key=lambda name: sha256(f"{seed}:{name}".encode()).digest())[:count])


def mutmut(*words: str, quiet: bool = False) -> str:
    """Run mutmut in its folder and return what it prints, or print it. Exits with mutmut's error if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *words], cwd=FOLDER, check=False, text=True, capture_output=quiet
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def statuses(names: Iterable[str]) -> dict[str, str]:
    """Return mutmut's last result for each of the mutants."""
    lines = (line.strip().rpartition(": ") for line in mutmut("results", "--all", "true", quiet=True).splitlines())
    found = {name: status for name, _, status in lines}
    return {name: found.get(name, "not checked") for name in names}


def detect(chosen: Sequence[str], jobs: int, *, again: bool) -> dict[str, str]:
    """Run the mutants and return their results; with `again` only those that no test has detected yet."""
    found = statuses(chosen) if again else {}
    waiting = [name for name in chosen if found.get(name) not in DETECTED]
    for _ in range(2):
        if waiting:
            mutmut("run", "--max-children", str(jobs), *waiting)
        found = statuses(chosen)
        # mutmut forgets the results of functions that were edited since.
        waiting = [name for name in chosen if found[name] == "not checked"]
    return found


def table(found: Mapping[str, str]) -> Iterator[str]:
    """Yield the mutants and the survivors of each module, and their sums."""
    of_module: dict[str, Counter[str]] = defaultdict(Counter)
    for name, status in found.items():
        module = name.rpartition(".")[0].replace(".", "/") + ".py"
        of_module[module][status] += 1
    yield f"{'module':<42} {'mutants':>8} {'survived':>9}"
    for module, counted in [*sorted(of_module.items()), ("all", sum(of_module.values(), Counter()))]:
        left = counted.total() - sum(counted[status] for status in DETECTED)
        yield f"{module:<42} {counted.total():>8} {left:>9}"


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], help="a pattern of names; several add up")
    parser.add_argument("--again", action="store_true", help="run those that survived the last run; after new tests")
    return parser.parse_args(words)


def main() -> None:
    given = arguments()
    begun = time.monotonic()
    prepare(again=given.again)
    known = list(mutants())
    chosen = sample(known, given.seed, given.count)
    if given.only:
        chosen = [name for name in chosen if any(fnmatch(name, pattern) for pattern in given.only)]
    print(f"seed {given.seed}: {len(chosen)} of {len(known)} mutants", flush=True)  # noqa: T201 - a report
    if not chosen:
        sys.exit("no mutant of the sample has such a name")
    found = detect(chosen, given.jobs, again=given.again)
    survivors = [name for name, status in found.items() if status not in DETECTED]
    for name in survivors:
        print(mutmut("show", name, quiet=True))  # noqa: T201
    print("\n".join(table(found)))  # noqa: T201
    share, minutes = len(survivors) / len(chosen), (time.monotonic() - begun) / 60
    print(f"seed {given.seed}: {len(survivors)} of {len(chosen)} survived ({share:.1%}), {minutes:.0f} minutes")  # noqa: T201
    sys.exit(share > MOST_SURVIVORS)


if __name__ == "__main__":
    main()
