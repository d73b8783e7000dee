"""Parses the arguments of a Bot API request from query, form, multipart or JSON. Decides nothing."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.errors import bad_request

_TRUE = {"true", "yes", "1"}
MAX_BODY_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Params:
    """The arguments of a request: strings (forms) or JSON values (JSON bodies). `files` are uploads by name.

    `file_names`: what the sender calls the files that were uploaded.
    """

    values: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    file_names: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return the argument as a string; "" if it is missing."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)

    def required(self, name: str) -> str:
        if not (value := self.text(name)):
            raise bad_request(f'Parameter "{name}" is required')
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """Return the argument as an integer; like Telegram, return the default if it can't be parsed."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in _TRUE

    def structure(self, name: str) -> Any:
        """Return the argument as an object or array, also from JSON text in a form; None if it is missing."""
        value = self.values.get(name)
        if not isinstance(value, str) or value == "":
            return None if value == "" else value
        try:
            return json.loads(value)
        except ValueError:
            readable_name = name.replace("_", " ")
            raise bad_request(f"Can't parse {readable_name} JSON object") from None

    def for_journal(self) -> dict[str, Any]:
        """Return the arguments for the journal: JSON text decoded, uploads as their size."""
        decoded = {name: _decoded(value) for name, value in self.values.items()}
        return {**decoded, **{name: f"<file of {len(data)} bytes>" for name, data in self.files.items()}}


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def read_params(query: bytes, content_type: str, body: bytes) -> Params:
    """Parse all arguments of a request; ApiError 400 if the body doesn't match its content type."""
    values: dict[str, Any] = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and body:
        try:
            decoded = json.loads(body)
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(decoded, dict):
            raise bad_request("object expected")
        return Params({**values, **decoded})
    if kind == "multipart/form-data":
        fields, files, file_names = _multipart(content_type, body)
        return Params({**values, **fields}, files, file_names)
    values.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Params(values)


def _multipart(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, bytes], dict[str, str]]:
    boundary = _attribute(content_type, "boundary")
    if not boundary:
        raise bad_request("can't find boundary in the multipart request")
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    file_names: dict[str, str] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        headers = head.decode("utf-8", "replace").split("\r\n")
        disposition = next((line for line in headers if line.lower().startswith("content-disposition")), "")
        name = _attribute(disposition, "name")
        file_name = _attribute(disposition, "filename")
        if file_name or "filename*" in disposition.lower():
            files[name] = data
            file_names[name] = file_name or name
        else:
            fields[name] = data.decode("utf-8", "replace")
    return fields, files, file_names


def _attribute(header: str, name: str) -> str:
    for piece in header.split(";")[1:]:
        key, _, value = piece.strip().partition("=")
        if key.lower() == name:
            return value.strip('"')
    return ""
