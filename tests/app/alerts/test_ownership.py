"""Staff at work on alerts: the first one has it, nothing is closed without an outcome, the queue shows the worst first."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership, queue
from bot.app.alerts.naming import Found
from bot.app.checkins import opening
from bot.app.patients.timeline import timeline
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertState
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.contract.samples import staff
from tests.fakes.team import raise_another
from tests.fakes.work import work_on

MINUTE = timedelta(minutes=1)
SOON_AFTER = AT + 5 * MINUTE


@pytest.fixture
def raised(database, clinic, anna):
    """Raise an alert; return its number."""

    def made(tier=Tier.URGENT, at=AT, rules=("new.yes",), **more):
        def work(stores):
            alert = raise_another(work_on(stores, clinic, at), anna, Found(tier, rules))
            stores.alerts.save(alert.model_copy(update=more))
            return alert.id

        return database.run(work)

    return made


@pytest.fixture
def do(database, clinic):
    """Let someone of the team do something with an alert."""

    def done(work, number, *words, by="lead-1", at=SOON_AFTER, **more):
        return database.run(lambda stores: work(work_on(stores, clinic, at, actor=by), number, *words, **more))

    return done


def audited(database, anna):
    return [(line.actor, line.action) for line in database.run(lambda s: s.audit.lines(anna.code))]


def test_acknowledge_by_a_second_is_refused_with_the_owners_name(database, anna, raised, do):
    number = raised()
    acknowledged = do(ownership.acknowledge, number)
    assert (acknowledged.owner, acknowledged.acknowledged_at) == ("lead-1", SOON_AFTER)
    with pytest.raises(RefusedError, match="acknowledged by lead-1 at 09:05 UTC"):
        do(ownership.acknowledge, number, by="lead-2", at=SOON_AFTER + MINUTE)
    assert do(ownership.acknowledge, number, at=SOON_AFTER + MINUTE) == acknowledged, (
        "acknowledged twice it stays as it was"
    )
    assert database.run(lambda s: s.alerts.get(number)) == acknowledged
    assert ("lead-1", "alert_acknowledged") in audited(database, anna)


def test_it_can_be_handed_over(database, anna, raised, do):
    number = raised()
    do(ownership.acknowledge, number)
    assert do(ownership.hand_over, number, "lead-2", by="lead-3").owner == "lead-2"
    assert ("lead-3", "alert_handed_over") in audited(database, anna)


def test_what_came_of_it_is_noted_before_it_is_closed(database, anna, raised, do):
    number = raised()
    with pytest.raises(RefusedError, match="no outcome yet"):
        do(ownership.close, number)
    noted = do(ownership.note, number, "sent_to_ed")
    assert (noted.outcome, noted.noted_at, noted.owner) == ("sent_to_ed", SOON_AFTER, "lead-1")
    assert do(ownership.note, number, "notified_oncologist", by="lead-2").owner == "lead-1"
    closed = do(ownership.close, number, by="lead-2")
    assert (closed.state, closed.closed_by, closed.closed_at) == (AlertState.CLOSED, "lead-2", SOON_AFTER)
    assert closed.next_patient_prompt_at is None, "the patient is not asked about it any more"
    assert [a for _, a in audited(database, anna)].count("alert_noted") == 2


@pytest.mark.parametrize("work", [ownership.acknowledge, ownership.close])
def test_nothing_is_done_with_a_closed_one(raised, do, work):
    number = raised()
    do(ownership.note, number, "spoke_to_patient")
    do(ownership.close, number)
    with pytest.raises(RefusedError, match="was closed by lead-1: reopen it first"):
        do(work, number)


@pytest.mark.parametrize(
    ("reply", "state"),
    [("reached", AlertState.CONFIRMED), ("called", AlertState.UNCONFIRMED), ("not_yet", AlertState.UNCONFIRMED)],
)
def test_reopened_alert_has_no_owner(raised, do, reply, state):
    number = raised(last_reply=reply)
    with pytest.raises(RefusedError, match="is open"):
        do(ownership.reopen, number)
    do(ownership.note, number, "sent_to_ed")
    do(ownership.close, number)
    again = do(ownership.reopen, number, by="lead-2")
    assert (again.state, again.owner, again.closed_at, again.closed_by) == (state, None, None, None)
    assert (again.outcome, again.next_patient_prompt_at) == ("sent_to_ed", None)


@pytest.mark.parametrize("outcome", ["not_reached", "notified_oncologist", "drug_held"])
def test_close_needs_contact_with_the_patient(raised, do, outcome):
    """Without it the concern is open, and an all-clear would be wrong."""
    number = raised()
    do(ownership.note, number, outcome)
    with pytest.raises(RefusedError, match="nobody is known to have spoken with the patient"):
        do(ownership.close, number)
    do(ownership.note, number, "spoke_to_patient")
    assert do(ownership.close, number).closed_by == "lead-1"


@pytest.mark.parametrize(("tier", "is_possible"), [(Tier.SOON, True), (Tier.URGENT, False), (Tier.EMERGENCY, False)])
def test_k36_no_action_is_for_soon_alone(raised, do, tier, is_possible):
    number = raised(tier=tier)
    if not is_possible:
        with pytest.raises(RefusedError, match="needs contact with the patient"):
            do(ownership.note, number, "no_action", reason="expected")
        return
    do(ownership.note, number, "no_action", reason="expected")
    assert do(ownership.close, number).outcome == "no_action"


def test_no_action_needs_a_reason_which_the_record_and_the_timeline_keep(raised, do, database, clinic, anna):
    number = raised(tier=Tier.SOON)
    with pytest.raises(RefusedError, match="needs a reason, one of expected, plan, visit"):
        do(ownership.note, number, "no_action")
    with pytest.raises(RefusedError, match="a reason belongs to 'no_action', not to 'seen'"):
        do(ownership.note, number, "seen", reason="visit")
    assert do(ownership.acknowledge, number).outcome is None, "nothing was noted"
    do(ownership.finish, number, "no_action", reason="visit")
    (line,) = [x for x in database.run(lambda s: s.audit.lines("P-0001", limit=9)) if x.action == "alert_noted"]
    assert line.detail["reason"] == "visit"
    (noted,) = [
        e for e in database.run(lambda s: timeline(work_on(s, clinic, AT), anna)) if e.what == "outcome.no_action"
    ]
    assert noted.facts == ("reason: visit",)


def test_there_is_no_such_alert(do):
    with pytest.raises(RefusedError, match="there is no alert 99"):
        do(ownership.acknowledge, 99)


# -- the queue


def numbers(database, clinic, at):
    return [line.id for line in database.run(lambda s: queue.queue(work_on(s, clinic, at)))]


def test_the_highest_tier_comes_first_then_the_overdue_then_what_is_declared_urgent(database, clinic, raised):
    soon = raised(Tier.SOON)
    late = raised(at=AT - 2 * 60 * MINUTE)
    waits = raised(declared="can_wait")
    plain = raised(at=AT + MINUTE)
    urgent = raised(at=AT + 2 * MINUTE, declared="is_urgent")
    emergency = raised(Tier.EMERGENCY, at=AT + 3 * MINUTE)
    assert numbers(database, clinic, AT + 4 * MINUTE) == [emergency, late, urgent, plain, waits, soon]


def test_acknowledged_alert_is_not_overdue_closed_one_not_listed(database, clinic, raised, do):
    number = raised()
    after = AT + clinic.protocol.clocks.ack[Tier.URGENT].next

    def line(at):
        return database.run(lambda s: queue.queue(work_on(s, clinic, at)))[0]

    assert not line(after - MINUTE).overdue
    assert (line(after).overdue, line(after).acknowledge_by) == (True, after)
    do(ownership.acknowledge, number)
    assert not line(after).overdue
    do(ownership.note, number, "spoke_to_patient")
    do(ownership.close, number)
    assert numbers(database, clinic, after) == []


def test_one_line_says_what_changed(database, clinic, anna, choose):
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    later = AT + timedelta(days=6)

    def again(stores):
        again = stores.patients.get(anna.id)
        return opening.open_checkin(work_on(stores, clinic, later), again, form="quick", kind="scheduled", due_at=later)

    database.run(again)
    choose("yes", at=later)
    choose("none", at=later)
    choose("none", at=later)
    choose("+none", kind="toggle", at=later)
    choose("strong", at=later)
    (line,) = database.run(lambda s: queue.queue(work_on(s, clinic, later)))
    assert line.summary == "numbness none → strong in 6 days, week 6, first report"
    assert (line.code, line.tier, line.week) == ("P-0001", "URGENT", 6)


def test_without_a_change_the_rules_are_named_and_what_the_patient_said(database, clinic, raised):
    raised(rules=("new.eyes", "new.face"))
    raised(Tier.SOON, declared="can_wait", mistake_at=AT)
    first, second = database.run(lambda s: queue.queue(work_on(s, clinic, AT)))
    assert first.summary == "new.eyes, new.face, week 5, first report"
    assert second.summary == "new.yes, week 5, first report, the patient says it can wait, tapped by mistake"


def test_a_list_that_is_cut_shows_the_worst_and_says_how_many_there_are(database, clinic, raised):
    numbers = [raised(tier) for tier in (Tier.SOON, Tier.EMERGENCY, Tier.URGENT)]
    shown = database.run(lambda s: [line.id for line in queue.queue(work_on(s, clinic, SOON_AFTER), limit=2)])
    assert shown == [numbers[1], numbers[2]]
    assert database.run(queue.count_open) == 3


def test_reopened_alert_starts_its_clock_again(database, clinic, raised, do):
    number = raised(Tier.EMERGENCY)
    do(ownership.note, number, "spoke_to_patient")
    do(ownership.close, number)
    do(ownership.reopen, number, at=AT + 60 * MINUTE)
    line = database.run(lambda s: queue.alert_line(work_on(s, clinic, AT + 61 * MINUTE), s.alerts.get(number)))
    assert (line.acknowledge_by, line.overdue) == (AT + 75 * MINUTE, False)


def test_what_was_never_recorded_was_none(database, clinic, choose):
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice)
    (line,) = database.run(lambda s: queue.queue(work_on(s, clinic, SOON_AFTER)))
    assert line.summary == "numbness none → mild, week 5, first report"


def test_acknowledge_again_by_the_owner_is_audited_once(database, anna, raised, do):
    number = raised()
    do(ownership.acknowledge, number)
    do(ownership.acknowledge, number, at=SOON_AFTER + MINUTE)
    assert [action for _, action in audited(database, anna)].count("alert_acknowledged") == 1


def test_assign_of_a_closed_alert_says_that_it_is_closed(database, raised, do):
    """Even to somebody who was removed: handing it to someone else would not help."""
    database.run(lambda s: s.staff.add(staff("lead-2", state="gone")))
    number = raised()
    with pytest.raises(RefusedError, match="lead-2 was removed from the team"):
        do(ownership.hand_over, number, "lead-2")
    do(ownership.note, number, "spoke_to_patient")
    do(ownership.close, number)
    with pytest.raises(RefusedError, match="was closed by lead-1: reopen it first"):
        do(ownership.hand_over, number, "lead-2")
