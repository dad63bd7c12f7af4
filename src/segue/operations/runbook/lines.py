"""The command lines of the engines: lists of arguments, never a shell's text.

For each action that programs do: what is asked to know how things stand, what is run to do it, and what takes it back.
"""

from collections.abc import Mapping
from typing import TypeAlias

from segue.operations.runbook.actions import (
    Action,
    Command,
    ComposeUp,
    GitCheckout,
    KubernetesImage,
    KubernetesUndo,
    Systemd,
)

Argv: TypeAlias = tuple[str, ...]
Before: TypeAlias = Mapping[str, str]
"""How things stood, by the names of the questions; empty where a question had no answer."""

_OPPOSITE = {"start": "stop", "stop": "start", "restart": "restart"}
_REVISION = r"jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}"


def branch(run: str) -> str:
    """The branch that a run makes for a commit it goes back to."""
    return f"rollback-{run}"


def questions(action: Action) -> dict[str, Argv]:
    """What is asked to know how things stand; nothing is changed by it."""
    match action:
        case GitCheckout():
            git = _git(action.repository)
            there = _git(action.worktree) if action.worktree else git
            return {
                "head": (*there, "rev-parse", "--verify", "--quiet", "HEAD"),
                "branch": (*git, "symbolic-ref", "--short", "--quiet", "HEAD"),
                "wanted": (*git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{action.commit}^{{commit}}"),
                "changed": (*git, "status", "--porcelain", "--untracked-files=no"),
            }
        case Systemd():
            return {
                "state": ("systemctl", "show", "--property=ActiveState", "--value", "--", action.unit),
                "invocation": ("systemctl", "show", "--property=InvocationID", "--value", "--", action.unit),
            }
        case ComposeUp():
            return {"image": (*_compose(action, action.image), "ps", "--format", "{{.Image}}", action.service)}
        case KubernetesImage():
            path = f'jsonpath={{.spec.template.spec.containers[?(@.name=="{action.container}")].image}}'
            return {"image": (*_kubectl(action), "get", _deployment(action), f"--output={path}")}
        case KubernetesUndo():
            return {"revision": (*_kubectl(action), "get", _deployment(action), f"--output={_REVISION}")}
        case _:
            return {}


def doing(action: Action, *, run: str, timeout_s: float) -> tuple[Argv, ...]:  # noqa: PLR0911 - one for each kind
    """What is run to do it, one after another."""
    match action:
        case Command():
            return (action.argv,)
        case GitCheckout(worktree=None):
            made = ("switch", "--no-guess", "--force-create", branch(run))
            return ((*_git(action.repository), *made, "--end-of-options", action.commit),)
        case GitCheckout():
            added = ("worktree", "add", "--detach", "--end-of-options", action.worktree or "", action.commit)
            return ((*_git(action.repository), *added),)
        case Systemd():
            return (("systemctl", action.verb, "--", action.unit),)
        case ComposeUp():
            return _up(action, action.image)
        case KubernetesImage():
            return _set_image(action, action.image, timeout_s)
        case KubernetesUndo():
            return _to_revision(action, action.revision, timeout_s)
        case _:
            return ()


def taking_back(action: Action, before: Before, *, timeout_s: float) -> tuple[Argv, ...]:  # noqa: PLR0911
    """What is run to bring back what was before; nothing where nothing can be known of it."""
    match action:
        case GitCheckout(worktree=None):
            if before.get("branch"):
                return ((*_git(action.repository), "switch", "--no-guess", before["branch"]),)
            return ((*_git(action.repository), "switch", "--detach", "--end-of-options", before["head"]),)
        case GitCheckout():
            return ((*_git(action.repository), "worktree", "remove", "--end-of-options", action.worktree or ""),)
        case Systemd():
            return (("systemctl", _OPPOSITE[action.verb], "--", action.unit),)
        case ComposeUp() if before.get("image"):
            return _up(action, before["image"])
        case KubernetesImage() if before.get("image"):
            return _set_image(action, before["image"], timeout_s)
        case KubernetesUndo() if before.get("revision"):
            return _to_revision(action, before["revision"], timeout_s)
        case _:
            return ()


def _git(folder: str) -> Argv:
    return ("git", "-C", folder)


def _compose(action: ComposeUp, image: str) -> Argv:
    """Compose with the image in its environment, which it prefers to any file of variables."""
    return ("env", f"{action.variable}={image}", "docker", "compose", "--file", action.file)


def _up(action: ComposeUp, image: str) -> tuple[Argv, ...]:
    compose = _compose(action, image)
    return (
        (*compose, "pull", action.service),
        (*compose, "up", "--detach", "--no-deps", "--wait", action.service),
    )


def _kubectl(action: KubernetesImage | KubernetesUndo) -> Argv:
    return ("kubectl", "--namespace", action.namespace)


def _deployment(action: KubernetesImage | KubernetesUndo) -> str:
    return f"deployment/{action.deployment}"


def _set_image(action: KubernetesImage, image: str, timeout_s: float) -> tuple[Argv, ...]:
    put = (*_kubectl(action), "set", "image", _deployment(action), f"{action.container}={image}")
    return put, _waiting(action, timeout_s)


def _to_revision(action: KubernetesUndo, revision: str, timeout_s: float) -> tuple[Argv, ...]:
    back = (*_kubectl(action), "rollout", "undo", _deployment(action), f"--to-revision={revision}")
    return back, _waiting(action, timeout_s)


def _waiting(action: KubernetesImage | KubernetesUndo, timeout_s: float) -> Argv:
    return (*_kubectl(action), "rollout", "status", _deployment(action), f"--timeout={timeout_s:g}s")
