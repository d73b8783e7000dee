"""What could not be done: listed without a word of a patient's, tried again, struck off; copies from a shell."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from bot.app import patients
from bot.app.store import DeadUpdate, Lane, Outbox, OutboxState
from bot.cli.office import in_transaction
from bot.core.screen import Screen, Text
from tests.cli.conftest import Shell

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = ("--by", "op-1")


def dead_start(payload: str, *, good: bool = True) -> int:
    """An invite that a fault kept from being opened."""
    message = {
        "message_id": 1,
        "date": 1_772_000_000,
        "chat": {"id": 77, "type": "private", "first_name": "x"},
        "from": {"id": 77, "is_bot": False, "first_name": "x", "language_code": "en"},
        "text": f"/start {payload}",
        "entities": [{"type": "bot_command", "offset": 0, "length": 6}],
    }
    raw = json.dumps({"update_id": 5, "message": message}) if good else "{"
    row = DeadUpdate(update_id=5, chat_id=77, raw=raw, error="KeyError at bot.app.x:1", at=AT)
    return in_transaction(lambda store, _clinic, _at: store.add_dead_update(row).id)


def invited() -> str:
    def add(store, clinic, at):
        return patients.add(store, clinic, code="P-0001", ici_start=date(2026, 2, 1), at=at)[1]

    return in_transaction(add)


def failed_message() -> int:
    def make(store, _clinic, at):
        screen = Screen(name="x", lines=(Text(key="stop.kept"),))
        number = store.enqueue(
            Outbox(
                patient_id=None,
                chat_id=77,
                language="en",
                lane=Lane.REPLY,
                slot="checkin:3",
                mode="new",
                revision=0,
                screen=screen,
                created_at=at,
                not_before=at,
            )
        )
        store.mark_failed(number, error="BadRequest: CAN'T PARSE ENTITIES", at=at)
        return number

    return in_transaction(make)


def states():
    counts = in_transaction(lambda store, _clinic, _at: store.outbox_counts())
    return {state: n for (_, state), n in counts.items()}


def audited():
    return [(a.actor, a.action, a.subject) for a in in_transaction(lambda store, _c, _a: store.audit_lines(limit=3))]


def test_they_are_listed_without_what_was_sent(shell: Shell) -> None:
    assert shell("dead", "list").out == "Nothing is dead.\n"
    update, message = dead_start("secret-payload"), failed_message()
    said = shell("dead", "list")
    assert "secret-payload" not in said.out
    assert "77" not in said.out
    listed = shell("dead", "list", "--json").json
    assert [(one["ref"], one["why"]) for one in listed] == [
        (f"update-{update}", "KeyError at bot.app.x:1"),
        (f"message-{message}", "BadRequest: CAN'T PARSE ENTITIES"),
    ]
    assert listed[1]["what"] == "lane reply, checkin, 0 attempts"


def test_an_update_is_worked_off_after_all(shell: Shell) -> None:
    number = dead_start(invited())
    assert shell("dead", "retry", f"update-{number}", *BY).out == f"update-{number} was worked off.\n"
    assert shell("patient", "show", "P-0001", "--json").json["state"] == "enrolling"
    assert states()[OutboxState.WAITING] >= 1, "the patient is shown the first screen"
    assert shell("dead", "list", "--json").json == []
    assert ("op-1", "dead_retried", f"update-{number}") in audited()
    again = shell("dead", "retry", f"update-{number}", *BY)
    assert (again.status, "see `nervecheck dead list`" in again.err) == (1, True)


def test_an_update_that_fails_again_stays(shell: Shell) -> None:
    number = dead_start("x", good=False)
    said = shell("dead", "retry", f"update-{number}", *BY)
    assert (said.status, "failed again (JSONDecodeError" in said.err) == (1, True)
    assert [one["ref"] for one in shell("dead", "list", "--json").json] == [f"update-{number}"]


def test_a_message_is_sent_again_or_struck_off(shell: Shell) -> None:
    number = failed_message()
    assert states() == {OutboxState.FAILED: 1}
    assert shell("dead", "retry", f"message-{number}", *BY).status == 0
    assert states() == {OutboxState.WAITING: 1}
    assert shell("dead", "drop", f"message-{number}", *BY).status == 1, "what waits is not dead"
    other = failed_message()
    assert shell("dead", "drop", f"message-{other}", *BY).out == f"message-{other} is struck off.\n"
    assert shell("dead", "list", "--json").json == []
    assert ("op-1", "dead_dropped", f"message-{other}") in audited()


def test_what_names_nothing_is_refused(shell: Shell) -> None:
    for ref in ("12", "letter-1", "update-", "update-x", "message-99", "update-99"):
        for command in ("retry", "drop"):
            said = shell("dead", command, ref, *BY)
            assert (said.status, "dead list" in said.err) == (1, True), ref


def test_a_copy_is_made_checked_and_put_back(shell: Shell, tmp_path: Path) -> None:
    invited()
    target = tmp_path / "one.backup"
    assert f"nervecheck restore {target} --verify" in shell("backup", str(target)).out
    found = shell("restore", str(target), "--verify", "--json").json
    assert (found["rows"]["patient"], found["opened"]) == (1, 1)
    assert "Nothing changed." in shell("restore", str(target), "--verify").out
    shell("patient", "add", "--code", "P-0002", "--ici-start", "2026-02-01")
    said = shell("restore", str(target)).out
    assert "before-restore-1" in said
    assert [row["code"] for row in shell("patient", "list", "--json").json] == ["P-0001"]
    twice = shell("backup", str(target))
    assert (twice.status, "exists already" in twice.err) == (1, True)
