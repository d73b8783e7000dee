"""Reads locales/<language>/typed.yaml: commands, and the lines that recognize signs. Lists every fault at once.

The comment at the beginning of locales/en/typed.yaml explains the format to a clinician.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.content.faults import Fault
from bot.content.typed_matching import SHORTEST_STEM, STEM, fold

COMMANDS = (
    *("help", "stop", "export", "delete", "menu", "language", "worse", "tips", "team", "learn", "answers", "settings"),
)
HELP = "help"
DESPAIR = "despair"
GIVING_UP = "giving_up"
"""Words of despair if no sign is named: "I can't any more", but not "I can't walk any more"."""
SIGNS = (
    *("breathing", "swallow", "limbs", "mind", "head_pain", "bladder", "back", "heart", "sudden"),
    *("eyes", "fading", "vision", "face", "strength", "muscle_pain", "urine", "walking", HELP),
)
"""The signs that lines may be about: symptoms of the protocol, and a call for help."""
_PHRASES = (
    *("skip", "cannot", "not", "after_not", "not_behind", "or", "people", "relatives", "long_ago", "sport", "stories"),
    *("fine", "difficulty", "contrast", "self", "ignore", "spelled", "correct", "numbers"),
)
"""The lists of words and phrases that the lines use."""
_EMOJI, _GROUPS, _SIGNS, _MENTIONS = "emoji", "groups", "signs", "mentions"
_CANNOT, _NUMBER = "CANNOT", "NUMBER"
"""The groups that other lists make: `cannot` and `numbers`."""
_GROUP = re.compile(r"[A-Z][A-Z_]*")

Phrase = tuple[str, ...]
"""Patterns of words one after the other."""


class Slot:
    """Phrases of which a text needs one, by the pattern of their first word."""

    __slots__ = ("firsts", "keys")

    def __init__(self, phrases: Iterable[Phrase] = ()) -> None:
        self.firsts: dict[str, list[Phrase]] = {}
        for phrase in sorted(set(phrases)):
            self.firsts.setdefault(phrase[0], []).append(phrase)
        self.keys = frozenset(self.firsts)

    def __iter__(self) -> Iterator[Phrase]:
        return (phrase for phrases in self.firsts.values() for phrase in phrases)


class Line(NamedTuple):
    """One line: every slot must be in the text. `text` is the line as it is written."""

    sign: str
    text: str
    slots: tuple[Slot, ...]
    is_mention: bool = False
    """Whether a word of `fine` nearby undoes it."""


class Lists(NamedTuple):
    """The lists of one language; the comments in en/typed.yaml say what each is for.

    `negative`: the phrases of `cannot`, and the single words of `not`.
    """

    commands: Mapping[str, str]
    lines: tuple[Line, ...]
    skip: frozenset[str]
    cannot: Slot
    negative: Slot
    not_: Mapping[str, list[Phrase]]
    after_not: frozenset[str]
    not_behind: frozenset[str]
    or_: frozenset[str]
    people: Slot
    relatives: Slot
    long_ago: Slot
    sport: Slot
    stories: Slot
    fine: Slot
    difficulty: Slot
    contrast: frozenset[str]
    self_: frozenset[str]
    ignore: Slot
    spelled: frozenset[str]
    correct: frozenset[str]
    emoji: frozenset[str]
    numbers: frozenset[str]


def read(path: Path, name: str, faults: list[Fault]) -> Lists:
    """Return the lists of a file; add its faults."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        faults.append(Fault(name, 1, "the list of typed words is missing: add it or disable the language"))
        return _Reader(name, "", {}).lists()
    lists, found = parse(content, name)
    faults += found
    return lists


@lru_cache(maxsize=16)
def parse(content: bytes, name: str) -> tuple[Lists, tuple[Fault, ...]]:
    """Parse the content of a file and return its faults, too."""
    try:
        text = content.decode("utf-8")
        tree = YAML(typ="safe").load(text)
    except (YAMLError, UnicodeDecodeError) as error:
        fault = Fault(name, 1, f"this is not valid YAML in UTF-8: {' '.join(str(error).split())}")
        return _Reader(name, "", {}).lists(), (fault,)
    reader = _Reader(name, text, tree if isinstance(tree, dict) else {})
    return reader.lists(), tuple(sorted(set(reader.faults)))


class _Reader:
    """Turns the tree of one file into lists and collects its faults."""

    def __init__(self, name: str, text: str, tree: dict[Any, Any]) -> None:
        self.faults: list[Fault] = []
        self._name = name
        self._rows = text.splitlines()
        self._tree = tree
        for key in tree:
            if key not in {*COMMANDS, *_PHRASES, _EMOJI, _GROUPS, _SIGNS, _MENTIONS, DESPAIR, GIVING_UP}:
                self._fault(str(key), f"'{key}' is not a known field: correct the name or remove it")
        self._skip = self._words("skip")
        self._slots: dict[frozenset[Phrase], Slot] = {}
        self._groups = self._read_groups()

    def lists(self) -> Lists:
        lines = [line for name in (_SIGNS, _MENTIONS) for line in self._of_signs(name)]
        lines += [self._line(kind, text) for kind in (DESPAIR, GIVING_UP) for text in self._strings(self._tree, kind)]
        if not self._tree.get(_SIGNS):
            self._fault(_SIGNS, f"'{_SIGNS}' is empty: a typed red flag would be missed; add the lines")
        not_ = tuple(tuple(fold(word) for word in item.split("_")) for item in self._strings(self._tree, "not"))
        cannot = self._phrases("cannot")
        return Lists(
            commands=MappingProxyType({fold(w): key for key in COMMANDS for w in self._strings(self._tree, key)}),
            lines=tuple(lines),
            skip=self._skip,
            cannot=self._one(cannot),
            negative=self._one(cannot | {phrase for phrase in not_ if len(phrase) == 1}),
            not_=Slot(not_).firsts,
            after_not=self._words("after_not"),
            not_behind=self._words("not_behind"),
            or_=self._words("or"),
            people=self._one(self._phrases("people")),
            relatives=self._one(self._phrases("relatives")),
            long_ago=self._one(self._phrases("long_ago")),
            sport=self._one(self._phrases("sport")),
            stories=self._one(self._phrases("stories")),
            fine=self._one(self._phrases("fine")),
            difficulty=self._one(self._phrases("difficulty")),
            contrast=self._words("contrast"),
            self_=self._words("self"),
            ignore=self._one(self._phrases("ignore")),
            spelled=self._words("spelled"),
            correct=self._words("correct"),
            emoji=frozenset(self._strings(self._tree, _EMOJI)),
            numbers=self._words("numbers"),
        )

    def _of_signs(self, name: str) -> Iterator[Line]:
        signs = self._mapping(name)
        for sign in signs:
            if sign not in SIGNS:
                self._fault(str(sign), f"'{sign}' is not a known sign: use one of {', '.join(SIGNS)}")
            for text in self._strings(signs, sign, needed=True):
                yield self._line(str(sign), text)._replace(is_mention=name == _MENTIONS)

    def _line(self, sign: str, text: str) -> Line:
        parts = [self._part(part, text) for part in re.split(r"\s*\+\s*", text)]
        return Line(sign, text, tuple(self._one(part) for part in parts))

    def _part(self, part: str, text: str) -> frozenset[Phrase]:
        """Return the phrases of one part of a line: "CANNOT/hard/give_way"."""
        phrases: set[Phrase] = set()
        for item in part.split("/"):
            word = item.strip()
            if not _GROUP.fullmatch(word):
                phrases |= self._phrase(word, text)
            elif word in self._groups:
                phrases |= self._groups[word]
            else:
                self._fault(
                    text, f"'{word}' in \"{text}\" is not a group: add it to `{_GROUPS}` or write small letters"
                )
        return frozenset(phrases)

    def _phrase(self, item: str, where: str) -> frozenset[Phrase]:
        """Return one phrase, as a set; an empty one after a fault."""
        patterns = tuple(fold(word) + (STEM if word.endswith(STEM) else "") for word in item.strip().split("_"))
        for pattern in patterns:
            letters = pattern.removesuffix(STEM)
            if not letters or " " in letters:
                self._fault(where, f"'{item.strip()}' in \"{where}\" is no word: write letters, `_` between words")
                return frozenset()
            if pattern in self._skip:
                self._fault(where, f"'{item.strip()}' in \"{where}\" is never found: '{pattern}' is in `skip`")
            if pattern.endswith(STEM) and len(letters) < SHORTEST_STEM:
                reason = f"the stem '{pattern}' in \"{where}\" is too short: write {SHORTEST_STEM} letters or more"
                self._fault(where, reason)
        return frozenset((patterns,))

    def _read_groups(self) -> dict[str, frozenset[Phrase]]:
        groups = {_CANNOT: self._phrases("cannot"), _NUMBER: self._phrases("numbers")}
        named = self._mapping(_GROUPS)
        for name in named:
            if not _GROUP.fullmatch(str(name)):
                self._fault(str(name), f"the group '{name}' must be written in capitals")
            items = self._strings(named, name, needed=True)
            read = frozenset(p for item in items for p in self._phrase(item, item))
            groups[str(name)] = groups.get(str(name), frozenset()) | read
        return groups

    def _one(self, phrases: frozenset[Phrase]) -> Slot:
        """Return the slot of these phrases: one object for all lines that have it, so that it is looked for once."""
        return self._slots.setdefault(phrases, Slot(phrases))

    def _phrases(self, key: str) -> frozenset[Phrase]:
        return frozenset(p for item in self._strings(self._tree, key) for p in self._phrase(item, item))

    def _words(self, key: str) -> frozenset[str]:
        return frozenset(fold(word) for word in self._strings(self._tree, key))

    def _mapping(self, key: str) -> dict[Any, Any]:
        value = self._tree.get(key, {})
        if isinstance(value, dict):
            return value
        self._fault(key, f"'{key}' must hold names, each followed by a list")
        return {}

    def _strings(self, tree: dict[Any, Any], key: object, *, needed: bool = False) -> list[str]:
        """Return the strings of a list; after a fault those that are some."""
        value = tree.get(key, [])
        items = value if isinstance(value, list) else [None]
        strings = [item for item in items if isinstance(item, str) and (fold(item) or key == _EMOJI)]
        if len(strings) < len(items):
            self._fault(str(key), f"'{key}' must be followed by a list of phrases: begin each with '- '")
        elif not items and (needed or key in tree):
            self._fault(str(key), f"'{key}' is empty: add its words or remove it")
        return strings

    def _fault(self, where: str, reason: str) -> None:
        row = next((n for n, row in enumerate(self._rows, 1) if where in row and not row.startswith("#")), 1)
        self.faults.append(Fault(self._name, row, reason))


def patterns_of(lists: Lists) -> Iterator[str]:
    """Yield every pattern that the lists look for in a text."""
    others = (lists.people, lists.relatives, lists.long_ago, lists.sport, lists.stories)
    slots = (slot for line in lists.lines for slot in line.slots)
    for slot in dict.fromkeys((*slots, *others, lists.fine, lists.difficulty, lists.ignore, lists.negative)):
        for phrase in slot:
            yield from phrase
