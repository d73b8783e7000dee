"""What a red-flag tap leaves behind in one transaction: answer, assessment, alert, and messages in their lanes."""

from datetime import timedelta

from bot.app.alerts import replies
from bot.app.alerts.naming import Found
from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.records.messages import Lane, OutboxState
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.fakes.outbox import message_counts
from tests.fakes.team import raise_another
from tests.fakes.work import work_on


def waiting(database):
    counts = database.run(message_counts)
    return {lane: n for (lane, state), n in counts.items() if state is OutboxState.WAITING}


def send_all(database, at=AT):
    """Take all that waits as sent, in order; return (lane, screen) of each."""
    sent = []
    while claims := database.run(
        lambda stores: stores.outbox.claim(
            at, lanes=list(Lane), limit=9, owner="me", lease_until=at + timedelta(minutes=1)
        )
    ):
        for claim in claims:
            sent.append((claim.row.lane, claim.row.screen.name, claim.row.mode))
            database.run(
                lambda stores, c=claim: stores.outbox.mark_sent(c.row.id, owner="me", message_id=c.row.id, at=at)
            )
    return sent


def test_an_emergency_goes_out_first_and_as_new_messages(database, choose):
    assert send_all(database) == [(Lane.CHECKIN, "ask.change", "new")]
    choose("no")
    send_all(database)
    choose("yes")
    assert send_all(database) == [
        (Lane.RED_FLAG, "call.emergency", "new"),
        (Lane.REPLY, "ask.which_now", "edit"),
    ]


def test_an_urgent_one_too(database, choose):
    for choice in ("no", "none"):
        choose(choice)
    send_all(database)
    choose("not_sure")
    assert [s for s in send_all(database) if s[0] is Lane.RED_FLAG] == [
        (Lane.RED_FLAG, "call.urgent", "new"),
    ]


def test_all_of_it_is_stored_at_the_tap(database, anna, choose):
    choose("no")
    choose("yes")
    (alert,) = database.run(lambda stores: stores.alerts.of_patient(anna.id))
    (assessment,) = database.run(lambda stores: stores.assessments.of_patient(anna.id))
    assert (alert.tier, alert.rules, alert.next_patient_prompt_at) == (
        Tier.EMERGENCY,
        ("now.yes",),
        AT + timedelta(minutes=15),
    )
    assert (assessment.tier, assessment.final, assessment.protocol_name) == (Tier.EMERGENCY, False, "default")
    assert len(assessment.protocol_hash) == 64
    newest = database.run(lambda stores: stores.audit.lines("P-0001", limit=1))
    assert [line.action for line in newest] == ["alert_raised"]


def test_safety_follow_up_is_a_red_flag_message(database, clinic, choose):
    choose("no")
    choose("yes")
    send_all(database)
    later = AT + timedelta(minutes=15)
    swept = database.run(lambda stores: sweeps.alert_clocks(work_on(stores, clinic, later), 10))
    assert (swept.done, swept.errors) == (1, ())
    assert send_all(database, later) == [(Lane.RED_FLAG, "loopback.ask", "new")]


def test_need_help_now_is_an_urgent_alert_in_lane_0(database, anna, choose):
    send_all(database)
    choose("", kind="help_now")
    assert send_all(database) == [(Lane.RED_FLAG, "call.help", "new")]
    (alert,) = database.run(lambda stores: stores.alerts.of_patient(anna.id))
    assert (alert.tier, alert.rules) == (Tier.URGENT, ("asked_for_help",))


def test_one_bad_alert_holds_up_no_other(database, clinic, anna, choose, monkeypatch):
    choose("no")
    choose("yes")
    due = {"next_patient_prompt_at": AT}
    database.run(lambda s: raise_another(work_on(s, clinic, AT), anna, Found(Tier.URGENT, ("new.yes",))))
    database.run(lambda s: [s.alerts.save(a.model_copy(update=due)) for a in s.alerts.in_queue(9)])
    real, seen = replies.step, []

    def step(work, alert):
        seen.append(alert.id)
        if len(seen) == 1:
            raise KeyError("broken")
        real(work, alert)

    monkeypatch.setattr(replies, "step", step)
    swept = database.run(lambda stores: sweeps.alert_clocks(work_on(stores, clinic, AT + timedelta(hours=1)), 10))
    assert swept.done == 1
    assert [type(e) for e in swept.errors] == [KeyError]


def test_a_button_of_an_earlier_check_in_answers_nothing(database, clinic, anna):
    first = database.run(lambda stores: stores.checkins.open_of(anna.id))
    later = AT + timedelta(days=2)
    database.run(
        lambda stores: opening.open_checkin(
            work_on(stores, clinic, later), anna, form="quick", kind="scheduled", due_at=later
        )
    )
    old = Action(kind="choose", subject=first.id, question="change", choice="no")
    assert database.run(lambda stores: checkins.tapped(work_on(stores, clinic, later), anna, old)) is None
    assert not database.run(lambda stores: stores.checkins.open_of(anna.id)).value.answers


def test_nobody_answers_anothers_alert(database, clinic, anna, choose):
    choose("no")
    choose("yes")
    (alert,) = database.run(lambda stores: stores.alerts.of_patient(anna.id))
    other = anna.model_copy(update={"id": anna.id + 1, "code": "P-0002", "chat_id": 8})
    assert database.run(lambda stores: replies.reply(work_on(stores, clinic, AT), other, alert.id, "called")) is None
    assert database.run(lambda stores: stores.alerts.get(alert.id)).state == "open"
