"""How a step stands: done, not done, or neither, by what was before and what is now."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from segue.operations.runbook.actions import (
    OPAQUE,
    Action,
    ComposeUp,
    FileRestore,
    GitCheckout,
    KubernetesImage,
    KubernetesUndo,
    ProviderFirst,
    ProviderOff,
    ProviderOn,
    RolloutRollback,
    SettingsRestore,
    SwitchTurn,
    Systemd,
    VariableSet,
    VenvSwap,
)

Seen: TypeAlias = Mapping[str, Any]
"""How things stand, as plain values."""


class Standing(StrEnum):
    """How a step stands."""

    DONE = "done"
    NOT_DONE = "not_done"
    """Everything is as it was before it."""
    UNCLEAR = "unclear"
    """It is neither as before nor as wanted: somebody must look."""


def standing(action: Action, before: Seen, now: Seen) -> Standing:
    """How a step stands; of a command, a question and a wait it is always unclear."""
    if action.kind in OPAQUE:
        return Standing.UNCLEAR
    if is_done(action, before, now):
        return Standing.DONE
    return Standing.NOT_DONE if _as_before(action, before, now) else Standing.UNCLEAR


def is_done(action: Action, before: Seen, now: Seen) -> bool:  # noqa: PLR0911 - one return for each kind
    """Whether what an action wants is there."""
    match action:
        case FileRestore():
            return bool(now["target"]) and bool(now["target"] == now["source"])
        case VariableSet():
            return bool(now["value"] == action.value)
        case VenvSwap():
            return bool(now["to"] == action.to and not now["trouble"])
        case GitCheckout():
            return bool(now["head"]) and bool(now["head"] == now["wanted"])
        case ComposeUp() | KubernetesImage():
            return bool(now["image"] == action.image)
        case KubernetesUndo():
            return now["revision"] not in ("", before.get("revision"))
        case Systemd(verb="stop"):
            return now["state"] in ("inactive", "failed")
        case Systemd():
            fresh = action.verb == "start" or now["invocation"] != before.get("invocation")
            return bool(now["state"] == "active" and fresh)
        case _:
            return _is_done_by_server(action, now)


def _is_done_by_server(action: Action, now: Seen) -> bool:
    match action:
        case SettingsRestore():
            return bool(now["wanted"] is not None and now["live"] == now["wanted"])
        case ProviderOff() | ProviderOn():
            return (action.provider in now["off"]) is (action.kind == "provider.off")
        case ProviderFirst():
            return bool(now["first"].get(action.role) == action.provider)
        case RolloutRollback():
            return bool(now["phase"] == "rolled_back")
        case SwitchTurn():
            return bool(now["enabled"] is action.enabled)
        case _:
            return False


def refusal(action: Action, before: Seen) -> str:  # noqa: PLR0911 - one return for each reason
    """Why an action may not be begun as things stand; empty where it may."""
    match action:
        case GitCheckout() if not before["wanted"]:
            return f"{action.repository} has no commit {action.commit}; fetch it, or name another one"
        case GitCheckout() if before["changed"] and action.worktree is None:
            count = len(before["changed"].splitlines())
            return (
                f"{action.repository} has {count} changed files; commit them or put them aside, nothing is thrown away"
            )
        case FileRestore() if not before["source"]:
            return f"{action.source} is not there"
        case FileRestore() if action.sha256 and before["source"] != action.sha256:
            return f"{action.source} is {before['source']}, not {action.sha256}; it is another one, or was changed"
        case VenvSwap() if before["kind"] not in ("link", "absent"):
            return f"{action.link} is no link; move the environment aside and let a link lead to it"
        case VenvSwap() if before["trouble"]:
            return str(before["trouble"])
        case SettingsRestore() if before.get("wanted") is None:
            return f"there is no version {action.version} of the live settings; see `segue settings history`"
        case ComposeUp() | KubernetesImage() if not before["image"]:
            return "the engine does not say which image runs now; without that nothing could be taken back"
        case _:
            return ""


_FREE = {
    "settings.restore": ("wanted",),
    "git.checkout": ("wanted", "changed"),
    "file.restore": ("source", "backup"),
    "venv.swap": ("trouble",),
}
"""What may differ between two looks although nothing was done."""


def _as_before(action: Action, before: Seen, now: Seen) -> bool:
    free = _FREE.get(action.kind, ())
    return {name: value for name, value in before.items() if name not in free} == {
        name: value for name, value in now.items() if name not in free
    }
