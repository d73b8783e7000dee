import sqlite3
from contextlib import closing

import pytest

from tests.cli.conftest import Shell
from tests.cli.test_patient import add, day


def test_plan_is_shown_previewed_and_changed(shell: Shell) -> None:
    add(shell)
    shown = shell("plan", "show", "P-0017", "--json").json
    assert (shown["plan"], shown["ici_stop"]) == ("standard", None)
    ahead = shell("plan", "preview", "P-0017", "--regimen", "combination")
    assert ahead.status == 0
    assert "+ new" in ahead.out
    assert shell("plan", "show", "P-0017", "--json").json == shown
    done = shell("plan", "set", "P-0017", "--by", "lead-1", "--ici-stop", day(days=1), "--json")
    assert done.json["ici_stop"] == day(days=1)
    assert done.json["stop_reason"] == "unknown"
    assert {m["mark"] for m in done.json["messages"]} == {"same"}
    corrected = shell("plan", "set", "P-0017", "--by", "lead-1", "--stop-reason", "side_effect", "--drug", "nivolumab")
    assert corrected.status == 0
    assert "side effect" in corrected.out
    again = shell("plan", "set", "P-0017", "--by", "lead-1", "--ici-restart", day(days=0), "--send-time", "18:00")
    assert again.status == 0
    assert "18:00" in again.out
    seen = shell("patient", "show", "P-0017", "--json").json
    assert [(p["period"], p["stop_reason"], p["drug"]) for p in seen["periods"]] == [
        (1, "side_effect", "nivolumab"),
        (2, None, "nivolumab"),
    ]
    assert len(seen["treatment_history"]) == 4
    text = shell("patient", "show", "P-0017").out
    assert text.count("nivolumab") >= 5
    gone = shell("plan", "set", "P-0017", "--by", "lead-1", "--no-ici-restart")
    assert gone.status == 0
    refused = shell("plan", "set", "P-0017", "--by", "lead-1", "--period", "2", "--ici-stop", day(days=1))
    assert refused.status == 1
    assert "treatment period 2: P-0017 has 1" in refused.err


def test_show_for_withdrawn_patient_has_no_messages(shell: Shell) -> None:
    add(shell)
    shell("patient", "withdraw", "P-0017")
    assert "No messages in the next 14 days." in shell("plan", "show", "P-0017").out


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("set", "P-0017", "--by", "lead-1"), 1, "the edit changes nothing"),
        (("set", "P-0017", "--ici-stop", "2026-01-01"), 2, "--by"),
        (("set", "P-9999", "--by", "lead-1", "--plan", "standard"), 1, "no patient has the code 'P-9999'"),
        (("preview", "P-0017", "--plan", "weekly"), 1, "plan 'weekly': the protocol has"),
        (("preview", "P-0017", "--send-time", "25:00"), 2, "--send-time"),
    ],
)
def test_invalid_change_is_refused(shell: Shell, words: tuple[str, ...], status: int, expected: str) -> None:
    add(shell)
    result = shell("plan", *words)
    assert (result.status, expected in result.err) == (status, True)


def test_plan_of_a_silent_patient_names_what_is_skipped(shell: Shell) -> None:
    add(shell)
    with closing(sqlite3.connect(shell.folder / "var" / "sandbox.db")) as database:
        database.execute(
            "UPDATE patient SET state = 'active', unanswered = 5, rests_until = ?", (day(days=0)[:4] + "-12-31",)
        )
        database.commit()
    found = shell("plan", "show", "P-0017", "--json").json
    text = shell("plan", "show", "P-0017").out
    assert found["unanswered"] == 5
    assert len(found["skipped"]) > 1
    assert {skipped["reason"] for skipped in found["skipped"]} == {"silence"}
    assert "Skipped: " in text
    assert "5 check-ins in a row are unanswered" in text
    assert shell("patient", "show", "P-0017", "--json").json["unanswered"] == 5
