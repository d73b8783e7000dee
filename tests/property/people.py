"""Random kinds of users from a seed: how they answer, how soon, and what else they tap."""

from dataclasses import dataclass
from random import Random

from bot.app.records.messages import Outbox
from bot.core.screen import Action

BENIGN = frozenset({"no", "none", "not_at_all", "yes_known"})


@dataclass(frozen=True)
class Person:
    """One user. Probabilities are per day, message or tap. `ill` changes from the first day to the last."""

    name: str
    ill: tuple[float, float]
    answers: float = 0.85
    gives_up: float = 0.06
    minutes: float = 40
    """The typical number of minutes before a message is answered."""
    strays: float = 0.12
    """The probability of tapping another message than the newest question, or doing something else."""
    idle: float = 0.12
    """The probability of opening the chat without being asked."""
    worse: float = 0.005
    leaves: float = 0.002
    helps: float = 0.01
    """The probability of tapping "Need help now" when it is shown."""

    def is_ill(self, rng: Random, day: int, days: int) -> bool:
        first, last = self.ill
        return rng.random() < first + (last - first) * day / days


STABLE = Person("stable", ill=(0.01, 0.01))
WORSENING = Person("worsening", ill=(0.02, 0.35), answers=0.9)
ANXIOUS = Person("anxious", ill=(0.12, 0.12), minutes=5, strays=0.25, idle=0.25, worse=0.04, helps=0.06)
SILENT = Person("silent", ill=(0.1, 0.1), answers=0.4, gives_up=0.12, minutes=400, idle=0.03, leaves=0.004)
EVERYONE = (STABLE, WORSENING, ANXIOUS, SILENT)

_WEIGHTS: dict[str, float] = {
    "submit": 2,
    "skip": 0.12,
    "back": 0.12,
    "go_on": 2,
    "finish": 0.7,
    "later": 0.12,
    "change": 0.6,
    "set": 1,
    "learn": 0.5,
    "tip": 0.4,
    "care": 0.4,
    "alert called": 1.5,
    "alert reached": 1.5,
    "alert mistake": 0.5,
    "alert was_mistake": 0.5,
    "alert at_hospital": 0.1,
    "alert card": 0.2,
    "enrol next": 6,
    "enrol agree": 6,
    "enrol own": 3,
    "enrol no": 0.4,
    "enrol back": 0.3,
    "stop keep": 2,
    "stop withdraw": 0.1,
    "stop erase": 0.1,
    "stop delete": 0.5,
    "stop delete_now": 0.5,
    "stop undo": 2,
    "care agree": 4,
    "menu stop": 0.1,
    "menu worse": 0.1,
}


def weight(person: Person, action: Action, *, ill: bool) -> float:
    """Return the weight of this button among the buttons of one message."""
    if action.kind == "help_now":
        return person.helps
    if action.kind in {"choose", "toggle"}:
        word = action.choice.lstrip("+-")
        if action.kind == "toggle":
            return 1.0 if ill or word not in BENIGN else 3.0
        return (0.4 if ill else 10.0) if word in BENIGN else (1.0 if ill else 0.05)
    return _WEIGHTS.get(f"{action.kind} {action.choice}", _WEIGHTS.get(action.kind, 0.8))


def is_question(row: Outbox) -> bool:
    """Return whether the message asks for an answer: people come back to such messages."""
    return row.screen.name.startswith(("ask.", "checkin.", "reminder", "enrol.", "loopback", "call."))
