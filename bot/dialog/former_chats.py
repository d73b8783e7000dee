"""Answers chats that belong to nobody: strangers, and red buttons on an old phone or a former helper's. Raises nothing.

A button's signature says that it was sent to this chat, so that somebody was asked here before.
"""

from bot.app.records.messages import Lane
from bot.app.work import Work
from bot.core.screen import Action, Screen, Text
from bot.dialog import checkins
from bot.dialog.post import STRANGERS, enqueue, post_stranger
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


def answer_stranger(work: Work, chat_id: int, key: str, language_hint: str | None) -> TapResult:
    """Answer a chat that belongs to nobody, in the language of the phone if the clinic has it."""
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in work.clinic.languages else work.clinic.languages[0]
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(work.clinic)),))
    post_stranger(work, chat_id, language, screen)
    return TapResult(language=language)
