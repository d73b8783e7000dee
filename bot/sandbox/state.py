"""The state of the sandbox: people, chats and messages, and everything that a person with a phone can do.

Knows no HTTP. The Bot API is in api.py, the server in server.py.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bot.clock import Clock, FrozenClock, SandboxClock
from bot.sandbox import entities
from bot.sandbox.chats import FIRST_GROUP_ID, FIRST_PERSON_ID, CallbackQuery, Chat, Message, Person, Webhook
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.events import CLOSED, Events
from bot.sandbox.faults import Faults
from bot.sandbox.journal import Journal
from bot.sandbox.limits import Limits
from bot.sandbox.media import Documents, Photos
from bot.sandbox.updates import UpdateQueue

# Has the format of a token; grants no access anywhere.
SANDBOX_TOKEN = "1000000001:sandbox-opens-nothing-anywhere-0000"  # noqa: S105
BOT_NAME = "nervecheck"
BOT_USERNAME = "nervecheck_sandbox_bot"
MAX_TAPS_KEPT = 20_000

InlineButton = dict[str, Any]


class Sandbox:
    """Telegram as seen by one bot. Not thread-safe: use it only from the event loop that serves it."""

    def __init__(self, clock: Clock, *, token: str = SANDBOX_TOKEN, limits: bool = True) -> None:
        self.clock = clock
        self.token = token
        self.limits = Limits(enabled=limits)
        self.faults = Faults()
        self.journal = Journal()
        self.events = Events()
        self.updates = UpdateQueue()
        self.photos = Photos()
        self.documents = Documents()
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.taps: OrderedDict[str, CallbackQuery] = OrderedDict()
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.texts: dict[str, str] = {}
        self.webhook: Webhook | None = None
        self.console_url: str | None = None
        """Where the page links to, once the team's pages have an address."""
        self._by_name: dict[str, Person] = {}
        self._returned: dict[int, int] = {}
        self._tap_number = 0
        self.faults.on_change.append(lambda: self.events.publish("faults"))

    # -- People and chats ---------------------------------------------------------------------------------------------

    def bot_user(self) -> dict[str, Any]:
        bot_id = int(self.token.partition(":")[0])
        return {"id": bot_id, "is_bot": True, "first_name": self.texts.get("name:", BOT_NAME), "username": BOT_USERNAME}

    def person(self, name: str, *, language_code: str = "en", **invite: str) -> Person:
        """Return the person with that name; create them, with a phone in `language_code`, if they don't exist.

        `invite` may contain `code`, `start` and `link` of the person's invite.
        """
        existing = self._by_name.get(name)
        if existing is not None:
            return existing
        person = Person(FIRST_PERSON_ID + len(self.people), name, language_code, **invite)  # type: ignore[arg-type]
        self.keep(person)
        self.chats[person.id] = Chat(person.id, "private", name)
        self.events.publish("people")
        return person

    def keep(self, person: Person) -> None:
        """Add an existing record of a person (new, or from a state file)."""
        self.people[person.id] = person
        self._by_name[person.name] = person

    def chat(self, person: Person | Chat | int) -> Chat:
        """Return a person's private chat, or the chat with that id; NotPossibleError if there is none."""
        chat_id = person if isinstance(person, int) else person.id
        try:
            return self.chats[chat_id]
        except KeyError:
            raise NotPossibleError(f"there is no chat {chat_id}") from None

    def messages(self, person: Person | Chat | int) -> list[Message]:
        """Return all current messages of the chat, oldest first."""
        return list(self.chat(person).messages.values())

    # -- Actions of a person -------------------------------------------------------------------------------------

    def say(self, person: Person, text: str) -> Message:
        """Send `text` to the bot (also `/start PAYLOAD`) and return the message."""
        if not text.strip():
            raise NotPossibleError("an empty message can't be sent")
        self._check_can_send(person)
        return self._receive(self.chat(person), person, text.strip())

    def open_invite(self, person: Person) -> Message:
        """Open the person's invite link, which sends `/start` with the link's payload."""
        if person.start is None:
            raise NotPossibleError(f"{person.name} has no invite")
        person.opened = True
        message = self.say(person, f"/start {person.start}")
        self.events.publish("people")
        return message

    def tap(
        self,
        person: Person,
        message_id: int,
        data: str | None = None,
        *,
        label: str | None = None,
        position: tuple[int, int] | None = None,
        force: bool = False,
    ) -> CallbackQuery | InlineButton:
        """Tap an inline button, identified by its data, its label or its (row, column).

        Return the callback query, or the button itself if a tap on it sends nothing to the bot (a link, text to copy).
        NotPossibleError if the message doesn't have the button now, unless `force` simulates a tap on an old one.
        """
        self._check_can_send(person)
        chat = self.chat(person)
        button = self._button(chat, message_id, data, label, position)
        if button is None:
            if not force or data is None:
                raise NotPossibleError("the message doesn't have this button now")
            button = {"callback_data": data}
        if "callback_data" not in button:
            return button
        return self._record_tap(chat, person, message_id, button["callback_data"])

    def tap_reply(self, person: Person, text: str) -> Message:
        """Tap a button of the reply keyboard; NotPossibleError if the keyboard doesn't have it."""
        keyboard = self.chat(person).keyboard
        labels = [button["text"] for row in keyboard["keyboard"] for button in row] if keyboard else []
        if text not in labels:
            raise NotPossibleError(f"the keyboard has no button {text!r}")
        return self.say(person, text)

    def block(self, person: Person) -> None:
        self._set_blocked(person, blocked=True)

    def unblock(self, person: Person) -> None:
        self._set_blocked(person, blocked=False)

    def deactivate(self, person: Person) -> None:
        """Delete the person's account: all further messages to them are refused."""
        person.deactivated = True
        self.events.publish("people")

    # -- Groups, and actions for tests only ------------------------------------------------------------------------

    def add_to_group(self, title: str, by: Person, *, kind: str = "supergroup") -> Chat:
        """Add the bot to a new group, supergroup or channel; the bot receives `my_chat_member`."""
        groups = sum(1 for chat in self.chats.values() if not chat.is_private)
        chat = Chat(FIRST_GROUP_ID - groups, kind, title, started=True)
        self.chats[chat.id] = chat
        status = "administrator" if kind == "channel" else "member"
        self._membership(chat, by, old="left", new=status)
        return chat

    def say_in(self, chat: Chat, person: Person, text: str) -> Message:
        """Send a message in a group or channel."""
        return self._receive(chat, person, text)

    def inject(self, update: dict[str, Any]) -> int:
        """Queue a raw update unchanged, even if malformed, and return its update_id."""
        update_id = self.updates.put_raw(update)
        self.events.publish("update", update_id=update_id)
        return update_id

    # -- Waiting --------------------------------------------------------------------------------------------------

    async def wait_until(self, condition: Callable[[], Any], *, timeout: float = 5.0) -> Any:  # noqa: ASYNC109
        """Return the first truthy `condition()`, called now and after each change; TimeoutError after `timeout` s."""
        async with asyncio.timeout(timeout):
            with self.events.subscribed() as queue:
                while not (value := condition()):
                    if await queue.get() is CLOSED:
                        raise TimeoutError("the sandbox was stopped")
                return value

    async def next_message(self, person: Person | Chat, *, timeout: float = 5.0) -> Message:  # noqa: ASYNC109
        """Wait for the bot's next message in that chat and return it: each is returned once, in order."""
        chat = self.chat(person)

        def unseen() -> Message | None:
            for number in range(self._returned.get(chat.id, 0) + 1, chat.next_id):
                message = chat.messages.get(number)
                if message is not None and message.get("from", {}).get("is_bot"):
                    return message
            return None

        message: Message = await self.wait_until(unseen, timeout=timeout)
        self._returned[chat.id] = message["message_id"]
        return message

    # -- Clock ------------------------------------------------------------------------------------------------

    def advance(self, by: timedelta) -> None:
        """Advance the sandbox's clock; NotPossibleError if this clock can't be moved."""
        if not isinstance(self.clock, SandboxClock | FrozenClock):
            raise NotPossibleError("this clock can't be moved")
        if by < timedelta(0):
            raise NotPossibleError("the sandbox clock can only move forward")
        self.clock.advance(by)
        self.events.publish("clock", clock=self.clock_json())

    def clock_json(self) -> dict[str, Any]:
        """Return `now` in ISO 8601, `speed` in clock seconds per real second, and whether the clock is `movable`."""
        movable = isinstance(self.clock, SandboxClock | FrozenClock)
        speed = self.clock.speed if isinstance(self.clock, SandboxClock) else float(not movable)
        return {"now": self.clock.now().isoformat(), "speed": speed, "movable": movable}

    def now_unix(self) -> int:
        return int(self.clock.now().timestamp())

    def close(self) -> None:
        self.events.close()

    # -- Internal ---------------------------------------------------------------------------------------------------

    def _check_can_send(self, person: Person) -> None:
        if person.blocked:
            raise NotPossibleError(f"{person.name} has blocked the bot; unblock it first")
        if person.deactivated:
            raise NotPossibleError(f"{person.name}'s account was deleted")

    def _receive(self, chat: Chat, person: Person, text: str) -> Message:
        content: Message = {"date": self.now_unix(), "text": text}
        if chat.type == "channel":
            content["sender_chat"] = chat.head()
        else:
            content["from"] = person.user()
        if found := entities.found_in(text, []):
            content["entities"] = found
        message = chat.add(content)
        chat.started = True
        self.updates.put("channel_post" if chat.type == "channel" else "message", message)
        self.events.publish("message", chat_id=chat.id, message=message)
        return message

    def _button(
        self, chat: Chat, message_id: int, data: str | None, label: str | None, position: tuple[int, int] | None
    ) -> InlineButton | None:
        rows: list[list[InlineButton]] = (
            chat.messages.get(message_id, {}).get("reply_markup", {}).get("inline_keyboard", [])
        )
        for row_number, row in enumerate(rows):
            for column, button in enumerate(row):
                named = (data is not None and button.get("callback_data") == data) or (
                    label is not None and button["text"] == label
                )
                if named or position == (row_number, column):
                    return button
        return None

    def _record_tap(self, chat: Chat, person: Person, message_id: int, data: str) -> CallbackQuery:
        self._tap_number += 1
        # The id begins with the time, so that it stays unique after a restart without a state file.
        tap = CallbackQuery(f"{time.time_ns() // 1_000_000}{self._tap_number:06d}", chat.id, message_id, data)
        self.taps[tap.id] = tap
        if len(self.taps) > MAX_TAPS_KEPT:
            self.taps.popitem(last=False)
        inaccessible = {"chat": chat.head(), "message_id": message_id, "date": 0}
        query = {
            "id": tap.id,
            "from": person.user(),
            "message": chat.messages.get(message_id, inaccessible),
            "chat_instance": str(-chat.id),
            "data": data,
        }
        self.updates.put("callback_query", query)
        self.events.publish("tap", chat_id=chat.id, message_id=message_id, tap=asdict(tap))
        return tap

    def _set_blocked(self, person: Person, *, blocked: bool) -> None:
        if person.blocked == blocked:
            return
        person.blocked = blocked
        old, new = ("member", "kicked") if blocked else ("kicked", "member")
        self._membership(self.chat(person), person, old=old, new=new)

    def _membership(self, chat: Chat, by: Person, *, old: str, new: str) -> None:
        update = {
            "chat": chat.head(),
            "from": by.user(),
            "date": self.now_unix(),
            "old_chat_member": self._member(old),
            "new_chat_member": self._member(new),
        }
        self.updates.put("my_chat_member", update)
        self.events.publish("people")

    def _member(self, status: str) -> dict[str, Any]:
        member: dict[str, Any] = {"user": self.bot_user(), "status": status}
        if status == "kicked":
            member["until_date"] = 0
        if status == "administrator":
            rights = (
                "be_edited manage_chat delete_messages manage_video_chats restrict_members promote_members change_info"
            )
            rights += " invite_users post_stories edit_stories delete_stories"
            member |= {f"can_{right}": False for right in rights.split()} | {"is_anonymous": False}
        return member
