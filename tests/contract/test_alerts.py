import pytest

from bot.app.store import AlertState
from bot.core.protocol import Tier
from tests.contract.samples import AT, MINUTE, alert, checkin, full_alert, patient, tip_shown, work_item


def _patient(database, code="P-0001"):
    return database.run(lambda s: s.add_patient(patient(code))).id


def test_an_alert_comes_back_as_stored(database):
    one = _patient(database)
    row = database.run(lambda s: s.add_checkin(checkin(one)))
    bare = database.run(lambda s: s.add_alert(alert(one)))
    full = database.run(lambda s: s.add_alert(full_alert(one, row.id)))
    assert database.run(lambda s: (s.alert(bare.id), s.alert(full.id), s.alert(99))) == (bare, full, None)
    assert database.run(lambda s: s.alerts(one)) == [full, bare]
    assert database.run(lambda s: s.alerts(one, limit=1)) == [full]
    changed = full_alert(one, row.id).model_copy(update={"id": bare.id, "rules": ("a", "b")})
    changed = database.run(lambda s: s.save_alert(changed))
    assert database.run(lambda s: s.alert(bare.id)) == changed


def test_alerts_are_stepped_oldest_first_whatever_their_state(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, minutes, state in (
        (one, -1, AlertState.OPEN),
        (other, -2, AlertState.CONFIRMED),
        (one, 0, AlertState.OPEN),
    ):
        database.run(
            lambda s, w=who, m=minutes, st=state: s.add_alert(alert(w, next_step_at=AT + m * MINUTE, state=st))
        )
    database.run(lambda s: s.add_alert(alert(one, next_step_at=AT + MINUTE)))
    database.run(lambda s: s.add_alert(alert(one)))
    assert [a.id for a in database.run(lambda s: s.alerts_to_step(AT, 10))] == [2, 1, 3]
    assert [a.id for a in database.run(lambda s: s.alerts_to_step(AT, 1))] == [2]


def test_the_queue_holds_what_nobody_closed_the_worst_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, tier, closed_at in (
        (one, Tier.SOON, None),
        (other, Tier.EMERGENCY, None),
        (one, Tier.EMERGENCY, None),
        (one, Tier.EMERGENCY, AT),
        (other, Tier.URGENT, None),
    ):
        database.run(lambda s, w=who, t=tier, c=closed_at: s.add_alert(alert(w, tier=t, closed_at=c)))
    assert [a.id for a in database.run(lambda s: s.alerts_in_queue(9))] == [2, 3, 5, 1]
    assert [a.id for a in database.run(lambda s: s.alerts_in_queue(2))] == [2, 3]


def test_an_open_work_item_stands_once(database):
    one = _patient(database)
    first = database.run(lambda s: s.add_work_item(work_item(one)))
    assert first.id > 0
    assert database.run(lambda s: s.add_work_item(work_item(one))) is None
    assert database.run(lambda s: s.add_work_item(work_item(one, "P-0002"))) is not None
    assert database.run(lambda s: s.add_work_item(work_item(one, kind="missed_twice"))) is not None
    database.run(lambda s: s.close_work_items(one, ("unreachable",), AT))
    assert [i.kind for i in database.run(lambda s: s.work_items())] == ["missed_twice"]
    assert database.run(lambda s: s.add_work_item(work_item(one))) is not None


def test_work_items_are_listed_oldest_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    later = database.run(lambda s: s.add_work_item(work_item(one, "a", raised_at=AT + MINUTE)))
    early = database.run(lambda s: s.add_work_item(work_item(other, "b")))
    nobody = database.run(lambda s: s.add_work_item(work_item(None, "c")))
    assert database.run(lambda s: s.work_items()) == [early, nobody, later]
    assert database.run(lambda s: s.work_items(one)) == [later]
    assert database.run(lambda s: s.work_items(limit=2)) == [early, nobody]


def test_closing_work_items_touches_only_those_kinds_of_that_patient(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, kind in ((one, "unreachable"), (one, "not_heard_from"), (one, "missed_twice"), (other, "unreachable")):
        database.run(lambda s, w=who, k=kind: s.add_work_item(work_item(w, str(w), kind=k)))
    database.run(lambda s: s.close_work_items(one, ("unreachable", "missed_twice"), AT))
    database.run(lambda s: s.close_work_items(one, (), AT))
    assert [(i.patient_id, i.kind) for i in database.run(lambda s: s.work_items())] == [
        (one, "not_heard_from"),
        (other, "unreachable"),
    ]


@pytest.mark.parametrize("rating", ["helpful", "not_for_me"])
def test_the_newest_showing_of_a_tip_is_rated(database, rating):
    one, other = _patient(database, "one"), _patient(database, "other")
    for who, tip in ((one, "bath"), (one, "bath"), (one, "shoes"), (other, "bath")):
        database.run(lambda s, w=who, t=tip: s.add_tip_shown(tip_shown(w, t)))
    database.run(lambda s: s.rate_tip(one, "bath", rating))
    database.run(lambda s: s.rate_tip(one, "unknown", rating))
    shown = database.run(lambda s: s.tips_shown(one))
    assert [(t.tip, t.rating) for t in shown] == [("shoes", None), ("bath", rating), ("bath", None)]
    assert [t.rating for t in database.run(lambda s: s.tips_shown(other))] == [None]
    assert len(database.run(lambda s: s.tips_shown(one, limit=2))) == 2
