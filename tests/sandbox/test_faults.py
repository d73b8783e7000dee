"""Faults, as decided and as a client sees them."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

import bot.sandbox
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.faults import KINDS, Faults


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_counts_percentages_and_methods():
    faults = Faults(seed=7)
    faults.add("502", methods=["sendMessage"], count=2)
    assert [
        faults.plan(name).refuse is not None for name in ("getMe", "sendmessage", "sendMessage", "sendMessage")
    ] == [False, True, True, False]
    assert faults.active() == []
    faults.add("429", percent=25)
    struck = sum(faults.plan("getMe").refuse is not None for _ in range(2000))
    assert 430 < struck < 570


def test_several_at_once():
    faults = Faults()
    faults.add("slow", seconds=0.5)
    faults.add("slow", seconds=0.25)
    faults.add("reply_lost")
    faults.add("502")
    plan = faults.plan("getMe")
    assert (plan.delay, plan.lose, plan.refuse.kind) == (0.75, True, "502")
    faults.clear()
    assert faults.plan("getMe").refuse is None


def test_an_outage_ends_by_itself():
    seconds = Seconds()
    faults = Faults(monotonic=seconds)
    faults.add("outage", seconds=15)
    assert faults.outage()
    seconds.now = 15.1
    assert not faults.outage()
    assert faults.active() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "meteor"},
        {"kind": "502", "count": 0},
        {"kind": "502", "percent": 101},
        {"kind": "slow"},
        {"kind": "outage", "seconds": -1},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(NotPossibleError):
        Faults().add(**wrong)


async def test_a_bad_gateway_changes_nothing(client, box, maria):
    box.faults.add("502", methods=["sendMessage"], count=1)
    assert await client.refused("sendMessage", chat_id=maria.id, text="x") == (502, "Bad Gateway")
    assert len(box.messages(maria)) == 1
    assert await client.result("sendMessage", chat_id=maria.id, text="x")


async def test_a_lost_answer_was_carried_out(client, box, maria):
    box.faults.add("reply_lost", methods=["sendMessage"], count=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.call("sendMessage", chat_id=maria.id, text="x")
    assert box.messages(maria)[-1]["text"] == "x"
    call = box.journal.calls("sendMessage")[-1]
    assert (call.lost, call.result["text"]) == (True, "x")


async def test_an_outage_breaks_the_waiting_poll_too(client, box, maria):
    poll = asyncio.create_task(client.call("getUpdates", timeout=30))
    await asyncio.sleep(0.1)
    box.faults.add("outage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await poll
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.call("sendMessage", chat_id=maria.id, text="x")
    assert len(box.messages(maria)) == 1
    box.faults.clear()
    assert await client.result("getMe")


async def test_a_slow_line_is_slow(client, box):
    box.faults.add("slow", seconds=0.3, count=1)
    start = asyncio.get_running_loop().time()
    await client.result("getMe")
    assert asyncio.get_running_loop().time() - start >= 0.3


async def test_a_server_that_stops_doesnt_wait_for_a_slow_line(client, box, server):
    box.faults.add("slow", seconds=60)
    slow = asyncio.create_task(client.call("getMe"))
    await asyncio.sleep(0.1)
    await server.stop()
    await slow


async def test_too_many_requests_on_demand(client, box):
    box.faults.add("429", retry_after=9, count=1)
    body = await client.call("getMe")
    assert (body["error_code"], body["parameters"]) == (429, {"retry_after": 9})


async def test_a_half_open_line_carries_nothing_out_and_never_answers(client, box, maria):
    box.faults.add("half_open", methods=["sendMessage"], count=1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("sendMessage", chat_id=maria.id, text="x"), 0.3)
    assert len(box.messages(maria)) == 1
    (call,) = box.journal.calls("sendMessage")
    assert (call.error, call.lost) == ((0, "half-open"), True)
    assert await client.result("sendMessage", chat_id=maria.id, text="x")


async def test_a_slow_line_has_carried_out_what_it_answers_late(client, box, maria):
    box.faults.add("slow", seconds=60, count=1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("sendMessage", chat_id=maria.id, text="x"), 0.3)
    assert box.messages(maria)[-1]["text"] == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_can_play_and_name_each(kind):
    page = Path(bot.sandbox.__file__).parent / "static"
    assert f'value="{kind}"' in (page / "index.html").read_text(encoding="utf-8")
    assert re.search(rf"\b{kind}: \"", (page / "desk.js").read_text(encoding="utf-8"))
