"""The door from the chat into the use cases: one function a kind of update. Each runs in one open transaction.

Every function leaves the patient with something on the screen: a stale, doubled or foreign tap changes nothing and
shows where they are now.
"""

from datetime import datetime
from typing import Literal

from bot.app.ports import Clinic, Outcome
from bot.app.store import Store
from bot.core.screen import Action

Command = Literal["menu", "help", "privacy", "stop", "worse", "tips", "team"]


def start(store: Store, clinic: Clinic, chat_id: int, payload: str, language_hint: str | None, at: datetime) -> Outcome:
    """Answer /start: with an invite's token as payload, or without ("")."""
    raise NotImplementedError


def tap(store: Store, clinic: Clinic, chat_id: int, action: Action, at: datetime) -> Outcome:
    """Answer a tapped button whose signature was good for this chat."""
    raise NotImplementedError


def stale_tap(store: Store, clinic: Clinic, chat_id: int, at: datetime) -> Outcome:
    """Answer a tap that could not be read (old format, foreign, forged): show where they are now."""
    raise NotImplementedError


def command(store: Store, clinic: Clinic, chat_id: int, name: Command, at: datetime) -> Outcome:
    """Answer a command or a button of the reply keyboard."""
    raise NotImplementedError


def said(store: Store, clinic: Clinic, chat_id: int, at: datetime) -> Outcome:
    """Answer words, pictures, voice: "I can't read messages". What was said never comes here, so it can't be kept."""
    raise NotImplementedError


def membership(store: Store, clinic: Clinic, chat_id: int, *, reachable: bool, at: datetime) -> Outcome:
    """The patient blocked or unblocked the bot; also called when sending fails for good."""
    raise NotImplementedError
