"""`nervecheck export`: answers and alerts as files, a patient at a time so that no database is too large."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from bot.app import lookup, records
from bot.app.store import Audit
from bot.cli.files import new_file
from bot.cli.office import opened
from bot.cli.patient import study_code
from bot.clock import SystemClock
from bot.export import answers, fhir

if TYPE_CHECKING:
    from bot.offline import Offline


def add_to(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def export(
        kind: Annotated[Literal["csv", "fhir"], typer.Option("--format", help="A table, or FHIR R4 as NDJSON.")],
        code: Annotated[
            str | None,
            typer.Option("--patient", callback=lambda v: study_code(v) if v else v, help="Only this one's."),
        ] = None,
        out: Annotated[Path | None, typer.Option(help="A new file, readable by you alone; without it: print.")] = None,
    ) -> None:
        """Write all answers and alerts, or one patient's. The file is as private as the database, and not encrypted."""
        with opened() as office, new_file(out, "--out") as file:
            office.run(lambda store: store.audit(_line(code)))
            _write(file or sys.stdout, _csv(office, code) if kind == "csv" else _fhir(office, code))


def _line(code: str | None) -> Audit:
    return Audit(at=SystemClock().now(), actor="operator", action="exported", subject=code or "all")


def _write(out: IO[str], lines: Iterator[str]) -> None:
    for line in lines:
        out.write(line)
    out.flush()


def _records(office: "Offline", code: str | None) -> Iterator[records.PatientRecord]:
    """Each patient in a transaction of its own: the bot goes on beside it."""
    if code is not None:
        yield office.run(lambda store: records.record_of(store, lookup.by_code(store, code)))
        return
    last = ""
    while codes := office.run(lambda store, after=last: records.codes_after(store, after)):  # type: ignore[misc]
        for each in codes:
            yield office.run(lambda store, c=each: records.record_of(store, lookup.by_code(store, c)))  # type: ignore[misc]
        last = codes[-1]


def _csv(office: "Offline", code: str | None) -> Iterator[str]:
    yield answers.header()
    for record in _records(office, code):
        yield from answers.lines(record)


def _fhir(office: "Offline", code: str | None) -> Iterator[str]:
    words, protocol = office.words(), office.clinic.protocol
    for form in fhir.questionnaires(protocol, words, SystemClock().now()):
        yield fhir.line(form)
    for record in _records(office, code):
        for resource in fhir.of_patient(record, protocol, words):
            yield fhir.line(resource)
