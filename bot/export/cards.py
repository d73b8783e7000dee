"""Invites as cards to print and cut: QR code, link and study code. A single HTML file without external resources."""

import html
from collections.abc import Iterable
from typing import NamedTuple

import segno


class Card(NamedTuple):
    """A card for one invite. `words` is the text on the card, in the patient's language."""

    code: str
    link: str
    language: str
    words: str


_STYLE = """
@page { margin: 12mm }
body { font: 14px/1.4 system-ui, sans-serif; color: #111; background: #fff; margin: 0 }
main { display: grid; grid-template-columns: repeat(2, 1fr); gap: 6mm }
article { border: 1px dashed #777; padding: 6mm; break-inside: avoid; text-align: center }
svg { width: 42mm; height: 42mm }
.link { font: 11px/1.3 ui-monospace, monospace; overflow-wrap: anywhere }
.code { font-weight: 600; letter-spacing: .04em }
"""


def page(cards: Iterable[Card]) -> str:
    """Return the HTML page. Each link connects one chat to a patient, so a card is as private as a key."""
    articles = "\n".join(_card(card) for card in cards)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Invites</title>\n'
        f"<style>{_STYLE}</style>\n<main>\n{articles}\n</main>\n</html>\n"
    )


def qr_svg(link: str) -> str:
    """Return the link as an inline SVG QR code, black on white with a quiet zone."""
    svg: str = segno.make(link, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return svg


def _card(card: Card) -> str:
    return (
        f'<article lang="{html.escape(card.language)}">{qr_svg(card.link)}<p>{html.escape(card.words)}</p>'
        f'<p class="link">{html.escape(card.link)}</p><p class="code">{html.escape(card.code)}</p></article>'
    )
