"""Faults: the decisions, and their effect on a client."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

import bot.sandbox
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.faults import KINDS, Faults
from bot.sandbox.http import BotApi
from tests.polling import until


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_fault_respects_count_percent_and_methods():
    faults = Faults(seed=7)
    faults.add("502", methods=["sendMessage"], count=2)
    assert [
        faults.plan(name).refuse is not None for name in ("getMe", "sendmessage", "sendMessage", "sendMessage")
    ] == [False, True, True, False]
    assert faults.active() == []
    faults.add("429", percent=25)
    struck = sum(faults.plan("getMe").refuse is not None for _ in range(2000))
    assert 430 < struck < 570


def test_several_faults_combine():
    faults = Faults()
    faults.add("slow", seconds=0.5)
    faults.add("slow", seconds=0.25)
    faults.add("reply_lost")
    faults.add("502")
    plan = faults.plan("getMe")
    assert (plan.delay, plan.lose, plan.refuse.kind) == (0.75, True, "502")
    faults.clear()
    assert faults.plan("getMe").refuse is None


def test_outage_ends_after_its_seconds():
    seconds = Seconds()
    faults = Faults(monotonic=seconds)
    faults.add("outage", seconds=15)
    assert faults.outage()
    seconds.now = 15.1
    assert not faults.outage()
    assert faults.active() == []


def test_an_outage_with_a_percentage_lets_the_rest_through():
    faults = Faults()
    faults.add("outage", percent=40)
    assert not faults.outage()
    dropped = sum(faults.webhook_plan().refuse is not None for _ in range(1000))
    assert 300 < dropped < 500


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
def test_invalid_fault_is_refused(wrong):
    with pytest.raises(NotPossibleError):
        Faults().add(**wrong)


async def test_bad_gateway_executes_nothing(client, box, maria):
    box.faults.add("502", methods=["sendMessage"], count=1)
    assert await client.refused("sendMessage", chat_id=maria.id, text="x") == (502, "Bad Gateway")
    assert len(box.messages(maria)) == 1
    assert await client.result("sendMessage", chat_id=maria.id, text="x")


async def test_lost_answer_was_executed(client, box, maria):
    box.faults.add("reply_lost", methods=["sendMessage"], count=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.call("sendMessage", chat_id=maria.id, text="x")
    assert box.messages(maria)[-1]["text"] == "x"
    call = box.journal.calls("sendMessage")[-1]
    assert (call.lost, call.result["text"]) == (True, "x")


async def test_outage_drops_the_waiting_poll(client, server, box, maria):
    poll = asyncio.create_task(client.call("getUpdates", timeout=30))
    await until(lambda: server._delivering._poll is not None)
    box.faults.add("outage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await poll
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.call("sendMessage", chat_id=maria.id, text="x")
    assert len(box.messages(maria)) == 1
    box.faults.clear()
    assert await client.result("getMe")


async def test_slow_line_delays_the_answer(client, box, monkeypatch):
    box.faults.add("slow", seconds=300, count=1)
    paused, gate = asyncio.Event(), asyncio.Event()

    async def held(_api, seconds):
        if seconds == 300:
            paused.set()
            await gate.wait()

    monkeypatch.setattr(BotApi, "_pause", held)
    asked = asyncio.create_task(client.result("getMe"))
    await paused.wait()
    assert await client.result("getMe"), "others are answered meanwhile"
    assert not asked.done()
    gate.set()
    assert await asked


async def test_stop_does_not_wait_for_a_slow_line(client, box, server, monkeypatch):
    box.faults.add("slow", seconds=60)
    paused, pause = asyncio.Event(), BotApi._pause

    async def noted(api, seconds):
        paused.set()
        await pause(api, seconds)

    monkeypatch.setattr(BotApi, "_pause", noted)
    slow = asyncio.create_task(client.call("getMe"))
    await paused.wait()
    await server.stop()
    await slow


async def test_429_fault_refuses_with_retry_after(client, box):
    box.faults.add("429", retry_after=9, count=1)
    body = await client.call("getMe")
    assert (body["error_code"], body["parameters"]) == (429, {"retry_after": 9})


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("refused", (400, "Bad Request: refused by the sandbox")), ("older_api", (404, "Not Found: method not found"))],
)
async def test_server_refuses_a_method_or_is_too_old_for_it(client, box, maria, kind, answer):
    box.faults.add(kind, methods=["sendRichMessage"])
    request = {"chat_id": maria.id, "rich_message": {"html": "x"}}
    assert await client.refused("sendRichMessage", **request) == answer
    box.faults.clear()
    assert (await client.result("sendRichMessage", **request))["rich_message"]["blocks"]


async def test_half_open_line_executes_nothing_and_never_answers(client, box, maria):
    box.faults.add("half_open", methods=["sendMessage"], count=1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("sendMessage", chat_id=maria.id, text="x"), 0.3)
    assert len(box.messages(maria)) == 1
    (call,) = box.journal.calls("sendMessage")
    assert (call.error, call.lost) == ((0, "half-open"), True)
    assert await client.result("sendMessage", chat_id=maria.id, text="x")


async def test_slow_line_executes_before_the_late_answer(client, box, maria):
    box.faults.add("slow", seconds=60, count=1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("sendMessage", chat_id=maria.id, text="x"), 0.3)
    assert box.messages(maria)[-1]["text"] == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_page_offers_and_names_each_kind(kind):
    page = Path(bot.sandbox.__file__).parent / "static"
    assert f'value="{kind}"' in (page / "index.html").read_text(encoding="utf-8")
    assert re.search(rf"\b{kind}: \"", (page / "desk.js").read_text(encoding="utf-8"))
