"""A dead update names its chat, is erased with its patient, and is forgotten after 90 days."""

from datetime import timedelta

import pytest

from bot.app.operations.sweeps import housekeeping
from bot.app.records.patients import PatientState
from tests.chat.stand_ins import House, broken
from tests.contract.samples import AT, dead_update, patient
from tests.fakes.work import work_on


@pytest.fixture
def house(sqlite):
    house = House()
    house.database = sqlite
    house.dispatcher = house.make_dispatcher()
    return house


async def test_what_dies_is_erased_with_the_patient_whose_chat_it_came_from(house, sqlite):
    one = sqlite.run(lambda s: s.patients.add(patient(chat_id=7, state=PatientState.ACTIVE)))
    await house.handle(broken(1, chat_id=7), broken(2, chat_id=8))
    assert [(d.update_id, d.chat_id) for d in sqlite.run(lambda s: s.dead_letters.updates())] == [(2, 8), (1, 7)]
    sqlite.run(lambda s: s.patients.erase_data(one.id))
    assert [d.update_id for d in sqlite.run(lambda s: s.dead_letters.updates())] == [2]


def test_housekeeping_forgets_them_after_ninety_days(sqlite):
    sqlite.run(lambda s: s.dead_letters.add_update(dead_update(at=AT)))
    sqlite.run(lambda s: housekeeping(work_on(s, None, AT + timedelta(days=90)), 50))
    assert len(sqlite.run(lambda s: s.dead_letters.updates())) == 1
    sqlite.run(lambda s: housekeeping(work_on(s, None, AT + timedelta(days=90, seconds=1)), 50))
    assert sqlite.run(lambda s: s.dead_letters.updates()) == []
