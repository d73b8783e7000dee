"""`nervecheck export`: write answers and alerts, one patient at a time so that memory use stays constant."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from bot.app.patients import history, lookup
from bot.app.records.operations import Audit
from bot.cli.command_context import database_session
from bot.cli.files import new_file
from bot.cli.patient import study_code
from bot.clock import SystemClock
from bot.export import answers, fhir

if TYPE_CHECKING:
    from bot.database_session import DatabaseSession


def add_to(app: typer.Typer) -> None:
    """Add the command to the given app."""

    @app.command()
    def export(
        kind: Annotated[Literal["csv", "fhir"], typer.Option("--format", help="A CSV table, or FHIR R4 as NDJSON.")],
        code: Annotated[
            str | None,
            typer.Option("--patient", callback=lambda v: study_code(v) if v else v, help="Export only this patient."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="File to create, readable by you alone; without it the data is printed.")
        ] = None,
    ) -> None:
        """Export answers, with FHIR also alerts, of all patients or one. The output is not encrypted: keep it safe."""
        with database_session() as session, new_file(out, "--out") as file:
            session.run(lambda stores: stores.audit.add(_audit_entry(code)))
            _write(file or sys.stdout, _csv(session, code) if kind == "csv" else _fhir(session, code))


def _audit_entry(code: str | None) -> Audit:
    return Audit(at=SystemClock().now(), actor="operator", action="exported", subject=code or "all")


def _write(out: IO[str], lines: Iterator[str]) -> None:
    for line in lines:
        out.write(line)
    out.flush()


def _records(session: "DatabaseSession", code: str | None) -> Iterator[history.PatientRecord]:
    """Yield each patient's record, read in a separate transaction so that the bot is not blocked."""
    if code is not None:
        yield session.run(lambda stores: history.record_of(stores, lookup.by_code(stores.patients, code)))
        return
    last_code = ""
    while codes := session.run(lambda stores, after=last_code: history.codes_after(stores, after)):  # type: ignore[misc]
        for each in codes:
            yield session.run(lambda stores, c=each: history.record_of(stores, lookup.by_code(stores.patients, c)))  # type: ignore[misc]
        last_code = codes[-1]


def _csv(session: "DatabaseSession", code: str | None) -> Iterator[str]:
    yield answers.header()
    for record in _records(session, code):
        yield from answers.lines(record)


def _fhir(session: "DatabaseSession", code: str | None) -> Iterator[str]:
    texts, protocol = session.texts(), session.clinic.protocol
    for questionnaire in fhir.questionnaires(protocol, texts, SystemClock().now()):
        yield fhir.line(questionnaire)
    for record in _records(session, code):
        for resource in fhir.of_patient(record, protocol, texts):
            yield fhir.line(resource)
