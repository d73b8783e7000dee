"""A move to a new phone, step by step: whose chat it is, what waits for which chat, who is let in, what is audited."""

from datetime import timedelta
from functools import partial

import pytest

from bot.app.patients import new_phone, out_of_care, participation, registry, views
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import Task
from bot.app.records.messages import OutboxState
from bot.app.records.patients import PatientState
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OLD, NEW = 7, 8
NO_DETAIL: dict[str, object] = {}


@pytest.fixture
def run(database, clinic, anna):
    return partial(transact, database, clinic)


@pytest.fixture
def moving(run, anna):
    """Change the patient as stored, and return them."""

    def change(**changes):
        return run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update=changes)))

    return change


def now(run):
    """Whose chats they are: the patient's, the second, where the move is, and since when answers are shown."""
    row = run(lambda s: s.patients.by_code("P-0001"))
    return row.chat_id, row.second_chat_id, row.phone_move, row.history_from


def act(run, step, patient, at=AT + HOUR):
    """Take the step; what it returns is what is stored."""
    made = run(step, patient, at=at)
    assert made.model_copy(update={"is_second": False}) == run(lambda s: s.patients.get(patient.id))
    return made


def audited(run):
    lines = run(lambda s: s.audit.lines("P-0001", limit=500))
    return [(x.actor, x.action, dict(x.detail)) for x in reversed(lines) if "phone" in x.action]


def mail(run, anna, *chats):
    """Let a message about the patient wait for each of these chats."""
    for chat in chats:
        run(lambda s, c=chat: s.outbox.enqueue(samples.message(c, slot="hint", patient_id=anna.id)))


def waiting(database):
    rows = [q for q in database.outbox() if q.row.slot == "hint"]
    return [q.row.chat_id for q in rows if q.state is OutboxState.WAITING]


@pytest.mark.parametrize(
    ("state", "chat", "asks"),
    [
        (PatientState.ACTIVE, OLD, True),
        (PatientState.PAUSED, OLD, True),
        (PatientState.ACTIVE, NEW, False),
        (PatientState.ACTIVE, None, False),
        (PatientState.WITHDRAWN, OLD, False),
        (PatientState.ENROLLING, OLD, False),
    ],
)
def test_old_chat_is_asked_if_the_patient_takes_part_in_another(anna, state, chat, asks):
    known = anna.model_copy(update={"state": state, "chat_id": chat})
    assert new_phone.needs_asking(known, NEW) is asks


def test_opened_link_moves_nothing_yet_and_is_audited(run, moving):
    asked = act(run, lambda w, p: new_phone.opened(w, p, NEW), moving())
    assert (asked.second_chat_id, asked.phone_move) == (NEW, "asked")
    assert now(run) == (OLD, NEW, "asked", None)
    assert audited(run) == [("patient:P-0001", "new_phone_opened", NO_DETAIL)]


def test_agreed_new_phone_is_the_chat_and_the_old_one_stays_the_second(database, run, anna, moving):
    mail(run, anna, OLD, NEW)
    asked = moving(second_chat_id=NEW, phone_move="asked", unreachable_at=AT)
    moved = act(run, new_phone.agreed, asked.model_copy(update={"is_second": True}))
    assert now(run) == (NEW, OLD, "moved", AT + HOUR)
    assert (moved.unreachable_at, moved.is_second) == (None, False)
    assert waiting(database) == [OLD, NEW], "the old one may still say that it was not the patient"
    assert audited(run) == [("patient:P-0001", "new_phone_agreed", NO_DETAIL)]


def test_new_phone_that_agrees_to_a_confirmed_move_is_the_only_chat(database, run, anna, moving):
    mail(run, anna, OLD, NEW)
    confirmed = moving(second_chat_id=NEW, phone_move="confirmed", unreachable_at=AT)
    moved = act(run, new_phone.agreed, confirmed.model_copy(update={"is_second": True}))
    assert now(run) == (NEW, None, None, None)
    assert (moved.unreachable_at, moved.is_second) == (None, False)
    assert waiting(database) == [NEW], "the old chat is nobody's any more"
    assert audited(run) == [("patient:P-0001", "new_phone_agreed", NO_DETAIL)]


def test_confirmed_move_of_one_without_a_chat_drops_nothing(database, run, anna, moving):
    mail(run, anna, OLD)
    act(run, new_phone.agreed, moving(chat_id=None, second_chat_id=NEW, phone_move="confirmed"))
    assert (now(run), waiting(database)) == ((NEW, None, None, None), [OLD])


@pytest.mark.parametrize("move", ["asked", "confirmed"])
def test_chat_of_a_patient_who_left_becomes_the_new_one(run, anna, moving, move):
    left = samples.patient("P-0009", state=PatientState.WITHDRAWN, chat_id=NEW)
    left = run(lambda s: s.patients.add(left))
    act(run, new_phone.agreed, moving(second_chat_id=NEW, phone_move=move))
    assert run(lambda s: s.patients.get(left.id)).chat_id is None
    assert now(run)[0] == NEW


def test_new_phone_closes_the_task_to_find_the_patient_and_no_other(run, anna, moving):
    other = run(lambda s: s.patients.add(samples.patient("P-0009")))
    for of, kind in ((anna, "unreachable"), (anna, "missed_twice"), (other, "unreachable")):
        made = Task(kind=kind, patient_id=of.id, subject=of.code, raised_at=AT)
        run(lambda s, t=made: s.tasks.add(t))
    act(run, new_phone.agreed, moving(second_chat_id=NEW, phone_move="asked"))
    left = [(task.kind, task.subject) for task in run(lambda s: s.tasks.open())]
    assert left == [("missed_twice", "P-0001"), ("unreachable", "P-0009")]


BEFORE_AND_AFTER = [
    ((OLD, NEW, "asked", None), (OLD, NEW, "confirmed", None)),
    ((OLD, NEW, "confirmed", None), (OLD, NEW, "confirmed", None)),
    ((NEW, OLD, "moved", AT), (NEW, None, None, None)),
    ((NEW, None, None, AT), (NEW, None, None, None)),
]
"""A move, and what it becomes once it is confirmed; the last one after the old chat was lost."""
FIELDS = ("chat_id", "second_chat_id", "phone_move", "history_from")


@pytest.mark.parametrize(("before", "after"), BEFORE_AND_AFTER)
def test_confirmed_move_shows_earlier_answers_once_the_new_phone_has_agreed(run, anna, moving, before, after):
    act(run, new_phone.confirmed, moving(**dict(zip(FIELDS, before, strict=True))))
    assert now(run) == after
    assert audited(run) == [("patient:P-0001", "new_phone_confirmed", NO_DETAIL)]


@pytest.mark.parametrize(("before", "after"), BEFORE_AND_AFTER)
def test_coordinator_confirms_for_a_patient_whose_old_phone_is_lost(run, anna, moving, before, after):
    moving(**dict(zip(FIELDS, before, strict=True)))
    made = run(new_phone.confirm_for, "P-0001", at=AT + HOUR, by="coord-1")
    assert made == run(lambda s: s.patients.get(anna.id))
    assert now(run) == after
    assert audited(run) == [("coord-1", "new_phone_confirmed", NO_DETAIL)]


def test_nothing_to_confirm_is_refused(run, anna):
    with pytest.raises(RefusedError) as refused:
        run(new_phone.confirm_for, "P-0001")
    assert str(refused.value) == "P-0001 is not moving to a new phone, so there is nothing to confirm"
    with pytest.raises(RefusedError, match=r"^no patient has the code 'P-0404': see `nervecheck patient list`$"):
        run(new_phone.confirm_for, "P-0404")
    assert audited(run) == []


@pytest.mark.parametrize("move", ["asked", "confirmed"])
def test_no_before_the_move_leaves_the_old_chat_alone(database, run, anna, moving, move):
    mail(run, anna, OLD, NEW)
    asked = moving(second_chat_id=NEW, phone_move=move, unreachable_at=AT)
    kept = act(run, new_phone.refused, asked.model_copy(update={"is_second": True}))
    assert now(run) == (OLD, None, None, None)
    assert (kept.unreachable_at, kept.is_second) == (AT, False), "a No on the new phone says nothing of the old one"
    assert waiting(database) == [OLD]
    assert audited(run) == [("patient:P-0001", "new_phone_refused", NO_DETAIL)]


def test_no_after_the_move_brings_the_old_chat_back(database, run, anna, moving):
    mail(run, anna, OLD, NEW)
    moved = moving(chat_id=NEW, second_chat_id=OLD, phone_move="moved", history_from=AT, unreachable_at=AT)
    run(lambda s: s.tasks.add(samples.task(anna.id)))
    run(lambda s: s.tasks.add(samples.task(anna.id, kind="missed_twice")))
    kept = act(run, new_phone.refused, moved.model_copy(update={"is_second": True}))
    assert now(run) == (OLD, None, None, None)
    assert (kept.unreachable_at, kept.is_second) == (None, False)
    assert waiting(database) == [OLD]
    assert [task.kind for task in run(lambda s: s.tasks.open())] == ["missed_twice"]
    assert audited(run) == [("patient:P-0001", "new_phone_refused", NO_DETAIL)]


@pytest.mark.parametrize("move", ["asked", "moved"])
def test_no_ends_every_link_and_keeps_when_earlier_ones_ended(run, anna, moving, move):
    token = run(registry.invite_again, "P-0001", at=AT + MINUTE)[1]
    asked = moving(chat_id=None, second_chat_id=OLD, phone_move=move, history_from=AT)
    act(run, new_phone.refused, asked)
    assert sorted(i.revoked_at for i in run(lambda s: s.invites.of_patient(anna.id))) == [AT + MINUTE, AT + HOUR]
    assert run(registry.find_invite, token, OLD, at=AT + HOUR) is None


@pytest.mark.parametrize("has_chat", [True, False])
def test_no_after_the_move_ends_whom_the_other_phone_let_in(database, run, anna, moving, has_chat):
    """Each was invited a minute before the new phone agreed, at that time, or later; a fourth one ended long ago."""
    since, made = AT + 10 * MINUTE, {}
    for minutes, state in ((9, "active"), (10, "active"), (11, "invited"), (12, "ended")):
        chat = {"active": 20 + minutes}.get(state) if has_chat else None
        helper = samples.caregiver(anna.id, f"c{minutes}", state=state, chat_id=chat)
        helper = helper.model_copy(update={"invited_at": AT + minutes * MINUTE, "ended_at": None})
        made[minutes] = run(lambda s, h=helper: s.caregivers.add(h)).id
    seen = len(database.outbox())
    moved = moving(chat_id=NEW, second_chat_id=OLD, phone_move="moved", history_from=since)
    act(run, new_phone.refused, moved)
    ended = {row.id: row.ended_at for row in run(lambda s: s.caregivers.of_patient(anna.id))}
    assert ended == {made[9]: None, made[10]: AT + HOUR, made[11]: AT + HOUR, made[12]: None}
    shown = [(q.row.chat_id, q.row.screen.name) for q in database.outbox()[seen:]]
    assert shown == ([(30, "care.goodbye")] if has_chat else []), "it says so, unless nobody had opened the link"


def test_no_before_the_move_ends_no_caregiver(run, anna, moving):
    run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=20)))
    act(run, new_phone.refused, moving(second_chat_id=NEW, phone_move="asked", history_from=AT - HOUR))
    assert [row.state for row in run(lambda s: s.caregivers.of_patient(anna.id))] == ["active"]


@pytest.mark.parametrize(("move", "since"), [("asked", None), ("moved", AT)])
def test_second_chat_that_is_lost_confirms_nothing(run, anna, moving, move, since):
    two = moving(second_chat_id=NEW, phone_move=move, history_from=since)
    kept = act(run, new_phone.lost, two.model_copy(update={"is_second": True}))
    assert now(run) == (OLD, None, None, since)
    assert kept.is_second is False
    assert audited(run) == []


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, None),
        ({"second_chat_id": NEW, "phone_move": "asked"}, "asked"),
        ({"second_chat_id": NEW, "phone_move": "moved", "history_from": AT}, "moved"),
        ({"history_from": AT}, "unconfirmed"),
    ],
)
def test_view_says_where_the_move_is(run, moving, changes, shown):
    moving(**changes)
    assert run(views.view, "P-0001").new_phone == shown


@pytest.mark.parametrize("ends", ["withdrawn", "erased", "out of care"])
@pytest.mark.parametrize(
    ("move", "left"),
    [("asked", (OLD, None, None)), ("confirmed", (OLD, None, None)), ("moved", (OLD, NEW, "moved"))],
)
def test_who_leaves_before_the_move_leaves_the_other_phone_nobodys(run, moving, ends, move, left):
    """After it the second chat may still say that the move was not theirs."""
    moving(second_chat_id=NEW, phone_move=move)
    if ends == "withdrawn":
        run(participation.withdraw, "P-0001", at=AT + HOUR)
        assert now(run)[:3] == left
    elif ends == "erased":
        run(participation.erase, "P-0001", at=AT + HOUR)
        assert now(run)[:3] == (None, None, None)
    else:
        run(lambda w: out_of_care.end_care(w, w.patients.by_code("P-0001")), at=AT + HOUR)
        assert now(run)[:3] == (OLD, NEW, move)
