"""Plan edits in detail: extra check-ins are kept, faults have their limits, previews and audit name what changes."""

from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pytest

from bot.app.operations import sweeps
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import PatientState
from bot.app.schedules import plan_edits, plans
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.follow_up import FollowUp
from bot.core.plan_override import ExtraCheckIn, PlanOverride, Rhythm
from bot.core.schedule import Pause
from bot.core.treatment import StopReason, Treatment
from tests.app.conftest import AT
from tests.fakes.work import run as transact
from tests.fakes.work import treated

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = AT.date()


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


@pytest.fixture
def edit(run, anna):
    def done(at=AT, **changes):
        return run(plan_edits.apply, anna.code, PlanEdit(**changes), at=at, by="lead-1")

    return done


@pytest.fixture
def seen(run, anna):
    def done(at=AT, **changes):
        ahead = {"ahead": changes.pop("ahead")} if "ahead" in changes else {}
        return run(plan_edits.preview, anna.code, PlanEdit(**changes), at=at, **ahead)

    return done


@pytest.fixture
def change(run, anna):
    def done(**changes):
        found = run(lambda s: s.patients.get(anna.id))
        return run(lambda s: s.patients.save(found.model_copy(update=changes))) if changes else found

    return done


@pytest.fixture
def treat(run, anna):
    """Correct the stored treatment period."""
    return lambda **changes: run(lambda s: treated(s, s.patients.get(anna.id), **changes))


def extras(change):
    return [extra.day - TODAY for extra in change().plan_override.extras]


# -- extra check-ins


def test_extra_check_ins_are_kept_by_an_edit_of_other_fields(change, edit):
    edit(add_days=(TODAY + 3 * DAY,))
    edit(weekdays=(0, 3))
    edit(send_time=time(18))
    edit(rhythms=(Rhythm(first_day=0, every=5),))
    edit(pause=Pause(first=TODAY + 20 * DAY, last=TODAY + 21 * DAY))
    assert extras(change) == [3 * DAY]
    assert change().plan_override.weekdays == (0, 3)


def test_extra_check_ins_are_kept_when_another_is_added(change, edit):
    edit(add_days=(TODAY + 5 * DAY,))
    edit(add_days=(TODAY + 3 * DAY,))
    assert extras(change) == [3 * DAY, 5 * DAY]


def test_extra_check_in_is_removed_alone(change, edit):
    edit(add_days=(TODAY + 3 * DAY, TODAY + 5 * DAY))
    edit(drop_days=(TODAY + 3 * DAY,))
    assert extras(change) == [5 * DAY]


def test_extra_check_in_removed_and_added_at_once_stays(change, edit):
    edit(add_days=(TODAY + 3 * DAY,))
    edit(add_days=(TODAY + 3 * DAY, TODAY + 4 * DAY), drop_days=(TODAY + 3 * DAY,))
    assert extras(change) == [3 * DAY, 4 * DAY]


def test_extra_check_ins_in_the_past_are_dropped_today_is_kept(change, edit):
    days = tuple(ExtraCheckIn(day=TODAY + n * DAY) for n in (-1, 0, 2))
    change(plan_override=PlanOverride(extras=days))
    edit(add_days=(TODAY + 4 * DAY,))
    assert extras(change) == [timedelta(0), 2 * DAY, 4 * DAY]


def test_extra_check_in_added_is_asked_and_those_before_as_well(run, anna, change, edit):
    """The plan has check-ins every two or three days; these days have none."""
    planned = {m.day for m in run(plan_edits.preview, anna.code, PlanEdit(), at=AT).messages if m.kind == "check-in"}
    free = [day for day in (TODAY + n * DAY for n in range(1, 9)) if day not in planned][:2]
    edit(add_days=(free[1],))
    edit(add_days=(free[0],))
    asked = []
    while (due := change().next_due_at) is not None and due.date() <= free[1]:
        run(sweeps.check_ins_due, at=due, limit=50)
        asked.append(due.date())
    assert set(free) <= set(asked)


# -- faults and their limits


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ici_start": TODAY - 3661 * DAY}, "ICI start 2016-02-22: that is more than ten years ago"),
        ({"ici_start": TODAY + 367 * DAY}, "ICI start 2027-03-04: that is more than a year ahead"),
        ({"ici_stop": TODAY + 367 * DAY}, "ICI stop 2027-03-04: that is more than a year ahead"),
        ({"ici_restart": TODAY + 367 * DAY}, "ICI restart 2027-03-04: that is more than a year ahead"),
        ({"ici_restart": date(2026, 1, 31)}, "ICI restart 2026-01-31: it is before the start on 2026-02-01"),
        (
            {"ici_restart": TODAY, "ici_start": TODAY},
            "a restart sets ICI start and stop itself: leave those out",
        ),
        (
            {"ici_start": date(2026, 2, 10), "ici_stop": date(2026, 2, 9)},
            "ICI stop 2026-02-09: it is before the start on 2026-02-10",
        ),
        ({"weekdays": (7,)}, "weekdays (7,): 0 is Monday, 6 is Sunday"),
        ({"add_days": (TODAY - DAY,)}, "check-in on 2026-03-01: name a day from today to a year from now"),
        ({"add_days": (TODAY + 367 * DAY,)}, "check-in on 2027-03-04: name a day from today to a year from now"),
        ({"drop_days": (TODAY,)}, "check-in on 2026-03-02: none was added on that day"),
        (
            {"pause": Pause(first=TODAY - DAY, last=TODAY)},
            "pause from 2026-03-01: name a day from today to a year from now",
        ),
        (
            {"pause": Pause(first=TODAY + 367 * DAY, last=TODAY + 368 * DAY)},
            "pause from 2027-03-04: name a day from today to a year from now",
        ),
        (
            {"pause": Pause(first=TODAY, last=TODAY + 184 * DAY)},
            "pause until 2026-09-02: half a year at most; withdraw patients who have left",
        ),
        ({"plan": "own"}, "plan 'own': the protocol has standard, combination"),
        ({"send_time": time(21)}, "send time 21:00: it is in the patient's quiet hours, 21:00 to 09:00"),
        ({}, "P-0001: the edit changes nothing"),
        (
            {"plan": "own", "send_time": time(3)},
            (
                "plan 'own': the protocol has standard, combination; "
                "send time 03:00: it is in the patient's quiet hours, 21:00 to 09:00"
            ),
        ),
    ],
)
def test_edit_with_faults_is_refused_with_all_of_them(change, edit, changes, why):
    before = change()
    with pytest.raises(RefusedError) as refused:
        edit(**changes)
    assert str(refused.value) == why
    assert change() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"ici_start": TODAY - 3660 * DAY},
        {"ici_start": TODAY + 366 * DAY},
        {"ici_stop": TODAY + 366 * DAY},
        {"ici_stop": date(2026, 2, 1)},
        {"ici_restart": TODAY + 366 * DAY},
        {"weekdays": (0, 6)},
        {"add_days": (TODAY,)},
        {"add_days": (TODAY + 366 * DAY,)},
        {"pause": Pause(first=TODAY + 366 * DAY, last=TODAY + 366 * DAY)},
        {"pause": Pause(first=TODAY, last=TODAY + 183 * DAY)},
        {"send_time": time(20, 59)},
        {"send_time": time(9)},
    ],
)
def test_edit_at_the_limits_is_applied(change, edit, changes):
    before = change()
    edit(**changes)
    assert change() != before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ici_restart": date(2026, 2, 19)}, "ICI restart 2026-02-19: it is before the stop on 2026-02-20"),
        ({"ici_start": date(2026, 2, 21)}, "ICI stop 2026-02-20: it is before the start on 2026-02-21"),
        ({"ici_restart": date(2026, 2, 20)}, None),
        ({"ici_restart": date(2026, 3, 1)}, None),
        ({"ici_start": date(2026, 2, 20)}, None),
        ({"ici_start": date(2026, 2, 21), "ici_stop": date(2026, 2, 22)}, None),
    ],
)
def test_start_stop_and_restart_are_in_order_with_what_is_stored(change, treat, edit, changes, why):
    treat(stop=date(2026, 2, 20))
    if why is None:
        edit(**changes)
        now = change().treatment
        restart = changes.get("ici_restart")
        assert now.newest.start == (restart or changes["ici_start"])
        assert now.newest.stop == (None if restart else changes.get("ici_stop", date(2026, 2, 20)))
        assert now.first_start == (date(2026, 2, 1) if restart else changes["ici_start"])
    else:
        with pytest.raises(RefusedError) as refused:
            edit(**changes)
        assert str(refused.value) == why


def test_regimen_chooses_its_plan_unless_one_is_named(change, edit):
    edit(regimen="combination")
    assert (change().regimen, change().plan) == ("combination", "combination")
    edit(regimen="single", plan="combination")
    assert (change().regimen, change().plan) == ("single", "combination")
    with pytest.raises(RefusedError, match="changes nothing"):
        edit(regimen="single")
    assert change().plan == "combination", "the same regimen chooses nothing"


def test_withdrawn_patient_has_no_plan_to_edit(change, edit):
    change(state=PatientState.WITHDRAWN)
    with pytest.raises(RefusedError, match=r"^P-0001 has withdrawn: invite them again first$"):
        edit(send_time=time(18))
    with pytest.raises(RefusedError, match=r"^P-0001: the edit changes nothing$"):
        edit()


def test_edit_of_an_unknown_patient_is_refused(run):
    with pytest.raises(RefusedError, match=r"^no patient has the code 'X-1'"):
        run(plan_edits.preview, "X-1", PlanEdit())


@pytest.mark.parametrize("state", [PatientState.INVITED, PatientState.PAUSED])
def test_edit_for_someone_who_is_not_asked_notifies_nobody(database, change, edit, state):
    change(state=state, next_due_at=None)
    seen = len(database.outbox())
    edit(send_time=time(18))
    assert (change().send_time, change().next_due_at) == (time(18), None)
    assert len(database.outbox()) == seen


# -- the audit and the messages


def test_edit_is_audited_with_the_new_values_of_changed_fields(run, edit):
    edit(
        ici_start=date(2026, 2, 2),
        ici_stop=date(2026, 2, 27),
        regimen="combination",
        send_time=time(18),
        weekdays=(3, 0, 3),
        pause=Pause(first=TODAY + DAY, last=TODAY + 2 * DAY, reason="holiday"),
    )
    line = run(lambda s: s.audit.lines("P-0001"))[0]
    assert (line.at, line.actor, line.action) == (AT, "lead-1", "plan_changed")
    detail = dict(line.detail)
    assert "[0, 3]" in detail.pop("plan_override")
    assert "2026-03-03" in detail.pop("pauses")
    assert detail == {
        "ici_start": "2026-02-02",
        "ici_stop": "2026-02-27",
        "stop_reason": "unknown",
        "regimen": "combination",
        "plan": "combination",
        "send_time": "18:00:00",
    }


def test_edit_notifies_of_a_pause_or_of_the_plan(database, edit):
    edit(send_time=time(18))
    assert database.outbox()[-1].row.screen.name == "plan.changed"
    edit(pause=Pause(first=TODAY + DAY, last=TODAY + 2 * DAY))
    assert [line.key for line in database.outbox()[-1].row.screen.lines] == ["pause.planned"]


# -- the preview


def test_preview_has_the_facts_of_the_edited_patient(change, seen):
    found = seen(ici_stop=TODAY, regimen="combination", send_time=time(18), weekdays=(1,))
    assert (found.code, found.ici_start, found.ici_stop) == ("P-0001", date(2026, 2, 1), TODAY)
    assert (found.regimen, found.plan, found.send_time) == ("combination", "combination", "18:00")
    assert (found.plan_override, found.pauses) == (PlanOverride(weekdays=(1,)), ())
    pause = Pause(first=TODAY + DAY, last=TODAY + 2 * DAY)
    assert seen(pause=pause).pauses == (pause,)


def test_preview_marks_new_moved_gone_and_same(change, seen):
    change(jitter=0)
    plain = {m.day: m.at for m in seen().messages if m.kind == "check-in"}
    first, second = sorted(plain)[:2]
    free = first + DAY if first + DAY not in plain else first - DAY
    moved = [m for m in seen(send_time=time(18)).messages if m.kind == "check-in"]
    assert {m.mark for m in moved} == {"moved"}
    assert {m.at - plain[m.day] for m in moved} == {8 * HOUR}
    added = {m.day: m.mark for m in seen(add_days=(free,)).messages if m.kind == "check-in"}
    assert added == {**dict.fromkeys(plain, "same"), free: "new"}
    paused = {m.day: m.mark for m in seen(pause=Pause(first=first, last=first)).messages if m.kind == "check-in"}
    assert (paused[first], paused[second]) == ("gone", "same")


def test_preview_goes_as_far_as_asked_and_is_in_order(seen):
    for days in (3, 14, 30):
        found = seen(ahead=days * DAY).messages
        assert [(m.at, m.kind) for m in found] == sorted((m.at, m.kind) for m in found)
        assert AT + (days - 4) * DAY < found[-1].at <= AT + days * DAY
    assert seen().messages == seen(ahead=14 * DAY).messages


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland"])
def test_preview_has_the_reminders_of_each_check_in_on_their_own_days(change, seen, zone):
    change(jitter=0, timezone=zone)
    found = [m for m in seen(rhythms=(Rhythm(first_day=0, every=7),)).messages if m.mark != "gone"]
    first = next(m for m in found if m.kind == "check-in")
    reminders = [m for m in found if m.kind == "reminder" and first.at < m.at < first.at + 5 * DAY]
    assert [(m.at - first.at, m.day - first.day, m.form) for m in reminders] == [
        (DAY, DAY, first.form),
        (2 * DAY, 2 * DAY, first.form),
    ]


def test_preview_has_one_reminder_a_day_in_a_daily_plan(change, seen):
    change(jitter=0)
    found = [m for m in seen(rhythms=(Rhythm(first_day=0, every=1),)).messages if m.mark != "gone"]
    first, second, third = found[:3]
    assert [m.kind for m in (first, second, third)] == ["check-in", "reminder", "check-in"]
    assert (second.at - first.at, third.at - first.at) == (6 * HOUR, DAY)


def test_preview_moves_a_reminder_in_quiet_hours_to_their_end(change, seen):
    change(jitter=0, quiet_from=time(15), quiet_to=time(17))
    found = [m for m in seen(rhythms=(Rhythm(first_day=0, every=1),)).messages if m.mark != "gone"]
    assert found[1].at - found[0].at == 7 * HOUR


@pytest.mark.parametrize("state", [PatientState.PAUSED, PatientState.WITHDRAWN, PatientState.DECLINED])
def test_preview_of_someone_who_is_not_asked_is_empty(change, seen, state):
    change(state=state)
    assert seen().messages == ()


@pytest.mark.parametrize("state", [PatientState.INVITED, PatientState.ENROLLING])
def test_preview_of_someone_invited_shows_what_will_come(change, seen, state):
    change(state=state)
    assert seen().messages != ()


# -- plans


def test_plan_is_that_of_the_record_in_its_own_zone_or_the_clinics(clinic, change, treat):
    pause = Pause(first=TODAY + DAY, last=TODAY + 2 * DAY)
    treat(stop=TODAY)
    made = change(
        timezone=None,
        send_time=time(18),
        quiet_from=time(20),
        quiet_to=time(7),
        pauses=(pause,),
        jitter=42,
    )
    plan = plans.plan_of(made, clinic)
    assert (plan.treatment, plan.timezone) == (Treatment.begun(date(2026, 2, 1), TODAY), "Europe/Berlin")
    assert (plan.send_time, plan.quiet_from, plan.quiet_to) == (time(18), time(20), time(7))
    assert (plan.pauses, plan.jitter_seconds, plan.template) == ((pause,), 42, clinic.protocol.plans["standard"])
    assert plans.plan_of(made.model_copy(update={"timezone": "Asia/Tokyo"}), clinic).timezone == "Asia/Tokyo"


def test_daily_follow_up_begins_on_the_next_day_and_ends_when_steady(clinic, change, treat):
    found = FollowUp(groups=("sensory",), since=TODAY)
    treat(start=TODAY - 300 * DAY, stop=date(2026, 2, 20), stop_reason=StopReason.PLANNED_END)
    made = change(follow_up=found, jitter=0)
    after = datetime(2026, 3, 2, 0, tzinfo=UTC)
    dues = []
    for _ in range(3):
        occurrence = plans.occurrence_after(made, clinic, after)
        dues.append((occurrence.local_date - TODAY, occurrence.form, occurrence.phase))
        after = occurrence.due_at
    assert dues == [(n * DAY, "again", "follow_up") for n in (1, 2, 3)]
    steady = made.model_copy(update={"follow_up": found.model_copy(update={"steady": True})})
    assert plans.daily_plan_of(steady, clinic) is None
    assert plans.daily_plan_of(made.model_copy(update={"follow_up": None}), clinic) is None


def test_day_with_both_check_ins_has_the_plans_form(clinic, change):
    made = change(follow_up=FollowUp(groups=("sensory",), since=TODAY), jitter=0)
    planned = plans.occurrence_after(made.model_copy(update={"follow_up": None}), clinic, AT)
    both = plans.occurrence_after(made, clinic, planned.due_at - 12 * HOUR)
    assert (both.local_date, both.form, both.phase) == (planned.local_date, planned.form, planned.phase)
    assert both.phase != "follow_up"


@pytest.mark.parametrize(
    ("zone", "at", "begins", "length"),
    [
        ("UTC", datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), 24),
        ("Asia/Tokyo", datetime(2026, 3, 2, 21, tzinfo=UTC), datetime(2026, 3, 2, 15, tzinfo=UTC), 24),
        ("America/New_York", datetime(2026, 3, 2, 3, tzinfo=UTC), datetime(2026, 3, 1, 5, tzinfo=UTC), 24),
        ("Europe/Berlin", datetime(2026, 3, 29, 9, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("Europe/Berlin", datetime(2026, 10, 25, 9, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
)
def test_local_day_begins_and_ends_at_midnight_there(zone, at, begins, length):
    assert plans.start_of_day(at, zone) == begins
    assert plans.start_of_day(at, zone).tzinfo is UTC
    assert plans.end_of_day(at, zone) == begins + length * HOUR - timedelta(microseconds=1)
    assert plans.end_of_day(at, zone).tzinfo is UTC


@pytest.mark.parametrize(
    ("old", "kept"),
    [
        ((-9, -5), [(-9, -5), (0, 4)]),
        ((-9, -1), [(-9, -1), (0, 4)]),
        ((-9, 0), [(-9, -1), (0, 4)]),
        ((-9, 9), [(-9, -1), (0, 4)]),
        ((0, 1), [(0, 4)]),
        ((1, 9), [(0, 4)]),
        ((4, 9), [(0, 4)]),
        ((5, 9), [(0, 4), (5, 9)]),
    ],
)
def test_new_pause_keeps_of_another_what_comes_before_it(old, kept):
    def span(days):
        return Pause(first=TODAY + days[0] * DAY, last=TODAY + days[1] * DAY)

    assert plans.pauses_with((span(old),), span((0, 4))) == tuple(span(days) for days in kept)


@pytest.mark.parametrize(
    ("span", "zone", "paused"),
    [
        ((0, 0), "Europe/Berlin", True),
        ((-1, 0), "Europe/Berlin", True),
        ((0, 1), "Europe/Berlin", True),
        ((1, 1), "Europe/Berlin", False),
        ((-1, -1), "Europe/Berlin", False),
        ((1, 1), "Pacific/Auckland", False),
        ((-1, -1), "Pacific/Pago_Pago", True),
        ((-1, -1), None, False),
    ],
)
def test_pause_counts_by_the_patients_own_day(clinic, change, span, zone, paused):
    """9:00 on Monday in London is Sunday evening on Samoa."""
    pause = Pause(first=TODAY + span[0] * DAY, last=TODAY + span[1] * DAY)
    assert plans.is_paused(change(pauses=(pause,), timezone=zone), clinic, AT) is paused
    assert plans.is_paused(change(pauses=(), state=PatientState.PAUSED), clinic, AT)
