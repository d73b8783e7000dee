"""`nervecheck migrate`: brings the database to the tables of this version."""

import typer

from bot.cli.office import AsJson, print_json, settings_in_force


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date. `run` does it too; here it can be done before."""
    from bot.db import migrate as migrations  # noqa: PLC0415 - Alembic is only for this command

    settings = settings_in_force()
    done = migrations.migrate(settings.database_url.get_secret_value())
    if as_json:
        print_json({"database": settings.data_at, "done": done})
        return
    for step in done:
        typer.echo(f"done: {step}")
    typer.echo(f"{settings.data_at} is up to date.")
