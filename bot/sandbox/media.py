"""Uploaded photos and documents: checks them and keeps the last ones. Never fetches anything by URL."""

import base64
import hashlib
import mimetypes
import struct
from collections import OrderedDict
from typing import Any

from bot.sandbox.errors import bad_request

MAX_KEPT = 300
MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_DOCUMENT_BYTES = 50 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels of a PNG or JPEG; None if it is neither."""
    if data.startswith(_PNG) and len(data) >= 24:  # noqa: PLR2004
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if not data.startswith(_JPEG):
        return None
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:  # noqa: PLR2004
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        position += 2 + length
    return None


class Photos:
    """Photos by file_id. The same photo always has the same id."""

    def __init__(self) -> None:
        self._data: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, data: bytes) -> list[dict[str, Any]]:
        """Store a photo and return Telegram's array of PhotoSize. ApiError 400 unless PNG or JPEG up to 10 MB."""
        size = picture_size(data)
        if size is None or len(data) > MAX_PHOTO_BYTES:
            raise bad_request("IMAGE_PROCESS_FAILED")
        digest = hashlib.sha256(data).hexdigest()
        file_id = f"AgACSandbox{digest[:40]}"
        self._data[file_id] = data
        if len(self._data) > MAX_KEPT:
            self._data.popitem(last=False)
        return self._sizes(file_id, data)

    def known(self, file_id: str) -> list[dict[str, Any]]:
        """Return the array of PhotoSize of a stored photo; ApiError 400 if there is none."""
        if file_id not in self._data:
            raise bad_request("wrong remote file identifier specified: Wrong string length")
        return self._sizes(file_id, self._data[file_id])

    def get(self, file_id: str) -> tuple[bytes, str] | None:
        """Return (bytes, media type), or None."""
        data = self._data.get(file_id)
        return None if data is None else (data, "image/png" if data.startswith(_PNG) else "image/jpeg")

    def dump(self) -> dict[str, str]:
        return {file_id: base64.b64encode(data).decode() for file_id, data in self._data.items()}

    def load(self, saved: dict[str, str]) -> None:
        self._data = OrderedDict((file_id, base64.b64decode(data)) for file_id, data in saved.items())

    def _sizes(self, file_id: str, data: bytes) -> list[dict[str, Any]]:
        width, height = picture_size(data) or (0, 0)
        unique = f"AQAD{file_id[-12:]}"
        return [
            {"file_id": file_id, "file_unique_id": unique, "width": width, "height": height, "file_size": len(data)}
        ]


class Documents:
    """Documents by file_id, each with its name. The same document under the same name always has the same id."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def keep(self, name: str, data: bytes) -> dict[str, Any]:
        """Store a document and return Telegram's Document. ApiError 400 if it is empty or larger than 50 MB."""
        if not data:
            raise bad_request("file must be non-empty")
        if len(data) > MAX_DOCUMENT_BYTES:
            raise bad_request("file is too big")
        digest = hashlib.sha256(name.encode() + b"/" + data).hexdigest()
        file_id = f"BQACSandbox{digest[:40]}"
        self._files[file_id] = (name, data)
        if len(self._files) > MAX_KEPT:
            self._files.popitem(last=False)
        return self.known(file_id)

    def known(self, file_id: str) -> dict[str, Any]:
        """Return the Document of a stored document; ApiError 400 if there is none."""
        if file_id not in self._files:
            raise bad_request("wrong remote file identifier specified: Wrong string length")
        name, data = self._files[file_id]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        unique = f"AgAD{file_id[-12:]}"
        return {
            "file_name": name,
            "mime_type": kind,
            "file_id": file_id,
            "file_unique_id": unique,
            "file_size": len(data),
        }

    def get(self, file_id: str) -> tuple[str, bytes] | None:
        """Return (name, bytes), or None."""
        return self._files.get(file_id)

    def dump(self) -> dict[str, list[str]]:
        return {file_id: [name, base64.b64encode(data).decode()] for file_id, (name, data) in self._files.items()}

    def load(self, saved: dict[str, list[str]]) -> None:
        self._files = OrderedDict((file_id, (name, base64.b64decode(data))) for file_id, (name, data) in saved.items())
