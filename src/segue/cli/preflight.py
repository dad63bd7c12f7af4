"""`segue preflight`: everything that can be known before a server is started, or before anything is changed on one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segue.cli.asking import HERE, Server, Where
from segue.cli.plan import text
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import Clock, SystemClock
from segue.delivery.planfile import read_plan
from segue.errors import ConfigurationError, InvalidRequest, Unavailable
from segue.operations.readiness.lineup import PINS
from segue.operations.readiness.preflight import Ground, Tell
from segue.operations.readiness.preflight import preflight as looked
from segue.operations.readiness.telemetry import installed
from segue.operations.report import Check, Level, Report, accepted
from segue.settings import load
from segue.telemetry.alerts import everything
from segue.telemetry.rule import Links
from segue.wiring.monitoring import basis_of, monitoring_at
from segue.wiring.preflight import gathered, reach

PLANS = Path("plans")


@Parameter(name="*")
@dataclass(frozen=True)
class Watching:
    """The Prometheus that is to watch the server, and how its rules were exported."""

    prometheus: str | None = None
    """Address of a Prometheus that should scrape the server and have its alerts."""
    exported: tuple[Path, ...] = ()
    """A plan that was exported to it too; can be said several times."""
    docs: str = "docs"
    """As it was given to `segue telemetry export`."""
    grafana: str = ""
    """As it was given to `segue telemetry export`."""


NOBODY = Watching()
Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def preflight(
    *,
    strict: bool = False,
    accept: Names = None,
    config: Path | None = None,
    plans: Path | None = None,
    pin: Names = None,
    watching: Watching = NOBODY,
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
    here = where.url is None or where.data is not None
    with progress("Preflight", quiet=ending.json_) as tell:
        ground = _ground(where, config, plans, clock, tell, running=running) if here else None
        checks = looked(
            server if running else None,
            clock,
            ground=ground,
            reach=(lambda places: reach(places, clock)) if here else None,
            watched=None if ground is not None and ground.fault else _watched(watching, config),
            pins=pins,
            tell=tell,
        )
    checks += _unseen(where, running=running)
    names = accept or ()
    unused = sorted(set(names) - {check.name for check in checks if check.level is Level.WARN})
    facts = {"strict": strict, "accepted": list(names), "unused": unused, "pins": pins}
    judged = accepted(checks, names, strict=strict)
    target = where.url or str(where.folder)
    finish(Report("preflight", target, began_us, round(clock.wall() * 1e6), judged, facts), where, ending)


def _ground(
    where: Where, config: Path | None, plans: Path | None, clock: Clock, tell: Tell, *, running: bool
) -> Ground:
    """What can be known on this machine."""
    try:
        settings = load(config, data=where.data)
    except ConfigurationError as error:
        return Ground(fault=error.message)
    found = plans or (PLANS if PLANS.is_dir() else None)
    return gathered(settings, clock, running=running, plans=found, tell=tell)


def _watched(watching: Watching, config: Path | None) -> Callable[[], tuple[Check, ...]] | None:
    """Asks the Prometheus, where one is named.

    Raises:
        InvalidRequest: a plan is none.
        ConfigurationError: the settings cannot be read.
    """
    if watching.prometheus is None:
        return None
    monitoring = monitoring_at(watching.prometheus)
    plans = sorted((read_plan(text(file), str(file)) for file in watching.exported), key=lambda plan: plan.name)
    groups = everything(basis_of(load(config), plans))
    return lambda: installed(monitoring, groups, Links(watching.docs, watching.grafana))


def _unseen(where: Where, *, running: bool) -> tuple[Check, ...]:
    """What could not be looked at from here."""
    if where.url is not None and where.data is None:
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
