"""Loads a protocol file: reads it, runs all checks, and builds the protocol or reports all faults together."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from bot.content import checks, rule_checks, symptom_checks
from bot.content.faults import ContentError, Fault
from bot.content.follow_ups import add_follow_ups
from bot.content.reader import Source
from bot.content.texts import ENGLISH, Texts
from bot.core.despair import DespairRule
from bot.core.protocol import Protocol

__all__ = ["ContentError", "Fault", "load_protocol", "packaged_protocol", "read_protocol"]


def packaged_protocol() -> Path:
    """Return the path of the protocol that is part of the program."""
    return Path(str(files("bot.content"))) / "protocols" / "default.yaml"


def load_protocol(path: Path | None = None, texts: Texts | None = None) -> Protocol:
    """Load and check a protocol file (default: the packaged one); with `texts`, also check for missing strings.

    ContentError lists every fault with file, line and reason; OSError if the file can't be read.
    """
    file = path or packaged_protocol()
    return read_protocol(file.name if path is None else str(path), file.read_bytes(), texts)


def read_protocol(file: str, content: bytes, texts: Texts | None = None) -> Protocol:
    """Build a protocol from the bytes of a file; `file` is its name in faults. ContentError as in `load_protocol`."""
    read = _read(file, content)
    missing = [fault for key, fault in read.strings if texts is not None and not texts.has(ENGLISH, key)]
    if read.protocol is None or missing:
        raise ContentError((*read.faults, *missing))
    return read.protocol


class _Read(NamedTuple):
    """What a protocol file contains: the protocol unless there are faults, and the key of every string it shows.

    Each key has the fault that is to be reported if there is no such string.
    """

    protocol: Protocol | None
    faults: tuple[Fault, ...]
    strings: tuple[tuple[str, Fault], ...]


@lru_cache(maxsize=4)
def _read(file: str, content: bytes) -> _Read:
    source = Source(file, content)
    add_follow_ups(source)
    context = checks.context_of(source)
    checks.check_ids(context)
    checks.check_questions(context)
    checks.check_forms(context)
    rule_checks.check_rules(context)
    symptom_checks.check_symptoms(context)
    checks.check_tips(context)
    checks.check_reading(context)
    checks.check_again(context)
    checks.check_plans(context)
    checks.check_silence(context)
    checks.check_clocks(context)
    protocol = None if source.faults else _build(source, hashlib.sha256(content).hexdigest())
    return _Read(protocol, tuple(source.faults), tuple(checks.needed_strings(context)))


def _build(source: Source, content_hash: str) -> Protocol:
    def items(section: str) -> tuple[Any, ...]:
        return tuple(item for _, item in source.items(section))

    return Protocol(
        name=source.value("name"),
        version=source.value("version"),
        content_hash=content_hash,
        questions={q.id: q for q in items("questions")},
        forms={f.id: f for f in items("forms")},
        rules=items("rules"),
        composite_table=source.value("composite_table"),
        unassessable=source.value("unassessable"),
        follow_up=source.value("again"),
        sources=source.value("sources"),
        topics=items("topics"),
        tips=items("tips"),
        tip_rest=source.value("tip_rest"),
        tip_rest_disliked=source.value("tip_rest_disliked"),
        plans={p.name: p for p in items("plans")},
        clocks=source.value("clocks"),
        symptoms={s.id: s for s in items("symptoms")},
        # A file from before concerns were remembered has the packaged numbers.
        remembering=source.value("concerns") or load_protocol().remembering,
        despair=source.value("despair") or DespairRule(),
        silence=source.value("silence") or (),
    )
