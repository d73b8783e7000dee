"""The JSON Schema of protocol files for editors: `python -m tests.content.schema` writes protocol.schema.json."""

import json
from typing import Any

from bot.content.loader import packaged_protocol
from bot.content.reader import ProtocolFile

PATH = packaged_protocol().parent.parent / "protocol.schema.json"


def protocol_schema() -> dict[str, Any]:
    schema = ProtocolFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "nervecheck protocol"}


def schema_text() -> str:
    return json.dumps(protocol_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
