"""The control API over HTTP, as used by the page and by tests of a real process."""

import asyncio
import json
from datetime import timedelta

import pytest

from bot.clock import SandboxClock, SystemClock
from bot.sandbox.control import SandboxHooks
from bot.sandbox.server import SandboxServer

from .conftest import START, Client
from .test_api import KEYS, MENU


class Product:
    """A fake product: issues invites, knows the next event, records clock jumps."""

    def __init__(self):
        self.clock = SandboxClock(start=START)
        self.due = [START + timedelta(hours=5)]
        self.jumps, self.patients = [], 0

    async def new_staff(self):
        return {"code": "lead-1", "start": "s9", "link": "https://t.me/b?start=s9"}

    async def new_patient(self):
        self.patients += 1
        return {
            "code": f"P-{self.patients:04}",
            "start": f"s{self.patients}",
            "link": f"https://t.me/x?start=s{self.patients}",
        }

    async def next_event(self):
        return self.due[0] if self.due else None

    async def after_jump(self):
        await asyncio.sleep(0)
        self.jumps.append(self.clock.now())
        self.due = [due_at for due_at in self.due if due_at > self.clock.now()]


@pytest.fixture
def product():
    return Product()


@pytest.fixture
async def server(product):
    """A sandbox server with the hooks of the product."""
    hooks = SandboxHooks(
        new_patient=product.new_patient,
        new_staff=product.new_staff,
        next_event=product.next_event,
        after_jump=product.after_jump,
    )
    server = SandboxServer(product.clock, hooks=hooks, limits=False)
    await server.start()
    yield server
    await server.stop()


async def test_control_api_plays_a_conversation(client, box):
    maria = await client.tester("POST", "/people", name="Maria", language_code="es")
    here = f"/people/{maria['id']}"
    await client.tester("POST", f"{here}/say", text="/start abc")
    sent = await client.result("sendMessage", chat_id=maria["id"], text="?", reply_markup=KEYS)
    await client.result("sendMessage", chat_id=maria["id"], text="menu", reply_markup=MENU)
    tap = (await client.tester("POST", f"{here}/tap", message_id=sent["message_id"], row=1, column=0))["tap"]
    assert tap["data"] == "n"
    assert (await client.tester("POST", f"{here}/tap", message_id=sent["message_id"], data="gone"))["error"].startswith(
        "the message"
    )
    assert client.status == 409
    assert (await client.tester("POST", f"{here}/tap", message_id=sent["message_id"], data="gone", force=True))["tap"]
    assert (await client.tester("POST", f"{here}/reply", text="Tips"))["text"] == "Tips"
    chat = await client.tester("GET", f"/chats/{maria['id']}")
    assert [message["text"] for message in chat["messages"]] == ["/start abc", "?", "menu", "Tips"]
    assert chat["keyboard"] == MENU
    assert (await client.tester("POST", f"{here}/block"))["blocked"] is True
    assert (await client.tester("POST", f"{here}/unblock"))["blocked"] is False
    assert (await client.tester("POST", f"{here}/deactivate"))["deactivated"] is True
    journal = await client.tester("GET", "/journal?method=sendMessage")
    assert [call["params"]["text"] for call in journal["calls"]] == ["?", "menu"]


async def test_invites_come_from_the_product_hook(client, box, product):
    first, same = await asyncio.gather(*(client.tester("POST", "/invites", only_first=True) for _ in range(2)))
    assert first == same
    assert (first["code"], first["opened"], product.patients) == ("P-0001", False, 1)
    assert (await client.tester("POST", f"/people/{first['id']}/open-invite"))["text"] == "/start s1"
    assert (await client.tester("POST", "/invites", language_code="ru"))["language_code"] == "ru"
    assert [person["started"] for person in (await client.tester("GET", "/state"))["people"]] == [True, False]


async def test_team_members_come_from_the_product_hook(client, product):
    made = await client.tester("POST", "/invites", staff=True)
    assert (made["code"], product.patients) == ("lead-1", 0)


async def test_next_event_moves_the_clock_and_awaits_the_product(client, product):
    clock = await client.tester("POST", "/clock/next-event")
    assert clock["now"] >= "2026-03-02T14:00:00"
    assert len(product.jumps) == 1
    assert product.jumps[0] >= START + timedelta(hours=5)
    assert (await client.tester("POST", "/clock/next-event"))["error"] == "nothing is due"
    await client.tester("POST", "/clock/advance", seconds=86400)
    assert product.jumps[1] >= START + timedelta(days=1, hours=5)
    assert (await client.tester("POST", "/clock/advance", seconds=-1))["error"]
    assert client.status == 409


async def test_long_jump_stops_at_each_event(client, product):
    product.due = [START + timedelta(hours=hours) for hours in (5, 7, 30)]
    await client.tester("POST", "/clock/advance", seconds=24 * 3600)
    shown = [round((jump - START) / timedelta(hours=1)) for jump in product.jumps]
    assert shown == [5, 7, 24]


async def test_jump_continues_past_an_event_that_stays_due(client, product):
    """The product may leave an event due, for example after an error; the clock must continue."""
    product.due = [START - timedelta(hours=1)]
    clock = await client.tester("POST", "/clock/advance", seconds=3600)
    assert clock["now"] >= "2026-03-02T10:00:00"
    assert len(product.jumps) == 1


async def test_started_person_can_receive_messages(client):
    maria = await client.tester("POST", "/people", name="Maria", started=True)
    assert await client.result("sendMessage", chat_id=maria["id"], text="x")
    assert await client.result("getUpdates") == []


async def test_groups_and_raw_updates_reach_the_bot(client, box):
    maria = await client.tester("POST", "/people", name="Maria")
    group = await client.tester("POST", "/groups", title="Family", by=maria["id"], kind="group")
    await client.tester("POST", f"/groups/{group['id']}/say", by=maria["id"], text="hello")
    given = await client.tester("POST", "/updates", message={"nonsense": 1})
    updates = await client.result("getUpdates")
    assert [min(update) for update in updates] == ["my_chat_member", "message", "message"]
    assert updates[-1]["update_id"] == given["update_id"]
    assert (await client.tester("GET", f"/chats/{group['id']}"))["chat"]["title"] == "Family"


async def test_faults_are_added_listed_and_cleared(client, box):
    fault = await client.tester("POST", "/faults", kind="429", methods=["sendMessage"], count=2, retry_after=5)
    assert (await client.tester("GET", "/state"))["faults"] == [fault]
    assert await client.tester("DELETE", f"/faults/{fault['id']}") == []
    await client.tester("POST", "/faults", kind="outage")
    assert await client.tester("DELETE", "/faults") == []
    assert "error" in await client.tester("POST", "/faults", kind="meteor")


@pytest.mark.parametrize(
    ("path", "body"), [("/people", {}), ("/clock/advance", {"seconds": "soon"}), ("/people/5/say", {"text": "x"})]
)
async def test_bad_requests_return_an_error(client, path, body):
    assert "error" in await client.tester("POST", path, **body)
    assert client.status in {400, 409}


async def test_event_stream_reports_changes(client, box):
    async with client.session.get(f"{client.server.api_url}/sandbox/events") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readuntil(b"\n\n") == b": here\n\n"
        maria = box.person("Maria")
        box.say(maria, "hello")
        heard = [json.loads((await stream.content.readuntil(b"\n\n"))[6:]) for _ in range(2)]
    assert [event["type"] for event in heard] == ["people", "message"]
    assert heard[1]["message"]["text"] == "hello"


async def test_without_hooks_the_page_hides_their_buttons(client):
    server = SandboxServer(SystemClock())
    await server.start()
    alone = Client(client.session, server)
    state = await alone.tester("GET", "/state")
    assert (state["can"], state["clock"]["movable"]) == ({"invite": False, "staff": False, "next_event": False}, False)
    for path, body in (("/invites", {}), ("/clock/next-event", {}), ("/clock/advance", {"seconds": 1})):
        await alone.tester("POST", path, **body)
        assert alone.status == 409
    await server.stop()
