"""What content authors look at: the table of rules, every path, alerts per 100 check-ins, a recorded conversation."""

import json
import re
from pathlib import Path

import pytest

from bot.content.loader import load_protocol, packaged_protocol
from bot.content.paths import options, paths
from bot.content.rules_table import rules_table
from bot.core.protocol import Tier
from tests.cli.conftest import Shell

PROTOCOL = load_protocol()
RULES = Path(__file__).parents[2] / "deploy" / "rules.md"
SPOILT = packaged_protocol().read_text(encoding="utf-8").replace("tier: EMERGENCY", "tier: EMERGENCE", 1)


def test_the_published_table_is_current() -> None:
    assert RULES.read_text(encoding="utf-8") == rules_table(PROTOCOL), "run `make rules`"


def test_every_rule_stands_in_the_table_under_its_tier() -> None:
    sections = re.split(r"^## ", rules_table(PROTOCOL), flags=re.MULTILINE)
    for rule in PROTOCOL.rules:
        (section,) = [part for part in sections if f"| `{rule.id}` |" in part]
        assert section.startswith(rule.tier.name)


@pytest.mark.parametrize("form", ["quick", "full", "again"])
def test_every_answer_of_every_question_stands_on_a_path(form: str) -> None:
    found = paths(PROTOCOL, form)
    walked = {(given.question, given.choices) for path in found for given in path.given}
    for step in PROTOCOL.forms[form].steps:
        for answer in options(PROTOCOL.questions[step.ask]):
            assert (step.ask, answer) in walked, (step.ask, answer)
    assert found[0].tier is Tier.ROUTINE
    assert found[0].found.complete
    assert len(set(found)) == len(found)


def test_an_emergency_ends_the_way_through_the_form() -> None:
    off = [path for path in paths(PROTOCOL, "quick") if ("safety_now", ("yes",)) in path.off]
    assert off
    assert all(path.tier is Tier.EMERGENCY and "numbness" not in dict(path.given) for path in off)


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_preview_tells_questions_answers_and_ends(shell: Shell, language: str) -> None:
    said = shell("protocol", "preview", "--form", "again", "--language", language)
    assert said.status == 0
    assert "=> EMERGENCY (now.yes" in said.out
    assert "{" not in said.out.replace("{emergency}", "")
    assert {"en": "Hard to breathe", "es": "respirar", "ru": "дышать"}[language] in said.out


def test_preview_for_programs(shell: Shell) -> None:
    told = shell("protocol", "preview", "--form", "quick", "--json").json
    assert list(told) == ["quick"]
    assert told["quick"][0] == {"off": [], "tier": "ROUTINE", "rules": [], "complete": True}


def test_dry_run_on_made_up_answers_is_the_same_for_the_same_seed(shell: Shell) -> None:
    words = ("protocol", "dry-run", "--patients", "40", "--days", "60", "--json", "--seed")
    one, again, other = (shell(*words, seed).json for seed in ("1", "1", "2"))
    assert one == again != other
    assert one["checkins"] == 40 * 24
    assert round(sum(one["per_100"].values())) == 100
    assert 0 < one["per_100"]["SOON"] < 50


def test_dry_run_says_what_a_stricter_protocol_costs(shell: Shell) -> None:
    stricter = packaged_protocol().read_text(encoding="utf-8")
    rule = "{id: sensory.pain, group: sensory, tier: ROUTINE"
    assert rule in stricter
    (shell.folder / "strict.yaml").write_text(stricter.replace(rule, rule.replace("ROUTINE", "SOON")), encoding="utf-8")
    words = ("dry-run", "--patients", "40", "--json")
    usual = shell("protocol", *words).json
    strict = shell("protocol", "dry-run", "strict.yaml", *words[1:]).json
    assert strict["per_100"]["SOON"] > usual["per_100"]["SOON"]
    assert strict["rules_per_100"]["sensory.pain"] > 0


def test_dry_run_on_past_answers_of_nobody(shell: Shell) -> None:
    said = shell("protocol", "dry-run", "--against", "past", "--json")
    assert (said.status, said.json["checkins"], said.json["higher_than_stored"]) == (0, 0, 0)


@pytest.mark.parametrize("command", ["rules", "preview", "dry-run"])
def test_a_faulty_protocol_is_refused_with_its_faults(shell: Shell, command: str) -> None:
    (shell.folder / "bad.yaml").write_text(SPOILT, encoding="utf-8")
    said = shell("protocol", command, "bad.yaml")
    assert said.status != 0
    assert "'EMERGENCE' is no tier" in said.err


def test_a_conversation_is_recorded(shell: Shell) -> None:
    said = shell("play", "--record", "told.txt", "--json", typed="1\n2\n1\nd\n")
    told = (shell.folder / "told.txt").read_text(encoding="utf-8")
    assert "patient taps: [2]" in told
    assert "Call 112 now." in told
    assert told.splitlines()[0].startswith("quick, en, protocol default ")
    assert json.loads(said.out)["tier"] == "EMERGENCY"


def test_a_record_takes_no_files_place(shell: Shell) -> None:
    (shell.folder / "told.txt").write_text("kept\n", encoding="utf-8")
    said = shell("play", "--record", "told.txt", typed="1\n")
    assert said.status == 2
    assert "name a new file" in said.err
    assert "1 of" not in said.out, "it is refused before the conversation, not after it"
    assert (shell.folder / "told.txt").read_text(encoding="utf-8") == "kept\n"


def test_a_record_that_cannot_be_written_is_refused_at_once(shell: Shell) -> None:
    said = shell("play", "--record", "no/folder/told.txt", typed="1\n")
    assert said.status != 0
    assert "1 of" not in said.out


def test_a_conversation_that_is_broken_off_is_kept(shell: Shell) -> None:
    assert shell("play", "--record", "told.txt", typed="1\n").status == 1
    assert "Left before the end." in (shell.folder / "told.txt").read_text(encoding="utf-8")
