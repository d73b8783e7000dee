from bot.db.crypto import Keyring
from tests.cli.conftest import Shell


def test_each_key_is_new_and_can_be_used(shell: Shell) -> None:
    first, second = (shell("keys", "new", "--json").json["key"] for _ in range(2))
    assert first != second
    assert Keyring.parse(f"{second},{first}")


def test_only_the_key_goes_to_standard_output(shell: Shell) -> None:
    said = shell("keys", "new")
    assert Keyring.parse(said.out.strip())
    assert "Keep a copy" in said.err
    assert said.out.strip() not in said.err


def test_it_needs_no_settings(shell: Shell) -> None:
    assert shell("keys", "new", TOKEN="rubbish", TIMEZONE="Mars").status == 0
