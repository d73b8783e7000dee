"""`nervecheck dead`: list, retry and discard dead letters (updates and messages that failed for good)."""

from typing import Annotated

import typer

from bot.app.operations import dead_letters
from bot.cli.command_context import AsJson, database_session, in_transaction, print_json, print_table
from bot.cli.names import ByOption
from bot.clock import SystemClock

app = typer.Typer(
    help="Dead letters: updates that could not be processed and messages that could not be delivered.",
    no_args_is_help=True,
)
Ref = Annotated[str, typer.Argument(metavar="REF", help="Reference as shown by `dead list`: update-12 or message-34.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List dead letters, updates before messages, the newest of each first. Never shows what a patient sent."""
    letters = in_transaction(dead_letters.list_dead_letters)
    if as_json:
        print_json(
            [
                {"ref": letter.ref, "what": letter.what, "why": letter.why, "since": letter.since.isoformat()}
                for letter in letters
            ]
        )
    elif not letters:
        typer.echo("No dead letters.")
    else:
        print_table(
            ("ref", "content", "error", "since"),
            [(letter.ref, letter.what, letter.why, letter.since) for letter in letters],
        )


@app.command()
def retry(ref: Ref, by: ByOption) -> None:
    """Process an update or send a message again. If it fails again or is out of date, it stays listed."""
    kind, number = dead_letters.parse_reference(ref)
    if kind == "message":
        in_transaction(lambda work: dead_letters.retry_message(work.acting(by), number))
        typer.echo(f"{ref} is queued for delivery.")
        return
    with database_session() as session:
        session.replay(number, by, SystemClock().now())
    typer.echo(f"{ref} was processed.")


@app.command("discard")
@app.command("drop", hidden=True)  # the former name, kept for one version
def discard(ref: Ref, by: ByOption) -> None:
    """Discard a dead letter without retrying it."""
    in_transaction(lambda work: dead_letters.discard(work.acting(by), ref))
    typer.echo(f"{ref} was discarded.")
