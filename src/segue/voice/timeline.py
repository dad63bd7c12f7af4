"""The story of one turn: its marks, what was sent, and how a listener at normal speed would have heard it.

Everything here is a value that is told the time; `Timeline.close` turns it into the turn's one record.
"""

from dataclasses import dataclass, field

from segue.records import Mark, ModelAttempt, Outcome, SynthesisAttempt, TurnRecord, Underflow

MERGE_GAP_MS = 40.0
"""Two waits closer together than this are one underflow to the ear."""


@dataclass(slots=True)
class VirtualListener:
    """Plays what was sent at normal speed, and notes when it would have run dry in mid-reply.

    Playing starts once `cushion_ms` of audio has arrived or nothing more will come. Running dry before the first audio
    is not an underflow (that is the time to first audio), and neither is silence after the end. All times in seconds.
    """

    cushion_ms: float = 120.0
    _first_s: float | None = None
    _started_s: float | None = None
    _sent_ms: float = 0.0
    _waited_ms: float = 0.0
    _last_dry_end_s: float = field(default=float("-inf"))
    _events: int = 0

    def sent(self, now: float, ms: float) -> None:
        """Audio of that many milliseconds was handed to the transport."""
        if ms <= 0:
            return
        if self._first_s is None:
            self._first_s = now
        if self._started_s is not None:
            dry_ms = (now - self._started_s) * 1000.0 - self._waited_ms - self._sent_ms
            if dry_ms > 0:
                dry_begin_s = now - dry_ms / 1000.0
                if (dry_begin_s - self._last_dry_end_s) * 1000.0 >= MERGE_GAP_MS:
                    self._events += 1
                self._waited_ms += dry_ms
                self._last_dry_end_s = now
        self._sent_ms += ms
        if self._started_s is None and self._sent_ms >= self.cushion_ms:
            self._started_s = now

    def buffered_ms(self, now: float) -> float:
        """How much of what was sent this listener has not yet played."""
        if self._started_s is None:
            return self._sent_ms
        played_ms = (now - self._started_s) * 1000.0 - self._waited_ms
        return max(0.0, self._sent_ms - played_ms)

    @property
    def sent_ms(self) -> float:
        """Milliseconds of audio handed to the transport so far."""
        return self._sent_ms

    @property
    def underflow(self) -> Underflow:
        """What was suffered so far."""
        return Underflow(self._events, round(self._waited_ms, 3))


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known of a turn before anything happened; the fields are those of `TurnRecord`."""

    turn: str
    kind: str
    at: float
    listener: str | None
    chat: str | None
    variant: str
    profile: str
    character: str | None
    language: str
    model: str
    voice: str
    format: str
    first_choice: str = ""
    rollout: str = ""
    stage: int = 0
    arm: str = ""
    assigned: str = ""
    session: str | None = None


class Timeline:
    """Collects what happens in one turn. `began` is the monotonic moment of the request, in seconds."""

    def __init__(self, heading: Heading, began: float, cushion_ms: float = 120.0) -> None:
        self.heading = heading
        self.began = began
        self.listener = VirtualListener(cushion_ms)
        self.sentences = 0
        self.characters = 0
        self.attempts: list[SynthesisAttempt] = []
        self.model_attempts: list[ModelAttempt] = []
        self.degraded: list[str] = []
        self.substituted = False
        self._marks: dict[str, float] = {Mark.REQUEST.value: 0.0}
        self._outcome: Outcome | None = None
        self._error: str | None = None
        self._reason: str | None = None

    def mark(self, mark: Mark, now: float) -> None:
        """Note a moment; only its first time counts."""
        if mark.value not in self._marks:
            self._marks[mark.value] = round((now - self.began) * 1000.0, 3)

    def sentence(self, text: str, now: float) -> None:
        """A sentence was cut from the reply."""
        self.mark(Mark.FIRST_SENTENCE, now)
        self.sentences += 1
        self.characters += len(text)

    def sent(self, now: float, ms: float, *, audible: bool) -> None:
        """A packet was handed to the transport."""
        if audible:
            self.mark(Mark.FIRST_SENT, now)
        self.listener.sent(now, ms)

    def told(self, reason: str) -> None:
        """The listener was told that the turn is not served as asked."""
        self.degraded.append(reason)
        self.substituted = self.substituted or reason == "substituted"

    def end(self, outcome: Outcome, *, error: str | None = None, reason: str | None = None) -> None:
        """Say how the turn ended; the first word stands."""
        if self._outcome is None:
            self._outcome, self._error, self._reason = outcome, error, reason

    @property
    def heard_ms(self) -> float | None:
        """Milliseconds from the request until the first audible audio was handed over; None as long as none was."""
        return self._marks.get(Mark.FIRST_SENT.value)

    @property
    def timings(self) -> dict[str, float]:
        """The marks so far, as `first_token_ms` and so on, with `total_ms` once the turn is done."""
        names = {Mark.DONE.value: "total_ms"}
        return {names.get(name, f"{name}_ms"): ms for name, ms in self._marks.items() if name != Mark.REQUEST.value}

    def close(self, now: float) -> TurnRecord:
        """The turn's record. A turn of which nobody said how it ended was abandoned by its listener."""
        self.mark(Mark.DONE, now)
        heading = self.heading
        return TurnRecord(
            turn=heading.turn,
            kind=heading.kind,
            at=heading.at,
            listener=heading.listener,
            chat=heading.chat,
            variant=heading.variant,
            profile=heading.profile,
            character=heading.character,
            language=heading.language,
            model=heading.model,
            voice=heading.voice,
            format=heading.format,
            outcome=self._outcome or Outcome.ABANDONED,
            marks=dict(self._marks),
            sentences=self.sentences,
            characters=self.characters,
            audio_ms=round(self.listener.sent_ms, 3),
            attempts=tuple(self.attempts),
            model_attempts=tuple(self.model_attempts),
            first_choice=heading.first_choice,
            substituted=self.substituted,
            degraded=tuple(self.degraded),
            underflow=self.listener.underflow,
            error=self._error,
            reason=self._reason,
            rollout=heading.rollout,
            stage=heading.stage,
            arm=heading.arm,
            assigned=heading.assigned,
            session=heading.session,
        )
