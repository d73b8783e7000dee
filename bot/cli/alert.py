"""`nervecheck alert`: the alerts that staff work on, from a shell."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from bot.app import alert_work, queue, snoozes
from bot.app.ports import Clinic
from bot.app.store import AlertRow, Outcome, Store
from bot.app.team import NAME
from bot.cli.office import AsJson, in_transaction, print_json, print_table
from bot.cli.patient import Code

app = typer.Typer(help="Alerts: who has them, and what came of them.", no_args_is_help=True)


def staff_name(value: str) -> str:
    """Refuse what is no short name of someone of the team."""
    if not NAME.fullmatch(value):
        raise typer.BadParameter(
            f"{value!r} is no short name: letters, digits, '.', '_' and '-', up to 32, such as lead-2"
        )
    return value


Number = Annotated[int, typer.Argument(min=1, help="Number of the alert, as `alert list` shows it.")]
By = Annotated[str, typer.Option("--by", callback=staff_name, help="Who of the team does it.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print the alerts that nobody closed, worst first."""
    lines = in_transaction(queue.queue)
    if as_json:
        print_json([{**line.model_dump(mode="json"), "said": line.said} for line in lines])
    elif not lines:
        typer.echo("No open alerts.")
    else:
        columns = ("alert", "tier", "patient", "raised", "has it", "take up by", "what changed")
        print_table(columns, [_row(line) for line in lines])


def _row(line: queue.AlertLine) -> tuple[object, ...]:
    clock: object = "-" if line.taken_by is not None else line.take_by
    who = line.taken_by or ("nobody, OVERDUE" if line.overdue else "nobody")
    return line.id, line.tier, line.code, line.raised_at, who, clock, line.said


@app.command()
def ack(number: Number, by: By, as_json: AsJson = False) -> None:
    """Take an alert up: from now on it is yours."""
    _do(lambda store, clinic, at: alert_work.take(store, clinic, number, by, at), as_json=as_json)


@app.command()
def assign(
    number: Number,
    to: Annotated[str, typer.Option("--to", callback=staff_name, help="Who has it from now on.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Hand an alert over."""
    _do(lambda store, clinic, at: alert_work.assign(store, clinic, number, to, by, at), as_json=as_json)


@app.command()
def note(
    number: Number,
    outcome: Annotated[Outcome, typer.Argument(help="What came of it.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Note what came of an alert."""
    _do(lambda store, clinic, at: alert_work.note(store, clinic, number, outcome, by, at), as_json=as_json)


@app.command()
def close(number: Number, by: By, as_json: AsJson = False) -> None:
    """Close an alert whose outcome was noted: the patient is not asked about it any more."""
    _do(lambda store, clinic, at: alert_work.close(store, clinic, number, by, at), as_json=as_json)


@app.command()
def reopen(number: Number, by: By, as_json: AsJson = False) -> None:
    """Open a closed alert again, for whoever takes it up."""
    _do(lambda store, clinic, at: alert_work.reopen(store, clinic, number, by, at), as_json=as_json)


Question = Annotated[str, typer.Argument(help="Symptom: the id of a question with a scale, such as numbness.")]


@app.command()
def expect(
    code: Code,
    question: Question,
    level: Annotated[str, typer.Argument(help="Up to which answer, such as medium.")],
    by: By,
    days: Annotated[int, typer.Option(min=1, max=snoozes.MOST_DAYS, help="For how many days.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Expect a symptom at a level for a while: no alert of its own while it gets no worse. Never an EMERGENCY."""
    made = in_transaction(lambda store, clinic, at: snoozes.snooze(store, clinic, code, question, level, days, by, at))
    if as_json:
        print_json(made.model_dump(mode="json", exclude={"patient_id"}))
    else:
        typer.echo(f"{code}: expecting {snoozes.said(made)}.")


@app.command()
def unexpect(code: Code, question: Question, by: By) -> None:
    """Expect a symptom no more."""
    in_transaction(lambda store, _clinic, at: snoozes.wake(store, code, question, by, at))
    typer.echo(f"{code}: {question} is not expected any more.")


def _do(work: Callable[[Store, Clinic, datetime], AlertRow], *, as_json: bool) -> None:
    line = in_transaction(lambda store, clinic, at: queue.line(store, clinic, work(store, clinic, at), at))
    if as_json:
        print_json({**line.model_dump(mode="json"), "said": line.said})
        return
    said = f"closed by {line.closed_by}" if line.closed_by else f"has: {line.taken_by or 'nobody'}"
    typer.echo(f"Alert {line.id}, {line.tier}, {line.code}: {said}; outcome: {line.outcome or 'none yet'}.")
