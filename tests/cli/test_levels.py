"""What staff decide about levels, from a shell."""

from bot.app.concerns.memory import remember
from bot.app.patients import lookup
from bot.app.records.patients import PatientState
from bot.app.work import Work
from bot.cli.command_context import in_transaction
from bot.core.concern_values import Level
from bot.core.happenings import KnownBefore
from bot.core.protocol import Tier
from tests.cli.conftest import Shell
from tests.cli.test_patient import add

BY = ("--by", "lead-1", "--reason", "old")


def _active(shell: Shell) -> None:
    add(shell)

    def activate(work: Work) -> None:
        found = lookup.locked(work.patients, "P-0017")
        work.patients.save(found.model_copy(update={"state": PatientState.ACTIVE, "chat_id": 7}))

    in_transaction(activate)


def _line(shell: Shell, symptom: str) -> dict[str, object]:
    lines = shell("patient", "levels", "P-0017", "--json").json
    return next(line for line in lines if line["symptom"] == symptom)


def test_levels_of_a_new_patient_say_that_there_are_none(shell: Shell) -> None:
    _active(shell)
    assert "no concerns" in shell("patient", "levels", "P-0017").out
    assert shell("patient", "levels", "P-0017", "--json").json == []


def test_level_is_agreed_and_ended(shell: Shell) -> None:
    _active(shell)
    agreed = shell("patient", "agree", "P-0017", "numbness", "medium", *BY, "--days", "28")
    assert (agreed.status, "numbness up to medium until" in agreed.out) == (0, True)
    assert (_line(shell, "numbness")["agreed"], _line(shell, "numbness")["reason"]) == ("medium", "old")
    assert "numbness" in shell("patient", "levels", "P-0017").out
    assert shell("patient", "agree", "P-0017", "numbness", "medium", *BY, "--days", "29").status == 2
    assert shell("patient", "agree", "P-0017", "numbness", "medium", "--by", "lead-1").status == 2, "no reason"
    assert shell("patient", "end-agreement", "P-0017", "numbness", "--by", "lead-1").status == 0
    assert shell("patient", "end-agreement", "P-0017", "numbness", "--by", "lead-1").status == 1
    made = shell("patient", "agree", "P-0017", "eyes", "there", *BY, "--json").json
    assert (made["question"], made["level"]) == ("eyes", "there")


def test_reference_level_is_set_confirmed_and_rejected(shell: Shell) -> None:
    _active(shell)
    assert "reference level of numbness: mild" in shell("patient", "reference", "P-0017", "numbness", "mild", *BY).out
    assert shell("patient", "reference", "P-0017", "breathing", "there", *BY).status == 1
    assert shell("patient", "confirm-reference", "P-0017", "numbness", "--by", "lead-1").status == 1

    def named(work: Work) -> None:
        said = KnownBefore(symptom="stairs", level=Level(Tier.URGENT, 2), is_helper=False)
        remember(work, lookup.locked(work.patients, "P-0017"), (said,))

    in_transaction(named)
    assert "confirm or reject by" in shell("patient", "levels", "P-0017").out
    assert shell("patient", "confirm-reference", "P-0017", "stairs", "--by", "lead-1", "--json").json["level"] == "much"
    assert "rejected" in shell("patient", "reject-reference", "P-0017", "stairs", "--by", "lead-1").out
    assert _line(shell, "stairs")["state"] == "open"


def test_usual_sign_needs_two_members(shell: Shell) -> None:
    _active(shell)
    usual = ("patient", "usual-sign", "P-0017", "bladder", *BY, "--decided-by", "Dr. Weiss")
    assert "no coordinator or lead" in shell(*usual).err
    for name in ("lead-1", "coord-1"):
        assert shell("staff", "add", name, "--role", "lead", "--by", "op").status == 0

    def join(work: Work) -> None:
        for person in work.staff.all():
            work.staff.save(person.model_copy(update={"state": "active"}))

    in_transaction(join)
    assert "second coordinator or lead" in shell(*usual).out
    assert "accept or decline" in shell("patient", "levels", "P-0017").out
    assert shell("patient", "accept-sign", "P-0017", "bladder", "--by", "lead-1").status == 1
    assert "is usual until" in shell("patient", "accept-sign", "P-0017", "bladder", "--by", "coord-1").out
    assert _line(shell, "bladder")["decided_by"] == "Dr. Weiss"
    assert shell(*usual, "--json").json["kind"] == "proposed"
    assert shell("patient", "decline-sign", "P-0017", "bladder", "--by", "coord-1").status == 0


def test_baseline_and_close_watch(shell: Shell) -> None:
    _active(shell)
    assert shell("patient", "baseline", "P-0017", "--by", "lead-1").out == "P-0017: baseline sent.\n"
    watched = shell("patient", "watch", "P-0017", "numbness", "eyes", *BY)
    assert watched.out == "P-0017: watched for 14 days: numbness, eyes.\n"
    assert _line(shell, "eyes")["watched_until"] is not None
    assert shell("patient", "end-watch", "P-0017", "eyes", "--by", "lead-1").status == 0
    assert shell("patient", "end-watch", "P-0017", "--by", "lead-1").status == 0
    assert shell("patient", "end-watch", "P-0017", "--by", "lead-1").status == 1
