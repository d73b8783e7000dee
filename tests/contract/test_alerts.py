import pytest

from bot.app.records.alerts import AlertState
from bot.core.protocol import Tier
from tests.contract.samples import AT, MINUTE, alert, checkin, full_alert, patient, task, tip_shown


def _patient(database, code="P-0001"):
    return database.run(lambda s: s.patients.add(patient(code))).id


def test_an_alert_comes_back_as_stored(database):
    one = _patient(database)
    row = database.run(lambda s: s.checkins.add(checkin(one)))
    bare = database.run(lambda s: s.alerts.add(alert(one)))
    full = database.run(lambda s: s.alerts.add(full_alert(one, row.id)))
    assert database.run(lambda s: (s.alerts.get(bare.id), s.alerts.get(full.id), s.alerts.get(99))) == (
        bare,
        full,
        None,
    )
    assert database.run(lambda s: s.alerts.of_patient(one)) == [full, bare]
    assert database.run(lambda s: s.alerts.of_patient(one, limit=1)) == [full]
    changed = full_alert(one, row.id).model_copy(update={"id": bare.id, "rules": ("a", "b")})
    changed = database.run(lambda s: s.alerts.save(changed))
    assert database.run(lambda s: s.alerts.get(bare.id)) == changed


def test_an_open_alert_is_found_however_many_came_after_it(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    oldest = database.run(lambda s: s.alerts.add(alert(one)))
    closed = {"state": AlertState.CLOSED, "closed_at": AT}
    database.run(lambda s: [s.alerts.add(alert(one).model_copy(update=closed)) for _ in range(60)])
    newest = database.run(lambda s: s.alerts.add(alert(one)))
    database.run(lambda s: s.alerts.add(alert(other)))
    assert [a.id for a in database.run(lambda s: s.alerts.open_of(one))] == [newest.id, oldest.id]
    assert len(database.run(lambda s: s.alerts.of_patient(one))) == 62, "none is left out without a word"


def test_alerts_are_stepped_oldest_first_whatever_their_state(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, minutes, state in (
        (one, -1, AlertState.OPEN),
        (other, -2, AlertState.CONFIRMED),
        (one, 0, AlertState.OPEN),
    ):
        database.run(
            lambda s, w=who, m=minutes, st=state: s.alerts.add(
                alert(w, next_patient_prompt_at=AT + m * MINUTE, state=st)
            )
        )
    database.run(lambda s: s.alerts.add(alert(one, next_patient_prompt_at=AT + MINUTE)))
    database.run(lambda s: s.alerts.add(alert(one)))
    assert [a.id for a in database.run(lambda s: s.alerts.prompts_due(AT, 10))] == [2, 1, 3]
    assert [a.id for a in database.run(lambda s: s.alerts.prompts_due(AT, 1))] == [2]


def test_the_queue_holds_what_nobody_closed_the_worst_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, tier, closed_at in (
        (one, Tier.SOON, None),
        (other, Tier.EMERGENCY, None),
        (one, Tier.EMERGENCY, None),
        (one, Tier.EMERGENCY, AT),
        (other, Tier.URGENT, None),
    ):
        database.run(lambda s, w=who, t=tier, c=closed_at: s.alerts.add(alert(w, tier=t, closed_at=c)))
    assert [a.id for a in database.run(lambda s: s.alerts.in_queue(9))] == [2, 3, 5, 1]
    assert [a.id for a in database.run(lambda s: s.alerts.in_queue(2))] == [2, 3]


def test_open_task_is_stored_once(database):
    one = _patient(database)
    first = database.run(lambda s: s.tasks.add(task(one)))
    assert first.id > 0
    assert database.run(lambda s: s.tasks.add(task(one))) is None
    assert database.run(lambda s: s.tasks.add(task(one, "P-0002"))) is not None
    assert database.run(lambda s: s.tasks.add(task(one, kind="missed_twice"))) is not None
    database.run(lambda s: s.tasks.close_of_patient(one, ("unreachable",), AT))
    assert [i.kind for i in database.run(lambda s: s.tasks.open())] == ["missed_twice"]
    assert database.run(lambda s: s.tasks.add(task(one))) is not None


def test_tasks_are_listed_oldest_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    later = database.run(lambda s: s.tasks.add(task(one, "a", raised_at=AT + MINUTE)))
    early = database.run(lambda s: s.tasks.add(task(other, "b")))
    nobody = database.run(lambda s: s.tasks.add(task(None, "c")))
    assert database.run(lambda s: s.tasks.open()) == [early, nobody, later]
    assert database.run(lambda s: s.tasks.open(one)) == [later]
    assert database.run(lambda s: s.tasks.open(limit=2)) == [early, nobody]


def test_task_that_was_raised_is_found_closed_or_not(database):
    one = database.run(lambda s: s.patients.add(patient()).id)
    made = database.run(lambda s: s.tasks.add(task(one, "P1", raised_at=AT)))

    def was_raised(kind, since, patient_id=one):
        return database.run(lambda s: s.tasks.was_raised(patient_id, kind, since))

    for _ in ("open", "closed"):
        assert was_raised(made.kind, AT)
        assert not was_raised(made.kind, AT + MINUTE)
        assert not was_raised("outage", AT)
        assert not was_raised(made.kind, AT, one + 1)
        database.run(lambda s: s.tasks.close(made.id, AT))


def test_closing_tasks_closes_those_kinds_of_that_patient_only(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, kind in ((one, "unreachable"), (one, "not_heard_from"), (one, "missed_twice"), (other, "unreachable")):
        database.run(lambda s, w=who, k=kind: s.tasks.add(task(w, str(w), kind=k)))
    database.run(lambda s: s.tasks.close_of_patient(one, ("unreachable", "missed_twice"), AT))
    database.run(lambda s: s.tasks.close_of_patient(one, (), AT))
    assert [(i.patient_id, i.kind) for i in database.run(lambda s: s.tasks.open())] == [
        (one, "not_heard_from"),
        (other, "unreachable"),
    ]


@pytest.mark.parametrize("rating", ["helpful", "not_for_me"])
def test_the_newest_showing_of_a_tip_is_rated(database, rating):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, tip in ((one, "bath"), (one, "bath"), (one, "shoes"), (other, "bath")):
        database.run(lambda s, w=who, t=tip: s.tips.add(tip_shown(w, t)))
    database.run(lambda s: s.tips.rate(one, "bath", rating))
    database.run(lambda s: s.tips.rate(one, "unknown", rating))
    shown = database.run(lambda s: s.tips.of_patient(one))
    assert [(t.tip, t.rating) for t in shown] == [("shoes", None), ("bath", rating), ("bath", None)]
    assert [t.rating for t in database.run(lambda s: s.tips.of_patient(other))] == [None]
    assert len(database.run(lambda s: s.tips.of_patient(one, limit=2))) == 2
