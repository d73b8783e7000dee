"""A unit of work of the conversation: its opener states who acts, as the audit names them."""

from inspect import Parameter, signature

from bot.dialog.work import work_on


def test_work_on_leaves_no_actor_out():
    assert signature(work_on).parameters["actor"].default is Parameter.empty
