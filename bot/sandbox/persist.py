"""Saves the sandbox to a file, so that the chats survive a restart. Replaces the file atomically."""

import asyncio
import json
import logging
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.clock import SandboxClock
from bot.sandbox.chats import CallbackQuery, Chat, Person, Webhook
from bot.sandbox.state import Sandbox

log = logging.getLogger(__name__)

VERSION = 1
SAVE_AFTER = 0.4
MAX_TAPS_SAVED = 1000


def dump(sandbox: Sandbox) -> dict[str, Any]:
    """Return everything that survives a restart as JSON values; not the faults and the journal."""
    return {
        "version": VERSION,
        "now": sandbox.clock.now().isoformat(),
        "people": [asdict(person) for person in sandbox.people.values()],
        "chats": [chat.dump() for chat in sandbox.chats.values()],
        "taps": [asdict(tap) for tap in list(sandbox.taps.values())[-MAX_TAPS_SAVED:]],
        "updates": sandbox.updates.dump(),
        "photos": sandbox.photos.dump(),
        "documents": sandbox.documents.dump(),
        "commands": sandbox.commands,
        "texts": sandbox.texts,
        "webhook": asdict(sandbox.webhook) if sandbox.webhook else None,
    }


def load(sandbox: Sandbox, saved: dict[str, Any]) -> None:
    """Restore an empty sandbox from saved values and advance its clock; ValueError for another version."""
    if saved["version"] != VERSION:
        raise ValueError(f"the state has version {saved['version']}, not {VERSION}")
    for person in saved["people"]:
        sandbox.keep(Person(**person))
    for chat in saved["chats"]:
        sandbox.chats[chat["id"]] = Chat.load(chat)
    for tap in saved["taps"]:
        sandbox.taps[tap["id"]] = CallbackQuery(**tap)
    sandbox.updates.load(saved["updates"])
    sandbox.photos.load(saved["photos"])
    sandbox.documents.load(saved.get("documents", {}))
    sandbox.commands = saved["commands"]
    sandbox.texts = saved["texts"]
    sandbox.webhook = Webhook(**saved["webhook"]) if saved["webhook"] else None
    if isinstance(sandbox.clock, SandboxClock):
        sandbox.clock.advance_to(datetime.fromisoformat(saved["now"]))


class StateFile:
    """The file of a sandbox. An unreadable file is renamed, never overwritten."""

    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        self._path = path
        self._box = sandbox

    def load(self) -> None:
        if not self._path.exists():
            return
        try:
            load(self._box, json.loads(self._path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError):
            renamed = self._path.with_suffix(".unreadable")
            self._path.replace(renamed)
            log.warning("the sandbox's state file can't be read; it was renamed to %s", renamed.name)

    def save(self) -> None:
        self._write(json.dumps(dump(self._box), ensure_ascii=False, separators=(",", ":")))

    async def run(self) -> None:
        """Save shortly after each change, until cancelled."""
        changed = self._box.events.changed
        while True:
            await changed.wait()
            await asyncio.sleep(SAVE_AFTER)
            changed.clear()
            text = json.dumps(dump(self._box), ensure_ascii=False, separators=(",", ":"))
            await asyncio.to_thread(self._write, text)

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.replace(self._path)
