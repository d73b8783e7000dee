"""Opens units of work whose notices become messages in the outbox. Runs no transaction itself."""

from dataclasses import fields
from datetime import datetime

from bot.app.ports.clinic import Clinic
from bot.app.work import Stores, Work
from bot.dialog.notices import OutboxNotices

_STORES = tuple(field.name for field in fields(Stores))


def work_on(stores: Stores, clinic: Clinic, at: datetime, *, actor: str) -> Work:
    """Return a unit of work on the stores of one open transaction."""
    opened = {name: getattr(stores, name) for name in _STORES}
    return Work(**opened, clinic=clinic, at=at, actor=actor, notices_of=OutboxNotices)
