"""Draws weekly figures as bar charts (SVG). No information is carried by colour alone: each bar shows its value."""

from collections.abc import Iterator, Sequence
from html import escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 16, 624, 48, 180


def bars(title: str, names: Sequence[str], values: Sequence[float | None], unit: str) -> str:
    """Return a chart as SVG. None is a week without data. The accessible name has the title and all values."""
    label = "; ".join(f"{name}: {_figure(value, unit)}" for name, value in zip(names, values, strict=True))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{title}. {label}", quote=True)}">'
        f'<text x="{LEFT}" y="22" class="chart-title">{escape(title)}</text>{"".join(_bars(names, values, unit))}'
        f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}" class="chart-axis"/></svg>'
    )


def _bars(names: Sequence[str], values: Sequence[float | None], unit: str) -> Iterator[str]:
    most = max((value for value in values if value), default=1)
    step = (RIGHT - LEFT) / max(1, len(names))
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        middle = LEFT + (place + 0.5) * step
        height = 0 if not value else value / most * (BOTTOM - TOP - 20)
        yield (
            f'<rect x="{middle - step * 0.3:.1f}" y="{BOTTOM - height:.1f}" width="{step * 0.6:.1f}" '
            f'height="{height:.1f}" class="chart-bar"/>'
            f'<text x="{middle:.1f}" y="{BOTTOM - height - 6:.1f}" class="chart-figure">{_figure(value, unit)}</text>'
            f'<text x="{middle:.1f}" y="{BOTTOM + 20}" class="chart-name">{escape(name)}</text>'
        )


def _figure(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:g}{unit}"
