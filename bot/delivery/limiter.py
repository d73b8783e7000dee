"""The sending budget, as pure functions of the row that replicas share. It sends nothing and reads no clock.

This is the generic cell rate algorithm (ITU-T I.371): each budget is one timestamp, the theoretical arrival time. Each
message moves it forward by one interval; it may run ahead of the present by the burst. A chat's timestamp is stored
shifted by its burst, as the time from which the chat may be written to, because the store compares that when it claims.
"""

from datetime import datetime, timedelta

from bot.app.records.messages import Lane, LimiterRow
from bot.delivery.lanes import BULK, TELEGRAM_LIMITS, RateLimits


def grant(
    row: LimiterRow, lane: Lane, at: datetime, limits: RateLimits = TELEGRAM_LIMITS, *, calls: int = 1
) -> tuple[LimiterRow, datetime | None]:
    """Charge one message to the budget, with so many calls; after the first of them it may go into debt.

    Return the row to save and None, or, when the budget is used up, the unchanged row and the time (UTC) to ask again.
    """
    ready = ready_at(row, lane, at, limits)
    if ready > at:
        return row, ready
    return charge(row, lane, at, limits, calls=calls), None


def charge(
    row: LimiterRow, lane: Lane, at: datetime, limits: RateLimits = TELEGRAM_LIMITS, *, calls: int = 1
) -> LimiterRow:
    """Charge a message that goes in any case, whatever the budget: the next ones wait for what is missing."""
    row = _without_implausible_times(row, at, limits)
    spent = {"all_free_at": max(row.all_free_at, at) + calls * limits.interval}
    if lane in BULK:
        spent["bulk_free_at"] = max(row.bulk_free_at, at) + calls * limits.bulk_interval
    return row.model_copy(update=spent)


def ready_at(row: LimiterRow, lane: Lane, at: datetime, limits: RateLimits = TELEGRAM_LIMITS) -> datetime:
    """Return the time from which one message of the lane may be sent; `at` or earlier means now."""
    row = _without_implausible_times(row, at, limits)
    if lane not in BULK:
        return row.all_free_at - (limits.burst - 1) * limits.interval
    return max(
        row.all_free_at - (limits.bulk_burst - 1) * limits.interval,
        row.bulk_free_at - (limits.bulk_burst - 1) * limits.bulk_interval,
        row.bulk_stopped_until,
    )


def available(row: LimiterRow, lane: Lane, at: datetime, limit: int, limits: RateLimits = TELEGRAM_LIMITS) -> int:
    """Return how many messages of the lane may be sent now, at most `limit`."""
    for granted in range(limit):
        row, wait = grant(row, lane, at, limits)
        if wait is not None:
            return granted
    return max(limit, 0)


def pause_bulk(row: LimiterRow, until: datetime) -> LimiterRow:
    """Pause the bulk lanes until `until`; a longer pause remains."""
    return row.model_copy(update={"bulk_stopped_until": max(row.bulk_stopped_until, until)})


def grant_chat(
    free_at: datetime | None,
    at: datetime,
    *,
    group: bool,
    edit: bool = False,
    calls: int = 1,
    limits: RateLimits = TELEGRAM_LIMITS,
) -> datetime:
    """Return when the chat may be written to again after a message at `at`; `free_at` is None for a new chat."""
    interval, burst = _chat_limits(limits, group=group)
    cost = min(limits.edit_interval, interval) if edit else interval
    full_burst_at = at - (burst - 1) * interval
    return max(free_at or full_burst_at, full_burst_at) + calls * cost


def has_full_burst(
    free_at: datetime | None, at: datetime, *, group: bool, limits: RateLimits = TELEGRAM_LIMITS
) -> bool:
    """Return whether the chat's burst is unused, so that a 429 now can't be due to this chat's limit."""
    interval, burst = _chat_limits(limits, group=group)
    return free_at is None or free_at <= at - (burst - 1) * interval


def _chat_limits(limits: RateLimits, *, group: bool) -> tuple[timedelta, int]:
    return (limits.group_interval, limits.group_burst) if group else (limits.private_interval, limits.private_burst)


def _without_implausible_times(row: LimiterRow, at: datetime, limits: RateLimits) -> LimiterRow:
    """Reset arrival times that no message can have set: a clock that was set back must not delay a red flag."""
    limit = at + limits.max_clock_skew
    changed = {name: at for name in ("all_free_at", "bulk_free_at") if getattr(row, name) > limit}
    return row.model_copy(update=changed) if changed else row
