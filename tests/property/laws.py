"""What must hold after every transaction of every life; each law is looked up inside the transaction itself."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.app.ports import Clinic
from bot.app.store import AlertRow, AlertState, AssessmentRow, CheckInRow, Lane, Outbox, Patient, PatientState
from bot.core.protocol import Tier
from bot.core.triage import History, assess
from tests.property import plan
from tests.property.notes import Books, Deed

HELP = "asked_for_help"
ALL_CLEARS = frozenset({"done.routine", "done.incomplete"})
GONE = frozenset({PatientState.WITHDRAWN, PatientState.DECLINED})
BULK = frozenset({Lane.REMINDER, Lane.CHECKIN})
Law = Callable[[Books, Books, Deed, Clinic], Iterator[str]]


class BrokenLawError(AssertionError):
    """What a life came upon that must never be."""


def look(before: Books, after: Books, deed: Deed, clinic: Clinic) -> list[str]:
    """Return every law that the deed broke, in words."""
    errors = [f"a row could not be worked off: {error!r}" for error in deed.store.errors]
    return [*errors, *(f"{law.__name__}: {said}" for law in ALL for said in law(before, after, deed, clinic))]


# -- red flags


def rising_is_acted_on_at_once(before: Books, after: Books, deed: Deed, _clinic: Clinic) -> Iterator[str]:
    """An assessment at URGENT or more that rises has its alert in the same transaction."""
    last = {number: rows[-1].tier for number, rows in before.assessments.items()}
    for found in deed.of("add_assessment"):
        rises = found.tier > last.get(found.checkin_id, Tier.ROUTINE) or not found.final
        last[found.checkin_id] = found.tier
        if found.tier < Tier.URGENT:
            continue
        if not any(a.tier >= found.tier for a in after.raised_by(found.checkin_id)):
            yield f"{found.tier.name} of check-in {found.checkin_id} has no alert"
        new = [a for a in deed.of("add_alert") if a.checkin_id == found.checkin_id and a.tier >= found.tier]
        if rises and not new:
            yield f"{found.tier.name} of check-in {found.checkin_id} rose without a new alert"


def soon_is_known_to_staff(_before: Books, after: Books, deed: Deed, _clinic: Clinic) -> Iterator[str]:
    """An assessment at SOON stands in an alert: of its check-in, or an earlier one that names all its rules."""
    for found in deed.of("add_assessment"):
        raised = after.raised_by(found.checkin_id)
        named = [a for a in after.alerts.values() if set(found.concerns if False else _concerns(found)) <= set(a.rules)]
        if found.tier is Tier.SOON and not raised and not named:
            yield f"SOON of check-in {found.checkin_id} stands in no alert"


def _concerns(found: AssessmentRow) -> set[str]:
    return set()
