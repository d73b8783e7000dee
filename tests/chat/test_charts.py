"""The picture of "My answers": what it shows, that its text is escaped, and that it looks the same everywhere."""

import re
import struct
from datetime import date, timedelta

import pytest
import structlog

from bot.chat.charts import HEIGHT, WIDTH, render_png, render_svg
from bot.chat.screens import MAX_CAPTION, TextRenderer, make_render
from bot.content.texts import Texts
from bot.core.screen import Screen, Text, Trend, TrendAlert, TrendPeriod, TrendPoint

TEXTS = Texts.load(["en", "es", "ru"])
WORDS = TextRenderer(TEXTS)
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


def test_svg_marks_each_answer_and_a_gap_breaks_the_line():
    drawing = render_svg(trend((1, 0), (None, None), (2, 1), (3, 1)), say())
    assert drawing.count("<circle") == 3 + 1  # and one in the legend
    assert drawing.count('fill="#ffffff" stroke') == 3 + 1
    solid = [part for part in drawing.split("<line")[1:] if "#0b5394" in part]
    assert len(solid) == 1


@pytest.mark.parametrize(("days", "lines"), [(28, 2), (30, 2), (49, 0), (56, 0)])
def test_p20_seven_missing_weeks_are_a_gap_and_not_a_line(days, lines):
    drawing = render_svg(trend((1, 1), (2, 1), every=days), say())
    assert len(re.findall(r'<line [^>]*stroke="#(?:0b5394|7a3e00)"', drawing)) == lines


def test_svg_marks_each_time_of_treatment_and_each_start():
    spans = (
        TrendPeriod(first=START, last=START + timedelta(days=7)),
        TrendPeriod(first=START + timedelta(days=14), last=None),
        TrendPeriod(first=START + timedelta(days=90), last=None),
    )
    given = {"periods": spans, "given": Text(key="trend.given")}
    drawing = render_svg(trend((1, 0), **given), say())
    width = 1046 - 304
    bars = re.findall(r'<rect x="([\d.]+)" y="162" width="([\d.]+)"', drawing)
    assert [(round(float(x)), round(float(w))) for x, w in bars] == [
        (304, round(width / 4)),
        (round(304 + width / 2), round(width / 2)),
    ]
    assert drawing.count('stroke-dasharray="3 9"') == 2, "the third begins after the picture's last day"
    assert "Time of treatment" in drawing
    assert "Start of treatment" not in drawing


def test_svg_draws_a_period_without_a_stop_until_the_next_one():
    spans = (TrendPeriod(first=START, last=None), TrendPeriod(first=START + timedelta(days=14), last=START))
    drawing = render_svg(trend((1, 0), periods=spans, given=Text(key="trend.given")), say())
    bars = re.findall(r'<rect x="([\d.]+)" y="162" width="([\d.]+)"', drawing)
    assert [round(float(w)) for _, w in bars] == [round((1046 - 304) / 2), 6]


def test_svg_of_one_period_has_its_start_alone():
    drawing = render_svg(trend((1, 0)), say())
    assert drawing.count('stroke-dasharray="3 9"') == 1
    assert 'y="162"' not in drawing
    assert "Start of treatment" in drawing


def test_svg_worse_is_higher_and_later_is_further_right():
    drawing = render_svg(trend((0, None), (4, None)), say())
    first, second = (part.split('"') for part in drawing.split("<circle ")[1:3])
    assert float(first[1]) < float(second[1])
    assert float(first[3]) > float(second[3])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_svg_marks_alerts_and_the_start(count):
    drawing = render_svg(trend((1, 1), alerts=range(0, 3 * count, 3)), say())
    assert drawing.count("<path") == count + 1
    assert "Start of treatment" in drawing
    assert "I asked you to call" in drawing


def test_svg_text_is_escaped_and_in_the_patients_language():
    drawing = render_svg(trend((1, 1), title=Text(key="raw", values={"text": "<b>&"})), say("ru"))
    assert "&lt;b&gt;&amp;" in drawing
    assert "Начало лечения" in drawing


@pytest.mark.parametrize("values", [[], [(2, 1)], [(n % 5, n % 3) for n in range(140)]])
def test_png_has_the_documented_size(values):
    made = render_png(trend(*values), say())
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", made[16:24]) == (WIDTH, HEIGHT)
    assert len(made) < 300_000


def test_png_bundled_font_draws_every_language():
    latin, cyrillic = (render_png(trend((1, 1)), say(language)) for language in ("en", "ru"))
    assert latin != cyrillic
    assert latin == render_png(trend((1, 1)), say())


def test_caption_too_long_is_cut_to_telegrams_limit(monkeypatch):
    render = make_render(TEXTS, b"k" * 32)
    lines = tuple(Text(key="raw", values={"text": "x" * 90}) for _ in range(30))
    shown = render(Screen(name="trend", lines=lines, trend=trend((1, 1))), "en", 7)
    assert shown.photo is not None
    assert 800 < len(shown.text) <= MAX_CAPTION


def test_picture_that_fails_to_draw_leaves_the_caption(monkeypatch):
    monkeypatch.setattr("bot.chat.screens.render_png", lambda *_: 1 / 0)
    shown = make_render(TEXTS, b"k" * 32)(
        Screen(name="trend", lines=(Text(key="raw", values={"text": "figures"}),), trend=trend()), "en", 7
    )
    assert (shown.photo, shown.text) == (None, "figures")


def test_picture_that_fails_to_draw_is_counted_and_logged(monkeypatch):
    def broken(*_):
        raise ValueError("a patient's answers")

    monkeypatch.setattr("bot.chat.screens.render_png", broken)
    screen = Screen(name="trend", lines=(Text(key="answers.none"),), trend=trend((1, 1)))
    with structlog.testing.capture_logs() as logs:
        rendered = make_render(TEXTS, bytes(32))(screen, "en", 7)
    assert rendered.photo is None
    assert rendered.text
    assert [(line["action"], line["error"]) for line in logs] == [("picture_failed", "ValueError")]
    assert "a patient's answers" not in str(logs)
