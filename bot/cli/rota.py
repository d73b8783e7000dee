"""`nervecheck rota`: shifts and covers of the on-call rota. Decides nothing."""

from datetime import datetime
from typing import Annotated

import typer

from bot.app.team import members
from bot.app.team.members import DAYS
from bot.cli.command_context import AsJson, in_transaction, print_json, print_table
from bot.cli.names import ByOption, staff_name
from bot.cli.patient import DAY
from bot.core.rota import ALL_DAYS
from bot.core.rota import on_call as members_on_call

app = typer.Typer(help="Show and change the on-call rota: who is notified of an alert first.", no_args_is_help=True)

MemberArgument = Annotated[str, typer.Argument(callback=staff_name, help="Short name of the team member.")]
TIME = {"formats": ["%H:%M"], "metavar": "HH:MM"}


def _check_weekdays(value: str) -> str:
    parse_weekdays(value)
    return value


def parse_weekdays(value: str) -> frozenset[int]:
    """Return the weekdays (Monday is 0) of a list like "mon-fri" or "sat,sun"; BadParameter if it is not valid.

    A range may wrap around the end of the week.
    """
    weekdays: set[int] = set()
    for part in value.lower().split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise typer.BadParameter(
                f"{value!r} is not a list of weekdays: write it like mon-fri or sat,sun ({', '.join(DAYS)})"
            )
        start, end = DAYS.index(first), DAYS.index(last or first)
        weekdays |= {(start + n) % 7 for n in range((end - start) % 7 + 1)}
    return frozenset(weekdays)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the rota and who is on call now."""
    lines, on_call = in_transaction(
        lambda work: (
            members.rota_lines(work),
            members_on_call(members.rota_of(work), work.at),
        )
    )
    if as_json:
        print_json({"on_call": list(on_call), "rota": [line.model_dump(mode="json") for line in lines]})
        return
    if lines:
        rows = [(line.kind, line.id, line.who, line.days, line.hours, line.rank) for line in lines]
        print_table(("kind", "number", "name", "days", "hours", "rank"), rows)
    typer.echo(f"On call now: {', '.join(on_call) or 'nobody; an alert notifies the whole team at once'}.")


@app.command()
def add(
    name: MemberArgument,
    by: ByOption,
    days: Annotated[
        str, typer.Option(callback=_check_weekdays, help="Weekdays of the shift, such as mon-fri or sat,sun.")
    ] = "mon-sun",
    start: Annotated[datetime | None, typer.Option("--from", help="Start, in the clinic's time zone.", **TIME)] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", help="End; if not after the start, it is on the next day.", **TIME)
    ] = None,
    rank: Annotated[int, typer.Option(min=0, max=99, help="Order of notification: the lowest rank is first.")] = 0,
    out_of_hours: Annotated[bool, typer.Option("--out-of-hours", help="On call whenever no shift is active.")] = False,
) -> None:
    """Add a shift. Without --from and --to it lasts all day."""
    shift = in_transaction(
        lambda work: members.add_shift(
            work.acting(by),
            name,
            days=parse_weekdays(days) if not out_of_hours else ALL_DAYS,
            start=(start or datetime(2000, 1, 1)).time(),  # noqa: DTZ001 - an hour of the clinic's day
            end=(end or datetime(2000, 1, 1)).time(),  # noqa: DTZ001
            rank=rank,
            out_of_hours=out_of_hours,
        )
    )
    typer.echo(f"Shift {shift.id} of {name} added.")


@app.command()
def remove(
    number: Annotated[int, typer.Argument(min=1, help="Shift number, as shown by `rota list`.")], by: ByOption
) -> None:
    """Remove a shift."""
    in_transaction(lambda work: members.drop_shift(work.acting(by), number))
    typer.echo(f"Shift {number} removed.")


@app.command()
def cover(
    away: MemberArgument,
    by: ByOption,
    instead: Annotated[
        str, typer.Option("--instead", callback=staff_name, help="Short name of the team member who covers.")
    ],
    first: Annotated[datetime, typer.Option("--from", help="First day.", **DAY)],
    last: Annotated[datetime, typer.Option("--to", help="Last day.", **DAY)],
) -> None:
    """Add a cover: another team member takes all shifts of someone who is away."""
    added = in_transaction(
        lambda work: members.add_cover(work.acting(by), away, instead, first=first.date(), last=last.date())
    )
    typer.echo(f"Cover {added.id} added: {instead} for {away}.")


@app.command("remove-cover")
@app.command("uncover", hidden=True)  # the former name, kept for one version
def remove_cover(
    number: Annotated[int, typer.Argument(min=1, help="Cover number, as shown by `rota list`.")], by: ByOption
) -> None:
    """Remove a cover."""
    in_transaction(lambda work: members.drop_cover(work.acting(by), number))
    typer.echo(f"Cover {number} removed.")
