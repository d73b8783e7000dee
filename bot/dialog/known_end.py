"""Builds what the end screen of a check-in says of what a human knows about already. Decides nothing."""

from collections.abc import Mapping

from bot.app.ports.clinic import Clinic
from bot.app.ports.notices import CheckInEnd
from bot.core.protocol import Tier
from bot.core.screen import Text
from bot.dialog.widgets import numbers

_SUFFIX: Mapping[str, Mapping[Tier, str]] = {
    "back": {Tier.URGENT: ".urgent", Tier.EMERGENCY: ".emergency"},
    "away": {Tier.URGENT: ".urgent", Tier.EMERGENCY: ".emergency"},
    "staff": {Tier.EMERGENCY: ".emergency"},
    "told": {Tier.EMERGENCY: ".emergency"},
}
"""The words that differ by what they are about: at SOON, whom to call if it gets worse; at EMERGENCY, 112 first."""


def known_line(clinic: Clinic, end: CheckInEnd) -> Text:
    """Return what is said of what a human knows about: whether it is there today, came back, and whom to call if worse.

    Who knows is only said of what is there today. What is not there counts for whom to call: it may come back.
    """
    there = [concern for concern in end.known if concern.is_there]
    said = "away"
    if there:
        said = "staff" if all(concern.by_staff for concern in there) else "told"
        said = "back" if any(concern.came_back for concern in there) else said
    tiers = [concern.tier for concern in end.known]
    about = [concern.tier for concern in there if concern.came_back] if said == "back" else tiers
    # Whatever else is said: what is an EMERGENCY if it comes back or gets worse needs 112.
    tier = Tier.EMERGENCY if Tier.EMERGENCY in tiers else max(about)
    return Text(key=f"done.known.{said}{_SUFFIX[said].get(tier, '')}", values=numbers(clinic))
