"""A restart with a state file restores everything."""

import json
from datetime import timedelta

from bot.clock import SandboxClock
from bot.sandbox.server import SandboxServer
from tests.polling import until

from .conftest import START, Client
from .test_api import KEYS, MENU


async def use_and_stop(path, session):
    """Use a sandbox, then stop it."""
    server = SandboxServer(SandboxClock(start=START), state_file=path, limits=False)
    await server.start()
    client, box = Client(session, server), server.sandbox
    maria = box.person("Maria", language_code="es", code="P-0001", start="abc", link="x")
    box.open_invite(maria)
    sent = await client.result("sendMessage", chat_id=maria.id, text="?", reply_markup=KEYS)
    await client.result("sendMessage", chat_id=maria.id, text="menu", reply_markup=MENU)
    await client.result("setMyCommands", commands=[{"command": "help", "description": "Help"}])
    box.documents.keep("answers.json", b"{}")
    tap = box.tap(maria, sent["message_id"], "y")
    box.advance(timedelta(days=3))
    await server.stop()
    return box, tap


async def test_restart_restores_chats_updates_and_clock(tmp_path, client):
    path = tmp_path / "deep" / "sandbox.json"
    before, tap = await use_and_stop(path, client.session)
    server = SandboxServer(SandboxClock(start=START), state_file=path, limits=False)
    await server.start()
    after, again = server.sandbox, Client(client.session, server)
    maria = after.person("Maria")
    assert maria == before.person("Maria")
    assert after.messages(maria) == before.messages(maria)
    assert after.chat(maria).keyboard == MENU
    assert after.documents.dump() == before.documents.dump() != {}
    assert after.clock.now() >= START + timedelta(days=3)
    assert await again.result("getUpdates") == before.updates.all()
    assert await again.result("answerCallbackQuery", callback_query_id=tap.id)
    assert len(await again.result("getMyCommands")) == 1
    newest = after.updates.all()[-1]["update_id"]
    after.say(maria, "on")
    assert after.updates.all()[-1]["update_id"] == newest + 1
    assert after.person("Somebody else").id != maria.id
    await server.stop()


async def test_state_is_saved_while_running(tmp_path):
    path = tmp_path / "sandbox.json"
    server = SandboxServer(SandboxClock(start=START), state_file=path)
    await server.start()
    server.sandbox.person("Maria")

    await until(lambda: path.exists() and json.loads(path.read_text())["people"])
    await server.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["sandbox.json"]


async def test_unreadable_file_is_renamed(tmp_path):
    path = tmp_path / "sandbox.json"
    path.write_text('{"version": 99}')
    server = SandboxServer(SandboxClock(start=START), state_file=path)
    await server.start()
    assert server.sandbox.people == {}
    await server.stop()
    assert (tmp_path / "sandbox.unreadable").read_text() == '{"version": 99}'
    assert json.loads(path.read_text())["version"] == 1
