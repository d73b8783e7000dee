"""Parses the content of a message from a request: text, caption, photo, document, contact, keyboard. Sends nothing."""

from typing import Any

from bot.sandbox import entities
from bot.sandbox.chats import Chat, Message
from bot.sandbox.errors import bad_request
from bot.sandbox.markup import Markup, check_markup
from bot.sandbox.media import Documents, Photos
from bot.sandbox.params import Params

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_SOURCE_BYTES = 1 << 15
_PARSE_MODES = {"", "none", "html"}


def text_content(params: Params) -> Message:
    """Return `{text, entities}` of sendMessage and editMessageText."""
    if not params.text("text"):
        raise bad_request("Message text is empty")
    text, marks = _formatted(params, "text", "entities")
    if not text:
        raise bad_request("text must be non-empty")
    if len(text) > MAX_TEXT:
        raise bad_request("Message is too long")
    content: Message = {"text": text, **({"entities": marks} if marks else {})}
    preview = params.structure("link_preview_options")
    if preview is not None and not isinstance(preview, dict):
        raise bad_request("Object expected as link preview options")
    return {**content, "link_preview_options": preview} if preview else content


def caption_content(params: Params) -> Message:
    """Return `{caption, caption_entities, …}`, without a caption an empty one."""
    text, marks = _formatted(params, "caption", "caption_entities")
    if len(text) > MAX_CAPTION:
        raise bad_request("Message caption is too long")
    content: Message = {"caption": text} if text else {}
    if text and marks:
        content["caption_entities"] = marks
    if params.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def photo_content(params: Params, photos: Photos) -> Message:
    """Return `{photo, caption…}` of an upload or a known file_id. Nothing is fetched by URL."""
    named = params.text("photo")
    if (data := params.files.get(named.removeprefix("attach://")) or params.files.get("photo")) is not None:
        sizes = photos.keep(data)
    elif not named:
        raise bad_request("There is no photo in the request")
    elif named.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    else:
        sizes = photos.known(named)
    content: Message = {"photo": sizes, **caption_content(params)}
    return {**content, "has_media_spoiler": True} if params.flag("has_spoiler") else content


def document_content(params: Params, documents: Documents) -> Message:
    """Return `{document, caption…}` of an upload or a known file_id. Nothing is fetched by URL."""
    named = params.text("document")
    field = next((name for name in (named.removeprefix("attach://"), "document") if name in params.files), None)
    if field is not None:
        document = documents.keep(params.file_names.get(field, "file"), params.files[field])
    elif not named:
        raise bad_request("There is no document in the request")
    elif named.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    else:
        document = documents.known(named)
    return {"document": document, **caption_content(params)}


def contact_content(params: Params) -> Message:
    contact = {"phone_number": params.required("phone_number"), "first_name": params.required("first_name")}
    contact |= {name: params.text(name) for name in ("last_name", "vcard") if params.has(name)}
    return {"contact": contact}


def common_content(params: Params, chat: Chat) -> Message:
    """Return what all send methods share: content protection and the message replied to."""
    content: Message = {"has_protected_content": True} if params.flag("protect_content") else {}
    reply = params.structure("reply_parameters")
    if not reply:
        return content
    if not isinstance(reply, dict):
        raise bad_request("Object expected as reply parameters")
    answered = chat.messages.get(reply.get("message_id", 0))
    if answered is not None:
        # As documented, the message replied to contains no further reply.
        content["reply_to_message"] = {name: part for name, part in answered.items() if name != "reply_to_message"}
    elif not reply.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return content


def keyboard(params: Params, *, inline_only: bool = False) -> Markup | None:
    return check_markup(params.structure("reply_markup"), inline_only=inline_only)


def _formatted(params: Params, name: str, marks_name: str) -> tuple[str, list[dict[str, Any]]]:
    source, mode = params.text(name), params.text("parse_mode").lower()
    if len(source.encode()) > MAX_SOURCE_BYTES:
        raise bad_request("Text is too long")
    if mode not in _PARSE_MODES:
        # Telegram also accepts Markdown. The product uses only HTML, and an incomplete parser would hide mistakes.
        raise bad_request("Unsupported parse_mode")
    if mode == "html":
        text, marks = entities.parse_html(source)
    else:
        text, marks = source, params.structure(marks_name) or []
    if not isinstance(marks, list) or not all(
        isinstance(mark, dict) and {"type", "offset", "length"} <= set(mark) for mark in marks
    ):
        raise bad_request("can't parse MessageEntity: Can't find field \"type\"")
    text, marks = entities.trimmed(text, marks)
    marks = marks + entities.found_in(text, marks)
    return text, sorted(marks, key=lambda mark: (mark["offset"], -mark["length"]))
