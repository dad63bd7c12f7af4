"""The rule of a runbook: look at the latest five minutes every minute, and roll back when the p95 is over the limit."""

import numpy as np

from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import Numbers

WINDOW_MINUTES = 5


def rolled_back(seen: Seen, least: int = 1) -> Numbers:
    """The minute in which each run rolls back; a window with fewer than `least` trials passes."""
    trials, shares = seen.shares(1, WINDOW_MINUTES)
    over = np.zeros(trials.shape, dtype=bool)
    for share in shares:
        over |= (share > 1.0) & (trials >= least)
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, NEVER)
