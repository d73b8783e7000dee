"""Marks the buttons about an alert with when their message was made: a reply counts for what it named."""

from bot.app.alerts.messages import Asked, asked_at
from bot.app.records.alerts import AlertRow
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen

KIND = "alert"
"""The kind of action of an alert's buttons; `subject` is its number, `choice` the reply."""


def marked(work: Work, screen: Screen, alert: AlertRow | None, repeats: Action | None = None) -> Screen:
    """Return the screen, made at `work.at`. `repeats`: the button that it answers, whose message it only repeats."""
    if alert is None:
        return screen
    first = f"{asked_of(repeats).first.age:x}" if repeats is not None else ""
    changes = {"revision": asked_at(alert, work.at).age, "question": first}
    made = (tuple(_with(button, alert, changes) for button in row) for row in screen.rows)
    return screen.model_copy(update={"rows": tuple(made)})


def _with(button: Button, alert: AlertRow, changes: dict[str, object]) -> Button:
    action = button.action
    if action is None or (action.kind, action.subject) != (KIND, alert.id):
        return button
    return button.model_copy(update={"action": action.model_copy(update=changes)})


def asked_of(action: Action) -> Asked:
    """Return the message of a tapped button about an alert."""
    return Asked(action.revision, int(action.question, 16) if action.question else None)
