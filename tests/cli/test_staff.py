from tests.cli.conftest import Shell
from tests.cli.test_alert import raise_urgent_alert

BY = ("--by", "lead-0")


def test_staff_are_added_listed_and_removed(shell: Shell) -> None:
    assert "alerts notify nobody" in shell("staff", "list").out
    made = shell("staff", "add", "lead-1", "--role", "lead", *BY, "--json").json
    assert (made["name"], made["role"], len(made["start"])) == ("lead-1", "lead", 32)
    assert "lead-1" in shell("staff", "add", "coord-1", *BY).out.replace("coord-1", "lead-1")
    twice = shell("staff", "add", "lead-1", *BY)
    assert (twice.status, "in the team already" in twice.err) == (1, True)
    assert [row["name"] for row in shell("staff", "list", "--json").json] == ["coord-1", "lead-1"]
    assert "start" not in shell("staff", "list").out, "a link is shown once"
    again = shell("staff", "link", "lead-1", *BY, "--json").json
    assert again["start"] != made["start"]
    assert shell("staff", "remove", "lead-1", *BY).out == "lead-1 removed.\n"
    assert [row["name"] for row in shell("staff", "list", "--json").json] == ["coord-1"]
    gone = shell("staff", "remove", "lead-9", *BY)
    assert (gone.status, "no team member has the name" in gone.err) == (1, True)


def test_rota_shifts_and_covers_are_managed(shell: Shell) -> None:
    for name in ("ann", "ben"):
        shell("staff", "add", name, *BY)
    assert "notifies the whole team at once" in shell("rota", "list").out
    shell("rota", "add", "ann", "--days", "mon-fri", "--from", "08:00", "--to", "16:00", *BY)
    shell("rota", "add", "ben", "--out-of-hours", *BY)
    shell("rota", "add", "ben", "--days", "sat,sun", "--rank", "3", *BY)
    shell("rota", "cover", "ann", "--instead", "ben", "--from", "2030-01-01", "--to", "2030-01-07", *BY)
    listed = shell("rota", "list", "--json").json
    rows = [(r["kind"], r["who"], r["days"], r["hours"], r["rank"]) for r in listed["rota"]]
    assert rows == [
        ("shift", "ann", "mon tue wed thu fri", "08:00 to 16:00", 0),
        ("out of hours", "ben", "mon tue wed thu fri sat sun", "00:00 to 00:00", 0),
        ("shift", "ben", "sat sun", "00:00 to 00:00", 3),
        ("cover", "ben for ann", "2030-01-01 to 2030-01-07", "", None),
    ]
    assert listed["on_duty"][0] in {"ann", "ben"}
    assert "On call now" in shell("rota", "list").out
    assert shell("rota", "remove", "1", *BY).status == 0
    assert shell("rota", "remove-cover", "1", *BY).status == 0
    assert shell("rota", "remove", "1", *BY).status == 1
    assert shell("rota", "remove-cover", "1", *BY).status == 1
    for days in ("weekdays", "mon-xyz", ""):
        result = shell("rota", "add", "ann", "--days", days, *BY)
        assert (result.status, "mon-fri" in result.err) == (2, True)
    round_the_end = shell("rota", "add", "ann", "--days", "sat-mon", *BY)
    assert round_the_end.status == 0
    assert shell("rota", "list", "--json").json["rota"][-1]["days"] == "mon sat sun"


def close_tasks(shell: Shell) -> None:
    """Close the tasks of a new patient."""
    for item in shell("task", "list", "--json").json:
        assert item["kind"] == "ask_usual_signs"
        assert shell("task", "close", str(item["id"]), *BY).status == 0


def test_tasks_are_listed_and_closed(shell: Shell) -> None:
    from bot.app.records.alerts import Task  # noqa: PLC0415
    from bot.cli.command_context import in_transaction  # noqa: PLC0415

    assert shell("task", "list").out == "No open tasks.\n"
    raise_urgent_alert(shell)
    close_tasks(shell)
    in_transaction(
        lambda work: work.tasks.add(Task(kind="not_heard_from", patient_id=None, subject="P-0017", raised_at=work.at))
    )
    assert "not heard from" in shell("task", "list").out
    (item,) = shell("task", "list", "--json").json
    assert (item["kind"], item["subject"]) == ("not_heard_from", "P-0017")
    assert shell("task", "close", str(item["id"]), *BY).out == "not heard from, P-0017: done.\n"
    assert shell("task", "close", str(item["id"]), *BY).status == 1


def test_old_names_of_commands_still_work_and_are_hidden(shell: Shell) -> None:
    number = raise_urgent_alert(shell)
    close_tasks(shell)
    assert shell("work", "list").out == "No open tasks.\n"
    assert shell("alert", "expect", "P-0017", "numbness", "medium", *BY).status == 0
    assert shell("alert", "unexpect", "P-0017", "numbness", *BY).status == 0
    assert shell("dead", "drop", "update-9", *BY).status == 1
    assert shell("rota", "uncover", "9", *BY).status == 1
    assert shell("alert", "ack", number, *BY).status == 0
    for group, old in (("alert", "expect"), ("alert", "unexpect"), ("dead", "drop"), ("rota", "uncover")):
        assert f" {old} " not in shell(group, "--help").out
    assert "│ work " not in shell("--help").out
