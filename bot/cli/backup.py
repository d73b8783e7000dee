"""`nervecheck backup` and `restore`: copy the database, verify a copy, restore it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.app.operations import installation
from bot.app.work import Stores
from bot.cli.command_context import AsJson, load_with_notice, print_json, print_table
from bot.db import backup as copies


def add_to(app: typer.Typer) -> None:
    """Add the commands to the given app."""
    app.command()(backup)
    app.command()(restore)


def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="File to create; it must not exist.")]) -> None:
    """Back up the database, even while the bot runs. The copy can only be read with the same keys."""
    copies.backup(load_with_notice().database_url, target)
    typer.echo(f"{target}: {target.stat().st_size:,} bytes. To verify it: nervecheck restore {target} --verify")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by `nervecheck backup`.")],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Only verify the copy: restore it to a temporary database and decrypt all rows with the keys.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a copy and replace the database with it. The previous database is kept next to it."""
    loaded = load_with_notice()
    url, keyring = loaded.database_url, loaded.keyring

    def problems_of(stores: Stores) -> Sequence[str]:
        return installation.problems_with(
            stores, sandbox=loaded.sandbox, oldest_key=loaded.oldest_key, key_ids=keyring.ids
        )

    if verify:
        found = copies.verify(url, source, keyring, problems_of)
        if as_json:
            print_json({"revision": found.revision, "opened": found.opened, "rows": dict(found.rows)})
            return
        print_table(("table", "rows"), [(name, count) for name, count in found.rows.items() if count])
        typer.echo(
            f"{source} is valid: revision {found.revision}, {found.opened} encrypted rows decrypted. "
            "Nothing was changed."
        )
        return
    # Printed before anything is replaced: after an interruption the operator must know where the old database is.
    copies.restore(
        url, source, keyring, problems_of, lambda kept: typer.echo(f"The previous database is kept in {kept}.")
    )
    typer.echo(f"The database was restored from {source}. Start the bot: nervecheck run")
