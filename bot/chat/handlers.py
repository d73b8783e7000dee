"""Routes a parsed update to the conversation. No clinical logic, no transaction, no call to Telegram."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from telegram import CallbackQuery, Chat, ChatMember, ChatMemberUpdated, Message, Update

from bot.app.ports.clinic import Clinic
from bot.app.work import Work
from bot.chat.buttons import TapError, decode
from bot.chat.metrics import STALE_TAPS
from bot.chat.typed_messages import Typed, TypedMessages, start_payload
from bot.core.screen import Action
from bot.dialog.apology import apologize
from bot.dialog.conversation import Command
from bot.dialog.late_taps import is_safe_late
from bot.dialog.replies import Meaning, TapResult

Handling = Callable[[Work], TapResult]
"""The work to do inside the update's transaction."""

_PRESENT = frozenset({ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER, ChatMember.RESTRICTED})


_MEMBERSHIP_OUTDATED = "says who was reachable at the time: sending finds that out by itself"
_SCREEN_OUTDATED = "refers to the screen at the time: ask them, unless they have tapped again"


class Conversation(Protocol):
    """The conversation with a chat (the module bot.dialog.conversation or a fake)."""

    def start(self, work: Work, chat_id: int, payload: str, language_hint: str | None) -> TapResult: ...
    def tap(self, work: Work, chat_id: int, action: Action, language_hint: str | None) -> TapResult: ...
    def stale_tap(self, work: Work, chat_id: int) -> TapResult: ...
    def command(self, work: Work, chat_id: int, name: Command) -> TapResult: ...
    def message(self, work: Work, chat_id: int, meaning: Meaning) -> TapResult: ...
    def membership(self, work: Work, chat_id: int, *, reachable: bool) -> TapResult: ...


@dataclass(frozen=True)
class Leave:
    """A group or channel to leave, and the language of the person who caused the update."""

    chat_id: int
    language_hint: str | None


@dataclass(frozen=True)
class UpdateRoute:
    """What an update requests: work in the transaction, a chat to leave after it, or neither.

    `outdated` says why the update must not be processed long after it arrived; None if it may be.
    """

    kind: str
    handle: Handling | None = None
    leave: Leave | None = None
    outdated: str | None = None


IGNORED = UpdateRoute("ignored")


class Handlers:
    """Chooses the use case. `keyboard` maps the reply keyboard's labels, in every language, to commands.

    `bot_name` returns the bot's username once it is known, because "/help@another_bot" is not for us.
    """

    def __init__(
        self,
        conversation: Conversation,
        clinic: Clinic,
        key: bytes,
        keyboard: Mapping[str, Command],
        typed: Typed,
        bot_name: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._conversation = conversation
        self.clinic = clinic
        self._key = key
        self._messages = TypedMessages(keyboard, typed, bot_name)

    def route(self, update: Update) -> UpdateRoute:
        """Return the update's route; ignore unknown kinds."""
        if update.callback_query is not None:
            return self._route_tap(update.callback_query)
        if update.my_chat_member is not None:
            return self._route_membership(update.my_chat_member)
        if update.message is not None:
            return self._route_message(update.message, update.message.text or "", update.message.caption or "")
        if update.edited_message is not None:
            # A command edited into an old message is ignored: the person would not expect it to run.
            edited = update.edited_message
            return self._route_message(edited, "", edited.text or edited.caption or "")
        return IGNORED

    def show_current_screen(self, chat_id: int) -> UpdateRoute:
        """Return the route that shows the current screen again and changes nothing."""
        return UpdateRoute("stale_tap", lambda work: self._conversation.stale_tap(work, chat_id))

    def apology(self, chat_id: int, *, apology_only: bool) -> UpdateRoute:
        """Return the route that apologizes and gives the numbers; unless `apology_only`, it also shows the screen."""

        def handle(work: Work) -> TapResult:
            apologize(work, chat_id)
            return TapResult() if apology_only else self._conversation.stale_tap(work, chat_id)

        return UpdateRoute("sorry", handle)

    def _route_tap(self, query: CallbackQuery) -> UpdateRoute:
        chat = query.message.chat if query.message is not None else None
        if chat is not None and chat.type != Chat.PRIVATE:
            return _leave(chat, query.from_user.language_code)
        chat_id = chat.id if chat is not None else query.from_user.id
        try:
            action = decode(query.data, self._key, chat_id)
        except TapError as error:
            STALE_TAPS.labels(type(error).__name__).inc()
            return self.show_current_screen(chat_id)
        outdated = None if is_safe_late(action) else _SCREEN_OUTDATED
        language_hint = query.from_user.language_code
        handle = partial(self._conversation.tap, chat_id=chat_id, action=action, language_hint=language_hint)
        return UpdateRoute("tap", handle, outdated=outdated)

    def _route_membership(self, moved: ChatMemberUpdated) -> UpdateRoute:
        status = moved.new_chat_member.status
        if moved.chat.type != Chat.PRIVATE:
            present = status in _PRESENT
            return _leave(moved.chat, moved.from_user.language_code) if present else UpdateRoute("left")
        reachable = status != ChatMember.BANNED
        chat_id = moved.chat.id
        return UpdateRoute(
            "membership",
            lambda work: self._conversation.membership(work, chat_id, reachable=reachable),
            outdated=_MEMBERSHIP_OUTDATED,
        )

    def _route_message(self, message: Message, text: str, other_text: str) -> UpdateRoute:
        """Route a message: `text` may be a command; `other_text` (a caption, an edit) is checked only for red flags."""
        language_hint = message.from_user.language_code if message.from_user is not None else None
        if message.chat.type != Chat.PRIVATE:
            return _leave(message.chat, language_hint)
        chat_id = message.chat.id
        name = self._messages.command(text)
        if name == "start":
            payload = start_payload(text)
            return UpdateRoute(
                "start",
                lambda work: self._conversation.start(work, chat_id, payload, language_hint),
            )
        if name is not None:
            return UpdateRoute("command", lambda work: self._conversation.command(work, chat_id, name))
        meaning = self._messages.meaning(text, other_text)
        outdated = _SCREEN_OUTDATED if meaning.kind == "choice" else None
        return UpdateRoute(
            "said",
            lambda work: self._conversation.message(work, chat_id, meaning),
            outdated=outdated,
        )


def _leave(chat: Chat, language_hint: str | None) -> UpdateRoute:
    return UpdateRoute("leave", leave=Leave(chat.id, language_hint), outdated=_MEMBERSHIP_OUTDATED)
