"""`nervecheck checkin`: send a check-in now, in addition to the plan."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.app.checkins import opening
from bot.app.patients import lookup
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import PatientState
from bot.cli.command_context import AsJson, database_session, print_json
from bot.cli.errors import REFUSED
from bot.cli.patient import all_patients, study_code
from bot.clock import SystemClock
from bot.dialog.work import work_on

if TYPE_CHECKING:
    from bot.database_session import DatabaseSession

app = typer.Typer(help="Send check-ins in addition to the plan.", no_args_is_help=True)


def _codes(values: list[str] | None) -> list[str]:
    return [study_code(value) for value in values or ()]


@app.callback()
def _group() -> None:
    """Keep `send` as a subcommand: typer would drop the name of a group's only command."""


@app.command()
def send(
    codes: Annotated[list[str] | None, typer.Argument(callback=_codes, help="Study codes.")] = None,
    to_all: Annotated[bool, typer.Option("--all", help="All active patients.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a quick check-in now. It replaces an open check-in."""
    if bool(codes) == to_all:
        raise typer.BadParameter("give one or more study codes, or --all")
    with database_session() as session:
        selected = list(dict.fromkeys(codes or ())) if not to_all else _active_codes(session)
        outcomes = {code: _send_one(session, code) for code in selected}
    sent = [code for code, reason in outcomes.items() if reason is None]
    not_sent = {code: reason for code, reason in outcomes.items() if reason is not None}
    if as_json:
        print_json({"sent": sent, "not_sent": [{"code": code, "why": reason} for code, reason in not_sent.items()]})
    else:
        typer.echo(f"Check-ins queued: {len(sent)}.")
        for code, reason in not_sent.items():
            typer.echo(f"{code}: {reason}", err=True)
    if not_sent and not to_all:
        raise typer.Exit(REFUSED)


def _active_codes(session: "DatabaseSession") -> list[str]:
    return [line.code for line in all_patients(session) if line.state == PatientState.ACTIVE]


def _send_one(session: "DatabaseSession", code: str) -> str | None:
    """Send to one patient in a separate transaction; return the reason why it was not sent, or None."""
    try:
        patient, row = session.run(
            lambda stores: (
                patient := lookup.locked(stores.patients, code),
                opening.send_now(work_on(stores, session.clinic, SystemClock().now(), actor="operator"), patient),
            )
        )
    except RefusedError as error:
        return str(error)
    if row is None:
        return f"not sent: the patient is {patient.state}; only patients who are active in a chat can get check-ins"
    return None
