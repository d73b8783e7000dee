"""`prepare` refuses a language that no clinician signed, unless the clinic allows it or it is only a test."""

import pytest

from bot.config import Settings
from bot.wiring import StartRefusedError, build
from tests.test_config import LIVE


def start(**environ):
    prepared = {f"NERVECHECK_{name}": value for name, value in environ.items()}
    return build(Settings.load({**LIVE, **prepared}), sandbox=False)


def test_prepare_with_unreviewed_languages_lists_them_all():
    with pytest.raises(StartRefusedError) as refused:
        start(LANGUAGES="en,es,ru")
    unreviewed = [p for p in refused.value.problems if "were not reviewed" in p]
    assert [p.split("'")[1] for p in unreviewed] == ["en", "es", "ru"]
    assert all("NERVECHECK_UNREVIEWED_LANGUAGES=en,es,ru" in p for p in unreviewed)


def test_prepare_allows_only_the_listed_languages():
    with pytest.raises(StartRefusedError) as refused:
        start(LANGUAGES="en,es", UNREVIEWED_LANGUAGES="en")
    (problem,) = refused.value.problems
    assert "'es'" in problem


def test_prepare_with_all_languages_listed_succeeds():
    assert start(LANGUAGES="en,es", UNREVIEWED_LANGUAGES="en,es").clinic.languages == ("en", "es")


def test_prepare_with_local_bot_api_server_only_warns(capsys):
    assert start(LANGUAGES="en,ru", API_URL="http://127.0.0.1:8081").clinic.languages == ("en", "ru")


def test_prepare_of_the_sandbox_needs_no_review():
    ready = build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True)
    assert ready.clinic.languages == ("en", "es", "ru")
