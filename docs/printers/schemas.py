"""Says what a JSON Schema allows, in a few words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.printers.markdown import NONE

Schema = Mapping[str, Any]

_NAMES = {"string": "text", "boolean": "true or false", "object": "object"}


def resolved(entry: Schema, document: Schema) -> Schema:
    """The schema that an entry stands for, its `$ref` followed."""
    reference = entry.get("$ref")
    if reference is None:
        return entry
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found, document)


def kind(entry: Schema, document: Schema) -> str:
    """What values are allowed: `text`, `list of text`, `fast` or `quality`. That null is, goes without saying."""
    entry = resolved(entry, document)
    if "anyOf" in entry:
        kinds = [kind(choice, document) for choice in entry["anyOf"] if choice.get("type") != "null"]
        return either(tuple(dict.fromkeys(kinds)))
    if "enum" in entry or "const" in entry:
        return either([f"`{value}`" for value in entry.get("enum", [entry.get("const")])])
    name = str(entry.get("type", "anything"))
    if name == "array":
        return f"list of {kind(entry['items'], document)}"
    if name == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"object of {kind(entry['additionalProperties'], document)}"
    if entry.get("format") == "binary" or "contentMediaType" in entry:
        return "file"
    return ", ".join([_NAMES.get(name, name), *_bounds(entry)])


def default(entry: Schema) -> str:
    """The default as JSON; null and none at all look the same to a caller."""
    value = entry.get("default")
    return NONE if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def either(choices: Sequence[str]) -> str:
    """`a`, `b` or `c`."""
    return " or ".join(part for part in (", ".join(choices[:-1]), choices[-1]) if part)


def _bounds(entry: Schema) -> Iterator[str]:
    if "minimum" in entry and "maximum" in entry:
        yield f"{entry['minimum']:,g} to {entry['maximum']:,g}"
    else:
        words = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}
        yield from (f"{word} {entry[key]:,g}" for key, word in words.items() if key in entry)
    if "maxLength" in entry:
        yield f"at most {entry['maxLength']:,} characters"
