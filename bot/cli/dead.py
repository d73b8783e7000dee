"""`nervecheck dead`: what could not be done, to look at, to try again, to strike off."""

from typing import Annotated

import typer

from bot.app import dead
from bot.cli.alert import By
from bot.cli.office import AsJson, in_transaction, opened, print_json, print_table
from bot.clock import SystemClock

app = typer.Typer(help="Updates that could not be handled, messages that were given up.", no_args_is_help=True)
Ref = Annotated[str, typer.Argument(metavar="REF", help="As `dead list` shows it: update-12 or message-34.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print them, the newest of each kind first; never what a patient sent."""
    letters = in_transaction(lambda store, _clinic, _at: dead.letters(store))
    if as_json:
        print_json(
            [{"ref": one.ref, "what": one.what, "why": one.why, "since": one.since.isoformat()} for one in letters]
        )
    elif not letters:
        typer.echo("Nothing is dead.")
    else:
        print_table(("ref", "what", "why", "since"), [(one.ref, one.what, one.why, one.since) for one in letters])


@app.command()
def retry(ref: Ref, by: By) -> None:
    """Handle the update anew, or send the message anew; what fails again or comes too late stays listed."""
    kind, number = dead.named(ref)
    if kind == "message":
        in_transaction(lambda store, _clinic, at: dead.send_again(store, number, by, at))
        typer.echo(f"{ref} waits to be sent.")
        return
    with opened() as office:
        office.replay(number, by, SystemClock().now())
    typer.echo(f"{ref} was worked off.")


@app.command()
def drop(ref: Ref, by: By) -> None:
    """Strike one off without doing it."""
    in_transaction(lambda store, _clinic, at: dead.drop(store, ref, by, at))
    typer.echo(f"{ref} is struck off.")
