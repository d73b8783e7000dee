"""One clinic: its protocol, its numbers, its languages. Handed to every use case."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.protocol import Protocol as ClinicalProtocol


@dataclass(frozen=True)
class Clinic:
    """One clinic: its signed protocol, its numbers (E.164, "+49…"), languages and default time zone.

    `hash_token` is a keyed hash (hex) for invite tokens; `new_token` gives an unguessable one of A-Z a-z 0-9 _ -.
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
    """Whether messages to the team may say what was answered; otherwise they hold code and tier only."""
    console_url: str | None = None
    """Where the team opens the console from outside (https); Telegram refuses buttons that lead elsewhere."""
