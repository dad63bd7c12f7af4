"""`segue providers`: how every provider of a running server stands."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from segue.errors import Unavailable

COLOURS = {"ready": "green", "resting": "red", "being tried": "yellow", "left out": "magenta"}


def providers(*, url: str = "http://127.0.0.1:8002", json_: bool = False) -> None:
    """Show the state of every provider: breaker, limits, last error, version.

    Parameters
    ----------
    url
        Address of the running server.
    json_
        Print what the server said, as JSON.
    """
    answer = _ask(url)
    if json_:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("provider", "role", "state", "calls", "failed", "first/stall/total s", "what it is", "last error"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"provider", "role"})
    for item in answer["items"]:
        table.add_row(*_row(item))
    console = Console()
    console.print(table)
    for name, chain in answer["chains"].items():
        for profile, order in chain.items() if isinstance(chain, dict) else [("", chain)]:
            console.print(f"{name}{f' ({profile})' if profile else ''}: {' → '.join(order) or 'none'}", style="dim")


def _row(item: dict[str, Any]) -> list[str]:
    breaker, limits, error = item["breaker"], item["limits"], item["last_error"]
    state = f"[{COLOURS[item['state']]}]{item['state']}[/]"
    if item["state"] != "ready":
        state += f" {item['reason']}"
    if breaker["rests_s"]:
        state += f", {breaker['rests_s']:.0f} s more"
    told_once = dict.fromkeys(filter(None, [item["vendor"], item["model"], item["version"], item["place"]]))
    about = " ".join(word for word in told_once if not any(word != other and word in other for other in told_once))
    told = ""
    if error is not None:
        at = datetime.fromtimestamp(error["at"], UTC).strftime("%H:%M:%S")
        told = f"{at} {error['category']}: {error['message']}"
    shown = f"{limits['first_s']:g}/{limits['stall_s']:g}/{limits['total_s']:g}"
    return [item["name"], item["role"], state, str(item["calls"]), str(item["failures"]), shown, about, told]


def _ask(url: str) -> dict[str, Any]:
    """What the server says.

    Raises:
        Unavailable: no Segue answers there.
    """
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/api/providers", timeout=5.0)
        answer.raise_for_status()
        plain: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable(
            f"No Segue answers at {url} ({error}); start one with `segue serve`, or name its --url."
        ) from error
    return plain
