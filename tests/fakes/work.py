"""A unit of work for tests: the packaged clinic, unless another is given."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
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


def run(
    database: Any,
    clinic: Clinic,
    use_case: Callable[..., Any],
    *args: Any,
    at: datetime = AT,
    by: str = "operator",
    **more: Any,
) -> Any:
    """Run a use case, or another function of a unit of work, in one transaction and return its result."""
    return database.run(lambda stores: use_case(work_on(stores, clinic, at, actor=by), *args, **more))


def treated(stores: Stores, patient: Patient, **changes: Any) -> Patient:
    """Correct the newest treatment period in its row and return the patient, as an edit of the plan would."""
    newest = stores.treatments.save(patient.periods[-1].model_copy(update=changes))
    return stores.patients.save(patient.model_copy(update={"periods": (*patient.periods[:-1], newest)}))


def runner(database: Any, clinic: Clinic) -> Callable[..., Any]:
    """Return `run` for this database and clinic: `run(use_case, *args, at=..., by=...)`."""
    return partial(run, database, clinic)
