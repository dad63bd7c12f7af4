"""The configuration as it is in force, without its secrets, and its digest. Values and rules only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from segue.console.audit import digest

HIDDEN = "***"
"""Stands in an address for what only its holder should know."""
OWN = (("data",), ("server", "host"), ("server", "port"), ("console", "node"), ("console", "nodes"))
"""What differs between servers that are to be alike; the digest leaves it out."""
_TELLING = re.compile(r"key|token|secret|pass|sig|auth|cred|(?:^|_)code$", re.IGNORECASE)
_TOKEN = frozenset({"http", "https", "ws", "wss"})
"""Schemes of addresses in which a name without a password is a token as a rule; for a database it is a name."""


@dataclass(frozen=True, slots=True)
class About:
    """What a server is and by which settings it runs. `started_at` is in Unix seconds."""

    effective: Mapping[str, Any]
    digest: str
    segue: str
    commit: str
    """Of the checkout in which the package lies; empty where it lies in none."""
    python: str
    sqlite: str
    node: str
    started_at: float
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of the libraries that providers, stores and doors are made of, as far as they are installed."""


def effective(settings: BaseModel) -> dict[str, Any]:
    """A part of the settings as plain values: of a secret it is told whether it is `set` or `unset`, and no more."""
    shape = type(settings).model_fields
    return {
        name: _secret(getattr(settings, name)) if _is_secret(field.annotation) else _plain(getattr(settings, name))
        for name, field in shape.items()
    }


def fingerprint(plain: Mapping[str, Any]) -> str:
    """SHA-256 of the effective configuration, the same on servers that are configured alike."""
    return digest(_without(plain, OWN))


def bare(text: str) -> str:
    """A text; where it is an address, without the password and the keys that may stand in it."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    who = HIDDEN if name and not colon and parts.scheme.lower() in _TOKEN else name
    place = f"{who}{colon and ':' + HIDDEN}{at}{host}"
    telling = any(_TELLING.search(key) for key, _ in pairs)
    told = [(key, HIDDEN if _TELLING.search(key) else value) for key, value in pairs]
    query = urlencode(told, safe="*") if telling else parts.query
    return urlunsplit((parts.scheme, place, parts.path, query, parts.fragment))


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def _secret(value: Any) -> Any:
    """Also of a list or a table of secrets only whether each is set."""
    if isinstance(value, Mapping):
        return {str(name): _secret(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_secret(each) for each in value]
    return "set" if value is not None and value.get_secret_value() else "unset"


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            told: Any = effective(value)
        case SecretStr():
            told = _secret(value)
        case Mapping():
            told = {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            told = [_plain(each) for each in value]
        case set() | frozenset():
            told = sorted(map(str, value))
        case Enum():
            told = _plain(value.value)
        case None | bool() | int() | float():
            told = value
        case _:
            told = bare(str(value))
    return told


def _without(plain: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    heads = {path[0] for path in paths if len(path) == 1}
    return {
        name: _without(value, tuple(path[1:] for path in paths if len(path) > 1 and path[0] == name))
        if isinstance(value, Mapping)
        else value
        for name, value in plain.items()
        if name not in heads
    }
