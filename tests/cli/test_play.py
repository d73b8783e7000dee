import pytest

from tests.cli.conftest import Result, Shell


def play(shell: Shell, taps: str, *words: str) -> Result:
    return shell("play", *words, typed="\n".join(taps.split()) + "\n")


def test_play_without_symptoms_ends_with_a_tip(shell: Shell) -> None:
    result = play(shell, "1 3 1 1")
    assert result.status == 0
    assert "4 of 4" in result.out
    assert "Tip:" in result.out
    assert "Tier ROUTINE, complete." in result.out


def test_play_red_flag_shows_call_screen_then_asks_which(shell: Shell) -> None:
    result = play(shell, "2 1 1 d")
    assert result.status == 0
    call = result.out.index("Call 112 now")
    assert call < result.out.index("which sign was it?")
    assert "+49 30 901820" in result.out
    assert "Tip:" not in result.out
    assert "Nothing here needs a call" not in result.out
    assert "Tier EMERGENCY" in result.out


def test_play_as_json_prints_the_result(shell: Shell) -> None:
    result = play(shell, "1 3 1 2 1", "--json")
    assert result.status == 0
    assert result.json["finished"] is True
    assert result.json["form"] == "quick"
    assert result.json["answers"]["numbness"] == ["mild"]
    assert result.json["tier"] in {"SOON", "ROUTINE"}
    assert "of 5" in result.err


@pytest.mark.parametrize(("taps", "tier"), [("1 1", "EMERGENCY"), ("1 3 2 1 d 2", "URGENT")])
def test_play_reaches_each_call_tier(shell: Shell, taps: str, tier: str) -> None:
    assert play(shell, taps, "--json").json["tier"] == tier


def test_play_handles_back_skip_and_unknown_input(shell: Shell) -> None:
    result = play(shell, "9 x b 1 b 2 s s s s s s")
    assert "'9' is not a button on this screen." in result.out
    assert "'x' is not a button on this screen." in result.out
    assert "Ignored: first question." in result.out
    assert result.status == 0
    assert "incomplete" in result.out


def test_play_handles_help_and_mistake(shell: Shell) -> None:
    result = play(shell, "h 1 1 m 3 1 1")
    assert result.out.index("No answer within") < result.out.index("2 of 4")
    assert result.status == 0


def test_play_stopped_early_exits_with_1(shell: Shell) -> None:
    for taps in ("1 q", "1"):
        result = play(shell, taps)
        assert result.status == 1
        assert "Stopped before the end." in result.out


def test_play_with_other_forms_and_languages(shell: Shell) -> None:
    assert "Since your last check-in" not in play(shell, "q", "--form", "baseline").out
    spanish = play(shell, "1 3 1 1", "--language", "es")
    assert "Es hora de sus preguntas" in spanish.out
    assert "Time for" not in spanish.out
    assert play(shell, "q", "--form", "weekly").status == 2
    assert play(shell, "q", "--language", "xx").status == 1


def test_play_creates_no_database(bare_shell: Shell) -> None:
    play(bare_shell, "1 3 1 1")
    assert list(bare_shell.folder.iterdir()) == []
