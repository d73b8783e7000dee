from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.app.concerns import replay as replays
from bot.app.concerns.replay_concerns import ReplayedConcerns
from bot.cli import replay as replay_commands
from bot.clock import SystemClock
from tests.cli.conftest import Shell

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def day(**ago: int) -> str:
    return str(SystemClock().now().date() - timedelta(**ago))


def add(shell: Shell, code: str = "P-0017", *more: str) -> str:
    """Add a patient and return the token of the invite."""
    result = shell("patient", "add", "--code", code, "--ici-start", day(days=8), *more, "--json")
    assert result.status == 0, result.err
    token: str = result.json["start"]
    return token


def test_add_as_json_prints_code_start_and_link(shell: Shell) -> None:
    result = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8), "--json")
    assert result.status == 0
    assert set(result.json) == {"code", "start", "link"}
    assert result.json["code"] == "P-0017"
    assert len(result.json["start"]) >= 32
    assert result.json["link"] is None


def test_add_prints_the_same_fields_as_lines(shell: Shell) -> None:
    result = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8))
    assert [line.split()[0] for line in result.out.splitlines()] == ["code", "start", "link"]
    assert "No token is set: using the sandbox database" in result.err


def test_add_defaults_come_from_the_clinic(shell: Shell) -> None:
    add(shell, "P-1", "--regimen", "combination", "--timezone", "Asia/Tokyo", "--language", "es")
    add(shell, "P-2")
    first, second = (shell("patient", "show", code, "--json").json for code in ("P-1", "P-2"))
    assert (first["plan"], first["timezone"], first["language"]) == ("combination", "Asia/Tokyo", "es")
    assert (second["plan"], second["timezone"], second["language"]) == ("standard", None, "en")
    assert first["state"] == "invited"


def test_invite_creates_a_different_token(shell: Shell) -> None:
    first = add(shell)
    again = shell("patient", "invite", "P-0017", "--json")
    assert again.status == 0
    assert again.json["code"] == "P-0017"
    assert again.json["start"] != first
    assert shell("patient", "invite", "P-0099").status == 1


def test_add_with_existing_code_is_refused(shell: Shell) -> None:
    add(shell)
    again = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8))
    assert again.status == 1
    assert "already in use" in again.err


@pytest.mark.parametrize("code", ["Anna", "p-0017", "P", "P_17", "P" * 17, "P 17"])
def test_invalid_study_code_exits_with_2(shell: Shell, code: str) -> None:
    result = shell("patient", "add", "--code", code, "--ici-start", day(days=8))
    assert result.status == 2
    assert "never a name" in " ".join(result.err.replace("│", "").split())
    assert shell("patient", "show", code).status == 2


@pytest.mark.parametrize(
    ("option", "value", "status", "hint"),
    [
        ("--ici-start", "1.3.2026", 2, "%Y-%m-%d"),
        ("--ici-start", "2026-02-30", 2, "%Y-%m-%d"),
        ("--ici-start", "1950-01-01", 1, "ten years ago"),
        ("--plan", "never", 1, "the protocol has standard, combination"),
        ("--language", "tlh", 1, "enabled are en"),
        ("--timezone", "Mars/Olympus", 1, "Europe/Berlin"),
        ("--regimen", "triple", 2, "combination"),
    ],
)
def test_add_with_invalid_value_names_valid_ones(shell: Shell, option: str, value: str, status: int, hint: str) -> None:
    given = {"--code": "P-1", "--ici-start": day(days=8)} | {option: value}
    result = shell("patient", "add", *(word for pair in given.items() for word in pair))
    assert result.status == status
    assert hint in result.err
    assert shell("patient", "list", "--json").json == []


def test_list_has_all_patients_in_order(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.patient.PAGE", 2)
    for code in ("P-3", "P-1", "P-5", "P-2", "P-4"):
        add(shell, code)
    assert [line["code"] for line in shell("patient", "list", "--json").json] == ["P-1", "P-2", "P-3", "P-4", "P-5"]
    assert "P-3" in shell("patient", "list").out


def test_list_without_patients_says_how_to_add_one(shell: Shell) -> None:
    assert "nervecheck patient add" in shell("patient", "list").out
    assert shell("patient", "list", "--json").json == []


def test_show_prints_the_patient(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "show", "P-0017")
    assert result.status == 0
    assert "P-0017" in result.out
    assert "invited" in result.out


@pytest.mark.parametrize("verb", ["show", "pause", "withdraw", "erase"])
def test_unknown_code_is_refused(shell: Shell, verb: str) -> None:
    result = shell("patient", verb, "P-9999", *(["--yes"] if verb == "erase" else []))
    assert result.status == 1
    assert "no patient has the code 'P-9999'" in result.err


def test_pause_of_inactive_patient_is_refused(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "pause", "P-0017", "--until", str(date(2030, 1, 1)))
    assert result.status == 1
    assert "only an active patient can be paused" in result.err


def test_confirm_phone_without_a_move_is_refused(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "confirm-phone", "P-0017", "--by", "lead-1")
    assert (result.status, "P-0017 is not moving to a new phone" in result.err) == (1, True)
    assert shell("patient", "confirm-phone", "P-0017").status == 2
    assert shell("patient", "show", "P-0017", "--json").json["new_phone"] is None


def test_withdraw_keeps_the_patient_listed(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "withdraw", "P-0017", "--json")
    assert (result.status, result.json["state"]) == (0, "withdrawn")
    assert shell("patient", "show", "P-0017", "--json").json["state"] == "withdrawn"


def test_erase_asks_for_confirmation(shell: Shell) -> None:
    add(shell)
    refused = shell("patient", "erase", "P-0017", typed="n\n")
    assert (refused.status, shell("patient", "show", "P-0017", "--json").json["state"]) == (1, "invited")
    assert "nothing was erased" in refused.err
    assert shell("patient", "erase", "P-0017", typed="y\n").out.endswith("P-0017 erased.\n")


# --- When the database can't be used ----------------------------------------------------------------------------------


def test_list_in_unwritable_folder_reports_the_path(bare_shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    result = bare_shell("patient", "list")
    assert result.status == 1
    assert "var" in result.err
    assert "check the path and its permissions" in result.err


def test_list_on_a_file_that_is_no_database_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, " * 100)
    result = shell("patient", "list", DATABASE_URL="sqlite:///notes.db")
    assert result.status == 1
    assert "check NERVECHECK_DATABASE_URL" in result.err


@pytest.mark.parametrize(
    ("keys", "hint"),
    [("rubbish", "nervecheck keys new"), ("k1:short", "copy the key again"), ("k1:AAAA", "must have 32")],
)
def test_invalid_key_is_refused_and_not_printed(shell: Shell, keys: str, hint: str) -> None:
    result = shell("patient", "list", KEYS=keys)
    assert result.status == 2
    assert hint in result.err
    assert "AAAA" not in result.err
    assert "rubbish" not in result.err


def test_add_with_drug_stores_the_drug(shell: Shell) -> None:
    add(shell, "P-0017", "--drug", "pembrolizumab")
    assert shell("patient", "show", "P-0017", "--json").json["drug"] == "pembrolizumab"


def test_replay_without_assessments_finds_no_difference(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "replay", "P-0017")
    assert (result.status, result.out) == (0, "0 assessments, 0 that differ or could not be repeated.\n")
    assert shell("patient", "replay", "P-0017", "--json").json == []
    unknown = shell("patient", "replay", "P-9999")
    assert (unknown.status, "no patient has the code 'P-9999'" in unknown.err) == (1, True)


def test_replay_of_concerns_without_events_says_so(shell: Shell) -> None:
    add(shell)
    result = shell("patient", "replay", "P-0017", "--concerns")
    assert (result.status, result.out) == (0, "No event of this patient is stored, so there is nothing to repeat.\n")
    found = shell("patient", "replay", "P-0017", "--concerns", "--json").json
    assert found == {"events": 0, "status": "no_events", "differences": []}
    assert shell("patient", "replay", "P-9999", "--concerns").status == 1


def test_replay_of_concerns_lists_differences_and_exits_with_1(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    add(shell)
    differs = {"symptom": "eyes", "at": None, "stored": "settled URGENT", "derived": "open URGENT"}
    found = ReplayedConcerns.model_validate({"events": 7, "status": "differs", "differences": [differs]})
    monkeypatch.setattr(replay_commands, "replay_concerns", lambda *_: found)
    result = shell("patient", "replay", "P-0017", "--concerns")
    assert (result.status, "7 events; the concerns above differ." in result.out) == (1, True)
    assert {"eyes", "settled", "open"} <= set(result.out.split())


@pytest.mark.parametrize(
    ("replayed", "missing", "expected"),
    [
        ("differs", (), "differs"),
        ("differs", ("numbness",), "answers not stored: numbness"),
        ("no_basis", (), "its input was not stored"),
        ("no_protocol", (), "its protocol is not stored or not readable"),
    ],
)
def test_replay_reports_a_difference_and_exits_with_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, replayed: str, missing: tuple[str, ...], expected: str
) -> None:
    add(shell)
    one = replays.Replayed.model_validate(
        {"assessment": 3, "checkin": 2, "at": NOON, "result": replayed, "stored_tier": "SOON", "missing": missing}
    )
    same = one.model_copy(update={"result": "same", "checkin": 77, "missing": ()})
    monkeypatch.setattr(replays, "replay", lambda *_: [one, same])
    result = shell("patient", "replay", "P-0017")
    assert result.status == 1
    assert set(expected.split()) <= set(result.out.split()), "a narrow window wraps the cell"
    assert "77" not in result.out
    assert "2 assessments, 1 that differ or could not be repeated." in result.out
