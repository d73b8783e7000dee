"""The picture of "My answers": what it shows, that its text is escaped, and that it looks the same everywhere."""

import re
import struct
from datetime import date, timedelta
from itertools import combinations, pairwise

import pytest
import structlog

from bot.chat.charts import (
    ALERT,
    BOTTOM,
    EMPTY,
    FUNCTION,
    INK,
    INTERFERENCE,
    LEFT,
    NUMBNESS,
    PAPER,
    RIGHT,
    WIDTH,
    height_of,
    render_png,
    render_svg,
)
from bot.chat.screens import MAX_CAPTION, TextRenderer, make_render
from bot.content.texts import Texts
from bot.core.screen import Screen, Text, Trend, TrendAlert, TrendGap, TrendPeriod, TrendPoint, TrendRow
from tests.personas.labels import NARROWER, POINTS, width

TEXTS = Texts.load(["en", "es", "ru"])
WORDS = TextRenderer(TEXTS)
START = date(2026, 3, 1)


def say(language="en"):
    return lambda text: WORDS.plain(text, language)


def trend(*values, alerts=(), every=3, functions=(), gaps=(), **words):
    points = tuple(
        TrendPoint(day=START + timedelta(days=n * every), numbness=numbness, interference=interference)
        for n, (numbness, interference) in enumerate(values)
    )
    names = ("title", "numbness", "interference", "start", "alert", "week")
    texts = {name: Text(key=f"trend.{name}") for name in names}
    texts |= {"no_answers": Text(key="trend.gap"), "harder": Text(key="trend.functions")}
    severities = tuple(Text(key=f"choice.numbness.{c}") for c in ("none", "mild", "medium", "strong", "very_strong"))
    marks = tuple(TrendAlert(day=on(day), tier="SOON") for day in alerts)
    rows = tuple(
        TrendRow(label=Text(key=f"short.{name}"), steps=tuple((on(day), step) for day, step in steps), top=3)
        for name, *steps in functions
    )
    left_out = tuple(TrendGap(first=on(first), last=on(last)) for first, last in gaps)
    lists = {"alerts": marks, "severities": severities, "functions": rows, "gaps": left_out}
    return Trend(points=points, ici_start=START, **lists, **{**texts, **words})


def on(day):
    return START + timedelta(days=day)


def drawn(kind, drawing, **wanted):
    """Return the attributes of the SVG's elements of that kind which have these values."""
    found = [dict(re.findall(r'([\w-]+)="([^"]*)"', each)) for each in re.findall(rf"<{kind} [^>]*>", drawing)]
    return [each for each in found if all(each.get(name.replace("_", "-")) == value for name, value in wanted.items())]


def joins(drawing, colour=NUMBNESS):
    return drawn("line", drawing, stroke=colour)


def bars(drawing):
    """Return x, height and colour of the bars of the functions."""
    found = [*drawn("rect", drawing, fill=FUNCTION), *drawn("rect", drawing, fill=EMPTY)]
    return sorted((float(each["x"]), float(each["height"]), each["fill"]) for each in found)


def test_svg_marks_each_answer_and_a_gap_breaks_the_line():
    drawing = render_svg(trend((1, 0), (None, None), (2, 1), (3, 1)), say())
    assert drawing.count("<circle") == 3 + 1  # and one in the legend
    assert len(drawn("rect", drawing, fill=PAPER, stroke=INTERFERENCE)) == 3 + 1
    assert len(joins(drawing)) == 1


@pytest.mark.parametrize(("days", "lines"), [(28, 2), (30, 2), (49, 0), (56, 0)])
def test_p20_seven_missing_weeks_are_a_gap_and_not_a_line(days, lines):
    drawing = render_svg(trend((1, 1), (2, 1), every=days), say())
    assert len([*joins(drawing), *joins(drawing, INTERFERENCE)]) == lines


def test_p20_a_gap_is_hatched_and_named_and_no_line_crosses_it():
    drawing = render_svg(trend((1, 1), (2, 1), (2, 1), every=14, gaps=[(14, 28)]), say())
    assert (len(joins(drawing)), len(joins(drawing, INTERFERENCE))) == (1, 1)
    hatched, legend = drawn("rect", drawing, fill="url(#gap)")
    first, last = (float(drawn("circle", drawing)[n]["cx"]) for n in (1, 2))
    assert first < float(hatched["x"]) < float(hatched["x"]) + float(hatched["width"]) < last
    assert "No answers" in drawing
    assert float(legend["y"]) > BOTTOM
    assert "No answers" not in render_svg(trend((1, 1)), say())


def test_days_without_answers_up_to_today_are_hatched():
    drawing = render_svg(trend((1, 1), today=on(56), gaps=[(0, 56)]), say())
    hatched = drawn("rect", drawing, fill="url(#gap)")[0]
    assert float(hatched["x"]) + float(hatched["width"]) == pytest.approx(LEFT + (RIGHT - LEFT) * 56 / 63, abs=0.1)


def test_svg_marks_each_time_of_treatment_and_each_start():
    spans = (
        TrendPeriod(first=START, last=START + timedelta(days=7)),
        TrendPeriod(first=START + timedelta(days=14), last=None),
        TrendPeriod(first=START + timedelta(days=90), last=None),
    )
    given = {"periods": spans, "given": Text(key="trend.given")}
    drawing = render_svg(trend((1, 0), **given), say())
    width = RIGHT - LEFT
    found = drawn("rect", drawing, fill=INK)
    assert [(round(float(each["x"])), round(float(each["width"]))) for each in found] == [
        (LEFT, round(width / 4)),
        (round(LEFT + width / 2), round(width / 2)),
    ]
    assert len(drawn("line", drawing, stroke_dasharray="3 9")) == 2, "the third begins after the picture's last day"
    assert "Time of treatment" in drawing
    assert "Start of treatment" not in drawing


def test_svg_draws_a_period_without_a_stop_until_the_next_one():
    spans = (TrendPeriod(first=START, last=None), TrendPeriod(first=START + timedelta(days=14), last=START))
    drawing = render_svg(trend((1, 0), periods=spans, given=Text(key="trend.given")), say())
    found = [round(float(each["width"])) for each in drawn("rect", drawing, fill=INK)]
    assert found == [round((RIGHT - LEFT) / 2), 6]


def test_svg_of_one_period_has_its_start_alone():
    drawing = render_svg(trend((1, 0)), say())
    assert len(drawn("line", drawing, stroke_dasharray="3 9")) == 1
    assert drawn("rect", drawing, fill=INK) == []
    assert "Start of treatment" in drawing


def test_answers_of_later_years_begin_at_the_left_edge():
    late = tuple(TrendPoint(day=on(700 + n * 28), numbness=1, interference=0) for n in range(4))
    made = trend((1, 0)).model_copy(update={"points": late})
    drawing = render_svg(made, say())
    places = [float(each["cx"]) for each in drawn("circle", drawing)[:4]]
    assert places[0] < LEFT + 60
    assert places[-1] > RIGHT - 200
    assert "Start of treatment" not in drawing
    assert drawn("line", drawing, stroke_dasharray="3 9") == []
    assert ">100<" in drawing, "the weeks count from the start of treatment"


def test_answers_from_before_the_treatment_are_left_of_its_start():
    early = tuple(TrendPoint(day=on(day), numbness=1, interference=0) for day in (-10, 4))
    drawing = render_svg(trend((1, 0)).model_copy(update={"points": early}), say())
    start = float(drawn("line", drawing, stroke_dasharray="3 9")[0]["x1"])
    first, second = (float(each["cx"]) for each in drawn("circle", drawing)[:2])
    assert LEFT == first < start < second


def test_svg_worse_is_higher_and_later_is_further_right():
    first, second = drawn("circle", render_svg(trend((0, None), (4, None)), say()))[:2]
    assert float(first["cx"]) < float(second["cx"])
    assert float(first["cy"]) > float(second["cy"])


def test_functions_have_a_bar_for_each_answer_and_the_taller_is_the_harder():
    rows = [("stairs", (0, 0), (7, 1), (14, 2), (21, 3)), ("arms", (0, 1))]
    drawing = render_svg(trend((1, 1), functions=rows), say())
    assert "Stairs" in drawing
    assert "Lifting arms" in drawing
    assert "taller is harder" in drawing
    stairs = [each for each in drawn("rect", drawing) if each["fill"] in {FUNCTION, EMPTY}][:4]
    heights = [float(each["height"]) for each in stairs]
    assert heights == sorted(heights)
    assert heights[0] < 10 < heights[1]
    bottoms = {round(float(each["y"]) + float(each["height"])) for each in stairs}
    assert len(bottoms) == 1
    assert len(bars(drawing)) == 5


def test_bars_of_daily_answers_do_not_touch():
    drawing = render_svg(trend((1, 1), functions=[("stairs", *((n, 1) for n in range(91)))]), say())
    found = drawn("rect", drawing, fill=FUNCTION)
    places = [float(each["x"]) for each in found]
    assert len(found) == 91
    assert min(b - a for a, b in pairwise(places[1:-1])) > float(found[0]["width"])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_svg_marks_calls_and_the_start(count):
    drawing = render_svg(trend((1, 1), alerts=range(0, 3 * count, 3)), say())
    assert len(drawn("path", drawing, fill=ALERT)) == count
    assert "Start of treatment" in drawing
    assert re.findall(r">([^<]+)</text>", drawing).count("I asked") == 1


def test_two_calls_of_one_day_are_one_mark():
    assert len(drawn("path", render_svg(trend((1, 1), alerts=(3, 3)), say()), fill=ALERT)) == 1


def test_svg_text_is_escaped_and_in_the_patients_language():
    drawing = render_svg(trend((1, 1), title=Text(key="raw", values={"text": "<b>&"})), say("ru"))
    assert "&lt;b&gt;&amp;" in drawing
    assert "Начало лечения" in drawing


# -- legible on a phone, light or dark, and without colour


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    return sum(
        weight * (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4)
        for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", [INK, NUMBNESS, INTERFERENCE, FUNCTION, ALERT, EMPTY])
def test_everything_differs_from_the_pictures_own_background(colour):
    assert contrast(colour, PAPER) >= 4.5


def test_background_covers_the_whole_picture():
    drawing = render_svg(trend((1, 1)), say())
    first = drawn("rect", drawing)[0]
    assert (first["width"], first["fill"]) == (str(WIDTH), PAPER)
    assert f'viewBox="0 0 {WIDTH} {first["height"]}"' in drawing


def test_numbness_and_interference_differ_without_colour():
    drawing = render_svg(trend((1, 1), (2, 2)), say())
    assert "stroke-dasharray" not in joins(drawing)[0]
    assert "stroke-dasharray" in joins(drawing, INTERFERENCE)[0]
    assert drawn("circle", drawing, fill=NUMBNESS)
    assert not drawn("circle", drawing, fill=INTERFERENCE)


EVERYTHING = [(name, (0, 0), (7, 3)) for name in ("stairs", "chair", "buttons", "arms", "head", "floor")]


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_texts_are_large_enough_and_none_is_cut_or_covers_another(language):
    period = {"periods": (TrendPeriod(first=START, last=on(3)),), "given": Text(key="trend.given")}
    made = trend((1, 1), (2, 2), functions=EVERYTHING, gaps=[(0, 3)], alerts=(1,), **period)
    drawing = render_svg(made, say(language))
    boxes = []
    for tag, text in re.findall(r"(<text [^>]*>)([^<]*)</text>", drawing):
        [given] = drawn("text", tag)
        size, x, y = (float(given[name]) for name in ("font-size", "x", "y"))
        assert size * 390 / WIDTH >= 12, f"{text}: too small on a phone"
        long = width(text) / NARROWER / POINTS * size
        left = x - {"start": 0, "middle": long / 2, "end": long}[given["text-anchor"]]
        assert left >= 0, text
        assert left + long <= WIDTH, text
        boxes.append((left, y - 0.75 * size, left + long, y + 0.2 * size, text))
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one[4], other[4])


@pytest.mark.parametrize("values", [[], [(2, 1)], [(n % 5, n % 3) for n in range(140)]])
def test_png_has_the_documented_size(values):
    made = trend(*values, functions=EVERYTHING)
    png = render_png(made, say())
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (WIDTH, height_of(made))
    assert height_of(made) <= 1.5 * WIDTH, "a phone shows taller pictures smaller"
    assert len(png) < 300_000


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
