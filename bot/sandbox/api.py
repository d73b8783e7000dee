"""The Bot API's methods on a sandbox: one function per method, as strict as Telegram. Knows no HTTP.

getUpdates and the webhook methods, which wait or deliver, are in delivering.py.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from bot.sandbox import composing
from bot.sandbox.chats import Chat, Message
from bot.sandbox.errors import ApiError, bad_request, forbidden
from bot.sandbox.markup import Markup
from bot.sandbox.methods import DOCUMENTED_METHODS
from bot.sandbox.params import Params
from bot.sandbox.rich import rich_content
from bot.sandbox.state import Sandbox

log = logging.getLogger(__name__)

MAX_DELETE_AGE = 48 * 3600
MAX_ANSWER = 200
MAX_COMMANDS = 100
MAX_COMMAND_TEXT = 256
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_ACTIONS = frozenset(
    {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"}
    | {"choose_sticker", "find_location", "record_video_note", "upload_video_note"},
)
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
_NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
# method -> (name of the text, maximum length)
_TEXTS = {"Name": ("name", 64), "Description": ("description", 512), "ShortDescription": ("short_description", 120)}


class Methods:
    """Executes Bot API methods; `call` returns the `result` or raises ApiError."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._box = sandbox
        self._warned: set[str] = set()
        handlers: dict[str, Callable[[Params], Any]] = {
            "getMe": self._get_me,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "sendContact": self._send_contact,
            "sendRichMessage": self._send_rich,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "editMessageReplyMarkup": self._edit_markup,
            "deleteMessage": self._delete_message,
            "answerCallbackQuery": self._answer_callback,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "deleteMyCommands": self._delete_commands,
            "getChat": self._get_chat,
            "sendChatAction": self._send_action,
            "leaveChat": self._leave_chat,
        }
        for suffix, (field, max_length) in _TEXTS.items():
            handlers[f"setMy{suffix}"] = lambda params, field=field, max_length=max_length: self._set_text(
                params, field, max_length
            )  # type: ignore[misc]
            handlers[f"getMy{suffix}"] = lambda params, field=field: {field: self._get_text(params, field)}  # type: ignore[misc]
        self._handlers = handlers
        self._names = {name.lower(): name for name in DOCUMENTED_METHODS}

    def name_of(self, method: str) -> str:
        """Return the documented spelling of a case-insensitive name; ApiError 404 for a method that doesn't exist."""
        try:
            return self._names[method.lower()]
        except KeyError:
            raise ApiError(404, "Not Found: method not found") from None

    def call(self, method: str, params: Params) -> Any:
        handler = self._handlers.get(method)
        if handler is not None:
            return handler(params)
        if method not in self._warned:
            self._warned.add(method)
            log.warning("the sandbox accepts %s but does nothing", method, extra={"action": "sandbox_method_stub"})
        return True

    # -- About the bot --------------------------------------------------------------------------------------------

    def _get_me(self, _params: Params) -> dict[str, Any]:
        rights = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return {**self._box.bot_user(), **rights, "can_connect_to_business": False, "has_main_web_app": False}

    def _set_commands(self, params: Params) -> bool:
        commands = params.structure("commands")
        if not isinstance(commands, list):
            raise bad_request("Expected an Array of BotCommand")
        if len(commands) > MAX_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self._box.commands[self._scope_key(params)] = [self._command(command) for command in commands]
        self._box.events.publish("commands")
        return True

    @staticmethod
    def _command(command: Any) -> dict[str, str]:
        if not isinstance(command, dict) or not {"command", "description"} <= set(command):
            raise bad_request("can't parse BotCommand: expected an Object")
        name = str(command["command"]).removeprefix("/")
        if not _COMMAND.fullmatch(name):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command["description"])) <= MAX_COMMAND_TEXT:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        return {"command": name, "description": str(command["description"])}

    def _get_commands(self, params: Params) -> list[dict[str, str]]:
        return self._box.commands.get(self._scope_key(params), [])

    def _delete_commands(self, params: Params) -> bool:
        self._box.commands.pop(self._scope_key(params), None)
        self._box.events.publish("commands")
        return True

    def _scope_key(self, params: Params) -> str:
        scope = params.structure("scope") or {"type": "default"}
        if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
            raise bad_request("can't parse BotCommandScope: Unsupported type specified")
        ids = [str(scope.get(name, "")) for name in _SCOPES[scope["type"]]]
        if ids:
            self._reachable(ids[0])
        return scope_key(scope["type"], *ids, language=params.text("language_code"))

    def _set_text(self, params: Params, field: str, max_length: int) -> bool:
        text = params.text(field)
        if len(text) > max_length:
            raise bad_request(f"BOT_{field.upper()}_TOO_LONG")
        self._box.texts[f"{field}:{params.text('language_code')}"] = text
        return True

    def _get_text(self, params: Params, field: str) -> str:
        texts = self._box.texts
        default = self._box.bot_user()["first_name"] if field == "name" else ""
        return texts.get(f"{field}:{params.text('language_code')}") or texts.get(f"{field}:") or default

    # -- Sending --------------------------------------------------------------------------------------------------

    def _send_message(self, params: Params) -> Message:
        return self._send(params, composing.text_content(params))

    def _send_photo(self, params: Params) -> Message:
        return self._send(params, composing.photo_content(params, self._box.photos))

    def _send_document(self, params: Params) -> Message:
        return self._send(params, composing.document_content(params, self._box.documents))

    def _send_contact(self, params: Params) -> Message:
        return self._send(params, composing.contact_content(params))

    def _send_rich(self, params: Params) -> Message:
        return self._send(params, rich_content(params))

    def _send(self, params: Params, content: Message) -> Message:
        chat = self._target(params)
        markup = composing.keyboard(params)
        common = composing.common_content(params, chat)
        self._box.limits.count_send(chat.id, group=not chat.is_private)
        sender = {"sender_chat": chat.head()} if chat.type == "channel" else {"from": self._box.bot_user()}
        message = chat.add({**sender, "date": self._box.now_unix(), **content, **common, **_inline_part(markup)})
        self._set_keyboard(chat, markup, message["message_id"])
        silent = params.flag("disable_notification")
        self._box.events.publish("message", chat_id=chat.id, message=message, silent=silent)
        return message

    def _set_keyboard(self, chat: Chat, markup: Markup | None, message_id: int) -> None:
        if markup is None or "inline_keyboard" in markup:
            return
        chat.locked.add(message_id)
        if "keyboard" in markup:
            chat.keyboard = markup
        elif "remove_keyboard" in markup:
            chat.keyboard = None
        self._box.events.publish("keyboard", chat_id=chat.id, keyboard=chat.keyboard)

    # -- Editing --------------------------------------------------------------------------------------------------

    def _edit_text(self, params: Params) -> Message:
        content = composing.text_content(params)
        chat, message = self._editable(params)
        if "text" not in message:
            raise bad_request("There is no text in the message to edit")
        return self._edit(chat, message, params, content, drop=("text", "entities", "link_preview_options"))

    def _edit_caption(self, params: Params) -> Message:
        content = composing.caption_content(params)
        chat, message = self._editable(params)
        if not {"photo", "document"} & message.keys():
            raise bad_request("There is no caption in the message to edit")
        return self._edit(
            chat, message, params, content, drop=("caption", "caption_entities", "show_caption_above_media")
        )

    def _edit_markup(self, params: Params) -> Message:
        chat, message = self._editable(params)
        return self._edit(chat, message, params, {}, drop=())

    def _edit(self, chat: Chat, message: Message, params: Params, content: Message, drop: tuple[str, ...]) -> Message:
        markup = composing.keyboard(params, inline_only=True)
        remaining = {name: part for name, part in message.items() if name not in (*drop, "reply_markup", "edit_date")}
        edited = {**remaining, **content, **_inline_part(markup)}
        if edited == {name: part for name, part in message.items() if name != "edit_date"}:
            raise ApiError(400, _NOT_MODIFIED)
        self._box.limits.count_edit(chat.id)
        edited["edit_date"] = self._box.now_unix()
        chat.messages[message["message_id"]] = edited
        self._box.events.publish("edited", chat_id=chat.id, message=edited)
        return edited

    def _editable(self, params: Params) -> tuple[Chat, Message]:
        chat = self._target(params)
        message = chat.messages.get(params.integer("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        is_own = message.get("from", {}).get("is_bot") or "sender_chat" in message
        if not is_own or message["message_id"] in chat.locked:
            raise bad_request("message can't be edited")
        return chat, message

    def _delete_message(self, params: Params) -> bool:
        chat = self._target(params)
        message_id = params.integer("message_id")
        message = chat.messages.get(message_id)
        if message is None:
            raise bad_request("message to delete not found")
        if self._box.now_unix() - message["date"] > MAX_DELETE_AGE:
            raise bad_request("message can't be deleted for everyone")
        del chat.messages[message_id]
        self._box.events.publish("deleted", chat_id=chat.id, message_id=message_id)
        return True

    # -- Other methods -------------------------------------------------------------------------------------------------

    def _answer_callback(self, params: Params) -> bool:
        tap = self._box.taps.get(params.text("callback_query_id"))
        if tap is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(params.text("text")) > MAX_ANSWER:
            raise bad_request("MESSAGE_TOO_LONG")
        tap.answer = {"text": params.text("text"), "show_alert": params.flag("show_alert")}
        self._box.events.publish("answer", chat_id=tap.chat_id, message_id=tap.message_id, tap_id=tap.id, **tap.answer)
        return True

    def _get_chat(self, params: Params) -> dict[str, Any]:
        gifts = "unlimited_gifts limited_gifts unique_gifts premium_subscription gifts_from_channels"
        full = {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(gifts.split(), False),
        }
        return {**self._reachable(params.text("chat_id")).head(), **full}

    def _send_action(self, params: Params) -> bool:
        chat = self._target(params)
        if params.text("action") not in _ACTIONS:
            raise bad_request("Wrong parameter action in request")
        self._box.events.publish("typing", chat_id=chat.id)
        return True

    def _leave_chat(self, params: Params) -> bool:
        chat = self._target(params)
        if chat.is_private:
            raise bad_request("chat member status can't be changed in private chats")
        chat.bot_is_member = False
        self._box.events.publish("people")
        return True

    def _reachable(self, chat_id: str) -> Chat:
        """Return the chat if the bot was ever in contact with it; ApiError 400 otherwise."""
        if not chat_id:
            raise bad_request("chat_id is empty")
        try:
            chat = self._box.chats.get(int(chat_id))
        except ValueError:
            chat = None
        if chat is None or not chat.started:
            raise bad_request("chat not found")  # also if the person never wrote: bots can't start a chat
        return chat

    def _target(self, params: Params) -> Chat:
        """Return the chat to send to; ApiError 403, as Telegram's, if it can't be reached."""
        chat = self._reachable(params.text("chat_id"))
        person = self._box.people.get(chat.id)
        if person is not None and person.deactivated:
            raise forbidden("user is deactivated")
        if person is not None and person.blocked:
            raise forbidden("bot was blocked by the user")
        if not chat.bot_is_member:
            raise forbidden(f"bot is not a member of the {'group' if chat.type == 'group' else chat.type} chat")
        return chat


def scope_key(kind: str, *ids: str, language: str = "") -> str:
    """Return the key under which a command list is stored."""
    return ":".join((kind, *ids, language))


def commands_for(sandbox: Sandbox, chat_id: int, language: str) -> list[dict[str, str]]:
    """Return the commands a person sees in a private chat: the first existing list in Telegram's documented order."""
    for scope in (("chat", str(chat_id)), ("all_private_chats",), ("default",)):
        for code in (language, ""):
            if found := sandbox.commands.get(scope_key(*scope, language=code)):
                return found
    return []


def _inline_part(markup: Markup | None) -> Message:
    """Return the part of a message that holds its inline keyboard; other keyboards are not part of the message."""
    return {"reply_markup": markup} if markup and "inline_keyboard" in markup else {}
