"""Changes of plans by chance, against the schedule: what is due next is what the plan says, after any row of edits."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.app import plan_edits, plans, sweeps
from bot.app.lookup import RefusedError
from bot.app.plan_edits import PlanEdit
from bot.app.store import PatientState
from bot.core.own_plan import Rhythm
from bot.core.schedule import Pause
from tests.app.conftest import packaged
from tests.contract.samples import patient
from tests.fakes.memory_store import MemoryDatabase

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


class PlanMachine(RuleBasedStateMachine):
    """One patient, a coordinator who changes the plan at any time, and the days going by."""

    @initialize(since=st.integers(0, 400))
    def begin(self, since: int) -> None:
        self.clinic = packaged()
        self.database = MemoryDatabase()
        self.at = START
        made = patient(
            "P-0001",
            state=PatientState.ACTIVE,
            chat_id=7,
            timezone="Europe/Berlin",
            ici_start=START.date() - since * DAY,
        )
        row = self.database.run(lambda s: s.add_patient(made))
        self.number = row.id
        self.database.run(lambda s: s.save_patient(plans.rescheduled(row, self.clinic, self.at)))

    @property
    def row(self) -> Any:
        return self.database.run(lambda s: s.patient(self.number))

    def day(self, ahead: int) -> date:
        return self.at.date() + ahead * DAY

    def change(self, edit: PlanEdit) -> None:
        before = self.row
        try:
            self.database.run(lambda s: plan_edits.apply(s, self.clinic, "P-0001", edit, "ann", self.at))
        except RefusedError:
            assert self.row == before, "what is refused changes nothing"

    @rule(every=st.integers(1, 7), first=st.integers(0, 60), length=st.integers(0, 60))
    def rhythm(self, every: int, first: int, length: int) -> None:
        self.change(PlanEdit(rhythms=(Rhythm(every=every, first_day=first, last_day=first + length),)))

    @rule(ahead=st.integers(-2, 20))
    def one_day_more(self, ahead: int) -> None:
        self.change(PlanEdit(add_days=(self.day(ahead),)))

    @rule(ahead=st.integers(-2, 20))
    def one_day_less(self, ahead: int) -> None:
        self.change(PlanEdit(drop_days=(self.day(ahead),)))

    @rule(ahead=st.integers(0, 10), length=st.integers(0, 14))
    def pause(self, ahead: int, length: int) -> None:
        self.change(PlanEdit(pause=Pause(first=self.day(ahead), last=self.day(ahead + length))))

    @rule(days=st.sampled_from([(0, 3), (6,), (0, 1, 2, 3, 4, 5, 6)]))
    def weekdays(self, days: tuple[int, ...]) -> None:
        self.change(PlanEdit(weekdays=days))

    @rule(ahead=st.integers(-5, 5))
    def restart(self, ahead: int) -> None:
        self.change(PlanEdit(ici_restart=self.day(ahead)))

    @rule(days=st.integers(1, 9))
    def days_go_by(self, days: int) -> None:
        """Day by day, as the ticker does: nothing that fell due is passed over."""
        until = self.at + days * DAY
        while self.at < until:
            due = self.row.next_due_at
            self.at = min(until, due) if due is not None and due > self.at else until
            self.database.run(lambda s: sweeps.check_ins_due(s, self.clinic, self.at, 50))

    @invariant()
    def due_is_what_the_plan_says(self) -> None:
        if not hasattr(self, "number"):
            return
        row = self.row
        expected = plans.occurrence_after(row, self.clinic, self.at)
        assert row.next_due_at == (expected.due_at if expected else None)
        if expected is not None:
            assert row.next_due_at > self.at
            assert not any(pause.first <= expected.local_date <= pause.last for pause in row.pauses)

    @invariant()
    def none_is_doubled(self) -> None:
        if not hasattr(self, "number"):
            return
        rows = self.database.run(lambda s: s.checkins(self.number, limit=10_000))
        days = [row.due_at.date() for row in rows]
        assert len(days) == len(set(days)), "one check-in a day"


def test_any_row_of_changes() -> None:
    chosen = settings(
        max_examples=40, stateful_step_count=20, suppress_health_check=list(HealthCheck), derandomize=True
    )
    run_state_machine_as_test(PlanMachine, settings=chosen)
