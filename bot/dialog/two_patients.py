"""Tells the buttons of two patients in one chat apart: a patient's own, and those of the person whom they help."""

from bot.app.chat_roles import OWN
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Text

ABOUT_THE_READER = ("care.", "call.despair")
"""Screens that a caregiver gets as themselves."""
WITHOUT_SUBJECT = frozenset({"menu", "tip", "learn", "set", "page", "city", "care"})
"""Kinds of action that are about no check-in and no alert: a caregiver's have the patient's id as `subject`."""
_OWN = frozenset({"stop", "phone"})
"""Kinds of action that only a patient's own chats have, and have after they have left, too."""


def for_caregiver(screen: Screen, patient: Patient) -> Screen:
    """Return the screen as a caregiver gets it: a line on whom it is about, and buttons that say so, too."""
    marked = screen.model_copy(update={"rows": tuple(tuple(_marked(b, patient) for b in row) for row in screen.rows)})
    if screen.contact is not None or screen.keyboard is not None or screen.name.startswith(ABOUT_THE_READER):
        return marked
    return marked.model_copy(update={"lines": (Text(key="caregiver.head"), *screen.lines)})


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
