"""Concerns and levels on a patient's page: what the team decides about them."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from bot.app.concerns import (
    agreeing,
    close_watch,
    level_view,
    new_baseline,
    references,
    symptom_levels,
    usual_signs,
)
from bot.app.ports.errors import RefusedError
from bot.app.work import Work
from bot.desk.access import BadFormError, ConsoleRequest
from bot.desk.pages.alerts import shown_time

Act = Callable[[Work, str, Mapping[str, str]], object]


def section(work: Work, code: str) -> dict[str, Any]:
    """Return what the section of a patient's page shows and offers."""
    levels = symptom_levels.acceptable(work.clinic)
    usual = usual_signs.usual_signs(work)
    lower = {
        symptom: tuple(each for each in words if each not in usual.get(symptom, ()))
        for symptom, words in levels.items()
    }
    agreeable = {symptom: words for symptom, words in lower.items() if words}
    return {
        "levels": level_view.level_lines(work, code),
        "agreeable": agreeable,
        "referable": {symptom: (references.NOTHING, *words) for symptom, words in agreeable.items()},
        "usual": usual,
        "watchable": close_watch.watchable(work.clinic),
        "most_days": agreeing.MAX_DAYS,
        "usual_days": usual_signs.MAX_DAYS,
        "watch_days": close_watch.MAX_DAYS,
    }


async def act(request: ConsoleRequest) -> Response:
    """Decide about a level: the last part of the address says what."""
    code, form = request.http.path_params["code"], request.form
    decide = _ACTS.get(request.http.path_params["action"])
    if decide is None:
        raise RefusedError("that is no decision about a level")
    await request.context.write(lambda work: decide(work.acting(request.person.name), code, form))
    return request.back(f"/console/patients/{code}")


def _agree(work: Work, code: str, form: Mapping[str, str]) -> object:
    symptom, level = _chosen(form)
    days, shown_at = _days(form), shown_time(form.get("shown_at", ""))
    if not form.get("reason", "").strip():
        raise RefusedError("a reason is missing")
    return agreeing.agree_level(work, code, symptom, level, days, reason=form["reason"], shown_at=shown_at)


def _end(work: Work, code: str, form: Mapping[str, str]) -> object:
    return agreeing.end_agreed_level(work, code, form.get("symptom", ""))


def _usual(work: Work, code: str, form: Mapping[str, str]) -> object:
    symptom, level = _chosen(form)
    return usual_signs.agree_usual_sign(
        work,
        code,
        symptom,
        level,
        _days(form),
        reason=form.get("reason", ""),
        decided_by=form.get("decided_by", ""),
        shown_at=shown_time(form.get("shown_at", "")),
    )


def _accept(work: Work, code: str, form: Mapping[str, str]) -> object:
    shown_at = shown_time(form.get("shown_at", ""))
    return usual_signs.accept_usual_sign(work, code, form.get("symptom", ""), shown_at=shown_at)


def _decline(work: Work, code: str, form: Mapping[str, str]) -> object:
    return usual_signs.decline_usual_sign(work, code, form.get("symptom", ""))


def _reference(work: Work, code: str, form: Mapping[str, str]) -> object:
    symptom, level = _chosen(form)
    shown_at = shown_time(form.get("shown_at", ""))
    return references.set_reference(work, code, symptom, level, reason=form.get("reason", ""), shown_at=shown_at)


def _confirm(work: Work, code: str, form: Mapping[str, str]) -> object:
    shown_at = shown_time(form.get("shown_at", ""))
    return references.confirm_reference(work, code, form.get("symptom", ""), shown_at=shown_at)


def _reject(work: Work, code: str, form: Mapping[str, str]) -> object:
    shown_at = shown_time(form.get("shown_at", ""))
    return references.reject_reference(work, code, form.get("symptom", ""), shown_at=shown_at)


def _watch(work: Work, code: str, form: Mapping[str, str]) -> object:
    symptoms = tuple(each for each in form.get("symptoms", "").split(",") if each)
    return close_watch.watch(work, code, symptoms, _days(form), reason=form.get("reason", ""))


def _unwatch(work: Work, code: str, form: Mapping[str, str]) -> object:
    return close_watch.end_watch(work, code, (form.get("symptom", ""),))


def _baseline(work: Work, code: str, _form: Mapping[str, str]) -> object:
    return new_baseline.take_baseline(work, code)


_ACTS: Mapping[str, Act] = {
    "agree": _agree,
    "end": _end,
    "usual": _usual,
    "accept": _accept,
    "decline": _decline,
    "reference": _reference,
    "confirm": _confirm,
    "reject": _reject,
    "watch": _watch,
    "unwatch": _unwatch,
    "baseline": _baseline,
}


def _chosen(form: Mapping[str, str]) -> tuple[str, str]:
    symptom, _, level = form.get("symptom", "").partition(":")
    return symptom, level


def _days(form: Mapping[str, str]) -> int:
    text = form.get("days", "").strip()
    if not text.isdecimal() or len(text) > 3:  # noqa: PLR2004 - no agreement is longer than 999 days
        raise BadFormError(f"days: {text!r} is not a number of days")
    return int(text)
