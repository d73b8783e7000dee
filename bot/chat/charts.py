"""Draws the trend of "My answers": a picture (PNG) from SVG. Chooses no words and no figures, and sends nothing.

It looks the same on every machine (a font of its own) and on light and dark screens (a background of its own, dark on
white). Nothing is told by colour alone: numbness is a full line with round marks, interference a dashed one with
squares, alerts are triangles, the start of ICI is a dotted line with its words.
"""

from collections.abc import Callable, Iterator
from datetime import date
from html import escape
from importlib.resources import as_file, files
from itertools import pairwise

import resvg_py

from bot.core.screen import Text, Trend, TrendPoint

WIDTH, HEIGHT = 1080, 1000
LEFT, RIGHT, TOP, BOTTOM = 304, 1046, 190, 750
FONT = "DejaVu Sans"
DAYS_IN_WEEK = 7
FEWEST_WEEKS = 4
"""A picture of the first days is as wide as a month, so that one answer is not stretched over all of it."""
MOST_LABELS = 9
INK, SOFT, NUMB, WAY, MARK = "#1a1a1a", "#d5d5d5", "#0b5394", "#7a3e00", "#a00000"

Say = Callable[[Text], str]


def drawn(trend: Trend, say: Say) -> bytes:
    """Return the picture as PNG, 1080 x 1000. `say` puts a text into the patient's words, without markup."""
    with as_file(files("bot.chat") / "fonts" / "DejaVuSans.ttf") as font:
        made = resvg_py.svg_to_bytes(svg_string=svg(trend, say), font_files=[str(font)], skip_system_fonts=True)
    return bytes(made)


def svg(trend: Trend, say: Say) -> str:
    """Return the picture as SVG; all words are escaped."""
    parts = [*_frame(trend, say), *_marks(trend, say), *_lines(trend), *_legend(trend, say)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
    return f'{head}<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>'


# -- where things stand


def _weeks(trend: Trend) -> int:
    """Return how many weeks the picture shows: to the last answer or alert, and never less than a month."""
    days = [*(p.day for p in trend.points), *(a.day for a in trend.alerts)]
    last = max(days, default=trend.ici_start)
    return max(FEWEST_WEEKS, -(-((last - trend.ici_start).days + 1) // DAYS_IN_WEEK))


def _x(trend: Trend, day: date) -> float:
    share = (day - trend.ici_start).days / (_weeks(trend) * DAYS_IN_WEEK)
    return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)


def _y(trend: Trend, step: int) -> float:
    return BOTTOM - step / max(1, len(trend.severities) - 1) * (BOTTOM - TOP)


# -- the parts


def _frame(trend: Trend, say: Say) -> Iterator[str]:
    yield _words(say(trend.title), 30, 72, size=50)
    for step, severity in enumerate(trend.severities):
        y = _y(trend, step)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="{SOFT}" stroke-width="2"/>'
        yield _words(say(severity), LEFT - 16, y + 13, anchor="end")
    weeks = _weeks(trend)
    every = -(-weeks // MOST_LABELS)
    for week in range(0, weeks + 1, every):
        x = LEFT + week / weeks * (RIGHT - LEFT)
        yield f'<line x1="{x:.1f}" y1="{BOTTOM}" x2="{x:.1f}" y2="{BOTTOM + 10}" stroke="{INK}" stroke-width="2"/>'
        yield _words(str(week), x, BOTTOM + 54, anchor="middle")
    yield f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}" stroke="{INK}" stroke-width="3"/>'
    yield _words(say(trend.week), LEFT - 34, BOTTOM + 54, anchor="end")


def _marks(trend: Trend, say: Say) -> Iterator[str]:
    place = f'x1="{LEFT}" y1="{TOP - 30}" x2="{LEFT}" y2="{BOTTOM}"'
    yield f'<line {place} stroke="{INK}" stroke-width="4" stroke-dasharray="3 9"/>'
    yield _words(say(trend.start), LEFT, TOP - 42)
    for alert in trend.alerts:
        x = _x(trend, alert.day)
        yield f'<path d="M{x:.1f} {BOTTOM - 8} l-14 -26 h28 z" fill="{MARK}"/>'


def _lines(trend: Trend) -> Iterator[str]:
    yield from _line(trend, lambda p: p.interference, WAY, dash=' stroke-dasharray="14 10"', square=True)
    yield from _line(trend, lambda p: p.numbness, NUMB, dash="", square=False)


def _line(
    trend: Trend, value: Callable[[TrendPoint], int | None], colour: str, *, dash: str, square: bool
) -> Iterator[str]:
    places = [
        None if (step := value(point)) is None else (_x(trend, point.day), _y(trend, step)) for point in trend.points
    ]
    for before, after in pairwise(places):
        if before is not None and after is not None:
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


def _legend(trend: Trend, say: Say) -> Iterator[str]:
    x, y = 44, 864
    yield _mark(x, y - 13, NUMB, square=False)
    yield _words(say(trend.numbness), x + 28, y)
    yield _mark(x, y + 43, WAY, square=True)
    yield _words(say(trend.interference), x + 28, y + 56)
    yield f'<path d="M{x} {y + 112} l-14 -26 h28 z" fill="{MARK}"/>'
    yield _words(say(trend.alert), x + 28, y + 112)


def _words(text: str, x: float, y: float, *, size: int = 37, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size}" text-anchor="{anchor}" fill="{INK}"'
    return f"<text {place}>{escape(text)}</text>"
