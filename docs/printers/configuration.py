"""Prints the page of settings from the JSON Schema of the configuration."""

from collections.abc import Iterator

from docs.printers.markdown import NONE, page, table
from docs.printers.schemas import Schema, default, kind, resolved
from segue.settings import Settings

_OPENING = """
Settings come from three places: a YAML file (`--config FILE`), environment variables, and a few options of the
command line. The command line wins over the environment, the environment over the file, the file over the defaults
below. An unknown key, or a value out of range, stops the start with its file and line or its variable.

A variable is `SEGUE_` and the path of the setting, with two underscores between its parts. Lists and tables are
written as JSON: `SEGUE_VOICE__LANGUAGES='["en","uk"]'`. `segue config show` prints what is in force, `segue schema`
prints the JSON Schema that this page is made from.
"""


def configuration_page(note: str) -> str:
    """Every setting: its variable, its kind and range, its default and its meaning."""
    schema = Settings.model_json_schema()
    parts = [_section(name, section, schema) for name, section in _sections(schema)]
    return page("# Configuration", note, _OPENING, *parts)


def _sections(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The parts of the configuration with their dotted names, the outermost first."""
    waiting: list[tuple[str, Schema]] = [("", schema)]
    while waiting:
        name, section = waiting.pop(0)
        yield name, section
        inner = [
            (f"{name}.{key}".lstrip("."), definition)
            for key, entry in section["properties"].items()
            if (definition := _definition(entry, schema)) is not None
        ]
        waiting = inner + waiting


def _section(name: str, section: Schema, schema: Schema) -> str:
    rows = []
    for key, entry in section["properties"].items():
        if _definition(entry, schema) is None:
            path = f"{name}.{key}".lstrip(".")
            variable = "SEGUE_" + path.replace(".", "__").upper()
            meaning = entry.get("description") or NONE
            rows.append([f"`{path}`", f"`{variable}`", kind(entry, schema), default(entry), meaning])
    heading = f"## `{name}`" if name else "## At the top"
    body = table(["setting", "variable", "kind", "default", "what it is"], rows) if rows else ""
    return page(heading, section.get("description", "") if name else "", body)


def _definition(entry: Schema, schema: Schema) -> Schema | None:
    """The section that a setting stands for, or None where it is a setting of its own."""
    return resolved(entry, schema) if "$ref" in entry else None
