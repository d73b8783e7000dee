"""`nervecheck staff`: manage team members and the links that connect their chats. Decides nothing."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.app.alerts import escalation
from bot.app.records.team import Role, Staff
from bot.app.team import members as team
from bot.cli.command_context import AsJson, database_session, in_transaction, print_fields, print_json, print_table
from bot.cli.names import ByOption, staff_name
from bot.clock import SystemClock
from bot.dialog.work import work_on

if TYPE_CHECKING:
    from bot.database_session import DatabaseSession

app = typer.Typer(help="Manage team members: who is notified of alerts and may work on them.", no_args_is_help=True)

NameArgument = Annotated[
    str, typer.Argument(callback=staff_name, help="Short name, as recorded in the audit log, such as lead-2.")
]


@app.command()
def add(
    name: NameArgument,
    by: ByOption,
    role: Annotated[Role, typer.Option(help="Role. An operator can't change plans.")] = "coordinator",
    language: Annotated[
        str | None, typer.Option(help="Language of the chat; default: the first enabled language.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a team member and print the link that connects a chat. It works once, for as long as an invite is valid."""
    with database_session() as session:
        row, token = session.run(
            lambda s: team.add(
                work_on(s, session.clinic, SystemClock().now(), actor=by), name=name, role=role, language=language
            )
        )
        _print_link(session, row, token, as_json=as_json)


@app.command()
def link(name: NameArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Create a new link: for a new phone, an expired link, or a team member who was removed and returns."""
    with database_session() as session:
        row, token = session.run(
            lambda s: team.renew_link(work_on(s, session.clinic, SystemClock().now(), actor=by), name)
        )
        _print_link(session, row, token, as_json=as_json)


def _print_link(session: "DatabaseSession", row: Staff, token: str, *, as_json: bool) -> None:
    link_data = {"name": row.name, "role": row.role, "start": token, "link": session.link(token)}
    if as_json:
        print_json(link_data)
    else:
        print_fields(list(link_data.items()))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List team members."""
    members = in_transaction(team.current_members)
    fields = {"name", "role", "state", "language", "joined_at", "unreachable_at"}
    if as_json:
        print_json([row.model_dump(mode="json", include=fields) for row in members])
    elif not members:
        typer.echo("No team members yet: alerts notify nobody. Add one with `nervecheck staff add`.")
    else:
        rows = [(m.name, m.role, "unreachable" if m.unreachable_at else m.state, m.language) for m in members]
        print_table(("name", "role", "state", "language"), rows)


@app.command()
def remove(name: NameArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Remove a team member with chat and shifts. The rest of the team is notified of their alerts."""
    row = in_transaction(lambda work: escalation.remove(work.acting(by), name))
    if as_json:
        print_json({"name": row.name, "state": row.state})
    else:
        typer.echo(f"{row.name} removed.")
