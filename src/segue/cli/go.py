"""`segue go`: the release day as one command, and its page."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter
from rich.console import Console

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.console.audit import canonical
from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.operations.evidence.envelope import from_text, vouched
from segue.operations.evidence.filing import FOLDER, Filing
from segue.operations.evidence.recorded import report_of
from segue.operations.readiness.preflight import preflight
from segue.operations.release.day import Past, Plan, Release
from segue.operations.release.page import page
from segue.operations.release.page_text import markdown
from segue.operations.release.page_web import html
from segue.operations.report import Check, Level, Report, accepted
from segue.settings import load
from segue.wiring.evidence import trust
from segue.wiring.preflight import gathered, reach

COMMAND, ROLLBACK = "go", "rollback"
Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def go(
    *,
    url_b: str | None = None,
    service: Names = None,
    accept: Names = None,
    strict: bool = False,
    minutes: float = 5.0,
    back_to: str = "",
    config: Path | None = None,
    out: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Go or no-go: preflight, smoke, load, watch and the way back, measured, with a page to decide by.

    Exit code 0: GO. 1: NO-GO; what is needed and was not measured is one too. 2: GO, with accepted warnings.

    Parameters
    ----------
    url_b
        Address of a second server on the same database, for sending one message to both.
    service
        Others that belong to the release, as name=address at which it tells its version or commit.
    accept
        Names of warnings that somebody has looked at; any other warning is a NO-GO.
    strict
        Look more strictly: what the preflight only warns of fails, unless it is accepted.
    minutes
        Watch for server faults for so long.
    back_to
        The version to go back to; that of the newest rollback in the evidence when absent.
    config
        YAML file with settings, where the server's own machine is looked at too (--data).
    out
        Where the page is written, as .html and as .md; beside the evidence when absent.
    """
    if not 0 < minutes <= 24 * 60:
        raise InvalidRequest("--minutes must be more than 0, and at most a day.")
    clock, names = SystemClock(), tuple(accept or ())
    began_us = round(clock.wall() * 1e6)
    server = Server(where)
    plan = Plan(
        a=server,
        b=Server(Where(url=url_b)) if url_b else None,
        minutes=minutes,
        preflight=lambda: accepted(_preflight(server, clock, where, config), names, strict=strict),
        services=_services(service or ()),
        back_to=back_to,
        past=_past(where),
        accept=names,
        keyless=where.url is not None,
    )
    with progress("Release", quiet=ending.json_) as tell:
        checks, facts = Release(plan, clock, secrets.token_hex(4), _wait, tell).run()
    report = Report(COMMAND, server.place, began_us, round(clock.wall() * 1e6), checks, facts)
    written = _written(report, out or where.folder / FOLDER / f"release-{began_us}")
    if not ending.json_:
        Console(soft_wrap=True, highlight=False).print(f"Page: {written}")
    finish(report, where, ending)


def _preflight(server: Server, clock: SystemClock, where: Where, config: Path | None) -> tuple[Check, ...]:
    """The checks of the preflight; with those of the machine where its data folder is named."""
    if where.data is None:
        told = "The machine of the server is not looked at: name its data folder with --data, there."
        return (*preflight(server, clock), Check("machine.seen", Level.NOT_MEASURED, told))
    ground = gathered(load(config, data=where.data), clock, running=True)
    return preflight(server, clock, ground=ground, reach=lambda places: reach(places, clock))


def _services(words: Sequence[str]) -> Mapping[str, tuple[Server, str]]:
    """Each service, with the path under which it tells its version.

    Raises:
        InvalidRequest: one is not written so.
    """
    found = {}
    for word in words:
        name, _, address = word.partition("=")
        parts = urlsplit(address)
        if not name or parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidRequest(f"--service {word!r}: write name=address, such as router=https://router/version.")
        query = f"?{parts.query}" if parts.query else ""
        found[name] = (Server(Where(url=f"{parts.scheme}://{parts.netloc}")), f"{parts.path or '/'}{query}")
    return found


def _past(where: Where) -> Past:
    """The newest rollback that was really done, in evidence that a trusted key signed."""
    filing, why = Filing(where.folder / FOLDER), ""
    try:
        trusted = trust(where.folder)
        for file in reversed(filing.files()):
            envelope = from_text(filing.text(file))
            if envelope is None or f"-{ROLLBACK}-" not in file.name:
                continue
            vouchers = vouched(envelope, trusted)
            if not vouchers or set(vouchers.values()) != {True}:
                keys = where.folder / "audit-keys"
                why = why or f"No key in {keys} signed {file.name} as it is (copy it from that server's audit-keys)"
                continue
            report = report_of(envelope.payload)
            if report.command == ROLLBACK and _tried(report):
                took_s = float(report.facts.get("took_s") or (report.ended_us - report.began_us) / 1e6)
                return Past(str(report.facts.get("to") or ""), took_s, file.name)
    except (SegueError, OSError, ValueError) as error:
        why = f"The evidence of {where.folder} cannot be read ({error})"
    return Past(why_not=why or f"No rollback is in the evidence of {where.folder}")


def _tried(report: Report) -> bool:
    """Whether it was done, and not only rehearsed."""
    facts: Mapping[str, Any] = report.facts
    return report.outcome in (Level.PASS, Level.WARN) and not facts.get("dry_run")


def _written(report: Report, place: Path) -> Path:
    """Write the page as HTML and as Markdown; the HTML one.

    Raises:
        Unavailable: they cannot be written.
    """
    made = page(report, hashlib.sha256(canonical(report.as_dict())).hexdigest())
    file = place if place.suffix in (".html", ".md") else place.with_name(f"{place.name}.html")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.with_suffix(".md").write_text(markdown(made), encoding="utf-8")
        file.with_suffix(".html").write_text(html(made), encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}.") from error
    return file.with_suffix(".html")


def _wait(seconds: float) -> None:
    Event().wait(seconds)
