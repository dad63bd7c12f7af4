"""`segue gate plan`: what a limit takes to prove or to break, before it is written into a plan."""

import json
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.table import Table

from segue.delivery.power import blocks_to_fail, trials_to_pass
from segue.delivery.quantity import duration_s, share, told_share
from segue.delivery.telling import span
from segue.errors import InvalidRequest

app = App(name="gate", help="Gates, before they are written into a plan.")
WORSE = (1.4, 2.0, 2.4, 4.0, 8.0, 20.0)
"""How many times as many bad turns as the limit allows are shown, where none are asked for."""
BAD_TURNS = (0, 1, 2, 3, 5, 8)
"""For how many bad turns it is shown how many turns pass."""


@app.command
def plan(
    *,
    at_most: str,
    bad: str | None = None,
    turns_per_s: float | None = None,
    share_: str = "100%",
    alpha: str = "1%",
    beta: str = "5%",
    tolerance: float = 2.0,
    block: str = "1m",
    json_: bool = False,
) -> None:
    """Say how many blocks of time it takes to break a gate, and how many turns to pass it.

    Parameters
    ----------
    at_most
        The limit: the share of bad turns that is allowed, such as 5%.
    bad
        The share of bad turns that the candidate might really have; several are shown when absent.
    turns_per_s
        Turns per second that all listeners together begin; with it, times and listeners are told as well.
    share_
        How much of them hears the candidate.
    alpha
        The error budget of this gate: the chance that it breaks although its limit is met.
    beta
        The chance that it passes although the bad share is `tolerance` times the limit.
    tolerance
        How many times the limit must be refuted to pass.
    block
        The length of time after which a bet is settled.
    json_
        Print it as JSON.
    """
    p0, part = _share("--at-most", at_most), _share("--share", share_)
    error, wrong = _share("--alpha", alpha), _share("--beta", beta)
    block_s = _seconds("--block", block)
    if turns_per_s is not None and not 0 < turns_per_s < float("inf"):
        raise InvalidRequest(f"--turns-per-s {turns_per_s:g}: write how many turns begin in a second, such as 0.25.")
    if not 1 < tolerance <= 10:
        raise InvalidRequest(f"--tolerance {tolerance:g}: write a number over 1, at most 10.")
    rate = None if turns_per_s is None else turns_per_s * part
    shares = [_share("--bad", bad)] if bad is not None else [min(1.0, factor * p0) for factor in WORSE]
    tolerated = min(tolerance * p0, (1.0 + p0) / 2.0)
    found = {
        "at_most": p0,
        "tolerated": tolerated,
        "block_s": block_s,
        "candidate_turns_per_s": rate,
        "breach": [_breach(each, p0, error, block_s, rate) for each in dict.fromkeys(shares)],
        "pass": [_pass(each, tolerated, wrong, rate) for each in BAD_TURNS],
    }
    if json_:
        print(json.dumps(found, indent=2))
    else:
        _tell(found, error, wrong)


def _breach(p: float, p0: float, alpha: float, block_s: float, rate: float | None) -> dict[str, Any]:
    """How long it takes to break the gate, at the beginning of a rollout and late in it."""
    early, late = (blocks_to_fail(p, p0, alpha, stage) for stage in (0, 3))
    # A block without a turn settles no bet, so there cannot be more blocks than turns.
    every_s = block_s if rate is None else max(block_s, 1.0 / rate)
    fail_s = None if early is None else early * every_s
    return {
        "bad": p,
        "blocks": early,
        "late_blocks": late,
        "after_s": fail_s,
        "turns": None if rate is None or fail_s is None else round(rate * fail_s),
        "bad_turns": None if rate is None or fail_s is None else round(rate * fail_s * p),
    }


def _pass(bad: int, tolerated: float, beta: float, rate: float | None) -> dict[str, Any]:
    turns = trials_to_pass(bad, tolerated, beta)
    return {"bad_turns": bad, "turns": turns, "after_s": None if rate is None or turns is None else turns / rate}


def _tell(found: dict[str, Any], alpha: float, beta: float) -> None:
    console, timed = Console(highlight=False), found["candidate_turns_per_s"] is not None
    console.print(
        f"At most {told_share(found['at_most'])} bad turns; a breach is wrong with a chance of at most "
        f"{told_share(alpha)}, a pass at {told_share(found['tolerated'])} bad turns with one of {told_share(beta)}.\n"
    )
    table = _table("REALLY BAD", "BREACH AFTER", "LATE IN A ROLLOUT", *(("TURNS", "BAD TURNS HEARD") if timed else ()))
    for each in found["breach"]:
        after = "never" if each["blocks"] is None else f"{_blocks(each['blocks'])}, {span(each['after_s'])}"
        late = "never" if each["late_blocks"] is None else _blocks(each["late_blocks"])
        counts = (_count(each["turns"]), _count(each["bad_turns"])) if timed else ()
        table.add_row(told_share(each["bad"]), after, late, *counts)
    console.print(table)
    console.print()
    table = _table("BAD TURNS SO FAR", "PASS AFTER", *(("WHICH TAKES",) if timed else ()))
    for each in found["pass"]:
        turns = "never" if each["turns"] is None else f"{each['turns']:,} turns"
        table.add_row(str(each["bad_turns"]), turns, *((span(each["after_s"] or 0),) if timed else ()))
    console.print(table)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head)
    return table


def _blocks(count: int) -> str:
    return f"{count} block{'' if count == 1 else 's'}"


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _share(option: str, text: str) -> float:
    try:
        part = float(share(text))
    except ValueError as error:
        raise InvalidRequest(f"{option}: {error}.") from None
    if not 0 < part <= 1:
        raise InvalidRequest(f"{option}: {text} must lie above 0 % and at most at 100 %.")
    return part


def _seconds(option: str, text: str) -> float:
    try:
        seconds = float(duration_s(text))
    except ValueError as error:
        raise InvalidRequest(f"{option}: {error}.") from None
    if seconds <= 0:
        raise InvalidRequest(f"{option}: {text} is no length of time.")
    return seconds
