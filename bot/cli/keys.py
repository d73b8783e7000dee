"""`nervecheck keys`: generate encryption keys. Stores none."""

import typer

from bot.cli.command_context import AsJson, print_json
from bot.db.crypto import new_key

app = typer.Typer(help="Encryption keys.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `new` as a subcommand: typer would drop the name of a group's only command."""


@app.command()
def new(as_json: AsJson = False) -> None:
    """Generate a key for NERVECHECK_KEYS. It is printed and not stored anywhere."""
    key = new_key()
    if as_json:
        print_json({"key": key})
        return
    typer.echo(key)
    typer.echo(
        "Set NERVECHECK_KEYS to this key, or put it and a comma in front of the existing keys: the first key\n"
        "encrypts, all of them decrypt. Keep a copy away from the database: without its keys the data can't be read.",
        err=True,
    )
