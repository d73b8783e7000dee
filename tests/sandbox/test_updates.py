"""Long polling: order, confirmation, offsets, waiting, conflicts."""

import asyncio


async def polled(client, **params):
    return [update["update_id"] for update in await client.result("getUpdates", **params)]


async def test_updates_stay_until_confirmed(client, box, maria):
    for number in range(5):
        box.say(maria, str(number))
    ids = await polled(client)
    assert ids == sorted(ids)
    assert len(ids) == 5
    assert await polled(client, limit=2) == ids[:2]
    assert await polled(client, offset=ids[2]) == ids[2:]
    assert await polled(client) == ids[2:]
    assert await polled(client, offset=ids[-1] + 1) == []
    assert len(box.updates) == 0


async def test_a_negative_offset_forgets_the_older_ones(client, box, maria):
    for number in range(5):
        box.say(maria, str(number))
    last = (await polled(client))[-2:]
    assert await polled(client, offset=-2) == last
    assert await polled(client) == last


async def test_at_most_a_hundred_at_once(client, box, maria):
    for number in range(120):
        box.say(maria, str(number))
    assert len(await polled(client, limit=1000)) == 100
    assert len(await polled(client, limit=0)) == 1


async def test_a_poll_waits_for_the_next_update(client, box, maria):
    poll = asyncio.create_task(client.result("getUpdates", timeout=30))
    await asyncio.sleep(0.1)
    assert not poll.done()
    box.say(maria, "hello")
    assert [update["message"]["text"] for update in await poll] == ["hello"]


async def test_a_second_poller_ends_the_first(client, box, maria):
    first = asyncio.create_task(client.call("getUpdates", timeout=30))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(client.call("getUpdates", timeout=30))
    said = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    assert await first == {"ok": False, "error_code": 409, "description": said}
    box.say(maria, "hello")
    assert (await second)["ok"]


async def test_kinds_not_asked_for_never_come(client, box, maria):
    await client.result("getUpdates", allowed_updates=["callback_query"])
    box.say(maria, "unwanted")
    assert await polled(client) == []
    await client.result("getUpdates", allowed_updates=[])
    box.say(maria, "wanted")
    assert len(await polled(client)) == 1


async def test_a_malformed_update_comes_between_good_ones(client, box, maria):
    box.say(maria, "one")
    box.inject({"message": {"message_id": "three", "nonsense": True}})
    box.say(maria, "two")
    updates = await client.result("getUpdates")
    assert updates[1] == {
        "message": {"message_id": "three", "nonsense": True},
        "update_id": updates[0]["update_id"] + 1,
    }
    assert updates[2]["message"]["text"] == "two"


async def test_what_was_queued_keeps_its_moment(client, box, maria):
    """An update shows the message as it was when it happened, not as edited since."""
    keys = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    sent = await client.result("sendMessage", chat_id=maria.id, text="before", reply_markup=keys)
    box.tap(maria, sent["message_id"], "y")
    await client.result("editMessageText", chat_id=maria.id, message_id=sent["message_id"], text="after")
    assert (await client.result("getUpdates"))[0]["callback_query"]["message"]["text"] == "before"
