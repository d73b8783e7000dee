"""Plans edited by staff: previewed as messages, in force at once, notified to the patient in one line."""

from datetime import date, time, timedelta

import pytest

from bot.app.operations import sweeps
from bot.app.patients import participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import PatientState
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.app.schedules.plans import occurrence_after, plan_of
from bot.core.follow_up import FollowUp
from bot.core.plan_override import PlanOverride, Rhythm
from bot.core.schedule import Pause, phase_at
from bot.core.treatment import StopReason
from tests.app.conftest import AT
from tests.fakes.work import work_on

TODAY = AT.date()
DAY = timedelta(days=1)


@pytest.fixture
def edit(database, clinic, anna):
    def done(at=AT, **changes):
        return database.run(
            lambda s: plan_edits.apply(work_on(s, clinic, at, actor="lead-1"), anna.code, PlanEdit(**changes))
        )

    return done


@pytest.fixture
def seen(database, clinic, anna):
    def done(at=AT, **changes):
        return database.run(lambda s: plan_edits.preview(work_on(s, clinic, at), anna.code, PlanEdit(**changes)))

    return done


def patient(database, anna):
    return database.run(lambda s: s.patients.get(anna.id))


def notified(database):
    return [q.row.screen for q in database.outbox() if q.row.screen.name == "plan.changed"]


def days(preview, *marks, kind="check-in"):
    return [m.day for m in preview.messages if m.kind == kind and m.mark in (marks or ("same", "new", "moved"))]


def test_the_plan_as_it_is_comes_with_its_messages(seen):
    found = seen()
    assert {m.mark for m in found.messages} == {"same"}
    assert days(found)[0] > TODAY
    assert all(AT < m.at <= AT + timedelta(days=14) for m in found.messages)
    assert any(m.kind == "reminder" for m in found.messages)
    assert [m.at for m in found.messages] == sorted(m.at for m in found.messages)


def test_a_preview_changes_nothing(database, anna, seen):
    before = patient(database, anna)
    assert days(seen(regimen="combination"), "new")
    assert patient(database, anna) == before
    assert notified(database) == []


def test_a_combination_is_asked_daily_and_the_new_days_are_marked(database, anna, edit):
    found = edit(regimen="combination")
    assert (found.regimen, found.plan) == ("combination", "combination")
    assert len(days(found)) >= 13
    assert days(found, "new")
    assert not days(found, "gone")
    assert patient(database, anna).next_due_at.date() == TODAY + DAY


def test_a_stop_in_the_early_phase_takes_no_check_in_away(database, clinic, anna, edit):
    found = edit(ici_stop=TODAY, stop_reason=StopReason.PLANNED_END)
    assert {m.mark for m in found.messages} == {"same"}
    assert (found.ici_stop, found.stop_reason) == (TODAY, "planned_end")
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY + DAY) == "early"


def test_a_restart_after_a_hold_begins_the_early_phase_again(database, clinic, anna, edit):
    edit(ici_start=TODAY - timedelta(days=200))
    edit(ici_stop=TODAY - timedelta(days=10), stop_reason=StopReason.PLANNED_END)
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY) == "middle"
    found = edit(ici_restart=TODAY)
    assert (found.ici_start, found.ici_stop) == (TODAY, None)
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY) == "early"
    assert days(found, "new")


def test_plan_edit_holds_at_once_and_notifies_in_one_line(database, anna, edit):
    before = patient(database, anna).next_due_at
    found = edit(send_time=time(18))
    after = patient(database, anna)
    assert after.send_time == time(18)
    assert after.next_due_at != before
    assert any(m.mark == "moved" for m in found.messages)
    (screen,) = notified(database)
    assert [line.key for line in screen.lines] == ["plan.changed", "done.next"]
    (line,) = [a for a in database.run(lambda s: s.audit.lines(anna.code)) if a.action == "plan_changed"]
    assert (line.actor, dict(line.detail)) == ("lead-1", {"send_time": "18:00:00"})


def test_an_open_check_in_stays_and_a_day_that_was_asked_is_not_asked_again(database, clinic, anna, edit):
    before = database.run(lambda s: s.checkins.open_of(anna.id))
    edit(ici_start=TODAY - timedelta(days=28), send_time=time(18))
    assert database.run(lambda s: s.checkins.open_of(anna.id)) == before
    assert patient(database, anna).next_due_at.date() > TODAY


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "the edit changes nothing"),
        ({"ici_start": date(2026, 2, 1)}, "the edit changes nothing"),
        ({"ici_stop": date(2026, 1, 1)}, "ICI stop 2026-01-01: it is before the start on 2026-02-01"),
        ({"ici_restart": date(2026, 1, 1)}, "it is before the start on 2026-02-01"),
        ({"ici_restart": TODAY, "ici_stop": TODAY}, "leave those out"),
        ({"ici_start": date(2015, 1, 1)}, "more than ten years ago"),
        ({"ici_stop": date(2028, 1, 1)}, "more than a year ahead"),
        ({"plan": "weekly"}, "plan 'weekly': the protocol has"),
        ({"send_time": time(22)}, "quiet hours, 21:00 to 09:00"),
    ],
)
def test_a_bad_edit_is_refused_and_changes_nothing(database, anna, edit, changes, words):
    before = patient(database, anna)
    with pytest.raises(RefusedError, match=words):
        edit(**changes)
    assert patient(database, anna) == before
    assert notified(database) == []


def test_plan_edit_reports_all_faults_at_once(edit):
    with pytest.raises(RefusedError, match=r"weekly.*22:00"):
        edit(plan="weekly", send_time=time(22))


def test_who_has_left_is_refused_and_who_is_invited_is_not_written_to(database, clinic, anna, edit):
    database.run(lambda s: registry.add(work_on(s, clinic, AT, actor="operator"), code="P-0002", ici_start=TODAY))
    new = PlanEdit(ici_start=TODAY + DAY)
    found = database.run(lambda s: plan_edits.apply(work_on(s, clinic, AT, actor="lead-1"), "P-0002", new))
    assert found.ici_start == TODAY + DAY
    assert notified(database) == []
    database.run(lambda s: participation.withdraw(work_on(s, clinic, AT, actor="x"), anna.code))
    assert patient(database, anna).state is PatientState.WITHDRAWN
    with pytest.raises(RefusedError, match="has withdrawn"):
        edit(send_time=time(18))


def test_a_pause_leaves_a_gap_of_messages(database, clinic, anna, seen):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, TODAY + 20 * DAY))
    assert seen().messages == ()


def test_reminders_keep_out_of_quiet_hours(database, clinic, anna, seen):
    for message in seen(send_time=time(20, 45)).messages:
        assert message.at.hour in range(8, 20), message


# -- one patient's own


def test_every_so_many_days_weekdays_and_a_day_more_are_seen_before_they_hold(database, anna, edit, seen):
    before = days(seen())
    every_day = Rhythm(first_day=0, every=1)
    assert len(days(seen(rhythms=(every_day,)), "new")) > 5
    assert {d.weekday() for d in days(seen(weekdays=(0, 3)))} <= {0, 3}
    extra = TODAY + 2 * DAY
    assert extra not in before
    assert days(seen(add_days=(extra,)), "new") == [extra]
    assert patient(database, anna).plan_override == PlanOverride()
    edit(add_days=(extra,), weekdays=(3, 0, 3))
    edit(rhythms=(every_day,))
    own = patient(database, anna).plan_override
    assert (own.rhythms, own.weekdays, [e.day for e in own.extras]) == ((every_day,), (0, 3), [extra])
    assert len(notified(database)) == 2
    edit(rhythms=(), weekdays=(), drop_days=(extra,))
    assert patient(database, anna).plan_override == PlanOverride()
    assert days(seen()) == before


def test_a_rhythm_doesnt_change_what_is_asked_daily(database, anna, clinic, edit):
    follow_up = FollowUp(groups=("sensory",), since=TODAY)
    database.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update={"follow_up": follow_up})))
    edit(rhythms=(Rhythm(first_day=0, every=30),), weekdays=(0,))
    following = occurrence_after(patient(database, anna), clinic, AT + DAY)
    assert following.local_date == TODAY + 2 * DAY, "a red flag's follow-up waits for no weekday"


def test_single_days_that_passed_are_forgotten_when_others_are_added(database, anna, edit):
    edit(add_days=(TODAY + DAY,))
    edit(at=AT + 3 * DAY, add_days=(TODAY + 9 * DAY,))
    assert [e.day for e in patient(database, anna).plan_override.extras] == [TODAY + 9 * DAY]


def test_a_day_more_that_falls_due_is_asked(database, clinic, anna, edit):
    """As the sweep does it, on a day the plan would not ask."""
    extra = TODAY + 2 * DAY
    edit(add_days=(extra,))
    due = occurrence_after(patient(database, anna), clinic, AT)
    while due.local_date < extra:
        due = occurrence_after(patient(database, anna), clinic, due.due_at)
    database.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update={"next_due_at": due.due_at})))
    database.run(lambda s: sweeps.check_ins_due(work_on(s, clinic, due.due_at), 9))
    assert database.run(lambda s: s.checkins.open_of(anna.id)).due_at == due.due_at


def test_a_planned_pause_has_a_reason_and_ends_by_itself(database, anna, edit, seen):
    pause = Pause(first=TODAY + 3 * DAY, last=TODAY + 9 * DAY, reason="holiday")
    before = days(seen())
    gone = [day for day in before if pause.first <= day <= pause.last]
    assert len(gone) >= 3, "three check-ins would have fallen due"
    assert days(seen(pause=pause), "gone") == gone
    edit(pause=pause)
    assert patient(database, anna).pauses == (pause,)
    assert patient(database, anna).state is PatientState.ACTIVE
    screen = [q.row.screen for q in database.outbox()][-1]
    assert (screen.lines[0].key, sorted(screen.lines[0].values)) == ("pause.planned", ["first", "last"])
    assert days(seen()) == [day for day in before if day not in gone]


def test_the_newest_pause_holds_where_two_meet(database, anna, edit):
    edit(pause=Pause(first=TODAY + 3 * DAY, last=TODAY + 9 * DAY, reason="holiday"))
    edit(pause=Pause(first=TODAY + 20 * DAY, last=TODAY + 22 * DAY))
    edit(pause=Pause(first=TODAY + 5 * DAY, last=TODAY + 6 * DAY, reason="hospital"))
    assert [(p.first - TODAY, p.last - TODAY, p.reason) for p in patient(database, anna).pauses] == [
        (3 * DAY, 4 * DAY, "holiday"),
        (5 * DAY, 6 * DAY, "hospital"),
        (20 * DAY, 22 * DAY, None),
    ]


def test_an_open_check_in_stays_as_it_is_through_all_of_it(database, anna, edit):
    before = database.run(lambda s: s.checkins.open_of(anna.id))
    edit(rhythms=(Rhythm(first_day=0, every=1),), weekdays=(0,), add_days=(TODAY,))
    edit(pause=Pause(first=TODAY, last=TODAY + DAY))
    assert database.run(lambda s: s.checkins.open_of(anna.id)) == before


def test_what_was_asked_today_is_not_asked_again_by_any_of_it(database, anna, edit):
    edit(rhythms=(Rhythm(first_day=0, every=1),), add_days=(TODAY,))
    assert patient(database, anna).next_due_at.date() > TODAY


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"weekdays": (7,)}, "0 is Monday"),
        ({"add_days": (TODAY - DAY,)}, "from today to a year"),
        ({"add_days": (TODAY + 367 * DAY,)}, "from today to a year"),
        ({"drop_days": (TODAY,)}, "none was added"),
        ({"pause": Pause(first=TODAY - DAY, last=TODAY)}, "from today to a year"),
        ({"pause": Pause(first=TODAY, last=TODAY + 184 * DAY)}, "half a year at most"),
    ],
)
def test_bad_plan_overrides_are_refused(database, anna, edit, bad, why):
    before = patient(database, anna)
    with pytest.raises(RefusedError, match=why):
        edit(**bad)
    assert patient(database, anna) == before


def test_only_an_active_patient_has_a_planned_pause(database, anna, clinic, edit):
    database.run(lambda s: participation.pause(work_on(s, clinic, AT, actor="operator"), anna.code, None))
    with pytest.raises(RefusedError, match="is paused: only an active"):
        edit(pause=Pause(first=TODAY, last=TODAY + DAY))


def test_the_audit_says_what_became_different(database, anna, edit):
    edit(weekdays=(0,), send_time=time(18))
    line = database.run(lambda s: s.audit.lines(anna.code))[0]
    assert (line.actor, line.action, sorted(line.detail)) == ("lead-1", "plan_changed", ["plan_override", "send_time"])
