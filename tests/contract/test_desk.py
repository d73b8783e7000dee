from datetime import date, timedelta
from itertools import pairwise

from bot.app.records.alerts import AlertTimes
from bot.app.records.patients import Started
from bot.core.checkin import State
from bot.core.protocol import Tier
from tests.contract.samples import AT, MINUTE, alert, checkin, full_staff, passkey, patient, session, staff, week

DAY = timedelta(days=1)


def _people(database, *codes, **more):
    return [database.run(lambda s, c=c: s.patients.add(patient(c, **more))) for c in codes]


def test_patients_are_found_by_number_and_by_the_beginning_of_their_code(database):
    one, two, other = _people(database, "P-0010", "P-0002", "X-1")
    assert database.run(lambda s: s.patients.by_ids([one.id, other.id, 99])) == {one.id: one, other.id: other}
    assert database.run(lambda s: s.patients.by_ids([])) == {}
    assert database.run(lambda s: s.patients.with_prefix("P-", 9)) == [two, one]
    assert database.run(lambda s: s.patients.with_prefix("P-", 1)) == [two]
    assert database.run(lambda s: s.patients.with_prefix("P-001", 9)) == [one]
    assert database.run(lambda s: s.patients.with_prefix("Q", 9)) == []


def test_patients_are_paged_by_their_start_the_latest_first(database):
    day = date(2026, 2, 1)
    old, middle, twin, young = (
        *_people(database, "a", ici_start=day),
        *_people(database, "b", "c", ici_start=day + DAY),
        *_people(database, "d", ici_start=day + 2 * DAY),
    )
    everyone = database.run(lambda s: s.patients.started_between(day, day + 2 * DAY, None, 9))
    assert everyone == [young, twin, middle, old]
    after = Started(twin.treatment.newest.start, twin.id)
    assert database.run(lambda s: s.patients.started_between(day, day + 2 * DAY, after, 9)) == [middle, old]
    assert database.run(lambda s: s.patients.started_between(day + DAY, day + DAY, None, 9)) == [twin, middle]
    assert database.run(lambda s: s.patients.started_between(day, day + 2 * DAY, None, 1)) == [young]


def test_open_alerts_of_several_patients(database):
    one, other = (p.id for p in _people(database, "a", "b"))
    first, _, third = (
        database.run(lambda s, r=row: s.alerts.add(r))
        for row in (alert(one), alert(one, closed_at=AT), alert(other, tier=Tier.SOON))
    )
    found = database.run(lambda s: s.alerts.not_closed_of([one, other]))
    assert dict(found) == {one: [first], other: [third]}
    assert dict(database.run(lambda s: s.alerts.not_closed_of([]))) == {}


def test_the_state_of_the_queue_differs_when_anything_does(database):
    (who,) = _people(database, "a")
    seen = [database.run(lambda s: s.alerts.queue_state())]

    def changed(work):
        database.run(work)
        seen.append(database.run(lambda s: s.alerts.queue_state()))

    changed(lambda s: s.alerts.add(alert(who.id)))
    changed(lambda s: s.alerts.save(s.alerts.get(1).model_copy(update={"work_revision": 1})))
    changed(lambda s: s.alerts.save(s.alerts.get(1).model_copy(update={"work_revision": 1, "safety_follow_ups": 1})))
    changed(
        lambda s: s.alerts.save(
            s.alerts.get(1).model_copy(update={"work_revision": 1, "safety_follow_ups": 1, "replied_at": AT})
        )
    )
    changed(lambda s: s.alerts.save(s.alerts.get(1).model_copy(update={"closed_at": AT})))
    assert all(a != b for a, b in pairwise(seen))


def test_how_long_answers_took(database):
    (who,) = _people(database, "a")

    def work(s):
        for n, (kind, state, closed) in enumerate(
            (
                ("scheduled", State.DONE, AT + 5 * MINUTE),
                ("follow_up", State.DONE, AT + 90 * MINUTE),
                ("worse", State.DONE, AT + MINUTE),
                ("scheduled", State.ASKING, None),
            )
        ):
            s.checkins.add(checkin(who.id, AT + n * MINUTE, state=state, kind=kind, closed_at=closed))

    database.run(work)
    assert sorted(database.run(lambda s: s.reports.answer_minutes(AT, AT + MINUTE))) == [5, 90]
    assert database.run(lambda s: s.reports.answer_minutes(AT + MINUTE, AT + DAY)) == []
    assert database.run(lambda s: s.reports.completion(AT, AT + MINUTE)) == (3, 2)


def test_times_of_raising_and_acknowledgement(database):
    (who,) = _people(database, "a")
    for row in (alert(who.id, acknowledged_at=AT + MINUTE), alert(who.id, raised_at=AT + DAY)):
        database.run(lambda s, r=row: s.alerts.add(r))
    assert database.run(lambda s: s.reports.alert_times(AT, AT + DAY)) == [AlertTimes(Tier.EMERGENCY, AT, AT + MINUTE)]
    assert len(database.run(lambda s: s.reports.alert_times(AT, AT + DAY + MINUTE))) == 2


def test_sessions_are_found_ended_and_forgotten(database):
    one, other = (database.run(lambda s, r=row: s.staff.add(r)) for row in (staff("a"), staff("b")))
    first = database.run(lambda s: s.sessions.add(session(one.id)))
    second = database.run(lambda s: s.sessions.add(session(one.id, "t2", ended_at=AT)))
    third = database.run(lambda s: s.sessions.add(session(other.id, "t3", seen_at=AT + DAY)))
    assert database.run(lambda s: (s.sessions.by_hash("t1"), s.sessions.by_hash("x"))) == (first, None)
    database.run(lambda s: s.sessions.save(first.model_copy(update={"seen_at": AT + 2 * MINUTE})))
    assert database.run(lambda s: s.sessions.by_hash("t1")).seen_at == AT + 2 * MINUTE
    database.run(lambda s: s.sessions.end_of(one.id, AT + DAY))
    assert database.run(lambda s: s.sessions.by_hash("t1")).ended_at == AT + DAY
    assert database.run(lambda s: s.sessions.by_hash("t2")) == second
    assert database.run(lambda s: s.sessions.by_hash("t3")) == third
    assert database.run(lambda s: s.sessions.purge(AT + DAY)) == 2
    assert database.run(lambda s: s.sessions.by_hash("t1")) is None


def test_someone_is_found_by_number_and_by_their_link(database):
    full = database.run(lambda s: s.staff.add(full_staff()))
    assert database.run(lambda s: (s.staff.get(full.id), s.staff.get(99))) == (full, None)
    assert database.run(lambda s: (s.staff.by_login("l1"), s.staff.by_login("x"))) == (full, None)


def test_a_week_is_kept_once_and_written_over(database):
    for row in (week(), week(date(2026, 3, 9), median_minutes=None), week(asked=10)):
        database.run(lambda s, r=row: s.reports.save_week(r))
    assert database.run(lambda s: s.reports.weeks(9)) == [week(date(2026, 3, 9), median_minutes=None), week(asked=10)]
    assert database.run(lambda s: s.reports.weeks(1)) == [week(date(2026, 3, 9), median_minutes=None)]


def test_passkeys_are_found_changed_and_dropped(database):
    one, other = (database.run(lambda s, r=row: s.staff.add(r)) for row in (staff("a"), staff("b")))
    first, second, third = (
        database.run(lambda s, r=row: s.passkeys.add(r))
        for row in (passkey(one.id), passkey(one.id, "c2", used_at=AT, last_challenge="x"), passkey(other.id, "c3"))
    )
    assert database.run(lambda s: s.passkeys.of_staff(one.id)) == [first, second]
    changed = first.model_copy(update={"sign_count": 8, "used_at": AT + DAY, "last_challenge": "y"})
    changed = database.run(lambda s: s.passkeys.save(changed))
    found = database.run(lambda s: [s.passkeys.by_credential(c) for c in ("c1", "c3", "x")])
    assert found == [changed, third, None]
    database.run(lambda s: s.passkeys.drop(first.id))
    assert database.run(lambda s: s.passkeys.of_staff(one.id)) == [second]
