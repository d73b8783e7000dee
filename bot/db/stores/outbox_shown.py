"""The store of the outbox, in SQL: what the messages of a chat show by now. It decides nothing."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from bot.app.records.messages import Outbox, OutboxState
from bot.db import tables as t
from bot.db.rows import NUMBER, SCREEN, Row, Section, Shape

_O = t.outbox.c

OUTBOX = Shape(t.outbox, Outbox, sealed={"chat_id": NUMBER, "screen": SCREEN})
IS_SCREEN = _O.mode != "buttons"
_NEWEST = (
    select(t.outbox)
    .where(
        _O.patient_id == bindparam("of_patient"),
        _O.chat_hash == bindparam("of_chat"),
        _O.slot.startswith(bindparam("of_slots")),
        _O.state.in_((OutboxState.WAITING.value, OutboxState.SENT.value)),
        IS_SCREEN,
    )
    .order_by(_O.id.desc())
)


def _is_unsent(row: Row) -> bool:
    return bool(row["state"] == OutboxState.WAITING and row["mode"] == "new")


class OutboxShown(Section):
    """The part of the outbox that is read to change a message."""

    def newest(self, patient_id: int, chat_id: int, slots: str) -> Outbox | None:
        row = self._first(_NEWEST.limit(1), of_patient=patient_id, of_chat=self._chat_hash(chat_id), of_slots=slots)
        return OUTBOX.record(row, self._keyring) if row is not None and not _is_unsent(row) else None

    def shown(self, patient_id: int, chat_id: int, slots: Sequence[str]) -> Sequence[Outbox]:
        newest: dict[str, Row] = {}
        for beginning in slots:
            found = self._all(_NEWEST, of_patient=patient_id, of_chat=self._chat_hash(chat_id), of_slots=beginning)
            for row in found:
                newest.setdefault(row["slot"], row)
        return [OUTBOX.record(row, self._keyring) for row in newest.values() if not _is_unsent(row)]
