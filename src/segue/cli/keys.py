"""`segue keys`: make, list, rotate and revoke the keys of a running server."""

from datetime import datetime
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import printed
from segue.console.keys import id_in
from segue.delivery.quantity import duration_s
from segue.errors import InvalidRequest

app = App(name="keys", help="Operators' keys of a running server.")


@app.command
def create(*, name: str, scopes: str, expires: str | None = None, where: Where = HERE, json_: bool = False) -> None:
    """Make a key, and print it: it is shown now and never again.

    Parameters
    ----------
    name
        Of the operator, as it will stand in the audit.
    scopes
        What the key allows, separated by commas: send, read, audit:read, rollout:write, admin, node.
    expires
        How long it is good, such as 30d or 12h; until it is revoked when absent.
    json_
        Print what the server said, as JSON.
    """
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    body = {"name": name, "scopes": wanted} | _given(expires_in_s=_seconds("--expires", expires))
    _shown(Server(where).post("/api/keys", body), json_=json_)


@app.command(name="list")
def list_(*, where: Where = HERE, json_: bool = False) -> None:
    """Every key, the newest first; none is shown itself.

    Parameters
    ----------
    json_
        Print what the server said, as JSON.
    """
    answer = Server(where).get("/api/keys")
    if json_:
        printed(answer)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("ID", "NAME", "SCOPES", "STATE", "MADE", "EXPIRES", "USED"):
        table.add_column(head, overflow="fold")
    for item in answer["items"]:
        moments = (_moment(item[each]) for each in ("created_at", "expires_at", "used_at"))
        table.add_row(item["id"], item["name"], " ".join(item["scopes"]), item["state"], *moments)
    Console(highlight=False).print(table)


@app.command
def rotate(
    id: str,  # noqa: A002 - it is what it is called everywhere
    /,
    *,
    overlap: str | None = None,
    expires: str | None = None,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Replace a key by a new one of the same name and scopes, and print it: it is shown now and never again.

    Parameters
    ----------
    id
        Of the key that is replaced, or that key itself; `segue keys list` tells the id.
    overlap
        How long the old one goes on working, such as 24h or 0s; what the server is set to when absent.
    expires
        How long the new one is good; as long as the old one was made to last when absent.
    json_
        Print what the server said, as JSON.
    """
    overlap_s, expires_in_s = _seconds("--overlap", overlap), _seconds("--expires", expires)
    body = _given(overlap_s=overlap_s, expires_in_s=expires_in_s)
    _shown(Server(where).post(f"/api/keys/{_id(id)}/rotate", body), json_=json_)


@app.command
def revoke(id: str, /, *, where: Where = HERE, json_: bool = False) -> None:  # noqa: A002
    """Take a key out of use for ever; within a second it opens nothing, on any server.

    Parameters
    ----------
    id
        Of the key, or the key itself; `segue keys list` tells the id. Only that is sent.
    json_
        Print what the server said, as JSON.
    """
    answer = Server(where).post(f"/api/keys/{_id(id)}/revoke", {})
    if json_:
        printed(answer)
    else:
        print(f"{answer['id']} ({answer['name']}) is revoked.")


def _shown(answer: dict[str, Any], *, json_: bool) -> None:
    """Print a new key: by itself on its line, so that a script can take it."""
    if json_:
        printed(answer)
        return
    print(answer["key"])
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    told.print(
        f"This is the key {answer['id']} of {answer['name']}. It is shown only now: keep it where secrets are kept."
    )
    if (old := answer.get("replaced")) is not None:
        told.print(f"The key {old['id']} goes on working until {_moment(old['expires_at'])}.")


def _id(text: str) -> str:
    """The id that somebody named.

    Raises:
        InvalidRequest: it is none; it is not told again, as it may be a key.
    """
    if (found := id_in(text.strip())) is None:
        raise InvalidRequest("Name a key by its id, 12 hexadecimal digits; `segue keys list` tells them.")
    return found


def _seconds(option: str, text: str | None) -> float | None:
    try:
        return None if text is None else float(duration_s(text))
    except ValueError as error:
        raise InvalidRequest(f"{option} {error}.") from None


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _moment(at: float | None) -> str:
    return "–" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
