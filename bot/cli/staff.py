"""`nervecheck staff`: who is of the team, and the links to their chats."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.app import duty, team
from bot.app.team_store import Role, Staff
from bot.cli.alert import By, staff_name
from bot.cli.office import AsJson, in_transaction, opened, print_json, print_pairs, print_table
from bot.clock import SystemClock

if TYPE_CHECKING:
    from bot.offline import Offline

app = typer.Typer(help="The team: who is told of alerts, and who may work on them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(callback=staff_name, help="A short name, as the audit keeps it, such as lead-2.")]


@app.command()
def add(
    name: Name,
    by: By,
    role: Annotated[Role, typer.Option(help="What they may do: an operator changes no plan.")] = "coordinator",
    language: Annotated[str | None, typer.Option(help="Language of their chat; by default the first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add someone, and print the link that makes a chat theirs: open it once, within the days an invite is valid."""
    with opened() as office:
        row, token = office.run(
            lambda s: team.add(s, office.clinic, name=name, role=role, language=language, by=by, at=SystemClock().now())
        )
        _print_link(office, row, token, as_json=as_json)


@app.command()
def link(name: Name, by: By, as_json: AsJson = False) -> None:
    """Print a new link: for a new phone, a link that is too old, or someone who was removed and comes back."""
    with opened() as office:
        row, token = office.run(lambda s: team.link_again(s, office.clinic, name, by, SystemClock().now()))
        _print_link(office, row, token, as_json=as_json)


def _print_link(office: "Offline", row: Staff, token: str, *, as_json: bool) -> None:
    made = {"name": row.name, "role": row.role, "start": token, "link": office.link(token)}
    if as_json:
        print_json(made)
    else:
        print_pairs(list(made.items()))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print the team of now."""
    found = in_transaction(lambda store, _clinic, _at: team.present(store))
    told = {"name", "role", "state", "language", "joined_at", "unreachable_at"}
    if as_json:
        print_json([row.model_dump(mode="json", include=told) for row in found])
    elif not found:
        typer.echo("Nobody yet: alerts are told to no one. Add someone with `nervecheck staff add`.")
    else:
        rows = [(r.name, r.role, "can't be reached" if r.unreachable_at else r.state, r.language) for r in found]
        print_table(("name", "role", "state", "language"), rows)


@app.command()
def remove(name: Name, by: By, as_json: AsJson = False) -> None:
    """Remove someone: their chat and shifts end, and what they had is told to the others."""
    row = in_transaction(lambda store, _clinic, at: duty.remove(store, name, by, at))
    if as_json:
        print_json({"name": row.name, "state": row.state})
    else:
        typer.echo(f"{row.name} removed.")
