"""Keeps the file of every protocol that was used, to repeat assessments with it, and knows which one was used last."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bot.app.concerns import protocol_change
from bot.app.concerns.protocol_change import Clash
from bot.app.records.checkins import StoredProtocol
from bot.app.work import Stores
from bot.content.faults import ContentError
from bot.content.loader import read_protocol
from bot.core.protocol import Protocol

IN_USE = "protocol"
"""The setting with the content hash of the protocol that check-ins were asked with last.

The first command of a new database sets it, and then each start, but no other command: one may only look at a file.
"""


def keep(stores: Stores, protocol: Protocol, file: Path, at: datetime) -> None:
    """Store a protocol's file unless it is stored already; it is the one in use if there is none yet."""
    if stores.settings.get(IN_USE) is None:
        use(stores, protocol)
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
    return _read(stored) if stored is not None else None


def clashes(stores: Stores, protocol: Protocol, at: datetime) -> Sequence[Clash]:
    """Return what a protocol would forget that is remembered of patients, if check-ins were asked with it from now on.

    Nothing is stored.
    """
    in_use = stores.settings.get(IN_USE)
    if in_use in {None, protocol.content_hash}:
        return []  # nothing was remembered yet, or with this one
    readable = {row.content_hash: _read(row) for row in stores.protocols.all()}
    known = [each for each in readable.values() if each is not None]
    return protocol_change.clashes(stores, known, readable.get(in_use), protocol, at)


def refused(protocol: Protocol, file: Path | None, found: Sequence[Clash]) -> list[str]:
    """Return why a start with this protocol is refused; name no patient."""
    name = f"protocol {file}" if file is not None else f"the built-in protocol ({protocol.name} {protocol.version})"
    which = f" {file}" if file is not None else ""
    return [
        f"{name}: {protocol_change.described(clash)}, or go on with the protocol that was used last "
        f"(NERVECHECK_PROTOCOL); `nervecheck protocol check{which} --patients` lists the patients"
        for clash in found
    ]


def use(stores: Stores, protocol: Protocol) -> None:
    """Store that check-ins are asked with this protocol from now on."""
    if stores.settings.get(IN_USE) != protocol.content_hash:
        stores.settings.set(IN_USE, protocol.content_hash)


def _read(stored: StoredProtocol) -> Protocol | None:
    try:
        return read_protocol(f"{stored.name} {stored.version}", stored.content)
    except ContentError:
        return None
