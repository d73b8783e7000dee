"""Records of what happened to a patient's concerns, in order: what is remembered can be derived from them again."""

from datetime import datetime

from bot.core.frozen import Frozen
from bot.core.memory import Memory


class WhatHappened(Frozen):
    """The happenings of one transaction, each as the name of its type and its fields as JSON.

    `start`: what was remembered before the first one, as converted from what older versions stored.
    """

    happenings: tuple[tuple[str, str], ...] = ()
    start: Memory | None = None


class ConcernEvent(Frozen):
    """What happened at one time, by the protocol of that time; `last_jump`: the last jump of the clock before it."""

    id: int = 0
    patient_id: int
    checkin_id: int | None
    what: WhatHappened
    last_jump: int
    protocol_hash: str
    at: datetime
