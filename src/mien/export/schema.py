"""Checks JSON against the few keywords of JSON Schema that asset.schema.json uses, and refuses others."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "null": (type(None),),
}  # fmt: skip
_KNOWN = {"$schema", "title", "type", "const", "enum", "pattern", "required", "properties", "items",
          "additionalProperties"}  # fmt: skip


@cache
def asset_schema() -> dict[str, Any]:
    """The published schema of asset.json."""
    return json.loads(Path(__file__).with_name("asset.schema.json").read_text())


def schema_errors(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """One line a violation: where it is, what was got, what was expected. Empty where the value is valid."""
    assert not set(schema) - _KNOWN, f"schema keywords not supported: {set(schema) - _KNOWN}"
    here = where or "the document"
    wrong = _own_error(value, schema)
    if wrong:
        return [f"{here}: {wrong}"]
    errors = []
    if isinstance(value, dict):
        errors += _object_errors(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            errors += schema_errors(item, schema["items"], f"{where}[{i}]")
    return errors


def _own_error(value: Any, schema: dict[str, Any]) -> str | None:
    if "const" in schema and value != schema["const"]:
        return f"got {value!r}, expected {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"got {value!r}, expected one of {schema['enum']}"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        allowed = tuple(t for name in names for t in _TYPES[name])
        if not isinstance(value, allowed) or isinstance(value, bool):
            return f"got {type(value).__name__}, expected {' or '.join(names)}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"got {value!r}, expected a match of {schema['pattern']}"
    return None


def _object_errors(value: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    here = where or "the document"
    properties = schema.get("properties", {})
    errors = [f"{here}: {key!r} is missing" for key in schema.get("required", []) if key not in value]
    if schema.get("additionalProperties") is False:
        errors += [f"{here}: {key!r} is not known" for key in value if key not in properties]
    for key, item in value.items():
        if key in properties:
            errors += schema_errors(item, properties[key], f"{where}.{key}".lstrip("."))
    return errors
