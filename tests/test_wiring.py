"""The start is refused with a language that nobody signed, unless the clinic says so or only a test is served."""

import pytest

from bot.config import Settings
from bot.wiring import StartRefusedError, prepare
from tests.test_config import LIVE


def start(**environ):
    prepared = {f"NERVECHECK_{name}": value for name, value in environ.items()}
    return prepare(Settings.load({**LIVE, **prepared}), sandbox=False)


def test_unsigned_languages_refuse_the_start_all_at_once():
    with pytest.raises(StartRefusedError) as refused:
        start(LANGUAGES="en,es,ru")
    told = [p for p in refused.value.problems if "were not reviewed" in p]
    assert [p.split("'")[1] for p in told] == ["en", "es", "ru"]
    assert all("NERVECHECK_UNREVIEWED_LANGUAGES=en,es,ru" in p for p in told)


def test_only_those_that_are_named_are_allowed():
    with pytest.raises(StartRefusedError) as refused:
        start(LANGUAGES="en,es", UNREVIEWED_LANGUAGES="en")
    (problem,) = refused.value.problems
    assert "'es'" in problem


def test_a_clinic_may_take_them_as_they_are():
    assert start(LANGUAGES="en,es", UNREVIEWED_LANGUAGES="en,es").clinic.languages == ("en", "es")


def test_a_bot_api_server_of_ones_own_machine_is_only_warned(capsys):
    assert start(LANGUAGES="en,ru", API_URL="http://127.0.0.1:8081").clinic.languages == ("en", "ru")


def test_the_sandbox_asks_nobody():
    ready = prepare(Settings.load({}, sandbox=True).in_sandbox(), sandbox=True)
    assert ready.clinic.languages == ("en", "es", "ru")
