"""A patient who is at the hospital: what is known then, when check-ins pause, and what is asked and recorded later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.alerts import hospital, raising
from bot.app.alerts.messages import Asked
from bot.app.alerts.naming import Found
from bot.app.operations import sweeps
from bot.app.records.alerts import AlertState
from bot.app.records.patients import PatientState
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.dialog.notices import OutboxNotices
from tests.app.alerts.test_replies import asked_home, coordinator, notices
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["Life", "coordinator", "life"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = date(2026, 3, 2)


def raised(life, tier=Tier.URGENT, at=None):
    """An alert of the patient of which a coordinator was notified."""
    found = Found(tier, ("new.yes",), ("eyes",))
    alert = life.run(raising.raise_alert, life.patient(), found, at=at or life.at(0))
    return life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update={"notified": ("ann",)})))


def arrive(life, alert, at, caregiver=None):
    acting = life.patient().model_copy(update={"caregiver": caregiver})
    return life.run(hospital.arrived, acting, alert.id, at=at)


def changed(life, **changes):
    life.run(lambda s: s.patients.save(s.patients.get(life.anna.id).model_copy(update=changes)))


def audited(life, since=0):
    lines = reversed(life.run(lambda s: s.audit.lines(life.anna.code)))
    return [(line.actor, line.action, dict(line.detail)) for line in lines][since:]


def answer(life, word, alert, at, asked=None):
    """Answer "are you home?", which was asked at `asked` (by default just now)."""
    act = hospital.home if word == "home" else hospital.not_home
    age = ((asked or at) - alert.raised_at) // timedelta(microseconds=1)
    return life.run(act, life.patient(), alert.id, Asked(age), at=at)


# -- the arrival


def test_arrival_confirms_each_open_alert_and_returns_the_one_of_the_message_as_it_was(life):
    alert = raised(life)
    older = life.run(lambda s: s.alerts.add(samples.alert(life.anna.id, next_patient_prompt_at=life.at(1))))
    closed = life.run(lambda s: s.alerts.add(samples.alert(life.anna.id, closed_at=life.at(0))))
    before = life.run(lambda s: s.alerts.get(alert.id))
    assert arrive(life, alert, life.at(0, 2)) == before
    for each in (alert, older):
        now = life.run(lambda s, n=each.id: s.alerts.get(n))
        assert (now.state, now.last_reply, now.replied_at, now.next_patient_prompt_at) == (
            *(AlertState.CONFIRMED, "at_hospital"),
            *(life.at(0, 2), None),
        )
    assert life.run(lambda s: s.alerts.get(closed.id)).replied_at is None


def test_arrival_is_in_the_audit_with_the_last_day_of_the_pause(life):
    alert = raised(life)
    seen = len(audited(life))
    arrive(life, alert, life.at(0, 2))
    assert audited(life, seen) == [
        ("patient:P-0001", "patient_at_hospital", {"alert": alert.id, "tier": "URGENT"}),
        ("patient:P-0001", "patient_paused", {"until": "2026-03-09"}),
    ]


def test_what_is_known_since_the_arrival_is_in_the_history_of_its_check_in(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    arrive(life, alert, life.at(0, 2))
    newest = next(c for c in life.run(lambda s: s.concerns.changes(life.anna.id)) if c.symptom == "eyes")
    assert (newest.what, newest.at, newest.checkin_id) == ("reached", life.at(0, 2), alert.checkin_id)


def test_arrival_that_a_caregiver_reports_is_in_the_audit_as_theirs(life):
    alert, helper = raised(life), life.helper()
    seen = len(audited(life))
    arrive(life, alert, life.at(0, 2), caregiver=helper)
    assert {actor for actor, *_ in audited(life, seen)} == {
        life.patient().model_copy(update={"caregiver": helper}).actor
    }
    assert all(actor.startswith("caregiver") for actor, *_ in audited(life, seen))


def test_arrival_is_shown_to_the_team_and_notified_once(life, coordinator):
    alert, seen = raised(life), len(life.database.outbox())
    arrive(life, alert, life.at(0, 2))
    sent = [(q.row.screen.name, q.row.mode) for q in life.database.outbox()[seen:] if q.row.chat_id == 100]
    assert [name for name, mode in sent if mode == "new"] == ["staff.notice"]
    assert len(sent) == 2
    assert notices(life, seen) == ["staff.call.at_hospital"]


def test_arrival_on_no_alert_changes_nothing(life):
    alert = raised(life)
    before, seen = life.patient(), len(audited(life))
    assert life.run(hospital.arrived, before, alert.id + 1, at=life.at(0, 2)) is None
    assert life.run(hospital.arrived, before.model_copy(update={"id": 99}), alert.id, at=life.at(0, 2)) is None
    assert (life.patient(), audited(life, seen)) == (before, [])
    assert life.alerts()[0].state is AlertState.OPEN


def test_second_arrival_on_the_same_day_pauses_nothing_again(life):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    before, seen = life.patient(), len(audited(life))
    arrive(life, alert, life.at(0, 4))
    assert life.patient() == before
    assert [action for _, action, _ in audited(life, seen)] == ["patient_at_hospital"]


# -- an unfinished form


def test_what_an_unfinished_form_found_joins_the_alert_and_is_known(life, coordinator):
    alert = raised(life, Tier.SOON)
    life.check(0.1, until="numbness", change="yes")
    seen, sent = len(audited(life)), len(life.database.outbox())
    assert life.alerts()[0].symptoms == ("eyes",)
    arrive(life, alert, life.at(0, 3))
    now = life.alerts()[0]
    assert (now.tier, now.symptoms, now.rules, now.state) == (
        *(Tier.SOON, ("eyes", "other")),
        *(("new.yes",), AlertState.CONFIRMED),
    )
    assert life.state("other") == "reached"
    assert [action for _, action, _ in audited(life, seen)] == ["alert_joined", "patient_at_hospital", "patient_paused"]
    assert notices(life, sent) == ["staff.call.joined", "staff.call.at_hospital"]


# -- the pause


@pytest.mark.parametrize(
    ("pauses", "last"),
    [
        ([], 9),
        ([(9, 12)], 12),
        ([(10, 12)], 9),
        ([(8, 9)], 9),
        ([(11, 20), (5, 11)], 20),
        ([(3, 9), (9, 28)], 28),
        ([(1, 4)], 9),
    ],
    ids=["none", "begins on its last day", "begins after it", "ends with it", "a chain", "touching", "shorter"],
)
def test_pause_goes_on_with_those_that_it_meets_and_the_question_comes_on_its_last_day(life, pauses, last):
    changed(life, pauses=tuple(Pause(first=date(2026, 3, a), last=date(2026, 3, b)) for a, b in pauses))
    arrive(life, raised(life), life.at(0, 2))
    assert Pause(first=MONDAY, last=date(2026, 3, last)) in life.patient().pauses
    assert life.patient().ask_home_at == datetime(2026, 3, last, 9, tzinfo=UTC)


def test_pause_keeps_the_days_before_it_and_sets_the_next_due_time(life):
    changed(life, pauses=(Pause(first=date(2026, 2, 27), last=date(2026, 3, 4)),))
    arrive(life, raised(life), life.at(0, 2))
    assert [(p.first.day, p.last.day) for p in life.patient().pauses] == [(27, 1), (2, 9)]
    assert life.patient().next_due_at.date() == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("Europe/Berlin", 9), (None, 9), ("Pacific/Auckland", 21), ("America/Lima", 15)],
)
def test_question_comes_at_the_patients_time_where_they_are_or_where_the_clinic_is(life, zone, utc):
    changed(life, timezone=zone)
    arrive(life, raised(life), life.at(0, 2))
    at = life.patient().ask_home_at
    assert (at.hour, at - life.at(0) > 6 * DAY) == (utc, True)


def test_question_whose_day_does_not_exist_comes_after_its_quiet_hours(life):
    """Samoa had no 30 December 2011; the question comes as long after the arrival, or when quiet hours end."""
    changed(life, timezone="Pacific/Apia")
    at = datetime(2011, 12, 23, 20, tzinfo=UTC)  # 10:00
    arrive(life, raised(life, at=at), at)
    assert life.patient().ask_home_at == datetime(2011, 12, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize("state", [PatientState.PAUSED, PatientState.ENROLLING, PatientState.WITHDRAWN])
def test_only_active_patients_are_paused(life, state):
    alert = raised(life)
    changed(life, state=state)
    arrive(life, alert, life.at(0, 2))
    assert (life.patient().pauses, life.patient().ask_home_at) == ((), None)
    assert "patient_paused" not in [action for _, action, _ in audited(life)]


# -- the question


def test_question_is_asked_once_by_the_clock_about_the_newest_alert(life):
    arrive(life, raised(life), life.at(0, 2))
    newest = life.run(lambda s: s.alerts.add(samples.alert(life.anna.id, raised_at=life.at(1))))
    at = life.patient().ask_home_at
    assert life.run(sweeps.hospital_clocks, 50, at=at - timedelta(seconds=1)).done == 0
    result = life.run(sweeps.hospital_clocks, 50, at=at)
    assert (result.done, result.errors, result.last.id) == (1, (), life.anna.id)
    (row,) = asked_home(life)
    assert (row.chat_id, row.mode) == (7, "new")
    assert {b.action.subject for buttons in row.screen.rows for b in buttons} == {newest.id}
    assert life.patient().ask_home_at is None
    assert life.run(sweeps.hospital_clocks, 50, at=at) == type(result)()


def test_fault_with_one_patient_is_in_the_result_and_leaves_the_others(life, monkeypatch):
    arrive(life, raised(life), life.at(0, 2))
    other = samples.patient("Q-0001", state=PatientState.ACTIVE, chat_id=8, ask_home_at=life.at(7))
    other = life.run(lambda s: s.patients.add(other))

    def fails(_self, patient, _alert):
        raise LookupError(patient.code)

    monkeypatch.setattr(OutboxNotices, "ask_home", fails)
    result = life.run(sweeps.hospital_clocks, 50, at=life.at(7, 1))
    assert (result.done, [str(error) for error in result.errors]) == (1, ["P-0001"])
    assert result.last == (life.at(7), other.id)


@pytest.mark.parametrize("state", [PatientState.WITHDRAWN, PatientState.PAUSED])
def test_who_is_not_active_is_asked_nothing(life, state):
    arrive(life, raised(life), life.at(0, 2))
    changed(life, state=state)
    life.run_hospital(life.at(7, 1))
    assert (asked_home(life), life.patient().ask_home_at) == ([], None)


# -- the answer


def test_home_ends_the_pause_and_is_in_the_audit(life, coordinator):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    seen, sent = len(audited(life)), len(life.database.outbox())
    assert answer(life, "home", alert, life.at(3)) == life.patient()
    now = life.patient()
    assert ([(p.first.day, p.last.day) for p in now.pauses], now.ask_home_at) == ([(2, 4)], None)
    assert audited(life, seen) == [("patient:P-0001", "patient_resumed", {})]
    assert notices(life, sent) == ["staff.call.home"]
    assert answer(life, "home", alert, life.at(3, 1)) == now, "not paused any more"
    assert (notices(life, sent), len(audited(life, seen))) == (["staff.call.home"], 1)


def test_home_plans_the_check_ins_from_now(life):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    answer(life, "home", alert, life.at(3))
    assert life.patient().next_due_at < life.at(5)


def test_home_is_notified_on_the_alert_that_is_open(life, coordinator):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    life.staff(alert, "spoke_to_patient", 0, 3)
    life.check(2, safety_now="yes", which_now="breathing")
    sent = len(life.database.outbox())
    life.run(sweeps.team_clocks, 50, at=life.at(2))
    answer(life, "home", alert, life.at(3))
    assert notices(life, sent)[-1:] == ["staff.call.home_open"]


def test_not_home_pauses_another_week_and_is_in_the_audit(life, coordinator):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    seen, sent = len(audited(life)), len(life.database.outbox())
    assert answer(life, "not_home", alert, life.at(7)) == life.patient()
    now = life.patient()
    assert ([(p.first.day, p.last.day) for p in now.pauses], now.ask_home_at) == ([(2, 8), (9, 16)], life.at(14))
    assert audited(life, seen) == [
        ("patient:P-0001", "patient_paused", {"until": "2026-03-16"}),
        ("patient:P-0001", "patient_still_in_hospital", {"alert": alert.id, "tier": "URGENT"}),
    ]
    assert notices(life, sent) == ["staff.call.still_in_hospital"]


@pytest.mark.parametrize("word", ["home", "not_home"])
@pytest.mark.parametrize(("days", "counts"), [(5, True), (7, True), (7.001, False)])
def test_question_can_be_answered_for_seven_days(life, word, days, counts):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    before = life.patient()
    result = answer(life, word, alert, life.at(1 + days), asked=life.at(1))
    assert (result is not None) is counts
    assert life.patient() == before or counts


@pytest.mark.parametrize("word", ["home", "not_home"])
def test_answer_of_another_patient_or_of_one_who_is_not_active_changes_nothing(life, word):
    alert = raised(life)
    arrive(life, alert, life.at(0, 2))
    before = life.patient()
    act = hospital.home if word == "home" else hospital.not_home
    for update in ({"id": 99}, {"state": PatientState.PAUSED}):
        other = before.model_copy(update=update)
        assert life.run(act, other, alert.id, Asked(), at=life.at(1)) is None
    assert life.run(act, before, alert.id + 1, Asked(), at=life.at(1)) is None
    assert life.patient() == before
