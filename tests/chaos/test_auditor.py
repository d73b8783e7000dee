"""The auditor itself: each loss it is there for, made by hand, is found; a clean run has none."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app import checkins, conversation
from bot.app.store import Patient
from bot.chat.buttons import encode
from bot.core.checkin import State
from bot.core.screen import Action
from bot.sandbox.journal import Call
from tests.app.conftest import AT, packaged
from tests.chaos.auditor import Evidence, audit, left, most_within
from tests.chaos.fleet import Kill
from tests.chaos.robots import Tapped
from tests.contract.samples import patient
from tests.fakes.databases import sqlite_database

KEY = b"k" * 32
FLAG = ("choose", "safety_now", "yes")


class Scene:
    """One patient on a real database, one check-in, one red flag; and what was seen of it."""

    def __init__(self, database) -> None:
        self.database = database
        self.clinic = packaged()
        made = patient("P-0001", state="active", chat_id=7, timezone="Europe/Berlin")
        self.anna: Patient = database.run(lambda s: s.add_patient(made))
        database.run(
            lambda s: checkins.open_checkin(s, self.clinic, self.anna, form="quick", kind="extra", due_at=AT, at=AT)
        )
        (self.row,) = database.run(lambda s: s.checkins(self.anna.id))
        question = self.row.value.cursor
        benign = Action(kind="choose", subject=self.row.id, revision=0, question=question, choice="no")
        self.taps = [Tapped(1, 7, benign, 10.0, moved=True)]
        database.run(lambda s: (s.first_time(1, AT), conversation.tap(s, self.clinic, 7, benign, AT)))
        self.send()

    def send(self) -> None:
        """Everything that waits arrives, each once."""
        from tests.chaos.auditor import _outbox  # noqa: PLC0415 - the same rows that are audited

        rows = self.database.run(_outbox)
        self.calls = []
        for number, row in enumerate(r for r in rows if r.state in {"waiting", "sent"}):
            self.database.run(lambda s, n=row.id: s.mark_sent(n, owner="x", message_id=n, at=AT))
            self.calls.append(call(number, row.id))

    def findings(self, **changes):
        seen = Evidence(
            calls=self.calls,
            taps=self.taps,
            kills=[],
            first_update=1,
            next_update=2,
            unconfirmed=0,
            key=KEY,
            begun=AT - timedelta(days=30),
            until=AT + timedelta(minutes=1),
        )
        return self.database.run(lambda s: audit(s, self.clinic, replace(seen, **changes))).found


def call(number: int, row: int, *, at: float = 0.0, pid: int = 1, lost: bool = False, markup=None) -> Call:
    params = {"chat_id": 7, "outbox_row": row, "outbox_pid": pid, "outbox_at": f"{number / 2}", "reply_markup": markup}
    return Call(number, "sendMessage", params, at + number, AT, result={}, lost=lost, ended=at + number + 0.1)


@pytest.fixture
def scene(tmp_path):
    made = Scene(sqlite_database(tmp_path / "x.db"))
    yield made
    made.database.shut()


def kinds(found):
    return {kind for kind, lines in found.items() if lines}


def test_where_nothing_is_wrong_nothing_is_found(scene):
    assert kinds(scene.findings()) == set()


def test_an_update_that_was_confirmed_and_never_worked_off(scene):
    assert kinds(scene.findings(next_update=3)) == {"answers lost"}
    assert kinds(scene.findings(unconfirmed=1)) == {"answers lost"}


def test_an_answer_that_moved_the_check_in_on_and_is_not_stored(scene):
    other = scene.taps[0].action.model_copy(update={"question": "numbness", "choice": "severe"})
    assert "answers lost" in kinds(scene.findings(taps=[replace(scene.taps[0], action=other)]))


def test_a_red_flag_without_a_call_screen(scene):
    from tests.contract.samples import alert  # noqa: PLC0415

    scene.database.run(lambda s: s.add_alert(alert(scene.anna.id, raised_at=AT)))
    assert "red flags without call screen" in kinds(scene.findings())
    late = scene.findings(until=AT + timedelta(hours=2))
    assert "alerts without loop-back" in kinds(late)


def test_a_message_that_counts_as_sent_and_never_arrived(scene):
    found = kinds(scene.findings(calls=[]))
    assert {"messages never sent", "check-ins missed"} <= found


def test_a_message_that_is_there_twice_needs_a_reason(scene):
    first = scene.calls[0]
    again = call(50, first.params["outbox_row"], pid=2)
    assert kinds(scene.findings(calls=[*scene.calls, again])) == {"messages doubled"}
    killed = scene.findings(calls=[*scene.calls, again], kills=[Kill(1, 5.0)])
    assert kinds(killed) == {"doubled, in flight at a kill"}
    still_on_its_way = replace(first, at=5.02, ended=5.03)
    arrived = scene.findings(calls=[still_on_its_way, *scene.calls[1:], again], kills=[Kill(1, 5.0)])
    assert kinds(arrived) == {"doubled, in flight at a kill"}, "a dead process sends nothing: it had been sent off"
    later = scene.findings(calls=[*scene.calls, again], kills=[Kill(1, 60.0)])
    assert kinds(later) == {"messages doubled"}, "it lived on"
    other = scene.findings(calls=[*scene.calls, again], kills=[Kill(2, 5.0)])
    assert kinds(other) == {"messages doubled"}, "another process was killed"
    lost = scene.findings(calls=[replace(first, lost=True), *scene.calls[1:], again])
    assert kinds(lost) == {"doubled, answer lost on the way"}


def test_an_old_question_after_a_newer_one(scene):
    def shown(number, revision):
        action = Action(kind="choose", subject=1, revision=revision, question="x", choice="no")
        button = {"text": "x", "callback_data": encode(action, KEY, 7)}
        return call(number, 900 + number, markup={"inline_keyboard": [[button]]})

    assert "order broken" in kinds(scene.findings(calls=[*scene.calls, shown(60, 2), shown(61, 1)]))
    assert "order broken" not in kinds(scene.findings(calls=[*scene.calls, shown(60, 1), shown(61, 2)]))
    slow = replace(shown(60, 1), number=62)
    noted_late = scene.findings(calls=[*scene.calls, shown(61, 2), slow])
    assert "order broken" not in kinds(noted_late), "it was carried out when it came; only its answer was late"


def test_what_was_opened_before_the_run_need_not_be_shown_in_it(scene):
    from tests.contract.samples import checkin  # noqa: PLC0415

    scene.database.run(lambda s: s.add_checkin(checkin(scene.anna.id, AT - timedelta(hours=1), kind="extra")))
    assert "check-ins missed" in kinds(scene.findings())
    assert "check-ins missed" not in kinds(scene.findings(begun=AT + timedelta(seconds=1), calls=[]))


@pytest.mark.parametrize(("kind", "missed"), [("worse", False), ("extra", True)])
def test_a_form_asked_for_need_not_be_shown_when_a_newer_one_was(scene, kind, missed):
    from tests.contract.samples import checkin  # noqa: PLC0415

    replaced = checkin(scene.anna.id, AT - timedelta(hours=1), State.REPLACED, kind=kind, closed_at=AT)
    scene.database.run(lambda s: s.add_checkin(replaced))
    assert "check-ins missed" in kinds(scene.findings()), "nothing came instead of it"
    later, clinic, anna = AT + timedelta(seconds=9), scene.clinic, scene.anna
    scene.database.run(
        lambda s: checkins.open_checkin(s, clinic, anna, form="quick", kind="extra", due_at=later, at=later)
    )
    scene.send()
    assert bool(scene.findings()["check-ins missed"]) is missed, scene.findings()["check-ins missed"]


def test_a_day_on_which_nothing_was_asked_and_one_with_two(scene):
    from tests.contract.samples import checkin  # noqa: PLC0415

    begun = checkin(scene.anna.id, AT - timedelta(days=20), kind="baseline", closed_at=AT - timedelta(days=20))
    scene.database.run(lambda s: s.add_checkin(begun))
    assert "check-ins missed" in kinds(scene.findings(until=AT + timedelta(days=5)))
    for hours in (1, 2):
        row = checkin(scene.anna.id, AT + timedelta(hours=hours), kind="scheduled", closed_at=AT)
        scene.database.run(lambda s, r=row: s.add_checkin(r))
    assert "check-ins doubled" in kinds(scene.findings())


def test_the_most_within_some_seconds():
    calls = [call(0, 1, at=at) for at in (0.0, 0.5, 0.99, 1.4, 3.0)]
    assert (most_within(calls, 1), most_within(calls, 2)) == (3, 4)


def test_what_was_let_go_in_turn_and_came_in_a_crowd():
    calls = [call(number, 1, at=-number) for number in range(6)]
    assert (most_within(calls, 1), most_within(calls, 1, left)) == (6, 2)
