"""Patients: the list, one patient with their time line and plan, invites, what is expected, the visit summary."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, cast, get_args

from starlette.responses import Response

from bot.app import (
    answers,
    checkins,
    lookup,
    patient_list,
    patient_views,
    patients,
    plan_edits,
    queue,
    snoozes,
    timeline,
)
from bot.app.installation import BOT_NAME
from bot.app.patient_list import Phase, Silence, Wanted
from bot.app.plan_edits import PlanEdit, Preview
from bot.app.store import Patient, Store
from bot.app.team import DAYS
from bot.console.desk import svg
from bot.console.doors import BadFormError, Call
from bot.console.pages.alerts import OUTCOMES
from bot.core.own_plan import Rhythm
from bot.core.schedule import Pause
from bot.export.cards import qr_svg

RHYTHMS = 3
"""Rows for "every N days from A to B" that the form offers."""
_TIERS = ("EMERGENCY", "URGENT", "SOON")


# -- the list


async def listing(call: Call) -> Response:
    """All patients, whoever needs something first."""
    wanted = _wanted(call)
    found = await call.desk.read(lambda store, at: patient_list.page(store, call.desk.clinic, wanted, at))
    name = "_patients.html" if call.request.headers.get("hx-request") else "patients.html"
    return call.page(
        name,
        found=found,
        wanted=wanted,
        tiers=_TIERS,
        phases=get_args(Phase),
        plans=list(call.desk.clinic.protocol.plans),
        languages=call.desk.clinic.languages,
    )


def _wanted(call: Call) -> Wanted:
    given = call.request.query_params
    phase, tier, silence = given.get("phase"), given.get("tier"), given.get("silence")
    return Wanted(
        code=given.get("code", "").strip().upper()[:16],
        phase=cast("Phase", phase) if phase in get_args(Phase) else None,
        tier=tier if tier in _TIERS else None,
        silence=cast("Silence", silence) if silence in get_args(Silence) else None,
        after=given.get("after", "")[:40],
    )


async def add(call: Call) -> Response:
    """Add a patient and show the invite to print."""
    form, desk = call.form, call.desk

    def work(store: Store, at: datetime) -> tuple[Patient, str, str | None]:
        patient, token = patients.add(
            store,
            desk.clinic,
            code=form.get("code", "").strip().upper(),
            ici_start=_date(form, "ici_start") or _missing("ici_start"),
            regimen="combination" if form.get("regimen") == "combination" else "single",
            drug=form.get("drug", "").strip() or None,
            language=form.get("language") or None,
            timezone=form.get("timezone", "").strip() or None,
            at=at,
            by=call.person.name,
        )
        return patient, token, store.setting(BOT_NAME)

    return _card(call, *await desk.write(work))


async def invite(call: Call) -> Response:
    """Make a new invite and show it to print."""

    def work(store: Store, at: datetime) -> tuple[Patient, str, str | None]:
        patient, token = patients.invite_again(store, call.desk.clinic, _code(call), at, by=call.person.name)
        return patient, token, store.setting(BOT_NAME)

    return _card(call, *await call.desk.write(work))


def _card(call: Call, patient: Patient, token: str, bot: str | None) -> Response:
    link = f"https://t.me/{bot}?start={token}" if bot else None
    words = call.desk.all_words(patient.language)["invite.card"]
    return call.page(
        "invite.html", patient=patient, link=link, token=token, qr=svg(qr_svg(link)) if link else None, card=words
    )


# -- one patient


async def show(call: Call) -> Response:
    """One patient: what is open, the time line, the trend, the plan."""
    return await _shown(call, "patient.html")


async def summary(call: Call) -> Response:
    """One page to print for a visit."""
    return await _shown(call, "summary.html")


async def _shown(call: Call, template: str) -> Response:
    desk, code = call.desk, _code(call)

    def look(store: Store, at: datetime) -> dict[str, Any]:
        patient = lookup.by_code(store, code)
        waiting = [a for a in store.alerts(patient.id, limit=queue.LOOKED_BACK) if a.closed_at is None]
        waiting.sort(key=lambda alert: (-alert.tier, alert.raised_at))
        trend = answers.trend_of(store, desk.clinic, patient)
        return {
            "view": patient_views.view(store, desk.clinic, code, at),
            "lines": [queue.line(store, desk.clinic, alert, at) for alert in waiting],
            "events": timeline.timeline(store, desk.clinic, patient),
            "plan": plan_edits.preview(store, desk.clinic, code, PlanEdit(), at),
            "expected": snoozes.active(store, patient.id, at),
            "trend": trend,
            "week": queue.week_now(desk.clinic, patient, at),
            "now": at,
        }

    found = await desk.read(look)
    trend = found.pop("trend")
    scales = {q.id: [c.id for c in q.choices[1:]] for q in desk.clinic.protocol.questions.values() if q.scale}
    return call.page(
        template,
        **found,
        picture=svg(desk.picture(trend, call.language)) if trend is not None else None,
        plans=list(desk.clinic.protocol.plans),
        days=DAYS,
        rhythms=RHYTHMS,
        scales=scales,
        outcomes=OUTCOMES,
        most_days=snoozes.MOST_DAYS,
    )


async def send(call: Call) -> Response:
    """Send a check-in now."""

    def work(store: Store, at: datetime) -> None:
        patient = lookup.locked(store, _code(call))
        if checkins.send_now(store, call.desk.clinic, patient, at, by=call.person.name) is None:
            raise lookup.RefusedError(f"{patient.code} is {patient.state}: not active in a chat, so nothing was sent")

    await call.desk.write(work)
    return call.back(_page(call))


async def resume(call: Call) -> Response:
    """End a pause."""
    await call.desk.write(
        lambda store, at: patients.resume_for(store, call.desk.clinic, _code(call), at, by=call.person.name)
    )
    return call.back(_page(call))


async def expect(call: Call) -> Response:
    """Expect a symptom at a level for a while."""
    form = call.form
    days = _number(form, "days", 1, snoozes.MOST_DAYS)
    question, _, level = form.get("symptom", "").partition(":")
    await call.desk.write(
        lambda store, at: snoozes.snooze(
            store, call.desk.clinic, _code(call), question, level, days or 14, call.person.name, at
        )
    )
    return call.back(_page(call))


async def unexpect(call: Call) -> Response:
    """Expect a symptom no more."""
    question = call.form.get("symptom", "")
    await call.desk.write(lambda store, at: snoozes.wake(store, _code(call), question, call.person.name, at))
    return call.back(_page(call))


# -- the plan


async def preview(call: Call) -> Response:
    """What the form would change, marked; nothing is kept."""
    code = _code(call)
    now = await call.desk.read(lambda store, _at: lookup.by_code(store, code))
    edit = _edit(call.form, now)
    found: Preview = await call.desk.read(lambda store, at: plan_edits.preview(store, call.desk.clinic, code, edit, at))
    return call.page("_preview.html", plan=found)


async def keep_plan(call: Call) -> Response:
    """Keep what the form says: it holds at once, and the patient is told in one line."""
    code = _code(call)

    def work(store: Store, at: datetime) -> Preview:
        edit = _edit(call.form, lookup.by_code(store, code))
        return plan_edits.apply(store, call.desk.clinic, code, edit, call.person.name, at)

    await call.desk.write(work)
    return call.back(_page(call))


def _edit(form: Mapping[str, str], now: Patient) -> PlanEdit:
    """Only what the form has otherwise than the patient: a field that was left as it stands changes nothing."""
    rhythms = tuple(_rhythms(form))
    weekdays = tuple(n for n, day in enumerate(DAYS) if day in form.get("weekdays", "").split(","))
    if not weekdays:
        raise BadFormError("no weekday is chosen: choose one or more, or plan a pause with a last day")
    kept_days = () if len(weekdays) == len(DAYS) else weekdays
    start, stop = _date(form, "ici_start"), _date(form, "ici_stop")
    regimen, plan, at = form.get("regimen"), form.get("plan"), _time(form, "send_time")
    extra, gone = _date(form, "extra"), _date(form, "no_extra")
    return PlanEdit(
        ici_start=start if start != now.ici_start else None,
        ici_stop=stop if stop != now.ici_stop else None,
        ici_restart=_date(form, "ici_restart"),
        regimen=regimen if regimen in {"single", "combination"} and regimen != now.regimen else None,
        plan=plan if plan and plan != now.plan else None,
        send_time=at if at != now.send_time else None,
        rhythms=rhythms if rhythms != now.own.rhythms else None,
        weekdays=kept_days if kept_days != now.own.weekdays else None,
        add_days=(extra,) if extra is not None else (),
        drop_days=(gone,) if gone is not None else (),
        pause=_pause(form),
    )


def _rhythms(form: Mapping[str, str]) -> list[Rhythm]:
    found = []
    for row in range(RHYTHMS):
        every = _number(form, f"every{row}", 1, 92)
        if every is not None:
            first = _number(form, f"from{row}", 0, 9999)
            found.append(Rhythm(every=every, first_day=first or 0, last_day=_number(form, f"to{row}", 0, 9999)))
    return found


def _pause(form: Mapping[str, str]) -> Pause | None:
    first, last = _date(form, "pause_from"), _date(form, "pause_to")
    if first is None and last is None:
        return None
    if first is None or last is None or last < first:
        raise BadFormError("a pause needs its first and its last day, in that order")
    reason = form.get("reason")
    return Pause(first=first, last=last, reason=reason if reason in {"hospital", "holiday", "other"} else None)


def _date(form: Mapping[str, str], name: str) -> date | None:
    text = form.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadFormError(f"{name}: {text!r} is no date, write it as 2026-03-31") from None


def _time(form: Mapping[str, str], name: str) -> time | None:
    text = form.get(name, "").strip()
    try:
        return time.fromisoformat(text[:5]) if text else None
    except ValueError:
        raise BadFormError(f"{name}: {text!r} is no time of day, write it as 10:30") from None


def _number(form: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadFormError(f"{name}: {text!r} is no number from {least} to {most}")
    return int(text)


def _missing(name: str) -> date:
    raise BadFormError(f"{name} is empty: every patient needs one")


def _code(call: Call) -> str:
    code: str = call.request.path_params["code"]
    return code


def _page(call: Call) -> str:
    return f"/console/patients/{_code(call)}"
