"""The outbox in its table: what is queued, replaced, claimed and ended. Sends nothing.

A row that has an owner is in flight, or its sender died: it may be at Telegram already, so its body is left alone.
What is newer waits behind it as a row of its own, and takes its place if it would have to be sent again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from bot.app.store import Claim, Lane, Outbox, OutboxState
from bot.db import tables as t
from bot.db.crypto import KeyringError, SealError
from bot.db.rows import NUMBER, SCREEN, UNREADABLE_ROWS, Row, Section, Shape, insert_or_update

OUTBOX = Shape(t.outbox, Outbox, sealed={"chat_id": NUMBER, "screen": SCREEN})
ERROR_CHARS = 500
_O = t.outbox.c
_MARGIN = timedelta(minutes=1)
"""How much further ahead than one taken now a lease may run: clocks of replicas differ a little."""


def _leased(row: FromClause) -> ColumnElement[bool]:
    """Whether the row is in a sender's hand: its lease runs, and is not one of a clock that has been set back."""
    return and_(row.c.leased_until > bindparam("at"), row.c.leased_until <= bindparam("latest"))


def _fresh(row: FromClause) -> ColumnElement[bool]:
    return or_(row.c.not_after.is_(None), row.c.not_after >= bindparam("at"))


# -- what stands in a slot

_IN_SLOT = (
    select(_O.id, _O.mode, _O.revision, _O.lane, _O.not_before, _O.attempt, _O.owner)
    .where(t.is_waiting(t.outbox), _O.chat_hash == bindparam("of_chat"), _O.slot == bindparam("of_slot"))
    .order_by(_O.id)
    .with_for_update(key_share=True)
)
_REPLACE = (
    update(t.outbox)
    .where(_O.id.in_(bindparam("of_rows", expanding=True)))
    # Its lease goes, too: after the clock was set back one that is over would run again, and hold the chat up.
    .values(state=OutboxState.REPLACED.value, ended_at=bindparam("moment"), owner=None, leased_until=None)
)
_DROP = (
    update(t.outbox)
    .where(t.is_waiting(t.outbox), _O.chat_hash == bindparam("of_chat"), _O.slot == bindparam("of_slot"))
    .values(state=OutboxState.REPLACED.value)
)

# -- what a sender may take: the first due row of each chat that has nothing in flight and may be written to now

_earlier, _flying, _pace = t.outbox.alias("earlier"), t.outbox.alias("flying"), t.chat_pace
_ORDER = ("lane", "not_before", "id")


def _none(row: FromClause, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """No such row.

    Not as NOT EXISTS, which PostgreSQL may turn into a join that reads all rows before the first; not as IS NULL, which
    it takes for so rare that it reads and sorts all that is due.
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
    _flying,
    _flying.c.chat_hash == _O.chat_hash,
    _leased(_flying),
    # A red flag is a new message in a slot of its own: it waits for none but other red flags.
    or_(_O.lane > Lane.RED_FLAG.value, _flying.c.lane == Lane.RED_FLAG.value),
)
_NOT_PACED = _none(_pace, _pace.c.chat_hash == _O.chat_hash, _pace.c.free_at > bindparam("at"))
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
        _NOT_PACED,
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
_DEAD = select(_O.id, _O.chat_hash, _O.slot, _O.mode, _O.revision).where(
    t.is_waiting(t.outbox),
    _O.chat_hash.in_(bindparam("of_chats", expanding=True)),
    _O.owner.is_not(None),
    _O.lane > Lane.RED_FLAG.value,
)
_END_LEASES = update(t.outbox).where(_O.leased_until > bindparam("at")).values(leased_until=bindparam("at"))
_TRY_CHATS = text(
    "SELECT chat FROM unnest(CAST(:chats AS bigint[])) AS chat WHERE pg_try_advisory_xact_lock(chat)"
).columns(chat=BigInteger)
_FLYING_CHATS = select(_O.chat_hash, _O.lane).where(
    _O.chat_hash.in_(bindparam("of_chats", expanding=True)), _leased(t.outbox)
)

# -- how a row ends

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
            and_(_O.lane > Lane.RED_FLAG.value, _O.revision > bindparam("of_revision"), bindparam("calm")),
        ),
        _O.owner.is_(None),
        _O.id > bindparam("of_row"),
    )
    .order_by(_O.id.desc())
    .limit(1)
    # One that is locked is being replaced by a newer one, which a later look finds.
    .with_for_update(key_share=True, skip_locked=True)
)
_SUCCEED = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"))
    .values(mode=bindparam("how"), lane=bindparam("into"), not_before=bindparam("moment"))
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
        ended_at=bindparam("moment"),
        error=bindparam("why", type_=Text),
        owner=None,
        leased_until=None,
    )
)
_FAIL = _END.where(t.is_waiting(t.outbox))
_RETRY = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"), _O.owner == bindparam("sender"))
    .values(not_before=bindparam("moment"), error=bindparam("why"), owner=None, leased_until=None)
)
_OVER = (
    select(_O.id)
    .where(
        t.is_waiting(t.outbox),
        _O.not_after < bindparam("at"),
        or_(_O.leased_until.is_(None), _O.leased_until <= bindparam("at")),
    )
    # Who holds one is working on it: no red flag waits for that.
    .with_for_update(key_share=True, skip_locked=True)
)
_EXPIRE = (
    update(t.outbox)
    .where(_O.id.in_(_OVER))
    .values(state=OutboxState.EXPIRED.value, ended_at=bindparam("at"), owner=None, leased_until=None)
)
_FORGET = delete(t.outbox).where(~t.is_waiting(t.outbox), _O.created_at < bindparam("before"))
_FORGET_SLOT = delete(t.slot_message).where(
    t.slot_message.c.chat_hash == bindparam("of_chat"), t.slot_message.c.slot == bindparam("of_slot")
)
_COUNTS = select(_O.lane, _O.state, func.count().label("rows")).group_by(_O.lane, _O.state)


class Messages(Section):
    """See `bot.app.store.Store`."""

    # -- queueing

    def enqueue(self, row: Outbox) -> int | None:
        chat = self._chat_hash(row.chat_id)
        unsent = self._all(_IN_SLOT, of_chat=chat, of_slot=row.slot)
        if any(other["revision"] > row.revision for other in unsent):
            return None
        waiting = [other for other in unsent if other["owner"] is None]
        edits = [other["id"] for other in waiting if other["mode"] == "edit"]
        if edits:
            self._run(_REPLACE, of_rows=edits, moment=row.created_at)
        news = [other for other in waiting if other["mode"] == "new"]
        stays = news.pop() if row.mode == "edit" and news else None
        if old := [other["id"] for other in news if _is_overtaken(other, row)]:
            # Each shows where things stood when it was made; sent after a newer one it would lead back.
            self._run(_REPLACE, of_rows=old, moment=row.created_at)
        if stays is not None:
            return self._take_place(stays, row)
        values = OUTBOX.values(row, self._keyring)
        values |= {"chat_hash": chat, "state": OutboxState.WAITING.value, "attempt": 0}
        return self._insert(OUTBOX, values)

    def _take_place(self, other: Row, row: Outbox) -> int:
        """The unsent new message goes out with the edit's screen: once, and no later than either was to go."""
        values = OUTBOX.values(row, self._keyring)
        # One that was tried and put off keeps its turn: Telegram or the network asked for the wait.
        tried = other["attempt"] > 0
        values["not_before"] = other["not_before"] if tried else min(other["not_before"], row.not_before)
        values |= {"mode": "new", "lane": min(other["lane"], row.lane.value)}
        self._run(OUTBOX.update, of_row=other["id"], **values)
        return int(other["id"])

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        self._run(_DROP, of_chat=self._chat_hash(chat_id), of_slot=slot)

    # -- claiming

    def claim_outbox(
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
        # An owner whose lease is over died or lost its way: what is newer goes instead.
        rows = [row for row in rows if row["owner"] is None or not self._give_way(row, at)]
        rows = self._overtaking(rows, at)
        if rows:
            self._run(_LEASE, of_rows=[row["id"] for row in rows], sender=owner, until=lease_until)
        claims = [self._claim(row, at) for row in rows]
        return [claim for claim in claims if claim is not None]

    def _reserve(self, rows: Sequence[Row], at: datetime, latest: datetime) -> list[Row]:
        """Keep two replicas from taking two rows of one chat: neither sees the other's lease before it commits."""
        keys = {
            int.from_bytes(bytes(row["chat_hash"])[:8], "big", signed=True): bytes(row["chat_hash"]) for row in rows
        }
        got = {keys[row["chat"]] for row in self._all(_TRY_CHATS, chats=list(keys))}
        found = self._all(_FLYING_CHATS, of_chats=list(got), at=at, latest=latest) if got else []
        flying: defaultdict[bytes, set[int]] = defaultdict(set)
        for row in found:
            flying[bytes(row["chat_hash"])].add(row["lane"])
        return [
            row
            for row in rows
            if bytes(row["chat_hash"]) in got and not _must_wait(row["lane"], flying[bytes(row["chat_hash"])])
        ]

    def _overtaking(self, rows: Sequence[Row], at: datetime) -> list[Row]:
        """A row of a more urgent lane goes before an older one of its slot whose sender died, and so instead of it."""
        # No lease runs for these chats: what has an owner there has one that died.
        dead = self._all(_DEAD, of_chats=[bytes(row["chat_hash"]) for row in rows]) if rows else []
        return [self._overtake(row, [other for other in dead if _takes_place(row, other)], at) for row in rows]

    def _overtake(self, row: Row, dead: Sequence[Row], at: datetime) -> Row:
        if not dead:
            return row
        self._run(_REPLACE, of_rows=[other["id"] for other in dead], moment=at)
        how = "new" if any(other["mode"] == "new" for other in dead) else row["mode"]
        self._run(_SUCCEED, of_row=row["id"], how=how, into=row["lane"], moment=row["not_before"])
        return {**row, "mode": how}

    def _claim(self, row: Row, at: datetime) -> Claim | None:
        """One row that can't be read must not hold up the others: it fails, and says why."""
        try:
            record = OUTBOX.record(row, self._keyring)
        except (SealError, KeyringError, ValidationError) as error:
            UNREADABLE_ROWS.inc()
            self.mark_failed(row["id"], error=f"unreadable: {type(error).__name__}", at=at)
            return None
        return Claim(row=record, attempt=row["attempt"] + 1, message_id=row["message_id"])

    def end_leases(self, at: datetime) -> int:
        return self._run(_END_LEASES, at=at)

    # -- ending

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:  # noqa: ARG002 - whoever sent it, it is sent
        row = self._first(_BRIEF, of_row=outbox_id)
        if row is None:
            return
        self._run(_END, of_row=outbox_id, became=OutboxState.SENT.value, moment=at, why=None)
        newest = self._first(_NEWEST_MESSAGE, of_chat=row["chat_hash"], of_slot=row["slot"])
        # Told late, after another sent it again: what comes next belongs into the message further down.
        if message_id is not None and (newest is None or newest["message_id"] < message_id):
            place: dict[str, Any] = {name: row[name] for name in ("chat_hash", "slot", "patient_id")}
            self._run(_SET_MESSAGE[self._dialect], **place, message_id=message_id)

    def mark_retry(self, outbox_id: int, *, owner: str, not_before: datetime, error: str) -> None:
        if self._run(_RETRY, of_row=outbox_id, sender=owner, moment=not_before, why=error[:ERROR_CHARS]) == 0:
            return
        row = self._first(_BRIEF, of_row=outbox_id)
        if row is not None and row["state"] == OutboxState.WAITING:
            self._give_way(row, not_before)

    def _give_way(self, row: Row, not_before: datetime) -> bool:
        """Send the newer edit that waits behind a row instead of it: sent later, the older would undo the newer."""
        calm = row["lane"] > Lane.RED_FLAG.value
        newer = self._first(
            _SUCCESSOR,
            of_chat=row["chat_hash"],
            of_slot=row["slot"],
            of_row=row["id"],
            of_revision=row["revision"],
            calm=calm,
        )
        if newer is None:
            return False
        self._run(_REPLACE, of_rows=[row["id"]], moment=not_before)
        how, lane = _mode_of(row["mode"], newer["mode"]), min(row["lane"], newer["lane"])
        self._run(_SUCCEED, of_row=newer["id"], how=how, into=lane, moment=max(newer["not_before"], not_before))
        return True

    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        self._run(_FAIL, of_row=outbox_id, became=OutboxState.FAILED.value, moment=at, why=error[:ERROR_CHARS])

    def expire_outbox(self, at: datetime) -> int:
        return self._run(_EXPIRE, at=at)

    def forget_messages(self, before: datetime) -> int:
        return self._run(_FORGET, before=before)

    def forget_slot(self, chat_id: int, slot: str) -> None:
        self._run(_FORGET_SLOT, of_chat=self._chat_hash(chat_id), of_slot=slot)

    def outbox_counts(self) -> Mapping[tuple[Lane, OutboxState], int]:
        return {(Lane(row["lane"]), OutboxState(row["state"])): row["rows"] for row in self._all(_COUNTS)}


def _is_overtaken(old: Row, new: Outbox) -> bool:
    """Whether a new message of a later revision stands for one that was not sent; a red flag never does, nor gives."""
    return bool(min(old["lane"], new.lane) > Lane.RED_FLAG.value and old["revision"] < new.revision)


def _takes_place(row: Row, dead: Row) -> bool:
    """Whether what a sender that died had in hand is an earlier screen of the same slot."""
    same = all(row[name] == dead[name] for name in ("chat_hash", "slot"))
    later = row["mode"] == "edit" or row["revision"] > dead["revision"]
    return bool(same and later and row["id"] > dead["id"] and row["lane"] > Lane.RED_FLAG.value)


def _mode_of(old: str, newer: str) -> str:
    return "new" if "new" in (old, newer) else "edit"


def _must_wait(lane: int, flying: Collection[int]) -> bool:
    """Whether a row of that lane waits for what is in flight to its chat: a red flag only for other red flags."""
    return Lane.RED_FLAG.value in flying if lane == Lane.RED_FLAG.value else bool(flying)
