import pytest

from bot.app.store import PatientState, Store
from bot.cli.office import opened
from bot.clock import SystemClock
from tests.cli.conftest import Shell
from tests.cli.test_patient import add


@pytest.fixture
def clinic_of_two(shell: Shell) -> Shell:
    """P-1 is active in a chat, P-2 only invited."""
    add(shell, "P-1", "--timezone", "Europe/Berlin")
    add(shell, "P-2")

    def enrol(store: Store) -> None:
        patient = store.patient_by_code("P-1", lock=True)
        assert patient is not None
        store.save_patient(patient.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 42}))

    with opened() as office:
        office.run(enrol)
    return shell


def test_sent_to_those_named(clinic_of_two: Shell) -> None:
    said = clinic_of_two("checkin", "send", "P-1", "P-1", "--json")
    assert (said.status, said.json) == (0, {"sent": ["P-1"], "not_sent": []})
    (row,) = clinic_of_two("patient", "show", "P-1", "--json").json["checkins"]
    assert (row["form"], row["kind"], row["state"]) == ("quick", "extra", "asking")


def test_what_could_not_be_sent_is_told_and_stops_no_other(clinic_of_two: Shell) -> None:
    said = clinic_of_two("checkin", "send", "P-9", "P-2", "P-1", "--json")
    assert said.status == 1
    assert said.json["sent"] == ["P-1"]
    assert [entry["code"] for entry in said.json["not_sent"]] == ["P-9", "P-2"]


def test_sent_to_all_who_are_active(clinic_of_two: Shell) -> None:
    said = clinic_of_two("checkin", "send", "--all", "--json")
    assert (said.status, said.json) == (0, {"sent": ["P-1"], "not_sent": []})
    assert clinic_of_two("checkin", "send", "--all").out == "Check-ins on their way: 1.\n"


@pytest.mark.parametrize("words", [[], ["--all", "P-1"], ["anna"]])
def test_misused(shell: Shell, words: list[str]) -> None:
    assert shell("checkin", "send", *words).status == 2


def test_a_paused_patient_is_printed(clinic_of_two: Shell) -> None:
    until = str(SystemClock().now().date().replace(year=SystemClock().now().year + 1, day=1))
    said = clinic_of_two("patient", "pause", "P-1", "--until", until, "--json")
    assert (said.status, said.json["code"], said.json["until"]) == (0, "P-1", until)
    assert clinic_of_two("patient", "pause", "P-1").out == "P-1 paused.\n"
