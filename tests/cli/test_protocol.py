import shutil
from pathlib import Path

import pytest

from bot.cli.protocol import packaged_languages
from bot.content.loader import packaged_protocol
from bot.content.texts import packaged_locales
from tests.cli.conftest import Shell
from tests.cli.test_run import LIVE


def test_check_of_packaged_content_finds_no_faults(shell: Shell) -> None:
    result = shell("protocol", "check", "--json")
    assert result.status == 0
    assert result.json["faults"] == []
    assert result.json["languages"] == packaged_languages()
    assert result.json["languages"][0] == "en"
    assert "No faults." in shell("protocol", "check").out


def test_check_reports_file_line_and_reason_of_each_fault(shell: Shell, tmp_path: Path) -> None:
    text = packaged_protocol().read_text()
    (tmp_path / "clinic.yaml").write_text(text.replace("id: numbness", "id: tingling", 1))
    result = shell("protocol", "check", "clinic.yaml", "--json")
    assert result.status == 1
    assert result.json["faults"]
    for fault in result.json["faults"]:
        assert fault["file"]
        assert fault["line"] > 0
        assert fault["reason"]
    for_people = shell("protocol", "check", "clinic.yaml")
    assert for_people.status == 1
    assert len(for_people.err.splitlines()) == len(result.json["faults"])
    assert for_people.err.startswith("clinic.yaml:")


def test_check_of_language_without_catalogs_is_a_fault(shell: Shell) -> None:
    result = shell("protocol", "check", "--languages", "en,xx")
    assert result.status == 1
    assert "xx/clinical.po:1:" in result.err


def test_check_and_run_refuse_missing_red_flag_text(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "locales"
    shutil.copytree(packaged_locales(), copied)
    chat = copied / "es" / "chat.po"
    chat.write_text(chat.read_text().replace('msgid "call.emergency"', '#, fuzzy\nmsgid "call.emergency"'))
    monkeypatch.setattr("bot.content.texts.packaged_locales", lambda: copied)
    result = shell("protocol", "check", "--languages", "en,es")
    assert result.status == 1
    assert "the red-flag string 'call.emergency' is fuzzy in 'es'" in result.err
    refused = shell("run", **LIVE, LANGUAGES="en,es")
    assert refused.status == 2
    assert "the red-flag string 'call.emergency' is fuzzy in 'es'" in refused.err


@pytest.mark.parametrize("words", [["absent.yaml"], ["."]])
def test_check_of_missing_file_exits_with_2(shell: Shell, words: list[str]) -> None:
    assert shell("protocol", "check", *words).status == 2


def test_check_of_file_that_is_not_yaml_is_a_fault(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "picture.yaml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    result = shell("protocol", "check", "picture.yaml")
    assert result.status == 1
    assert result.err.startswith("picture.yaml:")
