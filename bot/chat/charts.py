"""Draws the trend of "My answers" as a picture (SVG, then PNG). Chooses no words or figures, and sends nothing.

The picture looks the same on every machine (it has its own font) and on light and dark screens (it has its own
background, dark on white). Nothing depends on colour alone: numbness is a solid line with round marks, interference a
dashed line with squares, alerts are triangles, each start of ICI is a dotted line, and if it was stopped or restarted,
each time of treatment is a bar above the chart.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import escape
from importlib.resources import as_file, files
from itertools import pairwise, zip_longest

import resvg_py

from bot.core.screen import Text, Trend, TrendPoint

WIDTH, HEIGHT = 1080, 1000
LEFT, RIGHT, TOP, BOTTOM = 304, 1046, 190, 750
FONT = "DejaVu Sans"
DAYS_IN_WEEK = 7
MIN_WEEKS = 4
"""A picture of the first days spans a month, so that one answer is not stretched over the whole width."""
MAX_LABELS = 9
JOINED = timedelta(weeks=5)
"""A line joins answers that are no further apart: the plan asks every four weeks at least, so that one was missed."""
INK, GRID, NUMBNESS, INTERFERENCE, ALERT = "#1a1a1a", "#d5d5d5", "#0b5394", "#7a3e00", "#a00000"

Translate = Callable[[Text], str]


def render_png(trend: Trend, translate: Translate) -> bytes:
    """Return the picture as PNG, 1080 x 1000. `translate` renders a text in the patient's language without markup."""
    with as_file(files("bot.chat") / "fonts" / "DejaVuSans.ttf") as font:
        png = resvg_py.svg_to_bytes(
            svg_string=render_svg(trend, translate), font_files=[str(font)], skip_system_fonts=True
        )
    return bytes(png)


def render_svg(trend: Trend, translate: Translate) -> str:
    """Return the picture as SVG; all text is escaped."""
    parts = [*_frame(trend, translate), *_marks(trend, translate), *_lines(trend), *_legend(trend, translate)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
    return f'{head}<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>'


# -- coordinates


def _weeks(trend: Trend) -> int:
    """Return how many weeks the picture shows: up to the last answer or alert, and at least a month."""
    days = [*(p.day for p in trend.points), *(a.day for a in trend.alerts)]
    last = max(days, default=trend.ici_start)
    return max(MIN_WEEKS, -(-((last - trend.ici_start).days + 1) // DAYS_IN_WEEK))


def _last_day(trend: Trend) -> date:
    return trend.ici_start + timedelta(days=_weeks(trend) * DAYS_IN_WEEK)


def _x(trend: Trend, day: date) -> float:
    fraction = (day - trend.ici_start).days / (_weeks(trend) * DAYS_IN_WEEK)
    return LEFT + min(max(fraction, 0.0), 1.0) * (RIGHT - LEFT)


def _y(trend: Trend, step: int) -> float:
    return BOTTOM - step / max(1, len(trend.severities) - 1) * (BOTTOM - TOP)


# -- the parts


def _frame(trend: Trend, translate: Translate) -> Iterator[str]:
    yield _text_element(translate(trend.title), 30, 72, size=50)
    for step, severity in enumerate(trend.severities):
        y = _y(trend, step)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="{GRID}" stroke-width="2"/>'
        yield _text_element(translate(severity), LEFT - 16, y + 13, anchor="end")
    weeks = _weeks(trend)
    every = -(-weeks // MAX_LABELS)
    for week in range(0, weeks + 1, every):
        x = LEFT + week / weeks * (RIGHT - LEFT)
        yield f'<line x1="{x:.1f}" y1="{BOTTOM}" x2="{x:.1f}" y2="{BOTTOM + 10}" stroke="{INK}" stroke-width="2"/>'
        yield _text_element(str(week), x, BOTTOM + 54, anchor="middle")
    yield f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}" stroke="{INK}" stroke-width="3"/>'
    yield _text_element(translate(trend.week), LEFT - 34, BOTTOM + 54, anchor="end")


def _marks(trend: Trend, translate: Translate) -> Iterator[str]:
    for day in [trend.ici_start, *(period.first for period in trend.periods[1:] if period.first <= _last_day(trend))]:
        x = _x(trend, day)
        place = f'x1="{x:.1f}" y1="{TOP - 30}" x2="{x:.1f}" y2="{BOTTOM}"'
        yield f'<line {place} stroke="{INK}" stroke-width="4" stroke-dasharray="3 9"/>'
    yield from _periods(trend)
    yield _text_element(translate(trend.start if trend.given is None else trend.given), LEFT, TOP - 42)
    for alert in trend.alerts:
        x = _x(trend, alert.day)
        yield f'<path d="M{x:.1f} {BOTTOM - 8} l-14 -26 h28 z" fill="{ALERT}"/>'


def _periods(trend: Trend) -> Iterator[str]:
    """Yield a bar for each treatment period that begins within the picture."""
    for period, following in zip_longest(trend.periods, trend.periods[1:]):
        if period.first <= _last_day(trend):
            last = period.last or (_last_day(trend) if following is None else following.first)
            x, end = _x(trend, period.first), _x(trend, last)
            yield f'<rect x="{x:.1f}" y="{TOP - 28}" width="{max(end - x, 6):.1f}" height="12" fill="{INK}"/>'


def _lines(trend: Trend) -> Iterator[str]:
    yield from _line(trend, lambda p: p.interference, INTERFERENCE, dash=' stroke-dasharray="14 10"', square=True)
    yield from _line(trend, lambda p: p.numbness, NUMBNESS, dash="", square=False)


def _line(
    trend: Trend, value: Callable[[TrendPoint], int | None], colour: str, *, dash: str, square: bool
) -> Iterator[str]:
    places = [
        None if (step := value(point)) is None else (_x(trend, point.day), _y(trend, step)) for point in trend.points
    ]
    apart = [after.day - before.day for before, after in pairwise(trend.points)]
    for (before, after), days in zip(pairwise(places), apart, strict=True):
        if before is not None and after is not None and days <= JOINED:
            line = f'x1="{before[0]:.1f}" y1="{before[1]:.1f}" x2="{after[0]:.1f}" y2="{after[1]:.1f}"'
            yield f'<line {line} stroke="{colour}" stroke-width="5"{dash}/>'
    for place in places:
        if place is not None:
            yield _mark(*place, colour, square=square)


def _mark(x: float, y: float, colour: str, *, square: bool) -> str:
    if square:
        place = f'x="{x - 9:.1f}" y="{y - 9:.1f}" width="18" height="18"'
        return f'<rect {place} fill="#ffffff" stroke="{colour}" stroke-width="4"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}"/>'


def _legend(trend: Trend, translate: Translate) -> Iterator[str]:
    x, y = 44, 864
    yield _mark(x, y - 13, NUMBNESS, square=False)
    yield _text_element(translate(trend.numbness), x + 28, y)
    yield _mark(x, y + 43, INTERFERENCE, square=True)
    yield _text_element(translate(trend.interference), x + 28, y + 56)
    yield f'<path d="M{x} {y + 112} l-14 -26 h28 z" fill="{ALERT}"/>'
    yield _text_element(translate(trend.alert), x + 28, y + 112)


def _text_element(text: str, x: float, y: float, *, size: int = 37, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size}" text-anchor="{anchor}" fill="{INK}"'
    return f"<text {place}>{escape(text)}</text>"
