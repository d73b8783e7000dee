"""Answers a red button in a chat that is nobody's any more: an old phone, a former helper. Raises nothing.

The button's signature says that it was sent to this chat, so that somebody was asked here before.
"""

from bot.app.records.messages import Lane
from bot.app.work import Work
from bot.core.screen import Action, Screen, Text
from bot.dialog import checkins
from bot.dialog.post import STRANGERS, enqueue
from bot.dialog.replies import TapResult
from bot.dialog.widgets import numbers


def tapped(work: Work, chat_id: int, action: Action) -> TapResult | None:
    """Show both numbers, in each language of the clinic, for this chat's is not known; None if the button isn't red."""
    is_worse = (action.kind, action.choice) == ("menu", "worse")
    if not (is_worse or action.kind in {"alert", "help_now"} or checkins.says_yes(work, action)):
        return None
    said = (Text(key="stranger.numbers", values=numbers(work.clinic), language=one) for one in work.clinic.languages)
    screen = Screen(name="stranger.numbers", lines=tuple(said))
    language = work.clinic.languages[0]
    enqueue(work, chat_id, language, screen, slot=STRANGERS, lane=Lane.RED_FLAG)
    return TapResult(toast=Text(key="toast.call_now"), language=language)
