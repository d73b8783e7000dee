"""What patients read of their treatment periods: the card for an emergency department and the caption of the chart."""

from datetime import date

import pytest

from bot.core.screen import Screen
from bot.core.treatment import StopReason
from bot.dialog.call_replies import card_screen
from tests.chat.test_charts import WORDS
from tests.contract.samples import patient, period
from tests.fakes.work import packaged_clinic

MAY, JUNE, DECEMBER = date(2026, 5, 10), date(2026, 6, 1), date(2026, 12, 21)


def card(*periods, language="en"):
    screen = card_screen(patient(periods=periods, language=language), packaged_clinic())
    return [WORDS.plain(line, line.language or language) for line in screen.lines]


def test_card_of_one_period_has_its_start_and_drug():
    title, body, *_ = card(period(MAY, drug="pembrolizumab"))
    assert "Drugs: pembrolizumab\nStarted: 10 May 2026" in body
    assert title == "For the emergency team"


def test_card_names_every_period_and_every_drug():
    _, body, *periods = card(
        period(MAY, JUNE, StopReason.SIDE_EFFECT, drug="ipilimumab"),
        period(DECEMBER, drug="nivolumab"),
    )
    assert "Drugs: ipilimumab, nivolumab\nStarted: 10 May 2026" in body
    assert periods[0] == "Treatment: 10 May 2026 to 1 June 2026\nTreatment: since 21 December 2026"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("myasthenia", "myositis with myocarditis", "Guillain-Barré", "breathing", "CK", "troponin", "ECG")),
        ("es", ("miastenia", "miositis con miocarditis", "Guillain-Barré", "respiración", "CK", "troponina", "ECG")),
        ("ru", ("миастени", "миозитом с миокардитом", "Гийена", "дыхание", "КФК", "тропонин", "ЭКГ")),
    ],
)
def test_card_tells_the_doctor_what_to_think_of(language, words):
    lines = card(period(MAY), language=language)
    assert [line for line in lines if all(word in line for word in words)]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("es", "Tratamiento: del 10 de mayo de 2026 al 1 de junio de 2026"),
        ("ru", "Лечение: с 10 мая 2026 по 1 июня 2026"),
    ],
)
def test_card_says_it_in_the_clinics_language_and_the_patients(language, line):
    lines = card(period(MAY, JUNE), language=language)
    assert lines[2] == "Treatment: 10 May 2026 to 1 June 2026"
    assert sum(text.startswith(line) for text in lines) == 1


def test_card_is_a_screen_without_the_reason_of_a_stop():
    screen = card_screen(patient(periods=(period(MAY, JUNE, StopReason.SIDE_EFFECT),)), packaged_clinic())
    assert isinstance(screen, Screen)
    assert "side_effect" not in screen.model_dump_json()
