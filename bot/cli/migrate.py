"""`nervecheck migrate`: upgrade the database schema to this version."""

from pathlib import Path

import typer

from bot.cli.command_context import AsJson, effective_settings, print_json, report_copy


def add_to(app: typer.Typer) -> None:
    """Add the command to the given app."""
    app.command()(migrate)


def migrate(as_json: AsJson = False) -> None:
    """Upgrade the database schema. `run` also does this; use this command to do it beforehand.

    An upgrade that renames stored data is refused while a nervecheck process has the database open, and makes a copy
    first: going back to the previous version means restoring that copy.
    """
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
