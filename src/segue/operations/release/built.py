"""Which code a service runs, and what is known of how it is run. Values and rules only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from segue.operations.report import Check, Figure, Level

COMMITS = ("commit", "git_sha", "gitSha", "git_commit", "sha", "revision", "vcs_revision")
VERSIONS = ("version", "segue", "tag")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_LABEL = re.compile(r'_build_info\{[^}]*?\b(?:revision|commit|git_sha)="([0-9a-f]{7,64})"')


def build(plain: Any, text: str = "") -> tuple[str, str]:
    """Version and commit that a service tells of itself, as JSON (at the top or one level below) or as metrics."""
    version, commit = "", ""
    levels = [plain, *plain.values()] if isinstance(plain, Mapping) else []
    for level in (each for each in levels if isinstance(each, Mapping)):
        version = version or next((str(level[name]) for name in VERSIONS if isinstance(level.get(name), str)), "")
        found = (str(level.get(name) or "") for name in COMMITS)
        commit = commit or next((each for each in found if _COMMIT.fullmatch(each)), "")
    if not commit and (label := _LABEL.search(text)):
        commit = label[1]
    return version, commit


def known(name: str, version: str, commit: str, said: str) -> Check:
    """Whether it is known which code a service runs: `release.commit.<name>`."""
    check, figures = f"release.commit.{name}", {"version": version, "commit": commit}
    if commit:
        return Check(check, Level.PASS, f"{name} runs {commit[:12]}{f' ({version})' if version else ''}.", figures)
    if version:
        hint = "Run it from its checkout, or accept that the version stands for it."
        return Check(check, Level.WARN, f"{name} is of version {version}; it does not tell its commit.", figures, hint)
    hint = "Name the address at which it tells its commit: --service name=URL."
    return Check(check, Level.NOT_MEASURED, f"{name} does not tell which code it runs: {said}.", {}, hint)


def prepared(plain: Mapping[str, Any], said: str) -> Check:
    """Who prepares the release, as the server knows them."""
    if name := plain.get("name"):
        figures: dict[str, Figure] = {"name": str(name), "via": str(plain.get("via"))}
        return Check("release.prepared", Level.PASS, f"{name} prepares it, known by {plain.get('via')}.", figures)
    hint = "Put a key of your own into the variable SEGUE_KEY."
    return Check("release.prepared", Level.NOT_MEASURED, f"The server does not know who asks: {said}.", {}, hint)


def went_back(target: str, took_s: float | None, source: str) -> tuple[Check, Check]:
    """Whether it is known where to go back to, and how long that took.

    `source` is the evidence, or why there is none.
    """
    name, hint = "rollback.target", "Name the version to go back to with --back-to."
    if target:
        first = Check(name, Level.PASS, f"It would go back to {target}.", {"to": target})
    else:
        first = Check(name, Level.NOT_MEASURED, "It is not said where to go back to.", {}, hint)
    if took_s is None:
        reason = f"{source or 'No rollback is in the evidence'}: nobody knows how long one takes."
        hint = "Try one with `segue rollback`, on a copy if need be, and keep its evidence in the data folder."
        return first, Check("rollback.time", Level.NOT_MEASURED, reason, {}, hint)
    told = f"The newest rollback took {took_s:.1f} s ({source})."
    return first, Check("rollback.time", Level.PASS, told, {"took_s": round(took_s, 3), "evidence": source})


def needs_second(effective: Mapping[str, Any]) -> bool:
    """Whether several servers can share what this one keeps, so that a second one must be tried; also if unknown."""
    return effective.get("database") != "unset"


def limitations(effective: Mapping[str, Any]) -> Iterator[str]:
    """What the way it is configured leaves open, a sentence each."""
    if not effective:
        yield "The configuration in force could not be read, so nothing can be said of its limits."
        return
    if effective.get("database") == "unset":
        yield "Everything is kept in a file of one machine: there is one server, and no second one takes over."
    for path, value, sentence in _OPEN:
        found: Any = effective
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if found == value:
            yield sentence


_OPEN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("rate_limits", "store"),
        "memory",
        "Rate limits are counted by each server for itself, and forgotten when it ends.",
    ),
    (
        ("audit", "heads"),
        "",
        "Signed heads of the audit lie beside the audit itself: who can write there can change both.",
    ),
    (("access", "listeners"), "open", "Whoever reaches the server may talk and listen: listeners need no key."),
    (("access", "environment"), "dev", "Keys say that they are of the environment `dev`."),
    (("storage", "kind"), "files", "Voice files lie on the disk of one machine."),
)
