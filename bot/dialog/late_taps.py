"""Which taps still mean the same long after they were made, as when an update is retried by hand."""

from bot.core.screen import Action
from bot.dialog import checkins

_ASKS_FOR_HELP = frozenset(
    {("menu", "worse"), ("alert", "not_yet"), ("alert", "cannot_reach"), ("alert", "cannot_call")}
)
"""Kind and choice of taps that only ever make the bot more careful."""


def holds_later(action: Action) -> bool:
    """Whether a tap may be handled long after: it names the screen it was on, or asks for help.

    Any other would undo what was tapped since: "I have called" ends the questions, "delete everything" deletes it.
    """
    return action.kind in checkins.KINDS or (action.kind, action.choice) in _ASKS_FOR_HELP
