"""Keeps what happened to a patient's concerns, and reads it back for `replay_concerns.py`. Decides nothing."""

from collections.abc import Iterator

from bot.app.ports.errors import RefusedError
from bot.app.records.concern_events import ConcernEvent, WhatHappened
from bot.app.records.concerns import MemoryRow
from bot.app.work import Work
from bot.core import happenings as core
from bot.core.happenings import Happening
from bot.core.memory import Memory


def keep_event(
    work: Work, row: MemoryRow, happened: tuple[Happening, ...], after: Memory, checkin_id: int | None
) -> MemoryRow:
    """Store what happened to what was remembered in `row`, unless it was nothing; return the row with its number."""
    is_first = row.last_event == 0
    if not happened and not is_first and after == row.value:
        return row
    event = ConcernEvent(
        patient_id=row.patient_id,
        checkin_id=checkin_id,
        what=WhatHappened(
            happenings=tuple((type(h).__name__, h.model_dump_json(exclude_defaults=True)) for h in happened),
            start=row.value if is_first else None,
        ),
        last_jump=row.last_jump,
        protocol_hash=work.clinic.protocol.content_hash,
        at=work.at,
    )
    return row.model_copy(update={"last_event": work.concerns.add_event(event).id})


def happenings_of(event: ConcernEvent) -> Iterator[Happening]:
    """Yield the happenings of an event. Raise RefusedError for one that this version does not have."""
    for name, fields in event.what.happenings:
        kind = getattr(core, name, None)
        if kind is None:
            raise RefusedError(f"event {event.id} can't be replayed: this version has no {name}")
        yield kind.model_validate_json(fields)
