"""The catalog has every writing use case of `bot/app`, and each of its cases does something."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from tests.interleaving.catalog import ALL
from tests.interleaving.lab import Lab
from tests.interleaving.runner import Runner
from tests.interleaving.sources import Function, writing_use_cases

NOT_RUN: dict[str, str] = {}
"""Writing use cases that no case of the catalog reaches, each with the reason."""


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Runner:
    return Runner(lab)


@contextmanager
def _called() -> Iterator[set[Function]]:
    """Collect the functions of the product that are called meanwhile in this thread."""
    found: set[Function] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            found.add(Function(frame.f_globals.get("__name__", ""), frame.f_code.co_name))

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_catalog_every_writing_use_case_is_run(runner: Runner) -> None:
    with _called() as called:
        for case in ALL:
            runner.ends(case)
    missing = {str(function) for function in writing_use_cases() - called}
    assert missing - NOT_RUN.keys() == set(), "add a case to catalog.py, or a reason to NOT_RUN"
    assert NOT_RUN.keys() - missing == set(), "these are run now: take them off the list"


@pytest.mark.parametrize("case", ALL, ids=str)
def test_catalog_case_alone_ends_well_and_writes(runner: Runner, case) -> None:  # type: ignore[no-untyped-def]
    solo = runner.solo(case)
    assert solo.touched.written
    assert runner.ends(case) == "ok"


def test_catalog_names_are_unique() -> None:
    assert [name for name, times in Counter(case.name for case in ALL).items() if times > 1] == []
