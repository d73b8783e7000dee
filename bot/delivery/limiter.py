"""The sending budget as pure functions over the row that replicas share. It sends nothing and reads no clock.

The generic cell rate algorithm (ITU-T I.371): one moment a budget, the arrival time, stands for all that was sent. Each
message moves it one interval on; it may run ahead of the present by the burst. A chat's moment is kept shifted by its
burst, as the moment from which the chat may be written to, because that is what the store compares when it claims.
"""

from datetime import datetime, timedelta

from bot.app.store import Lane, LimiterRow
from bot.delivery.lanes import BULK, PUBLISHED, Pace


def grant(row: LimiterRow, lane: Lane, at: datetime, pace: Pace = PUBLISHED) -> tuple[LimiterRow, datetime | None]:
    """Take one message: the row to save and None, or the row as it was and the moment (UTC) to ask again."""
    ready = ready_at(row, lane, at, pace)
    if ready > at:
        return row, ready
    row = _trusted(row, at, pace)
    taken = {"all_free_at": max(row.all_free_at, at) + pace.every}
    if lane in BULK:
        taken["bulk_free_at"] = max(row.bulk_free_at, at) + pace.bulk_every
    return row.model_copy(update=taken), None


def ready_at(row: LimiterRow, lane: Lane, at: datetime, pace: Pace = PUBLISHED) -> datetime:
    """Return the moment from which one message of the lane may go; `at` or earlier: now."""
    row = _trusted(row, at, pace)
    if lane not in BULK:
        return row.all_free_at - (pace.burst - 1) * pace.every
    return max(
        row.all_free_at - (pace.bulk_burst - 1) * pace.every,
        row.bulk_free_at - (pace.bulk_burst - 1) * pace.bulk_every,
        row.bulk_stopped_until,
    )


def room(row: LimiterRow, lane: Lane, at: datetime, most: int, pace: Pace = PUBLISHED) -> int:
    """Return how many messages of the lane may go now, at most `most`."""
    for taken in range(most):
        row, wait = grant(row, lane, at, pace)
        if wait is not None:
            return taken
    return max(most, 0)


def stop_bulk(row: LimiterRow, until: datetime) -> LimiterRow:
    """Hold the bulk lanes until that moment; a longer stop stays."""
    return row.model_copy(update={"bulk_stopped_until": max(row.bulk_stopped_until, until)})


def grant_chat(
    free_at: datetime | None, at: datetime, *, group: bool, edit: bool = False, pace: Pace = PUBLISHED
) -> datetime:
    """Return from when the chat may be written to again after a message at `at`; `free_at` None: never written to."""
    every, burst = _chat_pace(pace, group=group)
    cost = min(pace.edit_every, every) if edit else every
    rested = at - (burst - 1) * every
    return max(free_at or rested, rested) + cost


def is_rested(free_at: datetime | None, at: datetime, *, group: bool, pace: Pace = PUBLISHED) -> bool:
    """Whether the chat has its whole burst, so that what Telegram refuses now can't be for the chat's sake."""
    every, burst = _chat_pace(pace, group=group)
    return free_at is None or free_at <= at - (burst - 1) * every


def stop_chat(free_at: datetime | None, until: datetime) -> datetime:
    """Hold one chat until that moment; a longer stop stays."""
    return until if free_at is None else max(free_at, until)


def _chat_pace(pace: Pace, *, group: bool) -> tuple[timedelta, int]:
    return (pace.group_every, pace.group_burst) if group else (pace.private_every, pace.private_burst)


def _trusted(row: LimiterRow, at: datetime, pace: Pace) -> LimiterRow:
    """Forget arrival times that no message can have set: a clock set back must not hold a red flag."""
    limit = at + pace.skew
    changed = {name: at for name in ("all_free_at", "bulk_free_at") if getattr(row, name) > limit}
    return row.model_copy(update=changed) if changed else row
