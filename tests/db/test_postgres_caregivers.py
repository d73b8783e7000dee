"""Links of caregivers opened at once, and protocols kept at once, by replicas side by side."""

import asyncio

import pytest

from bot.app.ports.errors import DuplicateError
from tests.contract.samples import caregiver, patient, protocol_file
from tests.db.replicas import in_thread, opened, until_somebody_waits


def _open_link(stores, token, chat_id):
    """What opening a link comes to: found, the patient locked, and read again behind the lock."""
    found = stores.caregivers.by_hash(token)
    stores.patients.get(found.patient_id, lock=True)
    found = stores.caregivers.by_hash(token)
    if found is None or found.state != "invited":
        return None
    stores.caregivers.save(found.model_copy(update={"state": "asked", "chat_id": chat_id}))
    return found


def test_a_caregivers_link_opened_by_two_chats_at_once_is_one_chats(pg):
    one = pg.run(lambda s: s.patients.add(patient()))
    pg.run(lambda s: s.caregivers.add(caregiver(one.id, "t")))
    with opened(pg) as first:
        assert _open_link(first, "t", 111) is not None
        thread, wait = in_thread(lambda: pg.run(lambda s: _open_link(s, "t", 222)))
        with pg.engine.connect() as watcher:
            until_somebody_waits(watcher)
        assert thread.is_alive()
    assert wait() is None
    assert [c.chat_id for c in pg.run(lambda s: s.caregivers.of_patient(one.id))] == [111]


def test_one_chat_that_opens_two_caregivers_links_at_once_has_one(pg):
    for number, code in enumerate(("a", "b"), start=1):
        who = pg.run(lambda s, c=code: s.patients.add(patient(c)))
        pg.run(lambda s, w=who, n=number: s.caregivers.add(caregiver(w.id, f"t{n}")))

    def second(stores):
        with pytest.raises(DuplicateError):
            _open_link(stores, "t2", 111)
        stores.settings.set("went_on", "1")
        return stores.settings.get("went_on")

    with opened(pg) as first:
        _open_link(first, "t1", 111)
        thread, wait = in_thread(lambda: pg.run(second))
        with pg.engine.connect() as watcher:
            until_somebody_waits(watcher)
        assert thread.is_alive()
    assert wait() == "1"
    assert pg.run(lambda s: s.caregivers.by_chat(111)).token_hash == "t1"


def test_a_link_opened_while_its_patient_is_erased_is_nobodys(pg):
    one = pg.run(lambda s: s.patients.add(patient()))
    pg.run(lambda s: s.caregivers.add(caregiver(one.id, "t")))
    with opened(pg) as erasing:
        erasing.patients.get(one.id, lock=True)
        erasing.patients.erase_data(one.id)
        _, wait = in_thread(lambda: pg.run(lambda s: _open_link(s, "t", 222)))
        with pg.engine.connect() as watcher:
            until_somebody_waits(watcher)
    assert wait() is None
    assert pg.run(lambda s: s.caregivers.by_chat(222)) is None


async def test_a_protocol_is_kept_once_by_all_replicas(pg):
    await asyncio.gather(*(pg.transact(lambda s: s.protocols.keep(protocol_file())) for _ in range(8)))
    assert pg.run(lambda s: s.protocols.get("abc")) == protocol_file()
