"""Commands for content authors: rules table, paths, alerts per 100 check-ins, and a recorded conversation."""

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
INVALID = packaged_protocol().read_text(encoding="utf-8").replace("tier: EMERGENCY", "tier: EMERGENCE", 1)


def test_published_rules_table_is_current() -> None:
    assert RULES.read_text(encoding="utf-8") == rules_table(PROTOCOL), "run `make rules`"


def test_rules_table_lists_every_rule_under_its_tier() -> None:
    sections = re.split(r"^## ", rules_table(PROTOCOL), flags=re.MULTILINE)
    for rule in PROTOCOL.rules:
        (section,) = [part for part in sections if f"| `{rule.id}` |" in part]
        assert section.startswith(rule.tier.name)


@pytest.mark.parametrize("form", ["quick", "full", "again"])
def test_paths_cover_every_answer_of_every_question(form: str) -> None:
    found = paths(PROTOCOL, form)
    covered = {(given.question, given.choices) for path in found for given in path.answers}
    for step in PROTOCOL.forms[form].steps:
        for answer in options(PROTOCOL.questions[step.ask]):
            assert (step.ask, answer) in covered, (step.ask, answer)
    assert found[0].tier is Tier.ROUTINE
    assert found[0].assessment.complete
    assert len(set(found)) == len(found)


def test_path_with_emergency_ends_there() -> None:
    emergencies = [path for path in paths(PROTOCOL, "quick") if ("safety_now", ("yes",)) in path.deviations]
    assert emergencies
    assert all(path.tier is Tier.EMERGENCY and "numbness" not in dict(path.answers) for path in emergencies)


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_preview_prints_questions_answers_and_results(shell: Shell, language: str) -> None:
    result = shell("protocol", "preview", "--form", "again", "--language", language)
    assert result.status == 0
    assert "=> EMERGENCY (now.yes" in result.out
    assert "{" not in result.out.replace("{emergency}", "")
    assert {"en": "Hard to breathe", "es": "respirar", "ru": "дышать"}[language] in result.out


def test_preview_as_json(shell: Shell) -> None:
    printed = shell("protocol", "preview", "--form", "quick", "--json").json
    assert list(printed) == ["quick"]
    assert printed["quick"][0] == {"off": [], "tier": "ROUTINE", "rules": [], "complete": True}


def test_dry_run_with_the_same_seed_is_reproducible(shell: Shell) -> None:
    words = ("protocol", "dry-run", "--patients", "40", "--days", "60", "--json", "--seed")
    one, again, other = (shell(*words, seed).json for seed in ("1", "1", "2"))
    assert one == again != other
    assert one["checkins"] == 40 * 24
    assert round(sum(one["per_100"].values())) == 100
    assert 0 < one["per_100"]["SOON"] < 50


def test_dry_run_counts_more_alerts_for_stricter_protocol(shell: Shell) -> None:
    stricter = packaged_protocol().read_text(encoding="utf-8")
    rule = "{id: sensory.pain, group: sensory, tier: ROUTINE"
    assert rule in stricter
    (shell.folder / "strict.yaml").write_text(stricter.replace(rule, rule.replace("ROUTINE", "SOON")), encoding="utf-8")
    words = ("dry-run", "--patients", "40", "--json")
    usual = shell("protocol", *words).json
    strict = shell("protocol", "dry-run", "strict.yaml", *words[1:]).json
    assert strict["per_100"]["SOON"] > usual["per_100"]["SOON"]
    assert strict["rules_per_100"]["sensory.pain"] > 0


def test_dry_run_without_past_answers_counts_zero(shell: Shell) -> None:
    result = shell("protocol", "dry-run", "--against", "past", "--json")
    assert (result.status, result.json["checkins"], result.json["higher_than_stored"]) == (0, 0, 0)


@pytest.mark.parametrize("command", ["rules", "preview", "dry-run"])
def test_faulty_protocol_is_refused_with_its_faults(shell: Shell, command: str) -> None:
    (shell.folder / "bad.yaml").write_text(INVALID, encoding="utf-8")
    result = shell("protocol", command, "bad.yaml")
    assert result.status != 0
    assert "'EMERGENCE' is not a tier" in result.err


def test_play_records_the_conversation(shell: Shell) -> None:
    result = shell("play", "--record", "record.txt", "--json", typed="1\n2\n1\nd\n")
    record = (shell.folder / "record.txt").read_text(encoding="utf-8")
    assert "patient taps: [2]" in record
    assert "Call 112 now." in record
    assert record.splitlines()[0].startswith("quick, en, protocol default ")
    assert json.loads(result.out)["tier"] == "EMERGENCY"


def test_play_record_never_overwrites_a_file(shell: Shell) -> None:
    (shell.folder / "record.txt").write_text("kept\n", encoding="utf-8")
    result = shell("play", "--record", "record.txt", typed="1\n")
    assert result.status == 2
    assert "choose a new file" in result.err
    assert "1 of" not in result.out, "it must be refused before the conversation, not after it"
    assert (shell.folder / "record.txt").read_text(encoding="utf-8") == "kept\n"


def test_play_record_unwritable_is_refused_at_once(shell: Shell) -> None:
    result = shell("play", "--record", "no/folder/record.txt", typed="1\n")
    assert result.status != 0
    assert "1 of" not in result.out


def test_play_aborted_keeps_the_record(shell: Shell) -> None:
    assert shell("play", "--record", "record.txt", typed="1\n").status == 1
    assert "Stopped before the end." in (shell.folder / "record.txt").read_text(encoding="utf-8")
