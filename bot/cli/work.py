"""`nervecheck work`: what waits for the team beside alerts."""

from typing import Annotated

import typer

from bot.app import work_items
from bot.cli.alert import By
from bot.cli.office import AsJson, in_transaction, print_json, print_table

app = typer.Typer(help="Who was not heard from, can't be reached, or was missed.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print what is open, oldest first."""
    items = in_transaction(lambda store, _clinic, _at: work_items.waiting(store))
    if as_json:
        told = {"id", "kind", "subject", "raised_at"}
        print_json([item.model_dump(mode="json", include=told) for item in items])
    elif not items:
        typer.echo("Nothing else to look at.")
    else:
        rows = [(item.id, item.kind.replace("_", " "), item.subject, item.raised_at) for item in items]
        print_table(("number", "what", "who or when", "since"), rows)


@app.command()
def close(number: Annotated[int, typer.Argument(min=1, help="Number, as `work list` shows it.")], by: By) -> None:
    """Tick one off."""
    item = in_transaction(lambda store, _clinic, at: work_items.close(store, number, by, at))
    typer.echo(f"{item.kind.replace('_', ' ')}, {item.subject}: done.")
