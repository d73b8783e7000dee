"""`nervecheck plan`: a patient's plan, and the messages that it leads to."""

import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from bot.app import plan_edits
from bot.app.plan_edits import PlanEdit, Preview
from bot.app.team import DAYS
from bot.cli.alert import staff_name
from bot.cli.files import new_file
from bot.cli.office import AsJson, in_transaction, print_json, print_pairs, print_table
from bot.cli.patient import DAY, Code
from bot.cli.rota import weekdays
from bot.core.own_plan import Rhythm
from bot.core.schedule import Pause

app = typer.Typer(help="Plans: when a patient is asked.", no_args_is_help=True)

ALL = "all"
_RHYTHM = re.compile(r"(\d{1,2}):(\d{1,4})-(\d{1,4})?")


def _rhythms(values: list[str]) -> list[str]:
    for value in values:
        if value != ALL:
            _rhythm(value)
    return values


def _rhythm(value: str) -> Rhythm:
    found = _RHYTHM.fullmatch(value)
    try:
        if found is not None:
            last = int(found[3]) if found[3] else None
            return Rhythm(every=int(found[1]), first_day=int(found[2]), last_day=last)
    except ValidationError as error:
        raise typer.BadParameter(f"{value!r}: {error.errors()[0]['msg']}") from None
    raise typer.BadParameter(f"{value!r}: write every how many days, and from which day to which, like 2:0-27 or 7:28-")


def _weekdays(value: str | None) -> str | None:
    if value is not None and value != ALL:
        weekdays(value)
    return value


By = Annotated[
    str, typer.Option("--by", callback=lambda value: staff_name(value) if value else value, help="Who changes it.")
]
Start = Annotated[datetime | None, typer.Option(help="Day of the first dose: corrects a wrong one.", **DAY)]
Stop = Annotated[datetime | None, typer.Option(help="Day that immunotherapy was stopped.", **DAY)]
Restart = Annotated[datetime | None, typer.Option(help="Day it is given again: the early phase begins anew.", **DAY)]
Regimen = Annotated[Literal["single", "combination"] | None, typer.Option(help="One drug or two.")]
PlanName = Annotated[str | None, typer.Option("--plan", help="Plan of the protocol; by default the regimen's.")]
SendTime = Annotated[
    datetime | None, typer.Option(help="Time of day to be asked at.", formats=["%H:%M"], metavar="HH:MM")
]
Every = Annotated[
    list[str],
    typer.Option(
        "--every",
        callback=_rhythms,
        metavar="N:A-B",
        help="Every N days from day A to day B since ICI start; several may be given, the last holds. "
        f"They take the place of all before; '{ALL}': as the plan has it.",
    ),
]
Weekdays = Annotated[
    str | None,
    typer.Option(callback=_weekdays, help=f"Only on these weekdays, such as mon,thu; '{ALL}' for every day."),
]
Extra = Annotated[list[datetime], typer.Option("--extra", help="One check-in more on that day.", **DAY)]
NoExtra = Annotated[list[datetime], typer.Option("--no-extra", help="Take that one back.", **DAY)]
PauseFrom = Annotated[datetime | None, typer.Option(help="First day of a pause.", **DAY)]
PauseTo = Annotated[datetime | None, typer.Option(help="Its last day.", **DAY)]
Reason = Annotated[Literal["hospital", "holiday", "other"] | None, typer.Option(help="Why, for the team.")]


@app.command()
def show(code: Code, as_json: AsJson = False) -> None:
    """Show a patient's plan and the messages of the next 14 days."""
    _print(in_transaction(lambda store, clinic, at: plan_edits.preview(store, clinic, code, PlanEdit(), at)), as_json)


@app.command()
def ical(
    code: Code,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="A new file; without it: print.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far ahead.")] = 92,
) -> None:
    """Write a patient's check-ins to come as a calendar (iCalendar): for a ward, or for the patient's own."""
    # Its import takes a tenth of a second, which `--help` should not pay.
    from bot.export.ical import calendar_of  # noqa: PLC0415

    ahead = timedelta(days=days)
    found, at = in_transaction(
        lambda store, clinic, at: (plan_edits.preview(store, clinic, code, PlanEdit(), at, ahead=ahead), at)
    )
    text = calendar_of(code, found.messages, at).decode()
    with new_file(out, "--out") as file:
        (file or sys.stdout).write(text)


@app.command("preview", help="Show what a change would lead to, and change nothing.")
@app.command("set", help="Change a plan at once and tell the patient in one line; an open check-in stays as it is.")
def change(
    context: typer.Context,
    code: Code,
    by: By = "",
    ici_start: Start = None,
    ici_stop: Stop = None,
    ici_restart: Restart = None,
    regimen: Regimen = None,
    plan: PlanName = None,
    send_time: SendTime = None,
    every: Every = [],  # noqa: B006 - typer copies it
    on_weekdays: Weekdays = None,
    extra: Extra = [],  # noqa: B006
    no_extra: NoExtra = [],  # noqa: B006
    pause_from: PauseFrom = None,
    pause_to: PauseTo = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Show or keep a change; which of the two is the command's name."""
    edit = PlanEdit(
        ici_start=_date(ici_start),
        ici_stop=_date(ici_stop),
        ici_restart=_date(ici_restart),
        regimen=regimen,
        plan=plan,
        send_time=send_time.time() if send_time is not None else None,
        rhythms=None if not every else tuple(_rhythm(value) for value in every if value != ALL),
        weekdays=None if on_weekdays is None else () if on_weekdays == ALL else tuple(weekdays(on_weekdays)),
        add_days=tuple(day.date() for day in extra),
        drop_days=tuple(day.date() for day in no_extra),
        pause=_pause(_date(pause_from), _date(pause_to), reason),
    )
    if context.info_name == "preview":
        found = in_transaction(lambda store, clinic, at: plan_edits.preview(store, clinic, code, edit, at))
    elif not by:
        raise typer.BadParameter("say who changes the plan: --by NAME", param_hint="--by")
    else:
        found = in_transaction(lambda store, clinic, at: plan_edits.apply(store, clinic, code, edit, by, at))
    _print(found, as_json)


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment is not None else None


def _pause(
    first: date | None, last: date | None, reason: Literal["hospital", "holiday", "other"] | None
) -> Pause | None:
    if first is None and last is None and reason is None:
        return None
    if first is None or last is None:
        raise typer.BadParameter("a pause needs both days: --pause-from and --pause-to")
    if last < first:
        raise typer.BadParameter(f"the pause ends on {last}, before it begins on {first}", param_hint="--pause-to")
    return Pause(first=first, last=last, reason=reason)


def _print(found: Preview, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    names = ("code", "ici_start", "ici_stop", "regimen", "plan", "send_time")
    print_pairs([*((name.replace("_", " "), getattr(found, name)) for name in names), *_own(found)])
    if not found.messages:
        typer.echo("No messages in the next 14 days.")
        return
    marks = {"same": "", "new": "+ new", "moved": "~ moved", "gone": "- gone"}
    print_table(
        ("day", "at", "message", "form", "change"),
        [(f"{m.day:%a} {m.day}", m.at, m.kind, m.form, marks[m.mark]) for m in found.messages],
    )


def _own(found: Preview) -> list[tuple[str, object]]:
    """What is different from the clinic's plan, a line each."""
    lines: list[tuple[str, object]] = []
    for each in found.own.rhythms:
        until = f"to day {each.last_day}" if each.last_day is not None else "on"
        lines.append(("rhythm", f"every {each.every} days from day {each.first_day} {until}"))
    if found.own.weekdays:
        lines.append(("weekdays", " ".join(DAYS[day] for day in found.own.weekdays)))
    lines += [("extra", str(each.day)) for each in found.own.extras]
    for pause in found.pauses:
        because = f" ({pause.reason})" if pause.reason else ""
        lines.append(("pause", f"{pause.first} to {pause.last}{because}"))
    return lines
