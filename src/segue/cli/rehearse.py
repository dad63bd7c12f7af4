"""`segue rehearse`: recorded turns through a plan, or a rollout decided again from what was kept of it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segue.cli.plan import text
from segue.delivery.planfile import read_plan
from segue.delivery.rehearsal import Rehearsal, repeat
from segue.delivery.rehearsal import rehearse as rehearsed
from segue.delivery.replay import Export, read_export, replay
from segue.delivery.rollout import Decision, Kind
from segue.delivery.status import DECISION
from segue.delivery.telling import span
from segue.errors import InvalidRequest
from segue.records import TurnRecord, record_from_dict

STYLES = {
    Kind.PROMOTED: "bold green",
    Kind.ADVANCED: "green",
    Kind.ROLLED_BACK: "bold red",
    Kind.STEPPED_BACK: "red",
    Kind.DROPPED: "red",
    Kind.HELD: "yellow",
    Kind.WAITED: "dim",
}


def rehearse(
    file: Path | None = None,
    /,
    *,
    records: Path | None = None,
    compare: Path | None = None,
    export: Path | None = None,
    json_: bool = False,
) -> int:
    """Say what a plan would have decided about recorded turns, and when.

    It repeats decisions, not listeners: what they would have done under another share is in no record.

    Parameters
    ----------
    file
        The plan.
    records
        What `segue turns export` wrote.
    compare
        A second plan, to be shown beside the first.
    export
        Instead of a plan: what `segue rollout export` wrote. The rollout is decided again from its evidence or, with
        --records, from the records of its turns. Exit code 0 if the decisions are the same to the byte, 1 otherwise.
    json_
        One JSON object a decision.
    """
    if export is not None and file is None and compare is None:
        return _again(read_export(_lines(export)), records, json_)
    if file is None or records is None or export is not None:
        raise InvalidRequest("Name a plan and --records (of `segue turns export`), or --export (of a rollout) alone.")
    turns = list(_records(records))
    plans = [read_plan(text(each), str(each)) for each in (file, compare) if each is not None]
    console = Console(stderr=json_)
    with console.status(f"{len(turns):,} turns …"):
        found = [rehearsed(plan, turns) for plan in plans]
    if json_:
        for each in found:
            for decision in each.decisions:
                print(json.dumps({"plan": each.plan.name, **_plain(decision)}, ensure_ascii=False))
        return 0
    _tell(console, found)
    return 0


def _again(export: Export, records: Path | None, json_: bool) -> int:
    """Decide a rollout again, and compare to the byte."""
    decisions = replay(export).decisions if records is None else list(repeat(export, _records(records)).decisions)
    made, again = ([DECISION.dump_json(each) for each in those] for those in (export.decisions, decisions))
    if json_:
        for decision in decisions:
            print(json.dumps(_plain(decision), ensure_ascii=False))
    else:
        console = Console()
        since = export.decisions[0].at
        for decision in decisions:
            console.print(_line(decision, since))
        _compare(console, made, again)
    return 0 if made == again else 1


def _compare(console: Console, made: list[bytes], again: list[bytes]) -> None:
    if made == again:
        console.print(f"\n[green]The same {len(made)} decisions, to the byte.[/green]")
        return
    same = next((number for number, (a, b) in enumerate(zip(made, again, strict=False)) if a != b), None)
    number = (min(len(made), len(again)) if same is None else same) + 1
    console.print(
        f"\n[red]Not the same: they differ from decision {number} on ({len(made)} made, {len(again)} now).[/red]"
    )


def _tell(console: Console, found: list[Rehearsal]) -> None:
    """The decisions as a timeline, two plans side by side."""
    table = Table("when", *(each.plan.name for each in found), box=None, padding=(0, 2), pad_edge=False)
    moments = sorted({decision.at for each in found for decision in each.decisions})
    since = min(each.since for each in found)
    for moment in moments:
        cells = [_cell([decision for decision in each.decisions if decision.at == moment]) for each in found]
        table.add_row(_moment(moment, since), *cells)
    console.print(table)
    for each in found:
        counted = f"{each.candidate:,} turns of the candidate and {each.baseline:,} of the baseline"
        console.print(
            f"\n[bold]{each.plan.name}[/bold]: {counted} in {span(each.until - each.since)},"
            f" {each.left_out:,} left out; in the end {each.rollout.phase.replace('_', ' ')}"
            f" ({each.rollout.stage_name}).\n[dim]{each.drawn}[/dim]",
            highlight=False,
        )


def _cell(decisions: list[Decision]) -> Text:
    told = Text()
    for number, decision in enumerate(decisions):
        told.append("\n" if number else "")
        told.append(decision.reason, STYLES.get(decision.kind, ""))
    return told


def _line(decision: Decision, since: float) -> Text:
    return Text.assemble((_moment(decision.at, since), "dim"), "  ", (decision.reason, STYLES.get(decision.kind, "")))


def _moment(at: float, since: float) -> str:
    """The time of the day, and the day where it is another than the first."""
    moment, first = (datetime.fromtimestamp(each).astimezone() for each in (at, since))
    return moment.strftime("%H:%M:%S" if moment.date() == first.date() else "%d %b %H:%M:%S")


def _plain(decision: Decision) -> dict[str, Any]:
    plain: dict[str, Any] = DECISION.dump_python(decision, mode="json")
    return plain


def _records(file: Path) -> Iterator[TurnRecord]:
    for number, line in enumerate(_lines(file), start=1):
        try:
            yield record_from_dict(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(f"{file}, line {number} is no record of a turn ({error}).") from error


def _lines(file: Path) -> Iterable[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.") from error
