"""Enrolment by taps: welcome, consent, language, time zone, time of day, then the baseline. Nothing is typed."""

from collections.abc import Callable
from datetime import datetime, time

from bot.app import checkins, zones
from bot.app.leaving import wind_up
from bot.app.plans import FAR, end_of_day, rescheduled
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.screens import button, keyboard_screen, numbers, rows
from bot.app.store import Audit, Consent, Patient, PatientState, Store
from bot.core.screen import Action, Button, Screen, Style, Text

KIND = "enrol"
"""The kind of action this module takes; `question` names the step it stood on, `choice` the word tapped."""

TIMES = {"morning": time(10), "noon": time(12, 30), "evening": time(18)}
"""What "morning", "noon" and "evening" stand for; the protocol's own send time replaces "morning"."""

SLOT = "enrol"


# -- moving


def begin(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    """Show the first screen as a new message."""
    go(store, clinic, patient, "welcome", at, edit=False)


def go(store: Store, clinic: Clinic, patient: Patient, step: str, at: datetime, *, edit: bool = True) -> Patient:
    """Move to a step and queue its screen."""
    moved = patient.model_copy(update={"enrol_step": step, "enrol_revision": patient.enrol_revision + 1})
    moved = store.save_patient(moved)
    show(store, clinic, moved, at, edit=edit)
    return moved


def show(store: Store, clinic: Clinic, patient: Patient, at: datetime, *, edit: bool) -> None:
    """Queue the screen of the present step."""
    screen = screen_of(patient, clinic)
    post(store, patient, screen, at=at, slot=SLOT, edit=edit, revision=patient.enrol_revision)


def tap(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Work off a tap on an enrolment screen; None when that screen is gone or knows no such word."""
    if patient.enrol_step is None or action.question != _word(patient.enrol_step):
        return None
    handler = _HANDLERS.get(_word(patient.enrol_step))
    if handler is None or not handler(store, clinic, patient, action.choice, at):
        return None
    after = store.patient(patient.id)
    return Outcome(language=after.language if after else patient.language)


def _word(step: str) -> str:
    """A step as a button's `question`: callback data knows no colon and no capitals."""
    return step.split(":", maxsplit=1)[0]


# -- the steps; each returns False when it knows no such word


def _welcome(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word.startswith("lang-"):
        return _speak(store, clinic, patient, word.removeprefix("lang-"), "welcome", at)
    if word != "next":
        return False
    go(store, clinic, patient, "consent1", at)
    return True


def _consent1(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    return _either(store, clinic, patient, word, at, back="welcome", onward="consent2")


def _consent2(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    return _either(store, clinic, patient, word, at, back="consent1", onward="consent3")


def _either(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime, *, back: str, onward: str) -> bool:
    target = {"back": back, "next": onward}.get(word)
    if target is None:
        return False
    go(store, clinic, patient, target, at)
    return True


def _consent3(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word == "back":
        go(store, clinic, patient, "consent2", at)
    elif word == "agree":
        _agree(store, clinic, patient, at)
    elif word == "no":
        _decline(store, clinic, patient, at)
    else:
        return False
    return True


def _agree(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    store.add_consent(
        Consent(
            patient_id=patient.id,
            version=clinic.consent_version,
            text_hash=clinic.consent_hash,
            language=patient.language,
            given_at=at,
        )
    )
    _audit(store, patient, "consent_given", at)
    go(store, clinic, patient, "language" if len(clinic.languages) > 1 else "zone", at)


def _decline(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    """ "No" is final until the link is opened again."""
    # On a new phone it may be the end of what was agreed to before.
    patient = wind_up(store, clinic, patient, at)
    left = {"state": PatientState.DECLINED, "enrol_step": None, "next_due_at": None, "watch": None}
    declined = patient.model_copy(update=left)
    declined = store.save_patient(declined)
    _audit(store, patient, "consent_declined", at)
    screen = Screen(name="enrol.declined", lines=(Text(key="enrol.declined", values=numbers(clinic)),))
    post(store, declined, screen, at=at, slot=SLOT, edit=True, revision=patient.enrol_revision + 1)


def _language(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word.startswith("lang-"):
        return _speak(store, clinic, patient, word.removeprefix("lang-"), "zone", at)
    return False


def _speak(store: Store, clinic: Clinic, patient: Patient, language: str, onward: str, at: datetime) -> bool:
    if language not in clinic.languages:
        return False
    go(store, clinic, patient.model_copy(update={"language": language}), onward, at)
    return True


def _zone(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word == "back" and len(clinic.languages) > 1:
        go(store, clinic, patient, "language", at)
    elif word == "own":
        _in_zone(store, clinic, patient, clinic.timezone, at)
    elif word in zones.regions():
        go(store, clinic, patient, f"region:{word}", at)
    else:
        return False
    return True


def _region(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    region = (patient.enrol_step or "").split(":")[1]
    if word == "back":
        go(store, clinic, patient, "zone", at)
    elif word.startswith("p-") and word[2:].isdigit() and zones.page(region, int(word[2:])):
        go(store, clinic, patient, f"city:{region}:{word[2:]}", at)
    else:
        return False
    return True


def _city(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    region = (patient.enrol_step or "").split(":")[1]
    if word == "back":
        go(store, clinic, patient, f"region:{region}", at)
        return True
    zone = zones.to_zone(region, word)
    if zone is None:
        return False
    _in_zone(store, clinic, patient, zone, at)
    return True


def _in_zone(store: Store, clinic: Clinic, patient: Patient, zone: str, at: datetime) -> None:
    go(store, clinic, patient.model_copy(update={"timezone": zone}), "time", at)


def _time(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word in {"back", "other"}:
        go(store, clinic, patient, "zone" if word == "back" else "hour", at)
        return True
    chosen = times(clinic).get(word)
    if chosen is None:
        return False
    _complete(store, clinic, patient, chosen, at)
    return True


def _hour(store: Store, clinic: Clinic, patient: Patient, word: str, at: datetime) -> bool:
    if word == "back":
        go(store, clinic, patient, "time", at)
        return True
    if not word.startswith("h-") or word[2:] not in {f"{h.hour:02d}" for h in hours(patient)}:
        return False
    _complete(store, clinic, patient, time(int(word[2:])), at)
    return True


def _complete(store: Store, clinic: Clinic, patient: Patient, send_time: time, at: datetime) -> None:
    """All is chosen: the plan starts, the reply keyboard appears, the baseline is asked."""
    tonight = end_of_day(at, patient.timezone or clinic.timezone)
    # Nobody would end a pause without a last day any more: who agrees anew begins anew.
    pauses = tuple(pause for pause in patient.pauses if pause.last != FAR)
    active = patient.model_copy(
        update={"send_time": send_time, "state": PatientState.ACTIVE, "enrol_step": None, "pauses": pauses}
    )
    # The baseline is today's check-in: the plan goes on tomorrow.
    active = rescheduled(active, clinic, tonight)
    active = store.save_patient(active)
    _audit(store, patient, "enrolled", at)
    summary = Text(
        key="enrol.done",
        values={"zone": zones.label(active.timezone or clinic.timezone), "time": f"{send_time:%H:%M}"},
    )
    finished = Screen(name="enrol.done", lines=(summary,))
    post(store, active, finished, at=at, slot=SLOT, edit=True, revision=patient.enrol_revision + 1)
    post(store, active, keyboard_screen(), at=at, slot="keyboard")
    checkins.open_checkin(store, clinic, active, form="baseline", kind="baseline", due_at=at, at=at)


_HANDLERS: dict[str, Callable[[Store, Clinic, Patient, str, datetime], bool]] = {
    "welcome": _welcome,
    "consent1": _consent1,
    "consent2": _consent2,
    "consent3": _consent3,
    "language": _language,
    "zone": _zone,
    "region": _region,
    "city": _city,
    "time": _time,
    "hour": _hour,
}


# -- the screens


def times(clinic: Clinic) -> dict[str, time]:
    """Return the times of day offered first."""
    return {**TIMES, "morning": clinic.protocol.clocks.send_time}


def hours(patient: Patient) -> list[time]:
    """Return the full hours outside the patient's quiet hours."""
    return [h for h in map(time, range(24)) if not _quiet(h, patient.quiet_from, patient.quiet_to)]


def _quiet(moment: time, start: time, end: time) -> bool:
    return start <= moment < end if start <= end else moment >= start or moment < end


def screen_of(patient: Patient, clinic: Clinic) -> Screen:
    """The screen of the patient's present step."""
    step = patient.enrol_step or "welcome"
    name = _word(step)
    makers: dict[str, Callable[[], tuple[tuple[Text, ...], list[Button]]]] = {
        "language": lambda: ((Text(key="enrol.language"),), _language_buttons(name, clinic, "")),
        "zone": lambda: ((Text(key="enrol.zone"),), _zone_buttons(clinic)),
        "region": lambda: ((Text(key="enrol.city"),), _page_buttons(step.split(":")[1])),
        "city": lambda: ((Text(key="enrol.city"),), _city_buttons(*step.split(":")[1:])),
        "time": lambda: ((Text(key="enrol.time"),), _time_buttons(clinic)),
        "hour": lambda: ((Text(key="enrol.hour"),), _hour_buttons(patient)),
    }
    lines, made = makers[name]() if name in makers else (_prose(name, clinic), _prose_buttons(name, patient, clinic))
    return Screen(name=f"enrol.{name}", lines=lines, rows=rows(made))


def _tap(step: str, word: str) -> Action:
    return Action(kind=KIND, question=step, choice=word)


def _back(step: str) -> Button:
    return button("button.back", _tap(step, "back"))


def _raw(label: str, action: Action) -> Button:
    return Button(label=Text(key="raw", values={"text": label}), action=action)


def _prose(name: str, clinic: Clinic) -> tuple[Text, ...]:
    return (Text(key=f"enrol.{name}", values=numbers(clinic)),)


def _prose_buttons(name: str, patient: Patient, clinic: Clinic) -> list[Button]:
    if name == "welcome":
        onward = button("button.continue", _tap(name, "next"), style=Style.SUCCESS)
        return [onward, *_language_buttons(name, clinic, patient.language)]
    if name == "consent3":
        return [
            button("button.agree", _tap(name, "agree"), style=Style.SUCCESS),
            button("button.no_thanks", _tap(name, "no")),
            _back(name),
        ]
    return [button("button.continue", _tap(name, "next"), style=Style.SUCCESS), _back(name)]


def _language_buttons(step: str, clinic: Clinic, besides: str) -> list[Button]:
    return [button(f"language.{code}", _tap(step, f"lang-{code}")) for code in clinic.languages if code != besides]


def _zone_buttons(clinic: Clinic) -> list[Button]:
    own = _raw(zones.label(clinic.timezone), _tap("zone", "own"))
    others = [button(f"region.{name.lower()}", _tap("zone", name)) for name in zones.regions()]
    return [own, *others, *([_back("zone")] if len(clinic.languages) > 1 else [])]


def _page_buttons(region: str) -> list[Button]:
    made = []
    for number in range(zones.pages(region)):
        cities = zones.page(region, number)
        made.append(_raw(f"{zones.label(cities[0])} – {zones.label(cities[-1])}", _tap("region", f"p-{number}")))
    return [*made, _back("region")]


def _city_buttons(region: str, number: str) -> list[Button]:
    cities = zones.page(region, int(number))
    return [*(_raw(zones.label(c), _tap("city", zones.to_word(c))) for c in cities), _back("city")]


def _time_buttons(clinic: Clinic) -> list[Button]:
    offered = [
        Button(
            label=Text(key=f"time.{word}", values={"time": f"{moment:%H:%M}"}),
            action=_tap("time", word),
        )
        for word, moment in times(clinic).items()
    ]
    return [*offered, button("time.other", _tap("time", "other")), _back("time")]


def _hour_buttons(patient: Patient) -> list[Button]:
    return [*(_raw(f"{h:%H:%M}", _tap("hour", f"h-{h:%H}")) for h in hours(patient)), _back("hour")]


def _audit(store: Store, patient: Patient, action: str, at: datetime) -> None:
    detail = {"language": patient.language}
    store.audit(Audit(at=at, actor=f"patient:{patient.code}", action=action, subject=patient.code, detail=detail))
