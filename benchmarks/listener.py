"""A listener at the far end of the wire: plays what arrives at normal speed, and notes where it ran dry.

Written apart from the one inside the server (`segue.voice.timeline`), so that the two can be held against each other.
"""

from dataclasses import dataclass, field

QUANTUM_MS = 128 / 24_000 * 1000.0
"""The 128 samples that Web Audio renders at a time, at 24 kHz; a shorter wait than this cannot be heard as one."""
MERGE_GAP_MS = 40.0
"""Two waits closer together than this are one underflow to the ear."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one listener heard of one turn. `first_s` and `finished_s` are clock readings, None if nothing came."""

    audio_ms: float
    events: int
    waited_ms: float
    longest_ms: float
    first_s: float | None
    finished_s: float | None


@dataclass(slots=True)
class Listener:
    """Told when audio arrives and when the turn ends; times are seconds of one monotonic clock, in ascending order.

    Playing starts when `cushion_ms` has arrived or the turn has ended. Silence before that is time to first audio and
    silence after the end is the end: neither is an underflow.
    """

    cushion_ms: float = 120.0
    _arrived_ms: float = 0.0
    _first_s: float | None = None
    _dry_at_s: float | None = None
    """When everything that has arrived will have been played; None until playing starts."""
    _waits_ms: list[float] = field(default_factory=list)
    _last_wait_end_s: float = float("-inf")

    def arrived(self, now_s: float, ms: float) -> None:
        """Audio of that many milliseconds has arrived."""
        if ms <= 0:
            return
        if self._first_s is None:
            self._first_s = now_s
        self._arrived_ms += ms
        if self._dry_at_s is None:
            if self._arrived_ms >= self.cushion_ms:
                self._dry_at_s = now_s + self._arrived_ms / 1000.0
            return
        if now_s > self._dry_at_s:
            self._wait(self._dry_at_s, now_s)
        self._dry_at_s = max(now_s, self._dry_at_s) + ms / 1000.0

    def ended(self, now_s: float) -> Heard:
        """The turn has ended; what is left is played out."""
        if self._dry_at_s is None and self._first_s is not None:
            self._dry_at_s = now_s + self._arrived_ms / 1000.0
        heard = [ms for ms in self._waits_ms if ms >= QUANTUM_MS]
        return Heard(
            audio_ms=self._arrived_ms,
            events=len(heard),
            waited_ms=sum(heard),
            longest_ms=max(heard, default=0.0),
            first_s=self._first_s,
            finished_s=self._dry_at_s,
        )

    def _wait(self, begin_s: float, end_s: float) -> None:
        waited_ms = (end_s - begin_s) * 1000.0
        if (begin_s - self._last_wait_end_s) * 1000.0 < MERGE_GAP_MS:
            self._waits_ms[-1] += waited_ms
        else:
            self._waits_ms.append(waited_ms)
        self._last_wait_end_s = end_s
