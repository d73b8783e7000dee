"""When the team calls again after a call that nobody answered."""

from datetime import time, timedelta

import pytest

from bot.app.alerts import queue
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life
from tests.app.conftest import AT
from tests.contract import samples

__all__ = ["Life", "life"]
ATTEMPT = {"outcome": "not_reached"}


def next_attempt(life, tier=Tier.EMERGENCY, **changes):
    alert = samples.alert(life.anna.id, tier=tier, raised_at=life.at(0), **{"noted_at": life.at(0, 1), **changes})
    return life.run(queue.next_attempt_at, alert, at=life.at(0, 2))


@pytest.mark.parametrize("tier", [Tier.SOON, Tier.URGENT, Tier.EMERGENCY])
def test_next_attempt_is_as_long_after_the_last_one_as_the_tier_allows(life, tier):
    allowed = life.clinic.protocol.clocks.ack[tier].next
    assert next_attempt(life, tier, **ATTEMPT) == life.at(0, 1) + allowed
    assert allowed > timedelta()


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "seen"},
        {"outcome": None},
        {"outcome": None, "noted_at": None},
        {**ATTEMPT, "noted_at": None},
        {**ATTEMPT, "closed_at": AT},
    ],
    ids=["another outcome", "none", "nothing noted", "without its time", "closed"],
)
def test_nothing_else_has_a_next_attempt(life, changes):
    assert next_attempt(life, **changes) is None


@pytest.mark.parametrize(("tier", "is_earlier"), [(Tier.SOON, True), (Tier.URGENT, False)])
def test_next_attempt_for_soon_comes_with_the_next_shift(life, tier, is_earlier):
    person = life.run(lambda s: s.staff.add(samples.staff("ann", state="active", chat_id=100)))
    shift = samples.shift(person.id, days=(0, 1, 2, 3, 4, 5, 6), start=time(13), end=time(18))
    life.run(lambda s: s.rota.add_shift(shift))
    latest = life.at(0, 1) + life.clinic.protocol.clocks.ack[tier].next
    assert next_attempt(life, tier, **ATTEMPT) == (life.at(0, 3) if is_earlier else latest)
