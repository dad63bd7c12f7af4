"""What is kept of one gate: its bets in blocks, its comparison with the baseline, and its characters one by one."""

from collections.abc import Collection
from typing import NamedTuple

from segue.delivery.betting import POINTS, RATIOS, Purse, Schedule, above, at_stage, bet, forgiven, purse, restarted
from segue.delivery.certificate import NO_MIRROR, mirrored
from segue.delivery.evidence import MILLION, Block, Counts
from segue.delivery.fast import beside, voted
from segue.delivery.terms import Term

CEILING = 10.0
"""Wealth is cut off at so many times what is needed for a breach. Giving wealth away keeps every guarantee, keeps the
figures finite, and lets an old suspicion fade within a couple of hours of good blocks."""


class Ledger(NamedTuple):
    """One gate judged in blocks against its limit."""

    bets: Purse
    common: Purse
    """The same bets on the baseline: whether it misses the limit too."""
    n: int = 0
    """Trials of the candidate since the stage began, their badness in millionths, its votes and theirs."""
    bad: int = 0
    votes: int = 0
    bad_votes: int = 0
    others: int = 0
    """Trials of the baseline since the stage began, and their badness in millionths."""
    others_bad: int = 0
    blocks: int = 0
    """Blocks of the stage with trials of the candidate, and those with trials of both arms."""
    both: int = 0
    mirror: tuple[float, ...] = ()
    """What certifies a mean; empty where shares are judged."""

    @property
    def guarded(self) -> bool:
        """Whether a baseline is beside it."""
        return beside(self.both, self.blocks)


class Compared(NamedTuple):
    """The candidate beside the baseline: the bets on whose bad votes they are, and the votes since the stage began."""

    bets: Purse
    votes: int = 0
    bad_votes: int = 0
    others: int = 0
    others_bad: int = 0


class Alone(NamedTuple):
    """One character judged alone, and its trials since the stage began, with their badness in millionths.

    Trials and not votes, because a session that heard several characters has a vote with each of them.
    """

    bets: Purse
    n: int = 0
    bad: int = 0


NO_LEDGER = Ledger(purse(len(POINTS)), purse(len(POINTS)))
NO_COMPARISON = Compared(purse(len(RATIOS)))
NOT_ALONE = Alone(purse(len(POINTS)))


def kept(block: Block, dropped: Collection[str]) -> Counts:
    """What the candidate did in a block; nothing, if a character that was taken out was still heard in it.

    The votes of such a block cannot be told apart: a session has one vote, whichever characters it heard. Leaving the
    whole block out depends on who was heard and not on how, so every guarantee stays.
    """
    heard = any(block.characters[name].n for name in dropped if name in block.characters)
    return Counts() if heard else block.candidate


def share(counts: Counts) -> float:
    """The mean badness of a block's votes, of one that has votes."""
    return counts.bad_votes / MILLION / counts.votes


def met(old: Ledger, term: Term, schedule: Schedule, candidate: Counts, baseline: Counts, *, now: bool) -> Ledger:
    """The ledger after a block.

    Args:
        old: the ledger before it.
        term: what the gate comes to.
        schedule: when the stake is spent.
        candidate: what the candidate did.
        baseline: what the baseline did.
        now: whether the block is of the present stage, and so counts for its certification.
    """
    bets, common, mirror, ceiling = old.bets, old.common, old.mirror, CEILING * term.line
    if candidate.votes:
        bets = bet(bets, above(share(candidate), term.limit), schedule, ceiling)
    if baseline.votes:
        common = bet(common, above(share(baseline), term.limit), schedule, ceiling)
    if not now:
        return old._replace(bets=bets, common=common)
    if candidate.votes and mirror:
        mirror = mirrored(mirror, share(candidate), term.tolerated)
    return Ledger(
        bets,
        common,
        old.n + candidate.n,
        old.bad + candidate.bad,
        old.votes + candidate.votes,
        old.bad_votes + candidate.bad_votes,
        old.others + baseline.n,
        old.others_bad + baseline.bad,
        old.blocks + (candidate.votes > 0),
        old.both + (candidate.votes > 0 and baseline.votes > 0),
        mirror,
    )


def compared(
    old: Compared, term: Term, schedule: Schedule, candidate: Counts, baseline: Counts, *, now: bool
) -> Compared:
    """The comparison after a block; blocks in which an arm has no trials are not bet on. Arguments as in `met`."""
    bets = old.bets
    if candidate.votes and baseline.votes:
        bets = bet(bets, voted(candidate, baseline), schedule, CEILING * term.line)
    if not now:
        return old._replace(bets=bets)
    return Compared(
        bets,
        old.votes + candidate.votes,
        old.bad_votes + candidate.bad_votes,
        old.others + baseline.votes,
        old.others_bad + baseline.bad_votes,
    )


def alone(old: Alone, limit: float, schedule: Schedule, line: float, counts: Counts, *, now: bool) -> Alone:
    """One character after a block; `line` is the evidence at which it would be taken out."""
    if not counts.votes:
        return old
    bets = bet(old.bets, above(share(counts), limit), schedule, CEILING * line)
    if not now:
        return old._replace(bets=bets)
    return Alone(bets, old.n + counts.n, old.bad + counts.bad)


def staged_ledger(old: Ledger, compared: Compared) -> Ledger:
    """The ledger when a stage begins: counts and certificate begin again, wealth goes on, as far as it is to blame."""
    bets = forgiven(old.bets, compared.bets.total) if old.guarded else old.bets
    return Ledger(at_stage(bets), at_stage(old.common), mirror=NO_MIRROR if old.mirror else ())


def staged_comparison(old: Compared) -> Compared:
    """The comparison when a stage begins."""
    return Compared(at_stage(old.bets))


def staged_alone(old: Alone) -> Alone:
    """A character when a stage begins."""
    return Alone(at_stage(old.bets))


def restarted_ledger(old: Ledger, schedule: Schedule) -> Ledger:
    """The ledger with all bets closed and nothing counted."""
    bets, common = restarted(old.bets, schedule), restarted(old.common, schedule)
    return Ledger(bets, common, mirror=NO_MIRROR if old.mirror else ())


def restarted_comparison(old: Compared, schedule: Schedule) -> Compared:
    """The comparison with all bets closed and nothing counted."""
    return Compared(restarted(old.bets, schedule))


def restarted_alone(old: Alone, schedule: Schedule) -> Alone:
    """A character with all bets closed and nothing counted."""
    return Alone(restarted(old.bets, schedule))
