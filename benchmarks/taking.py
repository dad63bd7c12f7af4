"""One turn as its client sees it: events go in with the time of their arrival, and one row of figures comes out."""

import base64
import json
from array import array
from dataclasses import dataclass, field
from typing import Any

from benchmarks.listener import Listener

PCM_BYTES_PER_MS = 48.0
"""24 kHz, one channel, 16 bits."""
AUDIBLE_RMS = 0.01
"""Of full scale, over 10 ms: the threshold by which published latency benchmarks tell sound from silence."""
_WINDOW = 240


def audible(pcm: bytes) -> bool:
    """Whether any 10 ms of this mono 16-bit PCM at 24 kHz can be heard; a shorter piece counts as one window."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    for begin in range(0, len(samples), _WINDOW):
        window = samples[begin : begin + _WINDOW]
        if sum(sample * sample for sample in window) >= (AUDIBLE_RMS * 32768.0) ** 2 * len(window):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one turn. Times are milliseconds since the request was written; None is what never came.

    `late_ms` is how much after its planned moment the request was written: the load generator's own fault.
    """

    at_s: float
    late_ms: float
    warm: bool
    outcome: str
    ttfa_ms: float | None
    total_ms: float
    audio_ms: float
    underflows: int
    underflow_ms: float
    timings: dict[str, float]
    text_ms: tuple[float, ...] = ()


@dataclass(slots=True)
class Taking:
    """A turn being taken, the `number`th of its run.

    `pcm` says that its audio is bare PCM, so that playing time can be told from its size.
    """

    due_s: float
    number: int = 0
    warm: bool = True
    pcm: bool = True
    sent_s: float = 0.0
    listener: Listener = field(default_factory=Listener)
    outcome: str = ""
    first_audible_s: float | None = None
    text_s: list[float] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    declared_ms: float = 0.0

    def event(self, now_s: float, kind: str, fields: dict[str, Any]) -> None:
        """One event of the stream has arrived."""
        if kind == "audio":
            data = fields["data"]
            if self.first_audible_s is None or not self.pcm:
                self.audio(now_s, base64.b64decode(data))
            else:
                self.listener.arrived(now_s, _decoded_size(data) / PCM_BYTES_PER_MS)
        elif kind == "text":
            self.text_s.append(now_s)
        elif kind == "done":
            self.outcome, self.timings, self.declared_ms = "done", fields["timings"], fields["audio_ms"]
        elif kind == "error":
            self.outcome = fields.get("code", "error")

    def audio(self, now_s: float, data: bytes) -> None:
        """Bytes of audio have arrived; compressed audio is taken to be audible from its first byte on."""
        if self.first_audible_s is None and (not self.pcm or audible(data)):
            self.first_audible_s = now_s
        if self.pcm:
            self.listener.arrived(now_s, len(data) / PCM_BYTES_PER_MS)

    @property
    def over(self) -> bool:
        """Whether the terminal event has come."""
        return bool(self.outcome)

    def row(self, now_s: float, begun_s: float) -> Row:
        """The figures; a stream that ended without a terminal event was `cut`."""
        heard = self.listener.ended(now_s)
        first_s = self.first_audible_s
        return Row(
            at_s=round(self.due_s - begun_s, 4),
            late_ms=round((self.sent_s - self.due_s) * 1000.0, 3),
            warm=self.warm,
            outcome=self.outcome or "cut",
            ttfa_ms=None if first_s is None else round((first_s - self.sent_s) * 1000.0, 3),
            total_ms=round((now_s - self.sent_s) * 1000.0, 3),
            audio_ms=round(heard.audio_ms if self.pcm else self.declared_ms, 3),
            underflows=heard.events,
            underflow_ms=round(heard.waited_ms, 3),
            timings=self.timings,
            text_ms=tuple(round((at_s - self.sent_s) * 1000.0, 3) for at_s in self.text_s),
        )


def _decoded_size(data: str) -> int:
    return len(data) // 4 * 3 - data.count("=", -2)


def lines(rest: bytes, piece: bytes, *, sse: bool) -> tuple[list[tuple[str, dict[str, Any]]], bytes]:
    """The events that are complete once `piece` has followed `rest`, and what is left over.

    Raises:
        ValueError: a line is not what the stream promises.
    """
    *whole, rest = (rest + piece).split(b"\n\n" if sse else b"\n")
    events = []
    for line in whole:
        if not line:
            continue
        if sse:
            head, _, data = line.partition(b"\ndata: ")
            events.append((head.removeprefix(b"event: ").decode(), json.loads(data)))
        else:
            fields = json.loads(line)
            events.append((fields["event"], fields))
    return events, rest
