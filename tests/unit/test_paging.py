"""Cursors: one text for each place, good for whom and what it was written, and for nothing else."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.console.paging import ASC, DESC, LONGEST, Cursors, exact, whole
from segue.errors import InvalidCursor

CURSORS = Cursors(b"a secret")
ASKED: dict[str, Any] = {"principal": "olena", "endpoint": "/api/audit", "wanted": {"actor": "ivan"}, "direction": DESC}
PLACE = (1_700_000_000_000_000, "main.0123456789abcdef0123456789abcdef")
GOOD = CURSORS.sign(**ASKED, place=PLACE)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refused(cursor: str, cursors: Cursors = CURSORS, **changes: Any) -> bool:
    """Whether this cursor is refused, where something is asked that differs so."""
    try:
        cursors.read(cursor, **{**ASKED, **changes})
    except InvalidCursor as error:
        return (error.status, error.code) == (400, "invalid_cursor")
    return False


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=100))
def test_every_place_comes_back(moment: int, name: str) -> None:
    """Whatever is put into a cursor is read from it, and the text fits into an address as it stands."""
    cursor = CURSORS.sign(**ASKED, place=(moment, name))

    assert CURSORS.read(cursor, **ASKED) == (moment, name)
    assert set(cursor) <= set(LETTERS)


@given(st.floats(allow_nan=False))
def test_no_moment_is_rounded(at: float) -> None:
    """A moment in fractions of a second comes back to the last bit."""
    assert CURSORS.read(CURSORS.sign(**ASKED, place=(whole(at), "x")), **ASKED)[0] == whole(at)
    assert exact(whole(at)) == at


@pytest.mark.parametrize(
    "changes",
    [
        {"principal": "ivan"},
        {"principal": ""},
        {"endpoint": "/api/chats"},
        {"endpoint": "/api/chats/main.01/messages"},
        {"wanted": {}},
        {"wanted": {"actor": "olena"}},
        {"wanted": {"target": "ivan"}},
        {"wanted": {"actor": "ivan", "status": "ok"}},
        {"wanted": {"actor": "ivan", "acto": "r"}},
        {"direction": ASC},
        {"principal": "olena/api/audit", "endpoint": ""},
    ],
)
def test_a_cursor_is_good_only_where_it_was_given(changes: dict[str, Any]) -> None:
    """Another operator, list, filter or direction is refused, also where the joined words are the same."""
    assert not refused(GOOD)
    assert refused(GOOD, **changes)


def test_the_order_and_the_gaps_of_a_filter_do_not_matter() -> None:
    """The same filter in another order, or with an empty field that asks for nothing, goes on with the same list."""
    one = CURSORS.sign("olena", "/api/audit", {"actor": "ivan", "status": "ok"}, DESC, PLACE)

    assert CURSORS.read(one, "olena", "/api/audit", {"status": "ok", "actor": "ivan", "node": ""}, DESC) == PLACE


def test_another_secret_is_another_server() -> None:
    """A cursor of a server with another secret is refused, and the key is not the secret itself."""
    assert refused(GOOD, Cursors(b"another secret"))
    assert CURSORS.sign(**ASKED, place=PLACE) == Cursors(b"a secret").sign(**ASKED, place=PLACE)


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_no_letter_can_be_changed(at: int) -> None:
    """Any other letter at any place is refused; at the end too, where Base64 leaves bits over."""
    others = [letter for letter in LETTERS if letter != GOOD[at]]

    assert all(refused(GOOD[:at] + letter + GOOD[at + 1 :]) for letter in others)


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_a_part_is_no_cursor(at: int) -> None:
    """However much is cut off, at the end or at the beginning, nothing is left that is good."""
    assert refused(GOOD[:at])
    assert refused(GOOD[len(GOOD) - at :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A",
        GOOD + "=",
        GOOD + "==",
        GOOD + "\n",
        " " + GOOD,
        GOOD[:8] + "\n" + GOOD[8:],
        GOOD[:8] + "!" + GOOD[8:],
        GOOD + "A",
        GOOD + "AAAA",
        GOOD + GOOD,
        GOOD.swapcase(),
        "курсор",
        "\ud800",
        "\0",
        "A" * LONGEST,
        "A" * (LONGEST + 1),
        "A" * 1_000_000,
        "{}",
        "null",
        base64.urlsafe_b64encode(b"\x02" + b"\0" * 60).decode(),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """Padding, spaces, other letters, other lengths and other versions are no second way to write a cursor."""
    assert refused(text)


def test_plus_and_slash_are_no_letters_of_ours() -> None:
    """The other alphabet of Base64 is refused, so that a place has one text."""
    twins = (CURSORS.sign(**ASKED, place=(moment, "x")) for moment in range(200))
    cursor = next(each for each in twins if "-" in each or "_" in each)

    assert refused(cursor.replace("-", "+").replace("_", "/"))


@given(st.binary(max_size=80))
def test_random_bytes_are_refused(raw: bytes) -> None:
    """Bytes that nobody signed are refused, however they came about."""
    assert refused(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@pytest.mark.parametrize("place", [(2**63, "a"), (-(2**63) - 1, "a"), (0, "a" * LONGEST)])
def test_what_does_not_fit_is_said_at_once(place: tuple[int, str]) -> None:
    """A place that no cursor could hold is an error of whoever signs, not of whoever reads."""
    with pytest.raises(ValueError):  # noqa: PT011 - there is one reason each
        CURSORS.sign(**ASKED, place=place)
