"""`segue incident`: open incidents, write down what happens, and print the report."""

from datetime import datetime
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import printed
from segue.cli.postmortem import PATH, items_of
from segue.errors import InvalidRequest

app = App(name="incident", help="Incidents: open them, write down what happens, print the report.")
Texts = Annotated[list[str] | None, Parameter(consume_multiple=True)]


@app.command
def new(
    title: str,
    *,
    severity: Literal["critical", "high", "medium", "low"] = "high",
    service: Texts = None,
    commander: str = "",
    began: str | None = None,
    rollout: Texts = None,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Open an incident, and say who must be told by now.

    Parameters
    ----------
    title
        What is wrong, in one line; no text of a message, and no secret.
    severity
        How bad it is.
    service
        What is affected.
    commander
        Who leads; you, where nobody is named.
    began
        When listeners began to suffer: ISO 8601.
    rollout
        Rollouts that it has to do with.
    json_
        Print it as JSON.
    """
    body: dict[str, Any] = {"title": title, "severity": severity, "services": service or [], "rollouts": rollout or []}
    body |= {"commander": commander} if commander else {}
    body |= {"began_at": _moment(began)} if began else {}
    _tell(Server(where).post(PATH, body), json_=json_)


@app.command(name="list")
def list_(
    *,
    state: Literal["open", "mitigated", "closed"] | None = None,
    limit: int = 20,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """The newest incidents, newest first.

    Parameters
    ----------
    state
        Only those in this state.
    limit
        At most so many.
    json_
        Print them as JSON.
    """
    items = list(items_of(Server(where), PATH, limit, state=state))
    if json_:
        printed({"items": items})
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("ID", "STATE", "SEVERITY", "OPENED", "COMMANDER", "TITLE"):
        table.add_column(heading, overflow="fold")
    for item in items:
        at = datetime.fromtimestamp(item["at"]).astimezone().isoformat(" ", "seconds")
        table.add_row(*(item[name] for name in ("id", "state", "severity")), at, item["commander"], item["title"])
    Console(highlight=False).print(table)


@app.command
def show(incident: str, *, where: Where = HERE, json_: bool = False) -> None:
    """One incident: its notes, and who must be told by now.

    Parameters
    ----------
    incident
        Its id.
    json_
        Print it as JSON.
    """
    _tell(Server(where).get(f"{PATH}/{incident}"), json_=json_)


@app.command
def note(
    incident: str,
    text: str,
    *,
    severity: Literal["critical", "high", "medium", "low"] | None = None,
    commander: str | None = None,
    service: Texts = None,
    rollout: Texts = None,
    evidence: Texts = None,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Write down what happens, and change what it says.

    Parameters
    ----------
    incident
        Its id.
    text
        What is written down.
    severity
        How bad it is now.
    commander
        Who leads now.
    service
        What is affected, all of it.
    rollout
        Rollouts that it has to do with, all of them.
    evidence
        Names of files of evidence, all of them.
    json_
        Print it as JSON.
    """
    given = {"severity": severity, "commander": commander, "services": service, "rollouts": rollout}
    body = {name: value for name, value in (given | {"evidence": evidence}).items() if value is not None}
    _tell(Server(where).post(f"{PATH}/{incident}/notes", {"text": text, **body}), json_=json_)


@app.command
def mitigate(
    incident: str, text: str, *, level: int = 0, target: str = "", where: Where = HERE, json_: bool = False
) -> None:
    """Say that listeners do not suffer any more: nobody more is to be told.

    Parameters
    ----------
    incident
        Its id.
    text
        How that came about.
    level
        Level of the rollback: 1 configuration, 2 code, 3 system; 0 for none.
    target
        The version, commit or backup that was gone back to.
    json_
        Print it as JSON.
    """
    body = {"text": text, "rollback_level": level, "rollback_target": target}
    _tell(Server(where).post(f"{PATH}/{incident}/mitigate", body), json_=json_)


@app.command
def close(
    incident: str,
    text: str,
    *,
    cause: str,
    task: Texts = None,
    where: Where = HERE,
    json_: bool = False,
) -> None:
    """Close it with its root cause, and with what is done so that it does not come again.

    Parameters
    ----------
    incident
        Its id.
    text
        How it ended.
    cause
        What it came from.
    task
        `what;owner;2026-12-01`.
    json_
        Print it as JSON.
    """
    body = {"text": text, "cause": cause, "tasks": [_task(each) for each in task or ()]}
    _tell(Server(where).post(f"{PATH}/{incident}/close", body), json_=json_)


app.command(
    "segue.cli.postmortem:report",
    name="report",
    help="Write the report of an incident, filled from records, decisions and the audit.",
)


def _task(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split(";")]
    if len(parts) != 3:
        raise InvalidRequest(f"--task {text!r:.60}: write `what;owner;2026-12-01`.")
    return dict(zip(("text", "owner", "due"), parts, strict=True))


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise InvalidRequest(f"--began {text!r:.60}: write 2026-11-21T10:30.") from None


def _tell(incident: dict[str, Any], *, json_: bool) -> None:
    if json_:
        printed(incident)
        return
    print(f"{incident['id']} ({incident['severity']}, {incident['state']}): {incident['title']}")
    print(f"Led by {incident['commander']}.")
    for each in incident["escalation"]:
        at = datetime.fromtimestamp(each["at"]).astimezone().isoformat(" ", "seconds")
        print(f"  {'tell now' if each['due'] else 'not yet '}  {each['who']} (from {at})")
    for each in incident["notes"]:
        at = datetime.fromtimestamp(each["at"]).astimezone().isoformat(" ", "seconds")
        print(f"  {at}  {each['by']}: {each['text']}")
