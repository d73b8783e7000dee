"""The patient's settings: language, time zone, time of day, quiet hours. Never asks to type."""

from datetime import time

from bot.app.checkins.answering import current
from bot.app.concerns.follow_up import replanned
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Text
from bot.dialog import zones
from bot.dialog.checkins import show_again
from bot.dialog.enrolment import hours, times
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, keyboard_screen, next_checkin_text, rows

KIND = "set"
"""The kind of action this module handles: `question` names the setting, `choice` its value (empty: show choices)."""
PAGE_KIND = "page"
CITY_KIND = "city"
KINDS = frozenset({KIND, PAGE_KIND, CITY_KIND})
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
    zone = patient.timezone or work.clinic.timezone
    values: dict[str, str | int | Text] = {
        "language": Text(key=f"language.{patient.chat_language}"),
        "zone": zones.label(zone),
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
    if action.kind == PAGE_KIND:
        return _cities(work, patient, action.question, action.choice)
    if action.kind == CITY_KIND:
        zone = zones.to_zone(action.question.capitalize(), action.choice)
        return _in_zone(work, patient, zone) if zone is not None else None
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
    post(work, changed, keyboard_screen(), slot="keyboard")
    row = current(work, changed)
    if row is not None:
        # Show the open question again in the new language, with its answers.
        show_again(work, changed, row)
    return TapResult(language=code)


# -- time zone


def _zone(work: Work, patient: Patient, word: str) -> TapResult | None:
    if word == "own":
        return _in_zone(work, patient, work.clinic.timezone)
    if word in zones.regions():
        pages = [
            Button(
                label=_raw(f"{zones.label(cities[0])} – {zones.label(cities[-1])}"),
                action=Action(kind=PAGE_KIND, question=word.lower(), choice=str(number)),
            )
            for number in range(zones.pages(word))
            if (cities := zones.page(word, number))
        ]
        return _show(work, patient, Screen(name="settings.region", lines=(Text(key="enrol.city"),), rows=rows(pages)))
    if word:
        return None
    own = Button(label=_raw(zones.label(work.clinic.timezone)), action=Action(kind=KIND, question="zone", choice="own"))
    made = [button(f"region.{r.lower()}", Action(kind=KIND, question="zone", choice=r)) for r in zones.regions()]
    return _show(work, patient, Screen(name="settings.zone", lines=(Text(key="enrol.zone"),), rows=rows([own, *made])))


def _cities(work: Work, patient: Patient, region: str, number: str) -> TapResult | None:
    cities = zones.page(region.capitalize(), int(number)) if number.isdigit() else ()
    if not cities:
        return None
    made = [
        Button(label=_raw(zones.label(c)), action=Action(kind=CITY_KIND, question=region, choice=zones.to_word(c)))
        for c in cities
    ]
    return _show(work, patient, Screen(name="settings.city", lines=(Text(key="enrol.city"),), rows=rows(made)))


def _in_zone(work: Work, patient: Patient, zone: str) -> TapResult:
    return _set(work, patient.model_copy(update={"timezone": zone}), "timezone")


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
