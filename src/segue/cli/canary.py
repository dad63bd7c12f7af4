"""`segue canary`: listens to every configured voice of a running server."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import InvalidRequest
from segue.operations.evidence.envelope import from_text
from segue.operations.evidence.filing import FOLDER, Filing
from segue.operations.evidence.recorded import report_of
from segue.operations.listening.canary import Wanted
from segue.operations.listening.canary import canary as listened
from segue.operations.listening.phrases import PHRASES
from segue.operations.listening.take import kept
from segue.operations.report import accepted

BUDGET = 8
"""Samples of a periodic run where nothing else is said."""
LOOKED_AT = 50
"""So many of the newest results are compared with."""
Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def canary(
    *,
    mode: Literal["preflight", "periodic"] = "preflight",
    character: Names = None,
    language: Names = None,
    budget: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    pin: Names = None,
    fresh: bool = False,
    accept: Names = None,
    limit_s: float = 600.0,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Listen to every configured voice with words that no cache knows, and judge the sound.

    Parameters
    ----------
    mode
        `preflight` listens to everything; `periodic` to what nobody has listened to for longest.
    character
        Only these characters.
    language
        Only these languages.
    budget
        Samples at most; 8 when periodic, else all.
    pin
        Versions that providers must have, such as edge=7.2.7.
    fresh
        Compare with nothing that was kept: after a voice was changed on purpose.
    accept
        Names of warnings that somebody has looked at; they stand in the evidence.
    limit_s
        Samples that have not begun after so many seconds are not listened to, and missing in the result.
    """
    own = where.folder / FOLDER
    results = [] if fresh else list(_results(own if ending.evidence is None else ending.evidence))
    wanted = Wanted(
        mode=mode,
        characters=tuple(character or ()),
        languages=tuple(language or ()),
        budget=budget or (BUDGET if mode == "periodic" else None),
        pins=_pins(pin or ()),
        kept=kept(results),
        draw=secrets.randbelow(PHRASES),
        limit_s=limit_s,
    )
    with progress("Listening", quiet=ending.json_) as tell:
        report = listened(Server(where), wanted, SystemClock(), tell)
    finish(replace(report, checks=accepted(report.checks, accept or ())), where, ending)


def _results(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The facts of the newest canaries in a folder of evidence, the oldest first; what cannot be read is left out."""
    files = Filing(folder)
    found = [file for file in files.files() if "-canary-" in file.name]
    for file in found[-LOOKED_AT:]:
        try:
            envelope = from_text(files.text(file))
            if envelope is not None:
                yield report_of(envelope.payload).facts
        except (OSError, InvalidRequest):
            continue


def _pins(said: Sequence[str]) -> dict[str, str]:
    """Names with their versions.

    Raises:
        InvalidRequest: one has no version.
    """
    pins = dict(each.partition("=")[::2] for each in said)
    wrong = [name for name, version in pins.items() if not name or not version]
    if wrong:
        raise InvalidRequest(f"--pin {wrong[0]}: write NAME=VERSION, such as edge=7.2.7.")
    return pins
