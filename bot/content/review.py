"""Finds the languages that no clinician has signed, from locales/<language>/review.yaml. Decides nothing."""

from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.content.texts import packaged_locales


def unreviewed(languages: Iterable[str], folder: Path | None = None) -> tuple[str, ...]:
    """Return the languages that nobody has signed. A signature needs `reviewed: true`, `by` and `on`."""
    root = folder or packaged_locales()
    return tuple(language for language in languages if not _signed(root / language / "review.yaml"))


def _signed(path: Path) -> bool:
    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError):
        return False
    return isinstance(found, dict) and found.get("reviewed") is True and all(found.get(key) for key in ("by", "on"))
