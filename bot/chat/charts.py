"""Draws the trend of "My answers" as a picture (SVG, then PNG). Chooses no words or figures, and sends nothing.

The picture looks the same on every machine (it has its own font) and on light and dark screens (it has its own
background, dark on white). Nothing depends on colour alone: numbness is a solid line with round marks, interference a
dashed line with squares, calls are triangles in a row of their own, days without answers are hatched, and what muscles
and feet could do are bars: the taller, the harder. Each start of ICI is a dotted line, and if it was stopped or
restarted, each time of treatment is a bar above the chart.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import escape
from importlib.resources import as_file, files
from itertools import pairwise, zip_longest

import resvg_py

from bot.core.screen import Text, Trend, TrendPoint, TrendRow

WIDTH = 1080
LEFT, RIGHT, TOP, BOTTOM = 304, 1046, 300, 660
ROW, FULL_BAR = 86, 62
"""The height of a row of bars, and of the tallest bar in it."""
FONT = "DejaVu Sans"
SIZE, SMALL = 39, 37
"""Sizes of the text: on a phone 390 points wide the picture is shown at a third of its size, so 13 points."""
LETTERS_IN_LINE = 12
"""A longer label left of the chart has two lines."""
DAYS_IN_WEEK = 7
MIN_WEEKS = 4
"""A picture of the first days spans a month, so that one answer is not stretched over the whole width."""
MAX_LABELS = 9
MOST_RAISED_LINES = 12
"""So many calls at most have a line through the chart: more would cover the answers."""
JOINED = timedelta(weeks=5)
"""No line joins answers further apart, whatever gaps the trend has: the plan asks every four weeks at least."""
PAPER, INK, GRID, EMPTY = "#ffffff", "#1a1a1a", "#d5d5d5", "#757575"
NUMBNESS, INTERFERENCE, FUNCTION, ALERT = "#0b5394", "#7a3e00", "#3d3d3d", "#a00000"

Translate = Callable[[Text], str]


def render_png(trend: Trend, translate: Translate) -> bytes:
    """Return the picture as PNG, 1080 pixels wide. `translate` renders a text in the patient's language, no markup."""
    with as_file(files("bot.chat") / "fonts" / "DejaVuSans.ttf") as font:
        png = resvg_py.svg_to_bytes(
            svg_string=render_svg(trend, translate), font_files=[str(font)], skip_system_fonts=True
        )
    return bytes(png)


def render_svg(trend: Trend, translate: Translate) -> str:
    """Return the picture as SVG; all text is escaped."""
    parts = [*_frame(trend, translate), *_gaps(trend), *_calls(trend, translate), *_marks(trend, translate)]
    parts += [*_lines(trend), *_functions(trend, translate), *_legend(trend, translate)]
    height = height_of(trend)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    return f'{head}<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>{"".join(parts)}</svg>'


def height_of(trend: Trend) -> int:
    """Return the height in pixels: it has a row for each question on what muscles and feet can do."""
    return _weeks_y(trend) + (156 if trend.gaps and trend.no_answers is not None else 90)


# -- coordinates


def _first_day(trend: Trend) -> date:
    """Return the day of the left edge: the start of ICI, or the first answer if it came earlier or much later."""
    start, first = trend.ici_start, min(_answered(trend), default=trend.ici_start)
    if first < start:
        return first
    shown = _newest_day(trend) - start
    is_much_later = (first - start) * 2 > shown > timedelta(weeks=8)
    return first - timedelta(days=(first - start).days % DAYS_IN_WEEK) if is_much_later else start


def _answered(trend: Trend) -> list[date]:
    return [*(point.day for point in trend.points), *(day for row in trend.functions for day, _ in row.steps)]


def _newest_day(trend: Trend) -> date:
    days = [*_answered(trend), *(alert.day for alert in trend.alerts), trend.today or trend.ici_start]
    return max(days)


def _days(trend: Trend) -> int:
    """Return how many days the picture shows: whole weeks up to today, and at least a month."""
    shown = (_newest_day(trend) - _first_day(trend)).days + 1
    return max(MIN_WEEKS, -(-shown // DAYS_IN_WEEK)) * DAYS_IN_WEEK


def _last_day(trend: Trend) -> date:
    return _first_day(trend) + timedelta(days=_days(trend))


def _x(trend: Trend, day: date) -> float:
    fraction = (day - _first_day(trend)).days / _days(trend)
    return LEFT + min(max(fraction, 0.0), 1.0) * (RIGHT - LEFT)


def _y(trend: Trend, step: int) -> float:
    return BOTTOM - step / max(1, len(trend.severities) - 1) * (BOTTOM - TOP)


def _row_y(number: int) -> int:
    """Return where the bars of a row of functions stand, counted from 0."""
    return BOTTOM + 80 + (number + 1) * ROW


def _calls_y(trend: Trend) -> int:
    return (_row_y(len(trend.functions) - 1) if trend.functions else BOTTOM) + ROW


def _weeks_y(trend: Trend) -> int:
    """Return the bottom of the chart, below which the weeks are written."""
    return _calls_y(trend) + 20


# -- the parts


def _frame(trend: Trend, translate: Translate) -> Iterator[str]:
    yield _text_element(translate(trend.title), 30, 72, size=50)
    for step, severity in enumerate(trend.severities):
        y = _y(trend, step)
        yield _line_element(LEFT, y, RIGHT, y, GRID, 2)
        yield from _label(translate(severity), y)
    bottom = _weeks_y(trend)
    for week, x in _ticks(trend):
        yield _line_element(x, bottom, x, bottom + 10, INK, 2)
        yield _text_element(str(week), x, bottom + 54, anchor="middle")
    yield _line_element(LEFT, bottom, RIGHT, bottom, INK, 3)
    yield _text_element(translate(trend.week), LEFT - 34, bottom + 54, anchor="end")


def _ticks(trend: Trend) -> Iterator[tuple[int, float]]:
    """Yield week and place of each label: weeks count from the start of ICI."""
    weeks = _days(trend) // DAYS_IN_WEEK
    first = -(-(_first_day(trend) - trend.ici_start).days // DAYS_IN_WEEK)
    for week in range(first, first + weeks + 1, -(-weeks // MAX_LABELS)):
        day = trend.ici_start + timedelta(days=week * DAYS_IN_WEEK)
        if week >= 0 and day <= _last_day(trend):
            yield week, _x(trend, day)


def _gaps(trend: Trend) -> Iterator[str]:
    """Yield the hatched days without answers, apart from the marks at both ends."""
    if trend.gaps:
        yield (
            '<defs><pattern id="gap" width="16" height="16" patternUnits="userSpaceOnUse">'
            f'<path d="M-4 4 L4 -4 M0 16 L16 0 M12 20 L20 12" stroke="{EMPTY}" stroke-width="2"/></pattern></defs>'
        )
    for gap in trend.gaps:
        x, end = _x(trend, gap.first) + 14, _x(trend, gap.last) - (14 if gap.last != trend.today else 0)
        yield _hatched(x, TOP, max(end - x, 4), BOTTOM - TOP)


def _hatched(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="url(#gap)"/>'


def _marks(trend: Trend, translate: Translate) -> Iterator[str]:
    starts = [trend.ici_start, *(period.first for period in trend.periods[1:])]
    for day in starts:
        if _first_day(trend) <= day <= _last_day(trend):
            x = _x(trend, day)
            yield _line_element(x, TOP - 30, x, _weeks_y(trend), INK, 4, dash="3 9")
    yield from _periods(trend)
    if trend.given is not None or trend.ici_start >= _first_day(trend):
        yield _text_element(translate(trend.start if trend.given is None else trend.given), LEFT, TOP - 42)


def _periods(trend: Trend) -> Iterator[str]:
    """Yield a bar for each treatment period that reaches into the picture."""
    for period, following in zip_longest(trend.periods, trend.periods[1:]):
        last = period.last or (_last_day(trend) if following is None else following.first)
        if period.first <= _last_day(trend) and last >= _first_day(trend):
            x, end = _x(trend, period.first), _x(trend, last)
            yield f'<rect x="{x:.1f}" y="{TOP - 28}" width="{max(end - x, 6):.1f}" height="12" fill="{INK}"/>'


def _lines(trend: Trend) -> Iterator[str]:
    yield from _line(trend, lambda p: p.interference, INTERFERENCE, dash="14 10", square=True)
    yield from _line(trend, lambda p: p.numbness, NUMBNESS, dash="", square=False)


def _line(
    trend: Trend, value: Callable[[TrendPoint], int | None], colour: str, *, dash: str, square: bool
) -> Iterator[str]:
    places = [
        None if (step := value(point)) is None else (_x(trend, point.day), _y(trend, step)) for point in trend.points
    ]
    for (before, after), (first, last) in zip(pairwise(places), pairwise(trend.points), strict=True):
        if before is not None and after is not None and _are_joined(trend, first.day, last.day):
            yield _line_element(*before, *after, colour, 5, dash=dash)
    for place in places:
        if place is not None:
            yield _mark(*place, colour, square=square)


def _are_joined(trend: Trend, before: date, after: date) -> bool:
    is_gap = any(before <= gap.first and gap.last <= after for gap in trend.gaps)
    return after - before <= JOINED and not is_gap


def _mark(x: float, y: float, colour: str, *, square: bool) -> str:
    if square:
        place = f'x="{x - 9:.1f}" y="{y - 9:.1f}" width="18" height="18"'
        return f'<rect {place} fill="{PAPER}" stroke="{colour}" stroke-width="4"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}"/>'


def _functions(trend: Trend, translate: Translate) -> Iterator[str]:
    if trend.functions and trend.harder is not None:
        yield _text_element(translate(trend.harder), 30, BOTTOM + 66)
    for number, row in enumerate(trend.functions):
        y = _row_y(number)
        yield _line_element(LEFT, y, RIGHT, y, GRID, 2)
        yield from _label(translate(row.label), y - FULL_BAR / 2 + 8)
        yield from _bars(trend, row, y)


def _bars(trend: Trend, row: TrendRow, y: int) -> Iterator[str]:
    """Yield a bar for each answer, with a flat one for "no trouble": an answer is never missing from the picture."""
    apart = min(((after - before).days for (before, _), (after, _) in pairwise(row.steps)), default=DAYS_IN_WEEK)
    width = min(16.0, max(5.0, 0.8 * (RIGHT - LEFT) * apart / _days(trend)))
    for day, step in row.steps:
        height = step / row.top * FULL_BAR if step else 6
        x = min(max(_x(trend, day) - width / 2, LEFT), RIGHT - width)
        colour = FUNCTION if step else EMPTY
        yield f'<rect x="{x:.1f}" y="{y - height:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _calls(trend: Trend, translate: Translate) -> Iterator[str]:
    y = _calls_y(trend)
    yield from _label(translate(trend.alert), y - 20)
    days = list(dict.fromkeys(alert.day for alert in trend.alerts))
    for day in days:
        x = _x(trend, day)
        if len(days) <= MOST_RAISED_LINES:
            yield _line_element(x, TOP, x, y - 34, ALERT, 2, dash="2 8")
        yield f'<path d="M{x:.1f} {y - 4} l-14 -28 h28 z" fill="{ALERT}"/>'


def _legend(trend: Trend, translate: Translate) -> Iterator[str]:
    x, y = 44, 138
    yield _mark(x, y - 13, NUMBNESS, square=False)
    yield _text_element(translate(trend.numbness), x + 28, y)
    yield _mark(x, y + 41, INTERFERENCE, square=True)
    yield _text_element(translate(trend.interference), x + 28, y + 54)
    if trend.gaps and trend.no_answers is not None:
        y = _weeks_y(trend) + 94
        yield _hatched(LEFT, y, 60, 40)
        yield _text_element(translate(trend.no_answers), LEFT + 80, y + 33)


# -- elements


def _line_element(x: float, y: float, to_x: float, to_y: float, colour: str, width: int, *, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    place = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {place} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _label(text: str, middle: float) -> Iterator[str]:
    """Yield a label left of the chart around a height: a long one has two lines."""
    lines = _in_lines(text)
    for number, line in enumerate(lines):
        y = middle + 13 + (number - (len(lines) - 1) / 2) * SMALL
        yield _text_element(line, LEFT - 16, y, size=SMALL if len(lines) == 1 else SMALL - 3, anchor="end")


def _in_lines(text: str) -> list[str]:
    """Return a label as one line, or as two that are as equally long as its words allow."""
    words = text.split(" ")
    if len(text) <= LETTERS_IN_LINE or len(words) == 1:
        return [text]
    pairs = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    return list(min(pairs, key=lambda pair: max(map(len, pair))))


def _text_element(text: str, x: float, y: float, *, size: int = SIZE, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size}" text-anchor="{anchor}" fill="{INK}"'
    # A rim of the background's colour, where a line passes behind.
    rim = f'stroke="{PAPER}" stroke-width="10" paint-order="stroke"'
    return f"<text {place} {rim}>{escape(text)}</text>"
