"""Faults of content, described for its authors: file, line and reason. Contains no checks."""

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault: its location (lines count from 1), and what is wrong and how to fix it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class ContentError(ValueError):
    """The protocol or its texts can't be used. `faults` lists every fault, ordered by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(f) for f in self.faults))
