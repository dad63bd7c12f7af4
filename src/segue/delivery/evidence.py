"""What is counted: trials and how bad they were, by series, block, arm and character. Only integers, only sums.

A *series* is one question asked of every turn ("slower than 6 s?"), a *block* the time after which a bet on it is
settled. Replicas count into cells of their own; cells are merged by adding, in whatever order, so the merged figures
are the same to the bit wherever and whenever they are read.

    turns ──▶ Tally (one in each replica) ──▶ cells ──▶ store ──▶ merged ──▶ blocks, closed once, in order ──▶ Book
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MILLION = 1_000_000
"""A whole bad trial or vote; badness is counted in millionths, so that sums do not depend on their order."""

LISTENERS = "listeners"
"""The series that counts listeners when they first appear in a stage, by the arm the hash gave them: for the check of
the shares, and as the sign that somebody was watching. Its blocks are minutes."""
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one arm: `n` trials with `bad` millionths of badness, and `votes` sessions with `bad_votes`.

    A session has one vote in a block, divided over its turns: `bad_votes` is the sum, over sessions, of the mean
    badness of the session's turns.
    """

    n: int = 0
    bad: int = 0
    votes: int = 0
    bad_votes: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.n + other.n, self.bad + other.bad, self.votes + other.votes, self.bad_votes + other.bad_votes
        )

    @property
    def k(self) -> float:
        """Bad trials; a fraction only where badness has degrees."""
        return self.bad / MILLION

    @property
    def bad_share(self) -> float | None:
        """The mean badness of a trial; None without trials."""
        return self.bad / MILLION / self.n if self.n else None


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Series:
    """One question that is asked of every turn of a rollout, and the length of its blocks.

    `measure` is a duration (`ttfa`, `first_tts`, `first_token`, `turn`, `synthesis`) or a yes-or-no (`failure`,
    `fallback`, `underflow`). A duration is bad when it is over `over_s` of its arm; with a `cap_s` instead, its badness
    is the part of the cap that it took.
    """

    name: str
    measure: str
    block_s: float
    candidate_over_s: float | None = None
    baseline_over_s: float | None = None
    cap_s: float | None = None
    by_character: bool = False
    """Whether the candidate's trials are also counted for each character alone."""
    spoken_only: bool = False
    """Whether turns that begin with a sentence kept from before are left out: the larger arm finds more of its own in
    the cache, and would win each comparison by that."""

    @property
    def settle_s(self) -> float:
        """After so long a turn has its answer in this series, answered or not; 0 where only its end tells."""
        return max(self.candidate_over_s or 0.0, self.baseline_over_s or 0.0, self.cap_s or 0.0)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where something is counted: a series in a stage of an attempt, block by block from the stage's beginning.

    `character` is empty for all together.
    """

    rollout: str
    """The rollout and attempt, as `name/2`."""
    stage: int
    series: str
    block: int
    arm: str
    character: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one replica has counted under a key so far. A later cell of the same replica and key replaces it."""

    replica: str
    key: Key
    counts: Counts
    at: float = 0.0
    """Unix seconds at which the latest turn of its arm began, as the replica knew it in a cell of `LISTENERS`."""


def merged(cells: Iterable[Cell]) -> dict[Key, Counts]:
    """The sum over replicas, in the order of the keys."""
    total: dict[Key, Counts] = {}
    for cell in cells:
        total[cell.key] = total.get(cell.key, NOTHING) + cell.counts
    return dict(sorted(total.items()))


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a series that is closed: what both arms did in it. The log of blocks is the evidence of a rollout."""

    stage: int
    series: str
    block: int
    since: float
    """Unix seconds at which it began."""
    until: float
    candidate: Counts = NOTHING
    baseline: Counts = NOTHING
    characters: Mapping[str, Counts] = field(default_factory=dict)
    """The candidate's counts for each character alone, where the series keeps them."""
    closed_at: float = 0.0
    """Unix seconds of the look that closed it."""
    replicas: int = 1
    """How many replicas, each of which knows its own listeners only, have counted new ones in the stage by then."""


@dataclass(frozen=True, slots=True)
class Look:
    """What else was seen at one look: whatever is not in a closed block. It is kept with every decision."""

    at: float = 0.0
    """Unix seconds of the look."""
    minutes: Mapping[str, Block] = field(default_factory=dict)
    """By series: the minute of a fast series that is not yet closed."""
    candidate_at: float | None = None
    """Unix seconds of the latest turn of each arm; None if the stage had none."""
    baseline_at: float | None = None
    unobserved_s: float = 0.0
    """How much of the stage nobody watched."""
    degradation: str = "unknown"
    """The state of the worse axis of degradation."""
    alerts: tuple[str, ...] | None = ()
    """Names of the alerts that fire; None when they could not be asked for."""
    memory_bytes: int = 0
    enabled: bool = True
    """Whether spoken replies are switched on."""
    replicas: int = 1
    """How many replicas counted in the last minute."""
