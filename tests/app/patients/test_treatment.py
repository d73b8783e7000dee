"""Treatment periods by edits of staff: a restart is a further period, a correction a further version."""

from datetime import date, timedelta
from functools import partial

import pytest

from bot.app.alerts import queue
from bot.app.checkins import silence
from bot.app.operations import sweeps
from bot.app.patients import importing, registry, views
from bot.app.ports.errors import RefusedError
from bot.app.schedules import plan_edits, plans
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.schedule import phase_at
from bot.core.treatment import StopReason
from bot.dialog import trend as trends
from tests.app.conftest import AT
from tests.fakes.work import run as transact

DAY = timedelta(days=1)
TODAY = AT.date()
START = date(2026, 2, 1)
MAY, DECEMBER = date(2025, 5, 10), date(2025, 12, 21)


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


@pytest.fixture
def edit(run):
    def done(code="P-0001", at=AT, by="ann", **changes):
        return run(plan_edits.apply, code, PlanEdit(**changes), at=at, by=by)

    return done


@pytest.fixture
def given(run):
    """A patient since 10 May, looked at on 1 December of that year."""
    run(registry.add, code="D-3", ici_start=MAY, drug="nivolumab", at=AT - 100 * DAY)
    return lambda: run(lambda s: s.patients.by_code("D-3"))


def spans(patient):
    return [(p.start, p.stop, p.stop_reason, p.drug) for p in patient.treatment.periods]


def test_d3_a_restart_is_a_second_period_and_the_first_is_kept(run, clinic, given, edit):
    looked_at = AT.replace(year=2025, month=12, day=1)
    week = queue.current_week(clinic, given(), looked_at)
    found = edit("D-3", at=looked_at, ici_restart=DECEMBER)
    assert spans(given()) == [(MAY, None, None, "nivolumab"), (DECEMBER, None, None, "nivolumab")]
    assert queue.current_week(clinic, given(), looked_at) == week == 30
    assert queue.current_week(clinic, given(), AT) == 43
    assert (found.ici_start, [p.start for p in found.periods]) == (DECEMBER, [MAY, DECEMBER])
    seen = run(views.view, "D-3", at=AT)
    assert (seen.ici_start, [(p.period, p.start) for p in seen.periods]) == (MAY, [(1, MAY), (2, DECEMBER)])
    plan = plans.plan_of(given(), clinic)
    assert [phase_at(plan, day) for day in (DECEMBER - DAY, DECEMBER, DECEMBER + 91 * DAY)] == [
        "late",
        "early",
        "early",
    ]


def test_d3_the_chart_begins_with_the_first_period(run, anna, edit, choose):
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    edit(ici_stop=TODAY - 10 * DAY, stop_reason=StopReason.SIDE_EFFECT)
    edit(ici_restart=TODAY + 3 * DAY)
    trend = run(lambda s: trends.trend_of(s, s.patients.get(anna.id)))
    assert trend.ici_start == START
    assert [(p.first, p.last) for p in trend.periods] == [(START, TODAY - 10 * DAY), (TODAY + 3 * DAY, None)]


def test_k14_stops_by_staff_are_followed_by_their_reason(run, clinic, edit):
    phases = {}
    for code, day, reason in (
        ("K-40", 40, StopReason.PLANNED_END),
        ("K-200", 200, StopReason.SIDE_EFFECT),
        ("K-201", 200, StopReason.PLANNED_END),
        ("K-202", 200, None),
    ):
        start = TODAY - day * DAY
        run(registry.add, code=code, ici_start=start)
        edit(code, ici_stop=TODAY, stop_reason=reason)
        plan = plans.plan_of(run(lambda s, c=code: s.patients.by_code(c)), clinic)
        phases[code] = [phase_at(plan, start + n * DAY) for n in (91, 92, 182, 183, 200, 228, 229, 291, 292)]
    assert phases == {
        "K-40": ["early", "middle", "middle", "late", "late", None, None, None, None],
        "K-200": ["early", "middle", "middle", "late", "early", "early", "middle", "middle", "late"],
        "K-201": ["early", "middle", "middle", "late", "middle", "middle", "middle", "middle", "late"],
        "K-202": ["early", "middle", "middle", "late", "early", "early", "middle", "middle", "late"],
    }


def test_a_restart_falls_due_as_the_early_phase(run, anna, edit):
    edit(ici_stop=TODAY - 20 * DAY, stop_reason=StopReason.OTHER)
    edit(ici_restart=TODAY + 300 * DAY)
    due = []
    at = AT
    while (following := run(lambda s: s.patients.get(anna.id)).next_due_at) is not None and len(due) < 90:
        at = max(at, following)
        run(lambda s: silence.heard_from(s, s.patients.get(anna.id)), at=at)
        run(sweeps.check_ins_due, at=at, limit=50)
        due.append(at.date() - TODAY - 300 * DAY)
    assert [day.days for day in due if 0 <= day.days <= 14] == [0, 2, 5, 7, 9, 12, 14]
    assert not [day.days for day in due if 183 - 20 - 300 < day.days < 0]


def test_every_correction_is_a_version_with_who_and_when(run, anna, edit):
    edit(ici_stop=TODAY, by="ann")
    edit(stop_reason=StopReason.SIDE_EFFECT, drug="nivolumab", at=AT + DAY, by="ben")
    edit(no_ici_stop=True, at=AT + 2 * DAY, by="cat")
    seen = run(views.view, "P-0001", at=AT)
    assert [
        (p.period, p.stop, p.stop_reason, p.drug, p.recorded_by, p.recorded_at) for p in seen.treatment_history
    ] == [
        (1, None, None, None, "operator", AT),
        (1, TODAY, "unknown", None, "ann", AT),
        (1, TODAY, "side_effect", "nivolumab", "ben", AT + DAY),
        (1, None, None, "nivolumab", "cat", AT + 2 * DAY),
    ]
    assert (seen.ici_stop, seen.stop_reason, seen.drug) == (None, None, "nivolumab")


def test_a_restart_entered_by_mistake_is_removed_and_stays_in_the_history(run, anna, edit):
    edit(ici_stop=TODAY - DAY, stop_reason=StopReason.OTHER)
    edit(ici_restart=TODAY)
    edit(no_ici_restart=True, at=AT + DAY)
    assert spans(run(lambda s: s.patients.get(anna.id))) == [(START, TODAY - DAY, "other", None)]
    *_, last = run(views.view, "P-0001", at=AT).treatment_history
    assert (last.period, last.start, last.is_removed, last.recorded_at) == (None, TODAY, True, AT + DAY)
    edit(ici_restart=TODAY + DAY, drug="ipilimumab")
    assert spans(run(lambda s: s.patients.get(anna.id)))[1:] == [(TODAY + DAY, None, None, "ipilimumab")]


def test_an_earlier_period_can_be_corrected(run, anna, edit):
    edit(ici_stop=TODAY - 9 * DAY)
    edit(ici_restart=TODAY)
    found = edit(period=1, ici_stop=TODAY - 5 * DAY, stop_reason=StopReason.SIDE_EFFECT)
    assert spans(run(lambda s: s.patients.get(anna.id))) == [
        (START, TODAY - 5 * DAY, "side_effect", None),
        (TODAY, None, None, None),
    ]
    assert (found.ici_start, found.ici_stop) == (TODAY, None)
    line = run(lambda s: s.audit.lines("P-0001"))[0]
    assert dict(line.detail) == {"period": "1", "ici_stop": str(TODAY - 5 * DAY), "stop_reason": "side_effect"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"ici_restart": TODAY + DAY}, {"ici_restart": str(TODAY + DAY), "drug": None}),
        ({"no_ici_restart": True}, {"ici_restart_removed": str(TODAY)}),
        ({"drug": "nivolumab"}, {"drug": "nivolumab"}),
    ],
)
def test_the_audit_names_what_an_edit_changed(run, anna, edit, changes, detail):
    edit(ici_stop=TODAY - DAY)
    edit(ici_restart=TODAY)
    edit(**changes)
    assert dict(run(lambda s: s.audit.lines("P-0001"))[0].detail) == detail


def test_the_audit_says_that_a_stop_and_a_drug_are_no_longer_known(run, anna, edit):
    edit(ici_stop=TODAY - DAY, stop_reason=StopReason.OTHER, drug="nivolumab")
    edit(no_ici_stop=True, drug="")
    detail = dict(run(lambda s: s.audit.lines("P-0001"))[0].detail)
    assert detail == {"ici_stop": None, "stop_reason": None, "drug": None}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"period": 3, "ici_stop": TODAY}, "treatment period 3: P-0001 has 2"),
        ({"stop_reason": StopReason.OTHER}, "stop reason other: the treatment has no stop: give its date as well"),
        ({"no_ici_stop": True, "ici_stop": TODAY}, "a stop can't be changed and removed at once"),
        ({"no_ici_stop": True, "period": 1, "stop_reason": "other"}, "a stop can't be changed and removed at once"),
        (
            {"ici_start": TODAY - 10 * DAY},
            "ICI start 2026-02-20: the treatment period before it lasts until 2026-02-21",
        ),
        ({"period": 1, "ici_stop": TODAY + DAY}, "treatment period 1: the next one begins on 2026-03-02"),
        ({"ici_restart": TODAY}, "ICI restart 2026-03-02: the period that began on that day has no stop"),
        ({"ici_restart": TODAY + DAY, "period": 1}, "a restart sets ICI start and stop itself: leave those out"),
        ({"drug": "x"}, "drug 'x': use its name in 2 to 60 letters, digits, spaces and + - / ( ) ,"),
    ],
)
def test_impossible_edits_of_periods_are_refused(run, anna, edit, changes, why):
    edit(ici_stop=TODAY - 9 * DAY)
    edit(ici_restart=TODAY)
    before = run(lambda s: (s.patients.get(anna.id), s.treatments.history(anna.id)))
    with pytest.raises(RefusedError) as refused:
        edit(**changes)
    assert str(refused.value) == why
    assert run(lambda s: (s.patients.get(anna.id), s.treatments.history(anna.id))) == before


def test_the_only_period_is_not_removed(edit, anna):
    with pytest.raises(RefusedError, match=r"^P-0001 has one treatment period: there is no restart to remove$"):
        edit(no_ici_restart=True)


def test_a_preview_shows_periods_and_records_none(run, anna):
    found = run(plan_edits.preview, "P-0001", PlanEdit(ici_restart=TODAY + 5 * DAY), at=AT, by="ann")
    assert [(p.period, p.start, p.recorded_by) for p in found.periods] == [
        (1, START, "operator"),
        (2, TODAY + 5 * DAY, "ann"),
    ]
    assert len(run(lambda s: s.treatments.history(anna.id))) == 1


def test_patients_are_added_and_imported_with_a_stop(run):
    run(registry.add, code="A-1", ici_start=START, ici_stop=TODAY)
    table = f"code,ici_start,ici_stop,stop_reason\nA-2,{START},{TODAY},side_effect\nA-3,{START},,\n"
    run(importing.add_all, table.encode(), at=AT)
    found = [run(lambda s, c=code: s.patients.by_code(c)) for code in ("A-1", "A-2", "A-3")]
    assert [(p.treatment.newest.stop, p.treatment.newest.reason) for p in found] == [
        (TODAY, StopReason.UNKNOWN),
        (TODAY, StopReason.SIDE_EFFECT),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("2026-01-31,", "line 2, ici_stop: ICI stop 2026-01-31: it is before the start on 2026-02-01"),
        ("2027-03-04,", "line 2, ici_stop: ICI stop 2027-03-04: that is more than a year ahead"),
        (",other", "line 2, stop_reason: stop reason other: give the date of the stop as well"),
        ("1.3.2026,", "line 2, ici_stop: '1.3.2026' is not a date: write it as 2026-03-31"),
        (
            "2026-03-01,tired",
            "line 2, stop_reason: 'tired': use one of side_effect, planned_end, other, unknown",
        ),
    ],
)
def test_faults_of_an_imported_stop_are_named(run, cells, why):
    table = f"code,ici_start,ici_stop,stop_reason\nA-2,2026-02-01,{cells}\n"
    with pytest.raises(importing.ImportFaultsError) as refused:
        run(importing.read_rows, table.encode(), at=AT)
    assert [str(fault) for fault in refused.value.faults] == [why]
