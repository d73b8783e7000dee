"""Plans edited by staff: seen as messages before they are kept, in force at once, told to the patient in one line."""

from datetime import date, time, timedelta

import pytest

from bot.app import patients, plan_edits
from bot.app.patients import RefusedError
from bot.app.plan_edits import PlanEdit
from bot.app.plans import plan_of
from bot.app.store import PatientState
from bot.core.schedule import phase_at
from tests.app.conftest import AT

TODAY = AT.date()
DAY = timedelta(days=1)


@pytest.fixture
def edit(database, clinic, anna):
    def done(at=AT, **changes):
        return database.run(lambda s: plan_edits.apply(s, clinic, anna.code, PlanEdit(**changes), "lead-1", at))

    return done


@pytest.fixture
def seen(database, clinic, anna):
    def done(at=AT, **changes):
        return database.run(lambda s: plan_edits.preview(s, clinic, anna.code, PlanEdit(**changes), at))

    return done


def patient(database, anna):
    return database.run(lambda s: s.patient(anna.id))


def told(database):
    return [q.row.screen for q in database.tables.all("outbox") if q.row.screen.name == "plan.changed"]


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
    assert told(database) == []


def test_a_combination_is_asked_daily_and_the_new_days_are_marked(database, anna, edit):
    found = edit(regimen="combination")
    assert (found.regimen, found.plan) == ("combination", "combination")
    assert len(days(found)) >= 13
    assert days(found, "new")
    assert not days(found, "gone")
    assert patient(database, anna).next_due_at.date() == TODAY + DAY


def test_a_stop_thins_out_to_the_tail(database, clinic, anna, edit):
    found = edit(ici_stop=TODAY)
    assert days(found, "gone")
    assert found.ici_stop == TODAY
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY + DAY) == "tail"


def test_a_restart_after_a_hold_begins_the_early_phase_again(database, clinic, anna, edit):
    edit(ici_start=TODAY - timedelta(days=200))
    edit(ici_stop=TODAY - timedelta(days=20))
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY) == "tail"
    found = edit(ici_restart=TODAY)
    assert (found.ici_start, found.ici_stop) == (TODAY, None)
    assert phase_at(plan_of(patient(database, anna), clinic), TODAY) == "early"
    assert days(found, "new")


def test_it_holds_at_once_and_the_patient_is_told_in_one_line(database, anna, edit):
    before = patient(database, anna).next_due_at
    found = edit(send_time=time(18))
    after = patient(database, anna)
    assert after.send_time == time(18)
    assert after.next_due_at != before
    assert any(m.mark == "moved" for m in found.messages)
    (screen,) = told(database)
    assert [line.key for line in screen.lines] == ["plan.changed", "done.next"]
    (line,) = [a for a in database.run(lambda s: s.audit_lines(anna.code)) if a.action == "plan_changed"]
    assert (line.actor, dict(line.detail)) == ("lead-1", {"send_time": "18:00:00"})


def test_an_open_check_in_stays_and_a_day_that_was_asked_is_not_asked_again(database, clinic, anna, edit):
    before = database.run(lambda s: s.open_checkin(anna.id))
    edit(ici_start=TODAY - timedelta(days=28), send_time=time(18))
    assert database.run(lambda s: s.open_checkin(anna.id)) == before
    assert patient(database, anna).next_due_at.date() > TODAY


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "nothing would change"),
        ({"ici_start": date(2026, 2, 1)}, "nothing would change"),
        ({"ici_stop": date(2026, 1, 1)}, "ICI stop 2026-01-01: it lies before the start on 2026-02-01"),
        ({"ici_restart": date(2026, 1, 1)}, "it lies before the start on 2026-02-01"),
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
    assert told(database) == []


def test_all_faults_are_told_at_once(edit):
    with pytest.raises(RefusedError, match=r"weekly.*22:00"):
        edit(plan="weekly", send_time=time(22))


def test_who_has_left_is_refused_and_who_is_invited_is_not_written_to(database, clinic, anna, edit):
    database.run(lambda s: patients.add(s, clinic, code="P-0002", ici_start=TODAY, at=AT))
    new = PlanEdit(ici_start=TODAY + DAY)
    found = database.run(lambda s: plan_edits.apply(s, clinic, "P-0002", new, "lead-1", AT))
    assert found.ici_start == TODAY + DAY
    assert told(database) == []
    database.run(lambda s: patients.withdraw(s, clinic, anna.code, AT, actor="x"))
    assert patient(database, anna).state is PatientState.WITHDRAWN
    with pytest.raises(RefusedError, match="has left"):
        edit(send_time=time(18))


def test_a_pause_leaves_a_gap_of_messages(database, clinic, anna, seen):
    database.run(lambda s: patients.pause(s, clinic, anna.code, TODAY + 20 * DAY, AT))
    assert seen().messages == ()


def test_reminders_keep_out_of_quiet_hours(database, clinic, anna, seen):
    for message in seen(send_time=time(20, 45)).messages:
        assert message.at.hour in range(8, 20), message
