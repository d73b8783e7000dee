from typing import Any

from bot.app import alerts, lookup
from bot.app.store import PatientState
from bot.cli.office import in_transaction
from bot.core.protocol import Tier
from tests.cli.conftest import Shell
from tests.cli.test_patient import add


def raised(shell: Shell) -> str:
    """Raise an URGENT alert of a patient in the shell's database; return its number."""
    add(shell)

    def work(store: Any, clinic: Any, at: Any) -> str:
        found = lookup.locked(store, "P-0017")
        store.save_patient(found.model_copy(update={"state": PatientState.ACTIVE}))
        made = alerts.raise_alert(store, clinic, found, tier=Tier.URGENT, rules=("new.eyes",), checkin_id=None, at=at)
        return str(made.id)

    return in_transaction(work)


def test_no_alert_is_said(shell: Shell) -> None:
    said = shell("alert", "list")
    assert (said.status, said.out) == (0, "No open alerts.\n")
    assert shell("alert", "list", "--json").json == []


def test_an_alert_is_taken_noted_closed_and_reopened(shell: Shell) -> None:
    number = raised(shell)
    listed = shell("alert", "list")
    assert "P-0017" in listed.out
    assert "nobody" in listed.out
    taken = shell("alert", "ack", number, "--by", "lead-1")
    assert taken.out == f"Alert {number}, URGENT, P-0017: has: lead-1; outcome: none yet.\n"
    second = shell("alert", "ack", number, "--by", "lead-2")
    assert (second.status, "was taken by lead-1" in second.err) == (1, True)
    assert shell("alert", "close", number, "--by", "lead-1").status == 1
    assert shell("alert", "assign", number, "--to", "lead-2", "--by", "lead-1", "--json").json["taken_by"] == "lead-2"
    assert shell("alert", "note", number, "drug_held", "--by", "lead-2", "--json").json["outcome"] == "drug_held"
    assert "closed by lead-2" in shell("alert", "close", number, "--by", "lead-2").out
    assert shell("alert", "list", "--json").json == []
    assert shell("alert", "reopen", number, "--by", "lead-3", "--json").json["state"] == "unconfirmed"
    (line,) = shell("alert", "list", "--json").json
    assert line["said"].startswith("new.eyes, week ")


def test_bad_words_are_misuse(shell: Shell) -> None:
    assert shell("alert", "ack", "7", "--by", "lead-1").status == 1
    assert shell("alert", "ack", "0", "--by", "lead-1").status == 2
    assert shell("alert", "note", "7", "went_home", "--by", "lead-1").status == 2
    for name in ("+49 30 901820", "@anna", "x" * 33, ""):
        said = shell("alert", "ack", "7", "--by", name)
        assert (said.status, "short name" in " ".join(said.err.replace("│", " ").split())) == (2, True)
