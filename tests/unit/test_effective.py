"""The configuration in force: everything of it is told but the secrets, and servers that are alike have one digest."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from segue.console.effective import HIDDEN, bare, effective, fingerprint
from segue.settings import Settings
from segue.wiring.settings import PACKAGE, commit

CANARY = "canary-that-nobody-may-see-0123456789abcdef"
NAMED = {
    "edge": {"vendor": "edge", "url": f"wss://me:{CANARY}@edge.example/x?apikey={CANARY}&v=1"},
    "google": {"vendor": "google-synthesizer", "key": CANARY},
    "openai": {"vendor": "openai-model", "model": "m", "key": CANARY, "url": f"http://u:{CANARY}@h/v1"},
    "yandex": {"vendor": "yandex-recognizer", "key": CANARY},
}
FULL: dict[str, Any] = {
    "database": f"postgresql://segue:{CANARY}@db.example/segue",
    "secret": CANARY,
    "redis": {"address": f"redis://:{CANARY}@cache.example"},
    "storage": {"kind": "s3", "s3": {"bucket": "b", "endpoint": "http://s3.example", "access_key": "me"}},
    "console": {"nodes": {"east": {"url": "https://east.example", "key": CANARY}}},
    "providers": {"named": NAMED},
}
FULL["storage"]["s3"]["secret_key"] = CANARY


def secrets(shape: type[BaseModel], at: str = "") -> Iterator[str]:
    """Where a model, and those in it, has secrets."""
    for name, field in shape.model_fields.items():
        for part in _parts(field.annotation):
            if part is SecretStr:
                yield f"{at}{name}"
            elif isinstance(part, type) and issubclass(part, BaseModel):
                yield from secrets(part, f"{at}{name}.")


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def leaves(plain: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table, and where it stands."""
    if isinstance(plain, dict):
        for name, value in plain.items():
            yield from leaves(value, f"{at}.{name}" if at else name)
    else:
        yield at, plain


def test_no_secret_is_told() -> None:
    """With a secret in every place that takes one, none of them is in the answer, and each is told as set."""
    told = effective(Settings(**FULL))
    assert CANARY not in json.dumps(told)
    found = [place for place, value in leaves(told) if value == "set"]
    assert {"database", "secret", "redis.address", "storage.s3.secret_key", "console.nodes.east.key"} <= set(found)
    assert {f"providers.named.{name}.key" for name in ("google", "openai", "yandex")} <= set(found)


def test_every_secret_of_the_settings_is_known_to_this_test() -> None:
    """Whoever adds a secret to the settings must show here that it is not told."""
    known = {place.rpartition(".")[2] for place in secrets(Settings)}
    assert known == {"database", "secret", "key", "address", "secret_key"}


def test_a_secret_that_is_not_set_is_told_so() -> None:
    """Whoever looks for a missing key finds it."""
    told = dict(leaves(effective(Settings(providers={"named": {"google": {"vendor": "google-synthesizer"}}}))))
    assert {told["database"], told["providers.named.google.key"]} == {"unset"}
    assert told["server.port"] == Settings().server.port


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://api.example/v1?region=eu", "https://api.example/v1?region=eu"),
        ("redis://:word@host:6379/0", f"redis://:{HIDDEN}@host:6379/0"),
        ("https://me:word@host/a", f"https://me:{HIDDEN}@host/a"),
        ("https://host/a?sig=word&x=1", f"https://host/a?sig={HIDDEN}&x=1"),
        ("https://token@host/a?code=word&codec=pcm", f"https://{HIDDEN}@host/a?code={HIDDEN}&codec=pcm"),
        ("postgresql://segue@host/a", "postgresql://segue@host/a"),
        ("https://[half/a?key=word", HIDDEN),
        ("a word: or two", "a word: or two"),
    ],
)
def test_an_address_is_told_without_what_opens_it(address: str, told: str) -> None:
    """Passwords and keys in an address are hidden, and nothing else of it."""
    assert bare(address) == told


def test_replicas_have_the_digest_of_their_settings() -> None:
    """What differs between servers that are alike is not in it; another limit, or another provider, is."""
    here = fingerprint(effective(Settings()))
    replica = Settings(data="elsewhere", server={"host": "0.0.0.0", "port": 9}, console={"node": "west"})  # noqa: S104
    assert fingerprint(effective(replica)) == here
    assert fingerprint(effective(Settings(server={"drain_s": 3.0}))) != here
    assert fingerprint(effective(Settings(providers={"synthesizers": ["scripted"]}))) != here


async def test_a_package_that_lies_in_no_checkout_has_no_commit(tmp_path: Any) -> None:
    """Also where a checkout of something else is around it, or there is no folder at all."""
    assert await commit(tmp_path) == ""
    assert await commit(tmp_path / "gone") == ""
    assert await commit(PACKAGE.parents[1] / ".venv" / "lib") == ""
