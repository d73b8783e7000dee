"""Corrects each patient's memory for jumps of the clock, whenever it is read. Stores nothing.

So no memory is used that was not corrected, and a jump costs no more than the patients who do something.
"""

from datetime import timedelta

from bot.app.ports.concerns import ConcernStore
from bot.app.records.concerns import ClockJump, MemoryRow
from bot.core.clock_jump import after_jump, not_ahead
from bot.core.concern_values import Rules


def corrected(concerns: ConcernStore, row: MemoryRow, rules: Rules) -> MemoryRow:
    """Return what is remembered, corrected for every jump of the clock since it was stored; stores nothing."""
    for jump in concerns.jumps_after(row.last_jump):
        row = _after(row, jump, rules)
    return row


def _after(row: MemoryRow, jump: ClockJump, rules: Rules) -> MemoryRow:
    by = timedelta(seconds=jump.back_by)
    heard = {
        checkin: {s: h.model_copy(update={"at": not_ahead(h.at, jump.at, by)}) for s, h in symptoms.items()}
        for checkin, symptoms in row.heard.checkins.items()
    }
    seen_at = not_ahead(row.heard.seen_at, jump.at, by) if row.heard.seen_at is not None else None
    return row.model_copy(
        update={
            "value": after_jump(row.value, rules, jump.at, by),
            "heard": row.heard.model_copy(update={"checkins": heard, "seen_at": seen_at}),
            "last_jump": jump.id,
        }
    )
