"""Treatment periods: every version is kept, and what a process of the previous version wrote is not lost."""

from datetime import date

import pytest
from sqlalchemy import select, text

from bot.core.treatment import StopReason, Treatment
from bot.db.stores.treatment import EARLIER
from bot.db.tables_treatment import treatment_period, treatment_period_history
from tests.contract.samples import AT, MINUTE, patient, period

MAY, JUNE, JULY, DECEMBER = date(2026, 5, 10), date(2026, 6, 1), date(2026, 7, 1), date(2026, 12, 21)


def _spans_of(stores, number):
    found = stores.patients.get(number)
    return [(p.start, p.stop, p.reason, p.drug) for p in found.treatment.periods]


@pytest.fixture
def anna(database):
    sample = patient(periods=(period(MAY, JUNE, StopReason.SIDE_EFFECT, drug="pembrolizumab"), period(JULY)))
    return database.run(lambda s: s.patients.add(sample))


def test_periods_come_back_in_every_way_to_read_a_patient(database, anna):
    spans = [(MAY, JUNE, StopReason.SIDE_EFFECT, "pembrolizumab"), (JULY, None, None, None)]
    read = database.run(
        lambda s: [
            *(s.patients.get(anna.id), s.patients.by_code(anna.code, lock=True), s.patients.by_ids([anna.id])[anna.id]),
            *(*s.patients.page(), *s.patients.with_prefix("P", 9), *s.patients.started_between(JULY, JULY, None, 9)),
        ]
    )
    assert [found.periods for found in read] == [anna.periods] * 6
    assert [(p.start, p.stop, p.reason, p.drug) for p in anna.treatment.periods] == spans
    assert {period.patient_id for period in anna.periods} == {anna.id}


def test_each_version_of_a_period_is_kept_with_who_and_when(database, anna):
    changes = {"stop": DECEMBER, "stop_reason": StopReason.PLANNED_END}
    by = {"recorded_at": AT + MINUTE, "recorded_by": "ann"}
    database.run(lambda s: s.treatments.save(anna.periods[1].model_copy(update=changes | by)))
    kept = database.run(lambda s: s.treatments.history(anna.id))
    assert [(row.period_id, row.version, row.start, row.stop, row.stop_reason) for row in kept] == [
        (anna.periods[0].id, 0, MAY, JUNE, StopReason.SIDE_EFFECT),
        (anna.periods[1].id, 0, JULY, None, None),
        (anna.periods[1].id, 1, JULY, DECEMBER, StopReason.PLANNED_END),
    ]
    assert [(row.recorded_at, row.recorded_by) for row in kept[1:]] == [(AT, "operator"), (AT + MINUTE, "ann")]


def test_a_removed_period_counts_no_more_and_stays_in_its_row_and_history(database, anna):
    database.run(lambda s: s.treatments.save(anna.periods[1].model_copy(update={"is_removed": True})))
    stored = database.run(lambda s: s.treatments.of_patient(anna.id))
    assert [(each.start, each.is_removed) for each in stored] == [(MAY, False), (JULY, True)]
    assert len(database.run(lambda s: s.treatments.history(anna.id))) == 3


def test_stop_reasons_are_sealed(database, anna):
    def stored(stores):
        connection = stores.treatments._connection
        return [
            connection.execute(select(table.c.stop_reason).order_by(table.c.id)).scalars().all()
            for table in (treatment_period, treatment_period_history)
        ]

    for first, second in database.run(stored):
        assert b"side_effect" not in bytes(first)
        assert second is None


def _written_by_the_previous_version(database, number, **columns):
    names = ", ".join(f"{name} = :{name}" for name in columns)
    statement = text(f"UPDATE patient SET {names} WHERE id = :number")  # noqa: S608 - names from this file
    database.run(lambda s: s.patients._connection.execute(statement, {**columns, "number": number}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"drug": "nivolumab"}, [(JULY, None, None, "nivolumab")]),
        ({"ici_stop": "2026-12-21"}, [(JULY, DECEMBER, None, None)]),
        ({"ici_start": "2026-06-15"}, [(date(2026, 6, 15), None, None, None)]),
        ({"ici_start": "2026-12-21"}, [(JULY, None, None, None), (DECEMBER, None, None, None)]),
    ],
    ids=["drug", "stop", "corrected start", "restart"],
)
def test_what_the_previous_version_writes_is_read_and_overwrites_nothing(database, anna, columns, expected):
    _written_by_the_previous_version(database, anna.id, **columns)
    first = (MAY, JUNE, StopReason.SIDE_EFFECT, "pembrolizumab")
    assert database.run(lambda s: _spans_of(s, anna.id)) == [first, *expected]
    read = database.run(lambda s: s.patients.get(anna.id))
    assert read.periods[-1].recorded_by == EARLIER
    assert len(database.run(lambda s: s.treatments.history(anna.id))) == 2


def test_a_restart_by_the_previous_version_keeps_the_stop_and_its_reason(database):
    stopped = patient(periods=(period(MAY, JUNE, StopReason.SIDE_EFFECT),))
    added = database.run(lambda s: s.patients.add(stopped))
    _written_by_the_previous_version(database, added.id, ici_start="2026-07-01", ici_stop=None)
    assert database.run(lambda s: _spans_of(s, added.id)) == [
        (MAY, JUNE, StopReason.SIDE_EFFECT, None),
        (JULY, None, None, None),
    ]


def test_a_stop_corrected_by_the_previous_version_has_no_known_reason(database):
    stopped = patient(periods=(period(MAY, JUNE, StopReason.PLANNED_END),))
    added = database.run(lambda s: s.patients.add(stopped))
    _written_by_the_previous_version(database, added.id, ici_stop="2026-07-01")
    assert database.run(lambda s: s.patients.get(added.id)).treatment.newest.stop_reason is StopReason.UNKNOWN


def test_a_patient_added_by_the_previous_version_has_one_period(database, anna):
    for table in (treatment_period_history, treatment_period):
        database.run(lambda s, t=table: s.patients._connection.execute(t.delete()))
    assert database.run(lambda s: s.patients.get(anna.id)).treatment == Treatment.begun(JULY)
