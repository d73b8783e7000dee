"""Dead letters: listed without content, retried while they make sense, discarded; each act is audited."""

from datetime import timedelta

import pytest

from bot.app.operations import dead_letters
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import FailedDelivery, Lane, Outbox, OutboxState
from bot.app.records.operations import DeadUpdate
from bot.app.records.patients import PatientState
from bot.core.screen import Screen, Text
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def post(database, clinic, anna):
    """The outbox after anna's messages were sent, and what fails in it."""

    class Post:
        def run(self, use_case, *args, **more):
            return transact(database, clinic, use_case, *args, **more)

        def failed(self, slot="checkin:3", *, chat=7, patient=anna.id, at=AT, error="Forbidden: x", revision=0, **more):
            row = Outbox(
                patient_id=patient,
                chat_id=chat,
                language="en",
                lane=more.pop("lane", Lane.REPLY),
                slot=slot,
                mode="new",
                revision=revision,
                screen=Screen(name="x", lines=(Text(key="stop.kept"),)),
                created_at=at,
                not_before=at,
                **more,
            )
            number = self.run(lambda s: s.outbox.enqueue(row))
            if error is not None:
                self.run(lambda s: s.outbox.mark_failed(number, error=error, at=at + MINUTE))
            return number

        def dead_update(self, chat=7, update_id=5):
            dead = DeadUpdate(update_id=update_id, chat_id=chat, raw="{}", error="KeyError at bot.x:1", at=AT)
            return self.run(lambda s: s.dead_letters.add_update(dead).id)

        def state(self, number):
            return next(q.state for q in database.outbox() if q.row.id == number)

        def audited(self):
            lines = reversed(self.run(lambda s: s.audit.lines(limit=500)))
            return [(x.actor, x.action, x.subject) for x in lines if x.action.startswith("dead_letter")]

        def why_not(self, number):
            with pytest.raises(RefusedError) as refused:
                self.run(dead_letters.retry_message, number, at=AT + HOUR, by="op-1")
            assert self.audited() == []
            return str(refused.value)

    return Post()


def sentence(number, why, kind="message"):
    return f"{kind}-{number} {why}; discard it with `nervecheck dead discard {kind}-{number}`"


def test_list_names_updates_then_messages_and_no_content(post):
    first, nameless = post.dead_update(), post.dead_update(update_id=None)
    message = post.failed("checkin:3", lane=Lane.RED_FLAG)
    found = [(x.ref, x.kind, x.number, x.what, x.why, x.since) for x in post.run(dead_letters.list_dead_letters)]
    error = "KeyError at bot.x:1"
    assert sorted(found[:2]) == [
        (f"update-{first}", "update", first, "Telegram's 5", error, AT),
        (f"update-{nameless}", "update", nameless, "Telegram's without a number", error, AT),
    ]
    why, what = "Forbidden: x", "lane red_flag, checkin, 0 attempts"
    assert found[2:] == [(f"message-{message}", "message", message, what, why, AT + MINUTE)]


@pytest.mark.parametrize("ref", ["update-", "update-x", "letter-1", "update", "message-1.5", "-1", "update_1"])
def test_reference_that_is_none_is_refused(ref):
    with pytest.raises(RefusedError) as refused:
        dead_letters.parse_reference(ref)
    assert str(refused.value) == (
        f"{ref!r} is not a reference: write update-NUMBER or message-NUMBER, see `nervecheck dead list`"
    )


def test_reference_is_a_kind_and_a_number():
    assert dead_letters.parse_reference("update-12") == ("update", 12)
    assert dead_letters.parse_reference("message-34") == ("message", 34)


def test_update_is_returned_or_refused_by_number(post):
    number = post.dead_update()
    assert post.run(dead_letters.update, number).update_id == 5
    with pytest.raises(RefusedError, match=r"^there is no dead update 99: see `nervecheck dead list`$"):
        post.run(dead_letters.update, 99)


@pytest.mark.parametrize(("chat", "of"), [(7, " of P-0001"), (8, " of a caregiver of P-0001"), (9, ""), (None, "")])
def test_refusal_of_an_update_says_whose_it_is(post, anna, chat, of):
    post.run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=8)))
    number = post.dead_update(chat=chat)
    found = post.run(lambda s: dead_letters.refusal(s, number, "is too old"))
    assert str(found) == f"update-{number}{of} is too old; discard it with `nervecheck dead discard update-{number}`"


def test_refusal_of_an_update_that_is_gone_names_nobody(post):
    assert str(post.run(lambda s: dead_letters.refusal(s, 99, "is too old"))) == sentence(99, "is too old", "update")


def test_retried_message_waits_again_and_is_audited(post):
    number = post.failed()
    post.run(dead_letters.retry_message, number, at=AT + HOUR, by="op-1")
    assert post.state(number) is OutboxState.WAITING
    assert post.audited() == [("op-1", "dead_letter_retried", f"message-{number}")]


def test_retry_of_no_message_is_refused(post):
    assert post.why_not(99) == "there is no dead message 99: see `nervecheck dead list`"


def test_retry_of_a_superseded_message_is_refused(post):
    number = post.failed(revision=1)
    post.failed(revision=2, error=None, at=AT + MINUTE)
    assert post.why_not(number) == sentence(number, "was superseded by a later message")


@pytest.mark.parametrize(("left", "expired"), [(MINUTE, False), (timedelta(0), False), (-MINUTE, True)])
def test_retry_of_an_expired_message_is_refused(post, left, expired):
    number = post.failed(not_after=AT + HOUR + left)
    if expired:
        assert post.why_not(number) == sentence(number, "has expired: it was useful for a limited time only")
    else:
        post.run(dead_letters.retry_message, number, at=AT + HOUR)
        assert post.state(number) is OutboxState.WAITING


def change_patient(post, anna, **changes):
    post.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update=changes)))


@pytest.mark.parametrize("state", [PatientState.WITHDRAWN, PatientState.DECLINED])
def test_retry_for_a_patient_who_left_is_refused(post, anna, state):
    number = post.failed()
    change_patient(post, anna, state=state)
    assert post.why_not(number) == sentence(number, "was for a patient who has left: nothing is sent to them any more")


def test_retry_for_a_patient_who_cant_be_reached_is_refused(post, anna):
    number = post.failed()
    change_patient(post, anna, unreachable_at=AT)
    assert post.why_not(number) == sentence(number, "was for a patient who can't be reached")


def test_retry_for_a_chat_that_is_anothers_is_refused(post):
    number = post.failed(chat=9)
    assert post.why_not(number) == sentence(number, "was for a chat that no longer belongs to the patient")


def test_retry_for_a_caregiver_reaches_their_chat(post, anna):
    post.run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=8)))
    number = post.failed(chat=8)
    change_patient(post, anna, unreachable_at=AT)
    post.run(dead_letters.retry_message, number, at=AT + HOUR)
    assert post.state(number) is OutboxState.WAITING


@pytest.mark.parametrize(
    ("member", "reached"),
    [
        ({"state": "active", "chat_id": 50}, True),
        ({"state": "active", "chat_id": 50, "unreachable_at": AT}, False),
        ({"state": "active", "chat_id": 51}, False),
        ({"state": "invited", "chat_id": 50}, False),
    ],
)
def test_retry_for_staff_needs_someone_who_can_be_reached(post, member, reached):
    post.run(lambda s: s.staff.add(samples.staff("ann", **member)))
    number = post.failed("staff-alert:1", chat=50, patient=None)
    if reached:
        post.run(dead_letters.retry_message, number, at=AT + HOUR)
        assert post.state(number) is OutboxState.WAITING
    else:
        assert post.why_not(number) == sentence(number, "was for someone who has left the team or can't be reached")


def test_retry_for_a_member_whose_chat_is_a_patients_too_is_sent(post, anna):
    post.run(lambda s: s.staff.add(samples.staff("ann", state="active", chat_id=anna.chat_id)))
    number = post.failed("staff-alert:1", chat=anna.chat_id, patient=None)
    post.run(dead_letters.retry_message, number, at=AT + HOUR)
    assert post.state(number) is OutboxState.WAITING


def test_retry_for_a_stranger_needs_nobody(post):
    number = post.failed("stranger", chat=99, patient=None)
    post.run(dead_letters.retry_message, number, at=AT + HOUR)
    assert post.state(number) is OutboxState.WAITING


def test_processed_update_is_removed_and_audited(post):
    number = post.dead_update()
    post.run(dead_letters.close_processed_update, number, by="op-1")
    assert post.run(dead_letters.list_dead_letters) == []
    assert post.audited() == [("op-1", "dead_letter_retried", f"update-{number}")]
    with pytest.raises(RefusedError, match=rf"^there is no dead update {number}: see `nervecheck dead list`$"):
        post.run(dead_letters.close_processed_update, number)


@pytest.mark.parametrize("kind", ["update", "message"])
def test_discarded_letter_is_gone_and_audited(post, kind):
    number = post.dead_update() if kind == "update" else post.failed()
    other = post.failed() if kind == "update" else post.dead_update()
    post.run(dead_letters.discard, f"{kind}-{number}", by="op-1")
    assert [x.number for x in post.run(dead_letters.list_dead_letters)] == [other]
    assert post.audited() == [("op-1", "dead_letter_discarded", f"{kind}-{number}")]
    with pytest.raises(RefusedError, match=rf"^there is no dead {kind} 99: see `nervecheck dead list`$"):
        post.run(dead_letters.discard, f"{kind}-99", by="op-1")


def test_list_names_the_first_word_of_a_slot_alone(post):
    post.failed("loopback:3:1")
    (found,) = post.run(dead_letters.list_dead_letters)
    assert found.what == "lane reply, loopback, 0 attempts"


def test_retry_of_a_message_that_no_key_opens_is_refused(post, monkeypatch):
    number = post.failed()
    unreadable = FailedDelivery(row=None, superseded=False)

    def retry(work):
        monkeypatch.setattr(work.dead_letters, "message", lambda _number: unreadable)
        dead_letters.retry_message(work, number)

    with pytest.raises(RefusedError) as refused:
        post.run(retry)
    assert str(refused.value) == sentence(number, "can't be decrypted with the configured keys")


@pytest.mark.parametrize("whose", ["patient", "staff"])
def test_message_that_was_retried_or_discarded_since_it_was_read_is_not_there(post, anna, whose):
    post.run(lambda s: s.staff.add(samples.staff("ann", state="active", chat_id=50)))
    number = post.failed() if whose == "patient" else post.failed("staff-alert:1", chat=50, patient=None)

    def retry(work):
        work.dead_letters.retry_message = lambda _number, _at: False
        dead_letters.retry_message(work, number)

    with pytest.raises(RefusedError) as refused:
        post.run(retry)
    assert str(refused.value) == f"there is no dead message {number}: see `nervecheck dead list`"
    assert post.audited() == []


def test_message_that_was_superseded_while_the_patient_was_locked_is_refused(post, anna):
    number = post.failed()

    def retry(work):
        found = [work.dead_letters.message(number)]
        found.append(found[0]._replace(superseded=True))
        work.dead_letters.message = lambda _number: found.pop(0)
        dead_letters.retry_message(work, number)

    with pytest.raises(RefusedError) as refused:
        post.run(retry)
    assert str(refused.value) == sentence(number, "was superseded by a later message")
