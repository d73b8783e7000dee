"""The queue of alerts, live, and what can be done with each; the things beside it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, cast, get_args

from starlette.responses import Response, StreamingResponse

from bot.app import alert_work, queue, team, work_items
from bot.app.lookup import RefusedError
from bot.app.store import AlertRow, Outcome, Store
from bot.console import sign_in
from bot.console.doors import BadFormError, Call

LOOK_EVERY = 2.0
"""Seconds between looks at the queue's state, a single row."""
ALIVE_EVERY = 8
"""Looks between signs of life, so that a connection that is gone is noticed."""
MOST = 100
"""Alerts, and things beside them, on the page: the worst; the rest comes up as these are worked off."""
OUTCOMES: tuple[str, ...] = get_args(Outcome)


async def show(call: Call) -> Response:
    """The page of alerts."""
    return call.page("alerts.html", **await _queue(call))


async def fragment(call: Call) -> Response:
    """The queue alone, for the page that is open already."""
    return call.page("_queue.html", **await _queue(call))


async def _queue(call: Call) -> dict[str, Any]:
    def look(store: Store, at: datetime) -> dict[str, Any]:
        lines = queue.queue(store, call.desk.clinic, at, limit=MOST)
        since = queue.start_of_day(call.desk.clinic, at)
        asked, answered = store.completion(since, at)
        return {
            "lines": lines,
            "now": at,
            "more": queue.count(store) - len(lines),
            "items": work_items.waiting(store)[:MOST],
            "people": [row.name for row in team.present(store) if row.state == "active"],
            "asked": asked,
            "answered": answered,
            "state": store.queue_state(),
            "first": not store.patients(limit=1),
        }

    found = await call.desk.read(look)
    return {**found, "outcomes": OUTCOMES, "answers": call.desk.clinic.staff_answers or call.person.role != "operator"}


async def events(call: Call) -> Response:
    """Tell the page whenever something in the queue is different (server-sent events)."""
    return StreamingResponse(_changes(call), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _changes(call: Call) -> AsyncIterator[str]:
    token = call.request.cookies.get(sign_in.COOKIE)
    seen = call.request.query_params.get("state", "")
    looks = 0
    yield "retry: 3000\n\n"
    while not call.desk.closing.is_set():
        state = await call.desk.read(lambda store, _at: store.queue_state())
        if state != seen:
            seen = state
            yield f"event: queue\ndata: {state}\n\n"
        looks += 1
        if looks % ALIVE_EVERY == 0:
            if await sign_in.entered(call.desk, token) is None or await call.request.is_disconnected():
                return
            yield ": alive\n\n"
        try:
            await asyncio.wait_for(call.desk.closing.wait(), LOOK_EVERY)
        except TimeoutError:
            continue


async def work(call: Call) -> Response:
    """Take up, hand over, note, close or open again, as the button says."""
    number, word = int(call.request.path_params["number"]), call.request.path_params["word"]
    by, form, clinic = call.person.name, call.form, call.desk.clinic
    outcome = form.get("outcome", "")
    if word in {"note", "finish"} and outcome not in OUTCOMES:
        raise BadFormError(call.desk.words(call.person, "alerts.choose_outcome"))

    def done(store: Store, at: datetime) -> AlertRow:
        if word == "take":
            return alert_work.take(store, clinic, number, by, at)
        if word == "assign":
            return alert_work.assign(store, clinic, number, team.by_name(store, form.get("to", "")).name, by, at)
        if word == "note":
            return alert_work.note(store, clinic, number, cast("Outcome", outcome), by, at)
        if word == "finish":
            alert_work.note(store, clinic, number, cast("Outcome", outcome), by, at)
            return alert_work.close(store, clinic, number, by, at)
        if word == "close":
            return alert_work.close(store, clinic, number, by, at)
        if word == "reopen":
            return alert_work.reopen(store, clinic, number, by, at)
        raise RefusedError(f"{word!r} is nothing that can be done with an alert")

    await call.desk.write(done)
    return call.back(_where(form.get("from", "")))


def _where(page: str) -> str:
    """Back to the patient's page, if it was done there."""
    return page if page.startswith("/console/patients/") and "//" not in page else "/console"


async def close_item(call: Call) -> Response:
    """Tick off what waits beside alerts."""
    number = int(call.request.path_params["number"])
    await call.desk.write(lambda store, at: work_items.close(store, number, call.person.name, at))
    return call.back("/console")
