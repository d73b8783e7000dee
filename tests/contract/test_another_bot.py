"""All updates seen can be forgotten, also those of a clock that was ahead: in memory, on SQLite and on PostgreSQL."""

from datetime import timedelta

from bot.service import END_OF_TIME
from tests.contract.samples import AT


def test_all_updates_seen_can_be_forgotten(database):
    database.run(lambda s: [s.first_time(5, AT), s.first_time(6, AT + timedelta(days=9000))])
    assert database.run(lambda s: s.forget_updates(END_OF_TIME)) == 2
    assert database.run(lambda s: s.first_time(6, AT))
