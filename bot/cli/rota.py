"""`nervecheck rota`: who is on duty when, and who stands in for whom."""

from datetime import datetime
from typing import Annotated

import typer

from bot.app import team
from bot.app.team import DAYS
from bot.cli.alert import By, staff_name
from bot.cli.office import AsJson, in_transaction, print_json, print_table
from bot.cli.patient import DAY
from bot.core.rota import ALL_DAYS, on_duty

app = typer.Typer(help="The rota: who is told of an alert first.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(callback=staff_name, help="Who of the team.")]
HOUR = {"formats": ["%H:%M"], "metavar": "HH:MM"}


def _days(value: str) -> str:
    weekdays(value)
    return value


def weekdays(value: str) -> frozenset[int]:
    """Read "mon-fri" or "sat,sun"; a range may go round the end of the week."""
    found: set[int] = set()
    for part in value.lower().split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise typer.BadParameter(f"{value!r}: write weekdays like mon-fri or sat,sun ({', '.join(DAYS)})")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return frozenset(found)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print the rota, and who is on duty now."""
    lines, now = in_transaction(
        lambda store, clinic, at: (
            team.rota_lines(store, clinic, at),
            on_duty(team.rota_of(store, clinic, at), at),
        )
    )
    if as_json:
        print_json({"on_duty": list(now), "rota": [line.model_dump(mode="json") for line in lines]})
        return
    if lines:
        rows = [(line.kind, line.id, line.who, line.days, line.hours, line.rank) for line in lines]
        print_table(("kind", "number", "who", "days", "hours", "rank"), rows)
    typer.echo(f"On duty now: {', '.join(now) or 'nobody, so an alert is told to everyone at once'}.")


@app.command()
def add(
    name: Name,
    by: By,
    days: Annotated[str, typer.Option(callback=_days, help="Weekdays, such as mon-fri or sat,sun.")] = "mon-sun",
    start: Annotated[datetime | None, typer.Option("--from", help="Begin, in the clinic's time.", **HOUR)] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", help="End; at or before the begin: the next day.", **HOUR)
    ] = None,
    rank: Annotated[int, typer.Option(min=0, max=99, help="Who is asked first: the lowest.")] = 0,
    out_of_hours: Annotated[bool, typer.Option("--out-of-hours", help="Asked while no shift runs.")] = False,
) -> None:
    """Put someone on the rota; without hours the whole day."""
    made = in_transaction(
        lambda store, _clinic, at: team.add_shift(
            store,
            name,
            days=weekdays(days) if not out_of_hours else ALL_DAYS,
            start=(start or datetime(2000, 1, 1)).time(),  # noqa: DTZ001 - an hour of the clinic's day
            end=(end or datetime(2000, 1, 1)).time(),  # noqa: DTZ001
            rank=rank,
            out_of_hours=out_of_hours,
            by=by,
            at=at,
        )
    )
    typer.echo(f"Shift {made.id} of {name} added.")


@app.command()
def remove(number: Annotated[int, typer.Argument(min=1, help="Number of the shift.")], by: By) -> None:
    """Take a shift off the rota."""
    in_transaction(lambda store, _clinic, at: team.drop_shift(store, number, by, at))
    typer.echo(f"Shift {number} removed.")


@app.command()
def cover(
    away: Name,
    by: By,
    instead: Annotated[str, typer.Option("--instead", callback=staff_name, help="Who stands in.")],
    first: Annotated[datetime, typer.Option("--from", help="First day.", **DAY)],
    last: Annotated[datetime, typer.Option("--to", help="Last day.", **DAY)],
) -> None:
    """Let someone have the shifts of someone who is away."""
    made = in_transaction(
        lambda store, clinic, at: team.add_cover(
            store, clinic, away, instead, first=first.date(), last=last.date(), by=by, at=at
        )
    )
    typer.echo(f"Cover {made.id}: {instead} for {away}.")


@app.command()
def uncover(number: Annotated[int, typer.Argument(min=1, help="Number of the cover.")], by: By) -> None:
    """End a cover."""
    in_transaction(lambda store, _clinic, at: team.drop_cover(store, number, by, at))
    typer.echo(f"Cover {number} removed.")
