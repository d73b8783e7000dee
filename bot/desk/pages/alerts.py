"""The live queue of alerts, the actions on an alert, and other tasks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast, get_args

from starlette.responses import Response, StreamingResponse

from bot.app.alerts import ownership, queue
from bot.app.operations import tasks
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import (
    CONTACT,
    FORMER_OUTCOMES,
    NO_ACTION,
    AlertOutcome,
    AlertRow,
    NoActionReason,
    outcomes_for,
)
from bot.app.team import members
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.desk import sign_in
from bot.desk.access import CARE, BadFormError, ConsoleRequest, is_allowed

POLL_SECONDS = 2.0
"""Seconds between reads of the queue's state, a single row."""
HEARTBEAT_POLLS = 8
"""Reads between heartbeats; a heartbeat detects closed connections and ended sessions."""
MAX_ROWS = 100
"""Alerts and tasks on the page: the worst first; the rest appears as these are closed."""
OUTCOMES: tuple[str, ...] = get_args(AlertOutcome)
REASONS: tuple[str, ...] = get_args(NoActionReason)
"""Why "no action" is an outcome."""
UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""The time of a page that doesn't say when it was made."""


def outcomes_of(tier: str) -> tuple[AlertOutcome, ...]:
    """Return the outcomes that can be chosen for an alert of a tier, given by its name."""
    return outcomes_for(Tier[tier])


async def queue_page(request: ConsoleRequest) -> Response:
    """Show the queue of alerts."""
    return request.page("alerts.html", **await _queue(request))


async def queue_fragment(request: ConsoleRequest) -> Response:
    """Return the queue without the page around it, for live updates."""
    return request.page("_queue.html", **await _queue(request))


async def _queue(request: ConsoleRequest) -> dict[str, Any]:
    def query(work: Work) -> dict[str, Any]:
        lines = queue.queue(work, limit=MAX_ROWS)
        since = queue.start_of_day(request.context.clinic, work.at)
        asked, answered = work.reports.completion(since, work.at)
        return {
            "lines": lines,
            "now": work.at,
            "more": queue.count_open(work) - len(lines),
            "tasks": tasks.open_tasks(work)[:MAX_ROWS],
            "people": [row.name for row in members.current_members(work) if row.state == "active"],
            "asked": asked,
            "answered": answered,
            "state": work.alerts.queue_state(),
            "first": not work.patients.page(limit=1),
        }

    found = await request.context.read(query)
    return {
        **found,
        "outcomes": outcomes_of,
        "answers": request.context.clinic.staff_answers or request.person.role != "operator",
    }


async def events(request: ConsoleRequest) -> Response:
    """Stream server-sent events: one each time the queue changes."""
    return StreamingResponse(_changes(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _changes(request: ConsoleRequest) -> AsyncIterator[str]:
    token = request.http.cookies.get(sign_in.COOKIE)
    last_state = request.http.query_params.get("state", "")
    reads = 0
    yield "retry: 3000\n\n"
    while not request.context.closing.is_set():
        state = await request.context.read(lambda work: work.alerts.queue_state())
        if state != last_state:
            last_state = state
            yield f"event: queue\ndata: {state}\n\n"
        reads += 1
        if reads % HEARTBEAT_POLLS == 0:
            if await sign_in.current_session(request.context, token) is None or await request.http.is_disconnected():
                return
            yield ": heartbeat\n\n"
        try:
            await asyncio.wait_for(request.context.closing.wait(), POLL_SECONDS)
        except TimeoutError:
            continue


async def act(request: ConsoleRequest) -> Response:
    """Acknowledge, hand over, record the outcome, close or reopen an alert: the last part of the address says which."""
    number, action = int(request.http.path_params["number"]), request.http.path_params["action"]
    by, form = request.person.name, request.form
    outcome = _outcome(request) if action in {"note", "finish"} else ""
    if (more := await _ask_more(request, number, outcome)) is not None:
        return more
    shown_at = shown_time(form.get("shown_at", ""))
    noted = cast("AlertOutcome", outcome)
    reason = cast("NoActionReason | None", form.get("reason")) if outcome == NO_ACTION else None

    def apply(work: Work) -> AlertRow:
        if action == "take":
            return ownership.acknowledge(work.acting(by), number)
        if action == "assign":
            return ownership.hand_over(work.acting(by), number, members.by_name(work, form.get("to", "")).name)
        if action == "note":
            return ownership.note(work.acting(by), number, noted, shown_at=shown_at, reason=reason)
        if action == "finish":
            return ownership.finish(work.acting(by), number, noted, shown_at=shown_at, reason=reason)
        if action == "close":
            return ownership.close(work.acting(by), number)
        if action == "reopen":
            return ownership.reopen(work.acting(by), number)
        raise RefusedError(f"{action!r} is not an action on an alert")

    def apply_to(work: Work) -> tuple[AlertRow, str]:
        changed = apply(work)
        patient = work.patients.get(changed.patient_id)
        return changed, patient.code if patient is not None else ""

    changed, code = await request.context.write(apply_to)
    return _done(request, changed, code) if action == "finish" else request.back(_return_path(form.get("from", "")))


def _outcome(request: ConsoleRequest) -> str:
    """Return the outcome that was chosen; raise BadFormError if none was."""
    given = request.form.get("outcome", "")
    outcome = FORMER_OUTCOMES.get(given, given)
    if outcome not in OUTCOMES:
        raise BadFormError(request.context.text(request.person, "alerts.choose_outcome"))
    return outcome


async def _ask_more(request: ConsoleRequest, number: int, outcome: str) -> Response | None:
    """Return the page that asks what an outcome needs, if the form doesn't say so yet; else None.

    A second tap before a patient's check-ins end: it may be a slip. Or a reason why nobody contacts the patient.
    """
    form = request.form
    is_confirmed = outcome != "out_of_care" or form.get("confirmed") == "yes"
    if is_confirmed and (outcome != NO_ACTION or form.get("reason") in REASONS):
        return None

    def found(work: Work) -> tuple[str, Tier]:
        alert = work.alerts.get(number)
        patient = work.patients.get(alert.patient_id) if alert is not None else None
        if patient is None or alert is None:
            raise RefusedError(f"there is no alert {number}")
        return patient.code, alert.tier

    code, tier = await request.context.read(found)
    if outcome not in outcomes_for(tier):
        return None  # refused, whatever the reason
    return request.page(
        f"{outcome}.html",
        code=code,
        shown_at=form.get("shown_at", "")[:40],
        return_to=_return_path(form.get("from", "")),
        reasons=REASONS,
    )


def _done(request: ConsoleRequest, alert: AlertRow, code: str) -> Response:
    """Say whether the alert was closed, and after contact with the patient, ask which signs remain."""
    path = _return_path(request.form.get("from", ""))
    if alert.closed_at is None:
        return request.back(path, "still_open")
    if alert.outcome in CONTACT and is_allowed(request.person, CARE):
        # Without an agreed level, a sign that remains after a visit to the hospital is an EMERGENCY every day.
        return request.back(path, "remain", about=code)
    return request.back(path)


def shown_time(text: str) -> datetime:
    """Return when the page was made that a form was sent from; `UNKNOWN` if it doesn't say, or says no time."""
    try:
        shown_at = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    return shown_at if shown_at.tzinfo is not None else UNKNOWN


def _return_path(page: str) -> str:
    """Return the patient's page if the action was made there, else the queue."""
    return page if page.startswith("/console/patients/") and "//" not in page else "/console"


async def close_task(request: ConsoleRequest) -> Response:
    """Mark a task as done."""
    number = int(request.http.path_params["number"])
    await request.context.write(lambda work: tasks.close(work.acting(request.person.name), number))
    return request.back("/console")
