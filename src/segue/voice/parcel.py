"""Between packets of PCM and frames of encoded audio: encoders hold back, and what comes out must be labelled."""

from dataclasses import dataclass, field

from segue.voice.frames import Audio, Speaker
from segue.voice.speaking import Packet
from segue.voice.timeline import Timeline


@dataclass(slots=True)
class Parcel:
    """Packets that went into the encoder and have not come out of it yet."""

    last: Packet | None = None
    ms: float = 0.0
    audible: bool = False
    parts: int = 0
    seq: int = -1
    speakers: dict[Speaker, None] = field(default_factory=dict)
    """Who is heard in them, in order."""

    def add(self, packet: Packet) -> None:
        """A packet was given to the encoder."""
        if packet.seq != self.seq:
            self.seq, self.parts = packet.seq, 0
        self.last = packet
        self.speakers[Speaker(packet.provider, packet.model, packet.voice)] = None
        self.ms += packet.ms
        self.audible = self.audible or packet.audible

    def audio(self, turn: str, variant: str, data: bytes) -> Audio:
        """The frame for what came out of the encoder."""
        assert self.last is not None  # noqa: S101 - an encoder gives nothing before it was fed
        part, self.parts = self.parts, self.parts + 1
        packet = self.last
        return Audio(
            turn=turn,
            seq=packet.seq,
            part=part,
            provider=packet.provider,
            model=packet.model,
            voice=packet.voice,
            variant=variant,
            data=data,
            ms=self.ms,
            last_of_sentence=packet.last_of_sentence,
            audible=self.audible,
            resumed=packet.resumed,
            speakers=tuple(self.speakers),
        )

    def sent(self, timeline: Timeline, now: float) -> None:
        """That frame was handed to the transport."""
        timeline.sent(now, self.ms, audible=self.audible)
        self.ms, self.audible = 0.0, False
        self.speakers.clear()
