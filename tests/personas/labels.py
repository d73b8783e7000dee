"""How wide a button's label is on a phone of 390 points, by the widths of the bundled font: an estimate.

DejaVu Sans is wider than the letters of a phone (San Francisco, Roboto) by a tenth and more; `NARROWER` allows for half
of that, so that a label that passes is not cut.
"""

import struct
from functools import cache
from pathlib import Path

FONT = Path(__file__).parents[2] / "bot" / "chat" / "fonts" / "DejaVuSans.ttf"
POINTS = 16
NARROWER = 0.94
WIDTHS = {1: 320, 2: 152, 3: 98}
"""Points for a label, by the number of buttons in its row. Of three in a row "Need help now" and its Russian label were
cut on a phone, the Spanish one was not.
"""


@cache
def _font() -> tuple[dict[int, int], bytes, int, int]:
    """Return the glyph of each character, the table of widths, how many it has, and the units of an em."""
    data = FONT.read_bytes()
    tables = {}
    for number in range(struct.unpack(">H", data[4:6])[0]):
        tag, _, offset, length = struct.unpack(">4sLLL", data[12 + 16 * number : 28 + 16 * number])
        tables[tag] = data[offset : offset + length]
    em = struct.unpack(">H", tables[b"head"][18:20])[0]
    metrics = struct.unpack(">H", tables[b"hhea"][34:36])[0]
    return _glyphs(tables[b"cmap"]), tables[b"hmtx"], metrics, em


def _glyphs(cmap: bytes) -> dict[int, int]:
    for number in range(struct.unpack(">H", cmap[2:4])[0]):
        offset = struct.unpack(">L", cmap[8 + 8 * number : 12 + 8 * number])[0]
        if struct.unpack(">H", cmap[offset : offset + 2])[0] == 12:
            groups = struct.unpack(">L", cmap[offset + 12 : offset + 16])[0]
            return {
                character: glyph + character - first
                for group in range(groups)
                for first, last, glyph in [struct.unpack(">LLL", cmap[offset + 16 + 12 * group :][:12])]
                for character in range(first, last + 1)
            }
    raise ValueError("the font has no table of format 12")


@cache
def width(label: str) -> float:
    """Return the width of a label in points."""
    glyphs, table, metrics, em = _font()
    found = (min(glyphs.get(ord(character), 0), metrics - 1) for character in label)
    return sum(struct.unpack(">H", table[4 * glyph : 4 * glyph + 2])[0] for glyph in found) / em * POINTS * NARROWER


def is_cut(label: str, in_row: int) -> bool:
    return width(label) > WIDTHS.get(in_row, WIDTHS[3] * 3 / max(in_row, 1))
