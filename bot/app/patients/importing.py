"""Many patients from a table (CSV): every fault of every row is told by line and column, and all are added or none."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Literal, cast

from bot.app.patients import registry
from bot.app.schedules.plans import plan_for
from bot.app.work import Work
from bot.core.frozen import Frozen

COLUMNS = ("code", "ici_start", "regimen", "plan", "language", "timezone", "drug")
NEEDED = ("code", "ici_start")
REGIMENS = ("single", "combination")
MOST = 10_000
"""Rows of one file: more than any clinic has, and few enough for one transaction."""


class ImportFault(Frozen):
    """What is wrong, at which line of the file and in which column (None: with the line as a whole)."""

    line: int
    column: str | None
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.column}' if self.column else ''}: {self.reason}"


class ImportFaultsError(ValueError):
    """The table can't be imported; `faults` lists all that is wrong with it."""

    def __init__(self, faults: list[ImportFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class ImportRow(Frozen):
    """One patient of the table, with the line it stands in; what is left empty comes from the clinic."""

    line: int
    code: str
    ici_start: date
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
    """Add every patient of the table, in its order; ImportFaultsError, and nobody added, if anything is wrong."""
    invited = []
    for row in checked(work, content):
        facts = row.model_dump(exclude={"line"})
        patient, token = registry.add(work, **facts)
        invited.append(Invited(code=patient.code, start=token, language=patient.language))
    return invited


def checked(work: Work, content: bytes) -> list[ImportRow]:
    """Return the rows of a table in which nothing is wrong; ImportFaultsError with all faults otherwise."""
    faults: list[ImportFault] = []
    rows = list(_rows(content, faults))
    first: dict[str, int] = {}
    for row in rows:
        plan = row.plan or plan_for(work.clinic, row.regimen)
        facts = row.model_dump(exclude={"line", "regimen", "plan"})
        for column, reason in registry.problems_of(work.clinic, **facts, plan=plan, at=work.at):
            faults.append(ImportFault(line=row.line, column=column, reason=reason))
        if row.code in first:
            reason = f"{row.code} stands in line {first[row.code]} already: give each patient one line"
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
    """Yield the rows that can be read; what can't is added to `faults`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.append(ImportFault(line=1, column=None, reason="this is no text in UTF-8: save it as 'CSV UTF-8'"))
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if not _header_is_good(header, faults):
            return
        for count, cells in enumerate(lines):
            if count >= MOST:
                reason = f"more than {MOST} patients: split the file"
                faults.append(ImportFault(line=lines.line_num, column=None, reason=reason))
                return
            row = _row(header, cells, lines.line_num, faults)
            if row is not None:
                yield row
    except csv.Error as error:
        faults.append(ImportFault(line=lines.line_num, column=None, reason=f"this is no CSV: {error}"))


def _delimiter(text: str) -> str:
    """Spreadsheets write ";" where the comma is the decimal sign."""
    header = text.split("\n", 1)[0]
    return ";" if header.count(";") > header.count(",") else ","


def _header_is_good(header: list[str], faults: list[ImportFault]) -> bool:
    known = ", ".join(COLUMNS)
    reasons = [
        f"there is no column '{name}': the first line names the columns" for name in NEEDED if name not in header
    ]
    reasons += [f"column '{name}' is not known: use {known}" for name in dict.fromkeys(header) if name not in COLUMNS]
    reasons += [f"column '{name}' stands twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    faults += [ImportFault(line=1, column=None, reason=reason) for reason in reasons]
    return not reasons


def _row(header: list[str], cells: list[str], line: int, faults: list[ImportFault]) -> ImportRow | None:
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) != len(header):
        reason = f"{len(cells)} cells, but the first line names {len(header)} columns"
        faults.append(ImportFault(line=line, column=None, reason=reason))
        return None
    given = {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}
    found = [ImportFault(line=line, column=column, reason=reason) for column, reason in _unreadable(given)]
    faults += found
    if found:
        return None
    regimen = cast('Literal["single", "combination"]', given.get("regimen") or "single")
    rest = {name: given.get(name) for name in ("plan", "language", "timezone", "drug")}
    start = date.fromisoformat(given["ici_start"] or "")
    return ImportRow(line=line, code=given["code"] or "", ici_start=start, regimen=regimen, **rest)


def _unreadable(given: dict[str, str | None]) -> Iterator[tuple[str, str]]:
    for name in NEEDED:
        if given[name] is None:
            yield name, "is empty: every patient needs one"
    start = given["ici_start"]
    if start is not None and not _is_date(start):
        yield "ici_start", f"{start!r} is no date: write it as 2026-03-31"
    regimen = given.get("regimen")
    if regimen is not None and regimen not in REGIMENS:
        yield "regimen", f"{regimen!r}: use one of {', '.join(REGIMENS)}"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-03-31")
