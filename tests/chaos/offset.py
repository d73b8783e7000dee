"""A clock that a test sets while processes run: real time plus an offset, eight bytes in a file that all map."""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SIZE = 8


class OffsetClock:
    """The machine's clock plus the offset in the file; `jump` changes it for all processes that have it open."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.jumps: list[tuple[float, float]] = []
        """When it was set here, in monotonic seconds, and by how many seconds."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=struct.unpack("d", self._map[:_SIZE])[0])

    def jump(self, by: timedelta) -> None:
        """Set the clock, forward or back."""
        (offset,) = struct.unpack("d", self._map[:_SIZE])
        self._map[:_SIZE] = struct.pack("d", offset + by.total_seconds())
        self.jumps.append((time.monotonic(), by.total_seconds()))
