"""One chat that writes a lot, or many strangers, hold up nobody's red flag."""

from bot.app.records.messages import Lane, OutboxState
from bot.dialog import conversation
from bot.dialog.replies import UNKNOWN
from tests.app.conftest import AT
from tests.fakes.outbox import message_counts
from tests.fakes.work import work_on


def waiting(database):
    counts = database.run(message_counts)
    return {lane: n for (lane, state), n in counts.items() if state is OutboxState.WAITING}


def test_words_by_the_dozen_leave_one_answer_waiting(database, clinic, anna):
    before = waiting(database).get(Lane.REPLY, 0)
    for _ in range(12):
        database.run(lambda stores: conversation.message(work_on(stores, clinic, AT), anna.chat_id, UNKNOWN))
    assert waiting(database)[Lane.REPLY] == before + 1


def test_a_stranger_has_one_answer_waiting_behind_all_patients(database, clinic):
    for _ in range(12):
        database.run(lambda stores: conversation.message(work_on(stores, clinic, AT), 99, UNKNOWN))
    assert waiting(database) == {Lane.DIGEST: 1}
