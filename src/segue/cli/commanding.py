"""The commands to a rollout: `segue rollout pause`, `approve`, `rollback` and their like, and how they are given."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cyclopts import Parameter

from segue.cli.asking import HERE, Server, Where


@Parameter(name="*")
@dataclass(frozen=True)
class Words:
    """What is said with every command."""

    reason: str = ""
    """Why, for those who read the decisions later."""
    where: Where = HERE
    """Which server is meant."""
    json_: bool = False
    """Print what the server said, as JSON."""


PLAIN = Words()


def pause(name: str, /, *, words: Words = PLAIN) -> None:
    """Let the share stay as it is until somebody resumes; harm still rolls back.

    Parameters
    ----------
    name
        The rollout.
    """
    commanded(f"/api/rollouts/{name}/pause", {}, words)


def resume(name: str, /, *, words: Words = PLAIN) -> None:
    """Go on after a pause or a hold.

    Parameters
    ----------
    name
        The rollout.
    """
    commanded(f"/api/rollouts/{name}/resume", {}, words)


def approve(name: str, /, *, stage: str = "", words: Words = PLAIN) -> None:
    """Agree to the next stage; it is entered when everything else is met.

    Parameters
    ----------
    name
        The rollout.
    stage
        The stage that is meant; the next one when absent.
    """
    commanded(f"/api/rollouts/{name}/approve", {"stage": stage}, words)


def promote(name: str, /, *, full: bool = False, force: bool = False, words: Words = PLAIN) -> None:
    """Enter the next stage now.

    Parameters
    ----------
    name
        The rollout.
    full
        Through all remaining stages, to everybody.
    force
        Also after a breach, while it is frozen, or while spoken replies are switched off.
    """
    commanded(f"/api/rollouts/{name}/promote", {"full": full, "force": force}, words)


def step_back(name: str, /, *, stage: str = "", force: bool = False, words: Words = PLAIN) -> None:
    """Go back to an earlier stage.

    Parameters
    ----------
    name
        The rollout.
    stage
        Which one; one stage back when absent.
    force
        After a breach also to a stage with a larger share.
    """
    commanded(f"/api/rollouts/{name}/step-back", {"stage": stage, "force": force}, words)


def rollback(name: str, /, *, words: Words = PLAIN) -> None:
    """Let everybody hear the baseline again, at once. A promoted rollout can be rolled back too.

    Parameters
    ----------
    name
        The rollout.
    """
    commanded(f"/api/rollouts/{name}/rollback", {}, words)


def freeze(name: str, /, *, words: Words = PLAIN) -> None:
    """Let nothing advance until it is thawed; harm still rolls back.

    Parameters
    ----------
    name
        The rollout.
    """
    commanded(f"/api/rollouts/{name}/freeze", {}, words)


def thaw(name: str, /, *, words: Words = PLAIN) -> None:
    """End a freeze.

    Parameters
    ----------
    name
        The rollout.
    """
    commanded(f"/api/rollouts/{name}/thaw", {}, words)


def retry(name: str, /, *, force: bool = False, words: Words = PLAIN) -> None:
    """Begin a new attempt with empty evidence, after a rollback.

    Parameters
    ----------
    name
        The rollout.
    force
        Within the cool-down, or although the candidate is locked.
    """
    commanded(f"/api/rollouts/{name}/retry", {"force": force}, words)


VERBS: tuple[Callable[..., None], ...] = (
    pause, resume, approve, promote, step_back, rollback, freeze, thaw, retry,
)  # fmt: skip
"""Every command, in the order in which they are told of."""


def commanded(path: str, body: dict[str, Any], words: Words) -> dict[str, Any]:
    """Give a command, and tell what was decided; what the server said."""
    # With an id of its own the command takes effect once, even where the connection makes it arrive twice.
    told = Server(words.where).post(path, body | {"reason": words.reason, "id": uuid.uuid4().hex})
    if words.json_:
        printed(told)
    else:
        print(told["decision"]["reason"])
    return told


def printed(answer: dict[str, Any]) -> None:
    """Print what a server said, as JSON."""
    print(json.dumps(answer, ensure_ascii=False, indent=2))
