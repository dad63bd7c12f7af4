"""What answers say of rate limits."""

from segue.console.ratelimit import Policy, decide
from segue.web.problems import of_error
from segue.web.ratelimit import headers_of, refused

NOW_US = 1_790_000_000_000_000
WANTED = [("chat:a", Policy("chat", 1.0, 8)), ("operator:o", Policy("operator", 3.0, 20))]


def test_what_is_told_of_a_request_that_was_counted() -> None:
    """Each policy with its burst and window, and what remains of it, in the order in which they were counted."""
    verdict, _ = decide({}, WANTED, NOW_US)
    assert headers_of(verdict) == {
        "RateLimit-Policy": '"chat";q=8;w=8, "operator";q=20;w=7',
        "RateLimit": '"chat";r=7;t=1, "operator";r=19;t=1',
    }


def test_what_is_told_of_a_refusal() -> None:
    """429 with the policy, and a wait in whole seconds after which a request passes."""
    arrivals: dict[str, int] = {}
    for _ in range(9):
        verdict, arrivals = decide(arrivals, WANTED, NOW_US)
    answer = of_error("/api/chats/a/send", refused(verdict))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit"] == '"chat";r=0;t=8, "operator";r=12;t=3'
    assert b'"policy": "chat"' in answer.body
    assert b'"code": "rate_limited"' in answer.body
    assert decide(arrivals, WANTED, NOW_US + 1_000_000)[0].allowed


def test_nothing_is_told_where_there_is_no_limit() -> None:
    """A request under no limit has no such fields."""
    assert headers_of(decide({}, [], NOW_US)[0]) == {}
