"""What an answer says of rate limits: the header fields `RateLimit-Policy` and `RateLimit`, and the refusal."""

import math

from segue.console.ratelimit import Verdict, window_s
from segue.errors import RateLimited

_SENTENCES = {
    "chat": "Messages to this chat come too quickly",
    "operator": "You send messages too quickly, over all chats together",
    "try": "You try texts too quickly",
}


def headers_of(verdict: Verdict) -> dict[str, str]:
    """The header fields of an answer to a request that was counted or refused; none where there is no limit.

    `q` is the burst, `w` the seconds it takes to become free again, `r` what remains of it and `t` the seconds until
    all of it is free.
    """
    if not verdict.standings:
        return {}
    policies = ", ".join(
        f'"{each.policy.name}";q={each.policy.burst};w={window_s(each.policy)}' for each in verdict.standings
    )
    limits = ", ".join(
        f'"{each.policy.name}";r={each.remaining};t={math.ceil(each.reset_s)}' for each in verdict.standings
    )
    return {"RateLimit-Policy": policies, "RateLimit": limits}


def refused(verdict: Verdict) -> RateLimited:
    """The error for a request that was refused; it says when one would pass, in `Retry-After` too."""
    name = verdict.violated.name if verdict.violated is not None else ""
    wait_s = max(1, math.ceil(verdict.retry_after_s))
    sentence = _SENTENCES.get(name, f"The limit {name!r} is used up")
    same = "" if name == "try" else ", with the same idempotency key"
    return RateLimited(
        f"{sentence}: try again in {wait_s} s{same}.",
        policy=name,
        retry_after_s=verdict.retry_after_s,
        headers=headers_of(verdict),
    )
