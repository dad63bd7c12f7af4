"""Prints the page of how often gates are wrong, and how soon they are right, from the kept results of the benchmark."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gates.showing import OTHERS, figure, limit
from docs.printers.markdown import NONE, page, table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "gates.json"

_OPENING = """
A gate can be wrong in two ways: it rolls back a candidate that is fine, or it lets listeners suffer from one that is
not. How often and for how long cannot be seen on real traffic, because nobody knows the truth there. So rollouts are
drawn in worlds whose truth is known, and every rule is shown the same draws.

    python -m benchmarks.gates               everything; keeps its figures in benchmarks/results/gates.json
    python -m benchmarks.gates --only G4     one goal
    python -m benchmarks.gates --small       less than a minute, for a first look

Segue's verdicts come from the very functions that a server calls; [what a gate claims](gates.md) says what they mean.
The rules of others are written from their documentation, with the settings it proposes.
"""
_RULES = """
- **naive**: the p95 of the latest five minutes is looked at every minute; over the limit, it rolls back.
- **flagger**: a check every minute over that minute; a missing value is a failed check; rolled back one minute after
  the fifth failed check, however far they lie apart.
- **argo**: a measurement every five minutes over those minutes; the fourth failed one aborts; no data is a failed one.
- **guarded** variants look at five minutes, and let a window with fewer than 20 turns pass: what careful users do.
- **kayenta**: every hour a location shift (Mann and Whitney) of each minute's p95 against the baseline's, tolerance
  25 %; **1.2** asks for a mean that is 20 % higher as well.

All of them read a p95 from exact counts at the limit, which is kinder to them than a histogram's edges would be.
"""
_WORLDS = """
Listeners wait 2.6 s at the median for the first sound where 5 % wait longer than the limit T of 6 s. `iid` has no
weather. In `slow1` each minute is 2.5 times slower with a chance of 5 %; in `slow5` as many minutes are, but in bursts
of five; in `ar` the speed wanders for tens of minutes. `2.5/s` are 2.5 turns a second **of the candidate**. A p95 of
0.95T means that 4.2 % of turns are slow, which is allowed; 1.3T are 12 %, 2T are 39 %.
"""
_READING = """
**Segue** is what Segue did, beside the goal and whether it is met; other columns are the other rules in the same runs.
Figures of minutes and of turns heard count only runs in which nothing was rolled back before anything was wrong;
`never` means that too many runs were not rolled back at all. A share near 1 % of {runs:,} runs is exact to about 0.3
points. Blocks last a minute unless a line says otherwise; the error budget (alpha) of the gate that is tried is 1 %.
"""
_WHY = {
    "G1": "The budget is the chance of being wrong in a whole rollout, however often anyone looks.",
    "G2": "Slowness that outlasts a block looks like a slow candidate. Blocks that are as long as a replay of the "
    "baseline's own history asks for cost time, and keep the promise; a baseline beside the candidate keeps it with "
    "short blocks as well, because weather strikes both. The last lines show what happens without either. The replays "
    "saw as many turns a minute as the candidate has; on thinner histories, the same weather looks calmer than it is.",
    "G3": "Four gates; 5, 50 and 100 % of listeners for 30, 120 and 120 minutes; no baseline; an error budget of 2 % "
    "for all gates, stages and looks together. Where blocks are five or ten minutes long, stages end with a block.",
    "G4": "Polling rules are as quick with a candidate that is fine; see the plot.",
    "G5": "A small overshoot needs many turns: that is information, and no rule has more of it.",
    "G6": "The baseline has 19 of 20 turns, and a p95 of 0.8T; the candidate is slower by this factor.",
    "G7": "20 % slower than a baseline at 0.8T still meets the limit, and the plan says that so much is permitted.",
    "G8": "From minute 60 on, 30 % (or all) of the candidate's turns fail; before, and in the baseline, 1 % do. In "
    "`bursts` 15 % of both arms' turns fail in 3 % of the minutes. The fast tier is looked at after every failure; a "
    "server looks once a second.",
    "G9": "From minute 60 on both arms are twice as slow. A rollback would not help anybody.",
    "G10": "One turn in a hundred seconds: 72 trials in two hours.",
    "G11": "A stage passes when it is proved that fewer than 10 % are slow; here exactly 10 %, or 12 %, are.",
    "G12": "On the machine below, in CPython.",
    "G13": "Exactly 5 % are slow, which is the worst that is allowed: here a guarantee has nothing to spare.",
}
_MISSED = {
    "G3": "**Missed** where slowness comes in bursts and only one turn a second is asked for: with blocks of ten "
    "minutes a stage can only end every ten minutes, and 5 % of one turn a second are 90 turns in half an hour.",
    "G5": "**Missed** at 15 turns a minute: of the stake that may be bet, every stage has a quarter. A plan of a "
    "single stage, as here, leaves half of it unused; with three quarters at its start, the p90 would be 25 minutes.",
    "G6": "**Missed** for the same reason as in G5: with three quarters of the stake at the start of the only stage it "
    "would be 40 requests for twice as slow at 15 turns a minute, and 318 for 1.5 times at 150.",
    "G9": "**Missed** by a minute where turns are few and quiet minutes are the fastest: so late in a stage, only the "
    "quarter of the stake that is spread over all blocks is left to bet.",
}
"""Why a goal is missed, where it is."""
_LIMITS = """
Real traffic. Listeners come independently of each other, slow minutes are one factor for all turns, sessions lie inside
a minute, nobody hangs up, and the mix of replies does not change over the day. The answer to a turn is known at the end
of its minute; a server closes a block some seconds later, when the last turn of it is known. Settings of other tools
can be changed, and with a guard they are calmer where there is slack; then they need half an hour to see harm.
"""


def gates_page(note: str) -> str:
    """The page: what was tried, a table for each goal, and the machine.

    Raises:
        LookupError: there are results of a goal that this page has no words for.
    """
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    goals: Sequence[Mapping[str, Any]] = kept["goals"]
    unknown = {goal["id"] for goal in goals} - set(_WHY)
    if unknown:
        raise LookupError(f"no words for {', '.join(sorted(unknown))}")
    claims = [claim for goal in goals for claim in goal["claims"] if claim["limit"] is not None]
    met = sum(claim["met"] for claim in claims)
    return page(
        "# Gates, measured: how often they are wrong, and how soon they are right",
        note,
        _OPENING,
        f"**{met} of {len(claims)} goals are met**, in {kept['runs']:,} rollouts a line unless it says otherwise.",
        "![How often each rule rolls back a healthy candidate](../benchmarks/gates-false.svg)",
        "![When each rule rolls back a healthy and a slow candidate](../benchmarks/gates-soon.svg)",
        "![The evidence against candidates over time](../benchmarks/gates-evidence.svg)",
        "## The worlds",
        _WORLDS,
        "## The rules",
        _RULES,
        "## How to read the tables",
        _READING.format(runs=kept["runs"]),
        *map(_goal, goals),
        "## What is not simulated",
        _LIMITS,
        "## The machine",
        _machine(kept),
    )


def _goal(goal: Mapping[str, Any]) -> str:
    missed = any(claim["met"] is False for claim in goal["claims"])
    why = _MISSED.get(goal["id"], "") if missed else ""
    return page(f"## {goal['id']}: {goal['title']}", _WHY[goal["id"]], _table(goal["claims"]), why)


def _table(claims: Sequence[Mapping[str, Any]]) -> str:
    rules = [rule for rule in OTHERS if any(rule in claim["others"] for claim in claims)]
    return table(["", "Segue", "goal", "met", *rules, "runs"], [_row(claim, rules) for claim in claims])


def _row(claim: Mapping[str, Any], rules: Sequence[str]) -> Sequence[str]:
    met = {True: "yes", False: "**no**", None: ""}
    return (
        claim["what"] + (f" ({claim['note']})" if claim["note"] else ""),
        f"**{figure(claim['value'])}**",
        limit(claim),
        met[claim["met"]],
        *(figure(claim["others"][rule]) if rule in claim["others"] else NONE for rule in rules),
        f"{claim['runs']:,}",
    )


def _machine(kept: Mapping[str, Any]) -> str:
    machine = kept["machine"]
    return (
        f"{machine['cores']} cores ({machine['cpu']}), Python {machine['python']}. Commit "
        f"{kept['versions']['commit']}, seed {kept['seed']}. A full run takes some ten minutes of both."
    )
