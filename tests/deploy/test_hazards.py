"""The hazard log names controls, and tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOG = (ROOT / "deploy" / "docs" / "hazards.md").read_text(encoding="utf-8")
ROWS = [line for line in LOG.splitlines() if line.startswith("| ") and not line.startswith(("| hazard", "|---"))]


def test_every_test_that_the_hazard_log_names_exists():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", LOG)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_every_hazard_has_a_control_a_test_and_what_is_left():
    assert len(ROWS) > 10
    for row in ROWS:
        hazard, control, tests, left = (cell.strip() for cell in row.strip("|").split(" | "))
        assert hazard
        assert control
        assert "`test_" in tests, hazard
        assert left
