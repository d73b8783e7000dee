"""`nervecheck alert`: work on alerts from a shell. Calls use cases and prints; decides nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, cast, get_args

import typer

from bot.app.alerts import ownership, queue
from bot.app.concerns import agreed_levels, agreeing
from bot.app.records.alerts import FORMER_OUTCOMES, AlertOutcome, AlertRow, NoActionReason
from bot.app.work import Work
from bot.cli.command_context import AsJson, in_transaction, print_json, print_table
from bot.cli.names import ByOption, staff_name
from bot.cli.patient import CodeArgument

app = typer.Typer(help="List, acknowledge, hand over and close alerts; set agreed levels.", no_args_is_help=True)


OUTCOMES: tuple[str, ...] = get_args(AlertOutcome)


def _outcome(value: str) -> str:
    """Return a valid outcome, a former name converted to the current one; BadParameter for anything else."""
    outcome = FORMER_OUTCOMES.get(value, value)
    if outcome not in OUTCOMES:
        raise typer.BadParameter(f"{value!r} is not an outcome: write one of {', '.join(OUTCOMES)}")
    return outcome


TIME = {"formats": ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], "metavar": "YYYY-MM-DDTHH:MM"}
NumberArgument = Annotated[int, typer.Argument(min=1, help="Alert number, as shown by `alert list`.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List open alerts, the most severe first."""
    lines = in_transaction(queue.queue)
    if as_json:
        print_json([{**line.model_dump(mode="json"), "said": line.summary} for line in lines])
    elif not lines:
        typer.echo("No open alerts.")
    else:
        columns = ("alert", "tier", "patient", "raised", "owner", "acknowledge by", "what changed")
        print_table(columns, [_row(line) for line in lines])


def _row(line: queue.AlertLine) -> tuple[object, ...]:
    deadline: object = "-" if line.owner is not None else line.acknowledge_by
    owner = line.owner or ("nobody, OVERDUE" if line.overdue else "nobody")
    return line.id, line.tier, line.code, line.raised_at, owner, deadline, line.summary


@app.command()
def ack(number: NumberArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Acknowledge an alert and become its owner."""
    _run_and_print(lambda work: ownership.acknowledge(work.acting(by), number), as_json=as_json)


@app.command()
def assign(
    number: NumberArgument,
    to: Annotated[str, typer.Option("--to", callback=staff_name, help="Short name of the new owner.")],
    by: ByOption,
    as_json: AsJson = False,
) -> None:
    """Hand over an alert to another team member."""
    _run_and_print(lambda work: ownership.hand_over(work.acting(by), number, to), as_json=as_json)


@app.command()
def note(
    number: NumberArgument,
    outcome: Annotated[str, typer.Argument(callback=_outcome, metavar="|".join(OUTCOMES), help="Outcome.")],
    by: ByOption,
    reason: Annotated[
        NoActionReason | None,
        typer.Option(help='Why nobody contacts the patient: needed for "no_action", and only for it.'),
    ] = None,
    shown_at: Annotated[
        datetime | None,
        typer.Option(help="When you saw the alert (UTC): what the patient reported later stays open.", **TIME),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Record the outcome of an alert. "not_reached" is an attempt: the alert can't be closed with it.

    "out_of_care" (the patient died or moved away) also ends check-ins: nothing more is sent.
    """
    seen = shown_at.replace(tzinfo=UTC) if shown_at is not None else None
    _run_and_print(
        lambda work: ownership.note(
            work.acting(by), number, cast("AlertOutcome", outcome), shown_at=seen, reason=reason
        ),
        as_json=as_json,
    )


@app.command()
def close(number: NumberArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Close an alert that has an outcome. The patient is no longer asked about it."""
    _run_and_print(lambda work: ownership.close(work.acting(by), number), as_json=as_json)


@app.command()
def reopen(number: NumberArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Reopen a closed alert without an owner, so that it must be acknowledged again."""
    _run_and_print(lambda work: ownership.reopen(work.acting(by), number), as_json=as_json)


QuestionArgument = Annotated[
    str, typer.Argument(help="Symptom: id of a question with a severity scale, such as numbness.")
]


@app.command("set-agreed-level")
@app.command("expect", hidden=True)  # the former name, kept for one version
def set_agreed_level(
    code: CodeArgument,
    question: QuestionArgument,
    level: Annotated[str, typer.Argument(help="Highest answer covered, such as medium.")],
    by: ByOption,
    days: Annotated[int, typer.Option(min=1, max=agreeing.MAX_DAYS, help="Duration in days.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Set the agreed level of a known symptom: up to it, SOON raises no new alert. URGENT and EMERGENCY still do.

    An URGENT alert within the agreed level has no time limit to acknowledge.
    """
    agreed = in_transaction(lambda work: agreeing.agree_level(work.acting(by), code, question, level, days))
    if as_json:
        print_json(agreed.model_dump(mode="json", exclude={"patient_id"}))
    else:
        typer.echo(f"{code}: agreed level set: {agreed_levels.describe(agreed)}.")


@app.command("clear-agreed-level")
@app.command("unexpect", hidden=True)  # the former name, kept for one version
def clear_agreed_level(code: CodeArgument, question: QuestionArgument, by: ByOption) -> None:
    """Remove the agreed level of a symptom."""
    in_transaction(lambda work: agreeing.end_agreed_level(work.acting(by), code, question))
    typer.echo(f"{code}: agreed level of {question} removed.")


def _run_and_print(use_case: Callable[[Work], AlertRow], *, as_json: bool) -> None:
    line = in_transaction(lambda work: queue.alert_line(work, use_case(work)))
    if as_json:
        print_json({**line.model_dump(mode="json"), "said": line.summary})
        return
    status = f"closed by {line.closed_by}" if line.closed_by else f"owner: {line.owner or 'nobody'}"
    typer.echo(f"Alert {line.id}, {line.tier}, {line.code}: {status}; outcome: {line.outcome or 'none yet'}.")
