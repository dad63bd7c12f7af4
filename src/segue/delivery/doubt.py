"""Reasons to leave the share as it is although nothing is proved against the candidate."""

from segue.delivery.book import Book, Terms, intended
from segue.delivery.evidence import Look
from segue.delivery.plan import Plan, QuietGate
from segue.delivery.quantity import told_s, told_share
from segue.delivery.ratio import ALPHA
from segue.delivery.verdict import Doubt
from segue.delivery.wording import facts, told, told_share_of


def common_cause(plan: Plan, terms: Terms, book: Book) -> Doubt | None:
    """That the limits are missed, but not by the candidate alone.

    The weighted evidence against the limits is over its line, while with the comparison beside it, it is not.
    """
    binding = {name: ledger for name, ledger in book.ledgers.items() if terms.gates[name].binding}
    own = needed = 0.0
    most, top = 0.0, ""
    for name, ledger in binding.items():
        weight, one = terms.gates[name].weight, ledger.bets.total
        both = min(one, book.comparisons[name].bets.total) if ledger.guarded else one
        own, needed = own + weight * one, needed + weight * both
        if weight * (one - both) > most:
            most, top = weight * (one - both), name
    line = 1.0 / terms.slo_alpha
    if own < line or needed >= line or not top:
        return None
    ledger = binding[top]
    other = told_share_of(plan, top, ledger.others, ledger.others_bad)
    said = facts(plan, top, ledger.n, ledger.bad)
    common = terms.gates[top].weight * ledger.common.total >= line
    why = (
        "the baseline misses it as well, so the cause is common to both"
        if common
        else "that is not proved to be the candidate's doing"
    )
    return Doubt("common_cause", f"{said}, and of the baseline's {other}: {why}; evidence {told(own)}.", top)


def doubts(
    plan: Plan, book: Book, look: Look, shared: Doubt | None, *, now: float, stage: int, since: float,
    share_bp: int,
) -> list[Doubt]:  # fmt: skip
    """Every doubt there is; times are Unix seconds, `shared` is the common cause that was found."""
    found = [] if shared is None else [shared]
    shares = book.shares
    if share_bp and shares.wrong:
        listeners = shares.candidate + shares.baseline
        reason = (
            f"{shares.candidate:,} of {listeners:,} new listeners got the candidate "
            f"({told_share(shares.candidate / listeners)}, meant were {told_share(intended(plan, stage))}); "
            f"evidence {told(shares.evidence)} is over the line of {told(1.0 / ALPHA)}."
        )
        found.append(Doubt("routing", reason))
    if share_bp:
        found += _silence(plan, look, now, since)
    for name, gate in plan.gates.items():
        if isinstance(gate, QuietGate) and gate.alerts and look.alerts is None:
            found.append(Doubt("source", f"{name}: the alerts at {gate.alerts} could not be asked for.", name))
    return found


def _silence(plan: Plan, look: Look, now: float, since: float) -> list[Doubt]:
    """That nothing was heard of the candidate for too long."""
    limit = plan.verdict.stale_after
    silent_s = now - (since if look.candidate_at is None else look.candidate_at)
    if silent_s < limit:
        return []
    age = told_s(round(silent_s))
    if look.baseline_at is None or now - look.baseline_at >= limit:
        other = "neither did the baseline"
    else:
        other = f"the baseline did {told_s(round(max(0.0, now - look.baseline_at)))} ago"
    if look.candidate_at is None:
        return [Doubt("no_data", f"The candidate has not spoken since the stage began {age} ago; {other}.")]
    return [Doubt("stale", f"The candidate last spoke {age} ago; {other}.")]
