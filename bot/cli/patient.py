"""`nervecheck patient`: manage patients, identified by study code and never by name. Decides nothing."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from bot.app.concerns.level_tasks import open_usual_signs_task
from bot.app.patients import importing, new_phone, participation, registry, views
from bot.app.patients.importing import ImportFaultsError
from bot.app.patients.registry import CODE
from bot.app.patients.treatment import PeriodView
from bot.app.patients.views import PatientLine, PatientView
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import Patient
from bot.app.work import Stores
from bot.cli.command_context import AsJson, database_session, in_transaction, print_fields, print_json, print_table
from bot.cli.errors import refuse
from bot.cli.files import new_file
from bot.cli.names import ByOption
from bot.clock import SystemClock
from bot.core.digits import ascii_digits
from bot.core.treatment import StopReason
from bot.dialog.work import work_on
from bot.export import cards as card_pages

if TYPE_CHECKING:
    from bot.database_session import DatabaseSession

app = typer.Typer(help="Add, list, pause and erase patients, identified by study code.", no_args_is_help=True)
PAGE = 500
ACTOR = "operator"


def study_code(value: str) -> str:
    """Return a valid study code, its digits as 0 to 9; BadParameter for anything else."""
    value = ascii_digits(value)
    if not CODE.fullmatch(value):
        raise typer.BadParameter("use 2 to 16 characters of A-Z, 0-9 and '-': a study code, never a name")
    return value


CodeArgument = Annotated[
    str, typer.Argument(callback=study_code, help="Study code: 2 to 16 characters of A-Z, 0-9, '-'.", metavar="CODE")
]
CardFile = Annotated[
    Path | None, typer.Option("--card", dir_okay=False, help="HTML file to create: a card to print, with a QR code.")
]
DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}
StopReasonOption = Annotated[
    StopReason | None, typer.Option(help="Why immunotherapy was stopped; without it: unknown.")
]


@app.command()
def add(
    code: Annotated[
        str, typer.Option(callback=study_code, help="Study code: 2 to 16 characters of A-Z, 0-9, '-'; never a name.")
    ],
    ici_start: Annotated[datetime, typer.Option(help="Date of the first dose of immunotherapy.", **DAY)],
    ici_stop: Annotated[
        datetime | None, typer.Option(help="Date on which immunotherapy was stopped, if it was.", **DAY)
    ] = None,
    stop_reason: StopReasonOption = None,
    regimen: Annotated[
        Literal["single", "combination"], typer.Option(help="One drug, or a combination of two.")
    ] = "single",
    drug: Annotated[str | None, typer.Option(help="Name of the drug or drugs, shown on the patient's card.")] = None,
    plan: Annotated[str | None, typer.Option(help="Plan of the protocol; default: the plan of the regimen.")] = None,
    language: Annotated[str | None, typer.Option(help="Initial language; the patient can change it.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="IANA time zone; the patient is asked for it in any case.")
    ] = None,
    card: CardFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a patient and print the invite: a personal link that opens in one chat only."""
    with database_session() as session, new_file(card, "--card") as page:

        def add_one(stores: Stores) -> tuple[Patient, str]:
            work = work_on(stores, session.clinic, SystemClock().now(), actor="operator")
            added, start = registry.add(
                work,
                code=code,
                ici_start=ici_start.date(),
                ici_stop=ici_stop.date() if ici_stop is not None else None,
                stop_reason=stop_reason,
                regimen=regimen,
                drug=drug,
                plan=plan,
                language=language,
                timezone=timezone,
            )
            open_usual_signs_task(work, added)
            return added, start

        patient, token = session.run(add_one)
        invite_data = {"code": patient.code, "start": token, "link": session.link(token)}
        if page is not None:
            _write_cards(session, page, [(patient.code, invite_data["link"], patient.language)])
    _print_invite(invite_data, as_json=as_json)


@app.command()
def invite(code: CodeArgument, card: CardFile = None, as_json: AsJson = False) -> None:
    """Create a new invite: for an expired link, a patient who left, or a new phone. The old link stops working."""
    with database_session() as session, new_file(card, "--card") as page:
        patient, token = session.run(
            lambda stores: registry.invite_again(
                work_on(stores, session.clinic, SystemClock().now(), actor="operator"), code
            )
        )
        invite_data = {"code": patient.code, "start": token, "link": session.link(token)}
        if page is not None:
            _write_cards(session, page, [(patient.code, invite_data["link"], patient.language)])
    _print_invite(invite_data, as_json=as_json)


def _print_invite(invite_data: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        print_json(invite_data)
        return
    print_fields(list(invite_data.items()))
    if invite_data["link"] is None:
        typer.echo(
            "The link is not known yet: start `nervecheck run`, which asks Telegram for the bot's name.", err=True
        )


def all_patients(session: "DatabaseSession") -> Iterator[PatientLine]:
    """Yield all patients ordered by study code, read one page at a time."""
    after = ""
    while True:
        page = session.run(partial(views.listing, after=after, limit=PAGE))
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].code


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV table of patients.")],
    invites: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to create for the invites: code, start, link.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(dir_okay=False, help="HTML file to create: cards to print, with QR code and link.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report errors and add no patient.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import all patients of a table, or none if a row has an error.

    Columns: code, ici_start; optional: regimen, plan, language, timezone, drug, ici_stop, stop_reason.
    """
    if invites is None and not (dry_run or as_json):
        raise typer.BadParameter("the invites need a destination: --invites FILE or --json", param_hint="--invites")
    try:
        with (
            database_session() as session,
            new_file(None if dry_run else invites, "--invites") as out,
            new_file(None if dry_run else cards, "--cards") as page,
        ):
            imported = _import_rows(session, file.read_bytes(), _Outputs(out, page), dry_run=dry_run)
    except ImportFaultsError as error:
        refuse([f"{file}: {fault}" for fault in error.faults])
    if as_json:
        print_json(imported)
    elif dry_run:
        typer.echo(f"{len(imported)} patients can be added. Dry run: none was added.")
    else:
        typer.echo(f"{len(imported)} patients added; their invites are in {invites}.")


class _Outputs(NamedTuple):
    """The files that invites are written to: a CSV table and an HTML page of cards. None: not written."""

    invites: IO[str] | None
    cards: IO[str] | None


def _import_rows(
    session: "DatabaseSession", content: bytes, out: _Outputs, *, dry_run: bool
) -> list[dict[str, str | None]]:
    at = SystemClock().now()
    if dry_run:
        rows = session.run(
            lambda stores: importing.read_rows(work_on(stores, session.clinic, at, actor="operator"), content)
        )
        return [{"code": row.code, "start": None, "link": None} for row in rows]

    link_for = session.links()

    def import_all(stores: Stores) -> list[dict[str, str | None]]:
        added = importing.add_all(work_on(stores, session.clinic, at, actor="operator"), content)
        invites = [{"code": row.code, "start": row.start, "link": link_for(row.start)} for row in added]
        # Before the commit: a token is shown only once, so no patient is added whose invite could not be written.
        if out.invites is not None:
            _write_invites(out.invites, invites)
        if out.cards is not None:
            languages = {row.code: row.language for row in added}
            _write_cards(session, out.cards, [(i["code"], i["link"], languages[i["code"] or ""]) for i in invites])
        return invites

    return session.run(import_all)


def _write_cards(session: "DatabaseSession", out: IO[str], invites: list[tuple[str | None, str | None, str]]) -> None:
    """Write cards to print; RefusedError if the link is not known yet."""
    if any(link is None for _, link, _ in invites):
        raise RefusedError("can't create cards yet: the link is known after `nervecheck run` has reached Telegram")
    cards = [
        card_pages.Card(
            code=code or "", link=link or "", language=language, words=session.texts(language)["invite.card"]
        )
        for code, link, language in invites
    ]
    out.seek(0)
    out.truncate()
    out.write(card_pages.page(cards))
    out.flush()


def _write_invites(out: IO[str], invites: list[dict[str, str | None]]) -> None:
    out.seek(0)
    out.truncate()
    table = csv.DictWriter(out, ("code", "start", "link"))
    table.writeheader()
    table.writerows(invites)
    out.flush()


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List all patients, ordered by study code."""
    with database_session() as session:
        patients_found = list(all_patients(session))
    if as_json:
        print_json([line.model_dump(mode="json") for line in patients_found])
    elif not patients_found:
        typer.echo("No patients yet. Add one with `nervecheck patient add`.")
    else:
        rows = [(p.code, p.state, p.ici_start, p.plan, p.next_due_at, p.open_alerts or "") for p in patients_found]
        print_table(("code", "state", "ICI start", "plan", "next check-in", "open alerts"), rows)


@app.command()
def show(code: CodeArgument, as_json: AsJson = False) -> None:
    """Show a patient's check-ins, answers, alerts and next dates."""
    view = in_transaction(lambda work: views.view(work, code))
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _print_view(view)


def _print_view(view: PatientView) -> None:
    fields = ("code", "state", "ici_start", "ici_stop", "stop_reason", "regimen", "drug", "plan", "language",
              "timezone", "send_time", "tier", "next_due_at", "unanswered", "unreachable_at", "new_phone",
              "consent")  # fmt: skip
    print_fields([(name.replace("_", " "), getattr(view, name)) for name in fields])
    if len(view.treatment_history) > 1:
        print_periods(view.periods)
        _print_history(view.treatment_history)
    for task in view.tasks:
        typer.echo(f"task: {task.replace('_', ' ')}")
    if view.concerns:
        states = [(c.since, c.tier, c.state, c.symptom, c.changes[0][2] if c.changes else "") for c in view.concerns]
        print_table(("since", "tier", "concern", "symptom", "changed by"), states)
    if view.alerts:
        rows = [(a.raised_at, a.tier, a.state, ", ".join(a.rules), a.last_reply) for a in view.alerts]
        print_table(("alert raised", "tier", "state", "rules", "patient's reply"), rows)
    if view.checkins:
        rows = [(c.due_at, c.form, c.kind, c.state, _format_answers(c.answers)) for c in view.checkins]
        print_table(("check-in due", "form", "kind", "state", "answers"), rows)


def print_periods(periods: tuple[PeriodView, ...]) -> None:
    """Print treatment periods as a table."""
    rows = [(p.period, p.start, p.stop, _reason(p), p.drug) for p in periods]
    print_table(("period", "ICI start", "ICI stop", "stop reason", "drug"), rows)


def _print_history(periods: tuple[PeriodView, ...]) -> None:
    """Print every version of the treatment periods as a table."""
    rows = [
        (
            *(p.recorded_at, p.recorded_by, "removed" if p.is_removed or p.period is None else p.period),
            *(p.start, p.stop, _reason(p), p.drug),
        )
        for p in periods
    ]
    print_table(("recorded", "by", "period", "ICI start", "ICI stop", "stop reason", "drug"), rows)


def _reason(period: PeriodView) -> str | None:
    return period.stop_reason.replace("_", " ") if period.stop_reason is not None else None


def _format_answers(answers: dict[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{question}: {', '.join(choices)}" for question, choices in answers.items())


@app.command()
def pause(
    code: CodeArgument,
    until: Annotated[
        datetime | None, typer.Option(help="Last day of the pause; without it, until the patient resumes.", **DAY)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pause check-ins from today on."""
    last_day = until.date() if until else None
    patient = in_transaction(lambda work: participation.pause(work.acting("operator"), code, last_day))
    _print_state(patient, "paused", as_json=as_json, until=last_day)


@app.command()
def withdraw(code: CodeArgument, as_json: AsJson = False) -> None:
    """Withdraw the patient's consent: nothing more is sent; the answers are kept."""
    patient = in_transaction(lambda work: participation.withdraw(work.acting(ACTOR), code))
    _print_state(patient, "withdrawn", as_json=as_json)


@app.command()
def erase(
    code: CodeArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the patient's answers, alerts and messages. This can't be undone."""
    if not yes and not typer.confirm(f"Erase all data of {code}? This can't be undone.", err=True):
        refuse(["nothing was erased"])
    in_transaction(lambda work: participation.erase(work.acting(ACTOR), code))
    if as_json:
        print_json({"code": code, "state": "erased"})
    else:
        typer.echo(f"{code} erased.")


@app.command(name="confirm-phone")
def confirm_phone(
    code: CodeArgument,
    by: ByOption,
    as_json: AsJson = False,
) -> None:
    """Confirm a patient's new phone when the old one is lost: the new chat may show earlier answers."""
    patient = in_transaction(lambda work: new_phone.confirm_for(work.acting(by), code))
    _print_state(patient, "has a confirmed new phone", as_json=as_json)


def _print_state(patient: Patient, verb: str, *, as_json: bool, until: date | None = None) -> None:
    if as_json:
        next_due = patient.next_due_at
        print_json({
            "code": patient.code,
            "state": patient.state,
            "until": str(until) if until else None,
            "next_due_at": next_due.isoformat() if next_due else None,
        })  # fmt: skip
    else:
        typer.echo(f"{patient.code} {verb}{f' until {until}' if until else ''}.")
