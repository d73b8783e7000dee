import shutil
from pathlib import Path

import pytest

from bot.cli.protocol import packaged_languages
from bot.content.loader import packaged_protocol
from bot.content.texts import packaged_locales
from tests.cli.conftest import Shell
from tests.cli.test_run import LIVE


def test_what_comes_with_the_program_has_no_faults_in_any_language(shell: Shell) -> None:
    said = shell("protocol", "check", "--json")
    assert said.status == 0
    assert said.json["faults"] == []
    assert said.json["languages"] == packaged_languages()
    assert said.json["languages"][0] == "en"
    assert "No faults." in shell("protocol", "check").out


def test_every_fault_has_file_line_and_reason(shell: Shell, tmp_path: Path) -> None:
    text = packaged_protocol().read_text()
    (tmp_path / "clinic.yaml").write_text(text.replace("id: numbness", "id: tingling", 1))
    said = shell("protocol", "check", "clinic.yaml", "--json")
    assert said.status == 1
    assert said.json["faults"]
    for fault in said.json["faults"]:
        assert fault["file"]
        assert fault["line"] > 0
        assert fault["reason"]
    for_people = shell("protocol", "check", "clinic.yaml")
    assert for_people.status == 1
    assert len(for_people.err.splitlines()) == len(said.json["faults"])
    assert for_people.err.startswith("clinic.yaml:")


def test_a_language_without_catalogs_is_a_fault(shell: Shell) -> None:
    said = shell("protocol", "check", "--languages", "en,xx")
    assert said.status == 1
    assert "xx/clinical.po:1:" in said.err


def test_a_red_flag_text_that_is_missing_is_a_fault(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "locales"
    shutil.copytree(packaged_locales(), copied)
    chat = copied / "es" / "chat.po"
    chat.write_text(chat.read_text().replace('msgid "call.emergency"', '#, fuzzy\nmsgid "call.emergency"'))
    monkeypatch.setattr("bot.content.texts.packaged_locales", lambda: copied)
    said = shell("protocol", "check", "--languages", "en,es")
    assert said.status == 1
    assert "the red-flag string 'call.emergency' is fuzzy in 'es'" in said.err
    refused = shell("run", **LIVE, LANGUAGES="en,es")
    assert refused.status == 2
    assert "the red-flag string 'call.emergency' is fuzzy in 'es'" in refused.err


@pytest.mark.parametrize("words", [["absent.yaml"], ["."]])
def test_a_file_that_is_none_is_misuse(shell: Shell, words: list[str]) -> None:
    assert shell("protocol", "check", *words).status == 2


def test_a_file_that_is_no_yaml_is_a_fault_of_content(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "picture.yaml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    said = shell("protocol", "check", "picture.yaml")
    assert said.status == 1
    assert said.err.startswith("picture.yaml:")
