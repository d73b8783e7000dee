"""Finds the lines of typed.yaml that the words of a text fit, and what undoes them: "no chest pain", "my friend had".

A text may be in any language: a line of one language is undone by the words of every other as well.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from bot.content.typed_lists import DESPAIR, GIVING_UP, Line, Lists, Slot
from bot.content.typed_matching import NONE, Words

WINDOW = 6
"""The words of a line are at most so many words apart; small words (`skip`) don't count."""
NEAR = 10
"""Somebody else, and when it was, are looked for within so many words of a sign."""
LISTED = 4
""" "No fever or chest pain": the "no" is at most so many words before the "or"."""
TRIED = 20
"""The places of a line that are examined; a text that denies a sign more often than that is asked about."""

YEAR = re.compile(r"(?:19|20)[0-9]{2}")

Span = tuple[int, int]
"""The first and the last word of a phrase."""


class _Reading:
    """A text as one language reads it, without small words. `at`: the place of each word among all words."""

    def __init__(self, lists: Lists, words: Words, fits: list[frozenset[str]]) -> None:
        self.lists = lists
        self.at = [i for i, word in enumerate(words.words) if word not in lists.skip]
        self._where: dict[str, list[int]] = {}
        for position, i in enumerate(self.at):
            for pattern in fits[i]:
                self._where.setdefault(pattern, []).append(position)
        self._present = frozenset(self._where)
        self._spans: dict[Slot, list[Span]] = {}

    def may_have(self, line: Line) -> bool:
        """Return whether there is the first word of a phrase of each part of a line."""
        for slot in line.slots:  # noqa: SIM110 - a generator for each of 500 lines takes longer than the comparison
            if self._present.isdisjoint(slot.keys):
                return False
        return True

    def spans(self, slot: Slot) -> list[Span]:
        """Return every place where one of the phrases is, in positions of this reading."""
        if slot not in self._spans:
            self._spans[slot] = sorted(set(self._find(slot)))
        return self._spans[slot]

    def _find(self, slot: Slot) -> Iterator[Span]:
        where = self._where
        for first in slot.keys & self._present:
            for phrase in slot.firsts[first]:
                length = len(phrase) - 1
                if length == 0:
                    yield from [(place, place) for place in where[first]]
                elif all(pattern in where for pattern in phrase):
                    starts = set(where[first])
                    for n, pattern in enumerate(phrase[1:], 1):
                        starts &= {place - n for place in where[pattern]}
                    yield from [(place, place + length) for place in starts]

    def places(self, slot: Slot) -> list[Span]:
        """Return every place where one of the phrases is, among all words."""
        return [(self.at[first], self.at[last]) for first, last in self.spans(slot)]


class _Around(NamedTuple):
    """What undoes a line, in any language: places among all words. `denied`: the first words of what is denied.

    `denied_behind`: their last words. `fine`: the words that say that something is as it should be, and difficulties
    that are denied. `selves`: the words of the person who writes ("I").
    """

    denied: frozenset[int]
    denied_behind: frozenset[int]
    people: list[int]
    relatives: list[int]
    long_ago: list[int]
    sport: list[int]
    stories: list[int]
    fine: list[int]
    selves: list[int]
    years: list[int]
    """Years such as 2019. Of whoever may be a patient they say little: it may be when the treatment began."""
    is_now: bool
    """Whether a word of `contrast` says that it is otherwise now."""


def found_lines(languages: tuple[Lists, ...], words: Words, fits: list[frozenset[str]]) -> Iterator[Line]:
    """Yield lines that the words fit: of each sign and language the first. `fits`: the patterns of each word."""
    readings = [_Reading(lists, words, fits) for lists in languages]
    ignored = {i for r in readings for first, last in r.places(r.lists.ignore) for i in range(first, last + 1)}
    if ignored:
        kept = [NONE if i in ignored else patterns for i, patterns in enumerate(fits)]
        readings = [_Reading(lists, words, kept) for lists in languages]
    around = _around(readings, words, ignored)
    signs: set[str] = set()
    for reading in readings:
        for line in reading.lists.lines:
            if line.sign not in signs and reading.may_have(line) and _is_there(line, reading, around):
                signs.add(line.sign)
                yield line


def _is_there(line: Line, reading: _Reading, around: _Around) -> bool:
    negative, cannot = reading.spans(reading.lists.negative), reading.spans(reading.lists.cannot)
    for tried, match in enumerate(_matches([reading.spans(slot) for slot in line.slots]), 1):
        start, end = min(first for first, _ in match), max(last for _, last in match)
        first, last = reading.at[start], reading.at[end]
        is_denied = last in around.denied_behind or any(reading.at[place] in around.denied for place, _ in match)
        if is_denied and not any(_begins_at(negative, place) for place, _ in match) and tried < TRIED:
            continue
        if line.is_mention and _any_in(around.fine, first - WINDOW, last + WINDOW + 1):
            continue
        is_said_of_self = line.sign in {DESPAIR, GIVING_UP} or any(_begins_at(cannot, place) for place, _ in match)
        if is_said_of_self or not _is_harmless(around, first, last):
            return True
    return False


def _begins_at(spans: list[Span], place: int) -> bool:
    found = bisect_left(spans, (place, place))
    return found < len(spans) and spans[found][0] == place


def _matches(slots: list[list[Span]]) -> Iterator[tuple[Span, ...]]:
    """Yield the places of a line's slots that are within one window, none of them on another's word."""
    if not all(slots):
        return
    for start in sorted({first for spans in slots for first, _ in spans}):
        chosen: list[Span] = []
        for spans in slots:
            for place in range(bisect_left(spans, (start, start)), len(spans)):
                first, last = spans[place]
                if first >= start + WINDOW:
                    break
                if all(last < a or b < first for a, b in chosen):
                    chosen.append((first, last))
                    break
            else:
                break
        if len(chosen) == len(slots):
            yield tuple(chosen)


def _around(readings: list[_Reading], words: Words, ignored: set[int]) -> _Around:
    def firsts(name: str) -> list[int]:
        return sorted(first for r in readings for first, _ in r.places(getattr(r.lists, name)))

    denied = frozenset(place for r in readings for place in _denied(r.lists, words))
    behind = frozenset(place for r in readings for place in _denied_behind(r.lists, words))
    fine = {place for place in firsts("fine") if place not in denied} | (denied & {*firsts("difficulty")})
    # "Never had chest pain like today", "fine until yesterday": what is said before a contrast undoes nothing.
    is_now = any(word in r.lists.contrast for word in words.words for r in readings)
    if is_now:
        denied, behind, fine = frozenset(), frozenset(), set()
    return _Around(
        denied=denied,
        denied_behind=behind,
        people=firsts("people"),
        relatives=firsts("relatives"),
        long_ago=firsts("long_ago"),
        sport=firsts("sport"),
        stories=firsts("stories"),
        # "Not good" is not fine; "no trouble" is.
        fine=sorted(fine | ignored),
        years=[i for i, word in enumerate(words.words) if YEAR.fullmatch(word)],
        is_now=is_now,
        selves=[i for i, word in enumerate(words.words) if any(word in r.lists.self_ for r in readings)],
    )


def _denied(lists: Lists, words: Words) -> Iterator[int]:
    """Yield the places directly after "no", and after "or" in "no … or", without a punctuation mark between."""
    ends = set(_ends(lists, words))
    ors = [place for place, word in enumerate(words.words) if word in lists.or_]
    ends |= {place + 1 for place in ors if not ends.isdisjoint(range(place - LISTED, place + 1))}
    for end in ends:
        place = end
        while place < len(words.words) and place not in words.breaks:
            yield place
            if words.words[place] not in lists.after_not:
                break
            place += 1


def _ends(lists: Lists, words: Words) -> Iterator[int]:
    """Yield the places behind the phrases of `not`."""
    for place, word in enumerate(words.words):
        for phrase in lists.not_.get(word, ()):
            if tuple(words.words[place : place + len(phrase)]) == phrase:
                yield place + len(phrase)


def _denied_behind(lists: Lists, words: Words) -> Iterator[int]:
    """Yield the places directly before a "no" that ends its sentence."""
    ends = words.breaks | {len(words.words)}
    for place, word in enumerate(words.words):
        if word in lists.not_behind and place not in words.breaks and place + 1 in ends:
            yield place - 1


def _is_harmless(around: _Around, first: int, last: int) -> bool:
    """Return whether the sign is of a story, or somebody else's: long ago, or after sport."""
    if _any_in(around.stories, first - NEAR, first):
        return True
    others, relatives = (_last_before(places, first) for places in (around.people, around.relatives))
    was_long_ago = not around.is_now and _any_in(around.long_ago, first - NEAR, last + NEAR + 1)
    was_sport = _any_in(around.sport, first - NEAR, last + NEAR + 1)
    was_long_before = was_long_ago or (not around.is_now and _any_in(around.years, first - NEAR, last + NEAR + 1))
    is_others = (others >= 0 and (was_long_before or was_sport)) or (relatives >= 0 and was_long_ago)
    return is_others and not _any_in(around.selves, max(others, relatives), first)


def _any_in(places: list[int], start: int, end: int) -> bool:
    found = bisect_left(places, start)
    return found < len(places) and places[found] < end


def _last_before(places: list[int], first: int) -> int:
    """Return the last of the places that is near and before a word; -1 if none is."""
    found = bisect_left(places, first) - 1
    return places[found] if found >= 0 and places[found] >= first - NEAR else -1
