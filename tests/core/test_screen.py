"""Screens as data: what a button may carry, and that values can't change or hold unknown fields."""

import pytest
from pydantic import ValidationError

from bot.core.screen import Action, Button, Screen, Style, Text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Tap"},
        {"kind": "tap", "subject": -1},
        {"kind": "tap", "question": "a.b"},
        {"kind": "tap", "choice": "x" * 33},
    ],
)
def test_action_that_does_not_fit_a_button_is_refused(wrong):
    with pytest.raises(ValidationError):
        Action(**wrong)


def test_screen_is_plain_unless_said_otherwise():
    screen = Screen(name="menu", lines=(Text(key="menu.title"),), rows=((Button(label=Text(key="menu.help")),),))
    assert (screen.protect, screen.keyboard, screen.rows[0][0].style) == (False, None, Style.PLAIN)


def test_screen_is_immutable_and_refuses_unknown_fields():
    screen = Screen(name="menu", lines=())
    with pytest.raises(ValidationError):
        screen.name = "other"
    with pytest.raises(ValidationError):
        Screen(name="menu", lines=(), colour="red")
