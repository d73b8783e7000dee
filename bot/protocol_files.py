"""Keeps the file of every protocol that was used, to repeat assessments with it, and knows which one was used last."""

from datetime import datetime
from pathlib import Path

from bot.app.concerns import protocol_change
from bot.app.records.checkins import StoredProtocol
from bot.app.work import Stores
from bot.content.faults import ContentError
from bot.content.loader import read_protocol
from bot.core.protocol import Protocol

IN_USE = "protocol"
"""The setting with the content hash of the protocol that was used last."""


def keep(stores: Stores, protocol: Protocol, file: Path, at: datetime) -> None:
    """Store a protocol's file unless it is stored already."""
    if stores.protocols.get(protocol.content_hash) is None:
        stores.protocols.keep(
            StoredProtocol(
                content_hash=protocol.content_hash,
                name=protocol.name,
                version=protocol.version,
                content=file.read_bytes(),
                first_used_at=at,
            )
        )


def load(stores: Stores, content_hash: str) -> Protocol | None:
    """Return the stored protocol with that hash, or None if it is not stored or not readable."""
    stored = stores.protocols.get(content_hash)
    try:
        return read_protocol(f"{stored.name} {stored.version}", stored.content) if stored is not None else None
    except ContentError:
        return None


def use(stores: Stores, protocol: Protocol) -> list[str]:
    """Use a protocol from now on; return why it can't replace the last one, having changed nothing."""
    last = stores.settings.get(IN_USE)
    if last == protocol.content_hash:
        return []
    before = load(stores, last) if last is not None else None
    problems = protocol_change.problems_with(stores, before, protocol) if before is not None else []
    if not problems:
        stores.settings.set(IN_USE, protocol.content_hash)
    return problems
