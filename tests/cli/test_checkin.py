import pytest

from bot.app.records.patients import PatientState
from bot.app.work import Stores
from bot.cli.command_context import database_session
from bot.clock import SystemClock
from tests.cli.conftest import Shell
from tests.cli.test_patient import add


@pytest.fixture
def clinic_with_two_patients(shell: Shell) -> Shell:
    """Two patients: P-1 is active in a chat, P-2 is only invited."""
    add(shell, "P-1", "--timezone", "Europe/Berlin")
    add(shell, "P-2")

    def enrol(stores: Stores) -> None:
        patient = stores.patients.by_code("P-1", lock=True)
        assert patient is not None
        stores.patients.save(patient.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 42}))

    with database_session() as session:
        session.run(enrol)
    return shell


def test_send_to_codes_reaches_those_patients(clinic_with_two_patients: Shell) -> None:
    result = clinic_with_two_patients("checkin", "send", "P-1", "P-1", "--json")
    assert (result.status, result.json) == (0, {"sent": ["P-1"], "not_sent": []})
    (row,) = clinic_with_two_patients("patient", "show", "P-1", "--json").json["checkins"]
    assert (row["form"], row["kind"], row["state"]) == ("quick", "extra", "asking")


def test_send_failure_is_reported_and_does_not_stop_others(clinic_with_two_patients: Shell) -> None:
    result = clinic_with_two_patients("checkin", "send", "P-9", "P-2", "P-1", "--json")
    assert result.status == 1
    assert result.json["sent"] == ["P-1"]
    assert [entry["code"] for entry in result.json["not_sent"]] == ["P-9", "P-2"]


def test_send_to_all_reaches_active_patients(clinic_with_two_patients: Shell) -> None:
    result = clinic_with_two_patients("checkin", "send", "--all", "--json")
    assert (result.status, result.json) == (0, {"sent": ["P-1"], "not_sent": []})
    assert clinic_with_two_patients("checkin", "send", "--all").out == "Check-ins queued: 1.\n"


@pytest.mark.parametrize("words", [[], ["--all", "P-1"], ["anna"]])
def test_send_with_invalid_arguments_exits_with_2(shell: Shell, words: list[str]) -> None:
    assert shell("checkin", "send", *words).status == 2


def test_pause_prints_the_patient(clinic_with_two_patients: Shell) -> None:
    until = str(SystemClock().now().date().replace(year=SystemClock().now().year + 1, day=1))
    result = clinic_with_two_patients("patient", "pause", "P-1", "--until", until, "--json")
    assert (result.status, result.json["code"], result.json["until"]) == (0, "P-1", until)
    assert clinic_with_two_patients("patient", "pause", "P-1").out == "P-1 paused.\n"
