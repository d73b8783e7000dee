"""What a call screen says about why: the signs by name, if they have one."""

import pytest

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.core.protocol import Tier
from tests.fakes.work import runner


@pytest.fixture
def run(database, clinic):
    return runner(database, clinic)


def why(database, run, anna, tier, *symptoms):
    """The bullets below the reason of the newest call screen."""
    run(raising.raise_alert, anna, Found(tier, ("new.yes",), symptoms))
    screen = [queued.row.screen for queued in database.outbox()][-1]
    return [bullet.key for line in screen.lines if line.key.endswith(".why") for bullet in line.bullets]


@pytest.mark.parametrize("tier", [Tier.SOON, Tier.URGENT])
def test_call_screen_names_the_signs(database, run, anna, tier):
    assert why(database, run, anna, tier, "sign_not_named", "eyes", "stairs") == ["symptom.eyes", "symptom.stairs"]


@pytest.mark.parametrize("symptom", ["sign_not_named", "help", "other", "unanswered", "autonomic_not_sure"])
def test_what_has_no_name_is_not_named(database, run, anna, symptom):
    assert why(database, run, anna, Tier.URGENT, symptom) == []


def test_call_screen_names_only_what_is_new(database, run, anna):
    why(database, run, anna, Tier.URGENT, "eyes")
    assert why(database, run, anna, Tier.URGENT, "stairs") == ["symptom.stairs"]
