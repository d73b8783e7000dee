from datetime import date, timedelta

import pytest

from bot.app.ports.errors import DuplicateError
from bot.app.records.messages import Lane
from bot.app.records.operations import Audit, Place
from bot.app.records.patients import PatientState
from bot.core.plan_override import PlanOverride
from bot.core.treatment import Treatment
from bot.db.stores.treatment import EARLIER
from tests.contract.samples import (
    AT,
    MINUTE,
    active,
    alert,
    answer,
    assessment,
    checkin,
    consent,
    dead_update,
    full_caregiver,
    full_patient,
    invite,
    message,
    patient,
    period,
    staff,
    task,
    tip_shown,
)
from tests.fakes.outbox import message_counts


def test_a_patient_comes_back_as_stored(database):
    for sample in (patient(), full_patient()):
        added = database.run(lambda s, p=sample: s.patients.add(p))
        assert added.id > 0
        assert added == sample.model_copy(update={"id": added.id, "periods": added.periods})
        assert added.treatment == sample.treatment
        assert database.run(lambda s, n=added.id: s.patients.get(n)) == added
        assert database.run(lambda s, c=sample.code: s.patients.by_code(c, lock=True)) == added


def test_every_field_of_a_patient_is_overwritten(database):
    added = database.run(lambda s: s.patients.add(patient()))
    changed = full_patient().model_copy(update={"id": added.id})
    changed = database.run(lambda s: s.patients.save(changed))
    read = database.run(lambda s: s.patients.get(added.id, lock=True))
    assert read == changed.model_copy(update={"periods": read.periods})


def test_who_helps_just_now_is_never_stored(database):
    helped = patient().model_copy(update={"caregiver": full_caregiver(1)})
    added = database.run(lambda s: s.patients.add(helped))
    assert added.caregiver is None
    database.run(lambda s: s.patients.save(added.model_copy(update={"caregiver": full_caregiver(1)})))
    assert database.run(lambda s: s.patients.get(added.id)) == added.model_copy(update={"version": 1})


def test_timestamps_keep_microseconds_and_are_utc(database):
    added = database.run(lambda s: s.patients.add(full_patient()))
    read = database.run(lambda s: s.patients.get(added.id))
    assert read.next_due_at == AT + MINUTE
    assert read.next_due_at.microsecond == 123456
    assert read.next_due_at.utcoffset() == timedelta(0)


def test_unknown_patients_are_none(database):
    assert database.run(lambda s: (s.patients.get(99), s.patients.by_code("x"), s.patients.by_chat(5))) == (
        None,
        None,
        None,
    )


def test_a_code_is_used_once(database):
    database.run(lambda s: s.patients.add(patient()))
    with pytest.raises(DuplicateError):
        database.run(lambda s: s.patients.add(patient()))
    assert len(database.run(lambda s: s.patients.page())) == 1


def test_a_chat_belongs_to_one_patient(database):
    first = database.run(lambda s: s.patients.add(patient("A", chat_id=5)))
    second = database.run(lambda s: s.patients.add(patient("B")))
    with pytest.raises(DuplicateError):
        database.run(lambda s: s.patients.save(second.model_copy(update={"chat_id": 5})))
    with pytest.raises(DuplicateError):
        database.run(lambda s: s.patients.add(patient("C", chat_id=5)))
    assert database.run(lambda s: s.patients.by_chat(5)) == first
    assert database.run(lambda s: s.patients.by_code("B")) == second


def test_a_patient_is_found_by_the_chat_it_has_now(database):
    added = database.run(lambda s: s.patients.add(patient(chat_id=5)))
    moved = added.model_copy(update={"chat_id": 6})
    moved = database.run(lambda s: s.patients.save(moved))
    assert database.run(lambda s: (s.patients.by_chat(5), s.patients.by_chat(6, lock=True))) == (None, moved)


def test_saving_what_is_not_there_is_an_error(database):
    with pytest.raises(LookupError):
        database.run(lambda s: s.patients.save(patient().model_copy(update={"id": 12})))


def test_pages_go_by_code_in_byte_order(database):
    for code in ("b", "A-2", "a", "A-10", "B"):
        database.run(lambda s, c=code: s.patients.add(patient(c)))
    first = database.run(lambda s: s.patients.page(limit=3))
    rest = database.run(lambda s: s.patients.page(after_code=first[-1].code, limit=3))
    assert [p.code for p in (*first, *rest)] == ["A-10", "A-2", "B", "a", "b"]


def test_due_patients_are_active_and_oldest_first(database):
    for code, minutes in (("late", -2), ("now", 0), ("oldest", -3), ("future", 1)):
        database.run(lambda s, c=code, m=minutes: s.patients.add(active(c, AT + m * MINUTE)))
    database.run(lambda s: s.patients.add(active("paused", AT).model_copy(update={"state": PatientState.PAUSED})))
    database.run(lambda s: s.patients.add(patient("no date", state=PatientState.ACTIVE)))
    assert [p.code for p in database.run(lambda s: s.patients.due(AT, 10))] == ["oldest", "late", "now"]
    assert [p.code for p in database.run(lambda s: s.patients.due(AT, 2))] == ["oldest", "late"]


def test_patients_to_ask_whether_they_are_home_are_due_in_any_state_and_oldest_first(database):
    for code, minutes in (("late", -2), ("now", 0), ("oldest", -3), ("future", 1)):
        made = patient(code, ask_home_at=AT + minutes * MINUTE)
        database.run(lambda s, made=made: s.patients.add(made))
    database.run(lambda s: s.patients.add(active("at home", AT)))
    assert [p.code for p in database.run(lambda s: s.patients.home_due(AT, 10))] == ["oldest", "late", "now"]
    found = database.run(lambda s: s.patients.home_due(AT, 1))
    after = Place(found[0].ask_home_at, found[0].id)
    assert [p.code for p in database.run(lambda s: s.patients.home_due(AT, 2, after))] == ["late", "now"]


def test_patients_to_say_goodbye_to_are_active_and_due_oldest_first(database):
    for code, minutes in (("late", -2), ("now", 0), ("oldest", -3), ("future", 1)):
        made = patient(code, state=PatientState.ACTIVE, goodbye_at=AT + minutes * MINUTE)
        database.run(lambda s, made=made: s.patients.add(made))
    database.run(lambda s: s.patients.add(patient("paused", state=PatientState.PAUSED, goodbye_at=AT)))
    assert [p.code for p in database.run(lambda s: s.patients.goodbye_due(AT, 10))] == ["oldest", "late", "now"]
    found = database.run(lambda s: s.patients.goodbye_due(AT, 1))
    after = Place(found[0].goodbye_at, found[0].id)
    assert [p.code for p in database.run(lambda s: s.patients.goodbye_due(AT, 2, after))] == ["late", "now"]


def test_invites_and_consents_come_back_as_stored(database):
    someone = database.run(lambda s: s.patients.add(patient()))
    first = database.run(lambda s: s.invites.add(invite(someone.id)))
    second = database.run(lambda s: s.invites.add(invite(someone.id, "h2").model_copy(update={"used_at": None})))
    assert database.run(lambda s: s.invites.of_patient(someone.id)) == [first, second]
    assert database.run(lambda s: (s.invites.by_hash("h2"), s.invites.by_hash("h3"))) == (second, None)
    used = second.model_copy(update={"used_at": AT})
    used = database.run(lambda s: s.invites.save(used))
    assert database.run(lambda s: s.invites.by_hash("h2")) == used
    given = database.run(lambda s: s.consents.add(consent(someone.id)))
    assert database.run(lambda s: s.consents.of_patient(someone.id)) == [given]
    open_again = given.model_copy(update={"withdrawn_at": None})
    open_again = database.run(lambda s: s.consents.save(open_again))
    assert database.run(lambda s: s.consents.of_patient(someone.id)) == [open_again]


def _fill(stores, someone):
    row = stores.checkins.add(checkin(someone.id))
    stores.answers.record(answer(row.id, someone.id, "change", "yes"))
    stores.assessments.add(assessment(row.id, someone.id))
    stores.alerts.add(alert(someone.id, row.id))
    stores.invites.add(invite(someone.id, f"h{someone.id}"))
    stores.consents.add(consent(someone.id))
    stores.tasks.add(task(someone.id, someone.code))
    stores.tips.add(tip_shown(someone.id))
    stores.dead_letters.add_update(dead_update(someone.id, chat_id=someone.chat_id))
    stores.outbox.enqueue(message(someone.chat_id, patient_id=someone.id))
    sent = stores.outbox.enqueue(message(someone.chat_id, "old"))
    stores.outbox.mark_sent(sent, owner="x", message_id=9, at=AT)
    stores.limits.save_chats_free_at({someone.chat_id: AT})
    stores.audit.add(Audit(at=AT, actor="system", action="added", subject=someone.code))
    return row


def _left(stores, someone, chat_id, row):
    return (
        stores.checkins.of_patient(someone.id),
        stores.answers.of_checkin(row.id),
        stores.assessments.of_patient(someone.id),
        stores.alerts.of_patient(someone.id),
        stores.invites.of_patient(someone.id),
        stores.tasks.open(someone.id),
        stores.tips.of_patient(someone.id),
        stores.limits.chats_free_at([chat_id]),
        stores.caregivers.of_patient(someone.id),
        [dead for dead in stores.dead_letters.updates() if dead.chat_id in {None, chat_id}],
    )


def test_erasing_leaves_the_patient_consents_and_audit_of_that_patient(database):
    one = database.run(lambda s: s.patients.add(full_patient("one").model_copy(update={"chat_id": 1})))
    other = database.run(lambda s: s.patients.add(patient("other", chat_id=2)))
    rows = {p.code: database.run(lambda s, p=p: _fill(s, p)) for p in (one, other)}
    kept = database.run(lambda s: _left(s, other, 2, rows["other"]))

    database.run(lambda s: s.patients.erase_data(one.id))

    assert not any(database.run(lambda s: _left(s, one, 1, rows["one"])))
    erased = database.run(lambda s: s.patients.get(one.id))
    assert erased == one.model_copy(
        update={
            **dict.fromkeys(("chat_id", "follow_up", "ask_home_at", "goodbye_at", "rests_until")),
            **dict.fromkeys(("undo_until", "timezone", "enrol_step")),
            **dict.fromkeys(("second_chat_id", "phone_move", "history_from")),
            "pauses": (),
            "plan_override": PlanOverride(),
            "version": 1,
            "periods": erased.periods,
        }
    )
    assert erased.treatment == Treatment.begun(date(2026, 2, 1), date(2026, 9, 1))
    assert database.run(lambda s: (*s.treatments.of_patient(one.id), *s.treatments.history(one.id))) == ()
    assert len(database.run(lambda s: s.treatments.history(other.id))) == 1
    assert database.run(lambda s: s.patients.by_chat(1)) is None
    assert len(database.run(lambda s: s.consents.of_patient(one.id))) == 1
    assert len(database.run(lambda s: s.audit.lines("one"))) == 1
    assert database.run(lambda s: _left(s, other, 2, rows["other"])) == kept
    assert sum(database.run(message_counts).values()) == 2
    # The message that was edited in place is forgotten with the rest.
    database.run(lambda s: s.outbox.enqueue(message(1, "old", "edit")))
    claims = database.run(lambda s: s.outbox.claim(AT, lanes=[Lane.REPLY], limit=9, owner="x", lease_until=AT + MINUTE))
    assert {(c.row.chat_id, c.message_id) for c in claims} == {(1, None), (2, None)}


def _said(stores, chat_id, slot, **changes):
    """A message that was sent there, so that its slot has a message to edit, and the chat a pace."""
    stores.outbox.mark_sent(stores.outbox.enqueue(message(chat_id, slot, **changes)), owner="x", message_id=9, at=AT)
    stores.limits.save_chats_free_at({chat_id: AT})


def _edited(database, chat_id, slot):
    """The message that an edit of the slot would change."""
    database.run(lambda s: s.outbox.enqueue(message(chat_id, slot, "edit")))
    claims = database.run(lambda s: s.outbox.claim(AT, lanes=[*Lane], limit=99, owner="x", lease_until=AT + MINUTE))
    return {(c.row.chat_id, c.row.slot): c.message_id for c in claims}[chat_id, slot]


def test_erasing_takes_caregivers_along_with_all_that_their_chats_hold(database):
    one = database.run(lambda s: s.patients.add(patient("one", chat_id=1)))
    other = database.run(lambda s: s.patients.add(patient("other", chat_id=2)))
    database.run(lambda s: s.caregivers.add(full_caregiver(one.id, "a", 11)))
    kept = database.run(lambda s: s.caregivers.add(full_caregiver(other.id, "b", 12)))
    # Nothing was ever sent to this one.
    database.run(lambda s: s.caregivers.add(full_caregiver(one.id, "c", 13)))
    database.run(lambda s: s.dead_letters.add_update(dead_update(13, chat_id=13)))
    for chat_id, whose in ((11, one), (12, other)):
        database.run(lambda s, c=chat_id, p=whose: _said(s, c, "menu", patient_id=p.id))
        database.run(lambda s, c=chat_id: s.outbox.enqueue(message(c, "hello")))
        database.run(lambda s, c=chat_id: s.dead_letters.add_update(dead_update(c, chat_id=c)))
    database.run(lambda s: s.patients.erase_data(one.id))
    assert database.run(lambda s: (s.caregivers.of_patient(one.id), s.caregivers.of_patient(other.id))) == ([], [kept])
    assert database.run(lambda s: (s.caregivers.by_chat(11), s.caregivers.by_hash("a"))) == (None, None)
    assert list(database.run(lambda s: s.limits.chats_free_at([11, 12]))) == [12]
    assert [dead.chat_id for dead in database.run(lambda s: s.dead_letters.updates())] == [12]
    assert sum(database.run(message_counts).values()) == 2
    assert _edited(database, 11, "menu") is None


def test_second_chat_of_a_patient_finds_them_until_it_is_settled(database):
    one = database.run(lambda s: s.patients.add(patient("one", chat_id=1)))
    database.run(lambda s: s.patients.add(patient("other", chat_id=2)))
    moving = one.model_copy(update={"second_chat_id": 3, "phone_move": "asked"})
    moving = database.run(lambda s: s.patients.save(moving))
    assert [database.run(lambda s, c=c: s.patients.by_second_chat(c)) for c in (3, 1, 2)] == [moving, None, None]
    database.run(lambda s: s.outbox.enqueue(message(3, "phone")))
    database.run(lambda s: s.patients.erase_data(one.id))
    assert database.run(lambda s: s.patients.by_second_chat(3)) is None
    assert database.run(message_counts) == {}, "what was sent to the second chat goes, too"


def test_erasing_finds_chats_of_earlier_too(database):
    one = database.run(lambda s: s.patients.add(patient("one", chat_id=1)))
    other = database.run(lambda s: s.patients.add(patient("other")))
    # 1 was the patient's phone before 3; 2 was a caregiver's chat, and is another patient's now.
    for chat_id in (1, 2):
        database.run(lambda s, c=chat_id: _said(s, c, "checkin:1", patient_id=one.id))
        database.run(lambda s, c=chat_id: s.dead_letters.add_update(dead_update(c, chat_id=c)))
    database.run(lambda s: s.dead_letters.add_update(dead_update(5)))
    database.run(lambda s: s.patients.save(one.model_copy(update={"chat_id": 3})))
    database.run(lambda s: s.patients.save(other.model_copy(update={"chat_id": 2})))
    database.run(lambda s: _said(s, 2, "menu", patient_id=other.id))
    database.run(lambda s: s.outbox.purge(AT + MINUTE))
    database.run(lambda s: s.patients.erase_data(one.id))
    assert [dead.chat_id for dead in database.run(lambda s: s.dead_letters.updates())] == [None]
    assert database.run(lambda s: s.limits.chats_free_at([1, 2])) == {}
    assert [_edited(database, 1, "checkin:1"), _edited(database, 2, "menu")] == [None, 9]
    assert database.run(lambda s: s.patients.by_chat(2)).code == "other"


def test_erasing_leaves_the_messages_of_a_team_member_in_the_same_chat(database):
    one = database.run(lambda s: s.patients.add(patient("one", chat_id=1)))
    database.run(lambda s: s.staff.add(staff("ann", state="active", chat_id=1)))
    database.run(lambda s: _said(s, 1, "menu", patient_id=one.id))
    database.run(lambda s: _said(s, 1, "staff-alert:4"))
    database.run(lambda s: s.patients.erase_data(one.id))
    assert sum(database.run(message_counts).values()) == 1
    assert _edited(database, 1, "staff-alert:4") == 9


def test_erasing_a_patient_without_a_chat(database):
    one = database.run(lambda s: s.patients.add(patient()))
    database.run(lambda s: s.tasks.add(task(one.id)))
    database.run(lambda s: s.patients.erase_data(one.id))
    erased = one.model_copy(
        update={"version": 1, "periods": (period(date(2026, 2, 1), patient_id=one.id, recorded_by=EARLIER),)}
    )
    assert database.run(lambda s: (s.tasks.open(), s.patients.get(one.id))) == ([], erased)


def test_alert_that_is_kept_of_an_erased_patient_goes_once_it_is_closed(database):
    one = database.run(lambda s: s.patients.add(patient()))
    other = database.run(lambda s: s.patients.add(patient("other")))
    kept, gone = (database.run(lambda s: s.alerts.add(alert(one.id, checkin_id=None))) for _ in range(2))
    others = database.run(lambda s: s.alerts.add(alert(other.id, checkin_id=None, closed_at=AT, closed_by="lead-1")))
    database.run(lambda s: s.patients.erase_data(one.id, keep_alert=kept.id))
    assert [database.run(lambda s, n=n: s.alerts.get(n)) for n in (kept.id, gone.id)] == [kept, None]
    assert database.run(lambda s: s.patients.purge_kept()) == 0
    closed = kept.model_copy(update={"closed_at": AT, "closed_by": "lead-1"})
    database.run(lambda s: s.alerts.save(closed))
    assert database.run(lambda s: s.patients.purge_kept()) == 1
    assert database.run(lambda s: (s.alerts.get(kept.id), s.alerts.get(others.id))) == (None, others)
    assert database.run(lambda s: s.patients.purge_kept()) == 0
