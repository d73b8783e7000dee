"""The catalog has every writing use case of `bot/app` and every call that writes; each of its cases does something."""

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.interleaving.catalog import ALL
from tests.interleaving.lab import Lab
from tests.interleaving.runner import Runner
from tests.interleaving.sources import Function, Line, writing_calls, writing_methods, writing_use_cases

NOT_RUN: dict[str, str] = {}
"""Writing use cases that no case of the catalog reaches, each with the reason."""
NOT_CALLED: dict[str, str] = {}
"""Methods of the stores that write and that no case calls, each with the reason."""
NOT_EXECUTED = {
    "bot.delivery.outbox.Sender outbox.mark_retry": "a claim that is released: the statement of `delivery retry ANNA`",
    "bot.app.alerts.replies._said_about_call update_patient_side": "the row that `reply ANNA flag called` saves, an hour on",
    "bot.desk.pages.record._stream audit.add": "adds one line to the audit, and reads nothing",
}
"""Calls of these that no case executes (by function), each with the reason."""


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Runner:
    return Runner(lab)


@dataclass
class Ran:
    """What ran: functions by their code, and lines of the files that were watched."""

    code: set[CodeType] = field(default_factory=set)
    functions: set[Function] = field(default_factory=set)
    lines: set[Line] = field(default_factory=set)


@contextmanager
def _watched(files: Collection[str]) -> Iterator[Ran]:
    """Collect the functions of the product that are called meanwhile in this thread, and the lines of these files."""
    ran = Ran()

    def note_line(frame: FrameType, _event: str, _argument: object) -> Any:
        ran.lines.add(Line(frame.f_code.co_filename, frame.f_lineno))
        return note_line

    def note_call(frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if code not in ran.code:
            ran.code.add(code)
            ran.functions.add(Function(frame.f_globals.get("__name__", ""), code.co_name))
        return note_line if code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(note_call)
    try:
        yield ran
    finally:
        sys.settrace(before)


@pytest.fixture(scope="module")
def ran(runner: Runner) -> Ran:
    """What all cases ran, each alone."""
    with _watched({line.path for line in writing_calls()}) as watched:
        for case in ALL:
            runner.ends(case)
    return watched


def _assert_only(missing: set[str], reasons: Mapping[str, str]) -> None:
    assert missing - reasons.keys() == set(), "add a case to catalog.py, or a reason to the list"
    assert reasons.keys() - missing == set(), "these are run now: take them off the list"


def test_catalog_every_writing_use_case_is_run(ran: Ran) -> None:
    _assert_only({str(function) for function in writing_use_cases() - ran.functions}, NOT_RUN)


def test_catalog_every_writing_method_of_the_stores_is_called(ran: Ran, lab: Lab) -> None:
    stores = lab.database.run(lambda found: found)
    missing = {
        f"{port}.{method}"
        for port, method in writing_methods()
        if getattr(type(getattr(stores, port)), method).__code__ not in ran.code
    }
    _assert_only(missing, NOT_CALLED)


def test_catalog_every_call_that_writes_is_executed(ran: Ran) -> None:
    _assert_only({what for line, what in writing_calls().items() if line not in ran.lines}, NOT_EXECUTED)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_catalog_case_alone_ends_well_and_writes(runner: Runner, case) -> None:  # type: ignore[no-untyped-def]
    solo = runner.solo(case)
    assert solo.touched.written
    assert runner.ends(case) == "ok"


def test_catalog_names_are_unique() -> None:
    assert [name for name, times in Counter(case.name for case in ALL).items() if times > 1] == []
