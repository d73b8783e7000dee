"""Long polling: order, confirmation, offsets, waiting, conflicts."""

import asyncio

from tests.polling import until


async def poll(client, **params):
    return [update["update_id"] for update in await client.result("getUpdates", **params)]


async def test_updates_stay_until_confirmed(client, box, maria):
    for number in range(5):
        box.say(maria, str(number))
    ids = await poll(client)
    assert ids == sorted(ids)
    assert len(ids) == 5
    assert await poll(client, limit=2) == ids[:2]
    assert await poll(client, offset=ids[2]) == ids[2:]
    assert await poll(client) == ids[2:]
    assert await poll(client, offset=ids[-1] + 1) == []
    assert len(box.updates) == 0


async def test_negative_offset_removes_older_updates(client, box, maria):
    for number in range(5):
        box.say(maria, str(number))
    last = (await poll(client))[-2:]
    assert await poll(client, offset=-2) == last
    assert await poll(client) == last


async def test_poll_returns_at_most_100_updates(client, box, maria):
    for number in range(120):
        box.say(maria, str(number))
    assert len(await poll(client, limit=1000)) == 100
    assert len(await poll(client, limit=0)) == 1


async def test_poll_waits_for_the_next_update(client, server, box, maria):
    poll = asyncio.create_task(client.result("getUpdates", timeout=30))
    await until(lambda: server._delivering._poll is not None)
    assert not poll.done()
    box.say(maria, "hello")
    assert [update["message"]["text"] for update in await poll] == ["hello"]


async def test_second_poll_ends_the_first(client, server, box, maria):
    first = asyncio.create_task(client.call("getUpdates", timeout=30))
    await until(lambda: server._delivering._poll is not None)
    second = asyncio.create_task(client.call("getUpdates", timeout=30))
    said = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    assert await first == {"ok": False, "error_code": 409, "description": said}
    box.say(maria, "hello")
    assert (await second)["ok"]


async def test_kinds_not_allowed_are_not_delivered(client, box, maria):
    await client.result("getUpdates", allowed_updates=["callback_query"])
    box.say(maria, "unwanted")
    assert await poll(client) == []
    await client.result("getUpdates", allowed_updates=[])
    box.say(maria, "wanted")
    assert len(await poll(client)) == 1


async def test_malformed_update_is_delivered_in_order(client, box, maria):
    box.say(maria, "one")
    box.inject({"message": {"message_id": "three", "nonsense": True}})
    box.say(maria, "two")
    updates = await client.result("getUpdates")
    assert updates[1] == {
        "message": {"message_id": "three", "nonsense": True},
        "update_id": updates[0]["update_id"] + 1,
    }
    assert updates[2]["message"]["text"] == "two"


async def test_queued_update_is_not_changed_by_later_edits(client, box, maria):
    """An update contains the message as it was at that time, without later edits."""
    keys = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    sent = await client.result("sendMessage", chat_id=maria.id, text="before", reply_markup=keys)
    box.tap(maria, sent["message_id"], "y")
    await client.result("editMessageText", chat_id=maria.id, message_id=sent["message_id"], text="after")
    assert (await client.result("getUpdates"))[0]["callback_query"]["message"]["text"] == "before"
