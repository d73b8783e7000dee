"""Which door of the use cases a parsed update goes to. No clinical logic, no transaction, no call to Telegram.

What a person typed, said or sent stops here: the door is told only what a short list of words makes of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, cast, get_args

from telegram import CallbackQuery, Chat, ChatMember, ChatMemberUpdated, Message, Update

from bot.app.conversation import Command
from bot.app.dead import holds_later
from bot.app.patients import CODE
from bot.app.ports import UNKNOWN, Clinic, Meant, Outcome
from bot.app.post import post, post_stranger
from bot.app.screens import numbers
from bot.app.store import Store
from bot.chat.buttons import TapError, decode
from bot.chat.metrics import STALE_TAPS
from bot.core.screen import Action, Screen, Text

Work = Callable[[Store, datetime], Outcome]
"""What to do inside the update's transaction."""

_COMMANDS: frozenset[str] = frozenset(get_args(Command))
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+(.*))?", re.DOTALL)
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What Telegram lets a start link carry; anything else was typed by a person."""
_PRESENT = frozenset({ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER, ChatMember.RESTRICTED})


_FOUND_OUT = "tells of who could be reached then: sending finds out by itself"
_OF_THAT_MOMENT = "was meant for what was on the screen then: ask them, if they have not tapped again"
_NUMBERS = frozenset("123456789")
_DIGIT = re.compile(r"[0-9]")


class Typed(Protocol):
    """The few words that are understood (bot.content.typed.TypedWords, or a stand-in)."""

    def command(self, text: str) -> str | None: ...
    def names_red_flag(self, text: str) -> bool: ...


class Conversation(Protocol):
    """The door into the use cases (the module bot.app.conversation, or a stand-in)."""

    def start(
        self, store: Store, clinic: Clinic, chat_id: int, payload: str, language_hint: str | None, at: datetime
    ) -> Outcome: ...
    def tap(self, store: Store, clinic: Clinic, chat_id: int, action: Action, at: datetime) -> Outcome: ...
    def stale_tap(self, store: Store, clinic: Clinic, chat_id: int, at: datetime) -> Outcome: ...
    def command(self, store: Store, clinic: Clinic, chat_id: int, name: Command, at: datetime) -> Outcome: ...
    def said(self, store: Store, clinic: Clinic, chat_id: int, meant: Meant, at: datetime) -> Outcome: ...
    def membership(self, store: Store, clinic: Clinic, chat_id: int, *, reachable: bool, at: datetime) -> Outcome: ...


@dataclass(frozen=True)
class Leave:
    """A group or channel to leave, and the language of whoever is there."""

    chat_id: int
    language_hint: str | None


@dataclass(frozen=True)
class Step:
    """What an update asks for: work in the transaction, a chat to leave after it, or neither.

    `outdated`: why it must not be worked off long after it came; None: it may.
    """

    kind: str
    work: Work | None = None
    leave: Leave | None = None
    outdated: str | None = None


IGNORED = Step("ignored")


class Handlers:
    """Chooses the door. `keyboard` maps the reply keyboard's labels, in every language, to commands.

    `bot_name` gives the bot's username once it is known: "/help@another_bot" is not for us.
    """

    def __init__(
        self,
        door: Conversation,
        clinic: Clinic,
        key: bytes,
        keyboard: Mapping[str, Command],
        typed: Typed,
        bot_name: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._door = door
        self.clinic = clinic
        self._key = key
        self._keyboard = {_folded(label): name for label, name in keyboard.items()}
        self._typed = typed
        self._bot_name = bot_name

    def step(self, update: Update) -> Step:
        """Return what the update asks for; unknown kinds are ignored."""
        if update.callback_query is not None:
            return self._tapped(update.callback_query)
        if update.my_chat_member is not None:
            return self._moved(update.my_chat_member)
        if update.message is not None:
            return self._wrote(update.message, update.message.text or "", update.message.caption or "")
        if update.edited_message is not None:
            # A command edited into an old message is not obeyed: the person would not expect it.
            edited = update.edited_message
            return self._wrote(edited, "", edited.text or edited.caption or "")
        return IGNORED

    def where_they_are(self, chat_id: int) -> Step:
        """Show the current screen again, changing nothing."""
        return Step("stale_tap", lambda store, at: self._door.stale_tap(store, self.clinic, chat_id, at))

    def sorry(self, chat_id: int, *, alone: bool) -> Step:
        """Say that something went wrong here and give the numbers; not `alone`: then show the current screen too."""

        def work(store: Store, at: datetime) -> Outcome:
            _post_sorry(store, self.clinic, chat_id, at)
            return Outcome() if alone else self._door.stale_tap(store, self.clinic, chat_id, at)

        return Step("sorry", work)

    def _tapped(self, query: CallbackQuery) -> Step:
        chat = query.message.chat if query.message is not None else None
        if chat is not None and chat.type != Chat.PRIVATE:
            return _leave(chat, query.from_user.language_code)
        chat_id = chat.id if chat is not None else query.from_user.id
        try:
            action = decode(query.data, self._key, chat_id)
        except TapError as error:
            STALE_TAPS.labels(type(error).__name__).inc()
            return self.where_they_are(chat_id)
        outdated = None if holds_later(action) else _OF_THAT_MOMENT
        return Step("tap", lambda store, at: self._door.tap(store, self.clinic, chat_id, action, at), outdated=outdated)

    def _moved(self, moved: ChatMemberUpdated) -> Step:
        status = moved.new_chat_member.status
        if moved.chat.type != Chat.PRIVATE:
            present = status in _PRESENT
            return _leave(moved.chat, moved.from_user.language_code) if present else Step("left")
        reachable = status != ChatMember.BANNED
        chat_id = moved.chat.id
        return Step(
            "membership",
            lambda store, at: self._door.membership(store, self.clinic, chat_id, reachable=reachable, at=at),
            outdated=_FOUND_OUT,
        )

    def _wrote(self, message: Message, text: str, beside: str) -> Step:
        """`text` may be a command; in what stands `beside` it (a caption, an edit) only red flags are looked for."""
        hint = message.from_user.language_code if message.from_user is not None else None
        if message.chat.type != Chat.PRIVATE:
            return _leave(message.chat, hint)
        chat_id = message.chat.id
        name = self._keyboard.get(_folded(text)) or self._command(text) or self._typed_command(text)
        if name == "start":
            payload = _payload(text)
            return Step("start", lambda store, at: self._door.start(store, self.clinic, chat_id, payload, hint, at))
        if name is not None:
            return Step("command", lambda store, at: self._door.command(store, self.clinic, chat_id, name, at))
        meant = self._meant(text, beside)
        outdated = _OF_THAT_MOMENT if meant.kind == "choice" else None
        return Step(
            "said", lambda store, at: self._door.said(store, self.clinic, chat_id, meant, at), outdated=outdated
        )

    def _meant(self, text: str, beside: str) -> Meant:
        if self._typed.names_red_flag(text or beside):
            return Meant("red_flag")
        number = text.strip().rstrip(".)")
        if number in _NUMBERS:
            return Meant("choice", int(number))
        # Words have no digits: what a patient types goes no further.
        code = text.strip().upper()
        return Meant("code", code=code) if CODE.fullmatch(code) and _DIGIT.search(code) else UNKNOWN

    def _typed_command(self, text: str) -> Command | None:
        name = self._typed.command(text)
        return cast("Command", name) if name in _COMMANDS else None

    def _command(self, text: str) -> Command | Literal["start"] | None:
        found = _COMMAND.fullmatch(text.strip())
        if found is None:
            return None
        own = self._bot_name()
        if found[2] and own and found[2].lower() != own.lower():
            return None
        name = found[1].lower()
        return cast("Command | Literal['start']", name) if name in _COMMANDS or name == "start" else None


def _post_sorry(store: Store, clinic: Clinic, chat_id: int, at: datetime) -> None:
    patient = store.patient_by_chat(chat_id)
    screen = Screen(name="oops", lines=(Text(key="oops.body", values=numbers(clinic)),))
    if patient is None:
        post_stranger(store, chat_id, clinic.languages[0], screen, at)
    else:
        post(store, patient, screen, at=at, slot="oops")


def _leave(chat: Chat, language_hint: str | None) -> Step:
    return Step("leave", leave=Leave(chat.id, language_hint), outdated=_FOUND_OUT)


def _payload(text: str) -> str:
    found = _COMMAND.fullmatch(text.strip())
    typed = (found[3] or "").strip() if found is not None else ""
    return typed if _PAYLOAD.fullmatch(typed) else ""


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
