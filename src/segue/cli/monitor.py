"""`segue monitor`: watch a running server by its metrics, window by window."""

import json
import signal
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live

from segue.cli.asking import HERE, Server, Where
from segue.cli.gauges import PAST, WIDE, block
from segue.cli.recording import recorded
from segue.cli.reporting import END, Ending, finish
from segue.clock import SystemClock
from segue.errors import InvalidRequest
from segue.operations.report import Check, Level, Report
from segue.operations.watching.gathering import Gathering, windows
from segue.operations.watching.scrape import Scrape, parsed

LEAST_S = 0.1


def monitor(
    *,
    watch: bool = False,
    interval: float = 60.0,
    window: float | None = None,
    against: Path | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Judge what a server did within a window: success, fallbacks, latencies, for each variant.

    Exit code 0: no alarm. 1: P0, go back at once. 2: P1, step back or look. 3: not enough was counted to say. With
    --watch it is that of the last window.

    Parameters
    ----------
    watch
        Go on until Ctrl-C, with a table that follows, or one JSON object a window.
    interval
        Seconds between two readings of the metrics.
    window
        Seconds that are judged together while watching; the interval when absent.
    against
        A file with what /metrics answered earlier: judge what happened since then, at once.
    """
    window_s = interval if window is None else window
    if not interval >= LEAST_S or not window_s >= interval:
        raise InvalidRequest(f"--interval must be at least {LEAST_S} s, and --window no less than the interval.")
    server, clock = Server(where), SystemClock()
    began_us = round(clock.wall() * 1e6)
    before = None if against is None else _saved(against)
    shown = windows(Gathering(server, clock), _wait, interval, window_s, before)
    if watch:
        with _interruptible() as enough:
            last = _watched(shown, enough, server.place, ending)
    else:
        last = next(shown)
    if last is None:
        sys.exit(130)
    report = Report("monitor", server.place, began_us, round(clock.wall() * 1e6), _checks(last), {"window": last})
    if not ending.json_:
        if not watch:
            console = Console(highlight=False)
            console.print(block(last, (), server.place, wide=console.width >= WIDE, judged=False))
        finish(report, where, ending)
    _end(report, where, ending, last, told=watch)


def _wait(seconds: float) -> None:
    Event().wait(seconds)


@contextmanager
def _interruptible() -> Iterator[Event]:
    """Ctrl-C interrupts, and is remembered too: an interrupt that strikes within a library's callback is lost there."""
    enough = Event()

    def heed(number: int, frame: object) -> None:
        del number, frame
        enough.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, heed)
    try:
        yield enough
    finally:
        signal.signal(signal.SIGINT, before)


def _watched(shown: Iterator[dict[str, Any]], enough: Event, place: str, ending: Ending) -> dict[str, Any] | None:
    """Show each window until somebody has `enough`; the last one, None where there was none."""
    past: deque[dict[str, Any]] = deque(maxlen=PAST)
    console = Console(highlight=False)
    live = Live(console=console, auto_refresh=False, screen=False) if console.is_terminal and not ending.json_ else None
    try:
        if live is not None:
            live.start()
            live.update(f"The first window of {place} is being gathered …", refresh=True)
        for told in takewhile(lambda _: not enough.is_set(), shown):
            past.append(told)
            if ending.json_:
                print(json.dumps(told, ensure_ascii=False), flush=True)
            elif live is not None:
                live.update(block(told, tuple(past), place, wide=console.width >= WIDE), refresh=True)
            else:
                console.print(block(told, tuple(past), place, wide=console.width >= WIDE))
    except KeyboardInterrupt:
        pass  # whoever watches has seen enough
    finally:
        if live is not None:
            live.stop()
    return past[-1] if past else None


def _end(report: Report, where: Where, ending: Ending, last: Mapping[str, Any], *, told: bool) -> NoReturn:
    """End a run whose windows are told as JSON, one a line: the evidence is named on standard error."""
    if not told:
        print(json.dumps(last, ensure_ascii=False))
    if ending.record:
        print(f"Evidence: {recorded(report, where, ending.evidence)}", file=sys.stderr)
    sys.exit(report.exit_code)


def _checks(last: Mapping[str, Any]) -> tuple[Check, ...]:
    return tuple(
        Check(each["name"], Level(each["level"]), each["reason"], each.get("figures", {}), each.get("hint", ""))
        for each in last["checks"]
    )


def _saved(file: Path) -> Scrape:
    try:
        return parsed(file.read_text(encoding="utf-8"), file.stat().st_mtime)
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidRequest(f"{file} is no text.") from error
