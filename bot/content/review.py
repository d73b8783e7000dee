"""Tells which languages a clinic has signed. Reads locales/<language>/review.yaml and decides nothing."""

from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.content.texts import packaged_locales


def unreviewed(languages: Iterable[str], folder: Path | None = None) -> tuple[str, ...]:
    """Return those languages that nobody has signed: only `reviewed: true` with `by` and `on` counts."""
    root = folder or packaged_locales()
    return tuple(language for language in languages if not _signed(root / language / "review.yaml"))


def _signed(path: Path) -> bool:
    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError):
        return False
    return isinstance(found, dict) and found.get("reviewed") is True and all(found.get(key) for key in ("by", "on"))
