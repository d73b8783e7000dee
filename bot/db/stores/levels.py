"""The stores of decisions about levels and of close watch, in SQL. They decide nothing."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from bot.app.records.levels import CloseWatch, LevelDecision
from bot.db import tables_levels as t
from bot.db.rows import TEXT, Section, Shape

DECISION = Shape(
    t.level_decision, LevelDecision, sealed={"symptom": TEXT, "level": TEXT, "reason": TEXT, "decided_by": TEXT}
)
WATCH = Shape(t.close_watch, CloseWatch, sealed={"symptom": TEXT, "reason": TEXT})

_DECISIONS = (
    select(t.level_decision)
    .where(t.level_decision.c.patient_id == bindparam("of_patient"))
    .order_by(t.level_decision.c.id)
)
_WATCHES = (
    select(t.close_watch).where(t.close_watch.c.patient_id == bindparam("of_patient")).order_by(t.close_watch.c.id)
)


class SqlLevels(Section):
    """See `bot.app.ports.levels.LevelStore`."""

    def add(self, row: LevelDecision) -> LevelDecision:
        return self._add(DECISION, row)

    def save(self, row: LevelDecision) -> LevelDecision:
        return self._save(DECISION, row)

    def of_patient(self, patient_id: int) -> Sequence[LevelDecision]:
        return self._records(DECISION, _DECISIONS, of_patient=patient_id)


class SqlCloseWatches(Section):
    """See `bot.app.ports.levels.CloseWatchStore`."""

    def add(self, row: CloseWatch) -> CloseWatch:
        return self._add(WATCH, row)

    def save(self, row: CloseWatch) -> CloseWatch:
        return self._save(WATCH, row)

    def of_patient(self, patient_id: int) -> Sequence[CloseWatch]:
        return self._records(WATCH, _WATCHES, of_patient=patient_id)
