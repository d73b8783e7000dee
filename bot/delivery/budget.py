"""Claims messages from the outbox within lanes and rate limits, and renews their leases.

All are plain functions in one open transaction. A claim charges the budget in the same transaction, and never takes
more than can be sent at once: messages claimed early would delay a red flag that is queued just after them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.app.records.messages import Claim, Lane, LimiterRow
from bot.app.work import Stores
from bot.delivery import limiter
from bot.delivery.lanes import BULK, URGENT, RateLimits


@dataclass(frozen=True)
class Capacity:
    """How many messages may be put in flight now. Bulk leaves some places free for urgent messages."""

    urgent: int
    bulk: int


@dataclass(frozen=True)
class ClaimedMessage:
    """One message to send.

    `has_full_burst`: a 429 can't be due to its chat, because the chat's burst is unused or the whole bot is paused.
    """

    claim: Claim
    has_full_burst: bool


@dataclass(frozen=True)
class ClaimBatch:
    """The claimed messages. `ready_at`: when the budget allows more; None: the other rows wait for something else."""

    messages: tuple[ClaimedMessage, ...]
    ready_at: datetime | None


@dataclass(frozen=True)
class Lease:
    """The claim's owner and duration, and the outbox ids that this sender has in flight.

    The sender never claims those again, even if their leases have expired.
    """

    owner: str
    duration: timedelta
    in_flight: frozenset[int]


def claim_batch(
    stores: Stores, now: Callable[[], datetime], capacity: Capacity, lease: Lease, limits: RateLimits
) -> ClaimBatch:
    """Claim the messages that may be sent now, urgent lanes first.

    Read `now` again once this transaction holds the budget row: a transaction that waited for the row and claimed as of
    an earlier time would spend what was free then together with what became free meanwhile.
    """
    stores.outbox.expire(now())
    before = stores.limits.budget()
    at = now()
    urgent, budget, ready = _claim_lanes(stores, before, URGENT, capacity.urgent, at, lease, limits)
    bulk, budget, bulk_ready = _claim_lanes(stores, budget, BULK, capacity.bulk - len(urgent), at, lease, limits)
    if budget != before:
        stores.limits.save_budget(budget)
    ready_times = [time for time in (ready, bulk_ready) if time is not None]
    # While Telegram limits the whole bot, a further 429 isn't due to one chat.
    paused = before.bulk_stopped_until > at
    messages = _charge_chats(stores, [*urgent, *bulk], at, limits, paused=paused)
    return ClaimBatch(messages, min(ready_times, default=None))


def _claim_lanes(
    stores: Stores,
    budget: LimiterRow,
    lanes: Sequence[Lane],
    wanted: int,
    at: datetime,
    lease: Lease,
    limits: RateLimits,
) -> tuple[Sequence[Claim], LimiterRow, datetime | None]:
    """Return the claims, the remaining budget, and, if the budget was what limited the claim, when it allows more."""
    if wanted <= 0:
        return (), budget, None
    limit = limiter.available(budget, lanes[0], at, wanted, limits)
    claims: Sequence[Claim] = ()
    if limit:
        until, mine = at + lease.duration, lease.in_flight
        claims = stores.outbox.claim(at, lanes=lanes, limit=limit, owner=lease.owner, lease_until=until, but_for=mine)
    for claim in claims:
        budget = limiter.charge(budget, claim.row.lane, at, limits, calls=claim.calls)
    is_limited = limit < wanted and len(claims) == limit
    return claims, budget, limiter.ready_at(budget, lanes[0], at, limits) if is_limited else None


def _charge_chats(
    stores: Stores, claims: Sequence[Claim], at: datetime, limits: RateLimits, *, paused: bool
) -> tuple[ClaimedMessage, ...]:
    """Charge each message to its chat's budget as well."""
    if not claims:
        return ()
    before = stores.limits.chats_free_at([claim.row.chat_id for claim in claims])
    after: dict[int, datetime] = {}
    messages = []
    for claim in claims:
        chat, group = claim.row.chat_id, is_group(claim.row.chat_id)
        edit = claim.row.mode != "new" and claim.message_id is not None
        free_at, calls = before.get(chat), claim.calls
        after[chat] = limiter.grant_chat(free_at, at, group=group, edit=edit, calls=calls, limits=limits)
        has_full_burst = paused or limiter.has_full_burst(before.get(chat), at, group=group, limits=limits)
        messages.append(ClaimedMessage(claim, has_full_burst))
    stores.limits.save_chats_free_at(after)
    return tuple(messages)


def is_group(chat_id: int) -> bool:
    """Return whether the chat is a group or channel: Telegram gives those negative ids."""
    return chat_id < 0


def renew_leases(
    in_flight_ids: Sequence[int], at: datetime, duration: timedelta, owner: str, stores: Stores, *, release_others: bool
) -> None:
    """Renew the leases of in-flight messages; `release_others`: release all other claims of this owner."""
    stores.outbox.renew(in_flight_ids, owner=owner, until=(stores.clock.shared_now() or at) + duration)
    if release_others:
        stores.outbox.release_unknown(owner=owner, but_for=in_flight_ids)
