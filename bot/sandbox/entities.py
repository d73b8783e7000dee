"""Parses Telegram's HTML into plain text and MessageEntity objects. Offsets and lengths count UTF-16 units.

Holds no chat state; it must not know what the text is for.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import bad_request

Entity = dict[str, Any]

_TAG_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TOKEN = re.compile(r"<(/?)([^\s>]*)([^>]*)>|<|&(?:#x[0-9a-fA-F]{1,6}|#\d{1,7}|lt|gt|amp|quot);?")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9.-]*)))?""")
# Entities that clients detect in plain text.
_FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?)"
    r"|(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)])"
    r"|(?P<phone_number>(?<![\w+])\+\d{1,4}(?:[ -]?(?:\(\d{1,4}\)|\d{1,4})){2,6})",
)


def utf16(text: str) -> int:
    """Return the number of UTF-16 code units of `text`."""
    return len(text.encode("utf-16-le")) // 2


@dataclass
class _Open:
    tag: str
    argument: str
    start: int


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return plain text and its entities; ApiError 400 "can't parse entities: …" for invalid markup."""
    out: list[str] = []
    units = 0
    opened: list[_Open] = []
    entities: list[Entity] = []
    position = 0
    for token in _TOKEN.finditer(source):
        plain = source[position : token.start()]
        out.append(plain)
        units += utf16(plain)
        position = token.end()
        at = len(source[: token.start()].encode())
        if token[0].startswith("&"):
            character = html.unescape(token[0] if token[0].endswith(";") else token[0] + ";")
            out.append(character)
            units += utf16(character)
        elif token[0] == "<":
            raise _unparsable(f"Unclosed start tag at byte offset {at}")
        elif token[1]:
            entities.extend(_close(token[2].lower(), opened, units, at, out))
        else:
            opened.append(_open(token[2].lower(), token[3], units, at))
    out.append(source[position:])
    if opened:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{opened[-1].tag}"')
    return "".join(out), sorted(entities, key=lambda e: (e["offset"], -e["length"]))


def _open(tag: str, rest: str, units: int, at: int) -> _Open:
    if tag not in _TAG_TYPES:
        raise _unparsable(f'Unsupported start tag "{tag}" at byte offset {at}')
    attributes = {m[1].lower(): html.unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(rest)}
    argument = ""
    if tag == "a":
        argument = attributes.get("href", "")
    elif tag == "code":
        argument = attributes.get("class", "").removeprefix("language-")
    elif tag == "blockquote" and "expandable" in attributes:
        argument = "expandable"
    elif tag == "span" and attributes.get("class") != "tg-spoiler":
        raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    return _Open(tag, argument, units)


def _close(tag: str, opened: list[_Open], units: int, at: int, out: list[str]) -> list[Entity]:
    if not opened:
        raise _unparsable(f"Unexpected end tag at byte offset {at}")
    last = opened.pop()
    if tag and tag != last.tag:
        raise _unparsable(f'Unmatched end tag at byte offset {at}, expected "</{last.tag}>", found "</{tag}>"')
    length = units - last.start
    if length == 0:
        return []
    entity: Entity = {"type": _TAG_TYPES[last.tag], "offset": last.start, "length": length}
    if last.tag == "a":
        url = last.argument or cut("".join(out), last.start, length)
        if "." not in url and ":" not in url:
            return []  # Telegram drops a link without a target and keeps its text
        entity["url"] = url
    elif last.tag == "code" and last.argument:
        entity = {**entity, "type": "pre", "language": last.argument}
    elif last.argument == "expandable":
        entity["type"] = "expandable_blockquote"
    return [entity]


def cut(text: str, offset: int, length: int) -> str:
    """Return the part of `text` at `offset` with `length` (both in UTF-16 units)."""
    return text.encode("utf-16-le")[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def found_in(text: str, taken: list[Entity]) -> list[Entity]:
    """Return the commands, URLs and phone numbers in `text` that overlap no entity in `taken`."""
    found: list[Entity] = []
    for match in _FOUND.finditer(text):
        offset, length = utf16(text[: match.start()]), utf16(match[0])
        clash = {"code", "pre", "text_link"}
        if any(
            e["type"] in clash and e["offset"] < offset + length and offset < e["offset"] + e["length"] for e in taken
        ):
            continue
        found.append({"type": str(match.lastgroup), "offset": offset, "length": length})
    return found


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Strip white space at both ends, as Telegram does, and adjust the entities."""
    lead = utf16(text[: len(text) - len(text.lstrip())])
    stripped = text.strip()
    size = utf16(stripped)
    kept: list[Entity] = []
    for entity in entities:
        start = max(0, entity["offset"] - lead)
        end = min(size, entity["offset"] + entity["length"] - lead)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return stripped, kept


def _unparsable(reason: str) -> Exception:
    return bad_request(f"can't parse entities: {reason}")
