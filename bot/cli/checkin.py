"""`nervecheck checkin`: sends a check-in now, beside the plan."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.app import checkins, lookup
from bot.app.store import PatientState
from bot.cli.errors import REFUSED
from bot.cli.office import AsJson, opened, print_json
from bot.cli.patient import everyone, study_code
from bot.clock import SystemClock

if TYPE_CHECKING:
    from bot.offline import Offline

app = typer.Typer(help="Check-ins beside the plan.", no_args_is_help=True)


def _codes(values: list[str] | None) -> list[str]:
    return [study_code(value) for value in values or ()]


@app.callback()
def _group() -> None:
    """Keep `send` a word of its own: with one command alone typer would drop it."""


@app.command()
def send(
    codes: Annotated[list[str] | None, typer.Argument(callback=_codes, help="Study codes.")] = None,
    to_all: Annotated[bool, typer.Option("--all", help="All active patients.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a quick check at once; an open check-in is replaced by it."""
    if bool(codes) == to_all:
        raise typer.BadParameter("name one or more study codes, or --all")
    with opened() as office:
        chosen = list(dict.fromkeys(codes or ())) if not to_all else _active(office)
        outcomes = {code: _send_one(office, code) for code in chosen}
    sent = [code for code, why_not in outcomes.items() if why_not is None]
    not_sent = {code: why_not for code, why_not in outcomes.items() if why_not is not None}
    if as_json:
        print_json({"sent": sent, "not_sent": [{"code": code, "why": why} for code, why in not_sent.items()]})
    else:
        typer.echo(f"Check-ins on their way: {len(sent)}.")
        for code, why in not_sent.items():
            typer.echo(f"{code}: {why}", err=True)
    if not_sent and not to_all:
        raise typer.Exit(REFUSED)


def _active(office: "Offline") -> list[str]:
    return [line.code for line in everyone(office) if line.state == PatientState.ACTIVE]


def _send_one(office: "Offline", code: str) -> str | None:
    """Send to one patient in a transaction of its own; return why not, or None."""
    try:
        patient, row = office.run(
            lambda store: (
                patient := lookup.locked(store, code),
                checkins.send_now(store, office.clinic, patient, SystemClock().now()),
            )
        )
    except lookup.RefusedError as error:
        return str(error)
    if row is None:
        return f"not sent: the patient is {patient.state}, not active in a chat"
    return None
