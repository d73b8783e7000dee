"""One chat that writes a lot, or many strangers, hold up nobody's red flag."""

from bot.app import conversation
from bot.app.ports import UNKNOWN
from bot.app.store import Lane, OutboxState
from tests.app.conftest import AT


def waiting(database):
    counts = database.run(lambda store: store.outbox_counts())
    return {lane: n for (lane, state), n in counts.items() if state is OutboxState.WAITING}


def test_words_by_the_dozen_leave_one_answer_waiting(database, clinic, anna):
    before = waiting(database).get(Lane.REPLY, 0)
    for _ in range(12):
        database.run(lambda store: conversation.said(store, clinic, anna.chat_id, UNKNOWN, AT))
    assert waiting(database)[Lane.REPLY] == before + 1


def test_a_stranger_has_one_answer_waiting_behind_all_patients(database, clinic):
    for _ in range(12):
        database.run(lambda store: conversation.said(store, clinic, 99, UNKNOWN, AT))
    assert waiting(database) == {Lane.DIGEST: 1}
