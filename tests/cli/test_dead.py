"""Dead letters: listed without patients' messages, retried and discarded; backups from a shell."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.app.patients import registry
from bot.app.records.messages import Lane, Outbox, OutboxState
from bot.app.records.operations import DeadUpdate
from bot.app.records.patients import Caregiver
from bot.cli.command_context import in_transaction
from bot.core.screen import Screen, Text
from bot.dialog import conversation
from tests.cli.conftest import Shell
from tests.fakes.outbox import message_counts

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = ("--by", "op-1")


WRITTEN = {
    "message_id": 1,
    "date": 1_772_000_000,
    "chat": {"id": 77, "type": "private", "first_name": "x"},
    "from": {"id": 77, "is_bot": False, "first_name": "x", "language_code": "en"},
}


def add_dead_update(raw: dict[str, object] | None, *, chat: int = 77) -> int:
    """Store a dead-letter update; with None it is not even JSON."""
    text = json.dumps({"update_id": 5, **raw}) if raw is not None else "{"
    row = DeadUpdate(update_id=5, chat_id=chat, raw=text, error="KeyError at bot.app.x:1", at=AT)
    return in_transaction(lambda work: work.dead_letters.add_update(row).id)


def add_dead_invite(payload: str) -> int:
    """Store a dead-letter update in which a patient opens an invite."""
    command = {"entities": [{"type": "bot_command", "offset": 0, "length": 6}]}
    return add_dead_update({"message": {**WRITTEN, "text": f"/start {payload}", **command}})


def add_patient() -> str:
    return in_transaction(lambda work: registry.add(work, code="P-0001", ici_start=date(2026, 2, 1))[1])


def enqueue_message(slot: str = "checkin:3", *, chat: int = 77, patient: str | None = "P-0001", **more) -> int:
    def make(work):
        found = work.patients.by_code(patient) if patient else None
        row = Outbox(
            patient_id=found.id if found else None,
            chat_id=chat,
            language="en",
            lane=more.pop("lane", Lane.REPLY),
            slot=slot,
            mode="new",
            revision=more.pop("revision", 0),
            screen=Screen(name="x", lines=(Text(key="stop.kept"),)),
            created_at=work.at,
            not_before=work.at,
            **more,
        )
        return work.outbox.enqueue(row)

    return in_transaction(make)


def add_failed_message(slot: str = "checkin:3", **more) -> int:
    number = enqueue_message(slot, **more)
    error = "BadRequest: CAN'T PARSE ENTITIES"
    in_transaction(lambda work: work.outbox.mark_failed(number, error=error, at=work.at))
    return number


def enrol(shell: Shell) -> None:
    """Let P-0001 open the link in chat 77, with all resulting messages sent."""
    number = add_dead_invite(add_patient())
    assert shell("dead", "retry", f"update-{number}", *BY).status == 0
    in_transaction(lambda work: work.outbox.drop_unsent(77, "enrol"))


def assert_retry_refused(shell: Shell, ref: str, *words: str) -> None:
    """Check that a retry is refused with these words and that the item stays listed."""
    result = shell("dead", "retry", ref, *BY)
    assert (result.status, result.out) == (1, "")
    for word in (*words, f"dead discard {ref}"):
        assert word in " ".join(result.err.split()), result.err
    assert ref in [one["ref"] for one in shell("dead", "list", "--json").json]


def outbox_counts():
    counts = in_transaction(message_counts)
    return {state: n for (_, state), n in counts.items()}


def audit_entries():
    return [(a.actor, a.action, a.subject) for a in in_transaction(lambda work: work.audit.lines(limit=3))]


def test_list_shows_no_message_content(shell: Shell) -> None:
    assert shell("dead", "list").out == "No dead letters.\n"
    update, message = add_dead_invite("secret-payload"), add_failed_message()
    result = shell("dead", "list")
    assert "secret-payload" not in result.out
    assert "77" not in result.out
    listed = shell("dead", "list", "--json").json
    assert [(one["ref"], one["why"]) for one in listed] == [
        (f"update-{update}", "KeyError at bot.app.x:1"),
        (f"message-{message}", "BadRequest: CAN'T PARSE ENTITIES"),
    ]
    assert listed[1]["what"] == "lane reply, checkin, 0 attempts"


def test_retry_of_an_update_processes_it(shell: Shell) -> None:
    number = add_dead_invite(add_patient())
    assert shell("dead", "retry", f"update-{number}", *BY).out == f"update-{number} was processed.\n"
    assert shell("patient", "show", "P-0001", "--json").json["state"] == "enrolling"
    assert outbox_counts()[OutboxState.WAITING] >= 1, "the patient must get the first screen"
    assert shell("dead", "list", "--json").json == []
    assert ("op-1", "dead_letter_retried", f"update-{number}") in audit_entries()
    again = shell("dead", "retry", f"update-{number}", *BY)
    assert (again.status, "see `nervecheck dead list`" in again.err) == (1, True)


def test_retry_of_an_update_that_fails_again_keeps_it(shell: Shell) -> None:
    number = add_dead_update(None)
    result = shell("dead", "retry", f"update-{number}", *BY)
    assert (result.status, "failed again (JSONDecodeError" in result.err) == (1, True)
    assert [one["ref"] for one in shell("dead", "list", "--json").json] == [f"update-{number}"]


def test_message_is_retried_or_discarded(shell: Shell) -> None:
    enrol(shell)
    number = add_failed_message(not_after=datetime.now(UTC) + timedelta(hours=1))
    assert outbox_counts()[OutboxState.FAILED] == 1
    result = shell("dead", "retry", f"message-{number}", *BY)
    assert result.out == f"message-{number} is queued for delivery.\n"
    assert (outbox_counts()[OutboxState.WAITING], OutboxState.FAILED in outbox_counts()) == (1, False)
    assert ("op-1", "dead_letter_retried", f"message-{number}") in audit_entries()
    assert shell("dead", "discard", f"message-{number}", *BY).status == 1, "a waiting message is not a dead letter"
    other = add_failed_message()
    assert shell("dead", "discard", f"message-{other}", *BY).out == f"message-{other} was discarded.\n"
    assert shell("dead", "list", "--json").json == []
    assert ("op-1", "dead_letter_discarded", f"message-{other}") in audit_entries()


def test_retry_to_withdrawn_patient_is_refused(shell: Shell) -> None:
    enrol(shell)
    number = add_failed_message(lane=Lane.RED_FLAG)
    assert shell("patient", "withdraw", "P-0001").status == 0
    assert_retry_refused(shell, f"message-{number}", "has left")


def test_retry_to_patient_who_blocked_is_refused(shell: Shell) -> None:
    enrol(shell)
    number = add_failed_message()
    in_transaction(lambda work: conversation.membership(work, 77, reachable=False) and None)
    assert_retry_refused(shell, f"message-{number}", "can't be reached")


def test_retry_to_former_chat_of_patient_is_refused(shell: Shell) -> None:
    enrol(shell)
    assert_retry_refused(
        shell, f"message-{add_failed_message(chat=78)}", "a chat that no longer belongs to the patient"
    )


def test_retry_to_caregiver_needs_active_caregiver(shell: Shell) -> None:
    enrol(shell)

    def help_out(work, **more):
        found = work.patients.by_code("P-0001")
        helper = Caregiver(
            patient_id=found.id, token_hash="c", expires_at=work.at, language="en", invited_at=work.at, **more
        )
        return work.caregivers.add(helper)

    helper = in_transaction(lambda work: help_out(work, state="active", chat_id=78))
    tapped = add_dead_update({"message": {**WRITTEN, "chat": {"id": 78, "type": "private"}, "text": "2"}}, chat=78)
    assert_retry_refused(shell, f"update-{tapped}", "of a caregiver of P-0001", "ask them")
    first, second = add_failed_message(chat=78), add_failed_message("menu", chat=78)
    assert shell("dead", "retry", f"message-{first}", *BY).status == 0
    ended = helper.model_copy(update={"state": "ended", "chat_id": None})
    in_transaction(lambda work: work.caregivers.save(ended))
    assert_retry_refused(shell, f"message-{second}", "no longer belongs")


def test_retry_of_superseded_screen_is_refused(shell: Shell) -> None:
    enrol(shell)
    old = add_failed_message(revision=1)
    new = enqueue_message(revision=5)
    assert_retry_refused(shell, f"message-{old}", "superseded")
    in_transaction(lambda work: work.outbox.mark_sent(new, owner="me", message_id=55, at=work.at))
    assert_retry_refused(shell, f"message-{old}", "superseded")


def test_retry_of_expired_message_is_refused(shell: Shell) -> None:
    enrol(shell)
    assert_retry_refused(shell, f"message-{add_failed_message(not_after=AT)}", "has expired")


def test_retry_to_staff_needs_current_team_member(shell: Shell) -> None:
    assert shell("staff", "add", "lead-1", "--role", "lead", *BY).status == 0
    number = add_failed_message("staff-alert:1", patient=None)
    assert_retry_refused(shell, f"message-{number}", "has left the team")

    def joins(work):
        person = work.staff.by_name("lead-1")
        work.staff.save(person.model_copy(update={"state": "active", "chat_id": 77, "joined_at": work.at}))

    in_transaction(joins)
    assert shell("dead", "retry", f"message-{number}", *BY).status == 0


def test_retry_to_stranger_is_accepted(shell: Shell) -> None:
    number = add_failed_message("stranger", patient=None)
    assert shell("dead", "retry", f"message-{number}", *BY).status == 0


def test_retry_of_unreadable_message_is_refused(shell: Shell) -> None:
    enrol(shell)
    number = add_failed_message()
    with closing(sqlite3.connect(next(shell.folder.rglob("*.db")))) as connection, connection:
        connection.execute("UPDATE outbox SET screen = x'00' WHERE id = ?", (number,))
    assert_retry_refused(shell, f"message-{number}", "can't be read")


def test_unknown_reference_is_refused(shell: Shell) -> None:
    for ref in ("12", "letter-1", "update-", "update-x", "message-99", "update-99"):
        for command in ("retry", "discard"):
            result = shell("dead", command, ref, *BY)
            assert (result.status, "dead list" in result.err) == (1, True), ref


def test_backup_is_created_verified_and_restored(shell: Shell, tmp_path: Path) -> None:
    enrol(shell)
    target = tmp_path / "one.backup"
    assert f"nervecheck restore {target} --verify" in shell("backup", str(target)).out
    found = shell("restore", str(target), "--verify", "--json").json
    assert found["rows"]["patient"] == 1
    assert found["opened"] > 0
    assert "Nothing was changed." in shell("restore", str(target), "--verify").out
    shell("patient", "add", "--code", "P-0002", "--ici-start", "2026-02-01")
    result = shell("restore", str(target)).out
    assert "before-restore-1" in result
    assert [row["code"] for row in shell("patient", "list", "--json").json] == ["P-0001"]
    twice = shell("backup", str(target))
    assert (twice.status, "already exists" in twice.err) == (1, True)
