"""The goals: which cells each needs, and what it claims of them. One candidate alone; see `compared` for two arms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.gates.boundary import at_the_limit, passed_wrongly
from benchmarks.gates.drawn import Truth
from benchmarks.gates.running import Cell
from benchmarks.gates.summary import Claim, Result, after, by_rule, percent, quantile, rolled_back
from benchmarks.gates.waiting import waiting
from benchmarks.gates.whole import whole
from benchmarks.gates.worlds import slow_share

Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, the cells it needs, and what it says of their results."""

    id: str
    title: str
    cells: tuple[Cell, ...]
    claims: Callable[[Results], list[Claim]]


def cell(goal: str, name: str, truth: Truth, *, part: float = 1.0, **given: Any) -> Cell:
    """A cell in which listeners wait."""
    return Cell(f"{goal}/{name}", waiting, {"truth": truth, **given}, part)


def falsely(goal: str, limit: float | None, cells: Sequence[Cell], results: Results) -> list[Claim]:
    """In each cell the share of runs that are rolled back may not exceed the limit, where there is one."""
    return [
        Claim(
            goal,
            f"rolled back: {one.name.partition('/')[2]}",
            rolled_back(results[one.name]["ours"]),
            limit,
            others=by_rule(results[one.name], rolled_back),
            runs=len(results[one.name]["ours"]["minutes"]),
        )
        for one in cells
    ]


def within(
    goal: str,
    name: str,
    results: Results,
    *,
    since: int = 0,
    minutes: Mapping[float, float],
    slow: Mapping[float, float],
) -> list[Claim]:
    """Limits of quantiles (by share) of the minutes until the rollback, and of the slow turns heard by then."""
    result = results[name]
    claims = []
    for figure, unit, limits in (("minutes", "min", minutes), ("slow", "slow heard", slow)):
        for share, limit in limits.items():
            found = partial(_quantile, since=since, figure=figure, share=share)
            what = f"{'median' if share == 0.5 else f'p{share * 100:.0f}'} {unit}: {name.partition('/')[2]}"
            runs = len(after(result["ours"], since))
            claims.append(
                Claim(goal, what, found(result["ours"]), limit, unit, others=by_rule(result, found), runs=runs)
            )
    return claims


def _quantile(of: Result, since: int, figure: str, share: float) -> float:
    return quantile(after(of, since, figure), share)


def _told(world: str, rate: float) -> str:
    return f"{world} {rate:g}/s"


_CALM = tuple(
    cell("G1", f"{_told(world, rate)}", Truth(world, rate, 0.95))
    for world in ("iid", "slow1")
    for rate in (0.01, 0.25, 2.5, 25.0)
)
_WEATHER = tuple(
    cell("G2", f"{_told(world, rate)}, block from a replay", Truth(world, rate, 0.95), block_s=0.0)
    for world in ("slow5", "ar")
    for rate in (0.25, 2.5)
)
_BESIDE = tuple(
    cell("G2", f"{_told(world, rate)}, equal baseline", Truth(world, rate, 0.95, baseline_per_s=19.0 * rate))
    for world in ("iid", "slow1", "slow5", "ar")
    for rate in (0.25, 2.5)
)
_FORCED = tuple(
    cell("G2", f"{_told(world, 2.5)}, blocks of {minutes} min", Truth(world, 2.5, 0.95), block_s=60.0 * minutes)
    for world in ("slow5", "ar")
    for minutes in (1, 5)
)
BLOCKS_S = {"iid": 60.0, "slow1": 60.0, "ar": 300.0, "slow5": 600.0}
"""Blocks of whole rollouts: what a replay chooses most often in each world."""
_HEALTHY = tuple(
    Cell(f"G3/{_told(world, rate)}", whole, {"world": world, "per_s": rate, "block_s": block_s}, 0.5)
    for world, block_s in BLOCKS_S.items()
    for rate in (1.0, 5.0, 50.0)
)
_POOR = tuple(
    Cell(
        f"G3/{_told(world, rate)}, 2T", whole, {"world": world, "per_s": rate, "block_s": block_s, "multiple": 2.0}, 0.5
    )
    for world, block_s in BLOCKS_S.items()
    for rate in (1.0, 5.0, 50.0)
)
_TWICE = {rate: cell("G4", f"2T {rate:g}/s", Truth("iid", rate, 2.0)) for rate in (0.05, 0.25, 2.5)}
_THIRD = {
    (rate, since): cell(
        "G5",
        f"1.3T {rate:g}/s{f' from minute {since}' if since else ''}",
        Truth("iid", rate, 0.7 if since else 1.3, times=1.3 / 0.7 if since else 1.0, since=since, minutes=120),
    )
    for rate, since in ((0.25, 0), (2.5, 0), (2.5, 60))
}
_SILENT = cell("G10", "iid 0.01/s", Truth("iid", 0.01, 0.95))
_RATES = (0.01, 0.05, 0.25, 2.5)
_TENTH = tuple(Cell(f"G11/10 % bad {rate:g}/s", passed_wrongly, {"per_s": rate, "share": 0.10}) for rate in _RATES)
_OVER = tuple(
    Cell(f"G11/1.3T {rate:g}/s", passed_wrongly, {"per_s": rate, "share": slow_share("iid", 1.3)}) for rate in _RATES
)
_LIMITS = tuple(
    Cell(f"G13/{name}", at_the_limit, {"per_minute": per_minute, "session": session, "alike": alike}, 20.0, 1000)
    for name, per_minute, session, alike in (
        ("turns alone, 15 a minute", 15, 1, 0.0),
        ("turns alone, 150 a minute", 150, 1, 0.0),
        ("sessions of 4 (ICC 0.17), 60 a minute", 60, 4, 0.17),
        ("sessions of 4 (ICC 0.5), 60 a minute", 60, 4, 0.5),
    )
)


def _g2(results: Results) -> list[Claim]:
    return [
        *falsely("G2", 1.5, _WEATHER, results),
        *falsely("G2", 1.0, _BESIDE, results),
        *falsely("G2", None, _FORCED, results),
    ]


def _promoted(of: Result) -> float:
    return percent([minute is not None for minute in of["promoted"]])


def _g3(results: Results) -> list[Claim]:
    claims = []
    for one in _HEALTHY:
        result, what = results[one.name], one.name.partition("/")[2]
        runs = len(result["ours"]["minutes"])
        claims += [
            Claim(
                "G3", f"promoted: {what}", _promoted(result["ours"]), 99.0, "%", True, by_rule(result, _promoted), runs
            ),
            Claim("G3", f"median min: {what}", quantile(result["ours"]["promoted"], 0.5), 290.0, "min", runs=runs),
        ]
    for one in _POOR:
        result, what = results[one.name], one.name.partition("/")[2]
        runs = len(result["ours"]["minutes"])
        claims.append(
            Claim(
                "G3", f"promoted: {what}", _promoted(result["ours"]), 0.0, "%", False, by_rule(result, _promoted), runs
            )
        )
    return claims


def _g10(results: Results) -> list[Claim]:
    of = results[_SILENT.name]["ours"]
    ends = list(zip(of["minutes"], of["certified"], of["missing"], strict=True))
    waited = [missing for minute, certified, missing in ends if minute is None and certified is None]
    return [
        *falsely("G10", 1.0, (_SILENT,), results),
        Claim(
            "G10",
            "passed within two hours",
            percent([one is not None for one in of["certified"]]),
            None,
            runs=len(ends),
        ),
        Claim(
            "G10",
            "of those that wait, say how many more listeners it takes",
            percent(waited),
            None,
            runs=len(waited),
            note="the others, that it cannot pass as things stand",
        ),
    ]


def _g11(results: Results) -> list[Claim]:
    return [
        Claim(
            "G11",
            f"passed: {one.name.partition('/')[2]}",
            percent(results[one.name]["ours"]["passed"]),
            limit,
            others={},
            runs=len(results[one.name]["ours"]["passed"]),
        )
        for cells, limit in ((_TENTH, 5.0), (_OVER, 1.5))
        for one in cells
    ]


def _g13(results: Results) -> list[Claim]:
    claims = []
    for one in _LIMITS:
        broken = results[one.name]["ours"]["broken"]
        limit = 100.0 * (0.01 + 3.0 * (0.01 * 0.99 / len(broken)) ** 0.5)
        claims.append(
            Claim("G13", f"rolled back at 5 %: {one.name.partition('/')[2]}", percent(broken), limit, runs=len(broken))
        )
    return claims


GOALS: tuple[Goal, ...] = (
    Goal(
        "G1",
        "A healthy candidate stays: p95 at 0.95 of the limit, two hours",
        _CALM,
        lambda results: falsely("G1", 1.0, _CALM, results),
    ),
    Goal("G2", "So it does in weather that lasts for minutes", _WEATHER + _BESIDE + _FORCED, _g2),
    Goal("G3", "Whole rollouts end as they should", _HEALTHY + _POOR, _g3),
    Goal(
        "G4",
        "Twice as slow as allowed, from the start",
        tuple(_TWICE.values()),
        lambda results: [
            *within("G4", _TWICE[0.05].name, results, minutes={}, slow={}),
            *within("G4", _TWICE[0.25].name, results, minutes={0.5: 4.0, 0.9: 5.0}, slow={0.5: 25.0}),
            *within("G4", _TWICE[2.5].name, results, minutes={0.5: 4.0, 0.9: 5.0}, slow={0.5: 240.0, 0.9: 260.0}),
        ],
    ),
    Goal(
        "G5",
        "A third slower than allowed, from the start and late",
        tuple(_THIRD.values()),
        lambda results: [
            *within("G5", _THIRD[0.25, 0].name, results, minutes={0.9: 26.0}, slow={}),
            *within("G5", _THIRD[2.5, 0].name, results, minutes={0.9: 10.0}, slow={}),
            *within("G5", _THIRD[2.5, 60].name, results, since=60, minutes={0.9: 15.0}, slow={}),
        ],
    ),
    Goal("G10", "With hardly any listener, nothing is decided", (_SILENT,), _g10),
    Goal("G11", "What is bad does not pass", _TENTH + _OVER, _g11),
    Goal("G13", "The guarantee holds at the limit itself", _LIMITS, _g13),
)
