"""`segue preflight`: everything that can be known before a server is started, or before anything is changed on one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import ConfigurationError, InvalidRequest, Unavailable
from segue.operations.lineup import PINS
from segue.operations.preflight import Ground
from segue.operations.preflight import preflight as looked
from segue.operations.report import Check, Level, Report, accepted
from segue.settings import load
from segue.wiring.preflight import gathered, reach

PLANS = Path("plans")
Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def preflight(
    *,
    strict: bool = False,
    accept: Names = None,
    config: Path | None = None,
    plans: Path | None = None,
    pin: Names = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Say whether the machine, the configuration, what is kept and the running server are fit for a release.

    Parameters
    ----------
    strict
        Count every warning that is not accepted as a failure.
    accept
        Names of warnings that somebody has looked at; they stand in the evidence.
    config
        YAML file with settings, as it is given to `segue serve`.
    plans
        Folder of plans of rollouts; `plans` when absent, if that is there.
    pin
        Versions that libraries of vendors must have, such as edge=7.2.7.
    """
    clock, server = SystemClock(), Server(where)
    began_us = round(clock.wall() * 1e6)
    pins = {**PINS, **_pins(pin or ())}
    running = where.url is not None or _answers(server)
    with progress("Preflight", quiet=ending.json_) as tell:
        ground = None
        if where.url is None:
            try:
                settings = load(config, **({"data": where.data} if where.data is not None else {}))
            except ConfigurationError as error:
                ground = Ground(fault=error.message)
            else:
                found = plans or (PLANS if PLANS.is_dir() else None)
                ground = gathered(settings, clock, running=running, plans=found, tell=tell)
        checks = looked(
            server if running else None,
            clock,
            ground=ground,
            reach=(lambda places: reach(places, clock)) if where.url is None else None,
            pins=pins,
            tell=tell,
        )
    checks += _unseen(where, running=running)
    names = accept or ()
    unused = sorted(set(names) - {check.name for check in checks if check.level is Level.WARN})
    facts = {"strict": strict, "accepted": list(names), "unused": unused, "pins": pins}
    report = Report(
        "preflight",
        where.url or str(where.folder),
        began_us,
        round(clock.wall() * 1e6),
        accepted(checks, names, strict=strict),
        facts,
    )
    finish(report, where, ending)


def _unseen(where: Where, *, running: bool) -> tuple[Check, ...]:
    """What could not be looked at from here."""
    if where.url is not None:
        told = "A server elsewhere: folder, database, clock and limits are seen on its own machine, with --data."
        return (Check("machine.seen", Level.NOT_MEASURED, told),)
    if not running:
        return (Check("server.health", Level.NOT_MEASURED, f"No server runs on {where.folder} yet."),)
    return ()


def _answers(server: Server) -> bool:
    """Whether a server runs here."""
    try:
        server.fetch("GET", "/api/health")
    except Unavailable:
        return False
    return True


def _pins(words: list[str] | tuple[()]) -> Mapping[str, str]:
    """Vendor and version of each pin.

    Raises:
        InvalidRequest: one is not written so.
    """
    pins = {}
    for word in words:
        vendor, sign, version = word.partition("=")
        if not (vendor and sign and version):
            raise InvalidRequest(f"--pin {word!r}: write the vendor and the version, such as edge=7.2.7.")
        pins[vendor] = version
    return pins
