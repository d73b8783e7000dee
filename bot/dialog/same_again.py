"""Shows "Same as last time" above the choices of a question, with what was answered then. Decides nothing.

The button carries its answers, so it records what it says, as if those choices were tapped.
"""

from bot.app.checkins.last_time import LastTime, last_time
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Text
from bot.dialog.widgets import choice_text

KIND = "same"
"""The kind of action of the button; `choice` is the answer, and after a "+" that to the question that follows."""
MOST_CHARACTERS = 38
"""What kind, question and choice may have together in a button (see `bot/chat/buttons.py`)."""


def with_last_time(work: Work, patient: Patient, row: CheckInRow, screen: Screen) -> Screen:
    """Return a screen of the check-in with the button first, and a line on what it answers; unchanged without one."""
    offered = last_time(work, patient, row)
    if offered is None:
        return screen
    label = Text(key="button.same", values={"answer": choice_text(offered.question, offered.level)})
    made = Button(label=label, action=action_of(row, offered))
    lines = (*screen.lines, _line(offered))
    return screen.model_copy(update={"lines": lines, "rows": ((made,), *screen.rows)})


def action_of(row: CheckInRow, offered: LastTime) -> Action:
    """Return the tap that answers as last time."""
    choice = f"{offered.level}+{offered.then_level}" if answers_both(offered) else offered.level
    revision = row.value.revision
    return Action(kind=KIND, subject=row.id, revision=revision, question=offered.question.id, choice=choice)


def answers_both(offered: LastTime) -> bool:
    """Return whether the button answers the question that follows, too: both ids have to fit into it."""
    both = f"{KIND}{offered.question.id}{offered.level}+{offered.then_level}"
    return offered.then is not None and len(both) <= MOST_CHARACTERS


def _line(offered: LastTime) -> Text:
    first = choice_text(offered.question, offered.level)
    if offered.then is None or not answers_both(offered):
        return Text(key="checkin.last_time", values={"answer": first})
    then = choice_text(offered.then, offered.then_level)
    return Text(key="checkin.last_time.both", values={"answer": first, "then": then})
