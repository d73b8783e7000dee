import csv
import json
import stat

from bot.app.operations.installation import BOT_NAME
from bot.app.patients import lookup
from bot.cli.command_context import in_transaction
from tests.cli.conftest import Shell
from tests.cli.test_alert import raise_urgent_alert
from tests.cli.test_import import write_table
from tests.cli.test_patient import add, day

BY = ("--by", "lead-1")


def learn_bot_name() -> None:
    in_transaction(lambda work: work.settings.set(BOT_NAME, "some_bot"))


def test_export_writes_csv_and_fhir(shell: Shell) -> None:
    raise_urgent_alert(shell)
    shell("checkin", "send", "P-0017")
    out = shell("export", "--format", "csv")
    assert out.status == 0
    assert next(csv.reader(out.out.splitlines()))[:2] == ["code", "checkin"]
    resources = [json.loads(line) for line in shell("export", "--format", "fhir").out.splitlines()]
    assert {"Questionnaire", "Flag", "CommunicationRequest"} <= {each["resourceType"] for each in resources}
    assert resources[0]["item"][0]["text"].startswith("Since your last") or resources[0]["item"][0]["text"]
    assert shell("export", "--format", "fhir", "--patient", "P-0017").out.count("\n") == len(resources)
    assert shell("export", "--format", "csv", "--patient", "P-9999").status == 1
    assert shell("export", "--format", "xml").status == 2
    lines = in_transaction(lambda work: work.audit.lines(limit=50))
    exported = [(line.actor, line.subject) for line in lines if line.action == "exported"]
    assert exported == [("operator", "P-9999"), ("operator", "P-0017"), ("operator", "all"), ("operator", "all")]


def test_export_file_is_new_private_and_removed_on_failure(shell: Shell) -> None:
    add(shell)
    assert shell("export", "--format", "csv", "--out", "all.csv").status == 0
    path = shell.folder / "all.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text(encoding="utf-8")
    again = shell("export", "--format", "csv", "--out", "all.csv")
    assert (again.status, "already exists" in again.err) == (2, True)
    assert path.read_text(encoding="utf-8") == before
    assert shell("export", "--format", "csv", "--patient", "P-9999", "--out", "one.csv").status == 1
    assert not (shell.folder / "one.csv").exists()
    assert shell("export", "--format", "csv", "--out", "nowhere/one.csv").status == 2


def test_plan_ical_writes_a_calendar(shell: Shell) -> None:
    add(shell)
    result = shell("plan", "ical", "P-0017")
    assert result.out.startswith("BEGIN:VCALENDAR")
    assert result.out.count("SUMMARY:Check-in") > 20
    assert shell("plan", "ical", "P-0017", "--days", "7", "--out", "plan.ics").status == 0
    assert (shell.folder / "plan.ics").read_bytes().count(b"SUMMARY:Check-in") in {2, 3, 4}


def test_cards_are_created_once_the_link_is_known(shell: Shell) -> None:
    early = shell("patient", "add", "--code", "P-0001", "--ici-start", day(days=8), "--card", "card.html")
    assert (early.status, "can't create cards yet" in early.err) == (1, True)
    assert not (shell.folder / "card.html").exists()
    learn_bot_name()
    made = shell("patient", "invite", "P-0001", "--card", "card.html", "--json").json
    page = (shell.folder / "card.html").read_text(encoding="utf-8")
    assert made["link"] in page
    assert "<svg" in page
    write_table(shell, f"P-0021,{day(days=8)},", f"P-0022,{day(days=1)},")
    shell("patient", "import", "patients.csv", "--invites", "invites.csv", "--cards", "cards.html")
    assert (shell.folder / "cards.html").read_text(encoding="utf-8").count("<article") == 2


def test_import_without_possible_cards_adds_nobody(shell: Shell) -> None:
    write_table(shell, f"P-0021,{day(days=8)},")
    result = shell("patient", "import", "patients.csv", "--invites", "invites.csv", "--cards", "cards.html")
    assert result.status == 1
    assert shell("patient", "list", "--json").json == []
    assert not list(shell.folder.glob("*.html"))


def test_plan_override_is_previewed_set_and_reset(shell: Shell) -> None:
    add(shell)
    words = ("--every", "2:0-27", "--every", "7:28-", "--on-weekdays", "mon-fri", "--extra", day(days=-2))
    seen = shell("plan", "preview", "P-0017", *words, "--json").json
    assert [r["every"] for r in seen["plan_override"]["rhythms"]] == [2, 7]
    assert seen["plan_override"]["weekdays"] == [0, 1, 2, 3, 4]
    assert shell("plan", "show", "P-0017", "--json").json["plan_override"]["rhythms"] == []
    pause = ("--pause-from", day(days=-1), "--pause-to", day(days=-3), "--reason", "hospital")
    add_one = shell("plan", "set", "P-0017", *words, *BY)
    assert "every 2 days from day 0 to day 27" in add_one.out
    assert "every 7 days from day 28 on" in add_one.out
    assert "mon tue wed thu fri" in add_one.out
    refused = shell("plan", "set", "P-0017", *pause, *BY)
    assert (refused.status, "only an active patient" in refused.err) == (1, True)

    def activate(work):
        found = lookup.locked(work.patients, "P-0017")
        work.patients.save(found.model_copy(update={"state": "active"}))

    in_transaction(activate)
    assert "hospital" in shell("plan", "set", "P-0017", *pause, *BY).out
    back = shell("plan", "set", "P-0017", "--every", "all", "--on-weekdays", "all", "--no-extra", day(days=-2), *BY)
    assert back.status == 0
    own = shell("plan", "show", "P-0017", "--json").json["plan_override"]
    assert own == {"rhythms": [], "weekdays": [], "extras": []}


def test_plan_set_with_invalid_arguments_exits_with_2(shell: Shell) -> None:
    add(shell)
    for words in (
        ("--every", "often"),
        ("--every", "0:0-9"),
        ("--every", "2:9-3"),
        ("--on-weekdays", "weekdays"),
        ("--pause-from", day(days=0)),
        ("--pause-from", day(days=0), "--pause-to", day(days=1)),
        ("--reason", "holiday"),
    ):
        assert shell("plan", "set", "P-0017", *words, *BY).status == 2, words
    assert shell("plan", "set", "P-0017", "--on-weekdays", "mon").status == 2, "the name of the team member is required"


def test_agreed_level_is_set_and_cleared(shell: Shell) -> None:
    add(shell)
    result = shell("alert", "set-agreed-level", "P-0017", "numbness", "medium", "--days", "7", *BY)
    assert result.out.startswith("P-0017: agreed level set: numbness up to medium until 20")
    assert shell("alert", "set-agreed-level", "P-0017", "numbness", "huge", *BY).status == 1
    assert shell("alert", "set-agreed-level", "P-0017", "numbness", "mild", "--days", "29", *BY).status == 2
    assert shell("alert", "clear-agreed-level", "P-0017", "numbness", *BY).status == 0
    assert shell("alert", "clear-agreed-level", "P-0017", "numbness", *BY).status == 1
