"""Idempotency keys: how they are read, and what makes two requests the same."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.console.idempotency import LONGEST, fingerprint, key_of, scope_of
from segue.errors import InvalidRequest

ROUTE = "/api/chats/{chat_id}/send"
PRINTABLE = st.text(string.ascii_letters + string.digits + string.punctuation + " ", min_size=1, max_size=LONGEST)


@pytest.mark.parametrize(
    ("headers", "field", "key"),
    [
        (["8e03978e-40d5"], None, "8e03978e-40d5"),
        (['"8e03978e-40d5"'], None, "8e03978e-40d5"),
        (["  8e03978e-40d5\t"], None, "8e03978e-40d5"),
        ([r'"a \"b\" \\ c"'], None, r'a "b" \ c'),
        (['a"b'], None, 'a"b'),
        (["a, b"], None, "a, b"),
        (["x" * LONGEST], None, "x" * LONGEST),
        ([], "from the body", "from the body"),
        ([], '"quotes belong to it"', '"quotes belong to it"'),
        (["header"], "body", "header"),
        (["header"], "", "header"),
        (["header"], "x" * 1000, "header"),
    ],
)
def test_a_key_is_read(headers: list[str], field: str | None, key: str) -> None:
    """A key comes bare or in quotes, from the header or else from the body, and the header wins."""
    assert key_of(headers, field) == key


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ([], None),
        ([], ""),
        ([], "   "),
        ([""], None),
        (['""'], None),
        (['" "'], None),
        (["a", "a"], None),
        (["x" * (LONGEST + 1)], None),
        ([], "x" * (LONGEST + 1)),
        (['"a'], None),
        (['"a" '[:-1] + "b"], None),
        (['"a", "b"'], None),
        ([r'"a\b"'], None),
        (["schlüssel"], None),
        (["a\tb"], None),
        ([], "a\nb"),
        ([], "ключ"),
    ],
)
def test_a_key_that_is_none_is_refused(headers: list[str], field: str | None) -> None:
    """Missing, empty, repeated, too long, badly quoted or unprintable: the request is refused, and it is said why."""
    with pytest.raises(InvalidRequest) as refused:
        key_of(headers, field)

    assert refused.value.param in {"Idempotency-Key", "idempotency_key"}


@given(PRINTABLE)
def test_quotes_change_nothing(key: str) -> None:
    """A key in quotes is the key that is written bare."""
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if key.strip():
        assert key_of([quoted], None) == key


def test_the_order_of_fields_does_not_matter_and_the_key_is_no_part() -> None:
    """Two requests are the same when all their values are, in whatever order, under whatever key."""
    one = fingerprint("POST", ROUTE, {"text": "Hi", "speak": True, "idempotency_key": "a"}, [("a", "1"), ("b", "2")])
    two = fingerprint("POST", ROUTE, {"speak": True, "text": "Hi"}, [("b", "2"), ("a", "1")])

    assert one == two


@pytest.mark.parametrize(
    ("method", "route", "body", "query"),
    [
        ("PUT", ROUTE, {"text": "Hi"}, []),
        ("POST", "/api/chats", {"text": "Hi"}, []),
        ("POST", ROUTE, {"text": "Hi "}, []),
        ("POST", ROUTE, {"text": "hi"}, []),
        ("POST", ROUTE, {"text": "Hi", "speak": True}, []),
        ("POST", ROUTE, {"text": "Hi"}, [("a", "1")]),
        ("POST", ROUTE, {"text": ["Hi"]}, []),
        ("POST", ROUTE, {"text": '"Hi"'}, []),
    ],
)
def test_any_other_value_is_another_request(
    method: str, route: str, body: dict[str, Any], query: list[tuple[str, str]]
) -> None:
    """A change of the method, the path, a value or the query is another request."""
    assert fingerprint(method, route, body, query) != fingerprint("POST", ROUTE, {"text": "Hi"})


def test_a_lone_half_of_a_letter_can_be_compared() -> None:
    """A text that JSON can hold but UTF-8 cannot has a fingerprint like any other."""
    assert fingerprint("POST", ROUTE, {"text": "\ud83d"}) != fingerprint("POST", ROUTE, {"text": "\ud83e"})


@given(st.tuples(PRINTABLE, PRINTABLE, PRINTABLE, PRINTABLE), st.tuples(PRINTABLE, PRINTABLE, PRINTABLE, PRINTABLE))
def test_a_key_belongs_to_one_operator_route_and_chat(
    one: tuple[str, str, str, str], two: tuple[str, str, str, str]
) -> None:
    """The same key of another operator, of another route or in another chat is another key."""
    assert (scope_of(*one) == scope_of(*two)) == (one == two)
