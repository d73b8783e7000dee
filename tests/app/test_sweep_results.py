"""Sweeps and what they keep: which rows they process and report, outages and who was missed, what is deleted when."""

from datetime import date, datetime, timedelta
from functools import partial

import pytest

from bot.app.alerts import escalation, replies
from bot.app.checkins import opening, timing
from bot.app.operations import installation, outages, reports, sweeps
from bot.app.records.alerts import Task
from bot.app.records.messages import Lane
from bot.app.records.operations import BEGINNING, Place
from bot.app.records.patients import PatientState
from bot.app.schedules.plans import rescheduled
from bot.core.follow_up import FollowUp
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact
from tests.fakes.work import work_on

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = AT.date()


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


def patient(run, code, **changes):
    values = {"state": PatientState.ACTIVE, "chat_id": 1000 + hash(code) % 1000, "timezone": "Europe/Berlin"} | changes
    return run(lambda s: s.patients.add(samples.patient(code, **values)))


def tasks(run):
    return [(t.kind, t.patient_id, t.subject, t.raised_at) for t in run(lambda s: s.tasks.open())]


# -- check-ins that are due


def planned(run, clinic, code, due_after=AT, **changes):
    made = patient(run, code, ici_start=date(2026, 2, 1), **changes)
    return run(lambda s: s.patients.save(rescheduled(made, clinic, due_after)))


def test_due_check_in_is_opened_once_and_the_next_one_planned(run, clinic):
    made = planned(run, clinic, "A-1")
    due = made.next_due_at
    assert run(sweeps.check_ins_due, at=due - MINUTE, limit=50) == sweeps.SweepResult()
    found = run(sweeps.check_ins_due, at=due, limit=50)
    assert (found.done, found.errors, found.last) == (1, (), Place(due, made.id))
    (row,) = run(lambda s: s.checkins.of_patient(made.id))
    assert (row.kind, row.due_at, row.opened_at) == ("scheduled", due, due)
    following = run(lambda s: s.patients.get(made.id)).next_due_at
    assert following > due
    assert following == rescheduled(made, clinic, due).next_due_at
    assert run(sweeps.check_ins_due, at=due + MINUTE, limit=50).done == 0


def test_due_follow_up_is_of_its_own_kind_and_form(run, clinic):
    made = planned(run, clinic, "A-1", follow_up=FollowUp(groups=("sensory",), since=TODAY))
    kinds = set()
    for _ in range(5):
        run(sweeps.check_ins_due, at=run(lambda s: s.patients.get(made.id)).next_due_at, limit=50)
        row = run(lambda s: s.checkins.of_patient(made.id))[0]
        kinds.add((row.kind, row.value.form))
    assert kinds == {("follow_up", "again"), ("scheduled", "quick")}


@pytest.mark.parametrize(("late", "opened"), [(12 * HOUR, True), (12 * HOUR + MINUTE, False)])
def test_check_in_that_is_late_beyond_the_cutoff_is_skipped(run, clinic, late, opened):
    made = planned(run, clinic, "A-1")
    due = made.next_due_at
    assert run(sweeps.check_ins_due, at=due + late, limit=50).done == 1
    assert len(run(lambda s: s.checkins.of_patient(made.id))) == opened
    subject = f"A-1@{due:%Y-%m-%dT%H:%MZ}"
    assert tasks(run) == ([] if opened else [("skipped_after_outage", made.id, subject, due + late)])
    lines = [(x.actor, x.action, x.subject) for x in run(lambda s: s.audit.lines(limit=50))]
    assert lines == ([] if opened else [("system", "checkin_skipped", "A-1")])


@pytest.mark.parametrize("why", ["unreachable", "plan changed"])
def test_due_time_that_is_void_moves_on_without_a_check_in(run, clinic, why):
    made = planned(run, clinic, "A-1", unreachable_at=AT if why == "unreachable" else None)
    due = made.next_due_at
    if why == "plan changed":
        due = due - HOUR
        run(lambda s: s.patients.save(made.model_copy(update={"next_due_at": due})))
    run(sweeps.check_ins_due, at=due + MINUTE, limit=50)
    assert run(lambda s: s.checkins.of_patient(made.id)) == []
    assert run(lambda s: s.patients.get(made.id)).next_due_at > due
    assert tasks(run) == []


def test_sweep_goes_on_from_a_place_and_no_further_than_its_limit(run, clinic):
    made = [planned(run, clinic, f"A-{n}") for n in range(3)]
    due = max(row.next_due_at for row in made)
    first = run(lambda w: sweeps.check_ins_due(w, 2), at=due)
    assert first.done == 2
    second = run(lambda w: sweeps.check_ins_due(w, 2, first.last), at=due)
    assert second.done == 1
    assert run(lambda w: sweeps.check_ins_due(w, 2, second.last), at=due) == sweeps.SweepResult()


def failing(monkeypatch, module, name):
    def fail(*_):
        raise KeyError("broken")

    monkeypatch.setattr(module, name, fail)


@pytest.mark.parametrize("sweep", ["checkin_clocks", "alert_clocks", "team_clocks"])
def test_sweep_reports_rows_that_fail_and_where_it_ended(run, clinic, anna, monkeypatch, sweep):
    number = run(lambda s: s.checkins.open_of(anna.id)).id
    alert = run(lambda s: s.alerts.add(samples.alert(anna.id, next_patient_prompt_at=AT, next_escalation_at=AT)))
    row = run(lambda s: s.checkins.get(number))
    run(lambda s: s.checkins.save(row.model_copy(update={"next_action_at": AT})))
    module = {"checkin_clocks": timing, "alert_clocks": replies, "team_clocks": escalation}[sweep]
    failing(monkeypatch, module, "step")
    due = getattr(sweeps, sweep)
    found = run(lambda w: due(w, 5), at=AT)
    assert (found.done, [type(e) for e in found.errors]) == (0, [KeyError])
    assert found.last == Place(AT, number if sweep == "checkin_clocks" else alert.id)
    assert run(lambda w: due(w, 5, found.last), at=AT) == sweeps.SweepResult()
    assert run(lambda w: due(w, 5), at=AT - MINUTE) == sweeps.SweepResult()


@pytest.mark.parametrize("sweep", ["checkin_clocks", "alert_clocks", "team_clocks"])
def test_sweep_processes_no_more_rows_than_its_limit(run, sweep):
    for number in range(3):
        made = patient(run, f"A-{number}", chat_id=100 + number)
        row = samples.checkin(made.id, next_action_at=AT + number * MINUTE)
        run(lambda s, r=row: s.checkins.add(r))
        clocks = {"next_patient_prompt_at": AT + number * MINUTE, "next_escalation_at": AT + number * MINUTE}
        alert = samples.alert(made.id, raised_at=AT, **clocks)
        run(lambda s, a=alert: s.alerts.add(a))
    found = run(lambda w: getattr(sweeps, sweep)(w, 2), at=AT + DAY)
    assert (found.done, found.errors) == (2, ())
    assert found.last.at == AT + MINUTE


def test_sweeps_run_in_order_of_urgency():
    assert [sweep.__name__ for sweep in sweeps.ALL] == [
        "alert_clocks",
        "team_clocks",
        "undelivered",
        "check_ins_due",
        "checkin_clocks",
        "levels_ended",
        "hospital_clocks",
        "goodbyes",
        "daily_digest",
        "heartbeat",
    ]
    assert [sweep.__name__ for sweep in sweeps.HOURLY] == ["housekeeping", "weekly_report"]


# -- housekeeping


def test_housekeeping_keeps_each_kind_as_long_as_it_says(run, monkeypatch):
    purged = {}

    def work(stores):
        for name in ("sessions", "updates", "outbox", "dead_letters"):
            purge = "purge_updates" if name == "dead_letters" else "purge"
            monkeypatch.setattr(getattr(stores, name), purge, lambda before, n=name: purged.update({n: AT - before}))
        return sweeps.housekeeping(work_on(stores, at=AT), 50)

    assert run(work) == sweeps.SweepResult()
    assert purged == {"sessions": 30 * DAY, "updates": 2 * DAY, "outbox": 30 * DAY, "dead_letters": 90 * DAY}


# -- outages


def settings(run, *names):
    return [run(lambda s, n=name: s.settings.get(n)) for name in names]


def test_times_are_stored_in_utc_and_once_a_minute(run):
    for at, stored in ((AT, AT), (AT + 59 * timedelta(seconds=1), AT), (AT + MINUTE, AT + MINUTE)):
        run(outages.note_up, at=at)
        run(outages.note_contact, at=at)
        assert settings(run, outages.UP_AT, outages.HEARD_AT) == [stored.isoformat(), stored.isoformat()]


@pytest.mark.parametrize(("gap", "reported"), [(30 * MINUTE, True), (30 * MINUTE - MINUTE, False)])
def test_outage_is_a_gap_of_half_an_hour(run, gap, reported):
    run(outages.note_up, at=AT)
    run(outages.note_up, at=AT + gap)
    span = "2026-03-02 10:00 – 2026-03-02 10:30"
    assert tasks(run) == ([("outage", None, span, AT + gap)] if reported else [])


@pytest.mark.parametrize(("gap", "reported"), [(30 * MINUTE, True), (29 * MINUTE, False)])
def test_silence_of_telegram_is_a_gap_of_half_an_hour(run, gap, reported):
    run(outages.note_contact, at=AT)
    run(outages.note_contact, at=AT + gap)
    assert [kind for kind, *_ in tasks(run)] == (["telegram_silent"] if reported else [])


def test_silence_of_telegram_while_the_bot_was_down_is_the_outage_alone(run):
    run(outages.note_up, at=AT)
    run(outages.note_contact, at=AT)
    run(outages.note_up, at=AT + HOUR)
    run(outages.note_contact, at=AT + HOUR + MINUTE)
    assert [kind for kind, *_ in tasks(run)] == ["outage"]
    run(outages.note_contact, at=AT + 2 * HOUR)
    assert [kind for kind, *_ in tasks(run)] == ["outage", "telegram_silent"]


def test_outage_of_a_day_may_have_lost_answers(run):
    run(outages.note_up, at=AT)
    run(outages.note_up, at=AT + 24 * HOUR)
    span = "2026-03-02 10:00 – 2026-03-03 10:00"
    assert sorted(tasks(run)) == [("answers_lost", None, span, AT + DAY), ("outage", None, span, AT + DAY)]


@pytest.mark.parametrize("missed", [0, 1, 20, 21, 23])
def test_outage_names_at_most_twenty_who_were_missed(run, missed):
    run(outages.note_up, at=AT)
    for number in range(missed):
        subject = f"A-{number:02}@2026-03-02T09:00Z"
        task = Task(kind="skipped_after_outage", patient_id=None, subject=subject, raised_at=AT + HOUR)
        run(lambda s, t=task: s.tasks.add(t))
    early = Task(kind="skipped_after_outage", patient_id=None, subject="OLD@2026-03-01T09:00Z", raised_at=AT)
    run(lambda s: s.tasks.add(early))
    run(outages.note_up, at=AT + 12 * HOUR + MINUTE)
    found = [subject for kind, _, subject, _ in tasks(run) if kind == "missed_in_outage"]
    names = ", ".join(f"A-{number:02}" for number in range(min(missed, 20)))
    more = f" (+{missed - 20})" if missed > 20 else ""
    assert found == ([f"2026-03-02 10:00 – 2026-03-02 22:01: {names}{more}"] if missed else [])


def test_outage_up_to_the_cutoff_missed_nobody(run):
    run(outages.note_up, at=AT)
    task = Task(kind="skipped_after_outage", patient_id=None, subject="A-1@x", raised_at=AT + HOUR)
    run(lambda s: s.tasks.add(task))
    run(outages.note_up, at=AT + 12 * HOUR)
    assert "missed_in_outage" not in [kind for kind, *_ in tasks(run)]


@pytest.mark.parametrize(("back", "shifted"), [(30, False), (31, True)])
def test_clock_set_back_by_more_than_half_a_minute_shifts_what_is_planned(run, anna, back, shifted):
    alert = run(lambda s: s.alerts.add(samples.alert(anna.id, next_patient_prompt_at=AT + HOUR)))
    run(outages.note_up, at=AT)
    earlier = AT - back * timedelta(seconds=1)
    run(outages.note_up, at=earlier)
    assert settings(run, outages.UP_AT) == [earlier.isoformat()]
    earlier_by = alert.next_patient_prompt_at - run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at
    assert earlier_by == (31 * timedelta(seconds=1) if shifted else timedelta(0))
    assert tasks(run) == []


# -- reports


def test_week_counts_check_ins_and_alerts_of_the_clinics_own_week(run):
    monday = date(2026, 3, 2)
    begin = datetime.fromisoformat("2026-03-01T23:00:00+00:00")
    made = patient(run, "A-1")
    for number, (opened, minutes) in enumerate(((-1, 5), (0, 7), (60, 9), (7 * 24 * 60 - 1, None), (7 * 24 * 60, 3))):
        at = begin + opened * MINUTE
        closed = at + minutes * MINUTE if minutes else None
        state = "done" if minutes else "asking"
        row = samples.checkin(made.id, at + number * timedelta(seconds=1), opened_at=at, closed_at=closed)
        value = row.value.model_copy(update={"state": state, "cursor": None if minutes else "change"})
        changed = row.model_copy(update={"value": value})
        run(lambda s, r=changed: s.checkins.add(r))
    for raised, acknowledged in ((-1, 0), (0, 60), (1, 62), (2, None)):
        times = {"raised_at": begin + raised * MINUTE, "tier": Tier.URGENT}
        after = begin + acknowledged * MINUTE if acknowledged is not None else None
        alert = samples.alert(made.id, acknowledged_at=after, owner="ann" if after else None, **times)
        run(lambda s, a=alert: s.alerts.add(a))
    found = run(lambda w: reports.week_report(w, monday))
    assert (found.week, found.asked, found.answered, found.median_minutes) == (monday, 3, 2, 8)
    assert (found.alerts, found.in_time) == (3, 1)
    empty = run(lambda w: reports.week_report(w, monday + 14 * DAY))
    assert (empty.asked, empty.median_minutes, empty.alerts, empty.in_time) == (0, None, 0, 0)


def test_reports_of_this_week_and_the_last_are_kept(run):
    saved = []

    def work(stores):
        stores.reports.save_week = lambda row: saved.append(row.week)
        sweeps.weekly_report(work_on(stores, at=AT + 13 * HOUR + 3 * DAY), 1)
        del stores.reports.save_week

    run(work)
    assert saved == [date(2026, 3, 2), date(2026, 2, 23)]


# -- settings that belong to a database


def test_claim_stores_kind_and_keys_and_refuses_others(run):
    def claim(**changes):
        given = {"sandbox": False, "oldest_key": "f1", "key_ids": ["k2", "k1"]} | changes
        return run(lambda s: installation.claim(s, **given))

    assert claim() == []
    kept = settings(run, installation.KIND, installation.OLDEST_KEY, installation.KEY_IDS)
    assert kept == ["clinic", "f1", "k2"]
    assert claim(key_ids=["k3", "k2", "k1"]) == []
    assert settings(run, installation.KEY_IDS) == ["k2,k3"]
    assert claim(key_ids=["k3", "k2", "k1"]) == []
    assert settings(run, installation.KEY_IDS) == ["k2,k3"]
    (kind,) = claim(sandbox=True, key_ids=["k3", "k2"])
    assert kind.startswith("NERVECHECK_DATABASE_URL names a clinic's database")
    oldest, missing = claim(oldest_key="f2", key_ids=["k4", "k3"])
    assert oldest.startswith("NERVECHECK_KEYS: the last key is not the first one of this database")
    assert missing == (
        "NERVECHECK_KEYS: the key 'k2' is missing, so data encrypted with it can't be read: add it again"
    )
    assert settings(run, installation.KEY_IDS) == ["k2,k3"], "a refused claim stores nothing"


def test_claim_of_a_sandboxs_database_by_a_clinic_is_refused(run):
    given = {"oldest_key": "f1", "key_ids": ["k1"]}
    assert run(lambda s: installation.claim(s, sandbox=True, **given)) == []
    assert settings(run, installation.KIND) == ["sandbox"]
    (why,) = run(lambda s: installation.problems_with(s, sandbox=False, **given))
    assert why.startswith("NERVECHECK_DATABASE_URL names the sandbox's database")


def test_beginning_is_before_every_row():
    assert Place(AT, 1) > BEGINNING


def test_replaced_check_in_is_closed_by_the_sweep_that_opens_the_next(run, clinic):
    made = planned(run, clinic, "A-1")
    run(lambda w: opening.open_checkin(w, made, form="quick", kind="scheduled", due_at=AT))
    run(sweeps.check_ins_due, at=made.next_due_at, limit=50)
    newest, first = run(lambda s: s.checkins.of_patient(made.id))
    assert (first.value.state, first.closed_at, first.next_action_at) == ("replaced", made.next_due_at, None)
    assert newest.value.state == "asking"


def test_undelivered_red_flags_are_swept_from_a_place_on(run):
    made = [patient(run, f"A-{number}", chat_id=100 + number) for number in range(3)]
    for row in made:
        message = samples.message(row.chat_id, "alert:1", patient_id=row.id, lane=Lane.RED_FLAG, created_at=AT)
        number = run(lambda s, m=message: s.outbox.enqueue(m))
        run(lambda s, n=number: s.outbox.mark_failed(n, error="BadRequest: x", at=AT))
    first = run(lambda w: sweeps.undelivered(w, 2), at=AT)
    assert (first.done, first.last) == (2, Place(BEGINNING.at, made[1].id))
    second = run(lambda w: sweeps.undelivered(w, 2, first.last), at=AT)
    assert (second.done, second.last) == (1, Place(BEGINNING.at, made[2].id))
    assert [subject for _, _, subject, _ in tasks(run)] == ["A-0", "A-1", "A-2"]


def test_undelivered_sweep_leaves_those_before_its_place(run):
    made = [patient(run, f"A-{number}", chat_id=100 + number) for number in range(2)]
    for row in made:
        message = samples.message(row.chat_id, "alert:1", patient_id=row.id, lane=Lane.RED_FLAG, created_at=AT)
        number = run(lambda s, m=message: s.outbox.enqueue(m))
        run(lambda s, n=number: s.outbox.mark_failed(n, error="BadRequest: x", at=AT))
    assert run(lambda w: sweeps.undelivered(w, 5, Place(BEGINNING.at, made[0].id)), at=AT).done == 1
    assert [subject for _, _, subject, _ in tasks(run)] == ["A-1"]
