"""A row that can't be read (changed by hand, or under a key that is gone) holds up no sweep."""

from datetime import timedelta

from sqlalchemy import text

from tests.contract.samples import AT, active, alert


def _spoil(database, table, number):
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET seal_id = :s WHERE id = :id"), {"s": b"x" * 16, "id": number})  # noqa: S608


def test_other_patients_still_fall_due(pg):
    rows = [pg.run(lambda s, n=n: s.patients.add(active(f"P-{n}", AT, chat_id=n))) for n in (1, 2, 3)]
    _spoil(pg, "patient", rows[1].id)
    assert [p.code for p in pg.run(lambda s: s.patients.due(AT, 10))] == ["P-1", "P-3"]


def test_other_red_flags_are_still_asked_after(pg):
    one = pg.run(lambda s: s.patients.add(active("P-1", AT, chat_id=1)))
    made = [pg.run(lambda s: s.alerts.add(alert(one.id, next_patient_prompt_at=AT))) for _ in range(3)]
    _spoil(pg, "alert", made[0].id)
    found = pg.run(lambda s: s.alerts.prompts_due(AT + timedelta(minutes=1), 10))
    assert [a.id for a in found] == [made[1].id, made[2].id]
