"""`segue providers`: how every provider of a running server stands; switching one off or on, or putting one first."""

import json
from datetime import UTC, datetime
from typing import Any, Literal

from cyclopts import App
from rich.console import Console
from rich.markup import escape

from segue.cli.asking import HERE, Server, Where
from segue.cli.settings import change
from segue.errors import InvalidRequest, Unavailable

COLOURS = {
    "ready": "green",
    "resting": "red",
    "being tried": "yellow",
    "left out": "magenta",
    "switched off": "magenta",
}


app = App(name="providers", help="Show the state of every provider: breaker, limits, last error, version.")


@app.default
def providers(*, where: Where = HERE, json_: bool = False) -> None:
    """Show the state of every provider: breaker, limits, last error, version.

    Parameters
    ----------
    json_
        Print what the server said, as JSON.
    """
    answer = _ask(where)
    if json_:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    by_role: dict[str, list[dict[str, Any]]] = {}
    for item in answer["items"]:
        by_role.setdefault(item["role"], []).append(item)
    width = max((len(item["name"]) for item in answer["items"]), default=0)
    for role, items in by_role.items():
        console.print(f"[bold]{role}s[/]  {_order(answer['chains'][f'{role}s'])}")
        for item in items:
            _tell(console, item, width)
        console.print()


@app.command
def off(name: str, /, *, reason: str, force: bool = False, where: Where = HERE, json_: bool = False) -> None:
    """Switch a provider off: it is passed by from now on, in every role it has. What it has begun it finishes.

    Parameters
    ----------
    name
        Its name, as `segue providers` tells.
    reason
        Why; it is told wherever the provider is, and stands in the history.
    force
        Also where a role is left without a provider.
    json_
        Print what the server said, as JSON.
    """
    change(where, reason, off={name: reason}, force=force, json_=json_)


@app.command
def on(name: str, /, *, reason: str = "on again", where: Where = HERE, json_: bool = False) -> None:
    """Switch a provider on again.

    Parameters
    ----------
    name
        Its name.
    reason
        Why, for the history.
    json_
        Print what the server said, as JSON.
    """
    change(where, reason, on=[name], json_=json_)


@app.command
def first(
    name: str,
    /,
    *,
    reason: str,
    role: Literal["model", "synthesizer", "recognizer"] | None = None,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Put a provider before all others of its role.

    Parameters
    ----------
    name
        Its name. `segue settings set --first ROLE=` goes back to the order of the configuration.
    reason
        Why, for the history.
    role
        Where a name has several roles, which of them is meant.
    json_
        Print what the server said, as JSON.
    """
    roles = [item["role"] for item in _ask(where)["items"] if item["name"] == name]
    if role is None and len(roles) > 1:
        raise InvalidRequest(f"{name} is {' and '.join(roles)}; say which with --role.")
    if role is None and not roles:
        raise InvalidRequest(f"There is no provider {name!r}; `segue providers` tells those there are.")
    change(where, reason, first={role or roles[0]: name}, json_=json_)


def _order(chain: Any) -> str:
    """A chain, or one chain for each profile where they differ."""
    orders = chain if isinstance(chain, dict) else {"": chain}
    told = {name: " → ".join(order) or "none" for name, order in orders.items()}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return ", ".join(f"{name}: {order}" for name, order in told.items())


def _tell(console: Console, item: dict[str, Any], width: int) -> None:
    """A provider in one line, and what is wrong with it in more."""
    breaker, limits, error = item["breaker"], item["limits"], item["last_error"]
    head = f"  {item['name']:<{width}}  [{COLOURS[item['state']]}]{item['state']:<12}[/]"
    what = dict.fromkeys(filter(None, [item["vendor"], item["model"], item["version"], item["place"]]))
    about = " ".join(
        word for word in what if word != "here" and not any(word != other and word in other for other in what)
    )
    if item["state"] in {"left out", "switched off"}:
        console.print(f"{head} {escape(item['reason'])}")
        return
    counts = f"{item['calls']} {'call' if item['calls'] == 1 else 'calls'}, {item['failures']} failed"
    bounds = f"limits {limits['first_s']:g}/{limits['stall_s']:g}/{limits['total_s']:g} s"
    console.print(f"{head} {escape(about)} · {counts} · {bounds}")
    indent = " " * (width + 18)
    if item["state"] != "ready":
        rest = f", tried again in {breaker['rests_s']:.0f} s" if breaker["rests_s"] else ""
        console.print(f"{indent}{escape(item['reason'])}{rest}")
    if error is not None:
        at = datetime.fromtimestamp(error["at"], UTC).strftime("%H:%M:%S UTC")
        console.print(f"{indent}[dim]last error {at}, {error['category']}: {escape(error['message'])}[/]")


def _ask(where: Where) -> dict[str, Any]:
    """What the server says.

    Raises:
        Unavailable: no Segue answers there.
    """
    answer = Server(where).get("/api/providers")
    if not {"items", "chains"} <= set(answer):
        place = where.url or where.folder
        raise Unavailable(f"No Segue answers at {place} (something else does); start one with `segue serve`.")
    return answer
