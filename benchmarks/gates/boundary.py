"""Candidates at the very limit of what is allowed, or of what passing tolerates: where guarantees are tight."""

from typing import Any

import numpy as np

from benchmarks.gates.drawn import Drawn
from benchmarks.gates.ours import BEGAN, TTFA, latency, watched, written
from benchmarks.gates.worlds import ALLOWED, Seed
from segue.delivery.book import entered, folded, opened, settle
from segue.delivery.evidence import MILLION, Block, Counts

MINUTES = 120
Result = dict[str, Any]


def at_the_limit(seed: Seed, runs: int, *, per_minute: int, session: int, alike: float) -> Result:
    """Runs in which exactly 5 % of the turns are slow, and whether the gate was ever broken.

    Args:
        seed: where chance comes from.
        runs: how many rollouts of two hours in blocks of a minute.
        per_minute: turns a minute.
        session: turns in a session, which fall into the same minute.
        alike: how much the turns of a session are alike: their correlation. 0 to 1.
    """
    plan = written(latency())
    terms = settle(plan)
    line = terms.gates[TTFA].line
    votes = per_minute // session
    broken = []
    for _ in range(runs):
        bad = _badness(seed, votes, session, alike)
        book = entered(plan, terms, opened(plan, terms), 0)
        over = False
        for minute, slow in enumerate(bad.tolist()):
            counts = Counts(per_minute, slow * MILLION, votes, slow * MILLION // session)
            began = BEGAN + 60.0 * minute
            book = folded(plan, terms, book, Block(0, TTFA, minute, began, began + 60.0, counts))
            if book.ledgers[TTFA].bets.total >= line:
                over = True
                break
        broken.append(over)
    return {"ours": {"broken": broken}}


def _badness(seed: Seed, votes: int, session: int, alike: float) -> Any:
    """Slow turns of each minute. Sessions differ in how often they are slow, by a beta distribution with that ICC."""
    if not alike:
        return seed.binomial(votes * session, ALLOWED, MINUTES)
    scale = 1.0 / alike - 1.0
    own = seed.beta(ALLOWED * scale, (1.0 - ALLOWED) * scale, (MINUTES, votes))
    return seed.binomial(session, own).sum(axis=1)


def passed_wrongly(seed: Seed, runs: int, *, per_s: float, share: float) -> Result:
    """Runs in which a share of the turns is slow, turn by turn, and whether a stage of 30 minutes passes in two hours.

    A run that is rolled back first has not passed.
    """
    plan = written(latency(), dwells_s=(1800.0,))
    terms = settle(plan)
    trials = seed.poisson(60.0 * per_s, (runs, MINUTES))
    nothing = np.zeros_like(trials)
    drawn = Drawn(trials, nothing, {TTFA: (seed.binomial(trials, share), nothing)})
    ended = [watched(plan, terms, drawn, run) for run in range(runs)]
    return {"ours": {"passed": [one.certified is not None for one in ended], "minutes": [one.breach for one in ended]}}
