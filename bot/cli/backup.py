"""`nervecheck backup` and `restore`: copies of the database, checked and put back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.app import installation
from bot.app.store import Store
from bot.cli.office import AsJson, prepared, print_json, print_table
from bot.db import backup as copies


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; it must not exist yet.")]) -> None:
    """Copy the database while the bot works; the copy opens with the same keys only."""
    copies.backup(prepared().database_url, target)
    typer.echo(f"{target}: {target.stat().st_size:,} bytes. Check it: nervecheck restore {target} --verify")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `nervecheck backup` made.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check it: restored aside, read with the keys.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a copy in the database's place; what was there is kept beside it."""
    clinic = prepared()
    url, keyring = clinic.database_url, clinic.keyring

    def against(store: Store) -> Sequence[str]:
        sandbox, oldest = clinic.sandbox, clinic.oldest_key
        return installation.against(store, sandbox=sandbox, oldest_key=oldest, key_ids=keyring.ids)

    if verify:
        found = copies.verify(url, source, keyring, against)
        if as_json:
            print_json({"revision": found.revision, "opened": found.opened, "rows": dict(found.rows)})
            return
        print_table(("table", "rows"), [(name, count) for name, count in found.rows.items() if count])
        typer.echo(f"{source} is good: revision {found.revision}, {found.opened} sealed rows opened. Nothing changed.")
        return
    # Said before anything is replaced: who is interrupted then must know where it is.
    copies.restore(url, source, keyring, against, lambda kept: typer.echo(f"What was there is kept in {kept}."))
    typer.echo(f"{source} stands in the database's place. Start the bot: nervecheck run")
