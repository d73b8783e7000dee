"""The keys: seals and opens encrypted columns, and computes look-up hashes. Never prints, logs or stores a key.

`KEYS` is a comma-separated list of `id:base64-of-32-bytes`. The first key seals and every key opens, so that a key is
rotated by adding a new one in front. Look-up hashes and derived keys (buttons, webhook) must survive rotation: they are
derived from the last, oldest key, which therefore stays last for the lifetime of the database.

A sealed value consists of: length of the key id (1 byte), key id, nonce (12 random bytes), AES-256-GCM ciphertext and
tag. The column's label (never renamed) and the row's random `seal_id` are its associated data, so that a value moved to
another column or row can't be opened. Plaintext is padded to blocks of 64 bytes, so that lengths don't reveal answers.
"""

import binascii
import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
LOOKUP_BYTES = 16
"""128 bits of the hash are kept: the probability of a collision among a million chats is about 10**-27."""
BLOCK = 64
_KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")
_HOW = "create one with `nervecheck keys new` and put it in front of the others in KEYS"


class KeyringError(ValueError):
    """The keys in KEYS are invalid, or the key of a row is missing."""


class SealError(ValueError):
    """A stored value can't be opened: it was changed, moved from another row or column, or sealed with another key."""


def new_key() -> str:
    """Return a new random entry for `KEYS`: "id:base64"."""
    return f"k{os.urandom(4).hex()}:{b64encode(os.urandom(KEY_BYTES)).decode()}"


@dataclass(frozen=True, repr=False)
class Keyring:
    """All keys of one installation, newest first. Created by `Keyring.parse`."""

    _ids: tuple[str, ...]
    _oldest: bytes
    _ciphers: dict[str, AESGCM]
    _lookup: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lookup", self.derive("look-up"))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._ids)})"

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Parse the setting `KEYS`; KeyringError names the invalid entry and what to do, but never its content."""
        entries = [part.strip() for part in text.split(",") if part.strip()]
        if not entries:
            raise KeyringError(f"KEYS is empty: {_HOW}")
        keys = dict(_entry(number, part) for number, part in enumerate(entries, start=1))
        if len(keys) < len(entries):
            raise KeyringError(
                "KEYS names one key id twice: keep one of the two entries, or give the new key its own id"
            )
        ciphers = {key_id: AESGCM(_hkdf(secret, "columns")) for key_id, secret in keys.items()}
        return cls(tuple(keys), list(keys.values())[-1], ciphers)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, starting with the one that seals."""
        return self._ids

    def derive(self, label: str) -> bytes:
        """Return a 32-byte key for one purpose, constant as long as the oldest key is kept."""
        return _hkdf(self._oldest, f"derived {label}")

    def lookup(self, kind: str, value: str | int) -> bytes:
        """Return the keyed hash (16 bytes) by which an encrypted value is looked up; `kind` separates purposes."""
        return hmac.digest(self._lookup, f"{kind}\0{value}".encode(), hashlib.sha256)[:LOOKUP_BYTES]

    def seal(self, plain: bytes, *, label: str, row: bytes) -> bytes:
        """Encrypt with the newest key; the column's label ("patient.chat_id") and the row are associated data."""
        key_id, nonce = self._ids[0], os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[key_id].encrypt(nonce, _pad(plain), _associated_data(label, row))
        return bytes((len(key_id),)) + key_id.encode() + nonce + ciphertext

    def open(self, sealed: bytes, *, label: str, row: bytes) -> bytes:
        """Decrypt; KeyringError if its key isn't in KEYS, SealError if it isn't what this row and label stored."""
        start = 1 + sealed[0] if sealed else 0
        key_id = sealed[1:start].decode("ascii", "replace")
        if not _KEY_ID.match(key_id) or len(sealed) < start + NONCE_BYTES + BLOCK:
            raise SealError(f"{label} holds no sealed value: restore the row from a backup")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeyringError(f"{label} was sealed with key {key_id!r}, which KEYS lacks: put that key back")
        nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return _unpad(cipher.decrypt(nonce, ciphertext, _associated_data(label, row)))
        except (InvalidTag, ValueError):
            raise SealError(
                f"{label} doesn't open with key {key_id!r}: it was changed or moved, or the key with that "
                "id is a different one; restore the row or the key from a backup"
            ) from None


def _entry(number: int, part: str) -> tuple[str, bytes]:
    where = f"entry {number} of KEYS"
    key_id, colon, text = part.partition(":")
    if not colon:
        raise KeyringError(f"{where} is not of the form id:base64: {_HOW}")
    if not _KEY_ID.match(key_id):
        raise KeyringError(f"{where}: a key id has 1 to 32 of A-Z a-z 0-9 _ -; {_HOW}")
    try:
        secret = b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise KeyringError(f"{where} ({key_id}) is not base64: copy the key again, or {_HOW}") from None
    if len(secret) != KEY_BYTES:
        raise KeyringError(f"{where} ({key_id}) has {len(secret)} bytes, it must have {KEY_BYTES}: {_HOW}")
    return key_id, secret


def _hkdf(secret: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose: no key is used for two purposes."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"nervecheck {purpose}".encode()).derive(secret)


def _associated_data(label: str, row: bytes) -> bytes:
    table, _, column = label.partition(".")
    return b"\0".join((table.encode(), column.encode(), row))


def _pad(plain: bytes) -> bytes:
    return plain + b"\x80" + bytes(-(len(plain) + 1) % BLOCK)


def _unpad(padded: bytes) -> bytes:
    return padded[: padded.rindex(b"\x80")]
