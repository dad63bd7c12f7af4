"""The error family: one tree, stable codes, messages that say something."""

import inspect
import re

import pytest

from segue import errors
from segue.errors import (
    CallerError,
    FailureCategory,
    InvalidRequest,
    NodeDown,
    Overloaded,
    ProviderError,
    ProviderRefusal,
    ProvidersResting,
    ProviderTimeout,
    RateLimited,
    SegueError,
    StillRunning,
    TooSlow,
    Unavailable,
    VoiceDisabled,
)

FAMILY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SegueError)]


def drawn() -> dict[str, tuple[str, int, str | None]]:
    """The tree in the module's docstring: class → parent, status, and code (None where prose stands in its place)."""
    found: dict[str, tuple[str, int, str | None]] = {}
    parents: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([ │├└─]*)([A-Z]\w+) +(\d{3})  ([^;]+)", line):
            depth, name, status, code = len(match[1]), match[2], int(match[3]), match[4]
            while parents and parents[-1][0] >= depth:
                parents.pop()
            found[name] = (parents[-1][1] if parents else "Exception", status, None if " " in code else code)
            parents.append((depth, name))
    return found


def test_the_tree_is_drawn_as_it_stands() -> None:
    """The tree in the docstring has every class under its parent, with its status and, but for two, its code."""
    tree = drawn()
    prose = {name for name, (_, _, code) in tree.items() if code is None}
    expected = {
        kind.__name__: (kind.__bases__[0].__name__, kind.status, None if kind.__name__ in prose else kind.code)
        for kind in FAMILY
    }

    assert tree == expected
    assert prose == {"CallerError", "ProviderError"}


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_an_error_explains_itself(kind: type[SegueError]) -> None:
    """Without a message an error says the first line of its docstring; with one, it says that."""
    default = (kind.__doc__ or "").splitlines()[0]

    assert str(kind()) == kind().message == default
    assert default.endswith((".", "id."))
    assert str(kind("The lamp is off.")) == "The lamp is off."


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_status_and_blame_agree(kind: type[SegueError]) -> None:
    """What the caller can mend is a 4xx, also a refused content, all else a 5xx; clients can rely on the codes."""
    assert (400 <= kind.status < 500) == issubclass(kind, CallerError | ProviderRefusal)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)


def test_what_trying_again_can_mend() -> None:
    """Trying again helps with what passes by itself, and with nothing else."""
    passing = {
        *(ProviderError, ProviderTimeout, ProvidersResting, Overloaded, VoiceDisabled, TooSlow),
        *(NodeDown, RateLimited, StillRunning),
    }
    assert {kind for kind in FAMILY if kind.retryable} == passing


def test_codes_tell_errors_apart() -> None:
    """No two errors share a code, but the caller's plain error and the invalid request that it is."""
    codes = [kind.code for kind in FAMILY if kind is not InvalidRequest]
    assert len(codes) == len(set(codes))


def test_errors_carry_their_details() -> None:
    """The field at fault, the provider, the category and the waiting time travel with the error."""
    assert InvalidRequest("Too long.", param="text").param == "text"
    assert Unavailable().param is None
    failed = ProviderError("Quota used up.", provider="openai", category=FailureCategory.QUOTA)
    assert (failed.provider, failed.category) == ("openai", FailureCategory.QUOTA)
    late = ProviderTimeout(provider="openai")
    assert (late.provider, late.category) == ("openai", FailureCategory.TIMEOUT)
    assert Overloaded(retry_after_s=2.5).retry_after_s == 2.5
    assert ProviderError(retry_after_s=30.0).retry_after_s == 30.0
    assert ProvidersResting(retry_after_s=0.2).retry_after_s == 1.0, "nobody is asked to come back at once"
    assert ProviderRefusal(provider="openai").category == FailureCategory.BAD_REQUEST
