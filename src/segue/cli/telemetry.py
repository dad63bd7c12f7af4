"""`segue telemetry`: write what Prometheus, Alertmanager and Grafana read, and see whether a Prometheus has it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from cyclopts import App

from segue.cli.asking import HERE, Where
from segue.cli.plan import text
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.errors import InvalidRequest
from segue.operations.readiness.telemetry import installed
from segue.operations.report import Report
from segue.settings import load
from segue.telemetry.alerts import everything
from segue.telemetry.files import Part, files
from segue.telemetry.rule import Links, digest
from segue.wiring.monitoring import basis_of, monitoring_at

app = App(name="telemetry", help="Alerts, rules and dashboards, from the settings and from plans.")
FOLDER = Path("telemetry")


@app.command
def export(
    *,
    out: Path = FOLDER,
    plan: Sequence[Path] = (),
    config: Path | None = None,
    only: Literal["alerts", "rules", "dashboards"] | None = None,
    docs: str = "docs",
    grafana: str = "",
    check_: bool = False,
) -> int:
    """Write Prometheus's rules and alerts, Grafana's dashboards, and examples of how to have them read.

    The same settings and plans give the same bytes.

    Parameters
    ----------
    out
        Folder for the files; `-` prints the file of rules.
    plan
        A plan whose gates become alerts and panels too; can be said several times.
    config
        Settings file. Environment variables win over it.
    only
        Write only these: alerts, recording rules, or dashboards.
    docs
        Address of Segue's documents, for the links to what each alert means.
    grafana
        Address of Grafana, for the links to its dashboards.
    check_
        Write nothing; exit with 1 where a file is missing or differs.
    """
    written = files(basis_of(load(config), _plans(plan)), Part(only) if only else None, Links(docs, grafana))
    if str(out) == "-":
        print(next(iter(written.values())), end="")
        return 0
    if check_:
        return _compared(written, out)
    for name, said in written.items():
        file = out / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(said, encoding="utf-8")
        except OSError as error:
            raise InvalidRequest(f"{file} cannot be written: {error.strerror}.") from error
        print(file)
    return 0


@app.command
def check(
    *,
    prometheus: str,
    plan: Sequence[Path] = (),
    config: Path | None = None,
    docs: str = "docs",
    grafana: str = "",
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Say whether a Prometheus scrapes Segue, has the rules as they are written now, and whether an alert fires.

    Parameters
    ----------
    prometheus
        Address of the Prometheus, such as http://127.0.0.1:9090.
    plan
        A plan that was exported too; can be said several times.
    config
        Settings file that was exported. Environment variables win over it.
    docs
        As it was given to the export.
    grafana
        As it was given to the export.
    """
    clock, links = SystemClock(), Links(docs, grafana)
    groups = everything(basis_of(load(config), _plans(plan)))
    monitoring = monitoring_at(prometheus)
    began_us = round(clock.wall() * 1e6)
    with progress(f"Asking {monitoring.place}", quiet=ending.json_):
        checks = installed(monitoring, groups, links)
    facts = {"edition": digest(groups, links)}
    finish(
        Report("telemetry check", monitoring.place, began_us, round(clock.wall() * 1e6), checks, facts), where, ending
    )


def _plans(paths: Sequence[Path]) -> tuple[Plan, ...]:
    found = tuple(read_plan(text(path), str(path)) for path in paths)
    names = [plan.name for plan in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidRequest(f"Two plans are called {twice[0]}; export each plan once.")
    return tuple(sorted(found, key=lambda plan: plan.name))


def _compared(written: Mapping[str, str], out: Path) -> int:
    """Say which files lag behind."""
    behind = [
        out / name
        for name, said in written.items()
        if not (out / name).is_file() or (out / name).read_text(encoding="utf-8") != said
    ]
    for file in behind:
        print(f"{file} is missing or differs; write it again with `segue telemetry export`.", file=sys.stderr)
    return 1 if behind else 0
