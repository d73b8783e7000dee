"""A patient's concerns and levels in the team's chats: what waits for a decision, and the buttons to decide.

Names symptoms only if the clinic lets messages contain answers; otherwise it says how many wait, and where to decide.
"""

from collections.abc import Callable, Iterator, Mapping

from bot.app.concerns import level_view, new_baseline, references, usual_signs
from bot.app.concerns.level_view import LevelLine
from bot.app.concerns.references import NOTHING
from bot.app.concerns.symptom_levels import THERE, WORSE
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.post import post_staff
from bot.dialog.replies import TapResult
from bot.dialog.staff_alerts import may_change
from bot.dialog.staff_times import shown_time, shown_word
from bot.dialog.widgets import button, rows

LEVEL_KIND = "levels"
"""The kind of action on a patient's levels; `subject` is their number, `question` the symptom.

`choice` begins with the letter of the decision, and then says when its message was made.
"""
LISTED = 12
"""Symptoms in one message at most, to fit a phone; the console has all."""
_LETTERS: Mapping[str, str] = {"c": "confirm", "r": "reject", "a": "accept", "d": "decline"}
_DECISIONS: Mapping[str, Callable[..., object]] = {
    "confirm": references.confirm_reference,
    "reject": references.reject_reference,
    "accept": usual_signs.accept_usual_sign,
}


def levels_button(patient: Patient) -> Button:
    """Return the button that opens a patient's concerns and levels."""
    return button("staff.do.levels", Action(kind=LEVEL_KIND, subject=patient.id, choice="open"))


def tapped(work: Work, person: Staff, action: Action) -> TapResult | None:
    """Show a patient's levels, or decide about one; None if the button has no effect for this member."""
    patient = work.patients.get(action.subject, lock=True)
    if patient is None or not may_change(person):
        return None
    word, acting = action.choice, work.acting(person.name)
    try:
        if word == "baseline":
            new_baseline.take_baseline(acting, patient.code)
        elif word != "open":
            _decide(acting, patient, action)
    except RefusedError as error:
        _post(work, person, Screen(name="staff.line", lines=(Text(key="staff.refused", values={"why": str(error)}),)))
        return TapResult(language=person.language)
    work.acting(person.name).record("patient_looked_up", patient.code)
    _post(work, person, levels_screen(work, patient, person))
    return TapResult(toast=Text(key="toast.noted") if word != "open" else None, language=person.language)


def levels_screen(work: Work, patient: Patient, reader: Staff) -> Screen:
    """Return a patient's concerns and levels for one reader: what waits for a decision first."""
    found = level_view.level_lines(work, patient.code)
    waiting = [line for line in found if line.needs_staff]
    lines = [Text(key="staff.levels", values={"code": patient.code})]
    made: list[Button] = []
    if work.clinic.staff_answers:
        lines += [_line(work.clinic, line) for line in found[:LISTED]]
        for line in waiting[:LISTED]:
            made += _buttons(work.clinic, patient, line, reader, shown_word(work.at))
    if not found:
        lines.append(Text(key="staff.levels.nothing"))
    if waiting:
        lines.append(Text(key="staff.levels.waiting", values={"n": len(waiting)}))
    if work.clinic.console_url is not None:
        page = f"{work.clinic.console_url}/console/patients/{patient.code}#levels"
        made.append(Button(label=Text(key="staff.do.console"), url=page))
    made.append(button("staff.do.baseline", Action(kind=LEVEL_KIND, subject=patient.id, choice="baseline")))
    return Screen(name="staff.levels", lines=tuple(lines), rows=rows(made))


def _decide(work: Work, patient: Patient, action: Action) -> None:
    """Carry out the decision of a button; raise RefusedError if it is not possible any more."""
    decision = _LETTERS.get(action.choice[:1], "")
    if decision == "decline":
        usual_signs.decline_usual_sign(work, patient.code, action.question)
    elif decision in _DECISIONS:
        _DECISIONS[decision](work, patient.code, action.question, shown_at=shown_time(action.choice[1:]))


def _line(clinic: Clinic, line: LevelLine) -> Text:
    key = "named" if line.confirm_until is not None else "ended" if line.is_for_decision else line.state
    key = "proposed" if line.proposed is not None else key
    level = line.proposed or (line.reference or line.agreed if line.is_for_decision else line.level)
    values: dict[str, str | int | Text] = {
        "symptom": _symptom(clinic, line.symptom),
        "level": _level(clinic, line.symptom, level),
        "who": line.proposed_by or "",
    }
    return Text(key=f"staff.levels.{key}", values=values)


def _symptom(clinic: Clinic, symptom_id: str) -> Text:
    return Text(key=f"symptom.{symptom_id}" if symptom_id in clinic.protocol.symptoms else "symptom.unknown")


def _level(clinic: Clinic, symptom_id: str, word: str | None) -> Text:
    symptom = clinic.protocol.symptoms.get(symptom_id)
    if word in {None, THERE, WORSE, NOTHING} or symptom is None or symptom.question is None:
        return Text(key=f"staff.level.{word or NOTHING}")
    question = clinic.protocol.questions.get(symptom.question)
    choice = question.choice(word or "") if question is not None else None
    text = choice.text if choice is not None and choice.text is not None else f"choice.{symptom.question}.{word}"
    return Text(key=text)


def _buttons(clinic: Clinic, patient: Patient, line: LevelLine, reader: Staff, shown: str) -> Iterator[Button]:
    def made(key: str, letter: str, style: Style = Style.PLAIN) -> Button:
        label = Text(key=f"staff.do.{key}", values={"symptom": _symptom(clinic, line.symptom)})
        action = Action(kind=LEVEL_KIND, subject=patient.id, question=line.symptom, choice=f"{letter}{shown}")
        return Button(label=label, action=action, style=style)

    if line.proposed is not None:
        if line.proposed_by != reader.name:
            yield made("level_accept", "a", Style.SUCCESS)
        yield made("level_decline", "d")
        return
    yield made("level_confirm", "c", Style.SUCCESS)
    yield made("level_reject", "r")


def _post(work: Work, person: Staff, screen: Screen) -> None:
    post_staff(work, person, screen, slot=screen.name, lane=Lane.REPLY)
