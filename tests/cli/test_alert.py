from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.patients import lookup
from bot.app.records.patients import PatientState
from bot.app.work import Work
from bot.cli.command_context import in_transaction
from bot.core.protocol import Tier
from tests.cli.conftest import Shell
from tests.cli.test_patient import add


def raise_urgent_alert(shell: Shell) -> str:
    """Add a patient and raise an URGENT alert in the shell's database; return the alert's number."""
    add(shell)

    def raised(work: Work) -> str:
        found = lookup.locked(work.patients, "P-0017")
        work.patients.save(found.model_copy(update={"state": PatientState.ACTIVE}))
        made = raising.raise_alert(work, found, Found(Tier.URGENT, ("new.eyes",)))
        return str(made.id)

    return in_transaction(raised)


def test_list_without_alerts_says_so(shell: Shell) -> None:
    result = shell("alert", "list")
    assert (result.status, result.out) == (0, "No open alerts.\n")
    assert shell("alert", "list", "--json").json == []


def test_alert_is_acknowledged_assigned_closed_and_reopened(shell: Shell) -> None:
    number = raise_urgent_alert(shell)
    listed = shell("alert", "list")
    assert "P-0017" in listed.out
    assert "nobody" in listed.out
    acknowledged = shell("alert", "ack", number, "--by", "lead-1")
    assert acknowledged.out == f"Alert {number}, URGENT, P-0017: owner: lead-1; outcome: none yet.\n"
    second = shell("alert", "ack", number, "--by", "lead-2")
    assert (second.status, "was acknowledged by lead-1" in second.err) == (1, True)
    assert shell("alert", "close", number, "--by", "lead-1").status == 1
    assert shell("alert", "assign", number, "--to", "lead-2", "--by", "lead-1", "--json").json["owner"] == "lead-2"
    assert shell("alert", "note", number, "drug_held", "--by", "lead-2", "--json").json["outcome"] == "drug_held"
    refused = shell("alert", "close", number, "--by", "lead-2")
    assert (refused.status, "nobody is known to have spoken with the patient" in refused.err) == (1, True)
    assert shell("alert", "note", number, "spoke_to_patient", "--by", "lead-2").status == 0
    assert "closed by lead-2" in shell("alert", "close", number, "--by", "lead-2").out
    assert shell("alert", "list", "--json").json == []
    assert shell("alert", "reopen", number, "--by", "lead-3", "--json").json["state"] == "unconfirmed"
    (line,) = shell("alert", "list", "--json").json
    assert line["said"].startswith("new.eyes, week ")


def test_invalid_arguments_exit_with_2(shell: Shell) -> None:
    assert shell("alert", "ack", "7", "--by", "lead-1").status == 1
    assert shell("alert", "ack", "0", "--by", "lead-1").status == 2
    assert shell("alert", "note", "7", "went_home", "--by", "lead-1").status == 2
    assert shell("alert", "note", "7", "no_action", "--by", "lead-1", "--reason", "because").status == 2
    for name in ("+49 30 901820", "@anna", "x" * 33, ""):
        result = shell("alert", "ack", "7", "--by", name)
        assert (result.status, "short name" in " ".join(result.err.replace("│", " ").split())) == (2, True)
