"""Outbox, budget and leases by chance, against a plain model: nothing is lost, doubled or out of order.

Senders claim, are killed, don't hear of a commit, come back, fail and succeed; the clock runs and jumps. What must hold
is said in the model's own words, without a query: which messages may go now, and in which order; that a message is sent
once unless its sender died; how fast. What isn't sent was refused, or its time was over: that is counted, too.
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

from bot.app.store import Lane, Outbox, OutboxState
from bot.core.screen import Screen, Text
from bot.db.engine import open_database
from bot.delivery.budget import Books, Lease, Slots, Taken, take, write_end
from bot.delivery.lanes import PUBLISHED
from bot.delivery.verdicts import End, Verdict
from tests.fakes.databases import KEYRING, postgres_server, sqlite_database

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


@dataclass
class Row:
    """A message as the model knows it. `holder` has it until `until`, and no longer, whatever that sender thinks."""

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
        """Whether it waits and its lease runs; one that ends far ahead is of a clock that was set back since."""
        waits = self.state is OutboxState.WAITING
        return waits and self.until is not None and at < self.until <= at + LEASE + 60 * SECOND

    def due(self, at: datetime) -> bool:
        fresh = self.not_after is None or self.not_after >= at
        return self.state is OutboxState.WAITING and self.not_before <= at and fresh


class Senders(RuleBasedStateMachine):
    """Three senders on one outbox, and what may never be, whatever stands in it."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: Any = None
        self.at = START
        self.rows: dict[int, Row] = {}
        self.sent: Counter[int] = Counter()
        self.hands: dict[str, dict[int, Taken]] = {name: {} for name in SENDERS}
        self.births: Counter[str] = Counter()
        self.unsure: set[str] = set()
        self.gone: list[int] = []
        self.grants: list[tuple[datetime, Lane]] = []
        self.rested_at = START
        self.written: dict[int, list[tuple[datetime, timedelta]]] = defaultdict(list)

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
        """Each process that comes after one that was killed has a name of its own."""
        return f"{who}-{self.births[who]}"

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
        for number, row in zip(self.database.run(lambda s: [s.enqueue(each) for each in rows]), rows, strict=True):
            self.rows[number] = Row(number, row.chat_id, row.lane, row.slot, row.mode, self.at, row.not_after)

    # -- what senders do

    @rule(who=st.sampled_from(SENDERS), slots=st.sampled_from([1, 2, 4, 40]))
    def claim(self, who: str, slots: int) -> None:
        """Whoever isn't sure what it has in hand says so first."""
        if who in self.unsure:
            self.says_anew(who)
        for taken in self.taken(who, slots):
            self.hands[who][taken.claim.row.id] = taken

    @rule(who=st.sampled_from(SENDERS), slots=st.sampled_from([1, 4]))
    def claim_unheard(self, who: str, slots: int) -> None:
        """The claim is committed, and the connection lost before this is heard."""
        if who not in self.unsure:
            self.taken(who, slots)
            self.unsure.add(who)

    def taken(self, who: str, slots: int) -> Sequence[Taken]:
        lease = Lease(self.name(who), LEASE, frozenset(self.hands[who]))
        found = self.database.run(lambda s: take(s, lambda: self.at, Slots(slots, slots), lease, PUBLISHED))
        self.looked_at(who, slots, [taken.claim.row.id for taken in found.taken])
        for taken in found.taken:
            row = self.rows[taken.claim.row.id]
            assert row.number not in self.sent, "what was sent is never taken again"
            others = [other for held in self.hands.values() for other in held]
            assert row.number not in others, "nobody takes what another has in hand"
            if row.lane is not Lane.RED_FLAG:
                assert row.chat not in {self.rows[n].chat for n in others}, "one chat, one message at a time"
            row.holder, row.until = self.name(who), self.at + LEASE
            self.paced(row, edit=taken.claim.row.mode == "edit" and taken.claim.message_id is not None)
            self.taken_up(taken)
        order = [taken.claim.row.lane for taken in found.taken]
        assert order == sorted(order), "red flags first"
        return found.taken

    def looked_at(self, who: str, slots: int, found: list[int]) -> None:
        """See whether just this is what was to be taken."""

    def taken_up(self, taken: Taken) -> None:
        """See whether this is what was to be taken."""

    @rule(
        turns=st.lists(
            st.tuples(
                st.sampled_from(SENDERS),
                st.sampled_from([1, 4, 40]),
                st.lists(st.sampled_from(End), max_size=4),
                st.sampled_from([0, 0.04, 0.5, 3]),
            ),
            min_size=2,
            max_size=6,
        )
    )
    def work(self, turns: Sequence[tuple[str, int, list[End], float]]) -> None:
        """Turn by turn one claims, and some of what it has in hand has ended by then."""
        for who, slots, hows, seconds in turns:
            self.claim(who, slots)
            self.time_passes(seconds)
            self.write(dict(zip(sorted(self.hands[who]), hows, strict=False)), who)

    def write(self, ends: dict[int, End], who: str) -> None:
        """Write down how messages ended, all in one transaction."""
        books = Books(owner=self.name(who), speed=1.0, on_permanent=lambda _store, chat, _at: self.gone.append(chat))
        told = [(self.hands[who].pop(number).claim, self.verdict(number, how)) for number, how in ends.items()]
        self.gone.clear()
        self.database.run(lambda s: [write_end(s, claim, verdict, self.at, books) for claim, verdict in told])
        for number, how in ends.items():
            self.ended(self.rows[number], how)
        assert self.gone == [self.rows[number].chat for number, how in ends.items() if how is End.GONE]

    def verdict(self, number: int, how: End) -> Verdict:
        return Verdict(how, error=how.value, message_id=1000 + number if how is End.SENT else None, wait=BACKOFF)

    def ended(self, row: Row, how: End) -> None:
        row.holder = row.until = None
        if how is End.SENT:
            self.sent[row.number] += 1
        if how in (End.RETRY, End.ANEW):
            row.not_before = self.at + (BACKOFF if how is End.RETRY else 0 * SECOND)
        else:
            row.state = OutboxState.SENT if how is End.SENT else OutboxState.FAILED

    @precondition(lambda self: any(self.hands.values()) or self.unsure)
    @rule(who=st.sampled_from(SENDERS))
    def kill(self, who: str) -> None:
        """What it had in hand nobody ends; when the leases run out others send it."""
        self.hands[who] = {}
        self.unsure.discard(who)
        self.births[who] += 1

    @precondition(lambda self: self.unsure)
    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        self.says_anew(data.draw(st.sampled_from(sorted(self.unsure))))

    def says_anew(self, who: str) -> None:
        """It keeps what it has in hand and lets go of the rest: that may be taken at once."""
        mine, owner = tuple(self.hands[who]), self.name(who)

        def said(store: Any) -> int:
            store.keep_leases(mine, owner=owner, until=self.at + LEASE)
            return store.free_leases(owner=owner, but_for=mine)

        freed = self.database.run(said)
        left = [row for row in self.rows.values() if row.holder == owner and row.number not in mine]
        self.unsure.discard(who)
        for row in left:
            row.holder = row.until = None
        self.held_until(mine)
        self.freed(freed, len(left))

    def freed(self, freed: int, expected: int) -> None:
        """See whether as many were let go as were claimed unheard."""

    def held_until(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.rows[number].until = self.at + LEASE

    @rule(who=st.sampled_from(SENDERS), lane=st.sampled_from(LANES))
    def rush(self, who: str, lane: Lane) -> None:
        """A sender that looks as often as it can, and whose messages take no time, while there is much to send."""
        self.fill(lane)
        for _ in range(12):
            self.at += SECOND / 25
            self.claim(who, 40)
            self.write(dict.fromkeys(self.hands[who], End.SENT), who)

    def fill(self, lane: Lane) -> None:
        """One message to each of many chats."""
        if len(self.rows) < 2 * len(CROWD):
            self.put_all([(chat, lane, f"{len(self.rows)}-{chat}") for chat in CROWD])

    # -- what time does

    @rule(seconds=st.sampled_from([0.05, 0.5, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        """A living sender renews or ends in time: leases are longer than any call."""
        self.at += seconds * SECOND
        self.renew()

    @precondition(lambda self: any(row.until for row in self.rows.values()))
    @rule(hours=st.sampled_from([-2, 2]))
    def clock_is_set(self, hours: int) -> None:
        """Each sender says anew what it has in hand, before any claims again."""
        self.at += timedelta(hours=hours)
        self.grants.clear()
        self.renew()
        if hours < 0:
            self.written.clear()
            self.database.run(lambda s: (s.forget_pace(), s.set_back(self.at, timedelta(hours=-hours))))
            for row in self.rows.values():
                if row.state is OutboxState.WAITING:
                    row.not_before = min(row.not_before, self.at)

    def renew(self) -> None:
        for who, held in self.hands.items():
            ids, owner = tuple(held), self.name(who)
            self.database.run(lambda s, ids=ids, owner=owner: s.keep_leases(ids, owner=owner, until=self.at + LEASE))
            self.held_until(ids)

    # -- what holds

    def paced(self, row: Row, *, edit: bool) -> None:
        """Telegram's limits: in all, of what nobody waits for, and of each chat."""
        self.grants.append((self.at, row.lane))
        self.rested_at = max(self.rested_at, self.at + 2 * SECOND)
        recent = [lane for moment, lane in self.grants if moment > self.at - SECOND]
        assert len(recent) <= 30, "30 in any second"
        assert len([lane for lane in recent if lane in BULK]) <= 23, "four fifths of the rate, and the burst's rest"
        assert self.may_write(row.chat), "a burst, then one at a time"
        self.written[row.chat].append((self.at, self.cost(row.chat, edit=edit)))

    def cost(self, chat: int, *, edit: bool = False) -> timedelta:
        return 0.55 * SECOND if edit else 1.1 * SECOND if chat > 0 else 3.75 * SECOND

    def may_write(self, chat: int) -> bool:
        """Whether, from whatever moment one looks, no more was sent than time has passed, but for the burst."""
        ahead, spent = (3 if chat > 0 else 4) * self.cost(chat), 0 * SECOND
        for moment, cost in reversed(self.written[chat]):
            spent += cost
            if spent + self.cost(chat) > self.at - moment + ahead:
                return False
        return True

    def finish(self) -> None:
        """Time enough for everything, with one sender left."""
        for who in SENDERS:
            self.kill(who)
        for _ in range(20 * len(self.rows) + 200):
            if all(row.state is not OutboxState.WAITING for row in self.rows.values()):
                break
            self.at += 70 * SECOND
            for _ in range(4):
                self.claim("one", 4)
                self.write(dict.fromkeys(self.hands["one"], End.SENT), "one")
                self.at += SECOND / 5


class OutboxMachine(Senders):
    """Each message has a slot of its own, so none may stand for another, and what is taken is known beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, int] = {}

    @rule(
        found=st.lists(
            st.tuples(st.sampled_from(CHATS), st.sampled_from(LANES), st.sampled_from([None, 0, 5, 90])),
            min_size=1,
            max_size=4,
        )
    )
    def queue(self, found: Sequence[tuple[int, Lane, int | None]]) -> None:
        """Some are of use for seconds only."""
        for chat, lane, lasts in found:
            self.put(chat, lane, f"s{len(self.rows)}", lasts=lasts)

    @precondition(lambda self: self.free_slots(OutboxState.SENT))
    @rule(data=st.data())
    def queue_edit(self, data: st.DataObject) -> None:
        """Of a message that was sent."""
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.SENT)))
        self.put(row.chat, row.lane, row.slot, "edit", len(self.rows))

    @precondition(lambda self: self.free_slots(OutboxState.FAILED))
    @rule(data=st.data())
    def dead_again(self, data: st.DataObject) -> None:
        """What was given up is sent after all."""
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.FAILED)))
        assert self.database.run(lambda s: s.send_again(row.number, self.at))
        row.state, row.not_before = OutboxState.WAITING, self.at

    @precondition(lambda self: self.free_slots(OutboxState.FAILED))
    @rule(data=st.data())
    def dead_dropped(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.free_slots(OutboxState.FAILED)))
        assert self.database.run(lambda s: s.drop_message(row.number, self.at))
        row.state = OutboxState.REPLACED

    def free_slots(self, state: OutboxState) -> list[Row]:
        """Return the rows of that state in whose slot nothing waits."""
        busy = {row.slot for row in self.rows.values() if row.state is OutboxState.WAITING}
        return [row for row in self.rows.values() if row.state is state and row.slot not in busy]

    @precondition(lambda self: self.orphans())
    @rule(data=st.data(), who=st.sampled_from(SENDERS))
    def lease_ends(self, data: st.DataObject, who: str) -> None:
        """What one that was killed had in hand is taken from the end of its lease on, and not a moment before."""
        row, ends = data.draw(st.sampled_from(self.orphans()))
        self.at = max(self.at, ends - MICROSECOND)
        self.renew()
        self.claim(who, 40)
        assert row.held(ends - MICROSECOND), "until then it is another's"
        self.at = max(self.at, ends)
        self.claim(who, 40)

    def orphans(self) -> list[tuple[Row, datetime]]:
        """What a process had in hand that is no more, and until when it has it."""
        alive = {self.name(who) for who in SENDERS}
        waiting = (row for row in self.rows.values() if row.state is OutboxState.WAITING)
        held = ((row, row.until) for row in waiting if row.until and row.held(self.at))
        return [(row, until) for row, until in held if row.holder not in alive]

    def looked_at(self, who: str, slots: int, found: list[int]) -> None:
        """What is taken is what comes first, as many as the budget lets go: some, if it had a rest."""
        for row in self.rows.values():
            over = row.not_after is not None and row.not_after < self.at
            if row.state is OutboxState.WAITING and over and (row.until is None or row.until <= self.at):
                row.state = OutboxState.EXPIRED
        rested, free, least = self.at >= self.rested_at, slots, 5
        flying = {(row.chat, row.lane is Lane.RED_FLAG) for row in self.rows.values() if row.held(self.at)}
        for lanes in (URGENT, BULK):
            wanted = self.next_in_line(lanes, frozenset(self.hands[who]), flying)
            first = [number for number in found if self.rows[number].lane in lanes]
            assert first == [row.number for row in wanted[: len(first)]], "in order, and none left out"
            least = max(0, least if lanes is URGENT else min(least, 3 - (5 - least)))
            assert not rested or len(first) >= min(free, len(wanted), least), "there was budget for it"
            flying |= {(row.chat, row.lane is Lane.RED_FLAG) for row in wanted[: len(first)]}
            free, least = free - len(first), least - len(first)

    def next_in_line(self, lanes: Sequence[Lane], mine: frozenset[int], flying: set[tuple[int, bool]]) -> list[Row]:
        """Return what may be taken, each chat's first message only. `flying`: chats with one on its way, red or not."""
        due = sorted((row for row in self.rows.values() if row.due(self.at)), key=lambda row: row.turn)
        firsts = {row.chat: row for row in reversed(due)}
        return [
            row
            for row in due
            if row is firsts[row.chat] and row.lane in lanes and row.number not in mine
            if (row.chat, True) not in flying and (row.lane is Lane.RED_FLAG or (row.chat, False) not in flying)
            if self.may_write(row.chat)
        ]

    def taken_up(self, taken: Taken) -> None:
        row = self.rows[taken.claim.row.id]
        assert (taken.claim.row.slot, taken.claim.row.mode) == (row.slot, row.mode)
        assert taken.claim.message_id == self.messages.get(row.slot), "the message to edit"

    def ended(self, row: Row, how: End) -> None:
        super().ended(row, how)
        if how is End.SENT:
            self.messages[row.slot] = max(1000 + row.number, self.messages.get(row.slot, 0))
        if how is End.ANEW:
            self.messages.pop(row.slot, None)

    def freed(self, freed: int, expected: int) -> None:
        assert freed == expected

    @invariant()
    def nothing_is_gone(self) -> None:
        """Each is where the model has it: waiting, sent, given up, dropped or over."""
        if not hasattr(self, "database"):
            return
        counts, found = self.database.run(lambda s: s.outbox_counts()), Counter[OutboxState]()
        for (_, state), many in counts.items():
            found[state] += many
        assert found == Counter(row.state for row in self.rows.values())
        dead = self.database.run(lambda s: {row.id for row in s.failed_messages(limit=1000)})
        assert dead == {row.number for row in self.rows.values() if row.state is OutboxState.FAILED}

    def finish(self) -> None:
        super().finish()
        self.nothing_is_gone()
        left = {row.number for row in self.rows.values() if row.state is not OutboxState.SENT}
        assert set(self.sent) | left == set(self.rows), "nothing is lost"
        assert all(self.rows[n].state is not OutboxState.WAITING for n in left), "nothing waits for ever"
        assert set(self.sent.values()) <= {1}, "nothing is doubled"


class ScreensMachine(Senders):
    """Screens of a few check-ins, each of a later revision than the one before it: none is shown after a newer one."""

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
        """A rush of what there is."""

    def write(self, ends: dict[int, End], who: str) -> None:
        """Nothing is given up here: that is the other machine's."""
        super().write({number: End.SENT if how is End.SENT else End.RETRY for number, how in ends.items()}, who)

    def taken_up(self, taken: Taken) -> None:
        row = taken.claim.row
        before = self.shown.get((row.chat_id, row.slot), -1)
        assert row.revision >= before, "an older screen after a newer one leads back to what was answered"
        self.shown[row.chat_id, row.slot] = row.revision

    def finish(self) -> None:
        """Others may stand for a screen: what counts is the newest."""
        for who in SENDERS:
            self.kill(who)
        for _ in range(6 * len(self.rows) + 50):
            self.at += 70 * SECOND
            self.claim("one", 4)
            self.write(dict.fromkeys(self.hands["one"], End.SENT), "one")
        assert self.shown == self.newest, "what stands at the end is the newest"


@pytest.fixture
def machine() -> Iterator[OutboxMachine]:
    made = OutboxMachine()
    made.open()
    yield made
    made.nothing_is_gone()
    made.teardown()


def only(machine: OutboxMachine, who: str) -> int:
    (number,) = machine.hands[who]
    return number


@pytest.mark.parametrize("lane", LANES)
def test_the_budget_is_spent_and_no_more(machine: OutboxMachine, lane: Lane) -> None:
    """Two seconds of a sender that always finds something: no window of one second holds more than is allowed."""
    machine.fill(lane)
    for _ in range(50):
        machine.claim("one", 40)
        machine.write(dict.fromkeys(machine.hands["one"], End.SENT), "one")
        machine.at += SECOND / 25
    assert len(machine.sent) == (3 + 39 if lane in BULK else 5 + 49)


@pytest.mark.parametrize(("chat", "edit"), [(1, False), (1, True), (-3, False), (-3, True)])
def test_a_chat_gets_a_burst_and_then_one_at_a_time(machine: OutboxMachine, chat: int, *, edit: bool) -> None:
    """At each moment just what the model lets go, in steps of less than the least wait."""
    machine.put(chat, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.write({only(machine, "one"): End.SENT}, "one")
    machine.at += 30 * SECOND
    for number in range(1, 9):
        machine.put(chat, Lane.REPLY, "s0" if edit else f"s{number}", "edit" if edit else "new", number)
        while not machine.hands["one"]:
            machine.at += SECOND / 20
            machine.claim("one", 1)
        machine.write({only(machine, "one"): End.SENT}, "one")


@pytest.mark.parametrize("lane", LANES)
def test_an_orphan_is_free_from_the_end_of_its_lease_on(machine: OutboxMachine, lane: Lane) -> None:
    machine.put(1, lane, "s0")
    machine.claim("one", 1)
    number = only(machine, "one")
    machine.kill("one")
    for early in (LEASE, SECOND, MICROSECOND):
        machine.at = START + LEASE - early
        machine.claim("two", 9)
        assert not machine.hands["two"]
    machine.at = START + LEASE
    machine.claim("two", 9)
    assert only(machine, "two") == number


def test_what_a_sender_has_in_hand_it_does_not_take_again_though_its_lease_is_over(machine: OutboxMachine) -> None:
    machine.put(1, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.at += LEASE
    assert machine.taken("one", 9) == ()
    machine.renew()
    machine.claim("two", 9)
    assert not machine.hands["two"]


def test_a_claim_that_was_not_heard_of_is_free_once_its_sender_says_so(machine: OutboxMachine) -> None:
    machine.put(1, Lane.RED_FLAG, "s0")
    machine.put(2, Lane.RED_FLAG, "s1")
    machine.claim("one", 1)
    machine.claim_unheard("one", 1)
    machine.at += SECOND
    machine.claim("two", 9)
    machine.says_anew("two")
    machine.claim("two", 9)
    assert not machine.hands["two"], "it is not the other's to let go"
    machine.says_anew("one")
    machine.claim("two", 9)
    assert len(machine.hands["one"]) == len(machine.hands["two"]) == 1


def test_what_is_over_ends_unless_somebody_has_it_in_hand(machine: OutboxMachine) -> None:
    for chat in (1, 2):
        machine.put(chat, Lane.REMINDER, f"s{chat}", lasts=5)
    machine.claim("one", 1)
    for seconds in (5, 6):
        machine.at = START + seconds * SECOND
        machine.looked_at("three", 0, [])
        machine.database.run(lambda s: s.expire_outbox(machine.at))
        machine.nothing_is_gone()
    assert sorted(row.state for row in machine.rows.values()) == [OutboxState.EXPIRED, OutboxState.WAITING]
    machine.write({only(machine, "one"): End.SENT}, "one")


def test_what_is_over_holds_nothing_up_though_the_clock_is_set_back(machine: OutboxMachine) -> None:
    """A lease that was over would run again, and the chat wait for nothing."""
    machine.put(1, Lane.REMINDER, "s0", lasts=5)
    machine.claim("one", 1)
    machine.kill("one")
    machine.at += LEASE
    machine.claim("two", 9)
    assert machine.rows[1].state is OutboxState.EXPIRED
    machine.put(1, Lane.REPLY, "s1")
    machine.clock_is_set(-1 / 3600)
    machine.claim("two", 9)
    assert only(machine, "two") == 2


@pytest.mark.parametrize("how", End)
def test_each_end_of_an_edit(machine: OutboxMachine, how: End) -> None:
    machine.put(1, Lane.REPLY, "s0")
    machine.claim("one", 1)
    machine.write({only(machine, "one"): End.SENT}, "one")
    machine.put(1, Lane.REPLY, "s0", "edit", 1)
    machine.claim("one", 1)
    machine.write({only(machine, "one"): how}, "one")
    machine.nothing_is_gone()
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


def test_on_sqlite() -> None:
    run(OutboxMachine, EXAMPLES)


def test_screens_on_sqlite() -> None:
    run(ScreensMachine, EXAMPLES)


def test_on_postgresql() -> None:
    with postgres_server() as server:
        Postgres.server = server
        run(OnPostgres, EXAMPLES // 3)
        run(ScreensOnPostgres, EXAMPLES // 3)
