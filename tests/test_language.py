"""The search for banned words, and what it finds in the project: nothing."""

import pytest

from tests.language import findings, of_file, searched


def test_project_says_nothing_that_is_banned() -> None:
    assert [str(each) for each in findings(searched())] == []


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("bot/a.py", '"""What\nwas worked\noff."""', [(2, "worked off")]),
        ("bot/a.py", "x = 1  # let go\n# of it", [(1, "let go")]),
        ("bot/a.py", "def taken_by(told): ...", [(1, "taken_by"), (1, "told")]),
        ("bot/a.py", "class LoopBack: ...", [(1, "LoopBack")]),
        ("bot/a.py", "raise ValueError('it was Told')", [(1, "Told")]),
        ("bot/a.py", "x = 'told'", []),
        ("tests/a.py", "x = 'she told me'", []),
        ("bot/a.py", 'x = 1\n"""`told` is a column."""', []),
        ("bot/a.py", "told = 1  # term: a column of the first version", []),
        ("bot/a.py", "# term: a column of the first version\ntold = 1", []),
        ("bot/a.py", "momentum = golden = understands = 1", []),
        ("a.md", "It stands.\n\n`it stands`\n\nIt\nstands <!-- term: a quotation -->", [(1, "stands")]),
        ("a.po", 'msgid "console.told"\nmsgstr ""\n"You were told"', [(3, "told")]),
    ],
)
def test_line_with_term_is_found_or_not(name: str, text: str, what: list[tuple[int, str]]) -> None:
    assert [(each.line, each.what) for each in of_file(name, text)] == what


def test_phrase_names_what_to_write_instead() -> None:
    (found,) = of_file("bot/a.py", '"""A verdict."""')
    assert str(found) == "bot/a.py:1: 'verdict': outcome"
