"""The patient's settings: language, time zone, time of day, quiet hours. Never asks to type."""

from datetime import time
from functools import partial

from bot.app.chat_roles import answers_for_another
from bot.app.checkins.answering import current
from bot.app.concerns.follow_up import replanned
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Text
from bot.dialog import clock_times
from bot.dialog.checkins import show_again
from bot.dialog.enrolment import hours, times
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, keyboard_screen, next_checkin_text, rows

KIND = "set"
"""The kind of action this module handles: `question` names the setting, `choice` its value (empty: show choices)."""
FORMER_KINDS = frozenset({"page", "city"})
"""Buttons of earlier versions, which asked for a place: they ask for the clock now."""
KINDS = frozenset({KIND, *FORMER_KINDS})
SLOT = "menu"
QUIET = {
    "q20-08": (time(20), time(8)),
    "q21-09": (time(21), time(9)),
    "q22-08": (time(22), time(8)),
    "q23-07": (time(23), time(7)),
}
"""The quiet hours to choose from; the protocol's default is one of them."""


def menu(work: Work, patient: Patient) -> TapResult:
    """Show the settings and their current values."""
    values: dict[str, str | int | Text] = {
        "language": Text(key=f"language.{patient.chat_language}"),
        "zone": clock_times.now_at(patient, work.clinic, work.at),
        "time": f"{patient.send_time:%H:%M}",
        "quiet_from": f"{patient.quiet_from:%H:%M}",
        "quiet_to": f"{patient.quiet_to:%H:%M}",
    }
    made = [
        button(f"settings.{what}", Action(kind=KIND, question=what)) for what in ("language", "zone", "time", "quiet")
    ]
    screen = Screen(name="settings", lines=(Text(key="settings.body", values=values),), rows=rows(made))
    return _show(work, patient, screen)


def language(work: Work, patient: Patient) -> TapResult:
    """Show the languages, each by its own name."""
    made = [
        button(f"language.{code}", Action(kind=KIND, question="language", choice=code))
        for code in work.clinic.languages
    ]
    screen = Screen(name="settings.language", lines=(Text(key="enrol.language"),), rows=rows(made))
    return _show(work, patient, screen)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap on a settings screen; return None if there is no such choice."""
    if action.kind in FORMER_KINDS:
        return _zone(work, patient, "")
    match action.question:
        case "language":
            return _language(work, patient, action.choice)
        case "zone":
            return _zone(work, patient, action.choice)
        case "time":
            return _time(work, patient, action.choice)
        case "quiet":
            return _quiet(work, patient, action.choice)
        case _:
            return menu(work, patient)


# -- language


def _language(work: Work, patient: Patient, code: str) -> TapResult | None:
    if not code:
        return language(work, patient)
    if code not in work.clinic.languages:
        return None
    if patient.caregiver is not None:
        caregiver = work.caregivers.save(patient.caregiver.model_copy(update={"language": code}))
        changed = patient.model_copy(update={"caregiver": caregiver})
    else:
        changed = work.patients.save(patient.model_copy(update={"language": code}))
    _record(work, changed, "language")
    if changed.caregiver is None or not answers_for_another(work, changed.caregiver.chat_id or 0, changed.id):
        # The keyboard of a patient who helps somebody stays their own.
        post(work, changed, keyboard_screen(), slot="keyboard")
    row = current(work, changed)
    if row is not None:
        # Show the open question again in the new language, with its answers.
        show_again(work, changed, row)
    return TapResult(language=code)


# -- time zone


def _zone(work: Work, patient: Patient, word: str) -> TapResult | None:
    following = clock_times.follow(word, patient, work.clinic, work.at) if word else clock_times.Next(screen="zone")
    if following is None:
        return None
    if following.zone is not None:
        return _set(work, patient.model_copy(update={"timezone": following.zone}), "timezone")
    tap = partial(_tap, "zone")
    shown = clock_times.shown(following.screen, following.number, patient, work.clinic, work.at, tap)
    return _show(work, patient, Screen(name=f"settings.{following.screen}", lines=(shown.text,), rows=shown.rows))


def _tap(question: str, word: str) -> Action:
    return Action(kind=KIND, question=question, choice=word)


# -- time of day, quiet hours


def _time(work: Work, patient: Patient, word: str) -> TapResult | None:
    offered = {timestamp: word for word, timestamp in times(work.clinic).items()}
    allowed = sorted({*offered, *hours(patient)} if word else hours(patient))
    chosen = next((timestamp for timestamp in allowed if word == f"t{timestamp:%H%M}"), None)
    if word and chosen is None:
        return None
    if chosen is not None:
        return _set(work, patient.model_copy(update={"send_time": chosen}), "send_time")
    made = [
        Button(label=_raw(f"{timestamp:%H:%M}"), action=Action(kind=KIND, question="time", choice=f"t{timestamp:%H%M}"))
        for timestamp in allowed
    ]
    return _show(work, patient, Screen(name="settings.time", lines=(Text(key="enrol.hour"),), rows=_threes(made)))


def _threes(made: list[Button]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(made[n : n + 3]) for n in range(0, len(made), 3))


def _quiet(work: Work, patient: Patient, word: str) -> TapResult | None:
    if word in QUIET:
        begins, ends = QUIET[word]
        quiet = patient.model_copy(update={"quiet_from": begins, "quiet_to": ends})
        return _set(work, quiet, "quiet_hours")
    if word:
        return None
    made = [
        Button(label=_raw(f"{b:%H:%M} – {e:%H:%M}"), action=Action(kind=KIND, question="quiet", choice=name))
        for name, (b, e) in QUIET.items()
    ]
    return _show(work, patient, Screen(name="settings.quiet", lines=(Text(key="settings.quiet.ask"),), rows=rows(made)))


# -- shared


def _set(work: Work, patient: Patient, what: str) -> TapResult:
    """Save a setting, reschedule, and show when the next check-in comes."""
    if patient.state is PatientState.ACTIVE:
        patient = replanned(work, patient)
    patient = work.patients.save(patient)
    _record(work, patient, what)
    zone = patient.timezone or work.clinic.timezone
    following = next_checkin_text(patient.next_due_at, zone)
    lines = (Text(key="settings.done"), *((following,) if following is not None else ()))
    return _show(work, patient, Screen(name="settings.done", lines=lines))


def _raw(label: str) -> Text:
    return Text(key="raw", values={"text": label})


def _record(work: Work, patient: Patient, what: str) -> None:
    work.acting(patient.actor).record("setting_changed", patient.code, what=what)


def _show(work: Work, patient: Patient, screen: Screen) -> TapResult:
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)
