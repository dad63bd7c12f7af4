"""`segue settings`: what a running server runs by, the versions of what was changed meanwhile, and changing it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from ruamel.yaml import YAML

from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import printed
from segue.errors import InvalidRequest, NotFound
from segue.voice.live import ROLES, LiveSettings, altered, differences, understood

app = App(name="settings", help="The settings in force on a running server, and what is changed of them meanwhile.")


@app.command
def show(*, where: Where = HERE, json_: bool = False) -> None:
    """Print the configuration and the live settings in force; of a secret only whether it is set.

    Parameters
    ----------
    json_
        Print what the server said, as JSON.
    """
    answer = Server(where).get("/api/settings")
    if json_:
        printed(answer)
        return
    yaml = YAML()
    yaml.default_flow_style = False
    out = StringIO()
    yaml.dump(answer["effective"], out)
    print(out.getvalue(), end="")
    commit = f" ({answer['commit'][:12]})" if answer["commit"] else ""
    print(f"# node {answer['node']}, Segue {answer['segue']}{commit}, Python {answer['python']}", end="")
    print(f", SQLite {answer['sqlite']}, started {_moment(answer['started_at'])}")
    print(f"# digest {answer['digest']}")
    tell(answer)


@app.command
def history(*, where: Where = HERE, limit: int = 20, json_: bool = False) -> None:
    """Every version of the live settings, the newest first.

    Parameters
    ----------
    limit
        How many at most.
    json_
        Print what the server said, as JSON.
    """
    answer = Server(where).get("/api/settings/versions", limit=limit)
    if json_:
        printed(answer)
        return
    if not answer["items"]:
        print("Nobody has changed anything yet: everything is as configured.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("VERSION", "AT", "BY", "REASON", "OFF", "FIRST"):
        table.add_column(head, overflow="fold")
    for item in answer["items"]:
        live = item["live"]
        words = (item["by"], item["reason"], ", ".join(live["off"]), ", ".join(live["first"].values()))
        table.add_row(str(item["version"]), _moment(item["at"]), *map(escape, words))
    Console(highlight=False).print(table)


@app.command
def diff(before: int, after: int, /, *, where: Where = HERE, json_: bool = False) -> None:
    """Say what is different between two versions of the live settings; 0 stands for the configuration by itself.

    Parameters
    ----------
    before
        Number of a version.
    after
        Number of another one.
    json_
        Print it as JSON.
    """
    server = Server(where)
    told = differences(_version(server, before), _version(server, after))
    if json_:
        printed({"before": before, "after": after, "differences": list(told)})
    else:
        print("\n".join(told) or "They are the same.")


@app.command(name="set")
def set_(
    *,
    reason: str,
    off: Sequence[str] = (),
    on: Sequence[str] = (),
    first: Sequence[str] = (),
    force: bool = False,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Switch providers off or on, or put one first in its role. It holds at once, and restarts nothing.

    Parameters
    ----------
    reason
        Why, for the history.
    off
        NAME=REASON: a provider that is to be passed by.
    on
        NAME: a provider that is to be asked again.
    first
        ROLE=NAME: who goes first as model, synthesizer or recognizer; ROLE= for the order of the configuration.
    force
        Also where a role is left without a provider.
    json_
        Print what the server said, as JSON.
    """
    pairs = dict(_pair("--off", "NAME=REASON", each) for each in off)
    leading = dict(_pair("--first", "ROLE=NAME", each) for each in first)
    if unknown := [role for role in leading if role not in ROLES]:
        raise InvalidRequest(f"--first: there is no role {unknown[0]!r}; there are {', '.join(ROLES)}.")
    change(where, reason, off=pairs, on=on, first=leading, force=force, json_=json_)


@app.command
def restore(
    version: int,
    /,
    *,
    reason: str,
    dry_run: bool = False,
    force: bool = False,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Put the live settings of an earlier version in force again, as a new version.

    Parameters
    ----------
    version
        Its number, as `segue settings history` tells; 0 for the configuration by itself.
    reason
        Why, for the history.
    dry_run
        Only say what would become different.
    force
        Also where a role is left without a provider.
    json_
        Print what the server said, as JSON.
    """
    server = Server(where)
    if not dry_run:
        answer = server.post("/api/settings/restore", {"version": version, "reason": reason, "force": force})
        _ended(answer, json_=json_)
        return
    current = server.get("/api/settings")
    told = differences(understood(current["live"]), _version(server, version))
    if json_:
        printed({"before": current["version"], "after": version, "differences": list(told), "dry_run": True})
    else:
        print("\n".join(told) or "Nothing would become different.")


def change(
    where: Where,
    reason: str,
    *,
    off: Mapping[str, str] | None = None,
    on: Sequence[str] = (),
    first: Mapping[str, str] | None = None,
    force: bool = False,
    json_: bool = False,
) -> None:
    """Change the live settings upon those that are in force, and say what is in force then.

    Raises:
        Refusal: the server refuses, also where somebody was quicker.
    """
    server = Server(where)
    current = server.get("/api/settings")
    before = understood(current["live"])
    wanted = altered(before, off or {}, on, first or {})
    for name in on:
        if name not in before.off:
            raise InvalidRequest(f"{name} is not switched off; {_off(before)}.")
    body = {"base": current["version"], "live": wanted.as_dict(), "reason": reason, "force": force}
    _ended(server.put("/api/settings", body), json_=json_)


def tell(answer: Mapping[str, Any]) -> None:
    """Print the live settings in force."""
    live = answer["live"]
    if answer["version"]:
        made = f"{answer['by']}, {_moment(answer['at'])}: {answer['reason']}"
        print(f"# live settings: version {answer['version']} ({made})")
    else:
        print("# live settings: none; everything is as configured")
    for name, reason in live["off"].items():
        print(f"#   {name} is switched off: {reason}")
    for role, name in live["first"].items():
        print(f"#   first {role}: {name}")
    for sentence in (*answer["ignored"], *filter(None, [answer["trouble"]])):
        print(f"#   note: {sentence}")


def _ended(answer: dict[str, Any], *, json_: bool) -> None:
    printed(answer) if json_ else tell(answer)


def _version(server: Server, number: int) -> LiveSettings:
    """The value of a version.

    Raises:
        NotFound: there is none of this number.
    """
    if number == 0:
        return LiveSettings()
    for item in _versions(server):
        if item["version"] == number:
            return understood(item["live"])
    raise NotFound(f"There is no version {number}; `segue settings history` tells those there are.")


def _versions(server: Server) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = server.get("/api/settings/versions", limit=500, cursor=cursor)
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _pair(option: str, shape: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidRequest(f"{option} {text!r}: write {shape}.")
    return name.strip(), value.strip()


def _off(value: LiveSettings) -> str:
    return f"switched off is {', '.join(value.off)}" if value.off else "nobody is"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
