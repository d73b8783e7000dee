"""The end of care, and other ends: what of the patient ends with it, what of others stays, and what waits unsent."""

from datetime import timedelta
from functools import partial

import pytest

from bot.app.patients import caregivers, leaving, out_of_care, participation, registry
from bot.app.records.alerts import AlertState
from bot.app.records.concerns import MemoryRow
from bot.app.records.messages import OutboxState
from bot.app.records.patients import PatientState
from bot.core.checkin import State
from bot.core.follow_up import FollowUp
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GONE = AT + HOUR


@pytest.fixture
def run(database, clinic, anna):
    return partial(transact, database, clinic)


@pytest.fixture
def ben(run):
    """Another patient, of whom nothing ends."""
    return run(lambda s: s.patients.add(samples.patient("P-0002", state=PatientState.ACTIVE, chat_id=17)))


def patient(run, **changes):
    found = run(lambda s: s.patients.by_code("P-0001"))
    return run(lambda s: s.patients.save(found.model_copy(update=changes))) if changes else found


def end_care(run):
    return run(lambda w: out_of_care.end_care(w, w.patients.by_code("P-0001")), at=GONE, by="lead-1")


def audited(run):
    return [(x.actor, x.action, x.subject, dict(x.detail)) for x in run(lambda s: s.audit.lines(limit=500))]


def mail(run, *recipients):
    """Let a message wait for each patient and chat."""
    for of, chat in recipients:
        run(lambda s, p=of, c=chat: s.outbox.enqueue(samples.message(c, slot="hint", patient_id=p.id)))


def waiting(database):
    return [q.row.chat_id for q in database.outbox() if q.state is OutboxState.WAITING and q.row.slot == "hint"]


def test_end_of_care_leaves_nothing_to_ask(run, anna):
    due = {"next_due_at": AT + DAY, "goodbye_at": AT + DAY, "enrol_step": "time", "undo_until": AT + DAY}
    patient(run, **due, follow_up=FollowUp(groups=("eyes",), since=AT.date()), unanswered=3)
    gone = end_care(run)
    assert gone == patient(run)
    assert gone.state is PatientState.WITHDRAWN
    assert {name: getattr(gone, name) for name in (*due, "follow_up")} == dict.fromkeys((*due, "follow_up"))
    assert (gone.chat_id, gone.unanswered) == (7, 3), "all else stays as it was"
    assert audited(run)[0] == ("lead-1", "patient_out_of_care", "P-0001", {})


def test_end_of_care_ends_links_and_consents_and_keeps_when_earlier_ones_ended(run, anna, ben):
    registered = run(registry.invite_again, "P-0001", at=AT + MINUTE)[1]
    for of, version, ended in ((anna, "1", AT + MINUTE), (anna, "2", None), (ben, "2", None)):
        given = samples.consent(of.id).model_copy(update={"version": version, "withdrawn_at": ended})
        run(lambda s, c=given: s.consents.add(c))
    others = run(registry.invite_again, "P-0002", at=AT)[1]
    end_care(run)
    assert [c.withdrawn_at for c in run(lambda s: s.consents.of_patient(anna.id))] == [AT + MINUTE, GONE]
    assert [c.withdrawn_at for c in run(lambda s: s.consents.of_patient(ben.id))] == [None]
    assert sorted(i.revoked_at for i in run(lambda s: s.invites.of_patient(anna.id))) == [AT + MINUTE, GONE]
    assert run(registry.find_invite, registered, 9, at=GONE) is None
    assert run(registry.find_invite, others, 17, at=GONE).id == ben.id


def test_end_of_care_closes_the_check_in_and_raises_no_alert(run, anna, choose):
    """Unlike after a stop: nobody is to phone somebody who died."""
    for choice in ("no", "none", "none", "yes"):
        choose(choice)
    before = len(audited(run))
    end_care(run)
    (row,) = run(lambda s: s.checkins.of_patient(anna.id))
    assert (row.value.state, row.closed_at, row.next_action_at, row.remind_at) == (State.EXPIRED, GONE, None, None)
    assert run(lambda s: s.alerts.of_patient(anna.id)) == []
    assert len(audited(run)) == before + 1


def test_end_of_care_stops_the_prompts_of_an_alert_and_leaves_it_to_the_team(run, anna, choose):
    choose("no")
    choose("yes")
    (asked,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert asked.next_patient_prompt_at is not None
    end_care(run)
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (alert.next_patient_prompt_at, alert.state, alert.closed_at) == (None, AlertState.UNCONFIRMED, None)
    assert alert.next_escalation_at == asked.next_escalation_at


def test_end_of_care_ends_caregivers_without_a_word_and_drops_what_waits(database, run, anna, ben):
    early = {"state": "ended", "ended_at": AT - DAY}
    for of, name, facts in (
        (anna, "a", {"state": "active", "chat_id": 8}),
        (anna, "b", {"state": "invited"}),
        (anna, "c", early),
        (ben, "d", {"state": "active", "chat_id": 18}),
    ):
        helper = samples.caregiver(of.id, name, **facts)
        run(lambda s, h=helper: s.caregivers.add(h))
    mail(run, (anna, 7), (anna, 8), (ben, 17), (ben, 18))
    seen = len(database.outbox())
    end_care(run)
    assert len(database.outbox()) == seen, "nothing is sent"
    assert waiting(database) == [17, 18]
    found = [(c.state, c.chat_id, c.ended_at) for c in run(lambda s: s.caregivers.of_patient(anna.id))]
    assert found == [("ended", None, GONE), ("ended", None, GONE), ("ended", None, AT - DAY)]
    assert [c.state for c in run(lambda s: s.caregivers.of_patient(ben.id))] == ["active"]
    actions = [action for _, action, _, _ in audited(run)]
    assert actions.count("caregiver_ended") == 2


# -- withdrawal


def test_withdrawal_drops_what_waits_for_the_patients_chats_and_no_others(database, run, anna, ben):
    run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=8)))
    mail(run, (anna, 7), (anna, 8), (ben, 17))
    patient(run, goodbye_at=AT + DAY)
    gone = run(participation.withdraw, "P-0001", at=GONE)
    assert waiting(database) == [17]
    assert gone.goodbye_at is None
    last = [(q.row.chat_id, q.row.screen.name) for q in database.outbox() if q.state is OutboxState.WAITING][1:]
    assert last == [(8, "care.goodbye"), (7, "stop.done")], "these are the last ones"


@pytest.mark.parametrize(
    ("by", "state", "undo_for"),
    [
        ("patient:P-0001", PatientState.ACTIVE, 24 * HOUR),
        ("patient:P-0001", PatientState.PAUSED, 24 * HOUR),
        ("patient:P-0001", PatientState.ENROLLING, None),
        ("patient:P-0002", PatientState.ACTIVE, None),
        ("lead-1", PatientState.ACTIVE, None),
    ],
)
def test_only_who_took_part_and_stopped_by_themselves_can_undo_it(run, by, state, undo_for):
    patient(run, state=state, undo_until=AT)
    gone = run(participation.withdraw, "P-0001", at=GONE, by=by)
    assert gone.undo_until == (GONE + undo_for if undo_for else None)


@pytest.mark.parametrize(
    ("tier", "state", "phone"),
    [
        (Tier.URGENT, AlertState.UNCONFIRMED, ["phone_patient"]),
        (Tier.SOON, AlertState.UNCONFIRMED, []),
        (Tier.URGENT, AlertState.OPEN, []),
    ],
)
def test_pause_over_a_red_flag_nobody_confirmed_is_a_task_to_phone(run, anna, tier, state, phone):
    run(lambda s: s.alerts.add(samples.alert(anna.id, tier=tier, state=state)))
    run(participation.pause, "P-0001", None, at=GONE)
    found = [(t.kind, t.subject, t.raised_at) for t in run(lambda s: s.tasks.open())]
    assert found == [(kind, "P-0001", GONE) for kind in phone]


# -- what stays with the team


def test_worst_and_oldest_alert_is_kept_of_an_erased_patient(run, anna):
    for tier, hours in ((Tier.SOON, 0), (Tier.URGENT, 1), (Tier.URGENT, 2)):
        run(lambda s, t=tier, h=hours: s.alerts.add(samples.alert(anna.id, tier=t, raised_at=AT + h * HOUR)))
    worst = sorted(alert.id for alert in run(lambda s: s.alerts.of_patient(anna.id)))[1]
    run(participation.erase, "P-0001", at=AT + 3 * HOUR)
    (kept,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (kept.id, kept.tier, kept.raised_at, kept.rules) == (
        worst,
        Tier.URGENT,
        AT + HOUR,
        ("left_while_open",),
    )
    assert (kept.state, kept.patient_id, kept.checkin_id) == (AlertState.UNCONFIRMED, anna.id, None)


@pytest.fixture
def nothing_open(run, anna):
    """What is remembered of the patient, before any of the alerts: nothing."""
    run(lambda s: s.concerns.add(MemoryRow(patient_id=anna.id)))


@pytest.mark.parametrize("outcome", [None, "not_reached", "spoke_to_patient"])
def test_alert_without_an_outcome_is_handed_over_by_who_leaves_alone(run, anna, nothing_open, outcome):
    """Of three, the worst and then the oldest one is named."""
    for tier, hours in ((Tier.SOON, 0), (Tier.URGENT, 1), (Tier.URGENT, 2)):
        made = samples.alert(anna.id, tier=tier, raised_at=AT + hours * HOUR, outcome=outcome)
        run(lambda s, m=made: s.alerts.add(m))
    numbers = sorted(alert.id for alert in run(lambda s: s.alerts.of_patient(anna.id)))
    found = run(leaving.hand_to_team, patient(run), "left", at=GONE)
    is_dealt_with = outcome == "spoke_to_patient"
    assert (found.id if found is not None else None) == (None if is_dealt_with else numbers[1])
    assert run(leaving.outlives_data, patient(run)) is not is_dealt_with
    assert run(leaving.hand_to_team, patient(run), "paused", at=GONE) is None


def test_alert_by_agreement_is_no_open_one_of_who_left(run, anna, nothing_open):
    run(lambda s: s.alerts.add(samples.alert(anna.id, is_agreed=True)))
    assert run(leaving.hand_to_team, patient(run), "left", at=GONE) is None
    assert run(leaving.outlives_data, patient(run)) is False
    assert run(leaving.keep_for_team, patient(run)) is None


# -- caregivers


@pytest.mark.parametrize(("chat", "left"), [(8, [7, 9, 8]), (None, [7, 8, 9, 8])])
def test_end_of_a_caregiver_drops_what_waits_for_their_chat_alone(database, run, anna, ben, chat, left):
    mail(run, (anna, 7), (anna, 8), (anna, 9), (ben, 8))
    helper = run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=chat)))
    run(lambda w: caregivers.end(w, w.patients.get(anna.id), helper, notify=False), at=GONE)
    assert waiting(database) == left


@pytest.mark.parametrize(("days", "opens"), [(14 * DAY - MINUTE, True), (14 * DAY, False)])
def test_caregivers_link_works_for_fourteen_days(run, anna, days, opens):
    token = run(caregivers.invite, patient(run), at=AT)
    found = run(caregivers.find_link, token, at=AT + days)
    assert (found is not None) is opens
    if found is not None:
        assert (found[0].id, found[1].patient_id) == (anna.id, anna.id)


@pytest.mark.parametrize("store", ["caregivers", "invites"])
def test_link_that_ended_while_the_patient_was_locked_opens_nothing(run, anna, store):
    """Two chats open it at once, or the patient is erased: what is read again under the lock counts."""
    if store == "caregivers":
        token = run(caregivers.invite, patient(run), at=AT)
    else:
        token = run(registry.invite_again, "P-0001", at=AT)[1]

    def opened(work):
        links = getattr(work, store)
        found = [links.by_hash(work.clinic.hash_token(token)), None]
        links.by_hash = lambda _hash: found.pop(0)
        made = caregivers.find_link(work, token) if store == "caregivers" else registry.find_invite(work, token, 9)
        return made, found

    assert run(opened, at=AT) == (None, [])
