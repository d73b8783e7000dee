"""Tests wait in one way, `tests.polling`: none waits a fixed time, none judges by how long something took.

Machines are shared: a fixed wait is too short on a busy one and wasted on an idle one.
"""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent
HELPER = "polling.py"
PLAYS = {"bench", "chaos/fault_player.py", "chaos/run.py", "chaos/databases.py", "chaos/watchdog.py"}
"""These play faults over real time or measure it: their waits are what they do, not how they wait."""
SLEEPS = {"asyncio.sleep", "time.sleep"}
CLOCKS = {"time.monotonic", "time.perf_counter", "time.time", "asyncio.get_running_loop().time"}


def fixed_waits(tree: ast.AST) -> list[int]:
    """Return the lines on which something waits longer than for a turn of the event loop."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) in SLEEPS]
    return [c.lineno for c in calls if not (isinstance(c.args[0], ast.Constant) and c.args[0].value == 0)]


def judged_times(tree: ast.AST) -> list[int]:
    """Return the lines of assertions that read a clock of the machine."""
    asserts = [n for n in ast.walk(tree) if isinstance(n, ast.Assert)]
    return [
        one.lineno
        for one in asserts
        if any(isinstance(n, ast.Call) and ast.unparse(n.func) in CLOCKS for n in ast.walk(one.test))
    ]


def found() -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name == HELPER or name in PLAYS or name.split("/")[0] in PLAYS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        counts[name] += len(fixed_waits(tree)) + len(judged_times(tree))
    return +counts


def test_no_test_waits_a_fixed_time_or_judges_by_the_clock() -> None:
    assert found() == {}


def test_what_is_looked_for_is_found() -> None:
    tree = ast.parse("time.sleep(1)\nawait_(asyncio.sleep(x))\nasyncio.sleep(0)\nassert time.monotonic() - t < 3")
    assert (fixed_waits(tree), judged_times(tree)) == ([1, 2], [4])
