"""What the gates of a plan come to when an attempt begins: limits, weights, error budgets, blocks and series.

They are settled once and hold until the attempt ends, so that the proof asked for cannot move while it is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from segue.delivery.backtest import History, Replayed, chosen, quantile_s, replayed
from segue.delivery.betting import LEAST, Schedule
from segue.delivery.evidence import LISTENERS, MINUTE_S, Series
from segue.delivery.plan import (
    LatencyGate,
    MeanGate,
    MemoryGate,
    OnBreach,
    Plan,
    QuietGate,
    RateGate,
    RegressionGate,
)

SLO_PART, REGRESSION_PART, FAST_PART = 0.5, 0.25, 0.25
"""How the plan's alpha is split: blocks against the limits, the candidate against the baseline, trial by trial."""
LEAST_STARTS = 3
"""The stake is laid out for at least so many stages that expose the candidate."""
MOST_CHARACTERS = 32
"""How many characters are judged alone where a plan does not name them."""
UNKNOWN_BLOCK_S = 300.0
"""The block where the baseline's history is not known."""
DOUBTED = 0.5
"""Without a baseline the fast limit is doubled, up to this."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one statistical gate comes to. Shares are parts of one."""

    gate: str
    limit: float
    """The bad share that is allowed; for a mean, its limit as a part of the cap. Above 0 and below 1."""
    tolerated: float
    """The bad share that must be refuted for the gate to pass."""
    weight: float
    """Its part among the gates it is judged with: those that bind, or those that only hold or warn."""
    line: float
    """The evidence at which it is a breach by itself."""
    binding: bool = True
    """Whether its breach rolls back, steps back or takes a character out."""
    regression: bool = False
    """Whether only the arms are compared."""
    cap_s: float | None = None
    """What a whole is, for a mean; None where shares are judged."""
    by_character: bool = False
    fast_limit: float = 0.0
    """The limit that is judged trial by trial; 0 for none."""
    doubled_limit: float = 0.0
    """The same without a baseline."""
    fast_weight: float = 0.0
    fast_line: float = 0.0
    compared_near_s: float | None = None
    """Where latencies of the baseline are compared."""
    compared_over_s: float | None = None
    """Where those of the candidate are: so much more as is tolerated."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gates of a plan were resolved to when an attempt began; they hold until its end."""

    block_s: float
    series: tuple[Series, ...]
    gates: Mapping[str, Term]
    """The statistical gates by name, in the plan's order."""
    blocks: Schedule
    """When the stake of a bet is spent, in blocks."""
    minutes: Schedule
    """The same in minutes, for what is judged trial by trial."""
    slo_alpha: float
    regression_alpha: float
    fast_alpha: float
    characters_alpha: float
    characters: int
    """How many characters share the budget of those judged alone."""
    memory_bytes: int = 0
    """Memory of the server when the attempt began."""
    replayed: tuple[Replayed, ...] = field(default=())
    """What the gates would have said of the baseline's own history, by length of block: why the block is so long."""


def settle(plan: Plan, history: History | None = None, *, memory_bytes: int = 0) -> Terms:
    """What the gates of a plan come to.

    Args:
        plan: the plan.
        history: what the baseline did before; it says how long a block must be, and where latencies are compared.
        memory_bytes: memory of the server now.
    """
    verdict = plan.verdict
    dropping = any(gate.on_breach is OnBreach.DROP_COHORT for gate in _judged_alone(plan).values())
    slo_alpha = verdict.alpha * SLO_PART * (0.5 if dropping else 1.0)
    table = () if history is None else replayed(_judged_alone(plan), history, verdict.alpha * SLO_PART)
    block_s = (chosen(table) or UNKNOWN_BLOCK_S) if verdict.block == "auto" else verdict.block
    exposed = [stage for stage in plan.stages if stage.share > 0]
    exposed_s = sum(stage.dwell for stage in exposed)
    starts = max(LEAST_STARTS, len(exposed))
    gates = _terms(plan, history, slo_alpha)
    return Terms(
        block_s=block_s,
        series=_series(plan, gates, block_s),
        gates=gates,
        blocks=Schedule(starts, max(1, ceil(exposed_s / block_s))),
        minutes=Schedule(starts, max(1, ceil(exposed_s / MINUTE_S))),
        slo_alpha=slo_alpha,
        regression_alpha=verdict.alpha * REGRESSION_PART,
        fast_alpha=verdict.alpha * FAST_PART,
        characters_alpha=slo_alpha if dropping else 0.0,
        characters=_characters(plan),
        memory_bytes=memory_bytes,
        replayed=table,
    )


def series_of(terms: Terms) -> tuple[Series, ...]:
    """Every question that is asked of a turn under these terms."""
    return terms.series


def _judged_alone(plan: Plan) -> dict[str, LatencyGate | RateGate | MeanGate]:
    """The gates that are judged against a limit of their own."""
    return {name: gate for name, gate in plan.gates.items() if isinstance(gate, LatencyGate | RateGate | MeanGate)}


def _characters(plan: Plan) -> int:
    named: set[str] = set()
    for stage in plan.stages:
        if stage.cohort.characters == "*":
            return MOST_CHARACTERS
        named.update(stage.cohort.characters)
    return max(1, len(named))


def binds(on_breach: OnBreach) -> bool:
    """Whether a breach changes who hears the candidate."""
    return on_breach in (OnBreach.ROLLBACK, OnBreach.STEP_BACK, OnBreach.DROP_COHORT)


def _terms(plan: Plan, history: History | None, slo_alpha: float) -> dict[str, Term]:
    """Each gate's term. Weights are normalised among the gates that are judged together."""
    statistical = {name: gate for name, gate in plan.gates.items() if not isinstance(gate, QuietGate | MemoryGate)}
    pools: dict[tuple[bool, bool], float] = {}
    for gate in statistical.values():
        pool = (isinstance(gate, RegressionGate), binds(gate.on_breach))
        pools[pool] = pools.get(pool, 0.0) + gate.weight
    quick = sum(g.weight for g in statistical.values() if isinstance(g, LatencyGate | RateGate) and g.fast)
    terms = {}
    for name, gate in statistical.items():
        weight = gate.weight / pools[isinstance(gate, RegressionGate), binds(gate.on_breach)]
        if isinstance(gate, RegressionGate):
            terms[name] = _regression(plan, name, gate, weight, history)
        else:
            terms[name] = _limited(plan, name, gate, weight, slo_alpha, quick, history)
    return terms


def _regression(plan: Plan, name: str, gate: RegressionGate, weight: float, history: History | None) -> Term:
    of = plan.gates[gate.of]
    near = over = None
    limit = _inside(of.at_most) if isinstance(of, LatencyGate | RateGate) else 0.5
    if isinstance(of, LatencyGate):
        near = gate.near or _near_s(of, history, gate.tolerate)
        over = round(near * (1.0 + gate.tolerate), 6)
    return Term(
        gate=name,
        limit=limit,
        tolerated=tolerated(limit, plan.verdict.pass_tolerance),
        weight=weight,
        line=1.0 / (weight * plan.verdict.alpha * REGRESSION_PART),
        binding=binds(gate.on_breach),
        regression=True,
        compared_near_s=near,
        compared_over_s=over,
    )


def _limited(
    plan: Plan,
    name: str,
    gate: LatencyGate | RateGate | MeanGate,
    weight: float,
    slo_alpha: float,
    quick: float,
    history: History | None,
) -> Term:
    cap_s = gate.cap if isinstance(gate, MeanGate) else None
    limit = _inside(gate.at_most / cap_s if cap_s else gate.at_most)
    fast = None if isinstance(gate, MeanGate) else gate.fast
    fast_limit = _inside(fast.at_most) if fast else 0.0
    fast_weight = gate.weight / quick if fast else 0.0
    near = over = None
    if isinstance(gate, LatencyGate):
        near = _near_s(gate, history, gate.tolerate)
        over = round(near * (1.0 + gate.tolerate), 6)
    return Term(
        gate=name,
        limit=limit,
        tolerated=tolerated(limit, plan.verdict.pass_tolerance),
        weight=weight,
        line=1.0 / (weight * slo_alpha),
        binding=binds(gate.on_breach),
        cap_s=cap_s,
        by_character=gate.on_breach is OnBreach.DROP_COHORT,
        fast_limit=fast_limit,
        doubled_limit=max(fast_limit, min(DOUBTED, 2.0 * fast_limit)),
        fast_weight=fast_weight,
        fast_line=1.0 / (fast_weight * plan.verdict.alpha * FAST_PART) if fast else 0.0,
        compared_near_s=near,
        compared_over_s=over,
    )


def _inside(share: float) -> float:
    """A limit that can be bet against: not quite 0, and not quite 1."""
    return min(max(share, LEAST), 1.0 - LEAST)


def tolerated(limit: float, tolerance: float) -> float:
    """The bad share that must be refuted: so many times the limit, but at most half way from it to everything."""
    return min(tolerance * limit, (1.0 + limit) / 2.0)


def _near_s(gate: LatencyGate, history: History | None, tolerate: float) -> float:
    """Where latencies are compared: what the baseline exceeded as often as the gate allows, before the rollout.

    Without enough history it is placed so that the candidate is compared at the gate's own limit.
    """
    known = quantile_s(history, gate.measure, 1.0 - gate.at_most) if history else None
    return known or round(gate.over / (1.0 + tolerate), 6)


def _series(plan: Plan, terms: Mapping[str, Term], block_s: float) -> tuple[Series, ...]:
    """Every question that is asked of a turn."""
    asked = []
    for name, term in terms.items():
        gate = plan.gates[name]
        near, over, alone = term.compared_near_s, term.compared_over_s, term.by_character
        if isinstance(gate, LatencyGate):
            own = (gate.over, gate.over)
            asked.append(Series(name, gate.measure, block_s, *own, by_character=alone))
            beside = Series(f"{name}/relative", gate.measure, block_s, over, near, by_character=alone, spoken_only=True)
            asked.append(beside)
            if gate.fast:
                asked.append(Series(f"{name}/fast", gate.measure, MINUTE_S, *own, by_character=alone))
        elif isinstance(gate, RateGate):
            asked.append(Series(name, gate.kind, block_s, by_character=alone))
            if gate.fast:
                asked.append(Series(f"{name}/fast", gate.kind, MINUTE_S, by_character=alone))
        elif isinstance(gate, MeanGate):
            asked.append(Series(name, gate.measure, block_s, cap_s=gate.cap, by_character=alone))
        elif isinstance(gate, RegressionGate):
            of = plan.gates[gate.of]
            measure = of.measure if isinstance(of, LatencyGate) else of.kind
            asked.append(Series(name, measure, block_s, over, near, spoken_only=over is not None))
    return (*asked, Series(LISTENERS, LISTENERS, MINUTE_S))
