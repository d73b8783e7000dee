"""Loads a protocol file: reads it, runs all checks, and builds the protocol or reports all faults together."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.content import checks, rule_checks
from bot.content.faults import ContentError, Fault
from bot.content.reader import Source
from bot.content.texts import Texts
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
    source = Source(file, content)
    context = checks.context_of(source)
    checks.check_ids(context)
    checks.check_questions(context)
    checks.check_forms(context)
    rule_checks.check_rules(context)
    checks.check_tips(context)
    checks.check_reading(context)
    checks.check_again(context)
    checks.check_plans(context)
    checks.check_clocks(context)
    if texts is not None:
        checks.check_strings(context, texts)
    if source.faults:
        raise ContentError(source.faults)
    return _build(source, hashlib.sha256(content).hexdigest())


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
    )
