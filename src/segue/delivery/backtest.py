"""How long a block must be: the gates replayed over what the baseline itself did before the rollout.

Slowness that lasts for minutes makes neighbouring blocks alike, and bets on short blocks then take bad weather for a
bad candidate. The baseline's own history shows how long its weather lasts: every gate is replayed over it with its
limit where the baseline just about meets it, for each length of block, and the shortest length that hardly ever
alarms is taken. The table is kept, as the honest figure of false alarms on one's own traffic.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from segue.delivery.betting import LEAST, Schedule, above, bet, purse
from segue.delivery.evidence import MILLION, MINUTE_S, Series
from segue.delivery.plan import LatencyGate, MeanGate, RateGate
from segue.delivery.trials import at_the_end, of_playback
from segue.records import TurnRecord
from segue.routing import Arm

LENGTHS_MIN = (1, 2, 5, 10, 15, 30)
"""Lengths of a block that are tried, in minutes."""
WINDOW_MIN = 120
"""How long a replay lasts: as a stage of two hours."""
EVERY_MIN = 20
"""How far apart replays begin."""
ALLOWED = 0.02
"""The part of all replays that may alarm."""
LEAST_WINDOWS = 50
"""Fewer replays than this cannot tell such a part."""
LEAST_TRIALS = 200
"""Fewer turns than this tell neither a threshold nor a length."""
NEVER_S = 1000.0
"""How long a turn took that had no answer."""

Gate = LatencyGate | RateGate | MeanGate


@dataclass(frozen=True, slots=True)
class History:
    """What the baseline did before a rollout, minute by minute."""

    minutes: int
    """How many minutes it covers."""
    samples: Mapping[str, tuple[tuple[int, float], ...]]
    """By measure, in order: the minute in which a turn began, and its seconds, or 1.0 for bad and 0.0 for good."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one gate said of the baseline's history with blocks of one length."""

    gate: str
    block_s: float
    windows: int
    """Replays in which there were trials."""
    alarms: int
    """Replays in which the gate would have been broken."""


DURATIONS = ("ttfa", "first_tts", "first_token", "turn", "synthesis")
RATES = ("failure", "fallback", "underflow")


def history_of(records: Iterable[TurnRecord]) -> History:
    """What the given turns of the baseline tell, answered as the gates ask; they may come in any order."""
    ordered = sorted(records, key=lambda record: record.at)
    samples: dict[str, list[tuple[int, float]]] = {measure: [] for measure in (*DURATIONS, *RATES)}
    since = ordered[0].at if ordered else 0.0
    for record in ordered:
        minute = int((record.at - since) // MINUTE_S)
        for measure, asked in _ASKED.items():
            answer = (
                of_playback(record, record.playback)
                if measure == "underflow"
                else at_the_end(asked, Arm.BASELINE, record)
            )
            if answer is not None:
                samples[measure].append((minute, answer.bad / MILLION * (asked.cap_s or 1.0)))
    minutes = int((ordered[-1].at - since) // MINUTE_S) + 1 if ordered else 0
    return History(minutes, {measure: tuple(values) for measure, values in samples.items() if values})


_ASKED = {
    **{measure: Series(measure, measure, MINUTE_S, cap_s=NEVER_S) for measure in DURATIONS},
    **{measure: Series(measure, measure, MINUTE_S) for measure in RATES},
}


def quantile_s(history: History, measure: str, part: float) -> float | None:
    """What a part of the baseline's turns did not exceed, in seconds; None where too few are known."""
    values = sorted(value for _, value in history.samples.get(measure, ()))
    if len(values) < LEAST_TRIALS:
        return None
    found = values[min(len(values) - 1, int(part * len(values)))]
    return found if 0.0 < found < NEVER_S else None


def replayed(gates: Mapping[str, Gate], history: History, alpha: float) -> tuple[Replayed, ...]:
    """What each gate would have said in two-hour windows of the baseline's history, for each length of block.

    Args:
        gates: the gates with a limit of their own.
        history: what the baseline did.
        alpha: the error budget; a window alarms when the evidence of the gate alone reaches 1/alpha.

    A latency gate is replayed at the threshold that the baseline itself exceeds as often as the gate allows; the other
    gates at their limit, or at the baseline's own figure where that is worse.
    """
    table = []
    for name, gate in gates.items():
        found = _badness(gate, history)
        if found is None:
            continue
        limit, counted = found
        for length in LENGTHS_MIN:
            windows, alarms = _alarms(counted, limit, length, alpha)
            table.append(Replayed(name, length * MINUTE_S, windows, alarms))
    return tuple(table)


def chosen(table: Iterable[Replayed]) -> float | None:
    """The shortest block with which no gate alarms too often, in seconds; the longest where each does.

    None where the history is too short to tell.
    """
    told = [row for row in table if row.windows >= LEAST_WINDOWS]
    lengths = sorted({row.block_s for row in told})
    for block_s in lengths:
        if all(row.alarms <= ALLOWED * row.windows for row in told if row.block_s == block_s):
            return block_s
    return lengths[-1] if lengths else None


def _badness(gate: Gate, history: History) -> tuple[float, list[tuple[int, float]]] | None:
    """The limit to replay at, and minute by minute how many trials there were and how bad they were together."""
    measure = gate.kind if isinstance(gate, RateGate) else gate.measure
    samples = history.samples.get(measure, ())
    if len(samples) < LEAST_TRIALS:
        return None
    if isinstance(gate, LatencyGate):
        over_s = quantile_s(history, measure, 1.0 - gate.at_most)
        badness = [(minute, float(over_s is None or value > over_s)) for minute, value in samples]
        limit = gate.at_most
    elif isinstance(gate, MeanGate):
        badness = [(minute, min(value, gate.cap) / gate.cap) for minute, value in samples]
        limit = gate.at_most / gate.cap
    else:
        badness = list(samples)
        limit = gate.at_most
    own = sum(bad for _, bad in badness) / len(badness)
    counted = [(0, 0.0)] * history.minutes
    for minute, bad in badness:
        n, k = counted[minute]
        counted[minute] = (n + 1, k + bad)
    return min(max(limit, own, LEAST), 1.0 - LEAST), counted


def _alarms(counted: list[tuple[int, float]], limit: float, length: int, alpha: float) -> tuple[int, int]:
    """In how many windows there were trials, and in how many the gate would have been broken."""
    trials = [0, *accumulate(n for n, _ in counted)]
    badness = [0.0, *accumulate(k for _, k in counted)]
    schedule = Schedule(3, WINDOW_MIN // length)
    windows = alarms = 0
    for begin in range(0, len(counted) - WINDOW_MIN + 1, EVERY_MIN):
        if trials[begin + WINDOW_MIN] == trials[begin]:
            continue
        windows += 1
        held = purse(3)
        for at in range(begin, begin + WINDOW_MIN, length):
            if n := trials[at + length] - trials[at]:
                share = max(0.0, badness[at + length] - badness[at]) / n
                held = bet(held, above(share, limit), schedule, 10.0 / alpha)
                if held.total >= 1.0 / alpha:
                    alarms += 1
                    break
    return windows, alarms
