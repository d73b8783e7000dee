"""Finds which word patterns the words of a text fit: complete words, stems, one spelling error. Knows no sign.

A pattern is a complete word ("sob") or a stem ("breath*": any word that begins so). A word with one spelling error (a
letter wrong, missing, too many, or two letters swapped) fits what the word fits that it is meant to be, if that has at
least `MIN_CORRECTED` letters and is a pattern or one of the words that are listed for it.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

STEM = "*"
"""At the end of a pattern: it is the beginning of a word ("breath*")."""
SHORTEST_STEM = 3
"""The letters of the shortest stem: a shorter one would fit almost any word."""
NONE: frozenset[str] = frozenset()
MIN_CORRECTED = 5
"""The letters of the shortest word in which a spelling error is accepted: many short words differ by one letter."""

_APOSTROPHES = re.compile(r"['’‘`´ʼ]")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_PARTS = re.compile(r"[^\W_]+|[.,;:!?\n]")


class Words(NamedTuple):
    """The words of a text, folded. `breaks`: the positions before which there is a punctuation mark."""

    words: list[str]
    breaks: frozenset[int]


def split(text: str) -> Words:
    """Return the words of a text: lower case, without accents and apostrophes, no letter more than twice in a row."""
    words: list[str] = []
    breaks: set[int] = set()
    for part in _PARTS.findall(_REPEATED.sub(r"\1", _folded(text))):
        if part.isalnum():
            words.append(part)
        else:
            breaks.add(len(words))
    return Words(words, frozenset(breaks))


def fold(text: str) -> str:
    """Return only the words of a text: lower case, without accents and apostrophes, separated by single spaces."""
    return " ".join(part for part in _PARTS.findall(_folded(text)) if part.isalnum())


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not plain.isascii():
        plain = "".join([c for c in plain if not unicodedata.combining(c)])
    return _APOSTROPHES.sub("", plain)


class Patterns:
    """A set of patterns. `spelled`: words that fit misspelled, too; `correct`: words that are never a misspelling."""

    def __init__(self, patterns: Iterable[str], spelled: Iterable[str] = (), correct: Iterable[str] = ()) -> None:
        patterns = set(patterns)
        self._words = {pattern for pattern in patterns if not pattern.endswith(STEM)}
        self._stems: dict[str, list[str]] = {}
        for pattern in sorted(patterns - self._words):
            self._stems.setdefault(pattern[:SHORTEST_STEM], []).append(pattern.removesuffix(STEM))
        self._correct = frozenset(correct)
        self._spelled: dict[str, list[str]] = {}
        for word in dict.fromkeys(spelled):
            if len(word) >= MIN_CORRECTED and not word.endswith(STEM):
                for key in _without_a_letter(word):
                    self._spelled.setdefault(key, []).append(word)
        self._longest = max(map(len, self._spelled), default=0) + 1

    def fits(self, word: str) -> frozenset[str]:
        """Return the patterns that a word fits; with one spelling error only where it fits none without."""
        found = self._exactly(word)
        if found or not MIN_CORRECTED - 1 <= len(word) <= self._longest or word in self._correct:
            return frozenset(found)
        shared = _without_a_letter(word)
        if self._spelled.keys().isdisjoint(shared):
            return NONE
        meant = {one for key in shared for one in self._spelled.get(key, ())}
        return frozenset(pattern for one in meant if _is_one_error(word, one) for pattern in self._exactly(one))

    def _exactly(self, word: str) -> list[str]:
        stems = self._stems.get(word[:SHORTEST_STEM], ())
        found = [stem + STEM for stem in stems if word.startswith(stem)]
        return [word, *found] if word in self._words else found


def _without_a_letter(word: str) -> set[str]:
    """Return the word, and the word without each of its letters: what two words share that are one error apart."""
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


def _is_one_error(typed: str, meant: str) -> bool:
    """Return whether one letter is wrong, missing or too many, or two neighbours are swapped."""
    here = 0
    while here < min(len(typed), len(meant)) and typed[here] == meant[here]:
        here += 1
    rest, of_meant = typed[here:], meant[here:]
    return (
        rest[1:] == of_meant[1:]
        or rest[1:] == of_meant
        or rest == of_meant[1:]
        or (rest[:2] == of_meant[1::-1] and rest[2:] == of_meant[2:])
    )
