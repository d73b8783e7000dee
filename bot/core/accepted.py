"""The levels of a symptom that are accepted as usual for a patient: reference and agreed level. Opens no concern.

Only weeks of lower answers lower a reference level; what raises one is decided in `bot/core/memory.py`.
"""

from datetime import datetime

from pydantic import AwareDatetime

from bot.core.concern_values import NONE, Days, Level, counted, lasted
from bot.core.frozen import Frozen
from bot.core.happenings import Answered
from bot.core.protocol import Remembering, Tier


class LowerAnswers(Frozen):
    """Answers below the reference level since the last one at or above it, and the highest of them."""

    seen: Days
    highest: Level


class Accepted(Frozen):
    """The levels of one symptom that are accepted as usual for the patient, and its last answer (None: never asked)."""

    reference: Level = NONE
    confirm_until: AwareDatetime | None = None
    """Staff have to confirm the reference level until then: the patient's word alone doesn't carry so much."""
    agreed: Level | None = None
    agreed_until: AwareDatetime | None = None
    has_lapsed: bool = False
    """The agreement ended and staff have not decided yet: up to its level, answers raise nothing."""
    last: Level | None = None
    lower: LowerAnswers | None = None

    @property
    def raises_nothing(self) -> Level:
        """Return the highest level that opens no concern."""
        return self.reference if self.agreed is None else max(self.reference, self.agreed)

    @property
    def is_usual(self) -> Level:
        """Return the highest level that counts as "at or below the reference"."""
        return self.reference if self.has_lapsed else self.raises_nothing

    @property
    def without_lapsed(self) -> "Accepted":
        """Return this without an ended level whose concern is SETTLED: its return raises again.

        A usual EMERGENCY sign keeps it until staff decide: its line on the safety screen names what is usual.
        """
        if not self.has_lapsed or self.raises_nothing.tier is Tier.EMERGENCY:
            return self
        return self.model_copy(update={"agreed": None, "agreed_until": None, "has_lapsed": False})

    @property
    def ends_at(self) -> datetime | None:
        """Return when an agreement ends, or a reference level that staff have to confirm; None: nothing ends."""
        agreed = self.agreed_until if self.agreed is not None and not self.has_lapsed else None
        return min((end for end in (self.confirm_until, agreed) if end is not None), default=None)


def after_answer(accepted: Accepted, given: Answered, rules: Remembering, at: datetime) -> Accepted:
    """Remember the answer, and lower the reference level after weeks of lower answers."""
    if given.level >= accepted.reference:
        return accepted.model_copy(update={"last": given.level, "lower": None})
    before = accepted.lower
    seen = counted(before.seen if before is not None else None, given.day, at)
    # A clock set back starts the count again: its highest answer must not be forgotten.
    highest = given.level if before is None else max(before.highest, given.level)
    if lasted(seen, rules.lower_days, rules.lower_span):
        return accepted.model_copy(update={"last": given.level, "lower": None, "reference": highest})
    return accepted.model_copy(update={"last": given.level, "lower": LowerAnswers(seen=seen, highest=highest)})
