"""Prints the page of settings from the JSON Schema of the configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.printers.markdown import NONE, page, table
from docs.printers.schemas import Schema, default, kind, resolved
from segue.settings import Settings
from segue.vendors.account import Provider

_OPENING = """
Settings come from three places: a YAML file (`--config FILE`), environment variables, and a few options of the
command line. The command line wins over the environment, the environment over the file, the file over the defaults
below. An unknown key, or a value out of range, stops the start with its file and line or its variable.

A variable is `SEGUE_` and the path of the setting, with two underscores between its parts. Lists and tables are
written as JSON: `SEGUE_VOICE__LANGUAGES='["en","uk"]'`. `segue config show` prints what is in force, `segue schema`
prints the JSON Schema that this page is made from.

Some variables have names of their own: `VOICE_STREAM_ENABLED`, which can keep speech off, and those that a provider
names in `key_variable` and `credentials_variable`, which hold its secret or the path of a file with it.
"""

_NAMED = """
Each entry is a provider under a name that you choose. `vendor` says which kind it is, and with that what else may be
set. The name goes into a chain (`models`, `synthesizers` or `recognizers`, by what the provider does), into records,
measures and errors. Write it with `a-z`, digits and `_`, and one variable reaches each of its settings:
`SEGUE_PROVIDERS__NAMED__CLOUD__URL` is the address of the provider `cloud`. At OpenAI's own address the secret is
looked for in `OPENAI_API_KEY`; at others that speak its protocol none is needed unless `key_variable` names one.

```yaml
providers:
  named:
    cloud:
      vendor: openai-synthesizer
      limits: {first_s: 3}
  synthesizers: [cloud, espeak]
```

What each vendor needs to be installed and what it can do is in [Providers](providers.md); how to connect one, in
[Connect providers](../how-to/connect-providers.md).
"""


def configuration_page(note: str) -> str:
    """Every setting: its variable, its kind and range, its default and its meaning."""
    schema = Settings.model_json_schema()
    parts = [_section(name, section, given, schema) for name, section, given in _sections(schema)]
    return page("# Configuration", note, _OPENING, *parts, "## `providers.named`", _NAMED, *_named(schema))


def _sections(schema: Schema) -> Iterator[tuple[str, Schema, Mapping[str, Any]]]:
    """The parts of the configuration with their dotted names, the outermost first.

    Each comes with the defaults it has in its place: two parts of one shape may differ in them.
    """
    waiting: list[tuple[str, Schema, Mapping[str, Any]]] = [("", schema, {})]
    while waiting:
        name, section, given = waiting.pop(0)
        yield name, section, given
        inner = []
        for key, entry in section["properties"].items():
            definition = _definition(entry, schema)
            if definition is not None:
                defaults = given.get(key) or entry.get("default") or {}
                inner.append((f"{name}.{key}".lstrip("."), definition, defaults))
        waiting = inner + waiting


def _section(name: str, section: Schema, given: Mapping[str, Any], schema: Schema) -> str:
    rows = []
    for key, entry in section["properties"].items():
        if _definition(entry, schema) is None:
            path = f"{name}.{key}".lstrip(".")
            variable = "SEGUE_" + path.replace(".", "__").upper()
            described = {**entry, "default": given.get(key, entry.get("default"))}
            rows.append([f"`{path}`", f"`{variable}`", kind(entry, schema), default(described), _meaning(entry)])
    heading = f"## `{name}`" if name else "## At the top"
    body = table(["setting", "variable", "kind", "default", "what it is"], rows) if rows else ""
    return page(heading, section.get("description", "") if name else "", body)


def _named(schema: Schema) -> Iterator[str]:
    """What every provider has, then what each vendor has besides.

    A vendor that only sets another default for a setting says nothing more about it: then the others' words hold.
    """
    named = schema["$defs"]["ProviderSettings"]["properties"]["named"]
    mapping: Mapping[str, str] = named["additionalProperties"]["discriminator"]["mapping"]
    vendors = {vendor: resolved({"$ref": reference}, schema) for vendor, reference in mapping.items()}
    common = list(Provider.model_fields)
    anyone = next(iter(vendors.values()))
    yield page("### Every provider", _settings({key: anyone["properties"][key] for key in common}, (), schema))
    said = {
        key: entry for each in vendors.values() for key, entry in each["properties"].items() if _meaning(entry) != NONE
    }
    for vendor, definition in sorted(vendors.items()):
        own = {
            key: {**entry, "description": entry.get("description") or said.get(key, {}).get("description")}
            for key, entry in definition["properties"].items()
            if key not in {*common, "vendor"}
        }
        text = definition.get("description", "")
        yield page(f"### `vendor: {vendor}`", text, _settings(own, definition.get("required", ()), schema))


def _settings(entries: Mapping[str, Schema], required: Any, schema: Schema) -> str:
    """Settings of a provider, those of a part of it under their dotted names."""
    rows = []
    for key, entry in sorted(entries.items(), key=lambda item: item[0] not in required):
        definition = _definition(entry, schema)
        for name, one in [(key, entry)] if definition is None else _dotted(key, definition):
            needed = "required" if name in required else default(one)
            rows.append([f"`{name}`", _kind(one, schema), needed, _meaning(one)])
    return table(["setting", "kind", "default", "what it is"], rows) if rows else "Nothing more."


def _dotted(key: str, definition: Schema) -> Iterator[tuple[str, Schema]]:
    yield from ((f"{key}.{name}", entry) for name, entry in definition["properties"].items())


def _kind(entry: Schema, schema: Schema) -> str:
    """What values are allowed; an object of parts is told with the parts' names."""
    inner = entry.get("additionalProperties")
    if not isinstance(inner, dict) or "$ref" not in inner:
        return kind(entry, schema)
    parts = resolved(inner, schema)
    names = [f"`{name}`{'' if name in parts.get('required', ()) else '?'}" for name in parts["properties"]]
    return f"by name: {', '.join(names)}"


def _meaning(entry: Schema) -> str:
    return entry.get("description") or NONE


def _definition(entry: Schema, schema: Schema) -> Schema | None:
    """The section that a setting stands for, or None where it is a setting of its own."""
    return resolved(entry, schema) if "$ref" in entry else None
