"""Enrolment by taps: welcome, consent, language, time zone, time of day, then the baseline. Never asks to type."""

from collections.abc import Callable
from datetime import datetime, time
from functools import partial

from bot.app.checkins.opening import open_checkin
from bot.app.concerns.memory import tier_to_call_about
from bot.app.patients.participation import end_participation
from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Consent, Patient, PatientState
from bot.app.schedules.plans import OPEN_ENDED, end_of_day, rescheduled
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog import clock_times
from bot.dialog.farewells import drop_call_soon
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, call_line, keyboard_screen, numbers, rows

KIND = "enrol"
"""The kind of action this module handles; `question` names the step of the screen, `choice` the button."""

TIMES = {"morning": time(10), "noon": time(12, 30), "evening": time(18)}
"""The times offered first; the protocol's send time replaces "morning"."""

SLOT = "enrol"


# -- moving between steps


def begin(work: Work, patient: Patient) -> None:
    """Start enrolment: queue the first screen as a new message."""
    go(work, patient, "welcome", edit=False)


def go(work: Work, patient: Patient, step: str, *, edit: bool = True) -> Patient:
    """Move to a step, queue its screen, and return the patient as saved."""
    moved = work.patients.save(
        patient.model_copy(update={"enrol_step": step, "enrol_revision": patient.enrol_revision + 1})
    )
    show(work, moved, edit=edit)
    return moved


def show(work: Work, patient: Patient, *, edit: bool) -> None:
    """Queue the screen of the current step."""
    screen = screen_of(patient, work.clinic, work.at)
    post(work, patient, screen, slot=SLOT, edit=edit, revision=patient.enrol_revision)


def tap(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap on an enrolment screen; return None if that step has passed or has no such button."""
    if patient.enrol_step is None or action.question != _word(patient.enrol_step):
        return None
    handler = _HANDLERS.get(_word(patient.enrol_step))
    if handler is None or not handler(work, patient, action.choice):
        return None
    after = work.patients.get(patient.id)
    return TapResult(language=after.language if after else patient.language)


def _word(step: str) -> str:
    """Return a step as a button's `question`: callback data allows no colon and no capitals."""
    word = step.split(":", maxsplit=1)[0]
    # Steps of earlier versions, which asked for a place.
    return "zone" if word in {"region", "city"} else word


# -- the steps: each returns False if it has no such button


def _welcome(work: Work, patient: Patient, word: str) -> bool:
    if word.startswith("lang-"):
        return _choose_language(work, patient, word.removeprefix("lang-"), "welcome")
    if word != "next":
        return False
    go(work, patient, "consent1")
    return True


def _consent1(work: Work, patient: Patient, word: str) -> bool:
    return _turn_page(work, patient, word, back="welcome", onward="consent2")


def _consent2(work: Work, patient: Patient, word: str) -> bool:
    return _turn_page(work, patient, word, back="consent1", onward="consent3")


def _turn_page(work: Work, patient: Patient, word: str, *, back: str, onward: str) -> bool:
    target = {"back": back, "next": onward}.get(word)
    if target is None:
        return False
    go(work, patient, target)
    return True


def _consent3(work: Work, patient: Patient, word: str) -> bool:
    if word == "back":
        go(work, patient, "consent2")
    elif word == "agree":
        _agree(work, patient)
    elif word == "no":
        _decline(work, patient)
    else:
        return False
    return True


def _agree(work: Work, patient: Patient) -> None:
    work.consents.add(
        Consent(
            patient_id=patient.id,
            version=work.clinic.consent_version,
            text_hash=work.clinic.consent_hash,
            language=patient.language,
            given_at=work.at,
        )
    )
    _record(work, patient, "consent_given")
    go(work, patient, "language" if len(work.clinic.languages) > 1 else "zone")


def _decline(work: Work, patient: Patient) -> None:
    """Handle "No", which is final until the link is opened again."""
    # On a new phone, an earlier consent may still be in force.
    patient = end_participation(work, patient)
    left = {
        "state": PatientState.DECLINED,
        "enrol_step": None,
        "next_due_at": None,
        "goodbye_at": None,
        "follow_up": None,
    }
    declined = work.patients.save(patient.model_copy(update=left))
    drop_call_soon(work, declined)
    _record(work, patient, "consent_declined")
    call = call_line(work.clinic, tier_to_call_about(work, declined))
    lines = (*call, Text(key="enrol.declined", values=numbers(work.clinic)))
    screen = Screen(name="enrol.declined", lines=lines)
    post(work, declined, screen, slot=SLOT, edit=True, revision=patient.enrol_revision + 1)


def _language(work: Work, patient: Patient, word: str) -> bool:
    if word.startswith("lang-"):
        return _choose_language(work, patient, word.removeprefix("lang-"), "zone")
    return False


def _choose_language(work: Work, patient: Patient, language: str, onward: str) -> bool:
    if language not in work.clinic.languages:
        return False
    go(work, patient.model_copy(update={"language": language}), onward)
    return True


def _zone(work: Work, patient: Patient, word: str) -> bool:
    is_first = _word(patient.enrol_step or "") == "zone"
    if word == "back" and (not is_first or len(work.clinic.languages) > 1):
        go(work, patient, "language" if is_first else "zone")
        return True
    following = clock_times.follow(word, patient, work.clinic, work.at)
    if following is None:
        return False
    if following.zone is not None:
        go(work, patient.model_copy(update={"timezone": following.zone}), "time")
    else:
        go(work, patient, f"{following.screen}:{following.number}")
    return True


def _time(work: Work, patient: Patient, word: str) -> bool:
    if word in {"back", "other"}:
        go(work, patient, "zone" if word == "back" else "hour")
        return True
    chosen = times(work.clinic).get(word)
    if chosen is None:
        return False
    _complete(work, patient, chosen)
    return True


def _hour(work: Work, patient: Patient, word: str) -> bool:
    if word == "back":
        go(work, patient, "time")
        return True
    if not word.startswith("h-") or word[2:] not in {f"{h.hour:02d}" for h in hours(patient)}:
        return False
    _complete(work, patient, time(int(word[2:])))
    return True


def _complete(work: Work, patient: Patient, send_time: time) -> None:
    """Complete enrolment: start the plan, show the reply keyboard, open the baseline."""
    tonight = end_of_day(work.at, patient.timezone or work.clinic.timezone)
    # Nobody would end an open-ended pause from an earlier participation.
    pauses = tuple(pause for pause in patient.pauses if pause.last != OPEN_ENDED)
    begun = {"state": PatientState.ACTIVE, "enrol_step": None, "unanswered": 0, "rests_until": None}
    active = patient.model_copy(update={"send_time": send_time, "pauses": pauses, **begun})
    # The baseline is today's check-in: the plan starts tomorrow.
    active = work.patients.save(rescheduled(active, work.clinic, tonight))
    _record(work, patient, "enrolled")
    summary = Text(
        key="enrol.done",
        values={"time": f"{send_time:%H:%M}"},
    )
    finished = Screen(name="enrol.done", lines=(summary,))
    post(work, active, finished, slot=SLOT, edit=True, revision=patient.enrol_revision + 1)
    post(work, active, keyboard_screen(), slot="keyboard")
    open_checkin(work, active, form="baseline", kind="baseline", due_at=work.at)


_HANDLERS: dict[str, Callable[[Work, Patient, str], bool]] = {
    "welcome": _welcome,
    "consent1": _consent1,
    "consent2": _consent2,
    "consent3": _consent3,
    "language": _language,
    **dict.fromkeys(("zone", "clock", "season"), _zone),
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


def _quiet(timestamp: time, start: time, end: time) -> bool:
    return start <= timestamp < end if start <= end else timestamp >= start or timestamp < end


def screen_of(patient: Patient, clinic: Clinic, at: datetime) -> Screen:
    """Return the screen of the patient's current step."""
    step = patient.enrol_step or "welcome"
    name = _word(step)
    makers: dict[str, Callable[[], tuple[tuple[Text, ...], list[Button]]]] = {
        "language": lambda: ((Text(key="enrol.language"),), _language_buttons(name, clinic, "")),
        "time": lambda: ((Text(key="enrol.time"),), _time_buttons(clinic)),
        "hour": lambda: ((Text(key="enrol.hour"),), _hour_buttons(patient)),
    }
    if name in {"zone", "clock", "season"}:
        return _clock_screen(name, step.partition(":")[2], patient, clinic, at)
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


def _language_buttons(step: str, clinic: Clinic, current: str) -> list[Button]:
    return [button(f"language.{code}", _tap(step, f"lang-{code}")) for code in clinic.languages if code != current]


def _clock_screen(name: str, number: str, patient: Patient, clinic: Clinic, at: datetime) -> Screen:
    count = int(number) if number.isdecimal() else 0
    shown = clock_times.shown(name, count, patient, clinic, at, partial(_tap, name))
    has_back = name == "clock" or (name == "zone" and len(clinic.languages) > 1)
    back = ((_back(name),),) if has_back else ()
    return Screen(name=f"enrol.{name}", lines=(shown.text,), rows=(*shown.rows, *back))


def _time_buttons(clinic: Clinic) -> list[Button]:
    offered = [
        Button(
            label=Text(key=f"time.{word}", values={"time": f"{timestamp:%H:%M}"}),
            action=_tap("time", word),
        )
        for word, timestamp in times(clinic).items()
    ]
    return [*offered, button("time.other", _tap("time", "other")), _back("time")]


def _hour_buttons(patient: Patient) -> list[Button]:
    return [*(_raw(f"{h:%H:%M}", _tap("hour", f"h-{h:%H}")) for h in hours(patient)), _back("hour")]


def _record(work: Work, patient: Patient, action: str) -> None:
    work.acting(f"patient:{patient.code}").record(action, patient.code, language=patient.language)
