"""Loads a protocol file: reads it, lets every check speak, builds the protocol or refuses with all faults at once."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.content import checks, rule_checks
from bot.content.faults import ContentError, Fault
from bot.content.reader import ProtocolFile, Source
from bot.content.texts import Texts
from bot.core.protocol import Protocol

__all__ = ["ContentError", "Fault", "load_protocol", "packaged_protocol", "protocol_schema", "read_protocol"]


def packaged_protocol() -> Path:
    """Return the path of the protocol that comes with the program."""
    return Path(str(files("bot.content"))) / "protocols" / "default.yaml"


def load_protocol(path: Path | None = None, texts: Texts | None = None) -> Protocol:
    """Load and check a protocol file (default: the packaged one); with `texts` also that nothing lacks a string.

    ContentError with every fault, each with file, line, reason; OSError if the file can't be opened.
    """
    where = path or packaged_protocol()
    return read_protocol(where.name if path is None else str(path), where.read_bytes(), texts)


def read_protocol(file: str, content: bytes, texts: Texts | None = None) -> Protocol:
    """Check and build a protocol from a file's bytes; `file` names it in faults. ContentError as `load_protocol`."""
    source = Source(file, content)
    ground = checks.ground_of(source)
    checks.check_ids(ground)
    checks.check_questions(ground)
    checks.check_forms(ground)
    rule_checks.check_rules(ground)
    checks.check_tips(ground)
    checks.check_reading(ground)
    checks.check_again(ground)
    checks.check_plans(ground)
    checks.check_clocks(ground)
    if texts is not None:
        checks.check_strings(ground, texts)
    if source.faults:
        raise ContentError(source.faults)
    return _built(source, hashlib.sha256(content).hexdigest())


def protocol_schema() -> dict[str, Any]:
    """Return the JSON Schema of protocol files, for editors; published as protocol.schema.json."""
    schema = ProtocolFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "nervecheck protocol"}


def schema_text() -> str:
    """Return the schema as its file has it."""
    return json.dumps(protocol_schema(), indent=2, ensure_ascii=False) + "\n"


def _built(source: Source, content_hash: str) -> Protocol:
    def listed(section: str) -> tuple[Any, ...]:
        return tuple(item for _, item in source.items(section))

    return Protocol(
        name=source.value("name"),
        version=source.value("version"),
        content_hash=content_hash,
        questions={q.id: q for q in listed("questions")},
        forms={f.id: f for f in listed("forms")},
        rules=listed("rules"),
        composite_table=source.value("composite_table"),
        unassessable=source.value("unassessable"),
        again=source.value("again"),
        sources=source.value("sources"),
        topics=listed("topics"),
        tips=listed("tips"),
        tip_rest=source.value("tip_rest"),
        tip_rest_disliked=source.value("tip_rest_disliked"),
        plans={p.name: p for p in listed("plans")},
        clocks=source.value("clocks"),
    )
