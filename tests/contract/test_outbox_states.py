"""The table of the outbox's statuses says what the store does: every event in every status, in every circumstance."""

import re
from collections import defaultdict
from datetime import timedelta
from functools import partial
from itertools import count, product
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.app.records import outbox_states
from bot.app.records.messages import Lane, OutboxState
from bot.app.records.outbox_states import TRANSITIONS, OutboxEvent, Status
from bot.db import tables as t
from tests.contract.samples import AT, MINUTE, message

BOT = Path(outbox_states.__file__).parents[2]
BEFORE = AT - 10 * MINUTE
LANES = tuple(Lane)
ME, OTHER = "me", "other"
LEASE_ONLY = {"owner", "leased_until"}
"""Of a row whose status stays the same, columns that say nothing about what becomes of it."""
_chats = count(1000)

on_each_database = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


# -- how a row gets into each status


def status_of(state: OutboxState, owner: str | None) -> Status:
    """The status of a row by what is stored."""
    claimed = state is OutboxState.WAITING and owner is not None
    return Status.CLAIMED if claimed else Status(state)


def claim(stores, at, owner=ME, until=None):
    stores.outbox.claim(at, lanes=LANES, limit=9999, owner=owner, lease_until=until or at + MINUTE)


def waiting(_store, _number, _row):
    pass


def waiting_after_a_retry(stores, number, _row):
    claim(stores, BEFORE)
    stores.outbox.mark_retry(number, owner=ME, not_before=BEFORE, error="NetworkError")


def claimed(stores, _number, _row):
    claim(stores, BEFORE, until=AT + MINUTE)


def claimed_with_an_expired_lease(stores, _number, _row):
    claim(stores, BEFORE)


def was_sent(stores, number, _row):
    claim(stores, BEFORE)
    stores.outbox.mark_sent(number, owner=ME, message_id=None, at=BEFORE)


def failed(stores, number, _row):
    claim(stores, BEFORE)
    stores.outbox.mark_failed(number, error="BadRequest", at=BEFORE)


def withdrawn(stores, _number, row):
    stores.outbox.drop_unsent(row.chat_id, row.slot)


def withdrawn_in_flight(stores, number, row):
    claimed(stores, number, row)
    stores.outbox.drop_unsent(row.chat_id, row.slot)


def expired(stores, number, _row):
    stores.outbox._run(update(t.outbox).where(t.outbox.c.id == number).values(not_after=BEFORE - MINUTE))
    stores.outbox.expire(BEFORE)


WAYS = {
    waiting: Status.WAITING,
    waiting_after_a_retry: Status.WAITING,
    claimed: Status.CLAIMED,
    claimed_with_an_expired_lease: Status.CLAIMED,
    was_sent: Status.SENT,
    failed: Status.FAILED,
    withdrawn: Status.REPLACED,
    withdrawn_in_flight: Status.REPLACED,
    expired: Status.EXPIRED,
}


# -- what else may be so


def as_it_is(_store, _number, _row):
    pass


def with_a_newer_one_behind(stores, number, row):
    if status(stores, number) is not Status.WAITING:
        stores.outbox.enqueue(row.model_copy(update={"id": 0, "mode": "edit", "revision": 5}))


def past_its_time(stores, number, _row):
    stores.outbox._run(update(t.outbox).where(t.outbox.c.id == number).values(not_after=AT - timedelta(seconds=1)))


def unreadable(stores, number, _row):
    stores.outbox._run(update(t.outbox).where(t.outbox.c.id == number).values(screen=b"\x00"))


CIRCUMSTANCES = [as_it_is, with_a_newer_one_behind, past_its_time, unreadable]


# -- the events


def queue(stores, row, mode):
    stores.outbox.enqueue(row.model_copy(update={"id": 0, "mode": mode, "revision": 9, "created_at": AT}))


EVENTS = {
    OutboxEvent.CLAIM: lambda s, _number, _row: claim(s, AT, OTHER),
    OutboxEvent.SENT: lambda s, number, _row: s.outbox.mark_sent(number, owner=OTHER, message_id=None, at=AT),
    OutboxEvent.RETRY: lambda s, number, _row: s.outbox.mark_retry(number, owner=ME, not_before=AT, error="TimedOut"),
    OutboxEvent.REJECTED: lambda s, number, _row: s.outbox.mark_failed(number, error="BadRequest", at=AT),
    OutboxEvent.CHAT_UNREACHABLE: lambda s, number, _row: s.outbox.mark_failed(number, error="Forbidden", at=AT),
    OutboxEvent.SUPERSEDED: lambda s, _number, row: queue(s, row, row.mode),
    OutboxEvent.MERGED: lambda s, _number, row: row.mode == "new" and queue(s, row, "edit"),
    OutboxEvent.WITHDRAWN: lambda s, _number, row: s.outbox.drop_unsent(row.chat_id, row.slot),
    OutboxEvent.EXPIRED: lambda s, _number, _row: s.outbox.expire(AT),
    OutboxEvent.RELEASED: lambda s, _number, _row: s.outbox.release_unknown(owner=ME, but_for=()),
    OutboxEvent.RETRIED_BY_OPERATOR: lambda s, number, _row: s.dead_letters.retry_message(number, AT),
    OutboxEvent.DISCARDED: lambda s, number, _row: s.dead_letters.discard_message(number, AT),
    OutboxEvent.DELETED: lambda s, _number, _row: s.outbox.purge(AT + MINUTE),
}


def stored(stores, number):
    return stores.outbox._first(select(t.outbox).where(t.outbox.c.id == number))


def status(stores, number):
    row = stored(stores, number)
    return status_of(OutboxState(row["state"]), row["owner"])


def happens(stores, way, circumstance, mode, event):
    """Bring a row there and let the event happen; return (status before, status after or None), or None if nothing did."""
    row = message(next(_chats), "menu", mode=mode, revision=1, created_at=BEFORE, not_before=BEFORE)
    number = stores.outbox.enqueue(row)
    way(stores, number, row)
    assert status(stores, number) is WAYS[way]
    circumstance(stores, number, row)
    before, was = stored(stores, number), status(stores, number)
    EVENTS[event](stores, number, row)
    after = stored(stores, number)
    if after is None:
        return was, None
    became = status(stores, number)
    changed = {name for name in before if before[name] != after[name]}
    return (was, became) if became is not was or changed - LEASE_ONLY else None


@on_each_database
@pytest.mark.parametrize("event", OutboxEvent)
def test_store_leads_exactly_where_the_table_says(database, event):
    found = defaultdict(set)
    for way, circumstance, mode in product(WAYS, CIRCUMSTANCES, ("new", "edit")):
        happened = database.run(partial(happens, way=way, circumstance=circumstance, mode=mode, event=event))
        if happened is not None:
            was, became = happened
            found[was] |= {became} - {None}
    assert found == {was: set(statuses) for (was, of), statuses in TRANSITIONS.items() if of is event}


def test_every_event_is_driven():
    assert set(EVENTS) == set(OutboxEvent)
    assert set(WAYS.values()) == set(Status)
    assert {event for _, event in TRANSITIONS} == set(OutboxEvent)


def test_stored_states_are_statuses():
    assert {state.value for state in OutboxState} == {status.value for status in Status} - {"claimed"}
    assert status_of(OutboxState.WAITING, None) is Status.WAITING
    assert status_of(OutboxState.WAITING, "me") is Status.CLAIMED
    assert status_of(OutboxState.REPLACED, "me") is Status.REPLACED


def test_header_shows_the_table():
    lines = []
    for was in Status:
        lines.append(f"  {was}")
        for event in OutboxEvent:
            statuses = TRANSITIONS.get((was, event))
            if statuses is not None:
                arrow = f" -> {', '.join(sorted(statuses))}" if statuses else ""
                lines.append(f"    {event}{arrow}")
    assert "\n".join(lines) in outbox_states.__doc__


def test_only_the_store_names_the_states_it_writes():
    """A status is changed in the store of the outbox (two files) and in that of dead letters, and nowhere else."""
    writes = re.compile(r"state(?:\"\]?:|=) ?OutboxState")
    found = {p.name for p in BOT.rglob("*.py") if writes.search(p.read_text(encoding="utf-8"))}
    assert found == {"outbox.py", "outbox_ends.py", "dead_letters.py"}


@on_each_database
@pytest.mark.parametrize("event", [OutboxEvent.CLAIM, OutboxEvent.EXPIRED, OutboxEvent.SUPERSEDED, OutboxEvent.MERGED])
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_store_running_lease_keeps_the_row_as_it_is(database, event, circumstance):
    work = partial(happens, way=claimed, circumstance=circumstance, mode="new", event=event)
    assert database.run(work) is None
