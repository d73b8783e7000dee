"""What a patient can set by taps: language, time zone, time of day, quiet hours. Each button says all it means."""

from datetime import datetime, time

from bot.app import checkins, zones
from bot.app.enrolment import hours, times
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.rounds import replanned
from bot.app.screens import button, keyboard_screen, next_checkin_text, rows
from bot.app.store import Audit, Lane, Patient, PatientState, Store
from bot.core.screen import Action, Button, Screen, Text

KIND = "set"
"""The kind of action this module takes: `question` says what is set, `choice` to what (empty: show the choices)."""
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
"""Quiet hours to choose from; the protocol's own are the third clock of most people and stand among them."""


def menu(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """What can be set, and how it is set now."""
    zone = patient.timezone or clinic.timezone
    values: dict[str, str | int | Text] = {
        "language": Text(key=f"language.{patient.speaks}"),
        "zone": zones.label(zone),
        "time": f"{patient.send_time:%H:%M}",
        "quiet_from": f"{patient.quiet_from:%H:%M}",
        "quiet_to": f"{patient.quiet_to:%H:%M}",
    }
    made = [
        button(f"settings.{what}", Action(kind=KIND, question=what)) for what in ("language", "zone", "time", "quiet")
    ]
    screen = Screen(name="settings", lines=(Text(key="settings.body", values=values),), rows=rows(made))
    return _show(store, patient, screen, at)


def language(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """The languages, each by its own name."""
    made = [
        button(f"language.{code}", Action(kind=KIND, question="language", choice=code)) for code in clinic.languages
    ]
    screen = Screen(name="settings.language", lines=(Text(key="enrol.language"),), rows=rows(made))
    return _show(store, patient, screen, at)


def tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Work off a tap; None when there is no such choice."""
    if action.kind == PAGE_KIND:
        return _cities(store, patient, action.question, action.choice, at)
    if action.kind == CITY_KIND:
        zone = zones.to_zone(action.question.capitalize(), action.choice)
        return _in_zone(store, clinic, patient, zone, at) if zone is not None else None
    match action.question:
        case "language":
            return _language(store, clinic, patient, action.choice, at)
        case "zone":
            return _zone(store, clinic, patient, action.choice, at)
        case "time":
            return _time(store, clinic, patient, action.choice, at)
        case "quiet":
            return _quiet(store, clinic, patient, action.choice, at)
        case _:
            return menu(store, clinic, patient, at)


# -- language


def _language(store: Store, clinic: Clinic, patient: Patient, code: str, at: datetime) -> Outcome | None:
    if not code:
        return language(store, clinic, patient, at)
    if code not in clinic.languages:
        return None
    if patient.helper is not None:
        helper = patient.helper.model_copy(update={"language": code})
        helper = store.save_caregiver(helper)
        spoken = patient.model_copy(update={"helper": helper})
    else:
        spoken = patient.model_copy(update={"language": code})
        spoken = store.save_patient(spoken)
    _audit(store, spoken, "language", at)
    post(store, spoken, keyboard_screen(), at=at, slot="keyboard")
    row = checkins.present(store, clinic, spoken, at)
    if row is not None:
        # In mid-check-in the question stands there again, in the new language, with what was answered.
        checkins.show(store, clinic, spoken, row, at, lane=Lane.REPLY, edit=False, everyone=False)
    return Outcome(language=code)


# -- time zone


def _zone(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Outcome | None:
    if word == "own":
        return _in_zone(store, clinic, patient, clinic.timezone, at)
    if word in zones.regions():
        pages = [
            Button(
                label=_raw(f"{zones.label(cities[0])} – {zones.label(cities[-1])}"),
                action=Action(kind=PAGE_KIND, question=word.lower(), choice=str(number)),
            )
            for number in range(zones.pages(word))
            if (cities := zones.page(word, number))
        ]
        return _show(
            store, patient, Screen(name="settings.region", lines=(Text(key="enrol.city"),), rows=rows(pages)), at
        )
    if word:
        return None
    own = Button(label=_raw(zones.label(clinic.timezone)), action=Action(kind=KIND, question="zone", choice="own"))
    made = [button(f"region.{r.lower()}", Action(kind=KIND, question="zone", choice=r)) for r in zones.regions()]
    return _show(
        store, patient, Screen(name="settings.zone", lines=(Text(key="enrol.zone"),), rows=rows([own, *made])), at
    )


def _cities(store: Store, patient: Patient, region: str, number: str, at: datetime) -> Outcome | None:
    cities = zones.page(region.capitalize(), int(number)) if number.isdigit() else ()
    if not cities:
        return None
    made = [
        Button(label=_raw(zones.label(c)), action=Action(kind=CITY_KIND, question=region, choice=zones.to_word(c)))
        for c in cities
    ]
    return _show(store, patient, Screen(name="settings.city", lines=(Text(key="enrol.city"),), rows=rows(made)), at)


def _in_zone(store: Store, clinic: Clinic, patient: Patient, zone: str, at: datetime) -> Outcome:
    return _set(store, clinic, patient.model_copy(update={"timezone": zone}), "timezone", at)


# -- time of day, quiet hours


def _time(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Outcome | None:
    offered = {moment: word for word, moment in times(clinic).items()}
    allowed = sorted({*offered, *hours(patient)} if word else hours(patient))
    chosen = next((moment for moment in allowed if word == f"t{moment:%H%M}"), None)
    if word and chosen is None:
        return None
    if chosen is not None:
        return _set(store, clinic, patient.model_copy(update={"send_time": chosen}), "send_time", at)
    made = [
        Button(label=_raw(f"{moment:%H:%M}"), action=Action(kind=KIND, question="time", choice=f"t{moment:%H%M}"))
        for moment in allowed
    ]
    return _show(store, patient, Screen(name="settings.time", lines=(Text(key="enrol.hour"),), rows=_threes(made)), at)


def _threes(made: list[Button]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(made[n : n + 3]) for n in range(0, len(made), 3))


def _quiet(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> Outcome | None:
    if word in QUIET:
        begins, ends = QUIET[word]
        quiet = patient.model_copy(update={"quiet_from": begins, "quiet_to": ends})
        return _set(store, clinic, quiet, "quiet_hours", at)
    if word:
        return None
    made = [
        Button(label=_raw(f"{b:%H:%M} – {e:%H:%M}"), action=Action(kind=KIND, question="quiet", choice=name))
        for name, (b, e) in QUIET.items()
    ]
    return _show(
        store, patient, Screen(name="settings.quiet", lines=(Text(key="settings.quiet.ask"),), rows=rows(made)), at
    )


# -- what they share


def _set(store: Store, clinic: Clinic, patient: Patient, what: str, at: datetime) -> Outcome:
    """Keep it, plan anew from it, and say when the next check-in comes."""
    if patient.state is PatientState.ACTIVE:
        patient = replanned(store, clinic, patient, at)
    patient = store.save_patient(patient)
    _audit(store, patient, what, at)
    zone = patient.timezone or clinic.timezone
    following = next_checkin_text(patient.next_due_at, zone)
    lines = (Text(key="settings.done"), *((following,) if following is not None else ()))
    return _show(store, patient, Screen(name="settings.done", lines=lines), at)


def _raw(label: str) -> Text:
    return Text(key="raw", values={"text": label})


def _audit(store: Store, patient: Patient, what: str, at: datetime) -> None:
    line = Audit(at=at, actor=patient.actor, action="setting_changed", subject=patient.code, detail={"what": what})
    store.audit(line)


def _show(store: Store, patient: Patient, screen: Screen, at: datetime) -> Outcome:
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)
