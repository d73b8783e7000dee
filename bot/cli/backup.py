"""`nervecheck backup` and `restore`: copies of the database, checked and put back."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.office import AsJson, print_json, print_table, ready
from bot.db import backup as copies


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; it must not exist yet.")]) -> None:
    """Copy the database while the bot works; the copy opens with the same keys only."""
    prepared = ready()
    copies.backup(prepared.database_url, target)
    typer.echo(f"{target}: {target.stat().st_size:,} bytes. Check it: nervecheck restore {target} --verify")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `nervecheck backup` made.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check it: restored aside, read with the keys.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a copy in the database's place; what was there is kept beside it."""
    prepared = ready()
    if verify:
        found = copies.verify(prepared.database_url, source, prepared.keyring)
        if as_json:
            print_json({"revision": found.revision, "opened": found.opened, "rows": dict(found.rows)})
            return
        print_table(("table", "rows"), [(name, count) for name, count in found.rows.items() if count])
        typer.echo(f"{source} is good: revision {found.revision}, {found.opened} sealed rows opened. Nothing changed.")
        return
    before = copies.restore(prepared.database_url, source, prepared.keyring)
    kept = f" What was there is kept in {before}." if before else ""
    typer.echo(f"{source} stands in the database's place.{kept} Start the bot: nervecheck run")
