"""Tells the buttons of two patients in one chat apart: a patient's own, and those of the person whom they help."""

from bot.app.chat_roles import OWN
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Text

ABOUT_THE_READER = ("care.", "call.despair")
"""Screens that a caregiver gets as themselves."""
HEAD = "caregiver.head"
"""The key of the first line of a screen for a caregiver. It is also the mark of one, in messages that are stored."""
WITHOUT_SUBJECT = frozenset({"menu", "tip", "learn", "set", "page", "city", "care"})
"""Kinds of action that are about no check-in and no alert: a caregiver's have the patient's id as `subject`."""
_OWN = frozenset({"stop", "phone"})
"""Kinds of action that only a patient's own chats have, and have after they have left, too."""


def for_caregiver(screen: Screen, patient: Patient) -> Screen:
    """Return the screen as a caregiver gets it: a line on whom it is about, and buttons that say so, too.

    With that line, its texts speak of the patient in the third person.
    """
    marked = screen.model_copy(update={"rows": tuple(tuple(_marked(b, patient) for b in row) for row in screen.rows)})
    if screen.contact is not None or screen.keyboard == "remove" or screen.name.startswith(ABOUT_THE_READER):
        return marked
    head = (Text(key=HEAD), *((Text(key="caregiver.tip"),) if screen.name == "tip" else ()))
    return marked.model_copy(update={"lines": (*head, *screen.lines)})


def is_for_caregiver(screen: Screen) -> bool:
    """Return whether a screen tells a caregiver about the patient."""
    return any(line.key == HEAD for line in screen.lines[:1])


def _marked(button: Button, patient: Patient) -> Button:
    action = button.action
    if action is None or action.kind not in WITHOUT_SUBJECT or action.subject:
        return button
    return button.model_copy(update={"action": action.model_copy(update={"subject": patient.id})})


def patient_of(work: Work, action: Action | None) -> int:
    """Return the id of the patient whom a button is about; 0 if it does not say, or nothing was tapped; or OWN."""
    if action is None:
        return 0
    if action.kind in _OWN:
        return OWN
    if action.kind in WITHOUT_SUBJECT:
        return action.subject
    row = (work.alerts if action.kind == "alert" else work.checkins).get(action.subject)
    return row.patient_id if row is not None else 0
