"""Times in the team's messages: as text, and as a word of a button, which says when its message was made."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic

_EPOCH, _STEP = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def local_time(clinic: Clinic, since: datetime, timestamp: datetime) -> str:
    """Return the time of day at the clinic, with the date if it is not the day of `since`."""
    zone = ZoneInfo(clinic.timezone)
    local = timestamp.astimezone(zone)
    same_day = local.date() == since.astimezone(zone).date()
    return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"


def shown_word(at: datetime) -> str:
    """Return the time of a message as a word for its buttons."""
    return f"{(at - _EPOCH) // _STEP:x}"


def shown_time(word: str) -> datetime:
    """Return the time that `shown_word` made a word of; the earliest there is if the button has none."""
    try:
        return _EPOCH + int(word, 16) * _STEP
    except (ValueError, OverflowError):
        return _EPOCH
