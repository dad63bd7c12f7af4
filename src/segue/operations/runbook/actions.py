"""The actions that a runbook is made of: what each needs to know, and nothing of how it is done.

A text may hold `${name}`, which is filled in before anything is done; its form is looked at then.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from segue.section import Section

PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")


def _form(pattern: str, says: str) -> AfterValidator:
    """A text of this form; one that is still to be filled in may have any."""

    def checked(value: str) -> str:
        if not PLACEHOLDER.search(value) and not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is {says}")
        return value

    return AfterValidator(checked)


Path: TypeAlias = Annotated[str, _form(r"[^-\0][^\0]*", "no path: it is empty, or begins with a dash")]
Word: TypeAlias = Annotated[
    str, _form(r"[A-Za-z0-9][\w.:@/-]*", "no name: letters, digits and . _ : @ / - are allowed")
]
Version: TypeAlias = Annotated[str, _form(r"[0-9]{1,9}", "no version; write its number")]
Digest: TypeAlias = Annotated[str, _form(r"|[0-9a-f]{64}", "no SHA-256: 64 small hexadecimal digits")]
Image: TypeAlias = Annotated[
    str,
    _form(
        r"[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}",
        "no pinned image; write it with its digest, as name@sha256:…, for a tag can mean another one tomorrow",
    ),
]
Variable: TypeAlias = Annotated[str, _form(r"[A-Za-z_][A-Za-z0-9_]*", "no name of a variable")]
Line: TypeAlias = Annotated[str, _form(r"[^\n\r\0]*", "no value of one line")]
Arguments: TypeAlias = tuple[str, ...]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]


class SettingsRestore(Section):
    """Bring an earlier version of the live settings back."""

    kind: Literal["settings.restore"]
    version: Version
    """The number of the version."""


class ProviderOff(Section):
    """Ask a provider no more."""

    kind: Literal["provider.off"]
    provider: Word


class ProviderOn(Section):
    """Ask a provider again that was switched off."""

    kind: Literal["provider.on"]
    provider: Word


class ProviderFirst(Section):
    """Ask a provider before all others."""

    kind: Literal["provider.first"]
    role: Annotated[str, _form(r"model|synthesizer|recognizer", "no role; write model, synthesizer or recognizer")]
    provider: Word


class RolloutRollback(Section):
    """Let everybody hear a rollout's baseline again."""

    kind: Literal["rollout.rollback"]
    rollout: Word


class SwitchTurn(Section):
    """Turn the switch of spoken replies."""

    kind: Literal["switch"]
    enabled: bool


class FileRestore(Section):
    """Put a kept file, or a kept folder, in the place of another one. What is replaced is kept."""

    kind: Literal["file.restore"]
    source: Path
    target: Path
    sha256: Digest = ""
    """What the source must be; of a folder, as `segue runbook digest` says it. Empty for whatever it is."""


class VariableSet(Section):
    """Write one variable into a file of `NAME=value` lines. The other lines stay as they are."""

    kind: Literal["variable.set"]
    file: Path
    name: Variable
    value: Line


class GitCheckout(Section):
    """Take a commit out of a repository: onto a branch of the run's own, or into a worktree beside.

    Nothing is reset and nothing is pushed, and a repository with uncommitted changes is refused.
    """

    kind: Literal["git.checkout"]
    repository: Path
    commit: Word
    worktree: Path | None = None
    """Folder of a new worktree; the repository itself changes to a branch `rollback-<run>` when absent."""


class VenvSwap(Section):
    """Let a link lead to another, kept virtual environment, in one step."""

    kind: Literal["venv.swap"]
    link: Path
    to: Path
    versions: dict[str, Line] = Field(default_factory=dict)
    """Which version of a package it must have."""


class Command(Section):
    """Run a program. It is no shell's line: nothing in it is expanded."""

    kind: Literal["command"]
    argv: Arguments
    folder: Path | None = None
    exit_code: int = 0
    output: str = ""
    """What standard output must match, a regular expression; anything when empty."""


class Systemd(Section):
    """Start, stop or restart a unit."""

    kind: Literal["systemd"]
    unit: Word
    verb: Literal["start", "stop", "restart"]


class ComposeUp(Section):
    """Let a service of Compose run an image. The image is handed over in a variable, which the file must use."""

    kind: Literal["compose.up"]
    file: Path
    service: Word
    image: Image
    variable: Variable = "VOICE_IMAGE"


class KubernetesImage(Section):
    """Let a deployment run an image, and wait until it does."""

    kind: Literal["kubernetes.image"]
    deployment: Word
    container: Word
    image: Image
    namespace: Word = "default"


class KubernetesUndo(Section):
    """Go back to an earlier revision of a deployment, and wait until it runs."""

    kind: Literal["kubernetes.undo"]
    deployment: Word
    revision: Version
    namespace: Word = "default"


class Http(Section):
    """Ask the server, and compare what it answers."""

    kind: Literal["http"]
    path: Annotated[str, _form(r"/[^\s]*", "no path of the server; it begins with a slash")]
    status: Annotated[int, Field(ge=100, le=599)] = 200
    holds: dict[str, Any] = Field(default_factory=dict)
    """Values that the JSON object of the answer must have; keys of inner objects are parted by dots."""
    within_ms: Annotated[float, Field(gt=0)] | None = None


class Wait(Section):
    """Let time pass."""

    kind: Literal["wait"]
    seconds: Annotated[float, Field(gt=0, le=3600)]


Action: TypeAlias = Annotated[
    SettingsRestore
    | ProviderOff
    | ProviderOn
    | ProviderFirst
    | RolloutRollback
    | SwitchTurn
    | FileRestore
    | VariableSet
    | GitCheckout
    | VenvSwap
    | Command
    | Systemd
    | ComposeUp
    | KubernetesImage
    | KubernetesUndo
    | Http
    | Wait,
    Field(discriminator="kind"),
]
Verification: TypeAlias = Annotated[Http | Command, Field(discriminator="kind")]
"""What can be asked without changing anything."""

RECORDED = frozenset({"systemd", "compose.up", "kubernetes.image", "kubernetes.undo"})
"""Kinds whose engines the tests did not run: their command lines were compared with recorded ones."""
OPAQUE = frozenset({"command", "http", "wait"})
"""Kinds of which nobody can tell afterwards by themselves whether they were done."""


def filled(value: Any, fill: Callable[[str], str]) -> Any:
    """A document with every `${name}` in its texts replaced by what `fill` says of the name."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: fill(found[1]), value)
    if isinstance(value, dict):
        return {key: filled(inner, fill) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, fill) for inner in value]
    return value
