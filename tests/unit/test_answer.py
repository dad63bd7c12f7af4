"""What a server answered, for operations."""

import pytest

from segue.operations.ports import Answer


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [("3", 3.0), ("0", 0.0), ("Sun, 22 Nov 2026 01:00:00 GMT", 1.0), ("-5", 1.0), ("inf", 1.0), ("", 1.0), (None, 1.0)],
)
def test_a_refusal_says_how_long_to_wait(said: str | None, wait_s: float) -> None:
    """Whole seconds are believed; a moment, as a proxy before the server may name one, is a second, and no crash."""
    headers = {} if said is None else {"retry-after": said}

    assert Answer(429, headers, b"", 1.0, 1.0).wait_s == wait_s
