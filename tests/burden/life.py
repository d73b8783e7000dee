"""One counted life: a patient who answers everything by the truth, and staff who act within a day, or never."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from bot.app.operations import sweeps
from bot.app.patients import registry
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane, Outbox
from bot.app.team import members
from bot.app.work import Stores
from bot.core.screen import Action
from bot.dialog import conversation
from tests.burden import team
from tests.burden.answers import Answerer, enrol
from tests.burden.courses import DAYS, Course
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import work_on
from tests.property import plan
from tests.property.hearing import hear
from tests.property.ledger import Ledger
from tests.property.memory_laws import all_clears
from tests.property.notes import Books, Deed, Noting, StaffAct
from tests.property.phone import Phone, actions
from tests.property.signs import ALARMING, SCREENS, SIGNS, UNNAMED

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CHAT = 1000
NOT_CALL_SCREENS = ("call.reply.",)
SWEEPS = (
    *(sweeps.alert_clocks, sweeps.team_clocks, sweeps.check_ins_due, sweeps.checkin_clocks),
    *(sweeps.levels_ended, sweeps.hospital_clocks, sweeps.goodbyes),
)
"""What a life needs; the team's digest and the heartbeat concern no patient."""
Read = Callable[[Outbox], str]
T = TypeVar("T")


@dataclass
class Counts:
    """What is counted in one life."""

    alerts: int = 0
    """Raised, and given back to the team: by rising, by joining an open one, by opening a closed one again."""
    call_screens: int = 0
    checkins: int = 0
    taps: int = 0
    levels: int = 0
    """Levels reached, and each "yes" on a safety screen: as many call screens may be shown."""
    false_all_clears: list[str] = field(default_factory=list)
    steps: int = 0
    detected: int = 0


class Life:
    def __init__(self, course: Course, seed: int, clinic: Clinic, read: Read, *, staff_act: bool) -> None:
        self.rng = Random(f"{course.name} {seed}")
        tokens = iter(range(1, 1000))
        self.clinic = replace(clinic, new_token=lambda: f"token-{next(tokens)}")
        self.course, self.staff_act = course, staff_act
        self.counts = Counts(steps=len(course.worsens_on))
        self.at = START + timedelta(minutes=self.rng.randrange(8 * 60))
        self.first_day = self.at.date()
        self.end = self.at + timedelta(days=DAYS)
        self.ledger = Ledger()
        self._answerer = Answerer(course, read)
        self._read = read
        self._database = MemoryDatabase()
        self._books = Books()
        self._phone = Phone(CHAT)
        self._planned: list[tuple[datetime, int, Callable[[], None]]] = []
        self._number = 0
        self._visited: set[int] = set()
        self._are_waiting = False
        self._called: list[datetime] = []
        self._undetected = list(course.worsens_on)
        self._answers_prompts = self.rng.random() < 0.5
        self._spoken_at: datetime | None = None

    def live(self) -> Counts:
        try:
            self._begin()
            while self._planned and self.at < self.end:
                self._pass_until(min(self._planned[0][0], self.end))
                if self._planned and self._planned[0][0] <= self.at:
                    heapq.heappop(self._planned)[2]()
                elif not self._planned:
                    self._pass_until(self.end)
        finally:
            self._database.shut()
        return self.counts

    def _begin(self) -> None:
        def added(stores: Stores) -> str:
            work = work_on(stores, self.clinic, self.at)
            members.add(work, name=team.MEMBER, role="lead", language=None)
            return registry.add(work, code=team.CODE, ici_start=self.first_day, timezone="Europe/Berlin")[1]

        token = self._do("add", added)
        self._do("start", lambda s: conversation.start(work_on(s, self.clinic, self.at), CHAT, token, "en"))
        while (row := self._phone.last) is not None and (action := enrol(row)) is not None:
            self._tap(row, action)
        self.counts.taps = 0
        self._answer()
        if self.staff_act and self.course.is_agreed:
            self._in(timedelta(hours=self.rng.uniform(1, 24)), self._agree)
        # The loop ends when nothing is planned: something is, up to the last day.
        self._in(timedelta(days=DAYS), lambda: None)

    # -- time

    def _in(self, wait: timedelta, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._planned, (self.at + wait, self._number, what))

    def _pass_until(self, target: datetime) -> None:
        while (event := self._database.run(lambda s: s.clock.next_event_at())) is not None and event <= target:
            self.at = max(self.at, event)
            self._do("sweep", self._swept)
            if self._planned and self._planned[0][0] < target:
                target = max(self._planned[0][0], self.at)
        self.at = max(self.at, target)

    def _swept(self, stores: Stores) -> None:
        work = work_on(stores, self.clinic, self.at, actor="system")
        for sweep in SWEEPS:
            for _ in range(20):
                swept = sweep(work, 50)
                assert swept.errors == (), swept.errors
                if not swept.done:
                    break
            else:
                raise AssertionError("it stays due")

    # -- the patient

    def _day(self) -> int:
        patient = self._books.patient
        assert patient is not None
        return (plan.local_day(patient, self.clinic, self.at) - self.first_day).days

    def _answer(self) -> None:
        """Answer the check-in that is asked, to its end."""
        began, open_ones = self.at, [row.id for row in self._books.open_checkins()]
        for _ in range(60):
            row = self._asked()
            if row is None:
                break
            action = self._answerer.next_tap(row, self._day())
            assert action is not None
            self._pass_until(self.at + timedelta(seconds=self.rng.uniform(2, 9)))
            self._tap(row, action)
        else:
            raise AssertionError(f"no end: {self._phone.last}")
        ended = [n for n in open_ones if self._books.checkins[n].value.state.value == "done"]
        if ended:
            self._finished(began)

    def _asked(self) -> Outbox | None:
        """Return the newest message with a question of the open check-in."""
        open_ones = {f"checkin:{row.id}" for row in self._books.open_checkins()}
        kinds = {"choose", "toggle", "go_on"}
        found = (self._phone.messages[number] for number in self._phone.with_buttons())
        return next((r for r in found if r.slot in open_ones and kinds & {a.kind for a in actions(r)}), None)

    def _finished(self, began: datetime) -> None:
        day = self._day()
        self.counts.checkins += 1
        self._answerer.finished(day)
        new = [step for step in self._undetected if step <= day]
        is_in_alert = any(alert.closed_at is None for alert in self._books.alerts.values())
        if new and is_in_alert and any(at >= began for at in self._called):
            self.counts.detected += len(new)
        self._undetected = [step for step in self._undetected if step > day]

    def _reply(self, row: Outbox) -> None:
        """Answer "did someone speak with you?" by the truth."""
        spoke = self._spoken_at is not None and self._spoken_at >= row.created_at - timedelta(days=1)
        found = {action.choice: action for action in actions(row) if action.kind == "alert"}
        action = found.get("reached" if spoke else "not_yet")
        if action is not None and row in self._phone.messages.values():
            self._tap(row, action)

    # -- staff

    def _visit(self, alert: int) -> None:
        """Speak with the patient about an alert, and close it if that is possible; otherwise come back."""
        self._visited.discard(alert)
        if self._books.alerts[alert].closed_at is not None:
            return
        self._act(team.spoke(alert))
        self._spoken_at = self.at
        self._act(team.close(alert))
        self._look_at_alerts()

    def _look_at_alerts(self) -> None:
        for alert in self._books.alerts.values() if self.staff_act else ():
            if alert.closed_at is None and alert.id not in self._visited:
                self._visited.add(alert.id)
                self._in(timedelta(hours=self.rng.uniform(0.5, 24)), lambda number=alert.id: self._visit(number))

    def _agree(self) -> None:
        found = team.agree(self.course, self.at)
        if found is None:
            return
        act, holds = found
        assert self._act(act), f"refused: {act[0]}"
        self._in(holds - timedelta(days=self.rng.uniform(1, 7)), self._agree)

    def _act(self, act: team.Act) -> bool:
        what, use_case = act

        def tried(stores: Stores) -> bool:
            try:
                use_case(work_on(stores, self.clinic, self.at, actor=team.MEMBER))
            except RefusedError:
                return False
            return True

        return self._do(f"staff {what.what}", tried, staff=what)

    # -- one transaction

    def _tap(self, row: Outbox, action: Action) -> None:
        self.counts.taps += 1
        self._do(
            "tap",
            lambda s: conversation.tap(work_on(s, self.clinic, self.at), CHAT, action),
            action=action,
            chat=CHAT,
            shown_at=row.created_at,
        )

    def _do(self, name: str, work: Callable[[Any], T], *, action: Action | None = None, **more: Any) -> T:
        before, opened = self._books, self._open()

        def done(stores: Stores) -> tuple[T, Deed, list[Outbox]]:
            noting = Noting(stores)
            result = work(noting)
            assert not noting.errors, noting.errors
            if result is False:
                more.pop("staff", None)
            deed = Deed(self.at, name, action, noting, **more)
            return result, deed, self._delivered(stores, deed.queued)

        result, deed, shown = self._database.run(done)
        self._books = before.with_deed(deed)
        hear(self.ledger, before, self._books, deed, self.clinic)
        self.counts.false_all_clears += all_clears(self.ledger, deed, self._read)
        self._count(before, deed, opened)
        for row in shown:
            self._sees(row, unasked=action is None)
        if deed.staff is None:
            self._look_at_alerts()
        return result

    def _delivered(self, stores: Stores, queued: list[Outbox]) -> list[Outbox]:
        """Send what waits, and return it in order; messages for later wait in the outbox."""
        if not queued and not self._are_waiting:
            return []
        shown: list[Outbox] = []
        until = self.at + timedelta(minutes=1)
        while claims := stores.outbox.claim(self.at, lanes=list(Lane), limit=20, owner="me", lease_until=until):
            for claim in claims:
                number = self._phone.take(claim)
                stores.outbox.mark_sent(claim.row.id, owner="me", message_id=number, at=self.at)
                if claim.row.mode != "buttons":
                    shown.append(claim.row)
            if len(shown) >= len(queued) and not self._are_waiting:
                break
        self._are_waiting |= any(row.not_before > self.at for row in queued)
        return shown

    def _sees(self, row: Outbox, *, unasked: bool) -> None:
        name = row.screen.name
        if row.mode == "edit" and row.slot.startswith("alert:"):
            return  # "Seen by your team" was added or removed, without a sound
        if name.startswith("call.") and not name.startswith(NOT_CALL_SCREENS):
            self.counts.call_screens += 1
            self._called.append(self.at)
        if not unasked:
            return
        if any(action.kind == "alert" and action.choice == "reached" for action in actions(row)):
            if self.staff_act or self._answers_prompts:
                self._in(timedelta(minutes=self.rng.uniform(1, 50)), lambda: self._reply(row))
        elif row.slot.startswith("checkin:") and self._asked() is not None:
            self._in(timedelta(hours=self.rng.uniform(0.05, 8)), self._answer)

    # -- counting

    def _open(self) -> dict[str, Any]:
        """Return what is open, with its level; a sign of a safety screen counts by its "yes"."""
        found = ((s, mark) for s, mark in self.ledger.open().items() if s not in SIGNS and UNNAMED not in s)
        return {symptom: mark.highest for symptom, mark in found if mark.draft_of is None}

    def _count(self, before: Books, deed: Deed, opened: dict[str, Any]) -> None:
        self.counts.alerts += len(deed.of("add_alert"))
        if deed.staff is None:
            self.counts.alerts += sum(_is_given_back(before.alerts.get(row.id), row) for row in deed.of("save_alert"))
        now = self._open()
        self.counts.levels += sum(s not in opened or level > opened[s] for s, level in now.items() if deed.action)
        answers = deed.of("record_answer")
        self.counts.levels += sum(row.question in SCREENS and bool(ALARMING & set(row.choices)) for row in answers)
        self.counts.levels += sum(row.question.startswith("still_") for row in answers if self._is_emergency(row))

    def _is_emergency(self, row: Any) -> bool:
        return self.course.symptom == "bladder" and "gone" not in row.choices[0]


def _is_given_back(was: Any, now: Any) -> bool:
    """Return whether an alert that had an owner, or was closed, needs one again."""
    if was is None:
        return False
    has_no_owner = was.owner is not None and now.owner is None
    return has_no_owner or (was.closed_at is not None and now.closed_at is None)


__all__ = ["Counts", "Life", "StaffAct"]
