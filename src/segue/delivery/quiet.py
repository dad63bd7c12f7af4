"""Gates without statistics: the state of the server itself, as it was seen at a look."""

from segue.delivery.evidence import Look
from segue.delivery.plan import AnyGate, MemoryGate, QuietGate
from segue.delivery.quantity import told_share

RANK = {"ok": 0, "unknown": 1, "slow": 2, "degraded": 3, "fast": 4, "emergency": 5}
"""How bad a state of degradation is. `unknown` is worse than `ok`, but it is the proof of nothing."""
_MIB = 1024 * 1024


def troubled(gate: AnyGate, memory_bytes: int, look: Look) -> str | None:
    """What is wrong, in words; empty if nothing is, and None where it cannot be told.

    Args:
        gate: any gate; statistical ones are never in trouble.
        memory_bytes: memory of the server when the attempt began.
        look: what was seen.
    """
    if isinstance(gate, MemoryGate):
        if not memory_bytes or not look.memory_bytes:
            return None
        grown = look.memory_bytes / memory_bytes - 1.0
        if grown <= gate.grow_at_most:
            return ""
        return (
            f"memory grew by {told_share(grown)} since the rollout began, from {memory_bytes / _MIB:.0f} to "
            f"{look.memory_bytes / _MIB:.0f} MiB (at most {told_share(gate.grow_at_most)})"
        )
    if not isinstance(gate, QuietGate):
        return ""
    wrong = []
    if RANK.get(look.degradation, RANK["unknown"]) > max(RANK[gate.worst], RANK["unknown"]):
        wrong.append(f"the degradation is {look.degradation} (at worst {gate.worst})")
    if gate.alerts and look.alerts:
        wrong.append(f"alerts fire: {', '.join(look.alerts)}")
    if wrong:
        return " and ".join(wrong)
    unseen = (gate.alerts and look.alerts is None) or RANK.get(look.degradation, 1) > RANK[gate.worst]
    return None if unseen else ""
