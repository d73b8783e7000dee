from datetime import date, timedelta

import pytest

from bot.app.ports.errors import DuplicateError
from tests.contract.samples import (
    AT,
    MINUTE,
    agreed_level,
    alert,
    close_watch,
    cover,
    full_staff,
    level_decision,
    patient,
    shift,
    staff,
)

DAY = timedelta(days=1)


def _added(database, *rows):
    return [database.run(lambda s, row=row: s.staff.add(row)) for row in rows]


def test_someone_of_the_team_comes_back_as_stored(database):
    bare, full = _added(database, staff(), full_staff())
    assert (bare, full) == (staff().model_copy(update={"id": 1}), full_staff().model_copy(update={"id": full.id}))
    assert database.run(lambda s: s.staff.all()) == [full, bare]
    assert database.run(lambda s: (s.staff.by_name("lead-1"), s.staff.by_name("x"))) == (bare, None)
    assert database.run(lambda s: (s.staff.by_invite("s1"), s.staff.by_invite("x"))) == (full, None)
    assert database.run(lambda s: (s.staff.by_chat(full.chat_id), s.staff.by_chat(1))) == (full, None)


def test_every_field_of_someone_of_the_team_is_overwritten(database):
    (bare,) = _added(database, staff())
    changed = full_staff("lead-1").model_copy(update={"id": bare.id, "added_at": AT - MINUTE})
    changed = database.run(lambda s: s.staff.save(changed))
    assert database.run(lambda s: s.staff.all()) == [changed]
    with pytest.raises(LookupError):
        database.run(lambda s: s.staff.save(changed.model_copy(update={"id": 99, "chat_id": None})))


def test_a_name_and_a_chat_belong_to_one(database):
    _, full = _added(database, staff(), full_staff())
    with pytest.raises(DuplicateError, match="another short name"):
        _added(database, staff("coord-1"))
    with pytest.raises(DuplicateError):
        _added(database, staff("other", chat_id=full.chat_id))
    other = database.run(lambda s: s.staff.by_name("lead-1"))
    with pytest.raises(DuplicateError):
        database.run(lambda s: s.staff.save(other.model_copy(update={"chat_id": full.chat_id})))


def test_shifts_are_listed_and_dropped(database):
    one, other = _added(database, staff("a"), staff("b"))
    first = database.run(lambda s: s.rota.add_shift(shift(other.id)))
    second = database.run(lambda s: s.rota.add_shift(shift(one.id, out_of_hours=True, days=())))
    assert first == shift(other.id).model_copy(update={"id": first.id})
    assert database.run(lambda s: s.rota.shifts()) == [first, second]
    assert database.run(lambda s: (s.rota.drop_shift(first.id), s.rota.drop_shift(first.id))) == (True, False)
    assert database.run(lambda s: s.rota.shifts()) == [second]


def test_covers_that_are_over_are_left_out(database):
    one, other = _added(database, staff("a"), staff("b"))
    first = database.run(lambda s: s.rota.add_cover(cover(one.id, other.id)))
    second = database.run(lambda s: s.rota.add_cover(cover(other.id, one.id, last=date(2026, 3, 9))))
    assert database.run(lambda s: s.rota.covers(first.last)) == [first, second]
    assert database.run(lambda s: s.rota.covers(first.last + DAY)) == [second]
    assert database.run(lambda s: (s.rota.drop_cover(second.id), s.rota.drop_cover(second.id))) == (True, False)
    assert database.run(lambda s: s.rota.covers(first.last)) == [first]


def test_alerts_are_escalated_oldest_first(database):
    who = database.run(lambda s: s.patients.add(patient())).id
    for minutes in (-1, -2, 0, 1):
        database.run(lambda s, m=minutes: s.alerts.add(alert(who, next_escalation_at=AT + m * MINUTE)))
    database.run(lambda s: s.alerts.add(alert(who)))
    assert [a.id for a in database.run(lambda s: s.alerts.escalations_due(AT, 9))] == [2, 1, 3]
    assert [a.id for a in database.run(lambda s: s.alerts.escalations_due(AT, 1))] == [2]
    assert database.run(lambda s: s.clock.next_event_at()) == AT - 2 * MINUTE


def test_decisions_and_watches_round_trip_and_are_erased(database):
    one, other = (database.run(lambda s, code=code: s.patients.add(patient(code)).id) for code in ("P1", "P2"))
    first = database.run(lambda s: s.levels.add(level_decision(one)))
    second = database.run(lambda s: s.levels.add(level_decision(one, kind="rejected", level=None, decided_by=None)))
    third = database.run(lambda s: s.levels.add(level_decision(other)))
    closed = first.model_copy(update={"closed_by": "lead-2", "closed_at": AT})
    first = database.run(lambda s: s.levels.save(closed))
    watch = database.run(lambda s: s.close_watches.add(close_watch(one)))
    watch = database.run(lambda s: s.close_watches.save(watch.model_copy(update={"ended_by": "ann", "ended_at": AT})))
    assert database.run(lambda s: s.levels.of_patient(one)) == [first, second]
    assert database.run(lambda s: s.close_watches.of_patient(one)) == [watch]
    database.run(lambda s: s.patients.erase_data(one))
    assert database.run(lambda s: (s.levels.of_patient(one), s.close_watches.of_patient(one))) == ([], [])
    assert database.run(lambda s: s.levels.of_patient(other)) == [third]


def test_agreed_level_round_trips_and_is_erased_with_the_patient(database):
    one, other = (database.run(lambda s, c=c: s.patients.add(patient(c))).id for c in ("P-0001", "P-0002"))
    first = database.run(lambda s: s.agreed_levels.add(agreed_level(one)))
    second = database.run(lambda s: s.agreed_levels.add(agreed_level(one, ended_at=AT, ended_by="lead-2")))
    third = database.run(lambda s: s.agreed_levels.add(agreed_level(other)))
    assert first == agreed_level(one).model_copy(update={"id": first.id})
    changed = second.model_copy(update={"level": "strong", "until": AT, "ended_by": "lead-3"})
    changed = database.run(lambda s: s.agreed_levels.save(changed))
    assert database.run(lambda s: s.agreed_levels.of_patient(one)) == [first, changed]
    database.run(lambda s: s.patients.erase_data(one))
    assert database.run(lambda s: (s.agreed_levels.of_patient(one), s.agreed_levels.of_patient(other))) == ([], [third])
