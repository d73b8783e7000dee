"""Recognizes typed text: command words, and phrases that name a red flag. Stores nothing of the text.

The lists are in locales/<language>/typed.yaml. A command word must be the entire text. A red-flag phrase may be
anywhere in it, in any language, and a preceding "no" is ignored: a patient who types "no chest pain" is asked too.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.content.faults import ContentError, Fault
from bot.content.texts import packaged_locales

COMMANDS = ("help", "stop", "menu", "language", "worse", "tips", "team", "learn", "answers", "settings")
RED_FLAGS = "red_flags"
STEM = "*"
"""At the end of a phrase: its last word is a prefix ("breath*")."""
MAX_LENGTH = 4096
"""Telegram's limit for a message; only this much of a text is examined."""

_APOSTROPHES = re.compile(r"['’‘`´ʼ]")
_NO_WORDS = re.compile(r"[^\w]+|_+")


class _Phrases(NamedTuple):
    commands: Mapping[str, str]
    red_flags: tuple[str, ...]


class TypedWords:
    """The command words and red-flag phrases of all enabled languages."""

    def __init__(self, phrases: Iterable[_Phrases]) -> None:
        self._commands: dict[str, str] = {}
        self._red_flags: list[str] = []
        for language_phrases in phrases:
            self._commands |= language_phrases.commands
            self._red_flags += language_phrases.red_flags

    @classmethod
    def load(cls, languages: Iterable[str], folder: Path | None = None) -> Self:
        """Read <folder>/<language>/typed.yaml (default: those of the package). ContentError lists every fault."""
        root = folder or packaged_locales()
        faults: list[Fault] = []
        found = [_read(root / language / "typed.yaml", f"{language}/typed.yaml", faults) for language in languages]
        if faults:
            raise ContentError(faults)
        return cls(found)

    def command(self, text: str) -> str | None:
        """Return the command that the text is, or None."""
        return self._commands.get(fold(text[:MAX_LENGTH]))

    def names_red_flag(self, text: str) -> bool:
        """Return whether the text contains a red-flag phrase."""
        normalized = f" {fold(text[:MAX_LENGTH])} "
        return any(phrase in normalized for phrase in self._red_flags)


def fold(text: str) -> str:
    """Return only the words: lower case, without accents and apostrophes, separated by single spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return _NO_WORDS.sub(" ", _APOSTROPHES.sub("", bare)).strip()


def _read(path: Path, name: str, faults: list[Fault]) -> _Phrases:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        faults.append(Fault(name, 1, "the list of typed words is missing: add it or disable the language"))
        return _Phrases({}, ())
    phrases, found = _parse(content, name)
    faults += found
    return phrases


@lru_cache(maxsize=16)
def _parse(content: bytes, name: str) -> tuple[_Phrases, tuple[Fault, ...]]:
    """Parse the content of a list and return its faults too."""
    faults: list[Fault] = []
    try:
        tree = YAML(typ="safe").load(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        fault = Fault(name, 1, f"this is not valid YAML in UTF-8: {' '.join(str(error).split())}")
        return _Phrases({}, ()), (fault,)
    lists = tree if isinstance(tree, dict) else {}
    unknown = [key for key in lists if key not in {*COMMANDS, RED_FLAGS}]
    faults += [Fault(name, 1, f"'{key}' is not a known field: correct the name or remove it") for key in unknown]
    if not all(isinstance(v, list) and all(isinstance(w, str) and fold(w) for w in v) for v in lists.values()):
        faults.append(Fault(name, 1, "each name must be followed by a list of phrases: begin each with '- '"))
        return _Phrases({}, ()), tuple(faults)
    if not lists.get(RED_FLAGS):
        faults.append(Fault(name, 1, f"'{RED_FLAGS}' is empty: a typed red flag would be missed; add the phrases"))
    commands = {fold(word): key for key in COMMANDS for word in lists.get(key, [])}
    red_flags = tuple(_search_pattern(phrase) for phrase in lists.get(RED_FLAGS, []))
    return _Phrases(MappingProxyType(commands), red_flags), tuple(faults)


def _search_pattern(phrase: str) -> str:
    """Return the search pattern of a phrase: complete words, the last one a prefix if the phrase ends with a star."""
    return f" {fold(phrase)}" + ("" if phrase.rstrip().endswith(STEM) else " ")
