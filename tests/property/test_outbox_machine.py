"""Random runs of outbox, budget and leases against a plain model: nothing is lost, duplicated or reordered.

Senders claim, are killed, miss the answer of a commit, recover, fail and succeed; the clock runs and jumps. The model
states the expectations without a query: which messages may be sent now, and in which order; that a message is sent once
unless its sender died; how fast. A message that isn't sent was rejected or has expired; the model counts those, too.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.app.records.messages import Lane, Outbox, OutboxState
from bot.core.screen import Screen, Text
from bot.db.opening import open_database
from bot.delivery.budget import Capacity, ClaimedMessage, Lease, claim_batch
from bot.delivery.lanes import TELEGRAM_LIMITS
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult
from bot.delivery.results import SenderContext, record_result
from tests.fakes.databases import KEYRING, postgres_server, sqlite_database
from tests.fakes.outbox import message_counts

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
LEASE = 60 * SECOND
BACKOFF = 2 * SECOND
SENDERS = ("one", "two", "three")
CHATS = (1, 2, -3)
"""The last one is a group."""
CROWD = range(100, 160)
LANES = tuple(Lane)
URGENT, BULK = LANES[:2], LANES[2:]
EXAMPLES = 30
SIZES = (EXAMPLES // 3, pytest.param(EXAMPLES, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]))
"""A few each time, all under `make test-slow`."""


@dataclass
class Row:
    """A message as the model knows it. `holder` owns it until `until`, regardless of what that sender believes."""

    number: int
    chat: int
    lane: Lane
    slot: str
    mode: str
    not_before: datetime
    not_after: datetime | None = None
    state: OutboxState = OutboxState.WAITING
    holder: str | None = None
    until: datetime | None = None

    @property
    def turn(self) -> tuple[Lane, datetime, int]:
        return self.lane, self.not_before, self.number

    def held(self, at: datetime) -> bool:
        """Return whether it waits under a valid lease; one that ends far ahead is from a clock that was set back."""
        waits = self.state is OutboxState.WAITING
        return waits and self.until is not None and at < self.until <= at + LEASE + 60 * SECOND

    def due(self, at: datetime) -> bool:
        fresh = self.not_after is None or self.not_after >= at
        return self.state is OutboxState.WAITING and self.not_before <= at and fresh


class Senders(RuleBasedStateMachine):
    """Three senders on one outbox, and what must never happen, whatever the outbox contains."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: Any = None
        self.at = START
        self.rows: dict[int, Row] = {}
        self.sent: Counter[int] = Counter()
        self.in_flight: dict[str, dict[int, ClaimedMessage]] = {name: {} for name in SENDERS}
        self.restarts: Counter[str] = Counter()
        self.uncertain: set[str] = set()
        self.unreachable: list[int] = []
        self.grants: list[tuple[datetime, Lane]] = []
        self.full_burst_at = START
        self.charged: dict[int, list[tuple[datetime, timedelta]]] = defaultdict(list)

    @initialize()
    def open(self) -> None:
        self.database = self.made()

    def made(self) -> Any:
        self._folder = tempfile.TemporaryDirectory()
        return sqlite_database(Path(self._folder.name) / "test.db")

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.finish()
            self.database.shut()
        if self._folder is not None:
            self._folder.cleanup()

    def name(self, who: str) -> str:
        """Return the sender's owner name; each process that replaces a killed one has a new name."""
        return f"{who}-{self.restarts[who]}"

    def put(self, chat: int, lane: Lane, slot: str, mode: Any = "new", revision: int = 0, lasts: Any = None) -> None:
        self.put_all([(chat, lane, slot)], mode, revision, lasts)

    def put_all(
        self, wanted: Sequence[tuple[int, Lane, str]], mode: Any = "new", revision: int = 0, lasts: Any = None
    ) -> None:
        rows = [
            Outbox(
                patient_id=None,
                chat_id=chat,
                language="en",
                lane=lane,
                slot=slot,
                mode=mode,
                revision=revision,
                screen=Screen(name="x", lines=(Text(key="x"),)),
                created_at=self.at,
                not_before=self.at,
                not_after=None if lasts is None else self.at + lasts * SECOND,
            )
            for chat, lane, slot in wanted
        ]
        for number, row in zip(
            self.database.run(lambda s: [s.outbox.enqueue(each) for each in rows]), rows, strict=True
        ):
            self.rows[number] = Row(number, row.chat_id, row.lane, row.slot, row.mode, self.at, row.not_after)

    # -- actions of senders

    @rule(who=st.sampled_from(SENDERS), slots=st.sampled_from([1, 2, 4, 40]))
    def claim(self, who: str, slots: int) -> None:
        """Claim; a sender with uncertain claims renews and releases first."""
        if who in self.uncertain:
            self.renew_and_release(who)
        for taken in self.taken(who, slots):
            self.in_flight[who][taken.claim.row.id] = taken

    @rule(who=st.sampled_from(SENDERS), slots=st.sampled_from([1, 4]))
    def claim_without_answer(self, who: str, slots: int) -> None:
        """Claim, but lose the connection after the commit, before its answer."""
        if who not in self.uncertain:
            self.taken(who, slots)
            self.uncertain.add(who)

    def taken(self, who: str, slots: int) -> Sequence[ClaimedMessage]:
        lease = Lease(self.name(who), LEASE, frozenset(self.in_flight[who]))
        found = self.database.run(
            lambda s: claim_batch(s, lambda: self.at, Capacity(slots, slots), lease, TELEGRAM_LIMITS)
        )
        self.check_claim(who, slots, [taken.claim.row.id for taken in found.messages])
        for taken in found.messages:
            row = self.rows[taken.claim.row.id]
            assert row.number not in self.sent, "a sent message is never claimed again"
            others = [other for held in self.in_flight.values() for other in held]
            assert row.number not in others, "no sender claims what another has in flight"
            if row.lane is not Lane.RED_FLAG:
                assert row.chat not in {self.rows[n].chat for n in others}, "one chat, one message at a time"
            row.holder, row.until = self.name(who), self.at + LEASE
            self.check_limits(row, edit=taken.claim.row.mode == "edit" and taken.claim.message_id is not None)
            self.check_claimed(taken)
        order = [taken.claim.row.lane for taken in found.messages]
        assert order == sorted(order), "red flags first"
        return found.messages

    def check_claim(self, who: str, slots: int, found: list[int]) -> None:
        """Check that exactly these rows were to be claimed."""

    def check_claimed(self, taken: ClaimedMessage) -> None:
        """Check that this message was to be claimed."""

    @rule(
        turns=st.lists(
            st.tuples(
                st.sampled_from(SENDERS),
                st.sampled_from([1, 4, 40]),
                st.lists(st.sampled_from(DeliveryOutcome), max_size=4),
                st.sampled_from([0, 0.04, 0.5, 3]),
            ),
            min_size=2,
            max_size=6,
        )
    )
    def work(self, turns: Sequence[tuple[str, int, list[DeliveryOutcome], float]]) -> None:
        """In each turn one sender claims, and some of its in-flight messages end."""
        for who, slots, outcomes, seconds in turns:
            self.claim(who, slots)
            self.time_passes(seconds)
            self.record(dict(zip(sorted(self.in_flight[who]), outcomes, strict=False)), who)

    def record(self, ends: dict[int, DeliveryOutcome], who: str) -> None:
        """Record the outcomes of messages in one transaction."""
        context = SenderContext(
            owner=self.name(who), speed=1.0, on_chat_unreachable=lambda _store, chat, _at: self.unreachable.append(chat)
        )
        results = [
            (self.in_flight[who].pop(number).claim, self.result(number, outcome)) for number, outcome in ends.items()
        ]
        self.unreachable.clear()
        self.database.run(lambda s: [record_result(s, claim, result, self.at, context) for claim, result in results])
        for number, outcome in ends.items():
            self.record_outcome(self.rows[number], outcome)
        assert self.unreachable == [
            self.rows[number].chat for number, outcome in ends.items() if outcome is DeliveryOutcome.CHAT_UNREACHABLE
        ]

    def result(self, number: int, outcome: DeliveryOutcome) -> DeliveryResult:
        return DeliveryResult(
            outcome,
            error=outcome.value,
            message_id=1000 + number if outcome is DeliveryOutcome.SENT else None,
            retry_in=BACKOFF,
        )

    def record_outcome(self, row: Row, outcome: DeliveryOutcome) -> None:
        row.holder = row.until = None
        if outcome is DeliveryOutcome.SENT:
            self.sent[row.number] += 1
        if outcome in (DeliveryOutcome.RETRY, DeliveryOutcome.RESEND_AS_NEW):
            row.not_before = self.at + (BACKOFF if outcome is DeliveryOutcome.RETRY else 0 * SECOND)
        else:
            row.state = OutboxState.SENT if outcome is DeliveryOutcome.SENT else OutboxState.FAILED

    @precondition(lambda self: any(self.in_flight.values()) or self.uncertain)
    @rule(who=st.sampled_from(SENDERS))
    def kill(self, who: str) -> None:
        """Kill a sender: others send its in-flight messages once the leases expire."""
        self.in_flight[who] = {}
        self.uncertain.discard(who)
        self.restarts[who] += 1

    @precondition(lambda self: self.uncertain)
    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        self.renew_and_release(data.draw(st.sampled_from(sorted(self.uncertain))))

    def renew_and_release(self, who: str) -> None:
        """Renew the leases of in-flight messages and release the rest, which may then be claimed at once."""
        in_flight_ids, owner = tuple(self.in_flight[who]), self.name(who)

        def renew_then_release(stores: Any) -> int:
            stores.outbox.renew(in_flight_ids, owner=owner, until=self.at + LEASE)
            return stores.outbox.release_unknown(owner=owner, but_for=in_flight_ids)

        released = self.database.run(renew_then_release)
        left = [row for row in self.rows.values() if row.holder == owner and row.number not in in_flight_ids]
        self.uncertain.discard(who)
        for row in left:
            row.holder = row.until = None
        self.held_until(in_flight_ids)
        self.check_released(released, len(left))

    def check_released(self, released: int, expected: int) -> None:
        """Check that as many were released as were claimed without an answer."""

    def held_until(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.rows[number].until = self.at + LEASE

    @rule(who=st.sampled_from(SENDERS), lane=st.sampled_from(LANES))
    def rush(self, who: str, lane: Lane) -> None:
        """Let a sender poll as often as possible, with instant deliveries, while many messages wait."""
        self.fill(lane)
        for _ in range(12):
            self.at += SECOND / 25
            self.claim(who, 40)
            self.record(dict.fromkeys(self.in_flight[who], DeliveryOutcome.SENT), who)

    def fill(self, lane: Lane) -> None:
        """Queue one message for each of many chats."""
        if len(self.rows) < 2 * len(CROWD):
            self.put_all([(chat, lane, f"{len(self.rows)}-{chat}") for chat in CROWD])

    # -- time

    @rule(seconds=st.sampled_from([0.05, 0.5, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        """Let time pass; a running sender renews or finishes in time, because leases are longer than any call."""
        self.at += seconds * SECOND
        self.renew()

    @precondition(lambda self: any(row.until for row in self.rows.values()))
    @rule(hours=st.sampled_from([-2, 2]))
    def clock_jumps(self, hours: int) -> None:
        """Let the clock jump; each sender renews its leases before any claims again."""
        self.at += timedelta(hours=hours)
        self.grants.clear()
        self.renew()
        if hours < 0:
            self.charged.clear()
            self.database.run(lambda s: (s.limits.reset(), s.clock.shift_back(self.at, timedelta(hours=-hours))))
            for row in self.rows.values():
                if row.state is OutboxState.WAITING:
                    row.not_before = min(row.not_before, self.at)

    def renew(self) -> None:
        for who, held in self.in_flight.items():
            ids, owner = tuple(held), self.name(who)
            self.database.run(lambda s, ids=ids, owner=owner: s.outbox.renew(ids, owner=owner, until=self.at + LEASE))
            self.held_until(ids)

    # -- invariants

    def check_limits(self, row: Row, *, edit: bool) -> None:
        """Check Telegram's limits: overall, for bulk lanes, and for each chat."""
        self.grants.append((self.at, row.lane))
        self.full_burst_at = max(self.full_burst_at, self.at + 2 * SECOND)
        recent = [lane for time, lane in self.grants if time > self.at - SECOND]
        assert len(recent) <= 30, "30 in any second"
        assert len([lane for lane in recent if lane in BULK]) <= 23, (
            "four fifths of the rate plus bulk's part of the burst"
        )
        assert self.may_write(row.chat), "a burst, then one at a time"
        self.charged[row.chat].append((self.at, self.cost(row.chat, edit=edit)))

    def cost(self, chat: int, *, edit: bool = False) -> timedelta:
        return 0.55 * SECOND if edit else 1.1 * SECOND if chat > 0 else 3.75 * SECOND

    def may_write(self, chat: int) -> bool:
        """Return whether, over every window until now, the cost sent stays within the elapsed time plus the burst."""
        ahead, spent = (3 if chat > 0 else 4) * self.cost(chat), 0 * SECOND
        for time, cost in reversed(self.charged[chat]):
            spent += cost
            if spent + self.cost(chat) > self.at - time + ahead:
                return False
        return True

    def finish(self) -> None:
        """Let the one remaining sender finish everything."""
        for who in SENDERS:
            self.kill(who)
        for _ in range(20 * len(self.rows) + 200):
            if all(row.state is not OutboxState.WAITING for row in self.rows.values()):
                break
            self.at += 70 * SECOND
            for _ in range(4):
                self.claim("one", 4)
                self.record(dict.fromkeys(self.in_flight["one"], DeliveryOutcome.SENT), "one")
                self.at += SECOND / 5


class OutboxMachine(Senders):
    """Each message has its own slot, so none supersedes another, and the claimed rows can be predicted."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, int] = {}
        self.edited: dict[int, int | None] = {}

    @rule(
        found=st.lists(
            st.tuples(st.sampled_from(CHATS), st.sampled_from(LANES), st.sampled_from([None, 0, 5, 90])),
            min_size=1,
            max_size=4,
        )
    )
    def queue(self, found: Sequence[tuple[int, Lane, int | None]]) -> None:
        """Queue messages, some of which expire within seconds."""
        for chat, lane, lasts in found:
            self.put(chat, lane, f"s{len(self.rows)}", lasts=lasts)

    @precondition(lambda self: self.free_slots(OutboxState.SENT))
    @rule(data=st.data())
    def queue_edit(self, data: st.DataObject) -> None:
        """Queue an edit of a message that was sent."""
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.SENT)))
        self.put(row.chat, row.lane, row.slot, "edit", len(self.rows))

    @precondition(lambda self: self.free_slots(OutboxState.FAILED))
    @rule(data=st.data())
    def retry_failed(self, data: st.DataObject) -> None:
        """Retry a failed message."""
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.FAILED)))
        assert self.database.run(lambda s: s.dead_letters.retry_message(row.number, self.at))
        row.state, row.not_before = OutboxState.WAITING, self.at

    @precondition(lambda self: self.free_slots(OutboxState.FAILED))
    @rule(data=st.data())
    def discard_failed(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.FAILED)))
        assert self.database.run(lambda s: s.dead_letters.discard_message(row.number, self.at))
        row.state = OutboxState.REPLACED

    def free_slots(self, state: OutboxState) -> list[Row]:
        """Return the rows of that state without a waiting message in their slot."""
        busy = {row.slot for row in self.rows.values() if row.state is OutboxState.WAITING}
        return [row for row in self.rows.values() if row.state is state and row.slot not in busy]

    @precondition(lambda self: self.orphans())
    @rule(data=st.data(), who=st.sampled_from(SENDERS))
    def lease_ends(self, data: st.DataObject, who: str) -> None:
        """A killed sender's message can be claimed once its lease expires, and not before."""
        row, ends = data.draw(st.sampled_from(self.orphans()))
        self.at = max(self.at, ends - MICROSECOND)
        self.renew()
        self.claim(who, 40)
        assert row.held(ends - MICROSECOND), "until then another sender owns it"
        self.at = max(self.at, ends)
        self.claim(who, 40)

    def orphans(self) -> list[tuple[Row, datetime]]:
        """Return the messages that dead processes own, with the end of their leases."""
        alive = {self.name(who) for who in SENDERS}
        waiting = (row for row in self.rows.values() if row.state is OutboxState.WAITING)
        held = ((row, row.until) for row in waiting if row.until and row.held(self.at))
        return [(row, until) for row, until in held if row.holder not in alive]

    def check_claim(self, who: str, slots: int, found: list[int]) -> None:
        """Check that the first messages in order were claimed, at least a burst if the budget was unused."""
        for row in self.rows.values():
            expired = row.not_after is not None and row.not_after < self.at
            if row.state is OutboxState.WAITING and expired and (row.until is None or row.until <= self.at):
                row.state = OutboxState.EXPIRED
        has_full_burst, free, least = self.at >= self.full_burst_at, slots, 5
        in_flight_chats = {(row.chat, row.lane is Lane.RED_FLAG) for row in self.rows.values() if row.held(self.at)}
        for lanes in (URGENT, BULK):
            wanted = self.next_in_line(lanes, frozenset(self.in_flight[who]), in_flight_chats)
            first = [number for number in found if self.rows[number].lane in lanes]
            assert first == [row.number for row in wanted[: len(first)]], "in order, and none left out"
            least = max(0, least if lanes is URGENT else min(least, 3 - (5 - least)))
            assert not has_full_burst or len(first) >= min(free, len(wanted), least), "there was budget for it"
            in_flight_chats |= {(row.chat, row.lane is Lane.RED_FLAG) for row in wanted[: len(first)]}
            free, least = free - len(first), least - len(first)

    def next_in_line(
        self, lanes: Sequence[Lane], in_flight_ids: frozenset[int], in_flight_chats: set[tuple[int, bool]]
    ) -> list[Row]:
        """Return the claimable rows, only each chat's first. `in_flight_chats`: chat, and whether it is a red flag."""
        due = sorted((row for row in self.rows.values() if row.due(self.at)), key=lambda row: row.turn)
        firsts = {row.chat: row for row in reversed(due)}
        return [
            row
            for row in due
            if row is firsts[row.chat] and row.lane in lanes and row.number not in in_flight_ids
            if (row.chat, True) not in in_flight_chats
            and (row.lane is Lane.RED_FLAG or (row.chat, False) not in in_flight_chats)
            if self.may_write(row.chat)
        ]

    def check_claimed(self, taken: ClaimedMessage) -> None:
        row = self.rows[taken.claim.row.id]
        assert (taken.claim.row.slot, taken.claim.row.mode) == (row.slot, row.mode)
        assert taken.claim.message_id == self.messages.get(row.slot), "the message to edit"
        self.edited[row.number] = taken.claim.message_id

    def record_outcome(self, row: Row, outcome: DeliveryOutcome) -> None:
        super().record_outcome(row, outcome)
        if outcome is DeliveryOutcome.SENT:
            self.messages[row.slot] = max(1000 + row.number, self.messages.get(row.slot, 0))
        if outcome is DeliveryOutcome.RESEND_AS_NEW and self.messages.get(row.slot) == self.edited[row.number]:
            self.messages.pop(row.slot, None)

    def check_released(self, released: int, expected: int) -> None:
        assert released == expected

    @invariant()
    def nothing_is_lost(self) -> None:
        """Each row has the model's state: waiting, sent, failed, discarded or expired."""
        if not hasattr(self, "database"):
            return
        counts, found = self.database.run(message_counts), Counter[OutboxState]()
        for (_, state), many in counts.items():
            found[state] += many
        assert found == Counter(row.state for row in self.rows.values())
        dead = self.database.run(lambda s: {row.id for row in s.dead_letters.messages(limit=1000)})
        assert dead == {row.number for row in self.rows.values() if row.state is OutboxState.FAILED}

    def finish(self) -> None:
        super().finish()
        self.nothing_is_lost()
        left = {row.number for row in self.rows.values() if row.state is not OutboxState.SENT}
        assert set(self.sent) | left == set(self.rows), "nothing is lost"
        assert all(self.rows[n].state is not OutboxState.WAITING for n in left), "nothing waits for ever"
        assert set(self.sent.values()) <= {1}, "nothing is duplicated"


class ScreensMachine(Senders):
    """Screens of a few check-ins with increasing revisions: none is shown after a newer one."""

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[tuple[int, str], int] = {}
        self.shown: dict[tuple[int, str], int] = {}

    @rule(
        chat=st.sampled_from(CHATS[:2]),
        slot=st.sampled_from(("checkin:1", "checkin:2")),
        lane=st.sampled_from(LANES[1:]),
        mode=st.sampled_from(("new", "edit")),
    )
    def queue(self, chat: int, slot: str, lane: Lane, mode: str) -> None:
        revision = self.newest[chat, slot] = self.newest.get((chat, slot), -1) + 1
        self.put(chat, lane, slot, mode, revision)

    def fill(self, lane: Lane) -> None:
        """Queue nothing more: the rush uses the waiting screens."""

    def record(self, ends: dict[int, DeliveryOutcome], who: str) -> None:
        """Record SENT or RETRY only: OutboxMachine covers the other outcomes."""
        super().record(
            {
                number: DeliveryOutcome.SENT if outcome is DeliveryOutcome.SENT else DeliveryOutcome.RETRY
                for number, outcome in ends.items()
            },
            who,
        )

    def check_claimed(self, taken: ClaimedMessage) -> None:
        row = taken.claim.row
        before = self.shown.get((row.chat_id, row.slot), -1)
        assert row.revision >= before, "an older screen after a newer one leads back to what was answered"
        self.shown[row.chat_id, row.slot] = row.revision

    def finish(self) -> None:
        """Let everything be sent: screens may be superseded, so only the newest counts."""
        for who in SENDERS:
            self.kill(who)
        for _ in range(6 * len(self.rows) + 50):
            self.at += 70 * SECOND
            self.claim("one", 4)
            self.record(dict.fromkeys(self.in_flight["one"], DeliveryOutcome.SENT), "one")
        assert self.shown == self.newest, "the last screen shown is the newest"


@pytest.fixture
def machine() -> Iterator[OutboxMachine]:
    made = OutboxMachine()
    made.open()
    yield made
    made.nothing_is_lost()
    made.teardown()


def only(machine: OutboxMachine, who: str) -> int:
    (number,) = machine.in_flight[who]
    return number


@pytest.mark.parametrize("lane", LANES)
def test_claim_spends_the_budget_and_no_more(machine: OutboxMachine, lane: Lane) -> None:
    """For two seconds with a full outbox, no window of one second exceeds the limit."""
    machine.fill(lane)
    for _ in range(50):
        machine.claim("one", 40)
        machine.record(dict.fromkeys(machine.in_flight["one"], DeliveryOutcome.SENT), "one")
        machine.at += SECOND / 25
    assert len(machine.sent) == (3 + 39 if lane in BULK else 5 + 49)


@pytest.mark.parametrize(("chat", "edit"), [(1, False), (1, True), (-3, False), (-3, True)])
def test_chat_gets_a_burst_then_one_at_a_time(machine: OutboxMachine, chat: int, *, edit: bool) -> None:
    """In steps shorter than the shortest interval, exactly what the model allows is claimed."""
    machine.put(chat, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.record({only(machine, "one"): DeliveryOutcome.SENT}, "one")
    machine.at += 30 * SECOND
    for number in range(1, 9):
        machine.put(chat, Lane.REPLY, "s0" if edit else f"s{number}", "edit" if edit else "new", number)
        while not machine.in_flight["one"]:
            machine.at += SECOND / 20
            machine.claim("one", 1)
        machine.record({only(machine, "one"): DeliveryOutcome.SENT}, "one")


@pytest.mark.parametrize("lane", LANES)
def test_orphan_is_claimable_once_its_lease_expires(machine: OutboxMachine, lane: Lane) -> None:
    machine.put(1, lane, "s0")
    machine.claim("one", 1)
    number = only(machine, "one")
    machine.kill("one")
    for early in (LEASE, SECOND, MICROSECOND):
        machine.at = START + LEASE - early
        machine.claim("two", 9)
        assert not machine.in_flight["two"]
    machine.at = START + LEASE
    machine.claim("two", 9)
    assert only(machine, "two") == number


def test_in_flight_message_is_not_reclaimed_after_expiry(machine: OutboxMachine) -> None:
    machine.put(1, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.at += LEASE
    assert machine.taken("one", 9) == ()
    machine.renew()
    machine.claim("two", 9)
    assert not machine.in_flight["two"]


def test_lost_claim_is_claimable_once_its_sender_releases_it(machine: OutboxMachine) -> None:
    machine.put(1, Lane.RED_FLAG, "s0")
    machine.put(2, Lane.RED_FLAG, "s1")
    machine.claim("one", 1)
    machine.claim_without_answer("one", 1)
    machine.at += SECOND
    machine.claim("two", 9)
    machine.renew_and_release("two")
    machine.claim("two", 9)
    assert not machine.in_flight["two"], "a sender can't release another's message"
    machine.renew_and_release("one")
    machine.claim("two", 9)
    assert len(machine.in_flight["one"]) == len(machine.in_flight["two"]) == 1


def test_expired_message_ends_unless_in_flight(machine: OutboxMachine) -> None:
    for chat in (1, 2):
        machine.put(chat, Lane.REMINDER, f"s{chat}", lasts=5)
    machine.claim("one", 1)
    for seconds in (5, 6):
        machine.at = START + seconds * SECOND
        machine.check_claim("three", 0, [])
        machine.database.run(lambda s: s.outbox.expire(machine.at))
        machine.nothing_is_lost()
    assert sorted(row.state for row in machine.rows.values()) == [OutboxState.EXPIRED, OutboxState.WAITING]
    machine.record({only(machine, "one"): DeliveryOutcome.SENT}, "one")


def test_expired_message_blocks_nothing_after_a_clock_set_back(machine: OutboxMachine) -> None:
    """Otherwise an expired lease would become valid again, and the chat would wait for nothing."""
    machine.put(1, Lane.REMINDER, "s0", lasts=5)
    machine.claim("one", 1)
    machine.kill("one")
    machine.at += LEASE
    machine.claim("two", 9)
    assert machine.rows[1].state is OutboxState.EXPIRED
    machine.put(1, Lane.REPLY, "s1")
    machine.clock_jumps(-1 / 3600)
    machine.claim("two", 9)
    assert only(machine, "two") == 2


@pytest.mark.parametrize("outcome", DeliveryOutcome)
def test_edit_with_each_outcome(machine: OutboxMachine, outcome: DeliveryOutcome) -> None:
    machine.put(1, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.record({only(machine, "one"): DeliveryOutcome.SENT}, "one")
    machine.put(1, Lane.REPLY, "s0", "edit", 1)
    machine.claim("one", 1)
    machine.record({only(machine, "one"): outcome}, "one")
    machine.nothing_is_lost()
    for _ in range(3):
        machine.at += SECOND
        machine.claim("one", 1)


class Postgres:
    """The same on PostgreSQL."""

    server: Any = None

    def made(self) -> Any:
        return open_database(self.server.emptied(), KEYRING)


class OnPostgres(Postgres, OutboxMachine):
    pass


class ScreensOnPostgres(Postgres, ScreensMachine):
    pass


def run(machine: type[Senders], examples: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.parametrize("examples", SIZES)
def test_outbox_machine_on_sqlite(examples: int) -> None:
    run(OutboxMachine, examples)


@pytest.mark.parametrize("examples", SIZES)
def test_screen_machine_on_sqlite(examples: int) -> None:
    run(ScreensMachine, examples)


@pytest.mark.parametrize("examples", SIZES)
def test_outbox_machine_on_postgresql(examples: int) -> None:
    with postgres_server() as server:
        Postgres.server = server
        run(OnPostgres, max(1, examples // 3))
        run(ScreensOnPostgres, max(1, examples // 3))
