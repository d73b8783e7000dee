"""Parses the HTML of a rich message (Bot API 10.1) into its blocks: paragraphs with marks and links. Sends nothing.

The product sends nothing else as a rich message, so every other block is refused: a parser that ignores what it doesn't
know would hide mistakes.
"""

from html.parser import HTMLParser
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.params import Params

RichText = str | dict[str, Any] | list[Any]

MAX_TEXT = 32768
_MARKS = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "s": "strikethrough"}


def rich_content(params: Params) -> dict[str, Any]:
    """Return `{rich_message}` of sendRichMessage; ApiError 400 for anything but paragraphs in HTML."""
    given = params.structure("rich_message")
    if not isinstance(given, dict):
        raise bad_request("Object expected as rich message")
    source = given.get("html")
    if not isinstance(source, str) or given.get("markdown"):
        raise bad_request("rich message must have exactly one of html and markdown, and the sandbox reads html")
    parser = _Paragraphs()
    parser.feed(source)
    parser.close()
    blocks = parser.finished()
    if not blocks:
        raise bad_request("rich message must be non-empty")
    if parser.length > MAX_TEXT:
        raise bad_request("rich message is too long")
    return {"rich_message": {"blocks": blocks, **({"is_rtl": True} if given.get("is_rtl") else {})}}


class _Paragraphs(HTMLParser):
    """Collects the paragraphs. Each level of `_open` holds what is inside of a tag that is not closed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self._blocks: list[dict[str, Any]] = []
        self._open: list[tuple[str, str, list[RichText]]] = [("p", "", [])]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "p":
            self._end_paragraph()
        elif tag in _MARKS or tag == "a":
            self._open.append((tag, dict(attributes).get("href") or "", []))
        else:
            raise bad_request(f'can\'t parse rich message: unsupported tag "{tag}"')

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._end_paragraph()
            return
        opened, target, parts = self._open.pop()
        if tag != opened or not self._open:
            raise bad_request(f'can\'t parse rich message: unexpected end tag "{tag}"')
        self._add({**_kind(tag, target), "text": _joined(parts)})

    def handle_data(self, data: str) -> None:
        self.length += len(data)
        self._add(data)

    def finished(self) -> list[dict[str, Any]]:
        self._end_paragraph()
        return self._blocks

    def _add(self, part: RichText) -> None:
        self._open[-1][2].append(part)

    def _end_paragraph(self) -> None:
        if len(self._open) > 1:
            raise bad_request(f'can\'t parse rich message: tag "{self._open[-1][0]}" is not closed')
        parts = self._open[0][2]
        if any(not isinstance(part, str) or part.strip() for part in parts):
            self._blocks.append({"type": "paragraph", "text": _joined(parts)})
        self._open = [("p", "", [])]


def _kind(tag: str, target: str) -> dict[str, str]:
    if tag != "a":
        return {"type": _MARKS[tag]}
    scheme, _, rest = target.partition(":")
    if scheme == "tel" and rest:
        return {"type": "phone_number", "phone_number": rest}
    if scheme in {"http", "https"}:
        return {"type": "url", "url": target}
    raise bad_request("can't parse rich message: unsupported link")


def _joined(parts: list[RichText]) -> RichText:
    return parts[0] if len(parts) == 1 else parts
