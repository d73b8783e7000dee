import pytest

from bot.app.ports.errors import DuplicateError
from tests.contract.samples import MINUTE, caregiver, full_caregiver, patient


@pytest.fixture
def one(database):
    return database.run(lambda s: s.patients.add(patient("one"))).id


@pytest.fixture
def other(database):
    return database.run(lambda s: s.patients.add(patient("other"))).id


def test_a_caregiver_comes_back_as_stored(database, one):
    for sample in (caregiver(one), full_caregiver(one)):
        added = database.run(lambda s, c=sample: s.caregivers.add(c))
        assert added.id > 0
        assert added == sample.model_copy(update={"id": added.id})
        assert database.run(lambda s, h=sample.token_hash: s.caregivers.by_hash(h)) == added
    assert database.run(lambda s: s.caregivers.by_hash("unknown")) is None


def test_every_field_of_a_caregiver_is_overwritten(database, one):
    added = database.run(lambda s: s.caregivers.add(caregiver(one)))
    later = {"id": added.id, "expires_at": added.expires_at + MINUTE, "invited_at": added.invited_at + MINUTE}
    changed = full_caregiver(one).model_copy(update=later)
    changed = database.run(lambda s: s.caregivers.save(changed))
    assert database.run(lambda s: s.caregivers.of_patient(one)) == [changed]
    with pytest.raises(LookupError):
        database.run(lambda s: s.caregivers.save(changed.model_copy(update={"id": 99, "chat_id": None})))


def test_caregivers_are_listed_oldest_first_ended_ones_too(database, one, other):
    second = database.run(lambda s: s.caregivers.add(caregiver(one, "b", state="ended")))
    third = database.run(lambda s: s.caregivers.add(caregiver(one, "a")))
    database.run(lambda s: s.caregivers.add(caregiver(other, "c")))
    second = database.run(lambda s: s.caregivers.save(second))
    assert database.run(lambda s: s.caregivers.of_patient(one)) == [second, third]
    assert database.run(lambda s: s.caregivers.of_patient(99)) == []


def test_a_caregiver_is_found_by_the_chat_it_has_now(database, one):
    added = database.run(lambda s: s.caregivers.add(full_caregiver(one, chat_id=5)))
    moved = added.model_copy(update={"chat_id": 6})
    moved = database.run(lambda s: s.caregivers.save(moved))
    assert database.run(lambda s: (s.caregivers.by_chat(5), s.caregivers.by_chat(6))) == (None, moved)


def test_a_chat_belongs_to_one_caregiver_until_it_ends(database, one, other):
    first = database.run(lambda s: s.caregivers.add(full_caregiver(one, "a", 5)))
    second = database.run(lambda s: s.caregivers.add(caregiver(other, "b")))
    wanted = second.model_copy(update={"chat_id": 5})
    with pytest.raises(DuplicateError):
        wanted = database.run(lambda s: s.caregivers.save(wanted))
    with pytest.raises(DuplicateError):
        database.run(lambda s: s.caregivers.add(full_caregiver(other, "c", 5)))
    assert database.run(lambda s: (s.caregivers.of_patient(other), s.caregivers.by_chat(5))) == ([second], first)
    database.run(lambda s: s.caregivers.save(first.model_copy(update={"state": "ended", "chat_id": None})))
    wanted = database.run(lambda s: s.caregivers.save(wanted))
    assert database.run(lambda s: s.caregivers.by_chat(5)) == wanted


def test_the_chat_of_a_patient_may_be_a_caregivers_too(database, one):
    database.run(lambda s: s.patients.save(s.patients.get(one).model_copy(update={"chat_id": 5})))
    added = database.run(lambda s: s.caregivers.add(full_caregiver(one, chat_id=5)))
    assert database.run(lambda s: (s.caregivers.by_chat(5), s.patients.by_chat(5).id)) == (added, one)


@pytest.mark.parametrize("who", ["patient", "caregiver"])
def test_a_transaction_goes_on_after_a_chat_was_refused(database, one, other, who):
    def work(stores):
        taken = {"chat_id": 5}
        if who == "patient":
            stores.patients.save(stores.patients.get(one).model_copy(update=taken))
            stores.patients.save(stores.patients.get(other).model_copy(update={"chat_id": 6}))
            ways = (
                lambda: stores.patients.save(stores.patients.get(other).model_copy(update=taken)),
                lambda: stores.patients.add(patient("third", chat_id=5)),
            )
        else:
            stores.caregivers.add(full_caregiver(one, "a", 5))
            second = stores.caregivers.add(caregiver(other, "b"))
            ways = (
                lambda: stores.caregivers.save(second.model_copy(update=taken)),
                lambda: stores.caregivers.add(full_caregiver(other, "c", 5)),
            )
        for way in ways:
            with pytest.raises(DuplicateError):
                way()
        stores.settings.set("after", "1")

    database.run(work)
    assert database.run(lambda s: s.settings.get("after")) == "1"
    assert [p.code for p in database.run(lambda s: s.patients.page())] == ["one", "other"]
