"""`segue policy update`: new thresholds and qualifications of language models, by what was measured."""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.syntax import Syntax

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.console.effective import effective
from segue.delivery.quantity import duration_s
from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.operations.policy import Proposal, canary, enough, measured, propose, running
from segue.operations.report import Check, Level, Report
from segue.operations.rewriting import difference, read, rewritten, swapped
from segue.operations.watching.gathering import turns
from segue.operations.watching.latency import audit, taken
from segue.records import TurnRecord
from segue.settings import Settings, load

app = App(name="policy", help="Which language models may be asked first, by what was measured of them.")
REPORT = "latency-report.json"
HERE_FILE = Path("segue.yaml")


@dataclass(frozen=True)
class Found:
    """What a proposal is made of, and whether it may be made."""

    checks: tuple[Check, ...]
    records: tuple[TurnRecord, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether everything that is needed was there, and was good."""
        return all(check.level is Level.PASS for check in self.checks)


@app.command
def update(
    *,
    apply: bool = False,
    config: Path = HERE_FILE,
    since: str = "7d",
    canary_age: str = "24h",
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Propose thresholds and qualifications by the latest canary and the turns of a running server, or write them.

    Exit code 0: nothing to change, or written. 1: refused, the canary failed or the file is not the server's. 2: there
    is something to change, or to look at. 3: no canary, or too few turns.

    Parameters
    ----------
    apply
        Write the file; the old one is kept beside it under a number. It is in force from the server's next start on.
    config
        The configuration file that the server was started with.
    since
        How far back turns are read.
    canary_age
        A canary that is older is none.
    """
    clock = SystemClock()
    began_s = clock.wall()
    window_s, longest_s = _span("--since", since), _span("--canary-age", canary_age)
    before = read(config)
    settings = load(config)
    found = _gathered(Server(where), settings, began_s - window_s, began_s, longest_s, quiet=ending.json_)
    proposals = _proposals(settings, found.records) if found.usable else ()
    missing = enough(proposals) if found.usable else None
    after = before if missing or not found.usable else rewritten(before, _changes(proposals))
    checks = [*found.checks, *(check for each in proposals for check in each.checks), *([missing] if missing else ())]
    facts: dict[str, Any] = {"file": config.name, "before": _digest(before), "after": _digest(after)}
    if after != before:
        _sound(after, config.name)
        facts["difference"] = difference(before, after, config.name)
        if not ending.json_:
            Console().print(Syntax("\n".join(facts["difference"]), "diff", background_color="default"))
        if apply:
            facts["version"] = swapped(config, before, after).name
    if found.usable and not missing:
        checks.append(_outcome(proposals, config, facts, applied=apply))
        if apply:
            _keep(where.folder / REPORT, found.records, settings)
    report = Report("policy update", str(config), round(began_s * 1e6), round(clock.wall() * 1e6), tuple(checks), facts)
    finish(report, where, ending)


def _gathered(
    server: Server, settings: Settings, since_s: float, now_s: float, longest_s: float, *, quiet: bool
) -> Found:
    """The latest canary, the server's own configuration and its turns; where one is missing nothing is decided."""
    try:
        operations = server.get("/api/operations")["items"]
        theirs = server.get("/api/settings").get("effective")
        ours = effective(settings)
        checks = (
            canary(operations, now_s, longest_s),
            running(theirs, json.loads(json.dumps(ours["voice"]["profiles"])), settings.providers.models),
        )
        if not Found(checks).usable:
            return Found(checks)
        with progress("Reading turns", quiet=quiet) as bar:
            records = turns(server, since_s, lambda count: bar(count, count, f"Reading turns: {count:,}"))
    except SegueError as error:
        hint = "Start the server, or name it with --data or --url; the key must be allowed to read."
        return Found((Check("inputs.server", Level.NO_DATA, error.message, {}, hint),))
    return Found(checks, tuple(records))


def _proposals(settings: Settings, records: Sequence[TurnRecord]) -> tuple[Proposal, ...]:
    profiles, models = settings.voice.profiles, settings.providers.models
    return tuple(
        propose(name, profile, profile.models or models, measured(records, name))
        for name, profile in (("fast", profiles.fast), ("quality", profiles.quality))
    )


def _changes(proposals: Iterable[Proposal]) -> Mapping[tuple[str, ...], Any]:
    return {
        ("voice", "profiles", each.profile, "auto_promote", key): value
        for each in proposals
        for key, value in each.changed.items()
    }


def _outcome(proposals: Iterable[Proposal], config: Path, facts: Mapping[str, Any], *, applied: bool) -> Check:
    count = len(_changes(proposals))
    if count == 0:
        return Check("policy.changes", Level.PASS, f"Nothing in {config} is to be changed.", {"changes": 0})
    if applied:
        reason = f"{count} values of {config} were changed; {facts['version']} holds what was there before."
        hint = "They are in force from the server's next start on."
        return Check("policy.changes", Level.PASS, reason, {"changes": count}, hint)
    reason = f"{count} values of {config} would be changed; nothing was."
    return Check("policy.changes", Level.WARN, reason, {"changes": count}, "Say --apply to write them.")


def _sound(text: str, name: str) -> None:
    """Refuse a proposal that no server would start with.

    Raises:
        ConfigurationError: the message says what is wrong in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        proposed = Path(folder) / name
        proposed.write_text(text, encoding="utf-8")
        load(proposed)


def _keep(file: Path, records: Iterable[TurnRecord], settings: Settings) -> None:
    """Write down the latencies that it was decided by, in one step."""
    profiles = {name: getattr(settings.voice.profiles, name) for name in ("fast", "quality")}
    promised = {name: {"ttfa_p95_ms": profile.ttfa_p95_ms} for name, profile in profiles.items()}
    told = audit([found for record in records if (found := taken(record)) is not None], promised)
    new = file.with_suffix(".new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}.") from error


def _span(option: str, text: str) -> float:
    try:
        return float(duration_s(text))
    except ValueError as error:
        raise InvalidRequest(f"{option} {error}.") from None


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()
