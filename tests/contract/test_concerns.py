"""What is remembered is found a week before its next level ends, and then: in memory, on SQLite and on PostgreSQL."""

from datetime import timedelta

from bot.app.records.concerns import MemoryRow
from bot.app.records.operations import BEGINNING, Place
from bot.core.accepted import Accepted
from bot.core.concern_values import Level
from bot.core.memory import Memory
from bot.core.protocol import Tier
from tests.contract.samples import AT, MINUTE, patient

MILD = Level(Tier.SOON, 1)
WEEK = timedelta(days=7)


def _memory(database, code, **accepted):
    one = database.run(lambda s: s.patients.add(patient(code)))
    value = Memory(accepted={symptom: Accepted(agreed=MILD, agreed_until=at) for symptom, at in accepted.items()})
    return database.run(lambda s: s.concerns.add(MemoryRow(patient_id=one.id, value=value)))


def _due(database, at, limit=9, after=BEGINNING):
    return [row.id for row in database.run(lambda s: s.concerns.ends_due(at, limit, after))]


def test_memories_with_an_end_are_found_oldest_first(database):
    later = _memory(database, "one", numbness=AT + WEEK + 2 * MINUTE, stairs=AT + WEEK + 9 * MINUTE)
    first = _memory(database, "two", numbness=AT + WEEK + MINUTE)
    _memory(database, "three")
    assert _due(database, AT) == []
    assert _due(database, AT + MINUTE) == [first.id]
    assert _due(database, AT + 9 * MINUTE) == [first.id, later.id]
    assert _due(database, AT + 9 * MINUTE, limit=1) == [first.id]
    assert _due(database, AT + 9 * MINUTE, after=Place(AT + MINUTE, first.id)) == [later.id]


def test_end_follows_what_is_saved(database):
    row = _memory(database, "one", numbness=AT)
    saved = database.run(lambda s: s.concerns.save(row.model_copy(update={"value": Memory()})))
    assert _due(database, AT) == []
    moved = Memory(accepted={"numbness": Accepted(reference=MILD, confirm_until=AT + WEEK + MINUTE)})
    database.run(lambda s: s.concerns.save(saved.model_copy(update={"value": moved})))
    assert _due(database, AT) == []
    assert _due(database, AT + MINUTE) == [row.id]
    assert database.run(lambda s: s.clock.next_event_at()) == AT + MINUTE


def test_memory_that_was_seen_to_is_found_again_at_the_end(database):
    row = _memory(database, "one", numbness=AT + WEEK)
    assert _due(database, AT) == [row.id]
    seen = row.model_copy(update={"heard": row.heard.model_copy(update={"seen_at": AT})})
    database.run(lambda s: s.concerns.save(seen))
    assert _due(database, AT + WEEK - MINUTE) == []
    assert _due(database, AT + WEEK) == [row.id]
