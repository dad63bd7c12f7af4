"""The goals for a candidate beside its baseline: regressions, permitted slowness, outages of both, and failures."""

from typing import Any

from benchmarks.gates.drawn import Truth
from benchmarks.gates.failures import failing
from benchmarks.gates.goals import Goal, Results, cell, falsely
from benchmarks.gates.running import Cell
from benchmarks.gates.summary import Claim, Result, by_rule, percent, quantile
from benchmarks.gates.worlds import WORLDS

REGRESSION_ALPHA = 0.04
"""A regression gate has a quarter of a plan's budget: with this it is judged at 1 %."""
BASELINE = 0.8
"""The baseline's p95 over the limit: with it a candidate that is 20 % slower still meets the limit."""


def _slower(times: float, rate: float, world: str = "iid", **more: Any) -> Truth:
    return Truth(world, rate, BASELINE, baseline_per_s=19.0 * rate, times=times, **more)


_REGRESSED = {
    (times, rate): cell("G6", f"x{times:g} {rate:g}/s", _slower(times, rate), compared=True, alpha=REGRESSION_ALPHA)
    for times, rate in ((2.0, 0.25), (2.0, 2.5), (1.5, 2.5), (1.5, 0.25))
}
_SHIPPED = cell("G6", "x2 0.25/s, alpha as shipped", _slower(2.0, 0.25), compared=True)
_PERMITTED = tuple(
    cell("G7", f"{world} {rate:g}/s", _slower(1.2, rate, world), compared=True, alpha=REGRESSION_ALPHA)
    for world in WORLDS
    for rate in (0.25, 2.5)
)
_OUTAGES = tuple(
    cell("G9", f"{world} {rate:g}/s", _slower(1.0, rate, world, since=60, outage=2.0))
    for world in WORLDS
    for rate in (0.25, 2.5)
)
_BASELINES = {0.25: 4.75, 2.5: 47.5, 25.0: 25.0}
"""Rates of the baseline beside 5 % and 50 %."""


def _failing(name: str, rate: float, share: float, part: float, **more: Any) -> Cell:
    given = {"candidate_per_s": rate, "baseline_per_s": _BASELINES[rate], "share": share, **more}
    return Cell(f"G8/{name} {rate:g}/s", failing, given, part)


_FAILING = {
    (share, rate): _failing(f"{share:.0%} fail", rate, share, 0.2 if rate > 20.0 else 1.0)
    for share, rate in ((0.3, 0.25), (0.3, 2.5), (0.3, 25.0), (1.0, 2.5))
}
_FINE = {rate: _failing("1 % fail", rate, 0.0, 0.1 if rate > 20.0 else 0.5) for rate in _BASELINES}
_BURSTS = {
    rate: _failing("bursts for both", rate, 0.0, 0.1 if rate > 20.0 else 0.5, bursts=True) for rate in _BASELINES
}


def _figure(of: Result, name: str, share: float) -> float:
    """A quantile of the runs that were not rolled back before anything was wrong."""
    late = [value for value, at in zip(of[name], of["seconds"], strict=True) if at is None or at > 0.0]
    return quantile(late, share) if late else float("nan")


def _limited(name: str, result: Result, figure: str, share: float, limit: float) -> Claim:
    def found(of: Result) -> float:
        return _figure(of, figure, share)

    what = f"{'median' if share == 0.5 else f'p{share * 100:.0f}'} {figure}: {name.partition('/')[2]}"
    return Claim(
        "G8",
        what,
        found(result["ours"]),
        limit,
        figure,
        others=by_rule(result, found),
        runs=len(result["ours"]["seconds"]),
    )


def _g6(results: Results) -> list[Claim]:
    wanted: dict[tuple[float, float], dict[str, float | None]] = {
        (2.0, 0.25): {"requests": 45.0, "slow": 10.0},
        (2.0, 2.5): {"minutes": 1.0, "requests": 150.0, "slow": 35.0},
        (1.5, 2.5): {"requests": 330.0, "slow": 34.0},
        (1.5, 0.25): {"requests": None, "slow": None},
    }
    named = {_REGRESSED[key].name: limits for key, limits in wanted.items()}
    named[_SHIPPED.name] = {"requests": None, "slow": None}
    claims = []
    for name, limits in named.items():
        result = results[name]
        for figure, limit in limits.items():

            def found(of: Result, figure: str = figure) -> float:
                stopped = [value for value, at in zip(of[figure], of["minutes"], strict=True) if at is not None]
                return quantile([*stopped, *[None] * (len(of["minutes"]) - len(stopped))], 0.5)

            what = f"median {figure}: {name.partition('/')[2]}"
            claims.append(
                Claim(
                    "G6",
                    what,
                    found(result["ours"]),
                    limit,
                    figure,
                    others=by_rule(result, found),
                    runs=len(result["ours"]["minutes"]),
                )
            )
    return claims


def _g8(results: Results) -> list[Claim]:
    claims = []
    wanted = {
        (0.3, 0.25): (("requests", 0.5, 80), ("failed", 0.5, 26), ("requests", 0.9, 130), ("failed", 0.9, 33)),
        (0.3, 2.5): (("requests", 0.5, 80), ("failed", 0.5, 26), ("requests", 0.9, 130), ("failed", 0.9, 33)),
        (0.3, 25.0): (),
        (1.0, 2.5): (("requests", 0.5, 8),),
    }
    for key, limits in wanted.items():
        one = _FAILING[key]
        claims += [
            _limited(one.name, results[one.name], figure, share, float(limit)) for figure, share, limit in limits
        ]
    for rate, least in ((2.5, 10.0), (25.0, 100.0)):
        result = results[_FAILING[0.3, rate].name]
        fewer = _figure(result["flagger"], "failed", 0.5) / _figure(result["ours"], "failed", 0.5)
        what = f"times fewer failed than by Flagger: 30% fail {rate:g}/s"
        claims.append(Claim("G8", what, fewer, least, "x", True, runs=len(result["ours"]["seconds"])))
    return claims + falsely("G8", 1.0, [*_FINE.values(), *_BURSTS.values()], results)


def _g9(results: Results) -> list[Claim]:
    claims = falsely("G9", 1.0, _OUTAGES, results)
    for one in _OUTAGES:
        holds = [None if at is None else at - 60 for at in results[one.name]["ours"]["hold"]]
        what, runs = one.name.partition("/")[2], len(holds)
        claims += [
            Claim(
                "G9",
                f"held within the hour: {what}",
                percent([at is not None for at in holds]),
                99.0,
                "%",
                True,
                runs=runs,
            ),
            Claim("G9", f"median min until held: {what}", quantile(holds, 0.5), 15.0, "min", runs=runs),
        ]
    return claims


GOALS: tuple[Goal, ...] = (
    Goal("G6", "Slower than its baseline", (*_REGRESSED.values(), _SHIPPED), _g6),
    Goal("G7", "Slower by what is permitted", _PERMITTED, lambda results: falsely("G7", 1.0, _PERMITTED, results)),
    Goal(
        "G8", "Failures, and nothing but the usual ones", (*_FAILING.values(), *_FINE.values(), *_BURSTS.values()), _g8
    ),
    Goal("G9", "An outage that strikes both arms", _OUTAGES, _g9),
)
