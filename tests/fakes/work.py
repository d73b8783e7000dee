"""A unit of work for tests: the packaged clinic, unless another is given."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bot.app.ports.clinic import Clinic
from bot.app.work import Stores, Work
from bot.config import Settings
from bot.dialog import work as dialog
from bot.wiring import build

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@cache
def packaged_clinic() -> Clinic:
    return build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True).clinic


def work_on(stores: Stores, clinic: Clinic | None = None, at: datetime = AT, *, actor: str = "operator") -> Work:
    return dialog.work_on(stores, clinic or packaged_clinic(), at, actor=actor)


def runner(database: Any, clinic: Clinic) -> Callable[..., Any]:
    """Return what runs a use case in one transaction: `run(use_case, *args, at=..., by=...)`, or a function of stores.

    A clinic, the actor's name and the time may also be given among the positional arguments, in that order.
    """

    def run(use_case: Callable[..., Any], *args: Any, at: datetime = AT, by: str = "operator", **more: Any) -> Any:
        given = list(args)
        chosen = clinic
        if given and isinstance(given[0], Clinic):
            chosen = given.pop(0)
        if given and isinstance(given[-1], datetime):
            at = given.pop()
        elif len(given) > 1 and isinstance(given[-2], datetime) and isinstance(given[-1], int):
            # The limit of a sweep follows its time.
            at = given.pop(-2)
        taken = inspect.signature(use_case).parameters.values()
        places = sum(p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in taken) - 1
        if len(given) > places:
            by = given.pop()
        return database.run(lambda stores: use_case(work_on(stores, chosen, at, actor=by), *given, **more))

    return run
