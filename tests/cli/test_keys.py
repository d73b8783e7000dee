from bot.db.crypto import Keyring
from tests.cli.conftest import Shell


def test_new_key_is_unique_and_usable(shell: Shell) -> None:
    first, second = (shell("keys", "new", "--json").json["key"] for _ in range(2))
    assert first != second
    assert Keyring.parse(f"{second},{first}")


def test_new_key_is_all_of_standard_output(shell: Shell) -> None:
    result = shell("keys", "new")
    assert Keyring.parse(result.out.strip())
    assert "Keep a copy" in result.err
    assert result.out.strip() not in result.err


def test_new_key_needs_no_valid_settings(shell: Shell) -> None:
    assert shell("keys", "new", TOKEN="rubbish", TIMEZONE="Mars").status == 0
