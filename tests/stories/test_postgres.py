"""The same code on PostgreSQL: one patient from invite to call screen, and due check-ins."""

from collections.abc import AsyncIterator

import pytest

from bot.delivery import outbox
from tests.fakes.databases import postgres_server
from tests.stories.fixtures import opened
from tests.stories.world import World, plain


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    # A story's clock leaps. Senders that share a database then claim nothing for real seconds: see tests/delivery.
    monkeypatch.setattr(outbox, "CLAIM_PAUSE_SECONDS", 0.0)
    with postgres_server() as server:
        async with opened(server.migrated()) as made:
            yield made
            made.nothing_more()


async def test_patient_from_invite_to_call_screen(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.until_due(anna)
    world.hear(anna, "Time for your check-in")
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear(anna, "Call first")
    world.hear(anna, "[contact")
    world.hear(anna, "Call 112 now.")
    await world.advance(minutes=15)
    world.hear(anna, "Is help with you, or did someone speak with you?")
    await world.tap(anna, "Yes")
    assert "stay where you are" in plain(world.hear(anna))
    view = await world.view(anna)
    assert [(a.tier, a.state) for a in view.alerts] == [("EMERGENCY", "confirmed")]
    await world.until_due(anna)
    world.hear(anna, "I ask again")
    assert [c.state for c in (await world.view(anna)).checkins] == ["asking", "replaced", "done"]
