"""`nervecheck keys`: makes encryption keys. Stores none."""

import typer

from bot.cli.office import AsJson, print_json
from bot.db.crypto import new_key

app = typer.Typer(help="Encryption keys.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `new` a word of its own: with one command alone typer would drop it."""


@app.command()
def new(as_json: AsJson = False) -> None:
    """Make a key for NERVECHECK_KEYS. It is printed, and kept nowhere."""
    key = new_key()
    if as_json:
        print_json({"key": key})
        return
    typer.echo(key)
    typer.echo(
        "Set NERVECHECK_KEYS to it, or put it and a comma in front of the keys already there: the first one writes,\n"
        "all of them read. Keep a copy away from the database: without its keys nothing in it can be read.",
        err=True,
    )
