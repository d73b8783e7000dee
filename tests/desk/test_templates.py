"""Every text that a page asks for by name is in the catalogs."""

import re
from pathlib import Path

import bot

PACKAGE = Path(bot.__file__).parent


def test_every_text_named_in_a_template_is_in_the_catalog() -> None:
    named = {
        (page.name, key)
        for page in (PACKAGE / "desk" / "templates").glob("*.html")
        for key in re.findall(r"\bt\('([a-z_.0-9]+)'[,)]", page.read_text())
    }
    assert len(named) > 100
    catalog = (PACKAGE / "content" / "locales" / "en" / "console.po").read_text()
    assert sorted(found for found in named if f'msgid "console.{found[1]}"\n' not in catalog) == []
