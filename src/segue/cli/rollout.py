"""`segue rollout`: start, watch and command rollouts of a running server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.live import Live
from rich.table import Table

from segue.cli import watch as view
from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import PLAIN, VERBS, Words, commanded, printed
from segue.cli.following import as_json, followed, in_lines, watched
from segue.cli.plan import text
from segue.delivery.quantity import duration_s
from segue.errors import InvalidRequest

app = App(name="rollout", help="Rollouts of a running server.")
for verb in VERBS:
    app.command(verb)


@app.command
def start(file: Path, /, *, force: bool = False, words: Words = PLAIN) -> None:
    """Start a rollout as its plan says.

    Parameters
    ----------
    file
        The plan, a YAML file.
    force
        Start within the cool-down after a rollback, or a candidate that is locked.
    """
    body = {"plan": text(file), "force": force}
    told = commanded("/api/rollouts", body, words)
    if not words.json_:
        print(f"Watch it: segue rollout watch {told['status']['name']}{words.where.words}")


@app.command(name="list")
def list_(*, where: Where = HERE, json_: bool = False) -> None:
    """Every rollout, the one that was started last first.

    Parameters
    ----------
    json_
        Print what the server said, as JSON.
    """
    answer = Server(where).get("/api/rollouts?limit=500")
    if json_:
        printed(answer)
    elif not answer["items"]:
        print("There are no rollouts yet; start one with `segue rollout start PLAN`.")
    else:
        for item in answer["items"]:
            print(
                f"{item['name']}  attempt {item['attempt']}  {item['phase'].replace('_', ' ')}\n    {item['sentence']}"
            )


@app.command
def status(name: str, /, *, where: Where = HERE, json_: bool = False) -> None:
    """How a rollout stands.

    Parameters
    ----------
    name
        Its name, that of the plan.
    json_
        Print what the server said, as JSON.
    """
    server = Server(where)
    answer = server.get(f"/api/rollouts/{name}")
    if json_:
        printed(answer)
        return
    _console().print(view.block(answer, latest(server, answer)))


@app.command
def history(name: str, /, *, attempt: int | None = None, where: Where = HERE, json_: bool = False) -> None:
    """What was decided, when, by whom, and why.

    Parameters
    ----------
    name
        The rollout.
    attempt
        Which attempt; the latest when absent.
    json_
        Print one decision a line, as JSON.
    """
    decisions = list(_decisions(Server(where), name, attempt))
    if json_:
        for decision in decisions:
            print(json.dumps(decision, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("#", "WHEN", "WHO", "WHAT", "STAGE", "SHARE", "WHY"):
        table.add_column(head, overflow="fold")
    for each in decisions:
        kind, share = each["kind"].replace("_", " "), view.percent(each["share_bp"])
        when = view.moment(each["at"])
        table.add_row(str(each["number"]), when, each["actor"], kind, each["stage_name"], share, each["reason"])
    _console().print(table)


@app.command
def export(name: str, /, *, attempt: int | None = None, out: Path | None = None, where: Where = HERE) -> None:
    """Print everything that is kept of an attempt, one JSON object a line: what `segue rehearse` reads.

    Parameters
    ----------
    name
        The rollout.
    attempt
        Which attempt; the latest when absent.
    out
        File to write; standard output when absent.
    """
    lines = Server(where).lines(f"/api/rollouts/{name}/export", attempt=attempt)
    if out is None:
        for each in lines:
            sys.stdout.write(each + "\n")
        return
    text = "".join(f"{each}\n" for each in lines)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{out} cannot be written: {error.strerror}.") from error
    print(f"{out}: {text.count(chr(10))} lines")


@app.command
def watch(name: str, /, *, where: Where = HERE, json_: bool = False, timeout: str | None = None) -> int:
    """Watch a rollout until it ends: 0 promoted, 2 rolled back, 3 held or the server ended, 4 out of time.

    Parameters
    ----------
    name
        The rollout.
    json_
        Print one status a line, as JSON.
    timeout
        How long to watch at most, such as 30m or 2h.
    """
    try:
        limit_s = None if timeout is None else float(duration_s(timeout))
    except ValueError as error:
        raise InvalidRequest(f"--timeout {error}.") from None
    server = Server(where)
    server.get(f"/api/rollouts/{name}")  # a server that is not there now is a mistake, and not waited for
    events = followed(server, name, limit_s)
    if json_:
        return watched(events, as_json)
    console = _console()
    if not console.is_terminal:
        return watched(events, in_lines())
    with Live(console=console, auto_refresh=False) as live:
        return watched(events, lambda status, decisions: live.update(view.block(status, decisions), refresh=True))


def latest(server: Server, status: dict[str, Any]) -> list[dict[str, Any]]:
    """The latest decisions of the attempt that a status tells of, oldest first."""
    last = status["last"]
    after = max(0, last["number"] - view.EVENTS) if last else 0
    path = f"/api/rollouts/{status['name']}/decisions"
    items: list[dict[str, Any]] = server.get(path, attempt=status["attempt"], after=after)["items"]
    return items


def _decisions(server: Server, name: str, attempt: int | None) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        answer = server.get(f"/api/rollouts/{name}/decisions", attempt=attempt, after=after)
        yield from answer["items"]
        after = answer["next"]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=False)
