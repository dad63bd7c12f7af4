"""The characters of an app, and the file that says which voice each has at each provider.

characters:
  pip_boy:
    name: {en: Pip-Boy, zh: 嗶嗶小子}     # or one text for all languages
    description: A cheerful guide
    speed: 1.1                           # relative to the voice's own
    pitch_st: -2                         # semitones; not every provider can shift them
    voices:                              # provider → language → voice, or one voice for all its languages
      wavenet: {zh: cmn-TW-Wavenet-B}
      openai: onyx
    variants:                            # these voices go before those above while a variant is in force
      candidate:
        wavenet: {zh: cmn-TW-Wavenet-C}
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from segue.errors import ConfigurationError
from segue.section import Section
from segue.voice.casting import Part, Repertoire, near, objection

ANY = "*"
"""Stands for every language that has no entry of its own."""
DEPTH = 8
"""Keys this far down are not looked at; a file that refers to itself has no end."""
KEY = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def _key(text: str) -> str:
    if KEY.fullmatch(text) is None:
        raise ValueError(
            f"{text!r} is no key: begin with a letter, and use only a-z, 0-9, `_` and `-`, 64 characters at most"
        )
    return text


def _for_any(given: object) -> object:
    return {ANY: given} if isinstance(given, str) else given


Key = Annotated[str, AfterValidator(_key)]
Text = Annotated[str, Field(min_length=1)]
Language = Literal["en", "uk", "ru", "zh", "*"]
Texts = Annotated[Mapping[Language, Text], BeforeValidator(_for_any)]
"""A text for each language, or one for all of them."""
Voices = Annotated[Mapping[Language, Text], BeforeValidator(_for_any), Field(min_length=1)]
"""A provider's voice for each language, or one for all that it speaks."""


class Character(Section):
    """A role of the app, with a voice of its own at each provider that is to speak it."""

    name: Texts = Field(default_factory=dict)
    """What people call it; its key when absent."""
    description: Texts = Field(default_factory=dict)
    """For people who choose among them."""
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    """How fast it speaks, relative to its voice."""
    pitch_st: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    """How much higher it speaks than its voice, in semitones."""
    voices: Annotated[Mapping[str, Voices], Field(min_length=1)]
    """Its voices, by provider and language."""
    variants: Mapping[Key, Mapping[str, Voices]] = {}
    """Voices that go before those, by variant, provider and language."""

    def candidates(self, language: str, variant: str = "") -> dict[str, tuple[Part, ...]]:
        """What it may be spoken with in a language, by provider, the nearest entry first."""
        found: dict[str, tuple[Part, ...]] = {}
        tables: tuple[Mapping[str, Mapping[Any, str]], ...] = (self.variants.get(variant, {}), self.voices)
        for table in tables:
            for provider, voices in table.items():
                names = [voices[key] for key in (language, ANY) if key in voices]
                parts = [Part(name, self.speed, self.pitch_st) for name in names]
                found[provider] = (*found.get(provider, ()), *parts)
        return found

    def entries(self) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
        """Every voice it names: the path of the entry in this character, the provider, the language and the voice."""
        tables = [(("voices",), self.voices), *((("variants", name), table) for name, table in self.variants.items())]
        for path, table in tables:
            for provider, voices in table.items():
                for language, voice in voices.items():
                    yield (*path, provider, language), provider, language, voice


@dataclass(frozen=True, slots=True)
class Characters:
    """The characters by key, and where each part of them is written."""

    by_key: Mapping[str, Character] = field(default_factory=dict)
    file: Path | None = None
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """The line of every key in the file, by its path from the top."""

    def place(self, path: tuple[str, ...]) -> str:
        """Where a path is written, for people: the file, the line of its innermost key there, and the path."""
        named = ".".join(part for part in path if part != ANY)
        if self.file is None:
            return named
        lines = (self.lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.lines)
        return f"{self.file} line {next(lines, 1)}: {named}"


class Finding(NamedTuple):
    """What is wrong with an entry of the catalogue file. It is `absent` where the entry is right but not here."""

    message: str
    absent: bool = False


def check(characters: Characters, repertoire: Repertoire, elsewhere: Collection[str] = ()) -> tuple[Finding, ...]:
    """Everything that the characters name and the providers do not have.

    Args:
        characters: as they were read.
        repertoire: the providers' own lists. One that offers nothing (it was left out) cannot be compared with.
        elsewhere: other providers that may be named: configured, but not in the chain, or not yet started.
    """
    findings = []
    for key, character in characters.by_key.items():
        for path, provider, language, voice in character.entries():
            place = characters.place(("characters", key, *path))
            if provider in elsewhere:
                continue
            if provider not in repertoire.voices:
                there = ", ".join(near(provider, repertoire.order))
                findings.append(Finding(f"{place}: there is no synthesizer {provider!r}; try {there}."))
                continue
            found = objection(repertoire, provider, voice, None if language == ANY else language)
            if found is not None:
                findings.append(Finding(f"{place}: {found.why}.", found.absent))
    return tuple(findings)


class _CatalogueFile(Section):
    """The whole file."""

    characters: Mapping[Key, Character]


def read(file: Path) -> Characters:
    """Read a catalogue file. That its voices exist is not looked at here: see `check`.

    Raises:
        ConfigurationError: it cannot be read, or is not as it should be; the message names each place and what is
            wrong there, one on a line.
    """
    try:
        document = YAML().load(StringIO(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text (byte {error.start}).") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"{file}{line}: {getattr(error, 'problem', None) or 'not valid YAML'}.") from error
    except ValueError as error:  # a date that there is not, for example
        raise ConfigurationError(f"{file} is not valid YAML: {error}.") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{file}: the file must begin with `characters:`, and name each of them under it.")
    empty = Characters({}, file, dict(_lines(document, ())))
    try:
        return Characters(_CatalogueFile.model_validate(document).characters, file, empty.lines)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explained(error, empty))) from error


def _lines(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The line of every key, from 1."""
    if not isinstance(node, CommentedMap) or len(path) > DEPTH:
        return
    marks = node.lc.data or {}
    for key, value in node.items():
        here = (*path, str(key))
        if key in marks:  # otherwise it was taken over from another place in the file
            yield here, marks[key][0] + 1
        yield from _lines(value, here)


def _explained(error: ValidationError, document: Characters) -> Iterator[str]:
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"] if part != "[key]")
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such entry"
        yield f"{document.place(path)}: {message}"
