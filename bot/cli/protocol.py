"""`nervecheck protocol`: checks and previews for content authors. Changes no file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot.app.concerns.protocol_change import Clash, described
from bot.app.records.checkins import AssessmentRow
from bot.app.work import Stores
from bot.cli.command_context import AsJson, database_session, print_json, print_table
from bot.cli.errors import REFUSED, print_error, refuse
from bot.cli.patient import all_patients
from bot.cli.typed import typed
from bot.clock import SystemClock
from bot.config import Settings
from bot.content.dry_run import AlertCount, count_alerts, describe_paths, synthetic_assessments
from bot.content.faults import ContentError, Fault
from bot.content.loader import load_protocol
from bot.content.paths import Path as Path_
from bot.content.paths import paths
from bot.content.rules_table import rules_table
from bot.content.texts import Texts, packaged_locales
from bot.content.typed import read_lists
from bot.core.protocol import Protocol, Tier
from bot.core.triage import Assessment, History, assess

MAX_ASSESSMENTS = 1_000_000
"""Limit on the assessments read per patient: more than anyone ever has."""

app = typer.Typer(help="Check and preview the protocol: questions, rules, tips and plans.", no_args_is_help=True)
app.command()(typed)

ProtocolArgument = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="Protocol file (YAML)."),
]


@app.command()
def check(
    file: ProtocolArgument = None,
    languages: Annotated[
        str | None, typer.Option(help="Languages to check, comma-separated; default: all languages of the program.")
    ] = None,
    patients: Annotated[
        bool, typer.Option("--patients", help="List, too, the patients of whom it would forget something.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a protocol and its texts; report every fault with file, line and reason.

    With --patients, compare it with what is remembered in the clinic's database; it changes nothing there.
    """
    path = file or Settings.load(sandbox=True).protocol
    checked = _split(languages) if languages else packaged_languages()
    protocol, faults = find_faults(path, checked)
    clashes = _clashes(protocol) if patients and protocol is not None and not faults else []
    if as_json:
        header = {"name": protocol.name, "version": protocol.version, "hash": protocol.content_hash} if protocol else {}
        listed = {"patients": [clash._asdict() for clash in clashes]} if patients else {}
        print_json({**header, "languages": checked, "faults": [f._asdict() for f in faults], **listed})
    elif protocol is not None and not faults and not clashes:
        typer.echo(f"{_summary(protocol)}. Texts complete in {', '.join(checked)}. No faults.")
    for fault in () if as_json else faults:
        print_error(str(fault))
    for clash in () if as_json else clashes:
        print_error(f"{described(clash)} ({', '.join(clash.codes)})")
    if faults or clashes:
        raise typer.Exit(REFUSED)


def _clashes(protocol: Protocol) -> list[Clash]:
    from bot import protocol_files  # noqa: PLC0415 - see command_context.load

    with database_session() as session:
        return list(session.run(lambda stores: protocol_files.clashes(stores, protocol, SystemClock().now())))


@app.command()
def rules(file: ProtocolArgument = None) -> None:
    """Print every rule with its tier as a table, followed by deadlines and plans."""
    typer.echo(rules_table(_load_valid(file, "en")[0]), nl=False)


@app.command()
def preview(
    file: ProtocolArgument = None,
    language: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
    form: Annotated[str | None, typer.Option(help="Form to print; default: all forms.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every path through the forms: questions, answers and the resulting tier."""
    protocol, texts = _load_valid(file, language)
    if form is not None and form not in protocol.forms:
        raise typer.BadParameter(f"unknown form; the protocol has {', '.join(protocol.forms)}", param_hint="--form")
    paths_by_form = {name: paths(protocol, name) for name in ([form] if form else protocol.forms)}
    if as_json:
        print_json({name: [_path_data(path) for path in found] for name, found in paths_by_form.items()})
        return
    for name, found in paths_by_form.items():
        for line in describe_paths(protocol, name, found, texts, language):
            typer.echo(line)


def _path_data(path: Path_) -> dict[str, Any]:
    deviations = [{"question": answer.question, "choices": list(answer.choices)} for answer in path.deviations]
    return {
        "off": deviations,
        "tier": path.tier.name,
        "rules": list(path.assessment.concerns),
        "complete": path.assessment.complete,
    }


@app.command(name="dry-run")
def dry_run(
    file: ProtocolArgument = None,
    against: Annotated[
        Literal["synthetic", "past"], typer.Option(help="Synthetic answers, or those in the clinic's database.")
    ] = "synthetic",
    patients: Annotated[int, typer.Option(min=1, max=100_000, help="Number of synthetic patients.")] = 200,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days per synthetic patient.")] = 90,
    seed: Annotated[int, typer.Option(help="Random seed: the same seed gives the same patients.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Count the alerts a protocol would raise per 100 check-ins, by tier and rule. Nothing is stored."""
    protocol, _ = _load_valid(file, "en")
    assessments: Iterator[tuple[Assessment, Tier | None]]
    if against == "synthetic":
        assessments = synthetic_assessments(protocol, patients=patients, days=days, seed=seed)
    else:
        assessments = _past_assessments(protocol)
    count = count_alerts(assessments)
    if as_json:
        print_json(count.as_data())
        return
    typer.echo(f"{count.checkins} check-ins. Alerts per 100 check-ins:")
    tiers = [
        (name, count.per_100(count.tiers[name]), _stored_per_100(count, name)) for name in reversed(Tier.__members__)
    ]
    print_table(("tier", "per 100", "stored, per 100"), tiers)
    print_table(("rule", "per 100"), [(rule, count.per_100(n)) for rule, n in count.rules.most_common()])
    if count.stored:
        typer.echo(f"Tier higher than stored: {count.higher}. Tier lower than stored: {count.lower}.")


def _stored_per_100(count: AlertCount, name: str) -> float | str:
    return count.per_100(count.stored[name]) if count.stored else ""


def _past_assessments(protocol: Protocol) -> Iterator[tuple[Assessment, Tier | None]]:
    """Re-assess the answers of all finished check-ins; skip those of a form that the protocol lacks."""
    with database_session() as session:
        for line in all_patients(session):
            for row in session.run(partial(_final_assessments, code=line.code)):
                if row.basis is not None and row.basis.form in protocol.forms:
                    history = History(previous=row.basis.previous, baseline=row.basis.baseline)
                    yield assess(row.basis.answers, history, protocol, form=row.basis.form, finished=True), row.tier


def _final_assessments(stores: Stores, code: str) -> list[AssessmentRow]:
    patient = stores.patients.by_code(code)
    rows = stores.assessments.of_patient(patient.id, limit=MAX_ASSESSMENTS) if patient is not None else ()
    return [row for row in rows if row.final]


def _load_valid(file: Path | None, language: str) -> tuple[Protocol, Texts]:
    """Return the protocol and the texts of a language; print every fault and exit if there are any."""
    path = file or Settings.load(sandbox=True).protocol
    try:
        texts = Texts.load((language,))
        return load_protocol(path), texts
    except ContentError as error:
        refuse([str(fault) for fault in error.faults])


def find_faults(file: Path | None, languages: list[str]) -> tuple[Protocol | None, list[Fault]]:
    """Return the protocol, or None if it can't be built, and every fault of the protocol and its texts."""
    faults: list[Fault] = []
    for language in languages:
        read_lists(language, faults)
    texts: Texts | None = None
    try:
        texts = Texts.load(languages)
    except ContentError as error:
        faults += error.faults
    try:
        protocol = load_protocol(file, texts)
    except ContentError as error:
        return None, sorted({*faults, *error.faults})
    return protocol, sorted({*faults, *(texts.faults(protocol) if texts is not None else ())})


def packaged_languages() -> list[str]:
    """Return the languages that are part of the program, English first."""
    languages = sorted(folder.name for folder in packaged_locales().iterdir() if folder.is_dir())
    return sorted(languages, key=lambda language: language != "en")


def _split(languages: str) -> list[str]:
    return [language.strip() for language in languages.split(",") if language.strip()]


def _summary(protocol: Protocol) -> str:
    parts = {
        "questions": protocol.questions,
        "forms": protocol.forms,
        "rules": protocol.rules,
        "tips": protocol.tips,
        "plans": protocol.plans,
    }
    return f"{protocol.name} {protocol.version}: " + ", ".join(f"{len(items)} {name}" for name, items in parts.items())
