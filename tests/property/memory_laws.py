"""The laws of what is remembered between check-ins, by the ledger: by what was tapped, sent and committed alone."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.app.records.messages import Outbox
from tests.property.hearing import TAKING_PART
from tests.property.ledger import Ledger, Mark, is_named_by
from tests.property.notes import Books, Deed
from tests.property.signs import NONE, SCREENS, SIGNS, UNNAMED, WORSE, Level, Tier, found_in, is_whole_baseline

FRESH = timedelta(hours=6)
"""How long "none" on a safety screen counts."""
CONFIRMED_WITHIN = timedelta(days=7)
NAMING = frozenset({"done.open", "done.after_call", "done.see_next"})
"""End screens that name what is open, or follow or precede a call screen."""
CALL_SCREENS = {
    Tier.URGENT: ("call.urgent", "call.help", "call.emergency"),
    Tier.EMERGENCY: ("call.emergency",),
}
CLEAR = "Nothing here needs a call today"
Read = Callable[[Outbox], str]


class Lower:
    """The answers about a symptom since the last one at or above its reference level."""

    def __init__(self) -> None:
        self.given: list[tuple[datetime, Level]] = []

    def allows(self, level: Level, at: datetime) -> bool:
        """Return whether only lower answers were given for four weeks, on six days or more, and this is the highest."""
        days = {given_at.date() for given_at, _ in self.given}
        is_long = bool(self.given) and at - self.given[0][0] >= timedelta(days=28) and len(days) >= 6
        return is_long and level == max(given for _, given in self.given)


def all_clears(ledger: Ledger, deed: Deed, read: Read) -> Iterator[str]:
    """Yield every all-clear while something is open, or on answers to the safety screens that are not fresh."""
    for row in deed.queued:
        if not row.screen.name.startswith("done."):
            continue
        is_clear = CLEAR in read(row)
        if is_clear or row.screen.name not in NAMING:
            for symptom, mark in ledger.open().items():
                yield f"{row.screen.name} while {symptom} is open since {mark.opened_at:%Y-%m-%d %H:%M} ({mark.why})"
        if is_clear:
            yield from _stale(ledger, int(row.slot.partition(":")[2]), deed.at)


def _stale(ledger: Ledger, checkin: int, at: datetime) -> Iterator[str]:
    for screen in SCREENS:
        choices, given_at = ledger.screens.get((checkin, screen), ((), None))
        if choices != ("none",) or given_at is None:
            yield f"an all-clear after {screen} was answered {choices or 'not at all'}"
        elif at - given_at > FRESH:
            yield f"an all-clear on {screen} of {given_at:%Y-%m-%d %H:%M}"


def opened(before: Mapping[str, Mark], ledger: Ledger, deed: Deed) -> dict[str, Mark]:
    """Return what an answer opened, or raised to a higher level, in this transaction."""
    new = {}
    unnamed = [tier for screen, tier in SCREENS.items() if f"{UNNAMED}:{screen}" in before]
    for symptom, mark in ledger.open().items():
        if symptom in SIGNS and mark.highest.tier in unnamed and mark.highest.step < WORSE:
            continue  # it only has a name now
        was = before.get(symptom)
        is_draft = mark.draft_of is not None
        is_firm = was is not None and was.is_open and was.draft_of is None
        if mark.by_answer and not is_draft and not (is_firm and was is not None and mark.highest <= was.highest):
            new[symptom] = mark
    return new if deed.staff is None else {}


def called_about(new: Mapping[str, Mark], after: Books, deed: Deed) -> Iterator[str]:
    """Yield what opened or rose and is in no alert of the team, or was not called about on a screen of its tier."""
    for symptom, mark in new.items():
        tier = mark.highest.tier
        alerts = [a for a in after.alerts.values() if a.closed_at is None and a.tier >= tier]
        of_form = [a for a in alerts if a.checkin_id == mark.form and mark.form is not None]
        if not any(is_named_by(symptom, set(alert.symptoms)) for alert in alerts):
            yield f"{symptom} is open ({mark.why}) and in no alert of its tier"
        # One that was shown in this form, and not answered since, counts for what the form finds next.
        waits = any(alert.last_reply != "reached" for alert in of_form)
        sent = {row.screen.name for row in deed.queued}
        is_shown = waits or any(name in sent for name in CALL_SCREENS.get(tier, ()))
        has_chat = after.patient is not None and after.patient.chat_id is not None
        if tier >= Tier.URGENT and has_chat and not is_shown:
            yield f"{symptom} is open ({mark.why}) and no call screen was shown"


def taken_from_its_owner(new: Mapping[str, Mark], before: Books, after: Books) -> Iterator[str]:
    """Yield what opened as an EMERGENCY, or above the tier of the open alert, and was left with who had that alert."""
    owned = [a for a in before.alerts.values() if a.closed_at is None and a.owner is not None]
    for alert in owned:
        now = after.alerts[alert.id]
        for symptom, mark in new.items():
            is_above = mark.highest.tier is Tier.EMERGENCY or mark.highest.tier > alert.tier
            if is_above and now.closed_at is None and now.owner is not None:
                yield f"{symptom} is open ({mark.why}), and {now.owner} keeps alert {alert.id}"


def followed_up(new: Mapping[str, Mark], after: Books) -> Iterator[str]:
    """Yield what opened or rose and is not asked about daily."""
    patient = after.patient
    if patient is not None and patient.state in TAKING_PART and patient.follow_up is None:
        yield from (f"{symptom} is open ({mark.why}) and not followed up" for symptom, mark in new.items())


class References:
    """Which changes of a reference level the page on concerns lists; what product and tests share is only its value."""

    def __init__(self) -> None:
        self._lower: dict[str, Lower] = {}
        self._known_at: dict[str, datetime] = {}
        self._finished = False

    def changed(self, before: Books, after: Books, deed: Deed) -> Iterator[str]:
        """Yield every change of a reference level that nothing in this transaction explains."""
        was, now = references(before.memory), references(after.memory)
        said = self._said(deed)
        for symptom, found in said.items():
            lower = self._lower.setdefault(symptom, Lower())
            if found.level >= was.get(symptom, NONE):
                lower.given.clear()
            else:
                lower.given.append((deed.at, found.level))
        for symptom in was.keys() | now.keys():
            old, new = was.get(symptom, NONE), now.get(symptom, NONE)
            if old != new and not self._is_listed(symptom, old, new, said.get(symptom), deed):
                yield f"the reference level of {symptom} went from {tuple(old)} to {tuple(new)} by {deed.name}"
        for row in deed.of("save_checkin"):
            value = row.value
            self._finished |= is_whole_baseline(value.form, value.state.value, dict(value.answers))

    def _said(self, deed: Deed) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in deed.of("save_checkin"):
            found |= found_in(dict(row.value.answers), row.value.form)
        return found

    def _is_listed(self, symptom: str, old: Level, new: Level, said: Any, deed: Deed) -> bool:
        if deed.staff is not None:
            return True
        if said is not None and said.was_known and not self._finished and new == said.level:
            self._known_at[symptom] = deed.at
            return True  # the patient's word at the first baseline
        if new < old and self._lower.get(symptom, Lower()).allows(new, deed.at):
            return True
        known_at = self._known_at.get(symptom)
        if new != NONE or known_at is None:
            return False
        is_denied = said is not None and not said.was_known
        return is_denied or deed.at - known_at >= CONFIRMED_WITHIN


def references(memory: Any) -> dict[str, Level]:
    """Return the reference levels that the product has stored."""
    accepted = memory.value.accepted if memory is not None else {}
    return {symptom: Level(*map(int, each.reference)) for symptom, each in accepted.items()}
