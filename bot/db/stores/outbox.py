"""The store of the outbox, in SQL: queueing and claiming. How a message ends is in outbox_ends.py."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    false,
    func,
    not_,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.sql.selectable import FromClause

from bot.app.records.messages import Claim, Lane, Outbox, OutboxState
from bot.db import tables as t
from bot.db.crypto import KeyringError, SealError
from bot.db.rows import (
    UNREADABLE_ROWS,
    Row,
)
from bot.db.stores.outbox_ends import PROMOTE, REPLACE, OutboxEnds
from bot.db.stores.outbox_shown import IS_SCREEN, OUTBOX, OutboxShown

_O = t.outbox.c

_MARGIN = timedelta(minutes=1)
"""How far beyond a new lease another lease may end: the clocks of replicas differ a little."""


def _leased(row: FromClause) -> ColumnElement[bool]:
    """Return the condition for an in-flight row: its lease is valid, and not from a clock that was set back since."""
    return and_(row.c.leased_until > bindparam("at"), row.c.leased_until <= bindparam("latest"))


def _fresh(row: FromClause) -> ColumnElement[bool]:
    return or_(row.c.not_after.is_(None), row.c.not_after >= bindparam("at"))


# -- slots

_IN_SLOT = (
    select(_O.id, _O.mode, _O.revision, _O.lane, _O.not_before, _O.attempt, _O.owner)
    .where(t.is_waiting(t.outbox), _O.chat_hash == bindparam("of_chat"), _O.slot == bindparam("of_slot"), IS_SCREEN)
    .order_by(_O.id)
    .with_for_update(key_share=True)
)
_DROP = (
    update(t.outbox)
    .where(t.is_waiting(t.outbox), _O.chat_hash == bindparam("of_chat"), _O.slot == bindparam("of_slot"))
    .values(state=OutboxState.REPLACED.value)
)
_earlier = t.outbox.alias("earlier")
_in_flight = t.outbox.alias("in_flight")
_rate_limit = t.chat_rate_limit
_ORDER = ("lane", "not_before", "id")


def _none(row: FromClause, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that no such row exists.

    NOT EXISTS would let PostgreSQL choose a join that reads all rows before it returns the first. IS NULL is estimated
    as so rare that it would read and sort all due rows.
    """
    found = select(true()).select_from(row).where(*where).limit(1).scalar_subquery()
    return not_(func.coalesce(found, false()))


_NONE_BEFORE = _none(
    _earlier,
    t.is_waiting(_earlier),
    _earlier.c.chat_hash == _O.chat_hash,
    _earlier.c.not_before <= bindparam("at"),
    _fresh(_earlier),
    tuple_(*(_earlier.c[name] for name in _ORDER)) < tuple_(*(_O[name] for name in _ORDER)),
)
_NONE_IN_FLIGHT = _none(
    _in_flight,
    _in_flight.c.chat_hash == _O.chat_hash,
    _leased(_in_flight),
    # A red flag is a new message in a slot of its own: it waits only for other red flags.
    or_(_O.lane > Lane.RED_FLAG.value, _in_flight.c.lane == Lane.RED_FLAG.value),
)
_NOT_RATE_LIMITED = _none(_rate_limit, _rate_limit.c.chat_hash == _O.chat_hash, _rate_limit.c.free_at > bindparam("at"))
_MESSAGE = (
    select(t.slot_message.c.message_id)
    .where(t.slot_message.c.chat_hash == _O.chat_hash, t.slot_message.c.slot == _O.slot)
    .scalar_subquery()
)
CLAIMABLE = (
    select(t.outbox, _MESSAGE.label("message_id"))
    .where(
        t.is_waiting(t.outbox),
        _O.lane == bindparam("of_lane"),
        _O.not_before <= bindparam("at"),
        _fresh(t.outbox),
        _O.id.not_in(bindparam("but_for", expanding=True)),
        _NONE_IN_FLIGHT,
        _NOT_RATE_LIMITED,
        _NONE_BEFORE,
    )
    .order_by(_O.not_before, _O.id)
    .limit(bindparam("top"))
    .with_for_update(of=t.outbox, skip_locked=True)
)
_LEASE = (
    update(t.outbox)
    .where(_O.id.in_(bindparam("of_rows", expanding=True)))
    .values(owner=bindparam("sender"), leased_until=bindparam("until"), attempt=_O.attempt + 1)
)
_ORPHANED = select(_O.id, _O.chat_hash, _O.slot, _O.mode, _O.revision).where(
    t.is_waiting(t.outbox),
    _O.chat_hash.in_(bindparam("of_chats", expanding=True)),
    _O.owner.is_not(None),
    _O.lane > Lane.RED_FLAG.value,
)
_LOCK_CHATS = text(
    "SELECT chat FROM unnest(CAST(:chats AS bigint[])) AS chat WHERE pg_try_advisory_xact_lock(chat)"
).columns(chat=BigInteger)
_CHATS_IN_FLIGHT = select(_O.chat_hash, _O.lane).where(
    _O.chat_hash.in_(bindparam("of_chats", expanding=True)), _leased(t.outbox)
)


def _is_superseded(old: Row, new: Outbox) -> bool:
    """Return whether an unsent message is superseded by one of a later revision; red flags take no part in it."""
    return bool(min(old["lane"], new.lane) > Lane.RED_FLAG.value and old["revision"] < new.revision)


def _supersedes(row: Row, orphaned: Row) -> bool:
    """Return whether an orphaned row (its sender died) is an earlier screen of the same slot."""
    same = all(row[name] == orphaned[name] for name in ("chat_hash", "slot"))
    later = row["mode"] == "edit" or (row["mode"] == "new" and row["revision"] > orphaned["revision"])
    return bool(same and later and row["id"] > orphaned["id"] and row["lane"] > Lane.RED_FLAG.value)


def _must_wait(lane: int, in_flight: Collection[int]) -> bool:
    """Return whether a row of that lane waits for the chat's in-flight rows: a red flag only for other red flags."""
    return Lane.RED_FLAG.value in in_flight if lane == Lane.RED_FLAG.value else bool(in_flight)


class SqlOutbox(OutboxEnds, OutboxShown):
    """See `bot.app.ports.outbox.OutboxStore`; the rest of it is in `OutboxEnds` and `OutboxShown`."""

    # -- queueing

    def enqueue(self, row: Outbox) -> int | None:
        chat = self._chat_hash(row.chat_id)
        if row.mode == "buttons":
            return self._insert_waiting(row, chat)
        unsent = self._all(_IN_SLOT, of_chat=chat, of_slot=row.slot)
        if any(other["revision"] > row.revision for other in unsent):
            return None
        waiting = [other for other in unsent if other["owner"] is None]
        edits = [other["id"] for other in waiting if other["mode"] == "edit"]
        if edits:
            self._run(REPLACE, of_rows=edits, timestamp=row.created_at)
        news = [other for other in waiting if other["mode"] == "new"]
        stays = news.pop() if row.mode == "edit" and news else None
        if old := [other["id"] for other in news if _is_superseded(other, row)]:
            # An older screen that is sent after a newer one would show an outdated state.
            self._run(REPLACE, of_rows=old, timestamp=row.created_at)
        if stays is not None:
            return self._replace_pending(stays, row)
        return self._insert_waiting(row, chat)

    def _insert_waiting(self, row: Outbox, chat: bytes) -> int:
        values = OUTBOX.values(row, self._keyring)
        values |= {"chat_hash": chat, "state": OutboxState.WAITING.value, "attempt": 0}
        return self._insert(OUTBOX, values)

    def _replace_pending(self, other: Row, row: Outbox) -> int:
        """Merge an edit into the unsent new message, so that it is sent once and no later than either was due."""
        values = OUTBOX.values(row, self._keyring)
        # A message that is waiting for a retry keeps its time, which Telegram or the backoff set.
        tried = other["attempt"] > 0
        values["not_before"] = other["not_before"] if tried else min(other["not_before"], row.not_before)
        values |= {"mode": "new", "lane": min(other["lane"], row.lane.value)}
        self._run(OUTBOX.update, of_row=other["id"], **values)
        return int(other["id"])

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        self._run(_DROP, of_chat=self._chat_hash(chat_id), of_slot=slot)

    # -- claiming

    def claim(
        self,
        at: datetime,
        *,
        lanes: Sequence[Lane],
        limit: int,
        owner: str,
        lease_until: datetime,
        but_for: Collection[int] = (),
    ) -> Sequence[Claim]:
        rows: list[Row] = []
        latest, not_these = lease_until + _MARGIN, sorted(but_for)
        for lane in sorted(set(lanes)):
            if len(rows) < limit:
                asked = {"of_lane": lane.value, "top": limit - len(rows)}
                rows += self._all(CLAIMABLE, **asked, at=at, latest=latest, but_for=not_these)
        if rows and self._dialect == "postgresql":
            rows = self._reserve(rows, at, latest)
        # The owner of an expired lease died or hangs: the pending edit is sent instead.
        rows = [row for row in rows if row["owner"] is None or not self._merge_into_pending(row, at)]
        rows = self._superseding(rows, at)
        if rows:
            self._run(_LEASE, of_rows=[row["id"] for row in rows], sender=owner, until=lease_until)
        claims = [self._claim(row, at) for row in rows]
        return [claim for claim in claims if claim is not None]

    def _reserve(self, rows: Sequence[Row], at: datetime, latest: datetime) -> list[Row]:
        """Keep two replicas from claiming rows of one chat: neither sees the other's lease before it is committed."""
        keys = {
            int.from_bytes(bytes(row["chat_hash"])[:8], "big", signed=True): bytes(row["chat_hash"]) for row in rows
        }
        got = {keys[row["chat"]] for row in self._all(_LOCK_CHATS, chats=list(keys))}
        found = self._all(_CHATS_IN_FLIGHT, of_chats=list(got), at=at, latest=latest) if got else []
        in_flight: defaultdict[bytes, set[int]] = defaultdict(set)
        for row in found:
            in_flight[bytes(row["chat_hash"])].add(row["lane"])
        return [
            row
            for row in rows
            if bytes(row["chat_hash"]) in got and not _must_wait(row["lane"], in_flight[bytes(row["chat_hash"])])
        ]

    def _superseding(self, rows: Sequence[Row], at: datetime) -> list[Row]:
        """Let a row of a more urgent lane supersede older, orphaned rows of its slot."""
        # No lease is valid for these chats: a row with an owner is orphaned.
        orphaned = self._all(_ORPHANED, of_chats=[bytes(row["chat_hash"]) for row in rows]) if rows else []
        return [self._supersede(row, [other for other in orphaned if _supersedes(row, other)], at) for row in rows]

    def _supersede(self, row: Row, orphaned: Sequence[Row], at: datetime) -> Row:
        if not orphaned:
            return row
        self._run(REPLACE, of_rows=[other["id"] for other in orphaned], timestamp=at)
        how = "new" if any(other["mode"] == "new" for other in orphaned) else row["mode"]
        self._run(PROMOTE, of_row=row["id"], how=how, into=row["lane"], timestamp=row["not_before"])
        return {**row, "mode": how}

    def _claim(self, row: Row, at: datetime) -> Claim | None:
        """Return the claim; mark a row that can't be read as failed, so that it doesn't block the others."""
        try:
            record = OUTBOX.record(row, self._keyring)
        except (SealError, KeyringError, ValidationError) as error:
            UNREADABLE_ROWS.inc()
            self.mark_failed(row["id"], error=f"unreadable: {type(error).__name__}", at=at)
            return None
        return Claim(row=record, attempt=row["attempt"] + 1, message_id=row["message_id"])
