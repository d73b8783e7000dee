"""Owns the few typed words that are understood: commands, and phrases that name a red flag. Keeps nothing it is given.

The lists are locales/<language>/typed.yaml. A command word must be all that was typed; a red-flag phrase may stand
anywhere, in any of the languages, and a "no" before it changes nothing: whoever types "no chest pain" is asked, too.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.content.faults import ContentError, Fault
from bot.content.texts import packaged_locales

COMMANDS = ("help", "stop", "menu", "language", "worse", "tips", "team", "learn", "answers", "settings")
RED_FLAGS = "red_flags"
STEM = "*"
"""At the end of a phrase: its last word may go on ("breath*")."""
MOST = 4096
"""Telegram's limit of a message; no more of a text is looked at."""

_APOSTROPHES = re.compile(r"['’‘`´ʼ]")
_NO_WORDS = re.compile(r"[^\w]+|_+")


class _Phrases(NamedTuple):
    commands: Mapping[str, str]
    red_flags: tuple[str, ...]


class TypedWords:
    """The words of all enabled languages."""

    def __init__(self, phrases: Iterable[_Phrases]) -> None:
        self._commands: dict[str, str] = {}
        self._red_flags: list[str] = []
        for of_language in phrases:
            self._commands |= of_language.commands
            self._red_flags += of_language.red_flags

    @classmethod
    def load(cls, languages: Iterable[str], folder: Path | None = None) -> Self:
        """Read <folder>/<language>/typed.yaml (default: the package's own). ContentError with all that is wrong."""
        root = folder or packaged_locales()
        faults: list[Fault] = []
        found = [_read(root / language / "typed.yaml", f"{language}/typed.yaml", faults) for language in languages]
        if faults:
            raise ContentError(faults)
        return cls(found)

    def command(self, text: str) -> str | None:
        """Return the command that these words are, or None."""
        return self._commands.get(folded(text[:MOST]))

    def names_red_flag(self, text: str) -> bool:
        """Tell whether a red-flag phrase stands in it."""
        words = f" {folded(text[:MOST])} "
        return any(phrase in words for phrase in self._red_flags)


def folded(text: str) -> str:
    """Return words alone: small letters, no accents, no apostrophes, one blank between."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return _NO_WORDS.sub(" ", _APOSTROPHES.sub("", bare)).strip()


def _read(path: Path, name: str, faults: list[Fault]) -> _Phrases:
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        faults.append(Fault(name, 1, "the words that may be typed are missing: write them or switch the language off"))
        return _Phrases({}, ())
    except (YAMLError, UnicodeDecodeError) as error:
        faults.append(Fault(name, 1, f"this is no YAML in UTF-8: {' '.join(str(error).split())}"))
        return _Phrases({}, ())
    lists = tree if isinstance(tree, dict) else {}
    unknown = [key for key in lists if key not in {*COMMANDS, RED_FLAGS}]
    faults += [Fault(name, 1, f"'{key}' is not known here: correct the word or remove it") for key in unknown]
    if not all(isinstance(v, list) and all(isinstance(w, str) and folded(w) for w in v) for v in lists.values()):
        faults.append(Fault(name, 1, "each word here stands before a list of phrases: write them with '- '"))
        return _Phrases({}, ())
    if not lists.get(RED_FLAGS):
        faults.append(Fault(name, 1, f"'{RED_FLAGS}' is empty: a typed red flag would be overlooked; list the phrases"))
    commands = {folded(word): key for key in COMMANDS for word in lists.get(key, [])}
    return _Phrases(commands, tuple(_sought(phrase) for phrase in lists.get(RED_FLAGS, [])))


def _sought(phrase: str) -> str:
    """Return a phrase as it is looked for: whole words, the last one open where it ends with a star."""
    return f" {folded(phrase)}" + ("" if phrase.rstrip().endswith(STEM) else " ")
