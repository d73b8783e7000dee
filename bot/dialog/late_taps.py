"""Decides which taps may be processed long after they were made, as when staff retry an update."""

from bot.core.screen import Action
from bot.dialog import checkins

_ASKS_FOR_HELP = frozenset(
    {("menu", "worse"), ("alert", "not_yet"), ("alert", "cannot_reach"), ("alert", "cannot_call")}
)
"""Kind and choice of taps that can only make the bot more cautious."""


def is_safe_late(action: Action) -> bool:
    """Return whether a tap may be processed late: it names the screen it was on, or asks for help.

    Any other tap could undo later ones: "I have called" ends the questions, "delete everything" deletes.
    """
    return action.kind in checkins.KINDS or (action.kind, action.choice) in _ASKS_FOR_HELP
