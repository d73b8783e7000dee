"""Content, reports, the audit log, and exports."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from starlette.responses import Response, StreamingResponse

from bot.app.operations import reports
from bot.app.patients import history, lookup
from bot.app.patients.history import PatientRecord
from bot.app.records.operations import Audit, WeekReport
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.app.work import Work
from bot.core.frozen import Frozen
from bot.core.protocol import Tier
from bot.desk.access import ConsoleRequest
from bot.desk.context import svg
from bot.desk.figures import bars
from bot.export import answers, fhir
from bot.export.ical import calendar_of

WEEKS = 13
"""Weeks in a report: a quarter of a year."""
MAX_AUDIT_LINES = 200


# -- content


async def content_page(request: ConsoleRequest) -> Response:
    """Show every rule and its tier, as the clinic signed them off."""
    protocol = request.context.clinic.protocol
    return request.page("content.html", protocol=protocol, tiers=_tiers(request), tried=None)


def _tiers(request: ConsoleRequest) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return each tier, highest first, with its rules: id, group and when it fires."""
    rules = request.context.clinic.protocol.rules
    return [
        (tier.name, [(r.id, r.group, request.context.fires(r).replace("`", "")) for r in rules if r.tier is tier])
        for tier in sorted(Tier, reverse=True)
    ]


async def dry_run(request: ConsoleRequest) -> Response:
    """Show how many alerts the protocol raises on sample answers."""
    protocol = request.context.clinic.protocol
    result = await asyncio.to_thread(request.context.dry_run)
    return request.page("content.html", protocol=protocol, tiers=_tiers(request), tried=result)


# -- reports


class WeekLine(Frozen):
    """One week of a report; None where there was nothing to count."""

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


async def _weeks(request: ConsoleRequest) -> list[WeekLine]:
    rows = await request.context.read(lambda work: work.reports.weeks(WEEKS))
    if not rows:
        # In the first hour after the installation the hourly job has not run yet.
        rows = await request.context.write(_counted)
    return [_line(row) for row in rows]


def _counted(work: Work) -> list[WeekReport]:
    reports.update_reports(work)
    return list(work.reports.weeks(WEEKS))


async def reports_page(request: ConsoleRequest) -> Response:
    """Show the figures by week, as charts and as a table."""
    lines = await _weeks(request)
    names = [line.week[5:] for line in reversed(lines)]
    text = request.context.text
    charts = [
        svg(
            bars(
                text(request.person, f"reports.{what}"), names, [getattr(line, what) for line in reversed(lines)], unit
            )
        )
        for what, unit in (("completion", "%"), ("median_minutes", ""), ("per_100", ""), ("in_time", "%"))
    ]
    return request.page("reports.html", lines=lines, charts=charts)


async def reports_csv(request: ConsoleRequest) -> Response:
    """Return the same figures as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(WeekLine.model_fields)
    table.writerows([tuple(line.model_dump().values()) for line in await _weeks(request)])
    return _file(out.getvalue(), "text/csv; charset=utf-8", "reports.csv")


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# -- the audit log


async def audit_page(request: ConsoleRequest) -> Response:
    """Show the audit log, newest entries first."""
    subject = request.http.query_params.get("subject", "").strip()[:40]

    def query(work: Work) -> list[Audit]:
        return list(work.audit.lines(subject or None, limit=MAX_AUDIT_LINES))

    return request.page("audit.html", lines=await request.context.read(query), subject=subject, most=MAX_AUDIT_LINES)


# -- exports


async def calendar(request: ConsoleRequest) -> Response:
    """Return a patient's upcoming check-ins as a calendar."""
    code = request.http.path_params["code"]

    def query(work: Work) -> bytes:
        ahead = reports.WEEK * WEEKS
        found = plan_edits.preview(work, code, PlanEdit(), ahead=ahead)
        return calendar_of(code, found.messages, work.at)

    return _file((await request.context.read(query)).decode(), "text/calendar; charset=utf-8", f"{code}.ics")


async def export_csv(request: ConsoleRequest) -> Response:
    """Stream all answers as CSV, one patient at a time."""
    return await _stream(request, _csv(request), "text/csv; charset=utf-8", "answers.csv")


async def export_fhir(request: ConsoleRequest) -> Response:
    """Stream answers and alerts as FHIR R4, one patient at a time."""
    return await _stream(request, _fhir(request), "application/fhir+ndjson", "answers.ndjson")


async def _stream(request: ConsoleRequest, lines: AsyncIterator[str], kind: str, name: str) -> Response:
    def act(work: Work) -> None:
        work.audit.add(
            Audit(at=work.at, actor=request.person.name, action="exported", subject=_requested_code(request) or "all")
        )

    await request.context.write(act)
    names = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=kind, headers=names)


def _requested_code(request: ConsoleRequest) -> str:
    return request.http.query_params.get("code", "")[:16]


async def _records(request: ConsoleRequest) -> AsyncIterator[PatientRecord]:
    """Yield one patient per read transaction, so that other requests are served in between."""
    only = _requested_code(request)
    if only:
        yield await request.context.read(lambda work: history.record_of(work, lookup.by_code(work.patients, only)))
        return
    codes = await request.context.read(partial(_codes, after=""))
    while codes:
        for code in codes:
            yield await request.context.read(partial(_record, code=code))
        codes = await request.context.read(partial(_codes, after=codes[-1]))


def _codes(work: Work, *, after: str) -> list[str]:
    return history.codes_after(work, after)


def _record(work: Work, *, code: str) -> PatientRecord:
    return history.record_of(work, lookup.by_code(work.patients, code))


async def _csv(request: ConsoleRequest) -> AsyncIterator[str]:
    yield answers.header()
    async for record in _records(request):
        for line in answers.lines(record):
            yield line


async def _fhir(request: ConsoleRequest) -> AsyncIterator[str]:
    protocol, texts = request.context.clinic.protocol, request.context.all_words(request.language)
    forms: Iterator[dict[str, Any]] = fhir.questionnaires(protocol, texts, request.context.clock.now())
    for form in forms:
        yield fhir.line(form)
    async for record in _records(request):
        for resource in fhir.of_patient(record, protocol, texts):
            yield fhir.line(resource)
