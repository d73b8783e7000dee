"""`nervecheck plan`: show, preview and change a patient's plan. Decides nothing."""

import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit, Preview
from bot.app.team.members import DAYS
from bot.cli.command_context import AsJson, in_transaction, print_fields, print_json, print_table
from bot.cli.files import new_file
from bot.cli.names import staff_name
from bot.cli.patient import DAY, CodeArgument, StopReasonOption, print_periods
from bot.cli.rota import parse_weekdays
from bot.core.plan_override import Rhythm
from bot.core.schedule import Pause

app = typer.Typer(help="Show and change when a patient gets check-ins.", no_args_is_help=True)

ALL = "all"
_RHYTHM_FORMAT = re.compile(r"(\d{1,2}):(\d{1,4})-(\d{1,4})?")


def _check_rhythms(values: list[str]) -> list[str]:
    for value in values:
        if value != ALL:
            _parse_rhythm(value)
    return values


def _parse_rhythm(value: str) -> Rhythm:
    match = _RHYTHM_FORMAT.fullmatch(value)
    try:
        if match is not None:
            last_day = int(match[3]) if match[3] else None
            return Rhythm(every=int(match[1]), first_day=int(match[2]), last_day=last_day)
    except ValidationError as error:
        raise typer.BadParameter(f"{value!r}: {error.errors()[0]['msg']}") from None
    raise typer.BadParameter(
        f"{value!r} is not a valid rhythm: write N:A-B (every N days, day A to day B), like 2:0-27 or 7:28-"
    )


def _check_weekdays(value: str | None) -> str | None:
    if value is not None and value != ALL:
        parse_weekdays(value)
    return value


OptionalByOption = Annotated[
    str,
    typer.Option(
        "--by",
        callback=lambda value: staff_name(value) if value else value,
        help="Short name of the team member who changes the plan.",
    ),
]
Start = Annotated[
    datetime | None, typer.Option(help="Corrected date of the first dose of the treatment period.", **DAY)
]
StopOption = Annotated[datetime | None, typer.Option(help="Date on which immunotherapy was stopped.", **DAY)]
Restart = Annotated[
    datetime | None, typer.Option(help="Date on which immunotherapy restarts: the early phase begins again.", **DAY)
]
Drug = Annotated[
    str | None, typer.Option(help="Name of the drug of the treatment period, or of the restart; '' if it is not known.")
]
PeriodOption = Annotated[
    int | None, typer.Option(help="Number of the treatment period to correct; default: the newest.", min=1)
]
NoStop = Annotated[bool, typer.Option("--no-ici-stop", help="Remove the stop: it was entered by mistake.")]
NoRestart = Annotated[
    bool, typer.Option("--no-ici-restart", help="Remove the newest treatment period: it was entered by mistake.")
]
Regimen = Annotated[Literal["single", "combination"] | None, typer.Option(help="One drug, or a combination of two.")]
PlanName = Annotated[str | None, typer.Option("--plan", help="Plan of the protocol; default: the plan of the regimen.")]
SendTime = Annotated[
    datetime | None, typer.Option(help="Time of day at which check-ins are sent.", formats=["%H:%M"], metavar="HH:MM")
]
Every = Annotated[
    list[str],
    typer.Option(
        "--every",
        callback=_check_rhythms,
        metavar="N:A-B",
        help="Every N days from day A to day B since ICI start. Repeatable: where they overlap, the last one applies. "
        f"They replace all earlier ones; '{ALL}' restores those of the plan.",
    ),
]
Weekdays = Annotated[
    str | None,
    typer.Option(callback=_check_weekdays, help=f"Weekdays with check-ins, such as mon,thu; '{ALL}': every day."),
]
ExtraOption = Annotated[list[datetime], typer.Option("--extra", help="Date of an additional check-in.", **DAY)]
NoExtra = Annotated[list[datetime], typer.Option("--no-extra", help="Date of an additional check-in to remove.", **DAY)]
PauseFrom = Annotated[datetime | None, typer.Option(help="First day of a pause.", **DAY)]
PauseTo = Annotated[datetime | None, typer.Option(help="Last day of the pause.", **DAY)]
ReasonOption = Annotated[
    Literal["hospital", "holiday", "other"] | None, typer.Option(help="Reason for the pause, shown to the team.")
]


@app.command()
def show(code: CodeArgument, as_json: AsJson = False) -> None:
    """Show a patient's plan and the messages of the next 14 days."""
    _print(in_transaction(lambda work: plan_edits.preview(work, code, PlanEdit())), as_json)


@app.command()
def ical(
    code: CodeArgument,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to create; without it the calendar is printed.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Number of days to include.")] = 92,
) -> None:
    """Export a patient's future check-ins as an iCalendar file, for the ward or for the patient."""
    # The import takes 0.1 s, which `--help` should not cost.
    from bot.export.ical import calendar_of  # noqa: PLC0415

    ahead = timedelta(days=days)
    preview, at = in_transaction(lambda work: (plan_edits.preview(work, code, PlanEdit(), ahead=ahead), work.at))
    text = calendar_of(code, preview.messages, at).decode()
    with new_file(out, "--out") as file:
        (file or sys.stdout).write(text)


@app.command("preview", help="Preview a change of the plan without making it.")
@app.command("set", help="Change a plan immediately and notify the patient. An open check-in is not affected.")
def change(
    context: typer.Context,
    code: CodeArgument,
    by: OptionalByOption = "",
    ici_start: Start = None,
    ici_stop: StopOption = None,
    stop_reason: StopReasonOption = None,
    ici_restart: Restart = None,
    drug: Drug = None,
    period: PeriodOption = None,
    no_ici_stop: NoStop = False,
    no_ici_restart: NoRestart = False,
    regimen: Regimen = None,
    plan: PlanName = None,
    send_time: SendTime = None,
    every: Every = [],  # noqa: B006 - typer copies it
    on_weekdays: Weekdays = None,
    extra: ExtraOption = [],  # noqa: B006
    no_extra: NoExtra = [],  # noqa: B006
    pause_from: PauseFrom = None,
    pause_to: PauseTo = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the result of a change or make it, depending on the command's name."""
    edit = PlanEdit(
        ici_start=_date(ici_start),
        ici_stop=_date(ici_stop),
        stop_reason=stop_reason,
        ici_restart=_date(ici_restart),
        drug=drug,
        period=period,
        no_ici_stop=no_ici_stop,
        no_ici_restart=no_ici_restart,
        regimen=regimen,
        plan=plan,
        send_time=send_time.time() if send_time is not None else None,
        rhythms=None if not every else tuple(_parse_rhythm(value) for value in every if value != ALL),
        weekdays=None if on_weekdays is None else () if on_weekdays == ALL else tuple(parse_weekdays(on_weekdays)),
        add_days=tuple(day.date() for day in extra),
        drop_days=tuple(day.date() for day in no_extra),
        pause=_pause(_date(pause_from), _date(pause_to), reason),
    )
    if context.info_name == "preview":
        preview = in_transaction(lambda work: plan_edits.preview(work, code, edit))
    elif not by:
        raise typer.BadParameter("the name of the team member is missing: add --by NAME", param_hint="--by")
    else:
        preview = in_transaction(lambda work: plan_edits.apply(work.acting(by), code, edit))
    _print(preview, as_json)


def _date(value: datetime | None) -> date | None:
    return value.date() if value is not None else None


def _pause(
    first: date | None, last: date | None, reason: Literal["hospital", "holiday", "other"] | None
) -> Pause | None:
    if first is None and last is None and reason is None:
        return None
    if first is None or last is None:
        raise typer.BadParameter("a pause needs a first and a last day: --pause-from and --pause-to")
    if last < first:
        raise typer.BadParameter(f"the pause would end on {last}, before it begins on {first}", param_hint="--pause-to")
    return Pause(first=first, last=last, reason=reason)


def _print(preview: Preview, as_json: bool) -> None:
    if as_json:
        print_json(preview.model_dump(mode="json"))
        return
    names = ("code", "regimen", "plan", "send_time")
    print_fields([*((name.replace("_", " "), getattr(preview, name)) for name in names), *_overrides(preview)])
    print_periods(preview.periods)
    _print_skipped(preview)
    if not preview.messages:
        typer.echo("No messages in the next 14 days.")
        return
    marks = {"same": "", "new": "+ new", "moved": "~ moved", "gone": "- removed"}
    print_table(
        ("day", "at", "message", "form", "change"),
        [(f"{m.day:%a} {m.day}", m.at, m.kind, m.form, marks[m.mark]) for m in preview.messages],
    )


def _print_skipped(preview: Preview) -> None:
    """Print the planned check-ins that are not asked because of silence, and why."""
    if preview.skipped:
        days = ", ".join(f"{skipped.day:%a} {skipped.day}" for skipped in preview.skipped)
        typer.echo(f"Skipped: {days}: {preview.unanswered} check-ins in a row are unanswered. Any answer ends this.")


def _overrides(preview: Preview) -> list[tuple[str, object]]:
    """Return the patient's overrides of the plan and the pauses, one line each."""
    lines: list[tuple[str, object]] = []
    for rhythm in preview.plan_override.rhythms:
        end = f"to day {rhythm.last_day}" if rhythm.last_day is not None else "on"
        lines.append(("rhythm", f"every {rhythm.every} days from day {rhythm.first_day} {end}"))
    if preview.plan_override.weekdays:
        lines.append(("weekdays", " ".join(DAYS[day] for day in preview.plan_override.weekdays)))
    lines += [("additional", str(extra.day)) for extra in preview.plan_override.extras]
    for pause in preview.pauses:
        reason = f" ({pause.reason})" if pause.reason else ""
        lines.append(("pause", f"{pause.first} to {pause.last}{reason}"))
    return lines
