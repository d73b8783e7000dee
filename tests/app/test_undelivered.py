"""A red flag's message that was given up: the team is shown whom to phone, once, and never what it said."""

from datetime import timedelta

import pytest

from bot.app import patient_views, sweeps, work_items
from bot.app.store import Lane
from tests.app.conftest import AT

MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(database, clinic):
    class Office:
        def run(self, fn, *args):
            return database.run(lambda store: fn(store, *args))

        def sweep(self, at):
            return self.run(sweeps.undelivered, clinic, at, 50).done

        def items(self):
            return [(item.kind, item.subject) for item in self.run(work_items.waiting)]

    return Office()


def give_up(store, lane, at):
    """Give up all that waits in that lane."""
    for claim in store.claim_outbox(at, lanes=[lane], limit=50, owner="x", lease_until=at + MINUTE):
        store.mark_failed(claim.row.id, error="BadRequest: x", at=at)


def test_a_call_screen_that_was_given_up_is_work_for_the_team_once(office, clinic, anna, choose):
    choose("no")
    choose("yes")
    office.run(give_up, Lane.RED_FLAG, AT)
    assert sweeps.undelivered in sweeps.ALL
    assert office.sweep(AT) == 1
    assert office.items() == [("not_delivered", "P-0001")]
    assert office.run(patient_views.view, clinic, anna.code, AT).work_items == ("not_delivered",)
    office.run(give_up, Lane.RED_FLAG, AT + MINUTE)
    assert office.sweep(AT + MINUTE) == 0, "the contact card behind it is no other item"
    (item,) = office.run(work_items.waiting)
    office.run(work_items.close, item.id, "coord-1", AT + 2 * MINUTE)
    assert office.sweep(AT + 3 * MINUTE) == 0, "they were phoned"


def test_a_question_that_was_given_up_is_no_red_flag(office, anna):
    office.run(give_up, Lane.CHECKIN, AT)
    assert office.sweep(AT) == 0
