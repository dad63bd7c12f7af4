"""Keys: how they are written and proved, when they are good, and what replaces them."""

import string
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.console.keys import Key, State, hashed, id_in, proved, read, rotated, state, written
from segue.console.operator import Scope

SECRET = bytes(range(32))
TEXT = written("dev", "0123456789ab", SECRET)
KEY = Key("0123456789ab", "Olha", frozenset({Scope.READ}), hashed(SECRET), created_us=1_000, made_by="root")
ALPHABET = string.digits + string.ascii_letters


@given(
    st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True, alphabet=string.ascii_lowercase + string.digits),
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_written_is_read(environment: str, id: bytes, secret: bytes) -> None:  # noqa: A002
    """Whatever the environment, the id and the secret: the text of a key says them again, and is always as long."""
    text = written(environment, id.hex(), secret)
    shown = read(text)
    assert shown is not None
    assert (shown.environment, shown.id, shown.secret) == (environment, id.hex(), secret)
    assert len(text) == len("seg_") + len(environment) + 1 + 12 + 1 + 43 + 6


def test_a_mistyped_key_is_told_without_asking() -> None:
    """One wrong letter anywhere, two that are swapped, one too many or too few: it is no key at all."""
    for place, letter in enumerate(TEXT):
        for other in ALPHABET + "_ -":
            assert other == letter or read(TEXT[:place] + other + TEXT[place + 1 :]) is None
    for place in range(len(TEXT) - 1):
        swapped = TEXT[:place] + TEXT[place + 1] + TEXT[place] + TEXT[place + 2 :]
        assert swapped == TEXT or read(swapped) is None
    for wrong in (
        "",
        "seg_",
        TEXT[:-1],
        TEXT + "0",
        f" {TEXT}",
        f"{TEXT}\n",
        TEXT.upper(),
        TEXT.replace("seg_", "sek_"),
    ):
        assert read(wrong) is None


def test_no_other_text_means_the_same_secret() -> None:
    """A secret of more than 32 bytes is none, even where its checksum is right: there is one text for each key."""
    body = TEXT[: -(43 + 6)] + "z" * 43
    assert read(body + _checksum(body)) is None
    assert read(TEXT[:-6] + _checksum(TEXT[:-6])) is not None


def _checksum(body: str) -> str:
    """CRC-32 in digits and letters, reckoned in another way than the product does."""
    crc = zlib.crc32(body.encode())
    return "".join(
        (string.digits + string.ascii_uppercase + string.ascii_lowercase)[crc // 62**place % 62]
        for place in range(5, -1, -1)
    )


def test_a_secret_is_not_shown_by_accident() -> None:
    """Where a key that somebody showed is printed, as in a log or a trace, the secret is not part of it."""
    shown = read(TEXT)
    assert shown is not None
    assert "secret" not in repr(shown)
    assert TEXT[-20:] not in repr(shown)


def test_only_the_secret_proves_a_key() -> None:
    """The right secret proves it; any other, the hash itself, and anything for a key that is not there do not."""
    assert proved(KEY, SECRET)
    assert not proved(None, SECRET)
    assert not proved(None, b"")
    for place in range(256):
        other = int.from_bytes(SECRET, "big") ^ (1 << place)
        assert not proved(KEY, other.to_bytes(32, "big"))
    assert not proved(replace(KEY, hash=""), SECRET)
    assert not proved(KEY, bytes.fromhex(KEY.hash))


@pytest.mark.parametrize(
    ("key", "now_us", "found"),
    [
        (KEY, 10**18, State.GOOD),
        (replace(KEY, expires_us=5_000), 4_999, State.GOOD),
        (replace(KEY, expires_us=5_000), 5_000, State.EXPIRED),
        (replace(KEY, revoked_us=2_000), 1_500, State.REVOKED),
        (replace(KEY, revoked_us=2_000, expires_us=5_000), 9_000, State.REVOKED),
    ],
)
def test_how_a_key_stands(key: Key, now_us: int, found: State) -> None:
    """Good until the very moment of its expiry; revoked for ever, whatever the clock of this server says."""
    assert state(key, now_us) is found


def test_a_key_is_replaced_with_an_overlap() -> None:
    """The new key has the old one's name and scopes; the old one works for the overlap, but no longer than before."""
    fresh = Key("ffffffffffff", "", frozenset(), "", created_us=10_000, made_by="Ivan")
    old, new = rotated(KEY, fresh, 10_000, 500, None)
    assert (old.expires_us, old.revoked_us) == (10_500, None)
    assert (new.id, new.name, new.scopes, new.made_by) == ("ffffffffffff", "Olha", KEY.scopes, "Ivan")
    assert (new.replaces, new.expires_us) == (KEY.id, None)

    old, new = rotated(replace(KEY, expires_us=10_100), fresh, 10_000, 500, None)
    assert (old.expires_us, new.expires_us) == (10_100, 19_100)
    old, new = rotated(replace(KEY, expires_us=10_100), fresh, 10_000, 0, 700)
    assert (old.expires_us, new.expires_us) == (10_000, 10_700)
    assert state(old, 10_000) is State.EXPIRED


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("0123456789ab", "0123456789ab"),
        ("seg_dev_0123456789ab_" + "a" * 49, "0123456789ab"),
        ("seg_dev_0123456789ab", "0123456789ab"),
        ("0123456789abc", None),
        ("0123456789ab\n", None),
        ("seg_dev_0123456789abc_", None),
        ("x0123456789ab", None),
        ("", None),
    ],
)
def test_a_key_is_named_by_its_id_or_by_itself(text: str, id: str | None) -> None:  # noqa: A002
    """As much of it as is there; what is neither names nothing."""
    assert id_in(text) == id
