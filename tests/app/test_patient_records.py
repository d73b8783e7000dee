"""What coordinators see of patients: one line each, everything about one, and the timeline, field by field."""

from datetime import date, time, timedelta
from functools import partial

import pytest

from bot.app.operations import tasks
from bot.app.patients import history, listing, timeline, views
from bot.app.patients.listing import PatientFilter
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertState, Task
from bot.app.records.concerns import ConcernChange, MemoryRow
from bot.app.records.operations import Audit
from bot.app.records.patients import PatientState
from bot.core.checkin import State
from bot.core.concern_values import Concern, ConcernState
from bot.core.memory import Memory
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.treatment import StopReason
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = AT.date()


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


def patient(run, code, **changes):
    return run(lambda s: s.patients.add(samples.patient(code, **changes)))


def alert(run, of, **changes):
    return run(lambda s: s.alerts.add(samples.alert(of.id, **changes)))


def task(run, of, kind):
    return run(lambda s: s.tasks.add(Task(kind=kind, patient_id=of.id, subject=of.code, raised_at=AT)))


# -- lines of the shell


def test_lines_of_patients_come_by_code_a_page_at_a_time(run):
    for number, start in ((3, date(2026, 2, 3)), (1, date(2026, 2, 1)), (2, date(2026, 2, 2))):
        patient(run, f"A-{number}", ici_start=start, state=PatientState.ACTIVE, next_due_at=AT + number * DAY)
    first = run(lambda s: s.patients.by_code("A-1"))
    for state in (AlertState.OPEN, AlertState.CONFIRMED, AlertState.UNCONFIRMED, AlertState.CLOSED):
        alert(run, first, state=state, closed_at=AT if state is AlertState.CLOSED else None)
    lines = run(lambda s: views.listing(s, limit=2))
    assert [line.model_dump() for line in lines] == [
        {
            "code": "A-1",
            "state": "active",
            "ici_start": date(2026, 2, 1),
            "plan": "standard",
            "next_due_at": AT + DAY,
            "open_alerts": 3,
        },
        {
            "code": "A-2",
            "state": "active",
            "ici_start": date(2026, 2, 2),
            "plan": "standard",
            "next_due_at": AT + 2 * DAY,
            "open_alerts": 0,
        },
    ]
    assert [line.code for line in run(lambda s: views.listing(s, after="A-2"))] == ["A-3"]


# -- everything about one


def test_view_shows_every_fact_of_a_patient(run):
    facts = {
        "language": "ru",
        "timezone": "Asia/Tokyo",
        "regimen": "combination",
        "plan": "combination",
        "unreachable_at": AT - DAY,
        "next_due_at": AT + DAY,
    }
    given = (samples.period(date(2026, 2, 20), drug="nivolumab"),)
    made = patient(run, "A-1", state=PatientState.ACTIVE, send_time=time(18, 5), periods=given, **facts)
    seen = run(views.view, "A-1", at=AT)
    assert {name: getattr(seen, name) for name in facts} == facts
    assert (seen.code, seen.state, seen.send_time) == ("A-1", "active", "18:05")
    assert (seen.ici_start, seen.ici_stop, seen.drug) == (date(2026, 2, 20), None, "nivolumab")
    assert (seen.consent, seen.tier, seen.checkins, seen.alerts, seen.tasks) == (None, None, (), (), ())
    assert len(seen.upcoming) == 5
    assert list(seen.upcoming) == sorted(set(seen.upcoming))
    assert AT < seen.upcoming[0] <= AT + 2 * DAY
    row = run(lambda s: s.checkins.add(samples.checkin(made.id, form="full", kind="extra")))
    alert(run, made, checkin_id=row.id, tier=Tier.SOON, rules=("a", "b"), safety_follow_ups=2, last_reply="not_yet")
    task(run, made, "unreachable")
    run(lambda s: s.assessments.add(samples.assessment(row.id, made.id)))
    seen = run(views.view, "A-1", at=AT)
    assert (seen.tier, seen.tasks) == ("URGENT", ("unreachable",))
    (checkin,) = seen.checkins
    assert (checkin.id, checkin.form, checkin.kind, checkin.due_at) == (row.id, "full", "extra", row.due_at)
    assert (checkin.state, checkin.answers) == ("asking", {})
    (found,) = seen.alerts
    stored = run(lambda s: s.alerts.get(found.id))
    assert found.model_dump() == {
        "id": stored.id,
        "tier": "SOON",
        "state": "open",
        "raised_at": stored.raised_at,
        "rules": ("a", "b"),
        "safety_follow_ups": 2,
        "last_reply": "not_yet",
        "mistake_at": None,
        "declared": None,
    }


def test_view_shows_a_stop_the_answers_and_the_unanswered(run):
    stopped = (samples.period(date(2025, 2, 1), date(2025, 9, 1), drug="ipilimumab"),)
    stopped += (samples.period(date(2026, 1, 5), date(2026, 2, 20), StopReason.SIDE_EFFECT),)
    made = patient(run, "A-1", periods=stopped, unanswered=4)
    row = run(lambda s: s.checkins.add(samples.checkin(made.id, closed_at=AT, state=State.DONE)))
    run(lambda s: s.answers.record(samples.answer(row.id, made.id, "which_new", "eyes", "face")))
    seen = run(views.view, "A-1")
    assert (seen.ici_start, seen.ici_stop, seen.stop_reason) == (date(2025, 2, 1), date(2026, 2, 20), "side_effect")
    assert (seen.drug, seen.unanswered) == (None, 4)
    assert [(p.period, p.start, p.drug) for p in seen.periods] == [
        (1, date(2025, 2, 1), "ipilimumab"),
        (2, date(2026, 1, 5), None),
    ]
    assert [(c.state, c.answers) for c in seen.checkins] == [("done", {"which_new": ("eyes", "face")})]


def test_view_shows_concerns_newest_first_each_with_its_own_changes(run):
    """One without the time of its first finding is from before such times were kept: it is as old as the patient."""
    made = patient(run, "A-1", created_at=AT - 9 * DAY)
    found = {
        name: Concern(symptom=name, state=state, own_tier=tier, first_found_at=at)
        for name, state, tier, at in (
            ("balance", ConcernState.REACHED, Tier.SOON, None),
            ("eyes", ConcernState.OPEN, Tier.URGENT, AT - DAY),
            ("numbness", ConcernState.SETTLED, Tier.SOON, AT - 20 * DAY),
            ("face", ConcernState.OPEN, Tier.EMERGENCY, AT),
        )
    }
    run(lambda s: s.concerns.add(MemoryRow(patient_id=made.id, value=Memory(concerns=found))))
    for symptom, what, actor in (("eyes", "opened", "patient:A-1"), ("face", "opened", "b"), ("eyes", "reached", "c")):
        change = ConcernChange(
            patient_id=made.id,
            checkin_id=None,
            symptom=symptom,
            what=what,
            state=ConcernState.OPEN,
            tier=Tier.URGENT,
            at=AT,
            actor=actor,
        )
        run(lambda s, c=change: s.concerns.add_change(c))
    seen = run(views.view, "A-1").concerns
    assert [(c.symptom, c.state, c.tier, c.since) for c in seen] == [
        ("face", "open", "EMERGENCY", AT),
        ("eyes", "open", "URGENT", AT - DAY),
        ("balance", "reached", "SOON", None),
        ("numbness", "settled", "SOON", AT - 20 * DAY),
    ]
    assert seen[0].changes == ((AT, "opened", "b"),)
    assert sorted(seen[1].changes) == [(AT, "opened", "patient:A-1"), (AT, "reached", "c")]
    assert (seen[2].changes, seen[3].changes) == ((), ())


@pytest.mark.parametrize("state", [PatientState.INVITED, PatientState.PAUSED, PatientState.WITHDRAWN])
def test_view_of_a_patient_who_is_not_active_has_no_dates_to_come(run, state):
    patient(run, "A-1", state=state)
    assert run(views.view, "A-1", at=AT).upcoming == ()


@pytest.mark.parametrize(("withdrawn", "shown"), [(None, "2026-02"), (AT, None)])
def test_view_shows_the_newest_consent_unless_withdrawn(run, withdrawn, shown):
    made = patient(run, "A-1")
    for version, ended in (("2025-11", None), ("2026-01", None), ("2026-02", withdrawn)):
        given = samples.consent(made.id).model_copy(update={"version": version, "withdrawn_at": ended})
        run(lambda s, c=given: s.consents.add(c))
    assert run(views.view, "A-1", at=AT).consent == shown


def test_view_of_nobody_is_refused(run):
    with pytest.raises(RefusedError, match=r"^no patient has the code 'A-1': see `nervecheck patient list`$"):
        run(views.view, "A-1")


def test_record_of_a_patient_is_oldest_first_with_the_newest_assessment(run):
    made = patient(run, "A-1")
    rows = [
        run(lambda s, n=n: s.checkins.add(samples.checkin(made.id, AT + n * DAY, State.DONE, closed_at=AT)))
        for n in range(2)
    ]
    for tier in (Tier.SOON, Tier.EMERGENCY):
        found = samples.assessment(rows[0].id, made.id).model_copy(update={"tier": tier})
        run(lambda s, f=found: s.assessments.add(f))
    alerts = [alert(run, made), alert(run, made)]
    run(lambda s: s.answers.record(samples.answer(rows[0].id, made.id, "numbness", "mild")))
    found = run(lambda s: history.record_of(s, made))
    assert (found.patient, found.code) == (made, "A-1")
    assert [c.row.id for c in found.checkins] == [row.id for row in rows]
    assert [c.assessment and c.assessment.tier for c in found.checkins] == [Tier.EMERGENCY, None]
    assert [[a.choices for a in c.answers] for c in found.checkins] == [[("mild",)], []]
    assert [a.id for a in found.alerts] == [a.id for a in alerts]
    patient(run, "A-2")
    assert run(lambda s: history.codes_after(s, "A-1")) == ["A-2"]


# -- the timeline


def test_timeline_shows_each_event_of_an_alert(run):
    made = patient(run, "A-1")
    row = run(lambda s: s.checkins.add(samples.checkin(made.id, opened_at=AT)))
    run(lambda s: s.assessments.add(samples.assessment(row.id, made.id)))
    alert(
        run,
        made,
        checkin_id=row.id,
        tier=Tier.URGENT,
        rules=("new.eyes",),
        raised_at=AT,
        last_reply="not_yet",
        replied_at=AT + MINUTE,
        mistake_at=AT + 2 * MINUTE,
        owner="ann",
        acknowledged_at=AT + 3 * MINUTE,
        outcome="sent_to_ed",
        noted_at=AT + 4 * MINUTE,
        closed_by="ben",
        closed_at=AT + 5 * MINUTE,
    )
    seen = [((e.at - AT) // MINUTE, e.kind, e.what, e.tier, e.facts, e.by) for e in run(timeline.timeline, made, at=AT)]
    assert seen == [
        (5, "staff", "alert.closed", "URGENT", (), "ben"),
        (4, "staff", "outcome.sent_to_ed", "URGENT", (), "ann"),
        (3, "staff", "alert.acknowledged", "URGENT", (), "ann"),
        (2, "call", "call.mistake", "URGENT", (), None),
        (1, "call", "call.not_yet", "URGENT", (), None),
        (0, "alert", "alert.raised", "URGENT", ("new.eyes",), None),
        (0, "checkin", "checkin.asking", "URGENT", (), None),
    ]


@pytest.mark.parametrize(
    "half", [{"outcome": "no_action"}, {"noted_at": AT}, {"last_reply": "called"}, {"replied_at": AT}]
)
def test_timeline_needs_time_and_words_of_an_event(run, half):
    made = patient(run, "A-1")
    alert(run, made, **half)
    assert [e.what for e in run(timeline.timeline, made)] == ["alert.raised"]


def test_timeline_shows_answers_that_report_something(run):
    made = patient(run, "A-1")
    answers = {
        "numbness": ("mild",),
        "safety_now": ("none",),
        "falls": ("no",),
        "interference": ("not_at_all",),
        "known_before": ("yes_known",),
        "which_new": ("eyes", "face"),
        "dropped": ("none",),
    }
    row = run(lambda s: s.checkins.add(samples.checkin(made.id)))
    for question, choices in answers.items():
        run(lambda s, q=question, c=choices: s.answers.record(samples.answer(row.id, made.id, q, *c)))
    (event,) = run(timeline.timeline, made)
    assert event.answers == {"numbness": ("mild",), "which_new": ("eyes", "face"), "dropped": ("none",)}
    assert event.tier is None


def test_timeline_shows_acts_of_staff_with_their_details(run):
    made = patient(run, "A-1")
    for minutes, action in enumerate(("plan_changed", "patient_paused", "alert_noted", "level_agreed")):
        detail = {"until": "2026-03-09", "days": None}
        line = Audit(at=AT + minutes * MINUTE, actor="ann", action=action, subject="A-1", detail=detail)
        run(lambda s, x=line: s.audit.add(x))
    seen = [(e.at - AT, e.kind, e.what, e.tier, e.facts, e.by) for e in run(timeline.timeline, made)]
    fact = ("until: 2026-03-09",)
    assert seen == [
        (3 * MINUTE, "staff", "staff.level_agreed", None, fact, "ann"),
        (MINUTE, "staff", "staff.patient_paused", None, fact, "ann"),
        (timedelta(0), "staff", "staff.plan_changed", None, fact, "ann"),
    ]


def audit(run, action, minutes, *, subject="A-1", **detail):
    line = Audit(at=AT + minutes * MINUTE, actor="ann", action=action, subject=subject, detail=detail)
    run(lambda s: s.audit.add(line))


def seen_events(run, made):
    found = run(timeline.timeline, made)
    return [((e.at - AT) // MINUTE, e.kind, e.what, e.tier, e.facts, e.by, e.alert_id) for e in found]


def test_timeline_shows_replies_findings_that_joined_and_outcomes_of_this_patient_alone(run):
    made = patient(run, "A-1")
    audit(run, "patient_called", 1, alert=4, tier="URGENT")
    audit(run, "patient_mistake", 2)
    audit(run, "alert_joined", 3, tier="EMERGENCY")
    audit(run, "alert_noted", 4, outcome="no_action", tier="SOON", reason="a flu")
    audit(run, "alert_noted", 5, outcome="not_reached")
    audit(run, "patient_opened_menu", 6)
    for action in ("patient_called", "alert_joined", "plan_changed"):
        audit(run, action, 7, subject="A-2", tier="SOON")
    assert seen_events(run, made) == [
        (5, "staff", "outcome.not_reached", None, (), "ann", None),
        (4, "staff", "outcome.no_action", "SOON", ("reason: a flu",), "ann", None),
        (3, "alert", "alert.joined", "EMERGENCY", (), None, None),
        (2, "call", "call.mistake", None, (), None, None),
        (1, "call", "call.called", "URGENT", (), None, 4),
    ]


def test_timeline_shows_once_what_the_audit_and_the_alert_both_keep(run):
    made = patient(run, "A-1")
    kept = {"outcome": "seen", "noted_at": AT + 5 * MINUTE, "owner": "ben", "last_reply": "called"}
    stored = alert(run, made, tier=Tier.SOON, raised_at=AT, replied_at=AT + MINUTE, **kept)
    audit(run, "patient_called", 1, alert=stored.id, tier="SOON")
    audit(run, "alert_noted", 4, outcome="not_reached", tier="SOON")
    audit(run, "alert_noted", 5, outcome="seen", tier="SOON")
    assert seen_events(run, made) == [
        (5, "staff", "outcome.seen", "SOON", (), "ann", None),
        (4, "staff", "outcome.not_reached", "SOON", (), "ann", None),
        (1, "call", "call.called", "SOON", (), None, stored.id),
        (0, "alert", "alert.raised", "SOON", ("breathing",), None, None),
    ]


def test_timeline_keeps_the_last_reply_of_an_alert_whose_line_is_no_longer_searched(run, monkeypatch):
    monkeypatch.setattr(timeline, "MAX_AUDIT_LINES", 1)
    made = patient(run, "A-1")
    replied = {"last_reply": "not_yet", "replied_at": AT + MINUTE, "mistake_at": AT + 2 * MINUTE}
    stored = alert(run, made, tier=Tier.SOON, raised_at=AT, **replied)
    audit(run, "patient_not_yet", 1, alert=stored.id, tier="SOON")
    audit(run, "plan_changed", 3, plan="standard")
    assert seen_events(run, made)[:-1] == [
        (3, "staff", "staff.plan_changed", None, ("plan: standard",), "ann", None),
        (2, "call", "call.mistake", "SOON", (), None, stored.id),
        (1, "call", "call.not_yet", "SOON", (), None, stored.id),
    ]


def test_timeline_shows_the_newest_tier_of_a_check_in(run):
    made = patient(run, "A-1")
    row = run(lambda s: s.checkins.add(samples.checkin(made.id, state=State.DONE, opened_at=AT, closed_at=AT)))
    for tier in (Tier.URGENT, Tier.SOON):
        assessed = samples.assessment(row.id, made.id).model_copy(update={"tier": tier})
        run(lambda s, a=assessed: s.assessments.add(a))
    assert seen_events(run, made) == [(0, "checkin", "checkin.done", "SOON", (), None, None)]


# -- the list of the console


def codes(run, **criteria):
    return [line.code for line in run(listing.page, PatientFilter(**criteria), at=AT).lines]


@pytest.fixture
def ward(run):
    """Patients by code, with open alerts, tasks, and treatment that began long ago."""
    made = {}
    for code, days in (("A-1", 0), ("A-2", 91), ("A-3", 92), ("A-4", 182), ("A-5", 183), ("B-6", 10)):
        made[code] = patient(run, code, ici_start=TODAY - days * DAY, state=PatientState.ACTIVE)
    alert(run, made["A-3"], tier=Tier.SOON)
    alert(run, made["A-4"], tier=Tier.URGENT)
    alert(run, made["A-4"], tier=Tier.SOON)
    alert(run, made["A-1"], tier=Tier.URGENT, state=AlertState.CLOSED, closed_at=AT)
    task(run, made["A-5"], "missed_twice")
    task(run, made["B-6"], "unreachable")
    task(run, made["A-2"], "skipped_after_outage")
    return made


def test_list_shows_alerts_first_then_the_silent_then_the_rest(run, ward):
    assert codes(run) == ["A-4", "A-3", "A-5", "B-6", "A-1", "A-2"]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"tier": "URGENT"}, ["A-4"]),
        ({"tier": "SOON"}, ["A-4", "A-3"]),
        ({"tier": "EMERGENCY"}, []),
        ({"silence": "silent"}, ["A-5"]),
        ({"silence": "unreachable"}, ["B-6"]),
        ({"code": "A-"}, ["A-1", "A-2", "A-3", "A-4", "A-5"]),
        ({"code": "A-", "phase": "early"}, ["A-1", "A-2"]),
        ({"code": "A-", "phase": "middle"}, ["A-3", "A-4"]),
        ({"code": "A-", "phase": "late"}, ["A-5"]),
        ({"code": "A-3", "tier": "SOON"}, ["A-3"]),
        ({"tier": "SOON", "phase": "early"}, []),
    ],
)
def test_list_is_filtered_by_code_phase_tier_and_silence(run, ward, criteria, found):
    assert sorted(codes(run, **criteria)) == sorted(found)


def test_list_by_phase_alone_goes_by_ici_start(run, ward):
    assert sorted(codes(run, phase="early")) == ["A-1", "A-2", "B-6"]
    assert sorted(codes(run, phase="middle")) == ["A-3", "A-4"]
    assert sorted(codes(run, phase="late")) == ["A-5"]


@pytest.mark.parametrize(
    ("days", "phase"),
    [(-367, None), (-366, "early"), (91, "early"), (92, "middle"), (182, "middle"), (183, "late"), (3000, "late")],
)
def test_phase_is_counted_from_the_newest_start_in_days_of_the_clinic(run, days, phase):
    """23:30 in London is the next day in Berlin."""
    late = AT.replace(hour=23, minute=30)
    begun = TODAY + DAY - days * DAY
    patient(run, "A-1", periods=(samples.period(date(2015, 1, 1), date(2015, 2, 1)), samples.period(begun)))
    for name in ("early", "middle", "late"):
        for criteria in (PatientFilter(phase=name), PatientFilter(phase=name, code="A")):
            found = run(listing.page, criteria, at=late).lines
            assert [line.code for line in found] == (["A-1"] if name == phase else []), (name, criteria)


def test_filtered_list_is_one_page_of_at_most_fifty(run):
    for number in range(51):
        task(run, patient(run, f"A-{number:03}"), "unreachable")
    for criteria in ({"silence": "unreachable"}, {"code": "A-"}):
        page = run(listing.page, PatientFilter(**criteria))
        assert (len(page.lines), page.lines[0].code, page.after) == (50, "A-000", "")


def test_list_reads_so_many_flagged_patients_at_most(run, ward, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FLAGGED", 1)
    assert codes(run, tier="SOON") == []
    assert codes(run, silence="silent") == ["A-5"]
    assert codes(run, silence="unreachable") == []
    assert codes(run, code="A-") == ["A-1"]


def test_task_of_no_patient_flags_nobody(run, ward):
    run(lambda s: s.tasks.add(Task(kind="unreachable", patient_id=None, subject="x", raised_at=AT - DAY)))
    assert codes(run, silence="unreachable") == ["B-6"]


def test_patient_with_an_alert_and_a_task_is_listed_once(run, ward):
    task(run, ward["A-4"], "not_heard_from")
    task(run, ward["A-3"], "unreachable")
    assert codes(run) == ["A-4", "A-3", "A-5", "B-6", "A-1", "A-2"]
    lines = {line.code: line.silent for line in run(listing.page, PatientFilter(), at=AT).lines}
    assert lines == {"A-4": True, "A-3": False, "A-5": True, "B-6": False, "A-1": False, "A-2": False}


def test_line_of_the_list_shows_what_is_open(run, ward):
    lines = {line.code: line for line in run(listing.page, PatientFilter(), at=AT).lines}
    assert lines["A-4"].model_dump() == {
        "code": "A-4",
        "state": "active",
        "week": 27,
        "plan": "standard",
        "tier": "URGENT",
        "alerts": 2,
        "silent": False,
        "unreachable": False,
        "next_due_at": None,
    }
    assert (lines["A-1"].tier, lines["A-1"].alerts, lines["A-5"].silent) == (None, 0, True)


def test_line_of_the_list_says_who_is_paused_or_unreachable(run, ward):
    pause = Pause(first=TODAY, last=TODAY)
    changed = ward["A-1"].model_copy(update={"pauses": (pause,), "unreachable_at": AT, "next_due_at": AT + DAY})
    run(lambda s: s.patients.save(changed))
    line = next(x for x in run(listing.page, PatientFilter(), at=AT).lines if x.code == "A-1")
    assert (line.state, line.unreachable, line.next_due_at) == ("paused", True, AT + DAY)


def test_list_is_paged_and_repeats_no_one(run):
    made = [patient(run, f"A-{n:03}", ici_start=TODAY - DAY) for n in range(51)]
    alert(run, made[-1])
    first = run(listing.page, PatientFilter(), at=AT)
    assert (first.lines[0].code, len(first.lines), first.after) == ("A-050", 51, "A-049")
    second = run(listing.page, PatientFilter(after=first.after), at=AT)
    assert ([line.code for line in second.lines], second.after) == ([], "")
    by_phase = run(listing.page, PatientFilter(phase="early"), at=AT)
    assert (len(by_phase.lines), by_phase.after != "") == (50, True)
    rest = run(listing.page, PatientFilter(phase="early", after=by_phase.after), at=AT)
    assert (len(rest.lines), rest.after) == (1, "")
    assert {line.code for line in (*by_phase.lines, *rest.lines)} == {row.code for row in made}
    assert len(run(listing.page, PatientFilter(phase="early", after="nonsense"), at=AT).lines) == 50


# -- tasks


def test_closed_task_is_audited_with_its_kind_and_refused_twice(run):
    made = patient(run, "A-1")
    task(run, made, "unreachable")
    ((number, kind),) = [(t.id, t.kind) for t in run(tasks.open_tasks)]
    closed = run(tasks.close, number, at=AT + HOUR, by="ann")
    assert (closed.id, closed.kind, run(tasks.open_tasks)) == (number, kind, [])
    (line,) = run(lambda s: s.audit.lines("A-1"))
    assert (line.at, line.actor, line.action, dict(line.detail)) == (AT + HOUR, "ann", "task_closed", {"kind": kind})
    with pytest.raises(RefusedError, match=rf"^there is no open task {number}: see `nervecheck task list`$"):
        run(tasks.close, number, at=AT + HOUR, by="ann")


def test_timeline_goes_back_sixty_check_ins_and_alerts(run):
    made = patient(run, "A-1")
    for number in range(61):
        at = AT + number * DAY
        row = samples.checkin(made.id, at, State.DONE, opened_at=at, closed_at=at)
        run(lambda s, r=row: s.checkins.add(r))
        alert(run, made, raised_at=at)
    kinds = [event.kind for event in run(timeline.timeline, made)]
    assert (kinds.count("checkin"), kinds.count("alert")) == (60, 60)
