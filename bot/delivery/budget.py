"""Takes messages to send out of the store, within lanes and paces, and writes back how each attempt ended.

Both are plain functions on one open transaction. A claim takes the budget in the same transaction, and never more than
can be sent at once: what is claimed early would stand in the way of a red flag that comes a moment later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.app.store import Claim, Lane, LimiterRow, Store
from bot.delivery import limiter, metrics
from bot.delivery.lanes import BULK, URGENT, Pace
from bot.delivery.verdicts import End, Stop, Verdict

OnPermanent = Callable[[Store, int, datetime], None]
GONE_TRIES = 5
"""So often it is sent in all, a lease apart, while what is to be done about a chat that is gone fails."""


@dataclass(frozen=True)
class Slots:
    """How many messages may be put under way now. Bulk leaves some of the urgent ones' places free."""

    urgent: int
    bulk: int


@dataclass(frozen=True)
class Taken:
    """One message to send. `rested`: a 429 can't be for its chat, which had its whole burst, or the bot is stopped."""

    claim: Claim
    rested: bool


@dataclass(frozen=True)
class Round:
    """What a claim found. `ready_at`: when the budget lets more go; None: what is left waits for something else."""

    taken: tuple[Taken, ...]
    ready_at: datetime | None


@dataclass(frozen=True)
class Lease:
    """Whose claim it is, for how long, and what that sender has under way, also if it is free again for all others."""

    owner: str
    lasts: timedelta
    under_way: frozenset[int]


def take(store: Store, now: Callable[[], datetime], slots: Slots, lease: Lease, pace: Pace) -> Round:
    """Claim what may go now, urgent lanes first.

    `now` is asked once the budget is this transaction's own: whoever waited for it and claimed as of before would spend
    what was free then together with what became free meanwhile.
    """
    store.expire_outbox(now())
    before = store.limiter()
    at = now()
    urgent, budget, ready = _take_lanes(store, before, URGENT, slots.urgent, at, lease, pace)
    bulk, budget, bulk_ready = _take_lanes(store, budget, BULK, slots.bulk - len(urgent), at, lease, pace)
    if budget != before:
        store.save_limiter(budget)
    moments = [moment for moment in (ready, bulk_ready) if moment is not None]
    # While Telegram stops the whole bot, a further 429 is no chat's own.
    stopped = before.bulk_stopped_until > at
    return Round(_pace_chats(store, [*urgent, *bulk], at, pace, stopped=stopped), min(moments, default=None))


def _take_lanes(
    store: Store, budget: LimiterRow, lanes: Sequence[Lane], places: int, at: datetime, lease: Lease, pace: Pace
) -> tuple[Sequence[Claim], LimiterRow, datetime | None]:
    """Return the claims, the budget after them, and when there will be more of it if it was what set the limit."""
    if places <= 0:
        return (), budget, None
    most = limiter.room(budget, lanes[0], at, places, pace)
    claims: Sequence[Claim] = ()
    if most:
        until, mine = at + lease.lasts, lease.under_way
        claims = store.claim_outbox(at, lanes=lanes, limit=most, owner=lease.owner, lease_until=until, but_for=mine)
    for claim in claims:
        budget, _ = limiter.grant(budget, claim.row.lane, at, pace)
    short = most < places and len(claims) == most
    return claims, budget, limiter.ready_at(budget, lanes[0], at, pace) if short else None


def _pace_chats(store: Store, claims: Sequence[Claim], at: datetime, pace: Pace, *, stopped: bool) -> tuple[Taken, ...]:
    """Take each message from its chat's own budget, too."""
    if not claims:
        return ()
    before = store.chat_free_at([claim.row.chat_id for claim in claims])
    after: dict[int, datetime] = {}
    taken = []
    for claim in claims:
        chat, group = claim.row.chat_id, is_group(claim.row.chat_id)
        edit = claim.row.mode == "edit" and claim.message_id is not None
        after[chat] = limiter.grant_chat(before.get(chat), at, group=group, edit=edit, pace=pace)
        rested = stopped or limiter.is_rested(before.get(chat), at, group=group, pace=pace)
        taken.append(Taken(claim, rested))
    store.save_chat_free_at(after)
    return tuple(taken)


def is_group(chat_id: int) -> bool:
    """Whether the chat is a group or channel: Telegram gives those negative ids."""
    return chat_id < 0


@dataclass(frozen=True)
class Books:
    """What is needed to write an end down. `speed`: clock seconds a real second."""

    owner: str
    speed: float
    on_permanent: OnPermanent


def write_end(store: Store, claim: Claim, verdict: Verdict, at: datetime, books: Books) -> None:
    """Write how an attempt ended at `at`."""
    row = claim.row
    if verdict.stops is not None:
        _stop(store, row.chat_id, verdict.stops, at + verdict.stops_for * books.speed)
    match verdict.end:
        case End.SENT:
            store.mark_sent(row.id, owner=books.owner, message_id=verdict.message_id, at=at)
        case End.GONE:
            store.mark_failed(row.id, error=verdict.error, at=at)
            if (error := store.attempt(lambda: books.on_permanent(store, row.chat_id, at))) is not None:
                metrics.SENDER_ERRORS.labels("gone").inc()
                if claim.attempt < GONE_TRIES:
                    raise error
        case End.REFUSED:
            store.mark_failed(row.id, error=verdict.error, at=at)
        case End.ANEW:
            store.forget_slot(row.chat_id, row.slot)
            store.mark_retry(row.id, owner=books.owner, not_before=at, error=verdict.error)
        case End.RETRY:
            again = at + verdict.wait * books.speed
            store.mark_retry(row.id, owner=books.owner, not_before=again, error=verdict.error)


def _stop(store: Store, chat_id: int, stops: Stop, until: datetime) -> None:
    if stops is Stop.BULK:
        store.save_limiter(limiter.stop_bulk(store.limiter(), until))
        return
    free_at = store.chat_free_at([chat_id]).get(chat_id)
    store.save_chat_free_at({chat_id: limiter.stop_chat(free_at, until)})
