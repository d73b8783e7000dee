"""Staff of a random life: those who act on every alert, those who act now and then, and those who never do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, get_args

from bot.app.alerts import ownership
from bot.app.concerns import agreeing
from bot.app.records.alerts import AlertOutcome
from tests.property.ledger import Ledger
from tests.property.notes import Books, StaffAct
from tests.property.signs import AMOUNTS, ITEMS, TROUBLE

DILIGENCE = (0.0, 0.25, 0.9)
OUTCOMES: dict[str, float] = {
    "spoke_to_patient": 10,
    "sent_to_ed": 2,
    "not_reached": 3,
    "no_action": 2,
    "notified_oncologist": 1,
    "drug_held": 1,
    "seen": 2,
    "false_alarm": 1,
    "out_of_care": 0.1,
}
SCALES = {"numbness": AMOUNTS, **dict.fromkeys(ITEMS, TROUBLE)}
Act = tuple[StaffAct, Callable[[Any], Any]]


@dataclass
class Team:
    """The team of one life; `diligence` is the probability that it acts on an alert when it looks."""

    rng: Random

    def __post_init__(self) -> None:
        self.diligence = self.rng.choice(DILIGENCE)

    def acts(self, books: Books, ledger: Ledger, code: str, at: datetime) -> Iterator[Act]:
        """Yield what they do now, each act in a transaction of its own."""
        rng = self.rng
        if rng.random() >= self.diligence:
            return
        outcomes = {outcome: weight for outcome, weight in OUTCOMES.items() if outcome in get_args(AlertOutcome)}
        for alert in list(books.alerts.values()):
            if alert.closed_at is None and rng.random() < self.diligence:
                outcome = rng.choices(list(outcomes), list(outcomes.values()))[0]
                yield self._outcome(alert.id, outcome)
                yield self._close(alert.id)
            elif alert.closed_at is not None and rng.random() < 0.001:
                yield StaffAct("reopen", alert.id), lambda work, number=alert.id: ownership.reopen(work, number)
        if rng.random() < 0.02:
            yield from self._levels(ledger, code, at)

    def _outcome(self, number: int, outcome: Any) -> Act:
        reason = "plan" if outcome == "no_action" else None
        return StaffAct("outcome", number, outcome), lambda work: ownership.note(work, number, outcome, reason=reason)

    def _close(self, number: int) -> Act:
        return StaffAct("close", number), lambda work: ownership.close(work, number)

    def _levels(self, ledger: Ledger, code: str, at: datetime) -> Iterator[Act]:
        """Agree on the level that the patient has now, or end such an agreement."""
        found = [(s, level.step) for s, level in ledger.last.items() if s in SCALES and level.step]
        if ledger.agreed and self.rng.random() < 0.3:
            symptom = self.rng.choice(sorted(ledger.agreed))
            yield StaffAct("end", symptom=symptom), lambda work: agreeing.end_agreed_level(work, code, symptom)
        elif found:
            symptom, step = self.rng.choice(found)
            days = self.rng.randrange(1, 29)
            act = StaffAct("agree", symptom=symptom, step=step, until=at + timedelta(days=days))
            level = SCALES[symptom][step]
            yield act, lambda work: agreeing.agree_level(work, code, symptom, level, days)
