"""`nervecheck plan`: a patient's plan, and the messages that it leads to."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from bot.app import plan_edits
from bot.app.plan_edits import PlanEdit, Preview
from bot.cli.alert import By
from bot.cli.office import AsJson, in_transaction, print_json, print_pairs, print_table
from bot.cli.patient import DAY, Code

app = typer.Typer(help="Plans: when a patient is asked.", no_args_is_help=True)

Start = Annotated[datetime | None, typer.Option(help="Day of the first dose: corrects a wrong one.", **DAY)]
Stop = Annotated[datetime | None, typer.Option(help="Day that immunotherapy was stopped.", **DAY)]
Restart = Annotated[datetime | None, typer.Option(help="Day it is given again: the early phase begins anew.", **DAY)]
Regimen = Annotated[Literal["single", "combination"] | None, typer.Option(help="One drug or two.")]
PlanName = Annotated[str | None, typer.Option("--plan", help="Plan of the protocol; by default the regimen's.")]
SendTime = Annotated[
    datetime | None, typer.Option(help="Time of day to be asked at.", formats=["%H:%M"], metavar="HH:MM")
]


@app.command()
def show(code: Code, as_json: AsJson = False) -> None:
    """Show a patient's plan and the messages of the next 14 days."""
    _print(in_transaction(lambda store, clinic, at: plan_edits.preview(store, clinic, code, PlanEdit(), at)), as_json)


@app.command()
def preview(
    code: Code,
    ici_start: Start = None,
    ici_stop: Stop = None,
    ici_restart: Restart = None,
    regimen: Regimen = None,
    plan: PlanName = None,
    send_time: SendTime = None,
    as_json: AsJson = False,
) -> None:
    """Show what a change would lead to, and change nothing."""
    edit = _edit(ici_start, ici_stop, ici_restart, regimen, plan, send_time)
    _print(in_transaction(lambda store, clinic, at: plan_edits.preview(store, clinic, code, edit, at)), as_json)


@app.command("set")
def set_(
    code: Code,
    by: By,
    ici_start: Start = None,
    ici_stop: Stop = None,
    ici_restart: Restart = None,
    regimen: Regimen = None,
    plan: PlanName = None,
    send_time: SendTime = None,
    as_json: AsJson = False,
) -> None:
    """Change a plan at once and tell the patient in one line; an open check-in stays as it is."""
    edit = _edit(ici_start, ici_stop, ici_restart, regimen, plan, send_time)
    _print(in_transaction(lambda store, clinic, at: plan_edits.apply(store, clinic, code, edit, by, at)), as_json)


def _edit(
    ici_start: datetime | None,
    ici_stop: datetime | None,
    ici_restart: datetime | None,
    regimen: Literal["single", "combination"] | None,
    plan: str | None,
    send_time: datetime | None,
) -> PlanEdit:
    days = (ici_start, ici_stop, ici_restart)
    start, stop, restart = (day.date() if day is not None else None for day in days)
    at = send_time.time() if send_time is not None else None
    return PlanEdit(ici_start=start, ici_stop=stop, ici_restart=restart, regimen=regimen, plan=plan, send_time=at)


def _print(found: Preview, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    names = ("code", "ici_start", "ici_stop", "regimen", "plan", "send_time")
    print_pairs([(name.replace("_", " "), getattr(found, name)) for name in names])
    if not found.messages:
        typer.echo("No messages in the next 14 days.")
        return
    marks = {"same": "", "new": "+ new", "moved": "~ moved", "gone": "- gone"}
    print_table(
        ("day", "at", "message", "form", "change"),
        [(f"{m.day:%a} {m.day}", m.at, m.kind, m.form, marks[m.mark]) for m in found.messages],
    )
