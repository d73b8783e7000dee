"""The texts: reads the gettext catalogs and returns strings in a given language. Sends and escapes nothing by itself.

Message ids are keys ("question.change"), so English is a catalog like the others, and the only one that must be
complete: a string that is missing or fuzzy in another language is shown in English. For a red-flag string that is a
fault at start-up. Strings are Telegram HTML with named {placeholders}; the catalog's plural rule is applied to `n`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from gettext import c2py
from html.parser import HTMLParser
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

from bot.content.faults import ContentError, Fault
from bot.core.protocol import FormStep, Protocol, Question, Tier, Topic
from bot.core.screen import BULLET, HELPER

ENGLISH = "en"
DOMAINS = ("clinical", "chat", "learn", "helper", "team", "console")
RED_FLAG_PREFIXES = (
    *("call.", "done.open.", "loopback.", "help.", "learn.when_to_call.", "symptom.", HELPER),
    *("stranger.numbers", "stopped.body"),
)
"""Prefixes of the keys in the chat catalog without which no patient may get a message."""

MAX_SIGN_LENGTH = 34
"""The characters, with its bullet, of a sign that is one line on a phone 390 points wide."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TAGS = frozenset({"b", "i", "u", "s", "code"})


class _Entry(NamedTuple):
    """A string of a catalog: its forms (one, or one per plural) and its location."""

    forms: tuple[str, ...]
    fuzzy: bool
    file: str
    line: int

    @property
    def usable(self) -> bool:
        return not self.fuzzy and all(self.forms)

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(name for form in self.forms for name in _PLACEHOLDER.findall(form))


class _Language(NamedTuple):
    entries: Mapping[str, _Entry]
    plural: Callable[[int], int]


class Texts:
    """The strings of the enabled languages, always including English."""

    def __init__(self, languages: Mapping[str, _Language]) -> None:
        self._languages = languages

    @classmethod
    def load(cls, languages: Iterable[str], folder: Path | None = None) -> Self:
        """Read the catalogs of DOMAINS in <folder>/<language> (default: those of the package).

        ContentError if a language has no catalog or a catalog can't be read.
        """
        root = folder or packaged_locales()
        wanted = dict.fromkeys((ENGLISH, *languages))
        faults: list[Fault] = []
        loaded = {language: _load_language(root / language, faults) for language in wanted}
        if faults:
            raise ContentError(faults)
        return cls(loaded)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that were loaded, English first."""
        return tuple(self._languages)

    def has(self, language: str, key: str) -> bool:
        """Return whether the language itself has a non-empty string for the key that is not fuzzy."""
        entry = self._entry(language, key)
        return entry is not None and entry.usable

    def keys(self, language: str = ENGLISH) -> tuple[str, ...]:
        """Return all keys of a language's catalogs, in file order."""
        return tuple(self._languages[language].entries)

    def get(
        self,
        language: str,
        key: str,
        values: Mapping[str, str | int] | None = None,
        *,
        escape: Callable[[str], str] = str,
    ) -> str:
        """Return the string with its {placeholders} replaced; `escape` is applied to string values.

        A missing or fuzzy string falls back to English, and one for helpers to the patient's in the same language. A
        placeholder without a value is left unchanged, and a key that English lacks too is returned itself: an
        incomplete call screen is better than none.
        """
        as_written = key.removeprefix(HELPER)
        tried = [(spoken, name) for spoken in (language, ENGLISH) for name in dict.fromkeys((key, as_written))]
        used_language, used = next((t for t in tried if self.has(*t)), (ENGLISH, as_written))
        entry = self._entry(used_language, used)
        if entry is None:
            return used
        given = values or {}
        return _PLACEHOLDER.sub(lambda m: _replacement(m, given, escape), self._form(entry, used_language, given))

    def forms(self, language: str, key: str) -> tuple[str, ...]:
        """Return the unformatted forms of a string: one, or one per plural; none if the language lacks the key."""
        entry = self._entry(language, key)
        return entry.forms if entry is not None else ()

    def faults(self, protocol: Protocol) -> list[Fault]:
        """Return every fault of the catalogs for this protocol, ordered by file and line."""
        needed = set(needed_keys(protocol))
        red_flags = set(red_flag_keys(protocol)) | {k for k in self.keys() if k.startswith(RED_FLAG_PREFIXES)}
        found = list(self._missing_in_english(needed))
        if not any(key.startswith("call.") for key in self.keys()):
            found.append(Fault(f"{ENGLISH}/{DOMAINS[1]}.po", 1, "the texts of the call screens are missing: add them"))
        for language in self._languages:
            found += self._malformed(language)
            found += self._missing_names(language)
            if language != ENGLISH:
                found += self._missing_red_flags(language, red_flags)
                found += self._differing(language)
            found += self._long_signs(language, protocol)
        found += self._faults_for_helpers()
        return sorted(set(found))

    def _entry(self, language: str, key: str) -> _Entry | None:
        loaded = self._languages.get(language)
        return loaded.entries.get(key) if loaded is not None else None

    def _form(self, entry: _Entry, language: str, values: Mapping[str, str | int]) -> str:
        count = values.get("n", 0)
        if len(entry.forms) == 1 or not isinstance(count, int):
            return entry.forms[-1]
        return entry.forms[min(self._languages[language].plural(count), len(entry.forms) - 1)]

    def _missing_in_english(self, needed: Iterable[str]) -> Iterator[Fault]:
        for key in (*needed, *self.keys()):
            if not self.has(ENGLISH, key):
                yield self._fault(ENGLISH, key, f"'{key}' has no English string: write one (and remove 'fuzzy')")

    def _missing_names(self, language: str) -> Iterator[Fault]:
        """Yield a fault per language whose name, on the button that chooses it, this catalog lacks."""
        for code in self._languages:
            if not self.has(language, language_key(code)):
                reason = (
                    f"'{language_key(code)}' is missing in '{language}': write the language's name in its own words"
                )
                yield self._fault(language, language_key(code), reason)

    def _missing_red_flags(self, language: str, red_flags: Iterable[str]) -> Iterator[Fault]:
        for key in red_flags:
            if not self.has(language, key):
                entry = self._entry(language, key)
                what = "is fuzzy" if entry is not None and entry.fuzzy else "is missing"
                reason = f"the red-flag string '{key}' {what} in '{language}': translate it or disable the language"
                yield self._fault(language, key, reason)

    def _differing(self, language: str) -> Iterator[Fault]:
        for key, entry in self._languages[language].entries.items():
            english = self._entry(ENGLISH, key)
            if english is None:
                yield self._fault(language, key, f"'{key}' is not a key of the English catalog: correct or remove it")
            elif entry.usable and entry.placeholders != english.placeholders:
                expected, got = (", ".join(sorted(e.placeholders)) or "none" for e in (english, entry))
                reason = f"'{key}' has the placeholders {got}, but in English {expected}: use the same ones"
                yield self._fault(language, key, reason)

    def _long_signs(self, language: str, protocol: Protocol) -> Iterator[Fault]:
        """Yield a fault per line of a safety screen that would not be one line on a phone."""
        for question in protocol.questions.values():
            for line in question.signs.lines if question.signs is not None else ():
                for key in (sign_key(question, line.id), HELPER + sign_key(question, line.id)):
                    length = max((len(BULLET) + len(form) for form in self.forms(language, key)), default=0)
                    if length > MAX_SIGN_LENGTH:
                        fits = f"{MAX_SIGN_LENGTH} are one line on a phone; shorten it"
                        yield self._fault(language, key, f"'{key}' has {length} characters with its bullet: {fits}")

    def _faults_for_helpers(self) -> Iterator[Fault]:
        """Yield a fault per text for helpers that is the version of no text, or has a gap that nobody fills."""
        for key, entry in self._languages[ENGLISH].entries.items():
            if not key.startswith(HELPER):
                continue
            of = self._entry(ENGLISH, key.removeprefix(HELPER))
            if of is None:
                yield self._fault(ENGLISH, key, f"'{key}' is the version for helpers of no text: correct or remove it")
            elif unknown := entry.placeholders - of.placeholders:
                reason = f"'{key}' has the placeholders {', '.join(sorted(unknown))}, which its text does not have"
                yield self._fault(ENGLISH, key, f"{reason}: remove them")

    def _malformed(self, language: str) -> Iterator[Fault]:
        for key, entry in self._languages[language].entries.items():
            for problem in dict.fromkeys(p for form in entry.forms for p in markup_problems(form)):
                yield self._fault(language, key, f"'{key}': {problem}: Telegram would refuse the message")

    def _fault(self, language: str, key: str, reason: str) -> Fault:
        entry, english = self._entry(language, key), self._entry(ENGLISH, key)
        if entry is not None:
            return Fault(entry.file, entry.line, reason)
        catalog = english.file.partition("/")[2] if english is not None else f"{DOMAINS[0]}.po"
        return Fault(f"{language}/{catalog}", 1, reason)


# --- Strings that a protocol needs ------------------------------------------------------------------------------------


def question_keys(question: Question) -> tuple[str, ...]:
    """Return the keys of a question and its choices, without texts that are specific to a form."""
    return f"question.{question.id}", *(choice_key(question.id, c.id, c.text) for c in question.choices)


def choice_key(question: str, choice: str, text: str | None) -> str:
    """Return the key of a choice: its `text`, or by default one derived from the ids."""
    return text or f"choice.{question}.{choice}"


def language_key(language: str) -> str:
    """Return the key of a language's name, as patients see it where they choose one."""
    return f"language.{language}"


def short_key(question: Question) -> str:
    """Return the key of a question's short name in a list of answers: of one about a sign, the sign's."""
    return f"short.{question.id}" if question.follows is None else symptom_key(question.follows)


def sign_key(question: Question, line: str) -> str:
    """Return the key of one line of a safety screen."""
    return f"sign.{question.id}.{line}"


def sign_keys(question: Question) -> tuple[str, ...]:
    """Return the keys of a safety screen's lines and of its rarer forms; none for another question."""
    if question.signs is None:
        return ()
    return *(sign_key(question, line.id) for line in question.signs.lines), f"fold.{question.id}"


def step_keys(step: FormStep, question: Question | None) -> tuple[str, ...]:
    """Return the keys of a question as a form asks it: its text and, of a safety screen, its last line."""
    text = step.text or f"question.{step.ask}"
    return (text, f"{text}.short") if question is not None and question.signs is not None else (text,)


def symptom_key(symptom: str) -> str:
    """Return the key of a symptom in the patient's words, as it is named after the check-in that found it."""
    return f"symptom.{symptom}"


USUAL_SIGN = "sign.usual"
"""The key of a line of a safety screen about a sign that is usual for the patient."""


def topic_keys(topic: Topic) -> tuple[str, ...]:
    """Return the keys of a topic in the "Learn" menu."""
    if topic.signs:
        return f"learn.{topic.id}.title", *(f"learn.{topic.id}.{q}" for q in topic.signs), f"learn.{topic.id}.rest"
    return f"learn.{topic.id}.title", f"learn.{topic.id}.body"


def needed_keys(protocol: Protocol) -> tuple[str, ...]:
    """Return every key that the protocol's questions, forms, tips and topics use."""
    keys = [key for question in protocol.questions.values() for key in question_keys(question)[1:]]
    keys += [key for _, shown in _asked(protocol) for key in shown]
    keys += [short_key(question) for question in protocol.questions.values()]
    keys += [key for question in protocol.questions.values() for key in sign_keys(question)]
    keys += [f"tip.{tip.id}" for tip in protocol.tips]
    keys += [symptom_key(symptom) for symptom in protocol.symptoms]
    keys += [USUAL_SIGN] if any(question.signs is not None for question in protocol.questions.values()) else []
    keys += [key for topic in protocol.topics for key in topic_keys(topic)]
    return tuple(dict.fromkeys(keys))


def _asked(protocol: Protocol) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each question that a form asks, and the keys of its words there."""
    for form in protocol.forms.values():
        yield from ((step.ask, step_keys(step, protocol.questions.get(step.ask))) for step in form.steps)


def red_flag_keys(protocol: Protocol) -> tuple[str, ...]:
    """Return the keys of every question that is marked as a red flag or, by a rule, can give URGENT or higher."""
    serious = {q for rule in protocol.rules if rule.tier >= Tier.URGENT for q in rule.questions}
    flagged = {q.id for q in protocol.questions.values() if q.red_flag or q.id in serious}
    asked = [protocol.questions[q] for q in flagged if q in protocol.questions]
    keys = {key for question in asked for key in (*question_keys(question), *sign_keys(question))}
    keys |= {key for question, shown in _asked(protocol) if question in flagged for key in shown}
    keys |= {symptom_key(symptom) for symptom in protocol.symptoms} | {USUAL_SIGN}
    return tuple(key for key in needed_keys(protocol) if key in keys)


# --- Reading ----------------------------------------------------------------------------------------------------------


def packaged_locales() -> Path:
    """Return the folder of the catalogs that are part of the program."""
    return Path(str(files("bot.content"))) / "locales"


def _load_language(folder: Path, faults: list[Fault]) -> _Language:
    catalogs = tuple((name, path.read_bytes()) for name in DOMAINS if (path := folder / f"{name}.po").is_file())
    language, found = _parse_language(folder.name, catalogs)
    faults += found
    return language


@lru_cache(maxsize=16)
def _parse_language(name: str, catalogs: tuple[tuple[str, bytes], ...]) -> tuple[_Language, tuple[Fault, ...]]:
    """Parse the catalogs of a language, given by domain and content, and return their faults too."""
    entries: dict[str, _Entry] = {}
    faults: list[Fault] = []
    plural: Callable[[int], int] | None = None
    for domain, content in catalogs:
        file = f"{name}/{domain}.po"
        catalog = _parse(content, file, faults)
        if catalog is None:
            continue
        for message in catalog:
            if message.id:
                key = message.id if isinstance(message.id, str) else message.id[0]
                if key in entries:
                    faults.append(Fault(file, message.lineno or 1, f"'{key}' is in two catalogs: remove one of them"))
                entries[key] = _entry(message, file)
        plural = plural or c2py(catalog.plural_expr)
    if plural is None:
        missing = "this language has no catalog: add one or disable the language"
        faults.append(Fault(f"{name}/{DOMAINS[0]}.po", 1, missing))
    return _Language(MappingProxyType(entries), plural or c2py("0")), tuple(faults)


def _parse(content: bytes, file: str, faults: list[Fault]) -> Catalog | None:
    try:
        return read_po(BytesIO(content), abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        faults.append(Fault(file, getattr(error, "lineno", None) or 1, f"this catalog can't be read: {error}"))
        return None


def _entry(message: Message, file: str) -> _Entry:
    string = message.string or ""
    forms = (string,) if isinstance(string, str) else tuple(string)
    return _Entry(forms, message.fuzzy, file, message.lineno or 1)


def _replacement(match: re.Match[str], values: Mapping[str, str | int], escape: Callable[[str], str]) -> str:
    value = values.get(match[1])
    if value is None:
        return match[0]
    return str(value) if isinstance(value, int) else escape(value)


# --- Telegram HTML ----------------------------------------------------------------------------------------------------


class _Markup(HTMLParser):
    """Collects markup that Telegram would refuse: unknown tags, unclosed tags, unmatched end tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.problems: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS or attrs:
            self.problems.append(f"<{tag}> is not allowed: use <b>, <i>, <u>, <s>, <code> without attributes")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> has no matching start tag")

    def close(self) -> None:
        super().close()
        self.problems += [f"<{tag}> is not closed" for tag in self._open]


@lru_cache(maxsize=4096)
def markup_problems(text: str) -> tuple[str, ...]:
    """Return the markup problems for which Telegram would refuse a string."""
    parser = _Markup()
    parser.feed(text)
    parser.close()
    bare = "write &lt; and &amp; for < and & in the text"
    is_unescaped = re.search(r"&(?!(?:lt|gt|amp|quot|#\d+);)|<(?!/?[a-z])", text)
    return (*parser.problems, bare) if is_unescaped else tuple(parser.problems)
