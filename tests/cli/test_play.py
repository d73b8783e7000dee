import pytest

from tests.cli.conftest import Said, Shell


def played(shell: Shell, taps: str, *words: str) -> Said:
    return shell("play", *words, typed="\n".join(taps.split()) + "\n")


def test_nothing_new_ends_with_a_tip(shell: Shell) -> None:
    said = played(shell, "1 1 1 1")
    assert said.status == 0
    assert "4 of 4" in said.out
    assert "Tip:" in said.out
    assert "Tier ROUTINE, complete." in said.out


def test_a_red_flag_shows_the_call_screen_at_once_and_then_asks_which(shell: Shell) -> None:
    said = played(shell, "2 2 1 d")
    assert said.status == 0
    call = said.out.index("Call 112 now")
    assert call < said.out.index("which sign was it?")
    assert "+49 30 901820" in said.out
    assert "Tip:" not in said.out
    assert "Nothing here needs a call" not in said.out
    assert "Tier EMERGENCY" in said.out


def test_the_result_is_for_programs(shell: Shell) -> None:
    said = played(shell, "1 1 1 2 1", "--json")
    assert said.status == 0
    assert said.json["finished"] is True
    assert said.json["form"] == "quick"
    assert said.json["answers"]["numbness"] == ["mild"]
    assert said.json["tier"] in {"SOON", "ROUTINE"}
    assert "of 5" in said.err


@pytest.mark.parametrize(("taps", "tier"), [("1 3", "EMERGENCY"), ("1 1 2 1 d 2", "URGENT")])
def test_each_way_to_call(shell: Shell, taps: str, tier: str) -> None:
    assert played(shell, taps, "--json").json["tier"] == tier


def test_back_skip_and_words_that_are_no_button(shell: Shell) -> None:
    said = played(shell, "9 x b 1 b 2 s s s s")
    assert "'9' is no button here." in said.out
    assert "'x' is no button here." in said.out
    assert "Not now: first question." in said.out
    assert said.status == 0
    assert "not complete" in said.out


def test_help_and_mistake(shell: Shell) -> None:
    said = played(shell, "h 1 2 m 1 1 1")
    assert said.out.index("No answer within") < said.out.index("2 of 4")
    assert said.status == 0


def test_leaving_before_the_end_is_no_result(shell: Shell) -> None:
    for taps in ("1 q", "1"):
        said = played(shell, taps)
        assert said.status == 1
        assert "Left before the end." in said.out


def test_other_forms_and_languages(shell: Shell) -> None:
    assert "Since your last check-in" not in played(shell, "q", "--form", "baseline").out
    spanish = played(shell, "1 1 1 1", "--language", "es")
    assert "Es hora de su control" in spanish.out
    assert "Time for" not in spanish.out
    assert played(shell, "q", "--form", "weekly").status == 2
    assert played(shell, "q", "--language", "xx").status == 1


def test_it_touches_no_database(shell: Shell) -> None:
    played(shell, "1 1 1 1")
    assert list(shell.folder.iterdir()) == []
