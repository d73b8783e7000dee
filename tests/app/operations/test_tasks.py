"""A red flag's message that was given up: the team is shown whom to phone, once, and never what it said."""

from datetime import timedelta

import pytest

from bot.app.operations import sweeps, tasks
from bot.app.patients import views
from bot.app.records.messages import Lane
from tests.app.conftest import AT
from tests.fakes.work import work_on

MINUTE = timedelta(minutes=1)


@pytest.fixture
def team_tasks(database, clinic):
    class Tasks:
        def run(self, fn, *args):
            return database.run(lambda stores: fn(stores, *args))

        def sweep(self, at):
            return self.run(lambda s: sweeps.undelivered(work_on(s, clinic, at), 50)).done

        def open(self):
            return [(task.kind, task.subject) for task in self.run(tasks.open_tasks)]

    return Tasks()


def give_up(stores, lane, at):
    """Give up all that waits in that lane."""
    for claim in stores.outbox.claim(at, lanes=[lane], limit=50, owner="x", lease_until=at + MINUTE):
        stores.outbox.mark_failed(claim.row.id, error="BadRequest: x", at=at)


def test_a_call_screen_that_was_given_up_is_work_for_the_team_once(team_tasks, clinic, anna, choose):
    choose("no")
    choose("yes")
    team_tasks.run(give_up, Lane.RED_FLAG, AT)
    assert sweeps.undelivered in sweeps.ALL
    assert team_tasks.sweep(AT) == 1
    assert team_tasks.open() == [("not_delivered", "P-0001")]
    assert team_tasks.run(lambda s: views.view(work_on(s, clinic, AT), anna.code)).tasks == ("not_delivered",)
    team_tasks.run(give_up, Lane.RED_FLAG, AT + MINUTE)
    assert team_tasks.sweep(AT + MINUTE) == 0, "the contact card behind it is no other task"
    (task,) = team_tasks.run(tasks.open_tasks)
    team_tasks.run(lambda s: tasks.close(work_on(s, clinic, AT + 2 * MINUTE, actor="coord-1"), task.id))
    assert team_tasks.sweep(AT + 3 * MINUTE) == 0, "they were phoned"


def test_a_question_that_was_given_up_is_no_red_flag(team_tasks, anna):
    team_tasks.run(give_up, Lane.CHECKIN, AT)
    assert team_tasks.sweep(AT) == 0
