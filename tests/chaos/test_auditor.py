"""The auditor itself finds each kind of loss that a test creates, and nothing in a clean run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.screen import Action
from bot.db import tables as t
from tests.app.conftest import AT
from tests.chaos.evidence import ClockSet, Timeline, Window, left, most_within
from tests.chaos.fleet import Kill
from tests.chaos.model import _orders
from tests.chaos.robots import Tapped
from tests.chaos.scene import CHAT, Scene
from tests.chaos.stored import ProcessedTap
from tests.fakes.databases import sqlite_database

QUIET = ("none", "none", "none")
""" "Nothing new" was said, no sign of either safety screen, no numbness: the quick check has ended."""


@pytest.fixture
def scene(tmp_path):
    made = Scene(sqlite_database(tmp_path / "x.db"))
    yield made
    made.database.shut()


def finish(scene):
    for choice in ("no", *QUIET):
        scene.choose(choice)


def test_auditor_finds_nothing_when_nothing_is_wrong(scene):
    assert scene.kinds() == set()
    finish(scene)
    assert scene.row.value.state == "done"
    assert scene.kinds() == set()


# -- answers


def test_none_on_a_safety_screen_expires(scene):
    for choice in ("no", "none", "none"):
        scene.choose(choice)
    scene.pass_on(hours=7)
    for _ in range(3):
        scene.choose("none")
    assert scene.row.value.state == "done"
    assert len(scene.taps) == 6, "both screens were asked again"
    assert scene.kinds() == set()


def test_finds_none_that_counts_although_it_expired(scene, monkeypatch):
    for choice in ("no", "none", "none"):
        scene.choose(choice)
    scene.pass_on(hours=7)
    monkeypatch.setattr("bot.app.checkins.answering.with_fresh_screens", lambda _work, row, _given: row)
    scene.choose("none")
    assert scene.row.value.state == "done"
    assert "answers lost" in scene.kinds()


def test_finds_update_confirmed_but_never_processed(scene):
    scene.choose("no")
    assert scene.kinds(next_update=3) == {"answers lost"}
    assert scene.kinds(unconfirmed=1) == {"answers lost"}


def test_finds_tapped_answer_that_is_not_stored(scene):
    scene.choose("no")
    scene.spoil("DELETE FROM answer")
    assert "answers lost" in scene.kinds()


def test_finds_last_questions_answer_that_is_not_stored(scene):
    finish(scene)
    scene.spoil("DELETE FROM answer WHERE question = 'numbness'")
    assert "answers lost" in scene.kinds()


def test_finds_checkbox_tick_that_is_not_stored(scene):
    for choice in ("yes", "none", "none"):
        scene.choose(choice)
    scene.choose("+dizzy", kind="toggle")
    assert scene.kinds() == set()
    scene.spoil("DELETE FROM answer WHERE question = 'autonomic'")
    assert "answers lost" in scene.kinds()


def test_finds_processed_tap_that_changed_nothing(scene):
    scene.choose("no", works=False)
    assert scene.kinds() == {"answers lost"}
    scene.choose("no")
    assert scene.kinds() == {"answers lost"}, "tapped again it is stored, of another moment"


def test_finds_processed_back_tap_that_changed_nothing(scene):
    scene.choose("no")
    scene.choose("", kind="back", works=False)
    assert scene.kinds() == {"answers lost"}


def test_accepts_the_first_of_two_taps_on_one_screen(scene):
    first, second = (Action(kind="choose", subject=1, question="change", choice=word) for word in ("no", "yes"))
    scene.tap(first, works=False)
    scene.tap(second)
    assert scene.kinds() == {"answers lost"}
    assert scene.kinds(in_turn=False) == set(), "a webhook may have brought the second one first"


def test_accepts_webhook_taps_out_of_order(scene):
    scene.choose("no")
    scene.tap(Action(kind="choose", subject=1, question="change", choice="yes"))
    numbers = [tap.update_id for tap in scene.taps]
    swapped = [replace(tap, update_id=n) for tap, n in zip(scene.taps, reversed(numbers), strict=True)]
    scene.spoil("UPDATE seen_update SET update_id = 3 - update_id + 10")
    scene.spoil("UPDATE seen_update SET update_id = update_id - 10")
    assert scene.kinds(taps=swapped, in_turn=False) == set()
    assert scene.kinds(taps=swapped) == {"answers lost"}


def test_accepts_webhook_taps_out_of_order_while_the_clock_is_set_back(scene):
    first, second = (Action(kind="choose", subject=1, question="change", choice=word) for word in ("no", "yes"))
    scene.tap(first)
    scene.pass_on(hours=-2)
    scene.tap(second)
    numbers = [tap.update_id for tap in scene.taps]
    swapped = [replace(tap, update_id=n) for tap, n in zip(scene.taps, reversed(numbers), strict=True)]
    scene.spoil("UPDATE seen_update SET update_id = 3 - update_id + 10")
    scene.spoil("UPDATE seen_update SET update_id = update_id - 10")
    assert "answers lost" not in scene.kinds(taps=swapped, in_turn=False)
    assert "answers lost" in scene.kinds(taps=swapped)


def test_finds_screen_that_had_to_be_tapped_twice(scene):
    scene.choose("no")
    scene.taps[0].at += 20
    taps = [replace(scene.taps[0], again_after=20.0, first=1)]
    nothing_came = scene.calls[:1]
    assert scene.kinds(taps=taps) == set(), "it was answered"
    assert "taps in vain" in scene.kinds(taps=taps, calls=nothing_came)
    outage = [Window("outage", 3.0, 4.0)]
    assert "taps in vain" not in scene.kinds(taps=taps, calls=nothing_came, windows=outage)
    soon = [replace(taps[0], at=5.0)]
    assert "taps in vain" not in scene.kinds(taps=soon, calls=nothing_came), "it had only just been processed"


def test_finds_chat_that_shows_an_old_question(scene):
    scene.choose("no")
    old = dict(scene.chats[CHAT])
    scene.choose("none")
    assert scene.kinds(chats={CHAT: list(old.values())}) == {"chats that show another screen"}
    assert scene.kinds(chats={CHAT: []}) == {"chats that show another screen"}


def test_finds_check_in_that_ended_without_a_screen(scene):
    for choice in ("no", "none", "none"):
        scene.choose(choice)
    old = dict(scene.chats[CHAT])
    scene.choose("none")
    assert scene.kinds(chats={CHAT: list(old.values())}) == {"chats that show another screen"}


# -- messages


def test_finds_message_sent_but_never_arrived(scene):
    assert {"messages never sent", "check-ins missed"} <= scene.kinds(calls=[])


def test_message_for_later_need_not_be_sent(scene):
    waits = t.outbox.update().values(state="waiting", not_before=AT + timedelta(hours=9))
    scene.database.run(lambda s: s.outbox._connection.execute(waits))
    assert "messages never sent" not in scene.kinds(calls=[])
    assert "messages never sent" in scene.kinds(calls=[], until=AT + timedelta(hours=10))


def test_finds_message_superseded_by_nothing(scene):
    scene.spoil("UPDATE outbox SET state = 'replaced'")
    assert "messages never sent" in scene.kinds(calls=[])


def test_finds_duplicate_message_without_a_reason(scene):
    first, again = scene.calls[0], scene.again("checkin:1")
    assert scene.kinds(calls=[first, again]) == {"messages doubled"}
    while_in_flight = [Kill(1, 5.0)]
    assert scene.kinds(calls=[first, again], kills=while_in_flight) == {"doubled, in flight at a kill"}
    still_on_its_way = replace(first, at=5.02, ended=5.03)
    arrived = scene.kinds(calls=[still_on_its_way, again], kills=while_in_flight)
    assert arrived == {"doubled, in flight at a kill"}, "a dead process sends nothing: it had been sent off"
    assert scene.kinds(calls=[first, again], kills=[Kill(1, 60.0)]) == {"messages doubled"}, "it lived on"
    assert scene.kinds(calls=[first, again], kills=[Kill(2, 5.0)]) == {"messages doubled"}, "another was killed"
    lost = scene.kinds(calls=[replace(first, lost=True), again])
    assert lost == {"doubled, answer lost on the way"}


def test_message_sent_long_before_a_kill_was_not_in_flight(scene):
    first, again = scene.calls[0], scene.again("checkin:1", at=5002.0, ended=5002.1)
    kills = [Kill(1, 5000.0)]
    assert scene.kinds(calls=[first, again], kills=kills) == {"messages doubled"}
    locked = [Window("locked", 1.0, 4999.0)]
    assert scene.kinds(calls=[first, again], kills=kills, windows=locked) == {"doubled, in flight at a kill"}


def test_finds_two_messages_with_the_same_content(scene):
    scene.spoil("UPDATE outbox SET state = 'waiting', id = id")
    copied = "INSERT INTO outbox SELECT id + 100, {} FROM outbox WHERE slot = 'checkin:1'"
    columns = scene.database.run(
        lambda s: [r.name for r in s.outbox._connection.exec_driver_sql("PRAGMA table_info(outbox)")]
    )
    scene.spoil(copied.format(", ".join(name for name in columns if name != "id")))
    scene.calls.clear()
    scene.arrive()
    assert scene.kinds() == {"messages doubled"}


def test_accepts_a_screen_that_was_requested_again(scene):
    scene.choose("no")
    scene.tap(Action(kind="choose", subject=99, choice="no"))
    scene.tap(Action(kind="choose", subject=99, choice="no"))
    assert scene.kinds() == set()


def test_accepts_either_of_two_taps_after_any_number():
    """Two processes: the later by its own clock may have had the lock first."""
    taps = [
        ProcessedTap(AT + timedelta(seconds=n), Tapped(n, CHAT, Action(kind="choose", revision=min(n, 14)), float(n)))
        for n in range(16)
    ]
    orders = [[one.tap.update_id for one in order] for order in _orders(taps, in_turn=False)]
    assert [*range(14), 15, 14] in orders
    assert [[one.tap.update_id for one in order] for order in _orders(taps, in_turn=True)] == [[*range(16)]]


def test_finds_old_question_after_a_newer_one(scene):
    scene.choose("no")
    first, second = scene.calls
    assert scene.kinds(calls=[first, replace(second, at=first.at - 0.05)]) == {"order broken"}
    noted_late = [replace(second, number=1), replace(first, number=2)]
    assert scene.kinds(calls=noted_late) == set(), "it was carried out when it came; only its answer was late"


def test_finds_more_messages_than_telegram_allows(scene):
    params = scene.calls[0].params
    crowd = [
        replace(scene.calls[0], number=n, lost=True, at=n / 100, params={**params, "outbox_at": f"{n / 100}"})
        for n in range(156)
    ]
    assert "limits broken" in scene.kinds(calls=crowd)
    in_turn = [replace(call, params={**params, "outbox_at": f"{n}"}) for n, call in enumerate(crowd)]
    assert "limits broken" not in scene.kinds(calls=in_turn), "the server was suspended, and they arrived together"
    at_once = [replace(call, params={**params, "outbox_at": "1"}, at=n / 7.0) for n, call in enumerate(crowd[:36])]
    assert "limits broken" not in scene.kinds(calls=at_once)
    assert "limits broken" in scene.kinds(calls=at_once, faults=False)


def test_maximum_number_within_some_seconds(scene):
    calls = [replace(scene.calls[0], at=at) for at in (0.0, 0.5, 0.99, 1.4, 3.0)]
    assert (most_within(calls, 1), most_within(calls, 2)) == (3, 4)


def test_accepts_rate_limited_messages_that_arrived_together(scene):
    call = scene.calls[0]
    calls = [replace(call, at=1.0, params={**call.params, "outbox_at": f"{number / 2}"}) for number in range(6)]
    assert (most_within(calls, 1), most_within(calls, 1, left)) == (6, 2)


# -- the clock


def test_time_shown_by_a_clock_that_jumps():
    line = Timeline(100.0, AT, [ClockSet(200.0, 7200.0), ClockSet(300.0, -7200.0), ClockSet(400.0, 60.0, False)])
    assert line.at(150.0) == AT + timedelta(seconds=50)
    assert line.at(250.0) == AT + timedelta(seconds=7350)
    assert line.real_times(AT + timedelta(seconds=50)) == [150.0]
    assert line.real_times(AT + timedelta(seconds=3600)) == [3640.0], "the clock jumped over it at first"
    assert line.real_times(AT + timedelta(seconds=7350)) == [250.0, 7390.0], "it was set back, and came there again"
    assert line.last(AT + timedelta(seconds=7350), 1000.0) == 250.0
    unnoticed = line.last(AT + timedelta(seconds=103), 250.0)
    assert unnoticed == pytest.approx(200.0), "a process that looks at the clock now and then was behind"
    assert unnoticed is not None
    assert line.by_chance(unnoticed, 250.0) == timedelta(hours=2)
    assert line.reached(AT + timedelta(seconds=3600), 150.0) == 200.0
    assert line.by_chance(150.0, 1000.0) == timedelta(0)
    assert line.by_chance(150.0, 250.0) == timedelta(hours=2)
