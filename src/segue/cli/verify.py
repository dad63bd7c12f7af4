"""`segue verify`: whether a deployment is what it should be, by what it answers."""

import secrets
import sys
from pathlib import Path
from threading import Event
from typing import Annotated, Any

from cyclopts import Parameter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import InvalidRequest
from segue.operations.listening.phrases import PHRASES
from segue.operations.listening.verify import Wanted
from segue.operations.listening.verify import verify as verified


def verify(
    *,
    expect: Path | None = None,
    language: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    exit_on_error: bool = False,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Verify a deployment by the bytes it answers with and the settings it says are in force.

    Parameters
    ----------
    expect
        YAML file with settings that must be in force, any part of them; under `rollout` what must be exposed: `name`,
        `share_percent`, `stage` (from 0) and `phase`.
    language
        Only these languages are listened to; the first one of the server when absent.
    exit_on_error
        End with the exit code of the outcome. Otherwise it is 0, and the outcome is only told.
    """
    wanted = Wanted(_expected(expect), tuple(language or ()), secrets.randbelow(PHRASES))
    with progress("Verifying", quiet=ending.json_) as tell:
        report = verified(Server(where), wanted, SystemClock(), _wait, tell)
    try:
        finish(report, where, ending)
    except SystemExit:
        if exit_on_error:
            raise
        if report.exit_code and not ending.json_:
            print(f"With --exit-on-error the exit code would be {report.exit_code}.", file=sys.stderr)


def _wait(seconds: float) -> None:
    Event().wait(seconds)


def _expected(file: Path | None) -> dict[str, Any]:
    """What a file expects.

    Raises:
        InvalidRequest: it cannot be read, or holds no settings.
    """
    if file is None:
        return {}
    try:
        plain = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, YAMLError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}") from error
    if not isinstance(plain, dict):
        raise InvalidRequest(f"{file} holds no settings; write those that you expect, as in the configuration file.")
    return plain
