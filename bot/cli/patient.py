"""`nervecheck patient`: all about patients, who are known by study code and never by name. Decides nothing."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from bot.app import importing, lookup, patient_views, patients
from bot.app import replay as replays
from bot.app.importing import ImportFaultsError
from bot.app.patient_views import PatientLine, PatientView
from bot.app.patients import CODE
from bot.app.store import Patient, Store
from bot.cli.errors import REFUSED, refuse
from bot.cli.files import new_file
from bot.cli.office import AsJson, in_transaction, opened, print_json, print_pairs, print_table
from bot.clock import SystemClock
from bot.export import cards as card_pages

if TYPE_CHECKING:
    from bot.offline import Offline

app = typer.Typer(help="Patients, by study code.", no_args_is_help=True)
PAGE = 500
ACTOR = "operator"


def study_code(value: str) -> str:
    """Return a study code; a usage error for anything else."""
    if not CODE.fullmatch(value):
        raise typer.BadParameter("use 2 to 16 of A-Z, 0-9 and '-': a study code, never a name")
    return value


Code = Annotated[
    str, typer.Argument(callback=study_code, help="Study code: 2 to 16 of A-Z, 0-9 and '-'.", metavar="CODE")
]
CardFile = Annotated[
    Path | None, typer.Option("--card", dir_okay=False, help="New page (HTML) with a card to print: a code to scan.")
]
DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


@app.command()
def add(
    code: Annotated[
        str, typer.Option(callback=study_code, help="Study code: 2 to 16 of A-Z, 0-9 and '-'; never a name.")
    ],
    ici_start: Annotated[datetime, typer.Option(help="Day of the first dose of immunotherapy.", **DAY)],
    regimen: Annotated[Literal["single", "combination"], typer.Option(help="One drug or two.")] = "single",
    drug: Annotated[str | None, typer.Option(help="Name of the drug or drugs, shown on the patient's card.")] = None,
    plan: Annotated[str | None, typer.Option(help="Plan of the protocol; by default the regimen's.")] = None,
    language: Annotated[str | None, typer.Option(help="Language to begin in; the patient can change it.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name; the patient is asked in any case.")] = None,
    card: CardFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a patient and print the invite: a link for them alone, good for one chat."""
    with opened() as office, new_file(card, "--card") as page:
        patient, token = office.run(
            lambda store: patients.add(
                store,
                office.clinic,
                code=code,
                ici_start=ici_start.date(),
                regimen=regimen,
                drug=drug,
                plan=plan,
                language=language,
                timezone=timezone,
                at=SystemClock().now(),
            )
        )
        made = {"code": patient.code, "start": token, "link": office.link(token)}
        if page is not None:
            _write_cards(office, page, [(patient.code, made["link"], patient.language)])
    _print_invite(made, as_json=as_json)


@app.command()
def invite(code: Code, card: CardFile = None, as_json: AsJson = False) -> None:
    """Print a new invite, for a link too old, a patient who left, or a new phone. The old link stops working."""
    with opened() as office, new_file(card, "--card") as page:
        patient, token = office.run(
            lambda store: patients.invite_again(store, office.clinic, code, SystemClock().now())
        )
        made = {"code": patient.code, "start": token, "link": office.link(token)}
        if page is not None:
            _write_cards(office, page, [(patient.code, made["link"], patient.language)])
    _print_invite(made, as_json=as_json)


def _print_invite(made: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    print_pairs(list(made.items()))
    if made["link"] is None:
        typer.echo("The link is known once `nervecheck run` has reached Telegram.", err=True)


def everyone(office: "Offline") -> Iterator[PatientLine]:
    """Yield all patients in order of code, read a page at a time."""
    after = ""
    while True:
        page = office.run(partial(patient_views.listing, after=after, limit=PAGE))
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].code


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Table of patients (CSV).")],
    invites: Annotated[
        Path | None, typer.Option(dir_okay=False, help="New file to write the invites to: code, start, link.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(dir_okay=False, help="New page (HTML) of cards to print: a code to scan, the link.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what is wrong, and add nobody.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add all patients of a table, or none if anything is wrong: code, ici_start; also regimen, plan, language, ..."""
    if invites is None and not (dry_run or as_json):
        raise typer.BadParameter("say where the invites go: --invites FILE, or --json", param_hint="--invites")
    try:
        with (
            opened() as office,
            new_file(None if dry_run else invites, "--invites") as out,
            new_file(None if dry_run else cards, "--cards") as page,
        ):
            made = _imported(office, file.read_bytes(), _Files(out, page), dry_run=dry_run)
    except ImportFaultsError as error:
        refuse([f"{file}: {fault}" for fault in error.faults])
    if as_json:
        print_json(made)
    elif dry_run:
        typer.echo(f"{len(made)} patients could be added. Nobody was.")
    else:
        typer.echo(f"{len(made)} patients added; their invites are in {invites}.")


class _Files(NamedTuple):
    """Where invites go: a table, a page of cards; None: nowhere."""

    invites: IO[str] | None
    cards: IO[str] | None


def _imported(office: "Offline", content: bytes, out: _Files, *, dry_run: bool) -> list[dict[str, str | None]]:
    at = SystemClock().now()
    if dry_run:
        rows = office.run(lambda store: importing.checked(store, office.clinic, content, at))
        return [{"code": row.code, "start": None, "link": None} for row in rows]

    link = office.links()

    def work(store: Store) -> list[dict[str, str | None]]:
        added = importing.add_all(store, office.clinic, content, at)
        made = [{"code": one.code, "start": one.start, "link": link(one.start)} for one in added]
        # Before the commit: a token is shown once, so nobody is added whose invite could not be written.
        if out.invites is not None:
            _write_invites(out.invites, made)
        if out.cards is not None:
            languages = {one.code: one.language for one in added}
            _write_cards(office, out.cards, [(m["code"], m["link"], languages[m["code"] or ""]) for m in made])
        return made

    return office.run(work)


def _write_cards(office: "Offline", out: IO[str], made: list[tuple[str | None, str | None, str]]) -> None:
    """Write cards to print; RefusedError while no link is known."""
    if any(link is None for _, link, _ in made):
        raise lookup.RefusedError("no card can be made yet: the link is known once `nervecheck run` reached Telegram")
    drawn = [
        card_pages.Card(
            code=code or "", link=link or "", language=language, words=office.words(language)["invite.card"]
        )
        for code, link, language in made
    ]
    out.seek(0)
    out.truncate()
    out.write(card_pages.page(drawn))
    out.flush()


def _write_invites(out: IO[str], made: list[dict[str, str | None]]) -> None:
    out.seek(0)
    out.truncate()
    table = csv.DictWriter(out, ("code", "start", "link"))
    table.writeheader()
    table.writerows(made)
    out.flush()


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List all patients, in order of their codes."""
    with opened() as office:
        found = list(everyone(office))
    if as_json:
        print_json([line.model_dump(mode="json") for line in found])
    elif not found:
        typer.echo("No patients yet: add one with `nervecheck patient add`.")
    else:
        rows = [(p.code, p.state, p.ici_start, p.plan, p.next_due_at, p.open_alerts or "") for p in found]
        print_table(("code", "state", "ICI start", "plan", "next check-in", "open alerts"), rows)


@app.command()
def show(code: Code, as_json: AsJson = False) -> None:
    """Show one patient's check-ins, answers, alerts and next dates."""
    view = in_transaction(lambda store, clinic, at: patient_views.view(store, clinic, code, at))
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _print_view(view)


def _print_view(view: PatientView) -> None:
    plain = ("code", "state", "ici_start", "regimen", "drug", "plan", "language", "timezone", "send_time", "tier",
             "next_due_at", "unreachable_at", "consent")  # fmt: skip
    print_pairs([(name.replace("_", " "), getattr(view, name)) for name in plain])
    for item in view.work_items:
        typer.echo(f"to do: {item.replace('_', ' ')}")
    if view.alerts:
        rows = [(a.raised_at, a.tier, a.state, ", ".join(a.rules), a.last_reply) for a in view.alerts]
        print_table(("alert raised", "tier", "state", "rules", "said"), rows)
    if view.checkins:
        rows = [(c.due_at, c.form, c.kind, c.state, _answers(c.answers)) for c in view.checkins]
        print_table(("check-in due", "form", "kind", "state", "answers"), rows)


def _answers(answers: dict[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{question}: {', '.join(choices)}" for question, choices in answers.items())


@app.command()
def replay(code: Code, as_json: AsJson = False) -> None:
    """Judge all stored answers anew, by the protocol of then: every stored tier must come out again."""
    from bot.offline import kept_protocol  # noqa: PLC0415 - see office.ready

    with opened() as office:
        found = office.run(lambda store: replays.replay(store, code, kept_protocol))
    differing = [one for one in found if one.verdict != "same"]
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    else:
        rows = [(one.at, one.checkin, _verdict(one), one.stored_tier, one.derived_tier) for one in differing]
        if rows:
            print_table(("assessed", "check-in", "replay", "stored", "derived"), rows)
        typer.echo(f"{len(found)} assessments replayed, {len(differing)} without the same result.")
    if differing:
        raise typer.Exit(REFUSED)


def _verdict(one: replays.Replayed) -> str:
    said = {"no_basis": "no record of what it was made from", "no_protocol": "its protocol is not kept or not readable"}
    if one.missing:
        return f"answers not stored: {', '.join(one.missing)}"
    return said.get(one.verdict, one.verdict)


@app.command()
def pause(
    code: Code,
    until: Annotated[
        datetime | None, typer.Option(help="Last day of the pause; without it the patient resumes.", **DAY)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send no check-ins from today on."""
    last = until.date() if until else None
    patient = in_transaction(lambda store, clinic, at: patients.pause(store, clinic, code, last, at))
    _print_state(patient, "paused", as_json=as_json, until=last)


@app.command()
def withdraw(code: Code, as_json: AsJson = False) -> None:
    """Withdraw consent for the patient: nothing more is sent, answers are kept."""
    patient = in_transaction(lambda store, clinic, at: patients.withdraw(store, clinic, code, at, actor=ACTOR))
    _print_state(patient, "withdrawn", as_json=as_json)


@app.command()
def erase(
    code: Code,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the patient's answers, alerts and messages for good. This can't be undone."""
    if not yes and not typer.confirm(f"Delete all that {code} ever answered, for good?", err=True):
        refuse(["nothing was erased"])
    in_transaction(lambda store, clinic, at: patients.erase(store, clinic, code, at, actor=ACTOR))
    if as_json:
        print_json({"code": code, "state": "erased"})
    else:
        typer.echo(f"{code} erased.")


def _print_state(patient: Patient, what: str, *, as_json: bool, until: date | None = None) -> None:
    if as_json:
        due = patient.next_due_at
        print_json({
            "code": patient.code,
            "state": patient.state,
            "until": str(until) if until else None,
            "next_due_at": due.isoformat() if due else None,
        })  # fmt: skip
    else:
        typer.echo(f"{patient.code} {what}{f' until {until}' if until else ''}.")
