"""`nervecheck migrate`: upgrade the database schema to this version."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.cli.command_context import AsJson, effective_settings, load_with_notice, print_json, report_copy
from bot.clock import SystemClock
from bot.core.protocol import Tier
from bot.dialog.work import work_on

if TYPE_CHECKING:
    from bot.app.concerns.preview import UpgradePreview

PAGE = 100
"""Patients that are counted in one transaction."""


def add_to(app: typer.Typer) -> None:
    """Add the command to the given app."""
    app.command()(migrate)


def migrate(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Count whom the upgrade converts and what their next check-ins would open."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Upgrade the database schema. `run` also does this; use this command to do it beforehand.

    An upgrade that renames stored data is refused while a nervecheck process has the database open, and makes a copy
    first: going back to the previous version means restoring that copy.
    """
    if dry_run:
        _preview(as_json=as_json)
        return
    from bot.db import backup  # noqa: PLC0415 - only this command needs Alembic
    from bot.db import migrate as migrations  # noqa: PLC0415

    settings = effective_settings()
    copies: list[Path] = []

    def kept(copy: Path) -> None:
        # Named before anything changes: a process killed during the upgrade must not leave its copy to be searched for.
        copies.append(copy)
        report_copy(copy)

    done = migrations.migrate(settings.database_url.get_secret_value(), keep=backup.backup, kept=kept)
    if as_json:
        print_json({"database": settings.data_location, "done": done, "copy": str(copies[0]) if copies else None})
        return
    for step in done:
        typer.echo(f"done: {step}")
    typer.echo(f"{settings.data_location} is up to date.")


def _preview(*, as_json: bool) -> None:
    """Print what the upgrade would do. Nothing is stored."""
    from bot.app.concerns.preview import preview  # noqa: PLC0415 - as in `migrate`
    from bot.database_session import open_copy  # noqa: PLC0415

    patients, alerts = 0, Counter[Tier]()
    with open_copy(load_with_notice()) as session:
        after: str | None = ""
        while after is not None:
            found, after = session.run(partial(_page, session.clinic, after, preview))
            patients += found.patients
            alerts.update(found.alerts)
    counted = {tier.name: alerts[tier] for tier in (Tier.EMERGENCY, Tier.URGENT, Tier.SOON)}
    if as_json:
        print_json({"patients": patients, "alerts": counted})
        return
    typer.echo(f"Patients who would be converted: {patients}.")
    listed = ", ".join(f"{number} {name}" for name, number in counted.items())
    typer.echo(f"Alerts of their next check-ins, if they answer as they did last time: {listed}. Nothing was stored.")


def _page(
    clinic: Clinic, after: str, preview: Callable[[Work, Sequence[Patient]], "UpgradePreview"], stores: Stores
) -> tuple["UpgradePreview", str | None]:
    found = stores.patients.page(after_code=after, limit=PAGE)
    counted = preview(work_on(stores, clinic, SystemClock().now(), actor="operator"), found)
    return counted, found[-1].code if len(found) == PAGE else None
