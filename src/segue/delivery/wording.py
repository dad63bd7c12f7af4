"""What the gates say, in sentences with their numbers and units."""

from segue.delivery.certificate import interval
from segue.delivery.evidence import MILLION
from segue.delivery.plan import AnyGate, LatencyGate, MeanGate, Plan, RateGate, RegressionGate
from segue.delivery.quantity import told_s, told_share

_DID = {
    "failure": "failed",
    "fallback": "were not spoken by the first choice",
    "underflow": "left their listener waiting in mid-reply",
}


def told(number: float) -> str:
    """A number for people: 1,240 or 3.4 or 0.02."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def told_bad(millionths: float) -> str:
    """So many bad trials; a fraction only where there is one."""
    return told(round(millionths / MILLION, 2))


def facts(plan: Plan, name: str, n: int, bad: int, of: str = "") -> str:
    """What the candidate did in a gate with a limit of its own: how many turns were bad, and how many may be.

    `bad` is in millionths; `of` says whose turns they are, such as "anna's ".
    """
    gate = plan.gates[name]
    if not n:
        return f"{name}: no turn of the candidate yet"
    part = bad / MILLION / n
    if isinstance(gate, MeanGate):
        mean, most = told_s(round(part * gate.cap, 3)), told_s(gate.at_most)
        return f"{name}: {gate.measure} took {mean} on average in {n:,} {of}turns (at most {most})"
    limit = gate.at_most if isinstance(gate, LatencyGate | RateGate) else 0.0
    return f"{name}: {told_bad(bad)} of {n:,} {of}turns {did(gate)} ({told_share(part)}, at most {told_share(limit)})"


def told_share_of(plan: Plan, name: str, n: int, bad: int) -> str:
    """What the baseline did in a gate: a share or a mean, and in how many turns; `bad` is in millionths."""
    gate = plan.gates[name]
    if not n:
        return "no turn"
    part = bad / MILLION / n
    found = told_s(round(part * gate.cap, 3)) if isinstance(gate, MeanGate) else told_share(part)
    return f"{found} of {n:,}"


def than_baseline(plan: Plan, name: str, n: int, bad: int) -> str:
    """What the baseline did at the same time; `bad` is in millionths."""
    return f", against {told_share_of(plan, name, n, bad)} of the baseline" if n else ""


def did(gate: AnyGate) -> str:
    """What a bad turn did."""
    if isinstance(gate, LatencyGate):
        return f"were slower than {told_s(gate.over)}"
    return _DID.get(gate.kind, "were bad")


def beside(
    plan: Plan, name: str, ours: tuple[int, int], theirs: tuple[int, int], near_s: float | None, over_s: float | None
) -> str:
    """What both arms did in a regression gate: votes of each and how bad they were, in millionths."""
    gate = plan.gates[name]
    of = plan.gates[gate.of] if isinstance(gate, RegressionGate) else gate
    mine, other = (f"{told_bad(bad)} of {n:,}" for n, bad in (ours, theirs))
    if near_s is not None and over_s is not None:
        mine, other = (
            f"{mine} of the candidate took over {told_s(over_s)}",
            f"{other} of the baseline over {told_s(near_s)}",
        )
        return f"{name}: {mine}, and {other}"
    return f"{name}: {mine} of the candidate {did(of)}, and {other} of the baseline"


def seen(votes: int, bad_votes: int, value: float | None, whole: float) -> tuple[float | None, float | None]:
    """The interval for what was seen, in the unit of the gate; `whole` is what a share of one is in it."""
    if not votes or value is None:
        return None, None
    low, high = interval(votes, bad_votes / MILLION)
    return round(min(low * whole, value), 6), round(max(high * whole, value), 6)
