"""What the clinic looks back at: content, reports, the audit, and files that leave."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from starlette.responses import Response, StreamingResponse

from bot.app import lookup, plan_edits, records, weekly
from bot.app.plan_edits import PlanEdit
from bot.app.records import PatientRecord
from bot.app.store import Audit, Store
from bot.app.team_store import WeekReport
from bot.console.desk import svg
from bot.console.doors import Call
from bot.console.figures import bars
from bot.core.protocol import Tier
from bot.core.screen import Frozen
from bot.export import answers, fhir
from bot.export.ical import calendar_of

WEEKS = 13
"""A quarter of a year in a report."""
LINES = 200


# -- content


async def content(call: Call) -> Response:
    """Every rule and its tier, as the clinic signed them."""
    protocol = call.desk.clinic.protocol
    return call.page("content.html", protocol=protocol, tiers=_tiers(call), tried=None)


def _tiers(call: Call) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each tier, highest first, with its rules: id, group and when it fires."""
    rules = call.desk.clinic.protocol.rules
    return [
        (tier.name, [(r.id, r.group, call.desk.fires(r).replace("`", "")) for r in rules if r.tier is tier])
        for tier in sorted(Tier, reverse=True)
    ]


async def dry_run(call: Call) -> Response:
    """How many alerts the protocol raises on made-up answers."""
    protocol = call.desk.clinic.protocol
    tried = await asyncio.to_thread(call.desk.dry_run)
    return call.page("content.html", protocol=protocol, tiers=_tiers(call), tried=tried)


# -- reports


class WeekLine(Frozen):
    """One week as it is read; None where nothing was to be counted."""

    week: str
    asked: int
    completion: int | None
    median_minutes: int | None
    alerts: int
    per_100: float | None
    in_time: int | None


def _line(row: WeekReport) -> WeekLine:
    return WeekLine(
        week=str(row.week),
        asked=row.asked,
        completion=round(100 * row.answered / row.asked) if row.asked else None,
        median_minutes=row.median_minutes,
        alerts=row.alerts,
        per_100=round(100 * row.alerts / row.asked, 1) if row.asked else None,
        in_time=round(100 * row.in_time / row.alerts) if row.alerts else None,
    )


async def _weeks(call: Call) -> list[WeekLine]:
    kept = await call.desk.read(lambda store, _at: store.weeks(WEEKS))
    if not kept:
        # Before the first hour is over nothing was worked out yet.
        kept = await call.desk.write(lambda store, at: _worked_out(store, call, at))
    return [_line(row) for row in kept]


def _worked_out(store: Store, call: Call, at: datetime) -> list[WeekReport]:
    weekly.keep(store, call.desk.clinic, at)
    return list(store.weeks(WEEKS))


async def reports(call: Call) -> Response:
    """The figures by week, as charts and as a table."""
    lines = await _weeks(call)
    names = [line.week[5:] for line in reversed(lines)]
    words = call.desk.words
    charts = [
        svg(bars(words(call.person, f"reports.{what}"), names, [getattr(line, what) for line in reversed(lines)], unit))
        for what, unit in (("completion", "%"), ("median_minutes", ""), ("per_100", ""), ("in_time", "%"))
    ]
    return call.page("reports.html", lines=lines, charts=charts)


async def reports_csv(call: Call) -> Response:
    """The same as a table."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(WeekLine.model_fields)
    table.writerows([tuple(line.model_dump().values()) for line in await _weeks(call)])
    return _file(out.getvalue(), "text/csv; charset=utf-8", "reports.csv")


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# -- the audit


async def audit(call: Call) -> Response:
    """Who did what to whom, newest first."""
    subject = call.request.query_params.get("subject", "").strip()[:40]

    def look(store: Store, _at: datetime) -> list[Audit]:
        return list(store.audit_lines(subject or None, limit=LINES))

    return call.page("audit.html", lines=await call.desk.read(look), subject=subject, most=LINES)


# -- files


async def calendar(call: Call) -> Response:
    """A patient's check-ins to come as a calendar."""
    code = call.request.path_params["code"]

    def look(store: Store, at: datetime) -> bytes:
        ahead = weekly.WEEK * WEEKS
        found = plan_edits.preview(store, call.desk.clinic, code, PlanEdit(), at, ahead=ahead)
        return calendar_of(code, found.messages, at)

    return _file((await call.desk.read(look)).decode(), "text/calendar; charset=utf-8", f"{code}.ics")


async def export_csv(call: Call) -> Response:
    """All answers as a table, a patient at a time."""
    return await _stream(call, _csv(call), "text/csv; charset=utf-8", "answers.csv")


async def export_fhir(call: Call) -> Response:
    """Answers and alerts as FHIR R4, a patient at a time."""
    return await _stream(call, _fhir(call), "application/fhir+ndjson", "answers.ndjson")


async def _stream(call: Call, lines: AsyncIterator[str], kind: str, name: str) -> Response:
    def work(store: Store, at: datetime) -> None:
        store.audit(Audit(at=at, actor=call.person.name, action="exported", subject=_wanted(call) or "all"))

    await call.desk.write(work)
    names = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=kind, headers=names)


def _wanted(call: Call) -> str:
    return call.request.query_params.get("code", "")[:16]


async def _records(call: Call) -> AsyncIterator[PatientRecord]:
    """Each patient in a look-up of their own: others are served between them."""
    only = _wanted(call)
    if only:
        yield await call.desk.read(lambda store, _at: records.record_of(store, lookup.by_code(store, only)))
        return
    codes = await call.desk.read(partial(_codes, after=""))
    while codes:
        for code in codes:
            yield await call.desk.read(partial(_record, code=code))
        codes = await call.desk.read(partial(_codes, after=codes[-1]))


def _codes(store: Store, _at: datetime, *, after: str) -> list[str]:
    return records.codes_after(store, after)


def _record(store: Store, _at: datetime, *, code: str) -> PatientRecord:
    return records.record_of(store, lookup.by_code(store, code))


async def _csv(call: Call) -> AsyncIterator[str]:
    yield answers.header()
    async for record in _records(call):
        for line in answers.lines(record):
            yield line


async def _fhir(call: Call) -> AsyncIterator[str]:
    protocol, words = call.desk.clinic.protocol, call.desk.all_words(call.language)
    forms: Iterator[dict[str, Any]] = fhir.questionnaires(protocol, words, call.desk.clock.now())
    for form in forms:
        yield fhir.line(form)
    async for record in _records(call):
        for resource in fhir.of_patient(record, protocol, words):
            yield fhir.line(resource)
