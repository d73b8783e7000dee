"""`nervecheck protocol typed`: what the bot takes each phrase of a file for."""

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

PHRASES = "I can't breathe\n\nI want to die\nhelp\nthe weather is nice\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "phrases.txt"
    path.write_text(PHRASES, encoding="utf-8")
    return str(path)


def test_json_counts_and_lists_every_phrase(shell: Shell, file: str) -> None:
    result = shell("protocol", "typed", file, "--language", "en", "--json")
    assert result.status == 0
    printed = result.json
    lines = printed.pop("lines")
    assert printed == {"total": 4, "safety": 1, "despair": 1, "unknown": 2}
    assert [(one["line"], one["found"], one["signs"]) for one in lines] == [
        (1, "sign", ["breathing"]),
        (3, "despair", []),
        (4, "command", []),
        (5, "other", []),
    ]


def test_text_names_the_line_of_the_list_and_no_typed_word(shell: Shell, file: str) -> None:
    result = shell("protocol", "typed", file)
    assert result.status == 0
    assert "breath*" in result.out
    assert "4 phrases: 1 sign, 1 despair, 1 command, 1 other." in result.out
    assert "weather" not in result.out


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_phrases_of_a_language_are_read_with_its_lists_and_english(shell: Shell, file: str, language: str) -> None:
    Path(file).write_text("no puedo respirar\nне могу дышать\nI cant breathe\n", encoding="utf-8-sig")
    known = {"en": [3], "es": [1, 3], "ru": [2, 3]}[language]
    lines = shell("protocol", "typed", file, "--language", language, "--json").json["lines"]
    assert [one["line"] for one in lines if one["found"] == "sign"] == known


def test_emergency_number_of_the_settings_is_a_call_for_help(shell: Shell, file: str) -> None:
    Path(file).write_text("1669", encoding="utf-8")
    assert shell("protocol", "typed", file, "--json").json["safety"] == 0
    assert shell("protocol", "typed", file, "--json", EMERGENCY_NUMBER="1669").json["safety"] == 1


def test_file_that_is_missing_or_not_text_is_refused(shell: Shell, tmp_path: Path) -> None:
    assert shell("protocol", "typed", str(tmp_path / "none.txt")).status == 2
    binary = tmp_path / "latin.txt"
    binary.write_bytes("mañana".encode("latin-1"))
    result = shell("protocol", "typed", str(binary))
    assert result.status == 1
    assert "is not in UTF-8 (byte 3)" in result.err


def test_unknown_language_is_refused_with_the_known_ones(shell: Shell, file: str) -> None:
    result = shell("protocol", "typed", file, "--language", "xx")
    assert result.status == 2
    assert "use one of en, es, ru" in " ".join(result.err.split())


def test_check_reports_every_fault_of_the_typed_words(shell: Shell, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "typed.yaml").write_text("signs:\n  haert: [an* + pain]\n  mind: []\n", encoding="utf-8")
    monkeypatch.setattr("bot.content.typed.packaged_locales", lambda: tmp_path)
    result = shell("protocol", "check", "--languages", "en")
    assert result.status == 1
    for fault in ("'haert' is not a known sign", "the stem 'an*'", "'mind' is empty"):
        assert fault in result.err
