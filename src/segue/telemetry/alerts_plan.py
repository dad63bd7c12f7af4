"""Alerts from the gates of plans: the same limits, seen by Prometheus from outside, over plain windows of time.

They do not decide anything: a rollout is judged by its own proof. They tell people when a candidate is over a limit,
also where the rollout's own judge should be silent.
"""

from collections.abc import Iterable, Iterator

from segue.delivery.plan import LatencyGate, MeanGate, Plan, RateGate, RegressionGate
from segue.telemetry.promql import SHARE, counted_at, grown, le, metric, or_none, over, selected
from segue.telemetry.rule import Alert, Group, Severity
from segue.telemetry.rules import OVER, Basis

WINDOW = "10m"
KIND = "SegueGateMissed"
"""All of them are alerts of one kind, and share a section of the page of alerts."""
Counts = tuple[str, str]
"""Two expressions: how many were bad, and how many there were."""


def plan_alerts(basis: Basis) -> tuple[Group, ...]:
    """One group for each plan that has gates to tell of, in the order in which the plans are given."""
    found = ((plan, tuple(_alerts(basis, plan))) for plan in basis.plans)
    return tuple(Group(f"segue-plan-{plan.name}", _about(plan, rules), rules) for plan, rules in found if rules)


def _about(plan: Plan, rules: Iterable[Alert]) -> str:
    left = sorted(set(plan.gates) - {rule.labels["gate"] for rule in rules})
    without = f" Without an alert of their own, for the server watches them: {', '.join(left)}." if left else ""
    return f"The gates of the plan {plan.name}, version {plan.version} (gates {plan.gate_digest}).{without}"


def _alerts(basis: Basis, plan: Plan) -> Iterator[Alert]:
    for name, gate in plan.gates.items():
        if isinstance(gate, LatencyGate | RateGate):
            yield _share(basis, plan, name, gate)
        elif isinstance(gate, RegressionGate):
            of = plan.gates[gate.of]
            if isinstance(of, LatencyGate | RateGate):
                yield _regression(basis, plan, name, gate, of)
        elif isinstance(gate, MeanGate) and gate.measure != "synthesis":  # that is counted by provider, not by variant
            yield _mean(basis, plan, name, gate)


def _counts(gate: LatencyGate | RateGate, variant: str) -> Counts:
    """What a gate counts of one variant."""
    of = f'variant="{variant}"'
    every = grown(selected(metric("turns"), OVER, of), WINDOW)
    if isinstance(gate, LatencyGate):
        histogram, limit_ms = metric(gate.measure), gate.over * 1000.0
        soon = grown(selected(f"{histogram}_bucket", f'le="{le(gate.measure, limit_ms)}"', of), WINDOW)
        if gate.measure != "ttfa":  # a turn without a sound is late; one that was never spoken has no other times
            every = grown(selected(f"{histogram}_count", of), WINDOW)
        return f"clamp_min({every} - {or_none(soon, every)}, 0)", every
    bad = {
        "failure": selected(metric("turns"), 'outcome="failed"', of),
        "fallback": selected(metric("served"), 'served=~"fallback|resumed"', of),
        "underflow": selected(metric("underflow_turns"), 'source="virtual"', of),
    }[gate.kind]
    return or_none(grown(bad, WINDOW), every), every


def _over(basis: Basis, counts: Counts, limit: str) -> str:
    return over(*counts, limit, least=basis.degradation.min_turns, least_bad=basis.alerts.min_bad)


def _share(basis: Basis, plan: Plan, name: str, gate: LatencyGate | RateGate) -> Alert:
    what = f"{gate.measure} later than {gate.over:g} s" if isinstance(gate, LatencyGate) else gate.kind
    at = f" slower than {counted_at(gate.measure, gate.over * 1000.0)}" if isinstance(gate, LatencyGate) else ""
    return _alert(
        plan,
        name,
        _over(basis, _counts(gate, plan.candidate.name), f"{gate.at_most:g}"),
        f"{SHARE} of the turns of {plan.candidate.name} within 10 min: {what}; the gate {name} allows "
        f"{gate.at_most * 100:g} %.",
        f"at most {gate.at_most * 100:g} %{at}",
    )


def _regression(basis: Basis, plan: Plan, name: str, gate: RegressionGate, of: LatencyGate | RateGate) -> Alert:
    bad, every = _counts(of, plan.baseline.name)
    factor = f"{1.0 + gate.tolerate:g}"
    beside = _over(basis, _counts(of, plan.candidate.name), f"{factor} * (\n  {bad}\n/\n  {every}\n)")
    return _alert(
        plan,
        name,
        f"{beside}\nand\n  round({every}) >= {basis.degradation.min_turns}",
        f"{SHARE} of the turns of {plan.candidate.name} within 10 min are bad by the gate {gate.of}: more than "
        f"{factor} times the share of {plan.baseline.name}.",
        f"no more than {factor} times the baseline's share of {gate.of}",
    )


def _mean(basis: Basis, plan: Plan, name: str, gate: MeanGate) -> Alert:
    of, histogram = f'variant="{plan.candidate.name}"', metric(gate.measure)
    every = grown(selected(f"{histogram}_count", of), WINDOW)
    whole = grown(selected(f"{histogram}_sum", of), WINDOW)
    return _alert(
        plan,
        name,
        f"{whole} / {every} > {gate.at_most:g}\nand\n  round({every}) >= {basis.degradation.min_turns}",
        f"On average {{{{ $value | humanizeDuration }}}} within 10 min; the gate {name} allows {gate.at_most:g} s.",
        f"a mean of at most {gate.at_most:g} s",
    )


def _alert(plan: Plan, gate: str, expr: str, description: str, limit: str) -> Alert:
    return Alert(
        f"{KIND}_{plan.name}_{gate}".replace("-", "_"),
        expr,
        Severity.TICKET,
        f"{plan.candidate.name} misses the gate {gate} of {plan.name}",
        description,
        "A candidate is over the limit of one of its gates. Prometheus sees plain shares over ten minutes; the rollout "
        "itself rests on proof, so it may act sooner or later than this.",
        "`segue rollout status` says how the rollout sees it. If it does not act and listeners suffer, roll back by "
        "hand: `segue rollout rollback`.",
        f"gates.{gate} of the plan {plan.name}: {limit}; voice.degradation.min_turns",
        for_s=120,
        dashboard="segue-rollout",
        labels={"kind": KIND, "plan": plan.name, "gate": gate, "variant": plan.candidate.name},
    )
