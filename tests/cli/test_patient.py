from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import replay as replays
from bot.clock import SystemClock
from tests.cli.conftest import Shell

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def day(**ago: int) -> str:
    return str(SystemClock().now().date() - timedelta(**ago))


def add(shell: Shell, code: str = "P-0017", *more: str) -> str:
    """Add a patient and return the token of the invite."""
    said = shell("patient", "add", "--code", code, "--ici-start", day(days=8), *more, "--json")
    assert said.status == 0, said.err
    token: str = said.json["start"]
    return token


def test_added_patients_are_printed_with_what_their_invite_needs(shell: Shell) -> None:
    said = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8), "--json")
    assert said.status == 0
    assert set(said.json) == {"code", "start", "link"}
    assert said.json["code"] == "P-0017"
    assert len(said.json["start"]) >= 32
    assert said.json["link"] is None


def test_for_people_the_same_stands_in_lines(shell: Shell) -> None:
    said = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8))
    assert [line.split()[0] for line in said.out.splitlines()] == ["code", "start", "link"]
    assert "No token is set: this is the sandbox's data" in said.err


def test_what_is_not_given_comes_from_the_clinic(shell: Shell) -> None:
    add(shell, "P-1", "--regimen", "combination", "--timezone", "Asia/Tokyo", "--language", "es")
    add(shell, "P-2")
    first, second = (shell("patient", "show", code, "--json").json for code in ("P-1", "P-2"))
    assert (first["plan"], first["timezone"], first["language"]) == ("combination", "Asia/Tokyo", "es")
    assert (second["plan"], second["timezone"], second["language"]) == ("standard", None, "en")
    assert first["state"] == "invited"


def test_a_new_invite_has_another_token(shell: Shell) -> None:
    first = add(shell)
    again = shell("patient", "invite", "P-0017", "--json")
    assert again.status == 0
    assert again.json["code"] == "P-0017"
    assert again.json["start"] != first
    assert shell("patient", "invite", "P-0099").status == 1


def test_a_code_is_used_once(shell: Shell) -> None:
    add(shell)
    again = shell("patient", "add", "--code", "P-0017", "--ici-start", day(days=8))
    assert again.status == 1
    assert "already in use" in again.err


@pytest.mark.parametrize("code", ["Anna", "p-0017", "P", "P_17", "P" * 17, "P 17"])
def test_a_name_is_no_study_code(shell: Shell, code: str) -> None:
    said = shell("patient", "add", "--code", code, "--ici-start", day(days=8))
    assert said.status == 2
    assert "never a name" in " ".join(said.err.replace("│", "").split())
    assert shell("patient", "show", code).status == 2


@pytest.mark.parametrize(
    ("option", "value", "status", "hint"),
    [
        ("--ici-start", "1.3.2026", 2, "%Y-%m-%d"),
        ("--ici-start", "2026-02-30", 2, "%Y-%m-%d"),
        ("--ici-start", "1950-01-01", 1, "within ten years before"),
        ("--plan", "never", 1, "the protocol has standard, combination"),
        ("--language", "tlh", 1, "enabled are en"),
        ("--timezone", "Mars/Olympus", 1, "Europe/Berlin"),
        ("--regimen", "triple", 2, "combination"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(shell: Shell, option: str, value: str, status: int, hint: str) -> None:
    given = {"--code": "P-1", "--ici-start": day(days=8)} | {option: value}
    said = shell("patient", "add", *(word for pair in given.items() for word in pair))
    assert said.status == status
    assert hint in said.err
    assert shell("patient", "list", "--json").json == []


def test_the_list_has_everyone_in_order(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.patient.PAGE", 2)
    for code in ("P-3", "P-1", "P-5", "P-2", "P-4"):
        add(shell, code)
    assert [line["code"] for line in shell("patient", "list", "--json").json] == ["P-1", "P-2", "P-3", "P-4", "P-5"]
    assert "P-3" in shell("patient", "list").out


def test_an_empty_list_says_how_to_begin(shell: Shell) -> None:
    assert "nervecheck patient add" in shell("patient", "list").out
    assert shell("patient", "list", "--json").json == []


def test_a_patient_is_shown_to_people_too(shell: Shell) -> None:
    add(shell)
    said = shell("patient", "show", "P-0017")
    assert said.status == 0
    assert "P-0017" in said.out
    assert "invited" in said.out


@pytest.mark.parametrize("verb", ["show", "pause", "withdraw", "erase"])
def test_an_unknown_code_is_refused(shell: Shell, verb: str) -> None:
    said = shell("patient", verb, "P-9999", *(["--yes"] if verb == "erase" else []))
    assert said.status == 1
    assert "no patient has the code 'P-9999'" in said.err


def test_only_the_active_can_be_paused(shell: Shell) -> None:
    add(shell)
    said = shell("patient", "pause", "P-0017", "--until", str(date(2030, 1, 1)))
    assert said.status == 1
    assert "only an active patient can be paused" in said.err


def test_withdrawn_stays_in_the_list(shell: Shell) -> None:
    add(shell)
    said = shell("patient", "withdraw", "P-0017", "--json")
    assert (said.status, said.json["state"]) == (0, "withdrawn")
    assert shell("patient", "show", "P-0017", "--json").json["state"] == "withdrawn"


def test_erasing_asks_first(shell: Shell) -> None:
    add(shell)
    refused = shell("patient", "erase", "P-0017", typed="n\n")
    assert (refused.status, shell("patient", "show", "P-0017", "--json").json["state"]) == (1, "invited")
    assert "nothing was erased" in refused.err
    assert shell("patient", "erase", "P-0017", typed="y\n").out.endswith("P-0017 erased.\n")


# --- When the database can't be used ----------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    said = shell("patient", "list")
    assert said.status == 1
    assert "var" in said.err
    assert "check the path and its rights" in said.err


def test_a_file_that_is_no_database_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, " * 100)
    said = shell("patient", "list", DATABASE_URL="sqlite:///notes.db")
    assert said.status == 1
    assert "check NERVECHECK_DATABASE_URL" in said.err


@pytest.mark.parametrize(
    ("keys", "hint"),
    [("rubbish", "nervecheck keys new"), ("k1:short", "copy the key again"), ("k1:AAAA", "must have 32")],
)
def test_a_bad_key_is_refused_and_not_repeated(shell: Shell, keys: str, hint: str) -> None:
    said = shell("patient", "list", KEYS=keys)
    assert said.status == 2
    assert hint in said.err
    assert "AAAA" not in said.err
    assert "rubbish" not in said.err


def test_the_drug_is_kept_and_shown(shell: Shell) -> None:
    add(shell, "P-0017", "--drug", "pembrolizumab")
    assert shell("patient", "show", "P-0017", "--json").json["drug"] == "pembrolizumab"


def test_nothing_to_replay_is_no_difference(shell: Shell) -> None:
    add(shell)
    said = shell("patient", "replay", "P-0017")
    assert (said.status, said.out) == (0, "0 assessments replayed, 0 without the same result.\n")
    assert shell("patient", "replay", "P-0017", "--json").json == []
    unknown = shell("patient", "replay", "P-9999")
    assert (unknown.status, "no patient has the code 'P-9999'" in unknown.err) == (1, True)


@pytest.mark.parametrize(
    ("verdict", "missing", "said"),
    [
        ("differs", (), "differs"),
        ("differs", ("numbness",), "answers not stored: numbness"),
        ("no_basis", (), "no record of what it was made from"),
        ("no_protocol", (), "its protocol is not kept or not readable"),
    ],
)
def test_a_difference_is_told_and_fails(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, verdict: str, missing: tuple[str, ...], said: str
) -> None:
    add(shell)
    one = replays.Replayed.model_validate(
        {"assessment": 3, "checkin": 2, "at": NOON, "verdict": verdict, "stored_tier": "SOON", "missing": missing}
    )
    calm = one.model_copy(update={"verdict": "same", "checkin": 77, "missing": ()})
    monkeypatch.setattr(replays, "replay", lambda *_: [one, calm])
    told = shell("patient", "replay", "P-0017")
    assert told.status == 1
    assert set(said.split()) <= set(told.out.split()), "a narrow window wraps the cell"
    assert "77" not in told.out
    assert "2 assessments replayed, 1 without the same result." in told.out
