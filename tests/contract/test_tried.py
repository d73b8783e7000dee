"""What is tried and never sent shows by its age: the same in memory, on SQLite and on PostgreSQL."""

from bot.app.records.messages import Lane
from tests.contract.samples import AT, MINUTE
from tests.contract.sending import claimed, put, sent


def since(database, lane=Lane.RED_FLAG, after=None):
    return database.run(lambda s: s.outbox.retrying_since(lane, after))


def fails(database, number, at):
    claimed(database, at)
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=at + MINUTE, error="NetworkError"))


def test_retried_message_keeps_the_time_it_was_queued_at(database):
    number = put(database, lane=Lane.RED_FLAG)
    assert since(database) is None, "it waits, and was not tried"
    claimed(database)
    assert since(database) is None, "its first try is under way"
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=AT + MINUTE, error="NetworkError"))
    for tries in (1, 2, 3):
        assert since(database) == AT
        fails(database, number, AT + tries * MINUTE)
    claimed(database, AT + 4 * MINUTE)
    assert since(database) == AT, "a further try that is under way is none that went well"
    sent(database, number)
    assert since(database) is None


def test_each_lane_reports_its_oldest_retry(database):
    for n in (1, 2, 3):
        number = put(database, n, created_at=AT + n * MINUTE)
        if n > 1:
            claimed(database, lanes=(Lane.REPLY,), limit=9)
            database.run(
                lambda s, x=number: s.outbox.mark_retry(x, owner="me", not_before=AT + MINUTE, error="TimedOut")
            )
    put(database, 4, lane=Lane.CHECKIN)
    assert since(database, Lane.REPLY) == AT + 2 * MINUTE
    assert since(database, Lane.REPLY, AT + 2 * MINUTE) == AT + 3 * MINUTE
    assert since(database, Lane.REPLY, AT + 3 * MINUTE) is None
    assert since(database) is None
    assert since(database, Lane.CHECKIN) is None
