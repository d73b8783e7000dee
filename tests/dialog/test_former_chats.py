"""A red button in a chat that is nobody's any more shows both numbers, in each language of the clinic."""

import pytest

from bot.app.records.messages import Lane
from bot.core.screen import Action
from bot.dialog import conversation
from tests.fakes.work import runner

NOBODY = 99


def tapped(database, clinic, **action):
    seen = len(database.outbox())
    runner(database, clinic)(conversation.tap, NOBODY, Action(subject=1, **action))
    (row,) = [queued.row for queued in database.outbox()[seen:]]
    return row


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "help_now"},
        {"kind": "choose", "question": "safety_now", "choice": "yes"},
        {"kind": "choose", "question": "safety_new", "choice": "not_sure"},
        {"kind": "change", "question": "safety_now", "choice": "yes"},
        {"kind": "alert", "choice": "cannot_call"},
        {"kind": "alert", "choice": "called"},
        {"kind": "menu", "choice": "worse"},
        {"kind": "toggle", "question": "which_now", "choice": "+breathing"},
        {"kind": "toggle", "question": "which_new", "choice": "+eyes"},
        {"kind": "choose", "question": "stairs", "choice": "cannot"},
        {"kind": "choose", "question": "still_breathing", "choice": "same"},
        {"kind": "choose", "question": "still_eyes", "choice": "worse"},
    ],
)
def test_red_button_shows_both_numbers_at_once(database, clinic, action):
    row = tapped(database, clinic, **action)
    assert (row.screen.name, row.lane) == ("stranger.numbers", Lane.RED_FLAG)
    assert [line.language for line in row.screen.lines] == ["en", "es", "ru"]
    for line in row.screen.lines:
        assert line.values["emergency"] == "112"
        assert line.values["team_number"] == "+49 30 901820"


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "choose", "question": "safety_now", "choice": "none"},
        {"kind": "choose", "question": "numbness", "choice": "mild"},
        {"kind": "choose", "question": "still_breathing", "choice": "gone"},
        {"kind": "toggle", "question": "which_now", "choice": "-breathing"},
        {"kind": "menu", "choice": "tips"},
    ],
)
def test_any_other_button_says_that_a_link_is_needed(database, clinic, action):
    assert tapped(database, clinic, **action).screen.name == "stranger.hello"
