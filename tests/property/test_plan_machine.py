"""Random plan edits against a plain model: each check-in of the plan is opened once, and no other.

The model reads the clinic's plan day by day on a local calendar, independently of how the bot calculates times, and
stores each edit itself. The test checks what was opened, when, and with which form.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.app.operations import sweeps
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import PatientState
from bot.app.schedules import plan_edits, plans
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.plan_override import Rhythm
from bot.core.schedule import Pause
from bot.core.treatment import StopReason
from tests.contract.samples import patient
from tests.fakes.databases import MemoryDatabase, sqlite_database
from tests.fakes.work import packaged_clinic, work_on

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""Four weeks before daylight saving time starts in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")
QUIET_FROM, QUIET_TO = time(21), time(8, 15)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
CUTOFF = 12 * HOUR
"""A check-in later than this is not sent but shown to the coordinator."""
SEAMS = (0, 6, 7, 84, 86, 91, 92, 182, 183, 365, 366)
"""Days on which the clinic's phases start or end, and some in between."""
AHEAD = 250
"""Days that the model looks ahead: longer than a tail after the stop."""


FOR_GOOD = 10**6
Part = tuple[int, int, tuple[tuple[str | None, int, int], ...]]
"""First and last day of a part of the plan, and its cadences: form, every so many days, offset."""


def local(at: datetime) -> date:
    return at.astimezone(BERLIN).date()


@dataclass
class Model:
    """The patient's plan as staff would write it on a wall calendar.

    Days count from the start of the newest treatment period, day 0; `earlier` are the periods before it.
    """

    phases: dict[str, Any]
    start: date
    jitter: int
    plan: str = "standard"
    stop: date | None = None
    reason: str | None = None
    earlier: tuple[tuple[date, date | None, str | None], ...] = ()
    send: time = time(10, 30)
    rhythms: tuple[tuple[int, int | None, int], ...] = ()
    weekdays: tuple[int, ...] = ()
    extras: set[date] = field(default_factory=set)
    pauses: list[tuple[date, date]] = field(default_factory=list)

    def timestamp(self, day: date) -> datetime:
        """Return when that day's check-in is due: jitter is reversed where it would lead into quiet hours."""
        for seconds in (self.jitter, -self.jitter):
            clock = datetime.combine(day, self.send) + seconds * SECOND
            if QUIET_TO <= clock.time() < QUIET_FROM:
                return clock.replace(tzinfo=BERLIN).astimezone(UTC)
        raise AssertionError(self.send)

    def asks(self, today: date) -> dict[date, str | None]:
        """Return all days until far ahead of today with a check-in, and its form where it is unambiguous."""
        paused = {first + n * DAY for first, last in self.pauses for n in range((last - first).days + 1)}
        found: dict[date, str | None] = {}
        for planned, form in self.planned(today):
            day = planned
            if day in paused:
                continue
            if self.weekdays:
                # A check-in on an unwanted day moves to the next wanted day.
                day = next(day + n * DAY for n in range(7) if (day + n * DAY).weekday() in self.weekdays)
            found[day] = None if self.weekdays else form
        return {day: found.get(day, "quick") for day in {*found, *self.extras} - paused}

    def planned(self, today: date) -> Iterator[tuple[date, str | None]]:
        """Yield the days of the plan alone, until far ahead of today."""
        periods = [*self.earlier, (self.start, self.stop, self.reason)]
        for number, (start, stop, reason) in enumerate(periods):
            last = today + AHEAD * DAY
            if stop is not None:
                last = min(last, stop + 183 * DAY)
            if number + 1 < len(periods):
                last = min(last, periods[number + 1][0] - DAY)
            yield from self.period(start, stop, reason, last)

    def period(
        self, start: date, stop: date | None, reason: str | None, last: date
    ) -> Iterator[tuple[date, str | None]]:
        """Yield one treatment period's days: of the parts that include a day, the one that asks most often applies."""
        parts = [*self.by_start((last - start).days + 400), *self.by_stop(start, stop, reason)]
        for day in range((last - start).days + 1):
            here = [part for part in parts if part[0] <= day <= part[1]]
            first, _, cadences = max(here, key=lambda part: (_asked_a_year(part[2]), part[1]))
            forms = [form for form, every, offset in cadences if (day - first) % every == offset]
            if forms:
                yield start + day * DAY, forms[0]

    def by_start(self, until: int) -> Iterator[Part]:
        """Yield the parts by days since the start; each counts from its own first day."""
        template = self.phases[self.plan]
        tail = [(c.form, c.every, c.offset) for c in template.tail.cadences]
        for (phase, rhythm), days in groupby(self.keyed(until), key=lambda each: each[0]):
            numbers = [day for _, day in days]
            cadences = tail if phase == len(template.phases) else _cadences(template.phases[phase])
            if rhythm is not None:
                cadences = [(None, self.rhythms[rhythm][2], 0)]
            elif self.rhythms:
                # The rest of an interval has a check-in, too.
                form, every, _ = cadences[0]
                cadences = [each for each in cadences if each[2] < len(numbers)] or [(form, every, 0)]
            yield numbers[0], numbers[-1] if numbers[-1] < until else FOR_GOOD, tuple(cadences)

    def by_stop(self, start: date, stop: date | None, reason: str | None) -> Iterator[Part]:
        """Yield the parts by days since the stop."""
        if stop is None:
            return
        stopped = (stop - start).days
        if stopped <= 182 or reason in {"side_effect", "unknown"}:
            yield stopped, stopped + 28, (("full", 7, 0), ("quick", 7, 2), ("quick", 7, 5))
        yield stopped, stopped + 91, (("full", 14, 0), ("quick", 7, 0))
        yield stopped + 92, FOR_GOOD, (("full", 28, 0),)

    def keyed(self, until: int) -> Iterator[tuple[tuple[int, int | None], int]]:
        """Yield each day with its phase (the tail follows the phases) and whose rhythm applies."""
        phases = self.phases[self.plan].phases
        for day in range(until + 1):
            phase = next((n for n, p in enumerate(phases) if p.first_day <= day <= p.last_day), len(phases))
            holds = [n for n, (a, b, _) in enumerate(self.rhythms) if a <= day and (b is None or day <= b)]
            yield (phase, holds[-1] if holds else None), day


def _cadences(phase: Any) -> list[tuple[str, int, int]]:
    return [(c.form, c.every, c.offset) for c in phase.cadences]


@cache
def _asked_a_year(cadences: tuple[tuple[str | None, int, int], ...]) -> int:
    return sum(any(day % every == offset for _, every, offset in cadences) for day in range(364))


class PlanMachine(RuleBasedStateMachine):
    """One patient, a coordinator who edits the plan at any time, and the days that pass."""

    @initialize(since=st.integers(0, 400), jitter=st.integers(-600, 600))
    def begin(self, since: int, jitter: int) -> None:
        # Nobody answers here; what silence changes has tests of its own.
        protocol = packaged_clinic().protocol.model_copy(update={"silence": ()})
        self.clinic = replace(packaged_clinic(), protocol=protocol)
        self.database = self.made()
        self.at = START
        self.model = Model(self.clinic.protocol.plans, local(START) - since * DAY, jitter)
        self.opened: dict[datetime, tuple[datetime, str | None]] = {}
        self.skipped: set[datetime] = set()
        values = {"quiet_from": QUIET_FROM, "quiet_to": QUIET_TO, "send_time": self.model.send, "jitter": jitter}
        made = patient(
            "P-0001",
            state=PatientState.ACTIVE,
            chat_id=7,
            timezone="Europe/Berlin",
            ici_start=self.model.start,
            **values,
        )
        row = self.database.run(lambda s: s.patients.add(made))
        self.number = row.id
        self.database.run(lambda s: s.patients.save(plans.rescheduled(row, self.clinic, self.at)))

    def made(self) -> Any:
        return MemoryDatabase()

    def teardown(self) -> None:
        """Check that the weeks after any edit follow the plan."""
        if hasattr(self, "number"):
            self.days_go_by(40, 0)

    @property
    def row(self) -> Any:
        return self.database.run(lambda s: s.patients.get(self.number))

    def day(self, ahead: int) -> date:
        return local(self.at) + ahead * DAY

    # -- actions of the coordinator

    def change(self, edit: PlanEdit, **changes: Any) -> None:
        """Make an edit that the model adopts; without changes, the edit must be refused."""
        if all(getattr(self.model, name) == value for name, value in changes.items()):
            changes = {}
        before = self.row
        try:
            self.database.run(lambda s: plan_edits.apply(work_on(s, self.clinic, self.at, actor="ann"), "P-0001", edit))
        except RefusedError:
            assert not changes, "a valid edit was refused"
            assert self.row == before, "a refused edit changes nothing"
        else:
            assert changes, "an edit that is invalid or changes nothing was accepted"
        for name, value in changes.items():
            setattr(self.model, name, value)

    @rule(
        every=st.integers(1, 7),
        first=st.integers(0, 420) | st.sampled_from(SEAMS),
        length=st.none() | st.integers(0, 60) | st.sampled_from(SEAMS),
        within=st.none() | st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(1, 5)),
    )
    def rhythm(self, every: int, first: int, length: int | None, within: tuple[int, int, int] | None) -> None:
        """Set a rhythm, and perhaps another one for a part of it."""
        last = None if length is None else first + length
        found = [(first, last, every)]
        if within is not None:
            begin, end = first + within[0], first + within[0] + within[1]
            if last is None or end <= last:
                found.append((begin, end, within[2]))
        rhythms = tuple(Rhythm(first_day=a, last_day=b, every=n) for a, b, n in found)
        self.change(PlanEdit(rhythms=rhythms), rhythms=tuple(found))

    @rule()
    def no_rhythm(self) -> None:
        self.change(PlanEdit(rhythms=()), rhythms=())

    @rule(ahead=st.integers(-2, 20))
    def one_day_more(self, ahead: int) -> None:
        new = {day for day in self.model.extras if day >= self.day(0)} | {self.day(ahead)}
        self.change(PlanEdit(add_days=(self.day(ahead),)), **({"extras": new} if ahead >= 0 else {}))

    @rule(ahead=st.integers(-2, 20), data=st.data())
    def one_day_less(self, ahead: int, data: st.DataObject) -> None:
        day = data.draw(st.sampled_from([self.day(ahead), *sorted(self.model.extras)]))
        new = {other for other in self.model.extras if other >= self.day(0)} - {day}
        self.change(PlanEdit(drop_days=(day,)), **({"extras": new} if day in self.model.extras else {}))

    @rule(ahead=st.integers(-1, 20), length=st.sampled_from([0, 1, 2, 5, 14]))
    def pause(self, ahead: int, length: int) -> None:
        """Pause: the latest pause holds; an earlier one keeps only the part before it."""
        first, last = self.day(ahead), self.day(ahead + length)
        before = [(a, min(b, first - DAY)) for a, b in self.model.pauses if a < first]
        apart = [(a, b) for a, b in self.model.pauses if a > last]
        new = {"pauses": [*before, (first, last), *apart]} if ahead >= 0 else {}
        self.change(PlanEdit(pause=Pause(first=first, last=last)), **new)

    @rule(days=st.sampled_from([(0, 3), (6,), (0, 1, 2, 3, 4, 5, 6), ()]))
    def weekdays(self, days: tuple[int, ...]) -> None:
        self.change(PlanEdit(weekdays=days), weekdays=days)

    @rule(ahead=st.integers(-5, 5))
    def restart(self, ahead: int) -> None:
        day = self.day(ahead)
        now = self.model
        new = {"start": day, "stop": None, "reason": None, "earlier": (*now.earlier, (now.start, now.stop, now.reason))}
        is_good = day >= now.stop if now.stop is not None else day > now.start
        self.change(PlanEdit(ici_restart=day), **(new if is_good else {}))

    @rule(ahead=st.integers(-5, 5) | st.integers(-183, -150), reason=st.none() | st.sampled_from(StopReason))
    def stop(self, ahead: int, reason: StopReason | None = None) -> None:
        day = self.day(ahead)
        new = {"stop": day, "reason": reason or self.model.reason or "unknown"} if day >= self.model.start else {}
        self.change(PlanEdit(ici_stop=day, stop_reason=reason), **new)

    @rule()
    def stop_by_mistake(self) -> None:
        self.change(PlanEdit(no_ici_stop=True), stop=None, reason=None)

    @rule()
    def restart_by_mistake(self) -> None:
        *others, newest = self.model.earlier or [None]
        new = {} if newest is None else dict(zip(("start", "stop", "reason"), newest, strict=True))
        self.change(PlanEdit(no_ici_restart=True), **(new | {"earlier": tuple(others)} if new else {}))

    @rule(hour=st.integers(6, 22), minute=st.sampled_from([0, 15, 59]))
    def send_time(self, hour: int, minute: int) -> None:
        clock = time(hour, minute)
        new = {"send": clock} if QUIET_TO <= clock < QUIET_FROM else {}
        self.change(PlanEdit(send_time=clock), **new)

    @rule(plan=st.sampled_from(["standard", "combination", "none of these"]))
    def other_plan(self, plan: str) -> None:
        self.change(PlanEdit(plan=plan), **({"plan": plan} if plan in self.model.phases else {}))

    # -- time

    @rule(minutes=st.sampled_from([-1, 0, 1, 60]))
    def the_next_is_due(self, minutes: int) -> None:
        """Advance to just before the next due time, to it, or to just after it."""
        found = next(self.due(self.at + 20 * DAY), None)
        if found is not None:
            self.pass_until(max(self.at, found[0] + minutes * MINUTE))

    @rule(hour=st.sampled_from([9, 13, 20]))
    def asked_and_then_another_time(self, hour: int) -> None:
        """A day with a check-in is complete, even if the new time of day is still ahead."""
        self.the_next_is_due(1)
        self.send_time(hour, 0)

    @rule(days=st.integers(1, 30), hours=st.integers(0, 23))
    def days_go_by(self, days: int, hours: int) -> None:
        """Run the ticker every few hours, just before each check-in is due, and when it is due."""
        self.pass_until(self.at + days * DAY + hours * HOUR)

    def pass_until(self, until: datetime) -> None:
        due = dict(self.due(until))
        looks = {timestamp - back for timestamp in due for back in (SECOND, 0 * SECOND)}
        looks |= {self.at + n * 7 * HOUR for n in range(1, (until - self.at) // (7 * HOUR) + 1)} | {until}
        for self.at in sorted(look for look in looks if look >= self.at):
            if self.at in due:
                self.opened[self.at] = (self.at, due[self.at])
            self.tick()
        self.look()

    @rule(hours=st.sampled_from([1, 12, 13, 30, 99]))
    def outage(self, hours: int) -> None:
        """Stop the ticker just before a check-in: one that becomes too late is shown to the coordinator instead."""
        self.the_next_is_due(-1)
        due = dict(self.due(self.at + hours * HOUR))
        self.at += hours * HOUR
        for timestamp, form in due.items():
            if self.at - timestamp > CUTOFF:
                self.skipped.add(timestamp)
            else:
                self.opened[timestamp] = (self.at, form)
        self.tick()
        self.look()

    def due(self, until: datetime) -> Iterator[tuple[datetime, str | None]]:
        """Yield what falls due by then. A day with a check-in is complete, whatever changed since."""
        asked = {local(timestamp) for timestamp in self.opened}
        for day, form in sorted(self.model.asks(local(self.at)).items()):
            if local(self.at) <= day not in asked and self.at < self.model.timestamp(day) <= until:
                yield self.model.timestamp(day), form

    def tick(self) -> None:
        for _ in range(9):
            swept = self.database.run(lambda s: sweeps.check_ins_due(work_on(s, self.clinic, self.at), 50))
            assert swept.errors == ()
            if not swept.done:
                return
        raise AssertionError("it stays due")

    def look(self) -> None:
        """Check that what was opened, when and with which form, and what came too late, matches the model."""
        rows = self.database.run(lambda s: s.checkins.of_patient(self.number, limit=10_000))
        found = {row.due_at: row for row in rows}
        assert sorted(row.due_at for row in rows) == sorted(self.opened), "each once, and no other"
        for timestamp, (opened_at, form) in self.opened.items():
            assert found[timestamp].kind == "scheduled"
            assert found[timestamp].opened_at == opened_at
            assert form in (None, found[timestamp].value.form)
        items = self.database.run(lambda s: s.tasks.open(limit=10_000))
        shown = [item.subject for item in items if item.kind == "skipped_after_outage"]
        assert sorted(shown) == sorted(f"P-0001@{timestamp:%Y-%m-%dT%H:%MZ}" for timestamp in self.skipped)

    @invariant()
    def due_is_what_the_plan_says(self) -> None:
        if hasattr(self, "number"):
            following = next(self.due(self.at + AHEAD * DAY), None)
            assert self.row.next_due_at == (following[0] if following is not None else None)


class OnSqlite(PlanMachine):
    """The same on a real database."""

    def made(self) -> Any:
        self.folder = tempfile.TemporaryDirectory()
        return sqlite_database(Path(self.folder.name) / "test.db")

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.database.shut()
            self.folder.cleanup()


def run(machine: type[PlanMachine], examples: int) -> None:
    checks = list(HealthCheck)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=20,
        suppress_health_check=checks,
        derandomize=True,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.parametrize("machine", [PlanMachine, OnSqlite])
def test_plan_with_a_rare_sequence_of_edits(machine: type[PlanMachine]) -> None:
    """One life with each kind of edit: pauses that touch or not, outages during a follow-up, two times in one day."""
    one = machine()
    one.begin(since=70, jitter=-300)
    one.rhythm(every=1, first=0, length=None, within=(75, 5, 3))
    for hours in (1, 12, 13, 30, 99):
        one.outage(hours)
        one.due_is_what_the_plan_says()
    for ahead, length in ((12, 3), (4, 5), (2, 1), (3, 9)):
        one.pause(ahead, length)
        one.due_is_what_the_plan_says()
    one.days_go_by(days=25, hours=5)
    for hour in (13, 20, 9):
        one.asked_and_then_another_time(hour)
        one.due_is_what_the_plan_says()
    one.other_plan("combination")
    one.rhythm(every=3, first=0, length=90, within=None)
    one.weekdays((0, 3))
    one.days_go_by(days=30, hours=0)
    one.stop(-3)
    one.stop(-2, StopReason.SIDE_EFFECT)
    one.days_go_by(days=5, hours=0)
    one.weekdays(())
    one.restart(1)
    one.restart_by_mistake()
    one.restart(2)
    one.days_go_by(days=100, hours=0)
    one.stop(0)
    one.days_go_by(days=230, hours=0)
    assert one.row.next_due_at is None
    assert len(one.skipped) > 3
    assert len(one.opened) > 50
    one.teardown()


def test_plan_with_a_few_sequences_of_edits() -> None:
    run(PlanMachine, 12)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_plan_with_any_sequence_of_edits() -> None:
    run(PlanMachine, 120)


def test_plan_with_any_sequence_of_edits_on_sqlite() -> None:
    run(OnSqlite, 8)
