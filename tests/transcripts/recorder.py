"""Records a conversation in a form that clinicians can read, and compares it with its golden file.

`make transcripts` overwrites the golden files. A changed golden file is a change of what patients see: review it as such.
"""

import os
import re
from pathlib import Path

from bot.sandbox.chats import Person
from tests.stories.world import Message, World, labels, plain

GOLDEN = Path(__file__).parent / "golden"
_TOKEN = re.compile(r"start=[\w-]+")
WRITE = "NERVECHECK_WRITE_TRANSCRIPTS"


class Transcript:
    """A conversation, in the local time of Berlin, where the patient lives."""

    def __init__(self, world: World, person: Person, title: str) -> None:
        self._world = world
        self._person = person
        self._lines = [title, "=" * len(title), ""]
        self._known: set[int] = {m["message_id"] for m in world.bot_messages(person)}
        self._others: set[tuple[int, int]] = set()
        world.hear_all(person)

    async def tap(self, label: str | re.Pattern[str]) -> None:
        self._add(f"      patient taps: [{label.pattern if isinstance(label, re.Pattern) else label}]")
        await self._world.tap(self._person, label)
        self._record()

    async def types(self, text: str) -> None:
        self._add(f"      patient types: {text}")
        await self._world.say(self._person, text)
        self._record()

    async def wait(self, words: str, **by: float) -> None:
        self._add(f"--- {words}")
        await self._world.advance(**by)
        self._record()

    async def until_due(self) -> None:
        self._add("--- the next check-in falls due")
        await self._world.until_due(self._person)
        self._record()

    async def record_other(self, person: Person, who: str) -> None:
        """Record what another person's phone shows."""
        for message in self._world.hear_all(person):
            new = (person.id, message["message_id"]) not in self._others
            self._others.add((person.id, message["message_id"]))
            lines = _format(message, new=new)
            self._lines += [lines[0].replace("bot", f"bot, to the {who},", 1), *lines[1:], ""]

    async def other_taps(self, person: Person, who: str, label: str) -> None:
        self._add(f"      {who} taps: [{label}]")
        await self._world.tap(person, label)
        await self.record_other(person, who)
        self._record()

    def note(self, words: str) -> None:
        """Add a line for the reader."""
        self._add(f"--- {words}")

    @property
    def shown(self) -> str:
        """The text of the newest message with buttons to answer."""
        messages = self._world.bot_messages(self._person)
        questions = [m for m in messages if any(b == "Skip" for b in labels(m))]
        return plain(questions[-1]) if questions else ""

    def opens_link(self) -> None:
        self._add("      patient opens the invite link")
        self._world.sandbox.open_invite(self._person)

    async def settle(self) -> None:
        await self._world.pump()
        self._record()

    def check(self, name: str) -> None:
        """Compare with the golden file, or write it if the environment variable asks for it."""
        path = GOLDEN / f"{name}.txt"
        text = "\n".join(self._lines).rstrip() + "\n"
        if os.environ.get(WRITE):
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    def _add(self, line: str) -> None:
        self._lines += [line, ""]

    def _record(self) -> None:
        for message in self._world.hear_all(self._person):
            new = message["message_id"] not in self._known
            self._known.add(message["message_id"])
            self._lines += [*_format(message, new=new), ""]


def _format(message: Message, *, new: bool) -> list[str]:
    lines = ["bot writes:" if new else "bot changes its message to:"]
    lines += [f"  | {_TOKEN.sub('start=...', line)}".rstrip() for line in plain(message).splitlines()]
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    lines += ["    " + " ".join(f"[{button['text']}]" for button in row) for row in rows]
    return lines
