"""Recognizes typed text: command words, signs that can't wait, words of despair. Stores nothing of the text.

The lists are in locales/<language>/typed.yaml. A command word must be the entire text. A line of signs may be found
anywhere in it, in the list of any enabled language. When in doubt it is a sign: a question too many costs one tap.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, Self

from bot.content.faults import ContentError, Fault
from bot.content.texts import packaged_locales
from bot.content.transliteration import in_cyrillic
from bot.content.typed_lines import found_lines
from bot.content.typed_lists import DESPAIR, GIVING_UP, HELP, Line, Lists, patterns_of, read
from bot.content.typed_matching import Patterns, Words, fold, split

__all__ = ["MAX_LENGTH", "Recognized", "TypedWords", "fold"]

MAX_LENGTH = 4096
"""Telegram's limit for a message; only this much of a text is examined."""
CYRILLIC = re.compile("[\u0400-\u04ff]")


class Recognized(NamedTuple):
    """What a text is. `signs`: the symptoms it names; `matched`: the lines of the lists that found them."""

    found: Literal["sign", "despair", "command", "other"]
    signs: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()


class TypedWords:
    """The command words and signs of all enabled languages."""

    def __init__(self, languages: Iterable[Lists], numbers: Iterable[str] = ()) -> None:
        self._languages = tuple(languages)
        self._commands = {word: name for lists in self._languages for word, name in lists.commands.items()}
        self._numbers = frozenset((*numbers, *(n for lists in self._languages for n in lists.numbers)))
        self._small = frozenset(word for lists in self._languages for word in (*lists.skip, *lists.self_))
        self._emoji = frozenset(e for lists in self._languages for e in lists.emoji)
        correct = [word for lists in self._languages for word in (*lists.correct, *lists.skip)]
        patterns = dict.fromkeys(pattern for lists in self._languages for pattern in patterns_of(lists))
        spelled = [word for lists in self._languages for word in lists.spelled]
        self._patterns = Patterns(patterns, [*spelled, *patterns], correct)
        self._reads_cyrillic = any(CYRILLIC.match(pattern) for pattern in patterns)

    @classmethod
    def load(cls, languages: Iterable[str], folder: Path | None = None, numbers: Iterable[str] = ()) -> Self:
        """Read <folder>/<language>/typed.yaml (default: those of the package). ContentError lists every fault.

        `numbers`: the emergency number of the settings.
        """
        faults: list[Fault] = []
        found = [read_lists(language, faults, folder) for language in languages]
        if faults:
            raise ContentError(faults)
        return cls(found, numbers)

    def command(self, text: str) -> str | None:
        """Return the command that the text is, or None."""
        return self._commands.get(fold(text[:MAX_LENGTH]))

    def recognize(self, text: str) -> Recognized:
        """Return what the text is: a command only if it names no sign.

        What is nothing in Latin letters is read once more as Russian, if that is one of the languages.
        """
        found = self._recognize(text)
        if found.found != "other" or not self._reads_cyrillic or CYRILLIC.search(text):
            return found
        again = self._recognize(in_cyrillic(text))
        return again if again.found in {"sign", "despair"} else found

    def _recognize(self, text: str) -> Recognized:
        examined = text[:MAX_LENGTH]
        words = split(examined)
        found = self._lines(words)
        signs = dict.fromkeys(line.sign for line in found)
        gives_up = GIVING_UP in signs
        signs.pop(GIVING_UP, None)
        if gives_up and not signs:
            signs[DESPAIR] = None
        if not signs.keys() - {DESPAIR} and self._calls_for_help(examined, words):
            signs[HELP] = None
        kind: Literal["sign", "despair", "command", "other"] = "other"
        if signs:
            kind = "despair" if DESPAIR in signs else "sign"
        elif self.command(examined) is not None:
            kind = "command"
        named = tuple(sign for sign in signs if sign != DESPAIR)
        return Recognized(kind, named, tuple(dict.fromkeys(line.text for line in found)))

    def _calls_for_help(self, text: str, words: Words) -> bool:
        """Return whether there is an emoji of an emergency, or nothing but an emergency number and small words."""
        said = set(words.words)
        is_number = not self._numbers.isdisjoint(said) and said - self._numbers <= self._small
        return is_number or not self._emoji.isdisjoint(text)

    def _lines(self, words: Words) -> list[Line]:
        """Return the lines that the words fit, of every language."""
        fits = {word: self._patterns.fits(word) for word in dict.fromkeys(words.words)}
        if not any(fits.values()):
            return []
        return list(found_lines(self._languages, words, [fits[word] for word in words.words]))


def read_lists(language: str, faults: list[Fault], folder: Path | None = None) -> Lists:
    """Return the lists of a language; add their faults."""
    root = folder or packaged_locales()
    return read(root / language / "typed.yaml", f"{language}/typed.yaml", faults)
