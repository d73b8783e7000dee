"""The store of the outbox, in SQL: how an attempt or a message ends, leases, and housekeeping. It decides nothing."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, bindparam, delete, func, literal_column, or_, select, update

from bot.app.records.messages import Lane, OutboxState
from bot.db import tables as t
from bot.db.rows import Row, Section, insert_or_update
from bot.db.types import EPOCH

_O = t.outbox.c

ERROR_CHARS = 500
REPLACE = (
    update(t.outbox)
    # A sender that seemed to have stopped may have recorded how the message ended since the rows were read.
    .where(_O.id.in_(bindparam("of_rows", expanding=True)), t.is_waiting(t.outbox))
    # Clear the lease, too: if the clock is set back, an expired lease would be valid again and block the chat.
    .values(state=OutboxState.REPLACED.value, ended_at=bindparam("timestamp"), owner=None, leased_until=None)
)
_DROP_OF = (
    update(t.outbox)
    .where(t.is_waiting(t.outbox), _O.patient_id == bindparam("of_patient"))
    .values(state=OutboxState.REPLACED.value)
)
_DROP_IN = _DROP_OF.where(_O.chat_hash == bindparam("of_chat"))
_END_LEASES = update(t.outbox).where(_O.leased_until > bindparam("at")).values(leased_until=bindparam("at"))
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
            and_(
                _O.mode == literal_column("'new'"),
                _O.lane > Lane.RED_FLAG.value,
                _O.revision > bindparam("of_revision"),
                bindparam("can_supersede"),
            ),
        ),
        _O.owner.is_(None),
        _O.id > bindparam("of_row"),
    )
    .order_by(_O.id.desc())
    .limit(1)
    # A locked row is being replaced by a newer one, which a later query finds.
    .with_for_update(key_share=True, skip_locked=True)
)
PROMOTE = (
    update(t.outbox)
    .where(_O.id == bindparam("of_row"))
    .values(mode=bindparam("how"), lane=bindparam("into"), not_before=bindparam("timestamp"))
)
# Recorded late, after another sender sent a later message: the next edit belongs to the later one.
_SET_MESSAGE = insert_or_update(t.slot_message, "chat_hash", "slot", only_raise="message_id")
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
    t.slot_message.c.chat_hash == bindparam("of_chat"),
    t.slot_message.c.slot == bindparam("of_slot"),
    t.slot_message.c.message_id == bindparam("of_message"),
)


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


def _mode_of(old: str, newer: str) -> str:
    return "new" if "new" in (old, newer) else "edit"


class OutboxEnds(Section):
    """The part of the outbox after an attempt to send."""

    def mark_sent(self, outbox_id: int, *, owner: str, message_id: int | None, at: datetime) -> None:  # noqa: ARG002 - the message is sent, even if the lease expired
        row = self._first(_BRIEF, of_row=outbox_id)
        if row is None:
            return
        if not self._run(_END, of_row=outbox_id, became=OutboxState.SENT.value, timestamp=at, why=None):
            return  # erased meanwhile: nothing of the patient's may be written again
        if message_id is not None:
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
        self._run(REPLACE, of_rows=[row["id"]], timestamp=not_before)
        how, lane = _mode_of(row["mode"], newer["mode"]), min(row["lane"], newer["lane"])
        self._run(PROMOTE, of_row=newer["id"], how=how, into=lane, timestamp=max(newer["not_before"], not_before))
        return True

    def mark_failed(self, outbox_id: int, *, error: str, at: datetime) -> None:
        self._run(_FAIL, of_row=outbox_id, became=OutboxState.FAILED.value, timestamp=at, why=error[:ERROR_CHARS])

    def expire(self, at: datetime) -> int:
        return self._run(_EXPIRE, at=at)

    def drop_waiting_of(self, patient_id: int, chat_id: int | None = None) -> None:
        if chat_id is None:
            self._run(_DROP_OF, of_patient=patient_id)
        else:
            self._run(_DROP_IN, of_patient=patient_id, of_chat=self._chat_hash(chat_id))

    def purge(self, before: datetime) -> int:
        return self._run(_PURGE, before=before)

    def forget_slot(self, chat_id: int, slot: str, *, message_id: int) -> None:
        self._run(_PURGE_SLOT, of_chat=self._chat_hash(chat_id), of_slot=slot, of_message=message_id)

    def renew(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        if ids:
            self._run(_RENEW, of_rows=sorted(ids), me=owner, until=until)

    def release_unknown(self, *, owner: str, but_for: Collection[int]) -> int:
        return self._run(_RELEASE, of_rows=sorted(but_for), me=owner)

    def retrying_since(self, lane: Lane, after: datetime | None = None) -> datetime | None:
        row = self._first(TRIED_SINCE, of_lane=lane.value, after=after or EPOCH)
        return row["at"] if row is not None else None

    def release_orphaned(self, at: datetime) -> int:
        return self._run(_END_LEASES, at=at)
