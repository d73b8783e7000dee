"""The picture of "My answers": what it shows, that its words are escaped, and that it looks the same everywhere."""

import struct
from datetime import date, timedelta

import pytest
import structlog

from bot.chat.charts import HEIGHT, WIDTH, drawn, svg
from bot.chat.screens import MAX_CAPTION, Words, make_render
from bot.content.texts import Texts
from bot.core.screen import Screen, Text, Trend, TrendAlert, TrendPoint

TEXTS = Texts.load(["en", "es", "ru"])
WORDS = Words(TEXTS)
START = date(2026, 3, 1)


def say(language="en"):
    return lambda text: WORDS.plain(text, language)


def trend(*values, alerts=(), every=3, **words):
    points = tuple(
        TrendPoint(day=START + timedelta(days=n * every), numbness=numbness, interference=interference)
        for n, (numbness, interference) in enumerate(values)
    )
    texts = {
        name: Text(key=f"trend.{name}") for name in ("title", "numbness", "interference", "start", "alert", "week")
    }
    severities = tuple(Text(key=f"choice.numbness.{c}") for c in ("none", "mild", "medium", "strong", "very_strong"))
    marks = tuple(TrendAlert(day=START + timedelta(days=day), tier="SOON") for day in alerts)
    return Trend(points=points, ici_start=START, alerts=marks, severities=severities, **{**texts, **words})


def test_each_answer_has_its_mark_and_a_gap_breaks_the_line():
    drawing = svg(trend((1, 0), (None, None), (2, 1), (3, 1)), say())
    assert drawing.count("<circle") == 3 + 1  # and one in the legend
    assert drawing.count('fill="#ffffff" stroke') == 3 + 1
    solid = [part for part in drawing.split("<line")[1:] if "#0b5394" in part]
    assert len(solid) == 1


def test_higher_is_worse_and_later_is_further_right():
    drawing = svg(trend((0, None), (4, None)), say())
    first, second = (part.split('"') for part in drawing.split("<circle ")[1:3])
    assert float(first[1]) < float(second[1])
    assert float(first[3]) > float(second[3])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_alerts_and_the_start_are_marked(count):
    drawing = svg(trend((1, 1), alerts=range(0, 3 * count, 3)), say())
    assert drawing.count("<path") == count + 1
    assert "Start of treatment" in drawing
    assert "I asked you to call" in drawing


def test_words_are_escaped_and_in_the_patients_language():
    drawing = svg(trend((1, 1), title=Text(key="raw", values={"text": "<b>&"})), say("ru"))
    assert "&lt;b&gt;&amp;" in drawing
    assert "Начало лечения" in drawing


@pytest.mark.parametrize("values", [[], [(2, 1)], [(n % 5, n % 3) for n in range(140)]])
def test_it_is_a_picture_of_that_size(values):
    made = drawn(trend(*values), say())
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", made[16:24]) == (WIDTH, HEIGHT)
    assert len(made) < 300_000


def test_its_own_font_draws_every_language():
    latin, cyrillic = (drawn(trend((1, 1)), say(language)) for language in ("en", "ru"))
    assert latin != cyrillic
    assert latin == drawn(trend((1, 1)), say())


def test_the_caption_is_cut_to_what_telegram_takes(monkeypatch):
    render = make_render(TEXTS, b"k" * 32)
    lines = tuple(Text(key="raw", values={"text": "x" * 90}) for _ in range(30))
    shown = render(Screen(name="trend", lines=lines, trend=trend((1, 1))), "en", 7)
    assert shown.photo is not None
    assert 800 < len(shown.text) <= MAX_CAPTION


def test_what_can_not_be_drawn_leaves_its_words(monkeypatch):
    monkeypatch.setattr("bot.chat.screens.drawn", lambda *_: 1 / 0)
    shown = make_render(TEXTS, b"k" * 32)(
        Screen(name="trend", lines=(Text(key="raw", values={"text": "figures"}),), trend=trend()), "en", 7
    )
    assert (shown.photo, shown.text) == (None, "figures")


def test_what_cannot_be_drawn_leaves_its_words(monkeypatch):
    def broken(*_):
        raise ValueError("a patient's answers")

    monkeypatch.setattr("bot.chat.screens.drawn", broken)
    screen = Screen(name="trend", lines=(Text(key="answers.none"),), trend=trend((1, 1)))
    with structlog.testing.capture_logs() as logs:
        rendered = make_render(TEXTS, bytes(32))(screen, "en", 7)
    assert rendered.photo is None
    assert rendered.text
    assert [(line["action"], line["error"]) for line in logs] == [("picture_failed", "ValueError")]
    assert "a patient's answers" not in str(logs)
