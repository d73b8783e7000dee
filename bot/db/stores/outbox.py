"""The store of the outbox, in SQL. It decides nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    delete,
    false,
    func,
    literal_column,
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
    NUMBER,
    SCREEN,
    UNREADABLE_ROWS,
    Row,
    Section,
    Shape,
    insert_or_update,
)
from bot.db.types import EPOCH

_O = t.outbox.c

OUTBOX = Shape(t.outbox, Outbox, sealed={"chat_id": NUMBER, "screen": SCREEN})
ERROR_CHARS = 500
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
    .where(t.is_waiting(t.outbox), _O.chat_hash == bindparam("of_chat"), _O.slot == bindparam("of_slot"))
    .order_by(_O.id)
    .with_for_update(key_share=True)
)
_REPLACE = (
    update(t.outbox)
    .where(_O.id.in_(bindparam("of_rows", expanding=True)))
    # Clear the lease, too: if the clock is set back, an expired lease would be valid again and block the chat.
    .values(state=OutboxState.REPLACED.value, ended_at=bindparam("timestamp"), owner=None, leased_until=None)
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
_END_LEASES = update(t.outbox).where(_O.leased_until > bindparam("at")).values(leased_until=bindparam("at"))
_LOCK_CHATS = text(
    "SELECT chat FROM unnest(CAST(:chats AS bigint[])) AS chat WHERE pg_try_advisory_xact_lock(chat)"
).columns(chat=BigInteger)
_CHATS_IN_FLIGHT = select(_O.chat_hash, _O.lane).where(
    _O.chat_hash.in_(bindparam("of_chats", expanding=True)), _leased(t.outbox)
)

# -- ending a row

_BRIEF = select(_O.id, _O.patient_id, _O.chat_hash, _O.slot, _O.mode, _O.lane, _O.state, _O.revision).where(
    _O.id == bindparam("of_row")
)
_SUCCESSOR = (
    select(_O.id, _O.lane, _O.mode, _O.not_before)
    .where(
        t.is_waiting(t.outbox),
        _O.chat_hash == bindparam("of_chat"),
        _O.slot == bindparam("of_slot"),
        or_(
            _O.mode == literal_column("'edit'"),
            and_(_O.lane > Lane.RED_FLAG.value, _O.revision > bindparam("of_revision"), bindparam("can_supersede")),
        ),
        _O.owner.is_(None),
        _O.id > bindparam("of_row"),
    )
    .order_by(_O.id.desc())
    .limit(1)
    # A locked row is being replaced by a newer one, which a later query finds.
    .with_for_update(key_share=True, skip_locked=True)
)
_PROMOTE = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"))
    .values(mode=bindparam("how"), lane=bindparam("into"), not_before=bindparam("timestamp"))
)
_SET_MESSAGE = insert_or_update(t.slot_message, "chat_hash", "slot")
_NEWEST_MESSAGE = select(t.slot_message.c.message_id).where(
    t.slot_message.c.chat_hash == bindparam("of_chat"), t.slot_message.c.slot == bindparam("of_slot")
)
_END = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"))
    .values(
        state=bindparam("became"),
        ended_at=bindparam("timestamp"),
        error=bindparam("why", type_=Text),
        owner=None,
        leased_until=None,
    )
)
_FAIL = _END.where(t.is_waiting(t.outbox))
_RETRY = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"), _O.owner == bindparam("sender"))
    .values(not_before=bindparam("timestamp"), error=bindparam("why"), owner=None, leased_until=None)
)
_EXPIRED = (
    select(_O.id)
    .where(
        t.is_waiting(t.outbox),
        _O.not_after < bindparam("at"),
        or_(_O.leased_until.is_(None), _O.leased_until <= bindparam("at")),
    )
    # A locked row is being processed: a red flag must not wait for it.
    .with_for_update(key_share=True, skip_locked=True)
)
_EXPIRE = (
    update(t.outbox)
    .where(_O.id.in_(_EXPIRED))
    .values(state=OutboxState.EXPIRED.value, ended_at=bindparam("at"), owner=None, leased_until=None)
)
_PURGE = delete(t.outbox).where(~t.is_waiting(t.outbox), _O.created_at < bindparam("before"))
_PURGE_SLOT = delete(t.slot_message).where(
    t.slot_message.c.chat_hash == bindparam("of_chat"), t.slot_message.c.slot == bindparam("of_slot")
)
_COUNTS = select(_O.lane, _O.state, func.count().label("rows")).group_by(_O.lane, _O.state)


def _is_superseded(old: Row, new: Outbox) -> bool:
    """Return whether an unsent message is superseded by one of a later revision; red flags take no part in it."""
    return bool(min(old["lane"], new.lane) > Lane.RED_FLAG.value and old["revision"] < new.revision)


def _supersedes(row: Row, orphaned: Row) -> bool:
    """Return whether an orphaned row (its sender died) is an earlier screen of the same slot."""
    same = all(row[name] == orphaned[name] for name in ("chat_hash", "slot"))
    later = row["mode"] == "edit" or row["revision"] > orphaned["revision"]
    return bool(same and later and row["id"] > orphaned["id"] and row["lane"] > Lane.RED_FLAG.value)


def _mode_of(old: str, newer: str) -> str:
    return "new" if "new" in (old, newer) else "edit"


def _must_wait(lane: int, in_flight: Collection[int]) -> bool:
    """Return whether a row of that lane waits for the chat's in-flight rows: a red flag only for other red flags."""
    return Lane.RED_FLAG.value in in_flight if lane == Lane.RED_FLAG.value else bool(in_flight)


_MINE = _O.owner == bindparam("me")
_IN_FLIGHT = (
    select(_O.id)
    .where(_O.id.in_(bindparam("of_rows", expanding=True)), _MINE)
    .with_for_update(key_share=True, skip_locked=True)
)
"""A locked row is being ended by another transaction."""
_RENEW = update(t.outbox).where(_O.id.in_(_IN_FLIGHT)).values(leased_until=bindparam("until"))
_RELEASE = (
    update(t.outbox)
    .where(_O.leased_until.is_not(None), _MINE, _O.id.not_in(bindparam("of_rows", expanding=True)))
    .values(owner=None, leased_until=None)
)
TRIED_SINCE = select(func.min(_O.created_at).label("at")).where(
    t.is_waiting(t.outbox),
    _O.lane == bindparam("of_lane"),
    or_(_O.attempt > 1, and_(_O.attempt == 1, _O.owner.is_(None))),
    _O.created_at > bindparam("after"),
)


class SqlOutbox(Section):
    """See `bot.app.ports.outbox.OutboxStore`."""

    # -- queueing

    def enqueue(self, row: Outbox) -> int | None:
        chat = self._chat_hash(row.chat_id)
        unsent = self._all(_IN_SLOT, of_chat=chat, of_slot=row.slot)
        if any(other["revision"] > row.revision for other in unsent):
            return None
        waiting = [other for other in unsent if other["owner"] is None]
        edits = [other["id"] for other in waiting if other["mode"] == "edit"]
        if edits:
            self._run(_REPLACE, of_rows=edits, timestamp=row.created_at)
        news = [other for other in waiting if other["mode"] == "new"]
        stays = news.pop() if row.mode == "edit" and news else None
        if old := [other["id"] for other in news if _is_superseded(other, row)]:
            # An older screen that is sent after a newer one would show an outdated state.
            self._run(_REPLACE, of_rows=old, timestamp=row.created_at)
        if stays is not None:
            return self._replace_pending(stays, row)
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
        self._run(_REPLACE, of_rows=[other["id"] for other in orphaned], timestamp=at)
        how = "new" if any(other["mode"] == "new" for other in orphaned) else row["mode"]
        self._run(_PROMOTE, of_row=row["id"], how=how, into=row["lane"], timestamp=row["not_before"])
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

    def release_orphaned(self, at: datetime) -> int:
        return self._run(_END_LEASES, at=at)

    # -- ending

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:  # noqa: ARG002 - the message is sent, even if the lease expired
        row = self._first(_BRIEF, of_row=outbox_id)
        if row is None:
            return
        if not self._run(_END, of_row=outbox_id, became=OutboxState.SENT.value, timestamp=at, why=None):
            return  # erased meanwhile: nothing of the patient's may be written again
        newest = self._first(_NEWEST_MESSAGE, of_chat=row["chat_hash"], of_slot=row["slot"])
        # Recorded late, after another sender sent it again: the next edit belongs to the later message.
        if message_id is not None and (newest is None or newest["message_id"] < message_id):
            place: dict[str, Any] = {name: row[name] for name in ("chat_hash", "slot", "patient_id")}
            self._run(_SET_MESSAGE[self._dialect], **place, message_id=message_id)

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None:
        if self._run(_RETRY, of_row=outbox_id, sender=owner, timestamp=not_before, why=error[:ERROR_CHARS]) == 0:
            return
        row = self._first(_BRIEF, of_row=outbox_id)
        if row is not None and row["state"] == OutboxState.WAITING:
            self._merge_into_pending(row, not_before)

    def _merge_into_pending(self, row: Row, not_before: datetime) -> bool:
        """Replace a row with the newer one that is pending in its slot; return whether there was one.

        Sent later, the older screen would overwrite the newer one.
        """
        can_supersede = row["lane"] > Lane.RED_FLAG.value
        newer = self._first(
            _SUCCESSOR,
            of_chat=row["chat_hash"],
            of_slot=row["slot"],
            of_row=row["id"],
            of_revision=row["revision"],
            can_supersede=can_supersede,
        )
        if newer is None:
            return False
        self._run(_REPLACE, of_rows=[row["id"]], timestamp=not_before)
        how, lane = _mode_of(row["mode"], newer["mode"]), min(row["lane"], newer["lane"])
        self._run(_PROMOTE, of_row=newer["id"], how=how, into=lane, timestamp=max(newer["not_before"], not_before))
        return True

    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        self._run(_FAIL, of_row=outbox_id, became=OutboxState.FAILED.value, timestamp=at, why=error[:ERROR_CHARS])

    def expire(self, at: datetime) -> int:
        return self._run(_EXPIRE, at=at)

    def purge(self, before: datetime) -> int:
        return self._run(_PURGE, before=before)

    def forget_slot(self, chat_id: int, slot: str) -> None:
        self._run(_PURGE_SLOT, of_chat=self._chat_hash(chat_id), of_slot=slot)

    def counts(self) -> Mapping[tuple[Lane, OutboxState], int]:
        return {(Lane(row["lane"]), OutboxState(row["state"])): row["rows"] for row in self._all(_COUNTS)}

    def renew(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        if ids:
            self._run(_RENEW, of_rows=sorted(ids), me=owner, until=until)

    def release_unknown(self, *, owner: str, but_for: Collection[int]) -> int:
        return self._run(_RELEASE, of_rows=sorted(but_for), me=owner)

    def retrying_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        row = self._first(TRIED_SINCE, of_lane=lane.value, after=after or EPOCH)
        return row["at"] if row is not None else None
