"""Patients: the list, one patient with timeline and plan, invites, agreed levels, the visit summary."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, cast, get_args

from starlette.responses import Response

from bot.app.alerts import queue
from bot.app.checkins import opening
from bot.app.concerns import agreed_levels, agreeing
from bot.app.concerns.level_tasks import open_usual_signs_task
from bot.app.operations.installation import BOT_NAME
from bot.app.patients import listing, lookup, participation, registry, timeline, views
from bot.app.patients.listing import PatientFilter, Silence, TreatmentPhase
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import Patient
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit, Preview
from bot.app.team.members import DAYS
from bot.app.work import Work
from bot.core.digits import ascii_digits
from bot.core.plan_override import Rhythm
from bot.core.schedule import Pause
from bot.core.treatment import StopReason
from bot.desk.access import BadFormError, ConsoleRequest
from bot.desk.context import svg
from bot.desk.pages import levels
from bot.desk.pages.alerts import UNKNOWN, outcomes_of
from bot.dialog import trend as trends
from bot.export.cards import qr_svg

MAX_PERIODS = 99
RHYTHMS = 3
"""Rows for "every N days from A to B" in the form."""
_TIERS = ("EMERGENCY", "URGENT", "SOON")


# -- the list


async def list_page(request: ConsoleRequest) -> Response:
    """Show the patients; those who need something come first."""
    criteria = _criteria(request)
    found = await request.context.read(lambda work: listing.page(work, criteria))
    name = "_patients.html" if request.http.headers.get("hx-request") else "patients.html"
    return request.page(
        name,
        found=found,
        wanted=criteria,
        tiers=_TIERS,
        phases=get_args(TreatmentPhase),
        plans=list(request.context.clinic.protocol.plans),
        languages=request.context.clinic.languages,
    )


def _criteria(request: ConsoleRequest) -> PatientFilter:
    given = request.http.query_params
    phase, tier, silence = given.get("phase"), given.get("tier"), given.get("silence")
    return PatientFilter(
        code=ascii_digits(given.get("code", "").strip().upper())[:16],
        phase=cast("TreatmentPhase", phase) if phase in get_args(TreatmentPhase) else None,
        tier=tier if tier in _TIERS else None,
        silence=cast("Silence", silence) if silence in get_args(Silence) else None,
        after=given.get("after", "")[:40],
    )


async def add(request: ConsoleRequest) -> Response:
    """Add a patient and show the invite to print."""
    form, context = request.form, request.context

    def act(work: Work) -> tuple[Patient, str, str | None]:
        patient, token = registry.add(
            work.acting(request.person.name),
            code=form.get("code", "").strip().upper(),
            ici_start=_date(form, "ici_start") or _missing("ici_start"),
            regimen="combination" if form.get("regimen") == "combination" else "single",
            drug=form.get("drug", "").strip() or None,
            language=form.get("language") or None,
            timezone=form.get("timezone", "").strip() or None,
        )
        open_usual_signs_task(work, patient)
        return patient, token, work.settings.get(BOT_NAME)

    return _card(request, *await context.write(act))


async def new_invite(request: ConsoleRequest) -> Response:
    """Make a new invite and show it to print."""

    def act(work: Work) -> tuple[Patient, str, str | None]:
        patient, token = registry.invite_again(work.acting(request.person.name), _code(request))
        return patient, token, work.settings.get(BOT_NAME)

    return _card(request, *await request.context.write(act))


def _card(request: ConsoleRequest, patient: Patient, token: str, bot: str | None) -> Response:
    link = f"https://t.me/{bot}?start={token}" if bot else None
    card = request.context.all_words(patient.language)["invite.card"]
    return request.page(
        "invite.html", patient=patient, link=link, token=token, qr=svg(qr_svg(link)) if link else None, card=card
    )


# -- one patient


async def patient_page(request: ConsoleRequest) -> Response:
    """Show one patient: open alerts, timeline, trend and plan."""
    return await _render_patient(request, "patient.html")


async def visit_summary(request: ConsoleRequest) -> Response:
    """Show the visit summary, one page to print."""
    return await _render_patient(request, "summary.html")


async def _render_patient(request: ConsoleRequest, template: str) -> Response:
    context, code = request.context, _code(request)

    def query(work: Work) -> dict[str, Any]:
        patient = lookup.by_code(work.patients, code)
        waiting = sorted(work.alerts.open_of(patient.id), key=lambda alert: (-alert.tier, alert.raised_at))
        trend = trends.trend_of(work, patient)
        return {
            "view": views.view(work, code),
            "lines": [queue.alert_line(work, alert) for alert in waiting],
            "events": timeline.timeline(work, patient),
            "plan": plan_edits.preview(work, code, PlanEdit()),
            "agreed_levels": agreed_levels.active(work, patient.id),
            **levels.section(work, code),
            "trend": trend,
            "week": queue.current_week(context.clinic, patient, work.at),
            "now": work.at,
        }

    number = _number(request.http.query_params, "period", 1, MAX_PERIODS)

    found = await context.read(query)
    trend, periods = found.pop("trend"), found["view"].periods
    return request.page(
        template,
        **found,
        picture=svg(context.picture(trend, request.language)) if trend is not None else None,
        plans=list(context.clinic.protocol.plans),
        days=DAYS,
        rhythms=RHYTHMS,
        editing=periods[(number or len(periods)) - 1] if (number or 1) <= len(periods) else periods[-1],
        stop_reasons=list(StopReason),
        outcomes=outcomes_of,
    )


async def send_check_in(request: ConsoleRequest) -> Response:
    """Send a check-in now."""

    def act(work: Work) -> None:
        patient = lookup.locked(work.patients, _code(request))
        if opening.send_now(work.acting(request.person.name), patient) is None:
            raise RefusedError(f"{patient.code} is {patient.state}: not active in a chat, so nothing was sent")

    await request.context.write(act)
    return request.back(_page(request))


async def resume(request: ConsoleRequest) -> Response:
    """End a pause."""
    await request.context.write(lambda work: participation.resume_for(work.acting(request.person.name), _code(request)))
    return request.back(_page(request))


async def agree_level(request: ConsoleRequest) -> Response:
    """Set an agreed level for a symptom: the form of pages of the previous version, which may still be open."""
    form = request.form
    days = _number(form, "days", 1, agreeing.MAX_DAYS) or 14
    question, _, level = form.get("symptom", "").partition(":")

    def agree(work: Work) -> None:
        by = work.acting(request.person.name)
        agreeing.agree_level(by, _code(request), question, level, days, shown_at=UNKNOWN)

    await request.context.write(agree)
    return request.back(_page(request))


async def end_agreed_level(request: ConsoleRequest) -> Response:
    """End an agreed level."""
    question = request.form.get("symptom", "")
    await request.context.write(
        lambda work: agreeing.end_agreed_level(work.acting(request.person.name), _code(request), question)
    )
    return request.back(_page(request))


# -- the plan


async def preview(request: ConsoleRequest) -> Response:
    """Show what the form would change; nothing is saved."""
    code = _code(request)
    now = await request.context.read(lambda work: lookup.by_code(work.patients, code))
    plan_edits.check_unchanged(now, request.form.get("plan_state", ""))
    edit = _edit(request.form, now)
    found: Preview = await request.context.read(lambda work: plan_edits.preview(work, code, edit))
    return request.page("_preview.html", plan=found)


async def save_plan(request: ConsoleRequest) -> Response:
    """Save the plan. It applies at once, and the patient is notified in one line."""
    code = _code(request)

    def act(work: Work) -> Preview:
        now = lookup.locked(work.patients, code)
        plan_edits.check_unchanged(now, request.form.get("plan_state", ""))
        edit = _edit(request.form, now)
        return plan_edits.apply(work.acting(request.person.name), code, edit)

    await request.context.write(act)
    return request.back(_page(request))


def _edit(form: Mapping[str, str], now: Patient) -> PlanEdit:
    """Return the fields in which the form differs from the patient; unchanged fields change nothing."""
    rhythms = tuple(_rhythms(form))
    weekdays = tuple(n for n, day in enumerate(DAYS) if day in form.get("weekdays", "").split(","))
    if not weekdays:
        raise BadFormError("no weekday is chosen: choose one or more, or plan a pause with a last day")
    kept_days = () if len(weekdays) == len(DAYS) else weekdays
    regimen, plan, at = form.get("regimen"), form.get("plan"), _time(form, "send_time")
    extra, gone = _date(form, "extra"), _date(form, "no_extra")
    return PlanEdit(
        **_treatment(form, now),
        regimen=regimen if regimen in {"single", "combination"} and regimen != now.regimen else None,
        plan=plan if plan and plan != now.plan else None,
        send_time=at if at != now.send_time else None,
        rhythms=rhythms if rhythms != now.plan_override.rhythms else None,
        weekdays=kept_days if kept_days != now.plan_override.weekdays else None,
        add_days=(extra,) if extra is not None else (),
        drop_days=(gone,) if gone is not None else (),
        pause=_pause(form),
    )


def _treatment(form: Mapping[str, str], now: Patient) -> dict[str, Any]:
    """Return the changes of the treatment period that the form shows, the newest unless it names another."""
    number, periods = _number(form, "period", 1, len(now.periods)), now.treatment.periods
    shown = periods[(number or len(periods)) - 1]
    start, stop, drug = _date(form, "ici_start"), _date(form, "ici_stop"), form.get("drug")
    reason = StopReason(word) if (word := form.get("stop_reason", "")) in set(StopReason) else None
    return {
        "period": number if number is not None and number < len(periods) else None,
        "ici_start": start if start != shown.start else None,
        "ici_stop": stop if stop != shown.stop else None,
        "no_ici_stop": stop is None and shown.stop is not None and "ici_stop" in form,
        "stop_reason": reason if stop is not None and reason != shown.stop_reason else None,
        "drug": drug.strip() if drug is not None and drug.strip() != (shown.drug or "") else None,
        "ici_restart": _date(form, "ici_restart"),
        "no_ici_restart": form.get("no_ici_restart") == "yes",
    }


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
        raise BadFormError(f"{name}: {text!r} is not a date: write it as 2026-03-31") from None


def _time(form: Mapping[str, str], name: str) -> time | None:
    text = form.get(name, "").strip()
    try:
        return time.fromisoformat(text[:5]) if text else None
    except ValueError:
        raise BadFormError(f"{name}: {text!r} is not a time of day: write it as 10:30") from None


def _number(form: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadFormError(f"{name}: {text!r} is not a number from {least} to {most}")
    return int(text)


def _missing(name: str) -> date:
    raise BadFormError(f"{name} is empty: every patient needs one")


def _code(request: ConsoleRequest) -> str:
    code: str = request.http.path_params["code"]
    return code


def _page(request: ConsoleRequest) -> str:
    return f"/console/patients/{_code(request)}"
