"""Protocol files of former versions, which stay readable: clinics have copies, and stored assessments name them."""

from functools import cache
from pathlib import Path

from bot.content.loader import load_protocol
from bot.core.protocol import Protocol

FOLDER = Path(__file__).parent / "protocols"


@cache
def protocol_2() -> Protocol:
    return load_protocol(FOLDER / "default-2.0.yaml")
