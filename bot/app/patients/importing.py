"""Imports patients from a CSV table: reports every fault by line and column. Never adds only some of the patients."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Literal, cast

from bot.app.concerns.level_tasks import open_usual_signs_task
from bot.app.patients import registry
from bot.app.schedules.plans import plan_for
from bot.app.work import Work
from bot.core.digits import ascii_digits
from bot.core.frozen import Frozen
from bot.core.treatment import StopReason

COLUMNS = ("code", "ici_start", "regimen", "plan", "language", "timezone", "drug", "ici_stop", "stop_reason")
REQUIRED = ("code", "ici_start")
REGIMENS = ("single", "combination")
MAX_ROWS = 10_000
"""Rows per file at most: more than a clinic has, and few enough for one transaction."""


class ImportFault(Frozen):
    """What is wrong, in which line and column of the file (None: the whole line)."""

    line: int
    column: str | None
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.column}' if self.column else ''}: {self.reason}"


class ImportFaultsError(ValueError):
    """The table can't be imported; `faults` lists all its faults."""

    def __init__(self, faults: list[ImportFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class ImportRow(Frozen):
    """One patient of the table, with their line in the file; empty fields use the clinic's defaults."""

    line: int
    code: str
    ici_start: date
    ici_stop: date | None = None
    stop_reason: StopReason | None = None
    regimen: Literal["single", "combination"] = "single"
    plan: str | None = None
    language: str | None = None
    timezone: str | None = None
    drug: str | None = None


class Invited(Frozen):
    """A patient who was added, with the token of their invite."""

    code: str
    start: str
    language: str


def add_all(work: Work, content: bytes) -> list[Invited]:
    """Add every patient of the table, in its order. Raise ImportFaultsError, adding nobody, if there is a fault."""
    invited = []
    for row in read_rows(work, content):
        facts = row.model_dump(exclude={"line"})
        patient, token = registry.add(work, **facts)
        open_usual_signs_task(work, patient)
        invited.append(Invited(code=patient.code, start=token, language=patient.language))
    return invited


def read_rows(work: Work, content: bytes) -> list[ImportRow]:
    """Return the rows of the table. Raise ImportFaultsError with all faults if there are any."""
    faults: list[ImportFault] = []
    rows = list(_rows(content, faults))
    first: dict[str, int] = {}
    for row in rows:
        plan = row.plan or plan_for(work.clinic, row.regimen)
        facts = row.model_dump(exclude={"line", "regimen", "plan"})
        for column, reason in registry.problems_of(work.clinic, **facts, plan=plan, at=work.at):
            faults.append(ImportFault(line=row.line, column=column, reason=reason))
        if row.code in first:
            reason = f"{row.code} is in line {first[row.code]} already: give each patient one line"
            faults.append(ImportFault(line=row.line, column="code", reason=reason))
        elif work.patients.by_code(row.code) is not None:
            reason = f"{row.code} is in use already: leave the line out, or choose another code"
            faults.append(ImportFault(line=row.line, column="code", reason=reason))
        first.setdefault(row.code, row.line)
    if faults:
        raise ImportFaultsError(sorted(faults, key=lambda fault: fault.line))
    return rows


# -- reading the table


def _rows(content: bytes, faults: list[ImportFault]) -> Iterator[ImportRow]:
    """Yield the rows that can be read; add the faults of the others to `faults`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.append(ImportFault(line=1, column=None, reason="the file is not text in UTF-8: save it as 'CSV UTF-8'"))
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if not _header_is_good(header, faults):
            return
        for count, cells in enumerate(lines):
            if count >= MAX_ROWS:
                reason = f"more than {MAX_ROWS} patients: split the file"
                faults.append(ImportFault(line=lines.line_num, column=None, reason=reason))
                return
            row = _row(header, cells, lines.line_num, faults)
            if row is not None:
                yield row
    except csv.Error as error:
        faults.append(ImportFault(line=lines.line_num, column=None, reason=f"the file is not valid CSV: {error}"))


def _delimiter(text: str) -> str:
    """Return the delimiter: spreadsheets write ";" where the comma is the decimal sign."""
    header = text.split("\n", 1)[0]
    return ";" if header.count(";") > header.count(",") else ","


def _header_is_good(header: list[str], faults: list[ImportFault]) -> bool:
    known = ", ".join(COLUMNS)
    reasons = [
        f"there is no column '{name}': the first line names the columns" for name in REQUIRED if name not in header
    ]
    reasons += [
        f"there is no column '{name}' to import: use {known}" for name in dict.fromkeys(header) if name not in COLUMNS
    ]
    reasons += [f"column '{name}' appears twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    faults += [ImportFault(line=1, column=None, reason=reason) for reason in reasons]
    return not reasons


def _row(header: list[str], cells: list[str], line: int, faults: list[ImportFault]) -> ImportRow | None:
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) != len(header):
        reason = f"{len(cells)} cells, but the first line names {len(header)} columns"
        faults.append(ImportFault(line=line, column=None, reason=reason))
        return None
    given = {name: ascii_digits(cell.strip()) or None for name, cell in zip(header, cells, strict=True)}
    found = [ImportFault(line=line, column=column, reason=reason) for column, reason in _unreadable(given)]
    faults += found
    if found:
        return None
    regimen = cast('Literal["single", "combination"]', given.get("regimen") or "single")
    rest = {name: given.get(name) for name in ("plan", "language", "timezone", "drug")}
    ici_stop, stop_reason = given.get("ici_stop"), given.get("stop_reason")
    return ImportRow(
        line=line,
        code=given["code"] or "",
        ici_start=date.fromisoformat(given["ici_start"] or ""),
        ici_stop=date.fromisoformat(ici_stop) if ici_stop else None,
        stop_reason=StopReason(stop_reason) if stop_reason else None,
        regimen=regimen,
        **rest,
    )


def _unreadable(given: dict[str, str | None]) -> Iterator[tuple[str, str]]:
    for name in REQUIRED:
        if given[name] is None:
            yield name, "is empty: every patient needs one"
    for name in ("ici_start", "ici_stop"):
        day = given.get(name)
        if day is not None and not _is_date(day):
            yield name, f"{day!r} is not a date: write it as 2026-03-31"
    reason = given.get("stop_reason")
    if reason is not None and reason not in set(StopReason):
        yield "stop_reason", f"{reason!r}: use one of {', '.join(StopReason)}"
    regimen = given.get("regimen")
    if regimen is not None and regimen not in REGIMENS:
        yield "regimen", f"{regimen!r}: use one of {', '.join(REGIMENS)}"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-03-31")
