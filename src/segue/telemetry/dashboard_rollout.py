"""The dashboard of rollouts: how one stands, its variants side by side, the gates of its plan."""

from segue.delivery.plan import LatencyGate, RateGate
from segue.telemetry.panels import Dashboard, Panel, Row
from segue.telemetry.promql import RANGE, le, metric, part, quantile, rated, selected
from segue.telemetry.rules import OVER, Basis


def rollout_dashboard(basis: Basis) -> Dashboard:
    """How a rollout goes, and whether its candidate is worse."""
    turns = metric("turns")
    of_gates = tuple(
        Panel(
            f"{plan.name}: {name}",
            {"{{variant}}": _gate_series(gate)},
            "percentunit",
            f"The gate {name} of {plan.name}: at most {gate.at_most * 100:g} %.",
            (gate.at_most,),
        )
        for plan in basis.plans
        for name, gate in plan.gates.items()
        if isinstance(gate, LatencyGate | RateGate)
    )
    standing = (
        Panel("Share of the candidate", {"{{rollout}}": "max by (rollout) (segue_rollout_share)"}, "percentunit"),
        Panel("Phase", {"{{phase}}": "max by (phase) (segue_rollout_phase) == 1"}),
        Panel("Turns by variant", {"{{variant}}": rated(turns, "variant")}, "reqps", stacked=True),
        Panel("Assigned by reason", {"{{reason}}": rated(metric("assignments"), "reason")}, "reqps", stacked=True),
    )
    beside = (
        Panel("First sound, 95th percentile", {"{{variant}}": quantile("ttfa", 0.95, RANGE, ("variant",))}, "s"),
        Panel(
            "First synthesis, 95th percentile", {"{{variant}}": quantile("first_tts", 0.95, RANGE, ("variant",))}, "s"
        ),
        Panel(
            "Failed",
            {"{{variant}}": part(f'{turns}{{outcome="failed"}}', f"{turns}{{{OVER}}}", "variant")},
            "percentunit",
        ),
        Panel(
            "Served by another provider",
            {
                "{{variant}}": part(
                    f'{metric("served")}{{served=~"fallback|resumed"}}', f"{metric('served')}", "variant"
                )
            },
            "percentunit",
        ),
    )
    rows = [Row("How it stands", standing), Row("The variants side by side", beside)]
    rows += [Row("Gates of the plans", of_gates)] if of_gates else []
    return Dashboard(
        "segue-rollout",
        "Segue: rollout",
        "How a rollout goes, and whether its candidate is worse.",
        (*rows, Row("The machinery", _machinery())),
        {},
    )


def _machinery() -> tuple[Panel, ...]:
    return (
        Panel("Looks in a minute", {"{{instance}}": "60 * rate(segue_rollout_ticks_total[5m])"}),
        Panel("Not looked after", {"{{instance}}": "segue_rollout_stalled"}, bad_from=(1.0,)),
        Panel(
            "Conflicts and failures",
            {
                "conflicts": rated("segue_rollout_conflicts_total"),
                "failures": rated("segue_delivery_failures_total"),
            },
            "reqps",
        ),
        Panel("Left before the first sound", {"{{arm}}": rated("segue_abandoned_turns_total", "arm")}, "reqps"),
        Panel("Messages to people", {"{{result}}": "sum by (result) (increase(segue_messages_total[1h]))"}),
    )


def _gate_series(gate: LatencyGate | RateGate) -> str:
    """The share of bad turns of each variant, counted as the gate counts them."""
    turns = metric("turns")
    if isinstance(gate, LatencyGate):
        histogram = metric(gate.measure)
        soon = selected(f"{histogram}_bucket", f'le="{le(gate.measure, gate.over * 1000.0)}"')
        every = selected(turns, OVER) if gate.measure == "ttfa" else f"{histogram}_count"
        return f"1 - {part(soon, every, 'variant')}"
    bad = {
        "failure": selected(turns, 'outcome="failed"'),
        "fallback": selected(metric("served"), 'served=~"fallback|resumed"'),
        "underflow": selected(metric("underflow_turns"), 'source="virtual"'),
    }[gate.kind]
    return part(bad, selected(turns, OVER), "variant")
