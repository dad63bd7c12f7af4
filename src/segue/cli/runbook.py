"""`segue runbook`: look through runbooks before anybody needs them. No server is needed."""

import json
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Where
from segue.cli.plan import text
from segue.clock import SystemClock
from segue.errors import InvalidRequest, NotFound
from segue.operations.runbook.book import Runbook
from segue.operations.runbook.content import digest as digest_of
from segue.operations.runbook.journal import Course, usual_ms
from segue.operations.runbook.keeping import Shelf
from segue.operations.runbook.reading import SHIPPED, read_runbook, runbook_schema
from segue.operations.runbook.telling import told

FOLDER = Path("runbooks")
"""Folder in which one's own are looked for, before those that Segue comes with."""
RUNS = "runbooks"
"""Folder of the journals, in the data folder."""
app = App(name="runbook", help="Runbooks of rollbacks, before they are needed.")


@app.command(name="list")
def list_(*, where: Where = HERE, json_: bool = False) -> None:
    """Every runbook: how deep it goes, how long it took, and whether its engine was there when it was tested.

    Parameters
    ----------
    json_
        Print it as JSON.
    """
    items = [_summary(read(path), path, where) for path in shelved().values()]
    if json_:
        print(json.dumps(items, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("RUNBOOK", "LEVEL", "STEPS", "TAKES", "ENGINES", "WHAT IT DOES"):
        table.add_column(head, overflow="fold")
    for item in items:
        takes = "not run yet" if item["usual_s"] is None else f"{item['usual_s']:.1f} s"
        engines = "recorded, not run" if item["recorded"] else "run"
        table.add_row(item["name"], item["level"], str(len(item["steps"])), takes, engines, item["about"])
    Console(highlight=False).print(table)


@app.command
def show(runbook: str, /, *, where: Where = HERE, json_: bool = False) -> None:
    """Show a runbook: its parameters, and what each step does, verifies and takes back.

    Parameters
    ----------
    runbook
        Its name, or its file.
    json_
        Print it as JSON.
    """
    path = found(runbook)
    book = read(path)
    if json_:
        print(json.dumps(_summary(book, path, where) | {"runbook": book.model_dump(mode="json")}, ensure_ascii=False))
        return
    print(f"{book.name} ({book.level.value}): {book.about}\n")
    for name, parameter in book.parameters.items():
        must = "must be said" if parameter.default is None else f"{parameter.default!r} when absent"
        print(f"  {name}: {parameter.about} ({must})")
    print(f"\nOn failure: {'what was done is taken back' if book.on_failure == 'undo' else 'it stops'}.")
    runs = courses(where)
    for number, step in enumerate(book.steps, 1):
        took = usual_ms(runs.get(book.name, ()), step.name)
        span = "not run yet" if took is None else f"about {took / 1000:.1f} s"
        print(f"\n{number}. {step.name} ({span}, at most {step.timeout_s:g} s){': ' if step.about else ''}{step.about}")
        for line in told(step, run="RUN"):
            print(f"   {line}")


@app.command
def check(file: Path, /, *, json_: bool = False) -> int:
    """Say what is wrong with a runbook, and on which line.

    Parameters
    ----------
    file
        The runbook, a YAML file.
    json_
        Print it as JSON.
    """
    try:
        book = read(file)
    except InvalidRequest as error:
        if not json_:
            raise
        print(json.dumps({"ok": False, "problems": error.message.splitlines()}, ensure_ascii=False, indent=2))
        return 1
    if json_:
        print(json.dumps({"ok": True, "problems": [], "name": book.name, "steps": len(book.steps)}, indent=2))
    else:
        print(f"{book.name}: {len(book.steps)} steps, {book.level.value}.")
    return 0


@app.command
def schema() -> None:
    """Print the JSON Schema of a runbook file."""
    print(json.dumps(runbook_schema(), ensure_ascii=False, indent=2))


@app.command
def digest(path: Path, /) -> None:
    """Print the SHA-256 of a file, or of a folder with the names, modes and contents in it.

    Parameters
    ----------
    path
        The file or folder, such as one that is kept to be restored.
    """
    found = digest_of(path)
    if not found:
        raise InvalidRequest(f"{path} is not there.")
    print(found)


@app.command
def runs(*, where: Where = HERE, json_: bool = False) -> None:
    """Every run of a runbook, the oldest first, and how it ended.

    Parameters
    ----------
    json_
        Print it as JSON.
    """
    items = []
    for journal in shelf(where).all():
        first, course = journal.read()[0], journal.course()
        ended = course.outcome or ("unclear" if course.unclear else "failed" if course.failed else "not at its end")
        name = first.values["runbook"]["name"]
        items.append({"run": journal.run, "runbook": name, "outcome": ended, "reason": course.reason})
    if json_:
        print(json.dumps(items, ensure_ascii=False, indent=2))
        return
    for item in items:
        print(f"{item['run']}  {item['runbook']}  {item['outcome']}  {item['reason']}".rstrip())
    if not items:
        print("No runbook was run yet.")


def shelved() -> dict[str, Path]:
    """The files of all runbooks by their names: those of the folder here go before the ones that Segue comes with."""
    files = {path.stem: path for folder in (SHIPPED, FOLDER) for path in folder.glob("*.yaml")}
    return dict(sorted(files.items()))


def found(runbook: str) -> Path:
    """The file of a runbook that is named.

    Raises:
        NotFound: there is none.
    """
    if "/" in runbook or runbook.endswith((".yaml", ".yml")):
        return Path(runbook)
    files = shelved()
    if runbook not in files:
        raise NotFound(f"There is no runbook {runbook}; there are {', '.join(files)}.")
    return files[runbook]


def read(path: Path) -> Runbook:
    """The runbook in a file.

    Raises:
        InvalidRequest: it cannot be read, or is wrong; the message says on which line.
    """
    return read_runbook(text(path), str(path))


def shelf(where: Where) -> Shelf:
    """The journals of the runs here."""
    return Shelf(where.folder / RUNS, SystemClock())


def courses(where: Where) -> dict[str, list[Course]]:
    """How earlier runs went, by the name of the runbook."""
    told: dict[str, list[Course]] = {}
    for journal in shelf(where).all():
        told.setdefault(journal.read()[0].values["runbook"]["name"], []).append(journal.course())
    return told


def _summary(book: Runbook, path: Path, where: Where) -> dict[str, Any]:
    past = courses(where).get(book.name, [])
    took = [usual_ms(past, step.name) for step in book.steps]
    return {
        "name": book.name,
        "file": str(path),
        "level": book.level.value,
        "about": book.about,
        "steps": [step.name for step in book.steps],
        "recorded": book.recorded,
        "usual_s": None if None in took else round(sum(each or 0.0 for each in took) / 1000.0, 3),
    }
