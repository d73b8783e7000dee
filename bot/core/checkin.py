"""The check-in: its states, inputs and the table of transitions."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from bot.core.protocol import Answers, Tier
from bot.core.screen import Frozen


class State(StrEnum):
    """Where a check-in stands."""

    ASKING = "asking"
    PAUSED = "paused"
    """URGENT was raised: the call screen stands, going on or finishing is offered."""
    STOPPED = "stopped"
    """EMERGENCY was raised: only the steps marked `after_emergency` are still asked."""
    DONE = "done"
    EXPIRED = "expired"
    REPLACED = "replaced"


class CheckIn(Frozen):
    """One check-in of one patient. `raised`: the highest tier already acted on in it."""

    form: str
    state: State
    revision: int
    asked_revision: int
    """The revision at which the question at `cursor` was first shown; older taps are stale."""
    cursor: str | None
    answers: Answers
    raised: Tier = Tier.ROUTINE


