"""`nervecheck task`: the team's tasks other than alerts. Decides nothing."""

from typing import Annotated

import typer

from bot.app.operations import tasks
from bot.cli.command_context import AsJson, in_transaction, print_json, print_table
from bot.cli.names import ByOption

app = typer.Typer(
    help="Tasks other than alerts, such as unreachable patients and check-ins missed in an outage.",
    no_args_is_help=True,
)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List open tasks, oldest first."""
    found = in_transaction(tasks.open_tasks)
    if as_json:
        fields = {"id", "kind", "subject", "raised_at"}
        print_json([task.model_dump(mode="json", include=fields) for task in found])
    elif not found:
        typer.echo("No open tasks.")
    else:
        rows = [(task.id, task.kind.replace("_", " "), task.subject, task.raised_at) for task in found]
        print_table(("number", "task", "patient or time", "since"), rows)


@app.command()
def close(
    number: Annotated[int, typer.Argument(min=1, help="Task number, as shown by `task list`.")], by: ByOption
) -> None:
    """Close a task as done."""
    task = in_transaction(lambda work: tasks.close(work.acting(by), number))
    typer.echo(f"{task.kind.replace('_', ' ')}, {task.subject}: done.")
