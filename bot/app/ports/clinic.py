"""One clinic as every use case sees it. Loads nothing: the wiring builds it from settings and content."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.protocol import Protocol as ClinicalProtocol


@dataclass(frozen=True)
class Clinic:
    """One clinic: its signed protocol, phone numbers (E.164, "+49…"), languages and default time zone.

    `hash_token` returns the keyed hash (hex) of an invite token; `new_token` returns an unguessable token of
    A-Z a-z 0-9 _ -.
    """

    protocol: ClinicalProtocol
    consent_version: str
    consent_hash: str
    team_name: str
    team_number: str
    emergency_number: str
    languages: tuple[str, ...]
    timezone: str
    new_token: Callable[[], str]
    hash_token: Callable[[str], str]
    staff_answers: bool = False
    """Whether messages to the team may contain answers; otherwise they contain code and tier only."""
    crisis_number: str | None = None
    """The number of a crisis line, as the clinic writes it; None: the emergency number is shown."""
    console_url: str | None = None
    """The console's public address (https only: Telegram refuses buttons with any other); None without one."""
