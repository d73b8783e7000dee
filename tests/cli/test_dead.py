"""What could not be done: listed without a word of a patient's, tried again, struck off; copies from a shell."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.app import conversation, patients
from bot.app.store import Caregiver, DeadUpdate, Lane, Outbox, OutboxState
from bot.cli.office import in_transaction
from bot.core.screen import Screen, Text
from tests.cli.conftest import Shell

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = ("--by", "op-1")


WRITTEN = {
    "message_id": 1,
    "date": 1_772_000_000,
    "chat": {"id": 77, "type": "private", "first_name": "x"},
    "from": {"id": 77, "is_bot": False, "first_name": "x", "language_code": "en"},
}


def dead_update(raw: dict[str, object] | None, *, chat: int = 77) -> int:
    """Something a fault kept from being worked off; None: it is not even JSON."""
    text = json.dumps({"update_id": 5, **raw}) if raw is not None else "{"
    row = DeadUpdate(update_id=5, chat_id=chat, raw=text, error="KeyError at bot.app.x:1", at=AT)
    return in_transaction(lambda store, _clinic, _at: store.add_dead_update(row).id)


def dead_start(payload: str) -> int:
    """An invite that a fault kept from being opened."""
    command = {"entities": [{"type": "bot_command", "offset": 0, "length": 6}]}
    return dead_update({"message": {**WRITTEN, "text": f"/start {payload}", **command}})


def invited() -> str:
    def add(store, clinic, at):
        return patients.add(store, clinic, code="P-0001", ici_start=date(2026, 2, 1), at=at)[1]

    return in_transaction(add)


def queued(slot: str = "checkin:3", *, chat: int = 77, patient: str | None = "P-0001", **more) -> int:
    def make(store, _clinic, at):
        found = store.patient_by_code(patient) if patient else None
        row = Outbox(
            patient_id=found.id if found else None,
            chat_id=chat,
            language="en",
            lane=more.pop("lane", Lane.REPLY),
            slot=slot,
            mode="new",
            revision=more.pop("revision", 0),
            screen=Screen(name="x", lines=(Text(key="stop.kept"),)),
            created_at=at,
            not_before=at,
            **more,
        )
        return store.enqueue(row)

    return in_transaction(make)


def failed_message(slot: str = "checkin:3", **more) -> int:
    number = queued(slot, **more)
    error = "BadRequest: CAN'T PARSE ENTITIES"
    in_transaction(lambda store, _clinic, at: store.mark_failed(number, error=error, at=at))
    return number


def enrolling(shell: Shell) -> None:
    """P-0001 opened their link in chat 77, and all that it brought was sent."""
    number = dead_start(invited())
    assert shell("dead", "retry", f"update-{number}", *BY).status == 0
    in_transaction(lambda store, _clinic, _at: store.drop_unsent(77, "enrol"))


def refused(shell: Shell, ref: str, *words: str) -> None:
    """It can't be tried again, for that reason, and stays listed."""
    said = shell("dead", "retry", ref, *BY)
    assert (said.status, said.out) == (1, "")
    for word in (*words, f"dead drop {ref}"):
        assert word in " ".join(said.err.split()), said.err
    assert ref in [one["ref"] for one in shell("dead", "list", "--json").json]


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
    number = dead_update(None)
    said = shell("dead", "retry", f"update-{number}", *BY)
    assert (said.status, "failed again (JSONDecodeError" in said.err) == (1, True)
    assert [one["ref"] for one in shell("dead", "list", "--json").json] == [f"update-{number}"]


def test_a_message_is_sent_again_or_struck_off(shell: Shell) -> None:
    enrolling(shell)
    number = failed_message(not_after=datetime.now(UTC) + timedelta(hours=1))
    assert states()[OutboxState.FAILED] == 1
    said = shell("dead", "retry", f"message-{number}", *BY)
    assert said.out == f"message-{number} waits to be sent.\n"
    assert (states()[OutboxState.WAITING], OutboxState.FAILED in states()) == (1, False)
    assert ("op-1", "dead_retried", f"message-{number}") in audited()
    assert shell("dead", "drop", f"message-{number}", *BY).status == 1, "what waits is not dead"
    other = failed_message()
    assert shell("dead", "drop", f"message-{other}", *BY).out == f"message-{other} is struck off.\n"
    assert shell("dead", "list", "--json").json == []
    assert ("op-1", "dead_dropped", f"message-{other}") in audited()


def test_nothing_is_sent_again_to_a_patient_who_has_left(shell: Shell) -> None:
    enrolling(shell)
    number = failed_message(lane=Lane.RED_FLAG)
    assert shell("patient", "withdraw", "P-0001").status == 0
    refused(shell, f"message-{number}", "has left")


def test_nothing_is_sent_again_to_a_patient_who_has_blocked_the_bot(shell: Shell) -> None:
    enrolling(shell)
    number = failed_message()
    in_transaction(
        lambda store, clinic, at: conversation.membership(store, clinic, 77, reachable=False, at=at) and None
    )
    refused(shell, f"message-{number}", "can't be reached")


def test_nothing_is_sent_again_to_a_chat_that_was_the_patients(shell: Shell) -> None:
    enrolling(shell)
    refused(shell, f"message-{failed_message(chat=78)}", "a chat that is the patient's no more")


def test_a_caregivers_message_is_sent_again_while_they_help(shell: Shell) -> None:
    enrolling(shell)

    def help_out(store, _clinic, at, **more):
        found = store.patient_by_code("P-0001")
        helper = Caregiver(patient_id=found.id, token_hash="c", expires_at=at, language="en", invited_at=at, **more)
        return store.add_caregiver(helper)

    helper = in_transaction(lambda *office: help_out(*office, state="active", chat_id=78))
    tapped = dead_update({"message": {**WRITTEN, "chat": {"id": 78, "type": "private"}, "text": "2"}}, chat=78)
    refused(shell, f"update-{tapped}", "of a caregiver of P-0001", "ask them")
    first, second = failed_message(chat=78), failed_message("menu", chat=78)
    assert shell("dead", "retry", f"message-{first}", *BY).status == 0
    ended = helper.model_copy(update={"state": "ended", "chat_id": None})
    in_transaction(lambda store, _clinic, _at: store.save_caregiver(ended))
    refused(shell, f"message-{second}", "no more")


def test_an_old_screen_is_not_sent_after_a_newer_one(shell: Shell) -> None:
    enrolling(shell)
    old = failed_message(revision=1)
    new = queued(revision=5)
    refused(shell, f"message-{old}", "overtaken")
    in_transaction(lambda store, _clinic, at: store.mark_sent(new, owner="me", message_id=55, at=at))
    refused(shell, f"message-{old}", "overtaken")


def test_what_is_over_is_not_sent_again(shell: Shell) -> None:
    enrolling(shell)
    refused(shell, f"message-{failed_message(not_after=AT)}", "is over")


def test_what_the_team_was_told_is_sent_again_to_who_is_still_of_it(shell: Shell) -> None:
    assert shell("staff", "add", "lead-1", "--role", "lead", *BY).status == 0
    number = failed_message("staff-alert:1", patient=None)
    refused(shell, f"message-{number}", "of the team no more")

    def joins(store, _clinic, at):
        person = store.staff_by_name("lead-1")
        store.save_staff(person.model_copy(update={"state": "active", "chat_id": 77, "joined_at": at}))

    in_transaction(joins)
    assert shell("dead", "retry", f"message-{number}", *BY).status == 0


def test_a_stranger_is_answered_after_all(shell: Shell) -> None:
    number = failed_message("stranger", patient=None)
    assert shell("dead", "retry", f"message-{number}", *BY).status == 0


def test_a_message_that_cannot_be_read_is_not_sent_again(shell: Shell) -> None:
    enrolling(shell)
    number = failed_message()
    with closing(sqlite3.connect(next(shell.folder.rglob("*.db")))) as connection, connection:
        connection.execute("UPDATE outbox SET screen = x'00' WHERE id = ?", (number,))
    refused(shell, f"message-{number}", "can't be read")


def test_what_names_nothing_is_refused(shell: Shell) -> None:
    for ref in ("12", "letter-1", "update-", "update-x", "message-99", "update-99"):
        for command in ("retry", "drop"):
            said = shell("dead", command, ref, *BY)
            assert (said.status, "dead list" in said.err) == (1, True), ref


def test_a_copy_is_made_checked_and_put_back(shell: Shell, tmp_path: Path) -> None:
    enrolling(shell)
    target = tmp_path / "one.backup"
    assert f"nervecheck restore {target} --verify" in shell("backup", str(target)).out
    found = shell("restore", str(target), "--verify", "--json").json
    assert found["rows"]["patient"] == 1
    assert found["opened"] > 0
    assert "Nothing changed." in shell("restore", str(target), "--verify").out
    shell("patient", "add", "--code", "P-0002", "--ici-start", "2026-02-01")
    said = shell("restore", str(target)).out
    assert "before-restore-1" in said
    assert [row["code"] for row in shell("patient", "list", "--json").json] == ["P-0001"]
    twice = shell("backup", str(target))
    assert (twice.status, "exists already" in twice.err) == (1, True)
