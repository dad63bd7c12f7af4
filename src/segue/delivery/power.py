"""What a plan can prove with the traffic there is: how many listeners a verdict takes, and how long it takes."""

from dataclasses import dataclass

from segue.delivery.betting import AT_STARTS, DRIPPED, Schedule, above, labels
from segue.delivery.certificate import FARTHEST, NO_MIRROR, blocks_missing, certainty, votes_to_pass
from segue.delivery.plan import MeanGate, Plan
from segue.delivery.quantity import told_s
from segue.delivery.terms import Term, Terms, settle

USUAL = Schedule(3, 120)
"""When the stake is spent in a plan of three stages and two hours of blocks of a minute."""
_MOST_BLOCKS = 100_000
_USED = 0.5
"""How much of its limit a candidate is expected to use that has nothing to hide."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one gate is expected to take in one stage. Spans are seconds; None is never."""

    stage: str
    gate: str
    turns: float
    """Turns of the candidate within the dwell."""
    least: int | None
    """The fewest turns that pass the gate: those of a candidate without a bad one."""
    likely: int | None
    """How many it takes if the candidate uses half of the limit."""
    least_s: float | None
    """How long so few turns take."""
    likely_s: float | None
    fail_s: float | None
    """How long it takes to break the gate with a bad share of twice what is tolerated."""
    harmed: float | None
    """How many bad turns there are until then."""


def blocks_to_fail(p: float, p0: float, alpha: float, stage: int = 0, schedule: Schedule = USUAL) -> int | None:
    """How many blocks it takes to refute a limit, if every block has the same bad share; None if it is never.

    Args:
        p: the bad share, or a mean as a part of its cap.
        p0: the limit.
        alpha: the error budget; the gate is broken at an evidence of 1/alpha. A gate that shares its budget with
            others has its weight times the alpha of all.
        stage: the number of the stage with trials, from 0. In later stages than have a stake of their own, the bet
            is what is spent at every block.
        schedule: when the stake is spent.
    """
    return _blocks(above(p, p0), 1.0 / alpha, stage, schedule) if p > p0 else None


def _blocks(factors: tuple[float, ...], line: float, stage: int, schedule: Schedule) -> int | None:
    """How many blocks it takes to get to a line if every block is worth the same."""
    stake = AT_STARTS / schedule.starts if stage < schedule.starts else DRIPPED / schedule.blocks
    wealth = [stake / len(factors)] * len(factors)
    for blocks in range(1, _MOST_BLOCKS):
        wealth = [min(2.0 * line, had * factor) for had, factor in zip(wealth, factors, strict=True)]
        if sum(wealth) >= line:
            return blocks
    return None


def trials_to_pass(bad: float, p_tol: float, beta: float) -> int | None:
    """The least number of trials with so many bad ones that refutes a bad share of `p_tol`; None if a million is not.

    `beta` is the chance to pass although the share is `p_tol`.
    """
    return votes_to_pass(bad, p_tol, beta)


def listeners(plan: Plan, terms: Terms, turns_per_s: float) -> list[Expectation]:
    """What each gate is expected to take in each stage that exposes the candidate.

    `turns_per_s` is how many turns the listeners of the stage's cohort begin each second, over both arms; each is
    taken for a session of its own.
    """
    found = []
    exposed = [stage for stage in plan.stages if stage.share > 0]
    for number, stage in enumerate(exposed):
        for term in terms.gates.values():
            rates = (turns_per_s * stage.share, turns_per_s * (1.0 - stage.share))
            found.append(_expected(plan, terms, term, number, stage.name, stage.dwell, rates))
    return found


def unreachable(plan: Plan, turns_per_s: float) -> list[str]:
    """One sentence for each gate and stage that cannot be proved with so few turns before people are asked.

    A stage must prove every gate within its dwell and the wait limit after it; `turns_per_s` as in `listeners`.
    """
    terms = settle(plan)
    stages = {stage.name: stage for stage in plan.stages}
    found = []
    for one in listeners(plan, terms, turns_per_s):
        stage = stages[one.stage]
        allowed_s = stage.dwell + plan.verdict.wait_limit
        if not stage.certify or (one.least_s is not None and one.least_s <= allowed_s):
            continue
        turns = one.turns / stage.dwell * allowed_s if stage.dwell else turns_per_s * stage.share * allowed_s
        needs = "more than can ever be counted" if one.least is None else f"{one.least:,}"
        found.append(
            f"stages.{one.stage}: {one.gate} needs at least {needs} turns of the candidate to pass, and about "
            f"{turns:,.0f} come in {told_s(allowed_s)} (dwell and wait limit); raise the share, wait longer, or leave "
            f"the stage without proof (certify: false)."
        )
    return found


def _expected(
    plan: Plan, terms: Terms, term: Term, number: int, stage: str, dwell: float, rates: tuple[float, float]
) -> Expectation:
    """One gate in one stage; `rates` are the turns a second of the candidate and of the baseline."""
    gate, beta = plan.gates[term.gate], plan.verdict.beta
    rate = min(rates) if term.regression and rates[1] else rates[0]
    every_s = max(terms.block_s, 1.0 / rate) if rate else 0.0
    parts = (0.0, _USED)
    if isinstance(gate, MeanGate):
        per_block = max(1, round(rate * terms.block_s))
        blocks = [blocks_missing(NO_MIRROR, part * term.limit, term.tolerated, beta) for part in parts]
        counts = [None if one is None else one * per_block for one in blocks]
        spans = [None if one is None or not rate else one * every_s for one in blocks]
    else:
        counts = [_votes(part * term.limit, term.tolerated, beta) for part in parts]
        spans = [None if one is None or not rate else one / rate for one in counts]
    worse = min(1.0, 2.0 * term.tolerated)
    if term.regression:
        fails = _blocks_to_blame(worse, term, number, terms, rates)
    else:
        fails = blocks_to_fail(worse, term.limit, 1.0 / term.line, number, terms.blocks)
    fail_s = None if fails is None or not rate else fails * every_s
    return Expectation(
        stage=stage,
        gate=term.gate,
        turns=rates[0] * dwell,
        least=counts[0],
        likely=counts[1],
        least_s=spans[0],
        likely_s=spans[1],
        fail_s=fail_s,
        harmed=None if fail_s is None else fail_s * rates[0] * worse,
    )


def _blocks_to_blame(worse: float, term: Term, number: int, terms: Terms, rates: tuple[float, float]) -> int | None:
    """How many blocks it takes to see that the candidate is as bad as that while the baseline just meets the limit."""
    ours, theirs = (rate * max(terms.block_s, 1.0 / rates[0] if rates[0] else 0.0) for rate in rates)
    if not ours or not theirs:
        return None
    return _blocks(labels(ours, ours * worse, theirs, theirs * term.limit), term.line, number, terms.blocks)


def _votes(share: float, tolerated: float, beta: float) -> int | None:
    """How many votes pass if this share of them is bad."""
    votes = votes_to_pass(0, tolerated, beta)
    while votes is not None and certainty(votes, share * votes, tolerated) < 1.0 / beta:
        votes = votes + 1 if votes < FARTHEST else None
    return votes
