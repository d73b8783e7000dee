"""`nervecheck protocol`: tells the authors of content what is wrong with it. Changes no file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot.app.store import AssessmentRow, Store
from bot.cli.errors import REFUSED, refuse, say_error
from bot.cli.office import AsJson, opened, print_json, print_table
from bot.cli.patient import everyone
from bot.config import Settings
from bot.content.dry_run import Count, counted, synthetic, told
from bot.content.faults import ContentError, Fault
from bot.content.loader import load_protocol
from bot.content.paths import Path as Path_
from bot.content.paths import paths
from bot.content.rules_table import rules_table
from bot.content.texts import Texts, packaged_locales
from bot.core.protocol import Protocol, Tier
from bot.core.triage import Assessment, History, assess

MOST = 1_000_000
"""Assessments of one patient: more than there ever are."""

app = typer.Typer(help="The protocol: questions, rules, tips and plans.", no_args_is_help=True)

ProtocolFile = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="A protocol file (YAML)."),
]


@app.command()
def check(
    file: ProtocolFile = None,
    languages: Annotated[
        str | None, typer.Option(help="Languages to check, with commas; default: all that come with the program.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a protocol and its texts; every fault is told, each with file, line and reason."""
    where = file or Settings.load(sandbox=True).protocol
    spoken = _split(languages) if languages else packaged_languages()
    protocol, faults = checked(where, spoken)
    if as_json:
        head = {"name": protocol.name, "version": protocol.version, "hash": protocol.content_hash} if protocol else {}
        print_json({**head, "languages": spoken, "faults": [f._asdict() for f in faults]})
    elif protocol is not None and not faults:
        typer.echo(f"{_summary(protocol)}. Texts complete in {', '.join(spoken)}. No faults.")
    for fault in () if as_json else faults:
        say_error(str(fault))
    if faults:
        raise typer.Exit(REFUSED)


@app.command()
def rules(file: ProtocolFile = None) -> None:
    """Print every rule and its tier as a table, with the clocks and the plans."""
    typer.echo(rules_table(_sound(file, "en")[0]), nl=False)


@app.command()
def preview(
    file: ProtocolFile = None,
    language: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
    form: Annotated[str | None, typer.Option(help="One form alone; without it all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every path through the forms as text: what is asked, what is answered, and where it ends."""
    protocol, texts = _sound(file, language)
    if form is not None and form not in protocol.forms:
        raise typer.BadParameter(f"the protocol has {', '.join(protocol.forms)}", param_hint="--form")
    found = {name: paths(protocol, name) for name in ([form] if form else protocol.forms)}
    if as_json:
        print_json({name: [_path_data(path) for path in all_] for name, all_ in found.items()})
        return
    for name, all_ in found.items():
        for line in told(protocol, name, all_, texts, language):
            typer.echo(line)


def _path_data(path: Path_) -> dict[str, Any]:
    off = [{"question": g.question, "choices": list(g.choices)} for g in path.off]
    return {"off": off, "tier": path.tier.name, "rules": list(path.found.concerns), "complete": path.found.complete}


@app.command(name="dry-run")
def dry_run(
    file: ProtocolFile = None,
    against: Annotated[
        Literal["synthetic", "past"], typer.Option(help="Made-up answers, or those in the clinic's database.")
    ] = "synthetic",
    patients: Annotated[int, typer.Option(min=1, max=100_000, help="Made-up patients.")] = 200,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of each of them.")] = 90,
    seed: Annotated[int, typer.Option(help="The same number gives the same patients.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Count the alerts a protocol would raise, per 100 check-ins, by tier and by rule. It changes nothing."""
    protocol, _ = _sound(file, "en")
    judged = synthetic(protocol, patients=patients, days=days, seed=seed) if against == "synthetic" else _past(protocol)
    count = counted(judged)
    if as_json:
        print_json(count.as_data())
        return
    typer.echo(f"{count.checkins} check-ins. Alerts per 100 of them:")
    tiers = [(name, count.per_100(count.tiers[name]), _stored(count, name)) for name in reversed(Tier.__members__)]
    print_table(("tier", "per 100", "stored per 100"), tiers)
    print_table(("rule", "per 100"), [(rule, count.per_100(n)) for rule, n in count.rules.most_common()])
    if count.stored:
        typer.echo(f"Higher than stored: {count.higher}. Lower than stored: {count.lower}.")


def _stored(count: Count, name: str) -> float | str:
    return count.per_100(count.stored[name]) if count.stored else ""


def _past(protocol: Protocol) -> Iterator[tuple[Assessment, Tier | None]]:
    """Judge the answers of all finished check-ins anew; those of a form the protocol lacks are left out."""
    with opened() as office:
        for line in everyone(office):
            for row in office.run(partial(_finals, code=line.code)):
                if row.basis is not None and row.basis.form in protocol.forms:
                    compared = History(previous=row.basis.previous, baseline=row.basis.baseline)
                    yield assess(row.basis.answers, compared, protocol, form=row.basis.form, finished=True), row.tier


def _finals(store: Store, code: str) -> list[AssessmentRow]:
    patient = store.patient_by_code(code)
    rows = store.assessments(patient.id, limit=MOST) if patient is not None else ()
    return [row for row in rows if row.final]


def _sound(file: Path | None, language: str) -> tuple[Protocol, Texts]:
    """Return a protocol without faults and the texts of a language; refuse with every fault."""
    where = file or Settings.load(sandbox=True).protocol
    try:
        texts = Texts.load((language,))
        return load_protocol(where), texts
    except ContentError as error:
        refuse([str(fault) for fault in error.faults])


def checked(file: Path | None, languages: list[str]) -> tuple[Protocol | None, list[Fault]]:
    """Return the protocol, if it can be built at all, and every fault of it and of its texts."""
    faults: list[Fault] = []
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
    """Return the languages that come with the program, English first."""
    found = sorted(folder.name for folder in packaged_locales().iterdir() if folder.is_dir())
    return sorted(found, key=lambda language: language != "en")


def _split(languages: str) -> list[str]:
    return [language.strip() for language in languages.split(",") if language.strip()]


def _summary(protocol: Protocol) -> str:
    counted = {
        "questions": protocol.questions,
        "forms": protocol.forms,
        "rules": protocol.rules,
        "tips": protocol.tips,
        "plans": protocol.plans,
    }
    return f"{protocol.name} {protocol.version}: " + ", ".join(f"{len(all_)} {name}" for name, all_ in counted.items())
