"""Each screen that asks for a call, of every tier, role and language: few buttons, the number first, safe to be seen."""

import re
from collections.abc import Iterator

import pytest

from bot.app.alerts import raising
from bot.app.alerts.help_requests import WORDS_OF_DESPAIR
from bot.app.alerts.naming import Found
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.chat.screens import make_render, strip_markup
from bot.content.texts import Texts
from bot.core.protocol import Tier
from bot.core.screen import Screen
from bot.dialog.call_replies import reply_screen, rest_screen
from bot.dialog.call_screens import call_screen
from bot.dialog.call_soon import knows_screen, soon_screen
from bot.dialog.help_screens import despair_screen
from bot.dialog.safety_follow_up import safety_follow_up_screen
from bot.dialog.two_patients import for_caregiver
from tests.fakes.work import runner

LANGUAGES = ("en", "es", "ru")
RENDER = make_render(Texts.load(LANGUAGES), bytes(32))
NAMES_THE_ILLNESS = re.compile(
    r"cancer|cáncer|рак\b|immunotherap|inmunoterap|иммунотерап|tumou?r|опухол|oncolog|онколог", re.IGNORECASE
)
WORDS = ("called", "reached", "not_yet", "cannot_reach", "cannot_call", "can_wait", "mistake", "remind")
CALLED = {Tier.EMERGENCY: "112", Tier.URGENT: "+49", Tier.SOON: "+49"}


@pytest.fixture
def screens(database, clinic, anna):
    """Every screen that asks for a call, or follows one, with the tier of its alert."""
    run = runner(database, clinic)

    def all_of(tier: Tier) -> Iterator[Screen]:
        alert = run(raising.raise_alert, anna, Found(tier, ("new.yes",), ("eyes", "stairs", "breathing")))
        yield call_screen(alert, clinic) if tier > Tier.SOON else soon_screen(alert, clinic)
        yield safety_follow_up_screen(alert, clinic)
        yield rest_screen(alert, clinic, ())
        yield knows_screen(alert)
        yield from (reply_screen(alert, clinic, word) for word in WORDS)
        if tier is Tier.URGENT:
            yield despair_screen(None, clinic)
            for rule in (ASKED_FOR_HELP, WORDS_OF_DESPAIR):
                yield call_screen(alert.model_copy(update={"rules": (rule,)}), clinic)

    return all_of


@pytest.mark.parametrize("tier", CALLED)
@pytest.mark.parametrize("role", ["patient", "helper"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_call_screens_have_five_buttons_and_no_illness_in_two_lines(screens, anna, tier, role, language):
    for screen in screens(tier):
        shown = for_caregiver(screen, anna) if role == "helper" else screen
        rendered = RENDER(shown, language, 7)
        rows = rendered.markup.inline_keyboard
        assert [len(row) for row in rows] == [1] * len(rows), "one in a row, so that no label is cut"
        assert len(rows) <= 5, (screen.name, [row[0].text for row in rows])
        lines = [line for line in strip_markup(rendered.text).splitlines() if line]
        assert not NAMES_THE_ILLNESS.search("\n".join(lines[:2])), (screen.name, lines[:2])
        if rendered.ahead is not None:
            assert not NAMES_THE_ILLNESS.search(rendered.ahead.name), "the card is on the lock screen as well"


@pytest.mark.parametrize("role", ["patient", "helper"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_emergency_number_is_first_to_copy_wherever_it_has_to_be_called(screens, anna, role, language):
    for screen in screens(Tier.EMERGENCY):
        shown = for_caregiver(screen, anna) if role == "helper" else screen
        rendered = RENDER(shown, language, 7)
        copied = [b.copy_text.text for (b,) in rendered.markup.inline_keyboard if b.copy_text is not None]
        if copied and "112" in rendered.text:
            assert copied[0] == "112", screen.name
            assert rendered.markup.inline_keyboard[0][0].copy_text is not None, "the first button"
    call = RENDER(next(iter(screens(Tier.EMERGENCY))), language, 7)
    assert call.ahead is not None
    assert call.ahead.number == "112"
