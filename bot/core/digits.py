"""Digits of any script as 0 to 9, wherever a person types a number. The one place that does it."""

import unicodedata


def ascii_digits(text: str) -> str:
    """Return the text with each decimal digit (Arabic, Persian, Devanagari, full-width ...) as one of 0 to 9."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
