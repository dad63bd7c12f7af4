"""One take: what came back when a sample was listened to, and what was kept of it for the next time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from segue.errors import BadAudio
from segue.operations.listening.samples import Sample
from segue.operations.listening.sound import Sound, measure
from segue.operations.listening.voiceprint import Voiceprint, from_dict, voiceprint
from segue.operations.ports import Answer
from segue.voice.containers.wav import mono, parse
from segue.voice.pace import letters


@dataclass(frozen=True, slots=True)
class Take:
    """What came of one try."""

    sample: Sample
    text: str
    spoken: str
    """The text in words, as a voice says it."""
    at_s: float
    """Unix seconds."""
    status: int
    took_ms: float
    """At the caller."""
    detail: str = ""
    """Why it was refused, or failed."""
    category: str = ""
    turn: str = ""
    variant: str = ""
    provider: str = ""
    model: str = ""
    voice: str = ""
    cache: str = ""
    first_ms: float | None = None
    """At the server, from the request until the first audible sound."""
    total_ms: float | None = None
    pcm: bytes = b""
    rate: int = 0
    sound: Sound | None = None
    mark: Voiceprint | None = None
    heard: str | None = None
    """What a recognizer heard; None where none listened."""
    recognizer: str = ""
    unheard: str = ""
    """Why none listened."""

    @property
    def pace_ms(self) -> float:
        """Time for a letter; 0 where nothing was spoken."""
        return self.sound.duration_ms / max(1, letters(self.spoken)) if self.sound is not None else 0.0

    @property
    def spoke(self) -> bool:
        """Whether there is a sound to be judged."""
        return self.sound is not None

    def as_dict(self) -> dict[str, Any]:
        """What is kept of it: figures and the print, and never the sound itself."""
        plain: dict[str, Any] = {
            "character": self.sample.character,
            "language": self.sample.language,
            "arm": self.sample.arm.value,
            "alone": self.sample.provider,
            "text": self.text,
            "at_s": round(self.at_s, 3),
            "status": self.status,
            "took_ms": round(self.took_ms, 1),
        }
        if not self.spoke or self.sound is None:
            return plain | {"category": self.category, "detail": self.detail}
        return plain | {
            "turn": self.turn,
            "variant": self.variant,
            "provider": self.provider,
            "model": self.model,
            "voice": self.voice,
            "cache": self.cache,
            "first_ms": self.first_ms,
            "total_ms": self.total_ms,
            "size_bytes": len(self.pcm),
            "pace_ms": round(self.pace_ms, 2),
            "sound": self.sound.figures(),
            "print": self.mark.as_dict() if self.mark is not None else None,
            "heard": self.heard,
            "recognizer": self.recognizer,
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of the last take of a sample that was found sound."""

    text: str
    at_s: float
    provider: str
    voice: str
    first_ms: float | None
    pace_ms: float
    mark: Voiceprint | None


def taken(sample: Sample, text: str, spoken: str, at_s: float, answer: Answer) -> Take:
    """The take that an answer of `/api/voice/try` is."""
    take = Take(sample, text, spoken, at_s, answer.status, answer.took_ms)
    if not answer.ok:
        plain = answer.plain()
        told = plain if isinstance(plain, Mapping) else {}
        detail = str(told.get("detail") or f"it answered {answer.status}")
        return replace(take, detail=detail, category=str(told.get("category") or ""))
    try:
        layout, body = parse(answer.body)
        rate, pcm = layout.rate, mono(layout, body)
    except BadAudio as error:
        return replace(take, detail=f"it answered with something that is no WAV file: {error.message}")
    timings = _timings(answer.headers.get("server-timing", ""))
    told = {name: answer.headers.get(f"segue-{name}", "") for name in _TOLD}
    return replace(
        take,
        **told,
        first_ms=timings.get("first"),
        total_ms=timings.get("total"),
        pcm=pcm,
        rate=rate,
        sound=measure(pcm, rate),
        mark=voiceprint(pcm, rate),
    )


def kept(reports: Iterable[Mapping[str, Any]]) -> dict[str, Kept]:
    """By the name of a sample what was last kept of it, from the facts of reports, the oldest first.

    What was found unsound is passed over: the next listening is compared with what was right.
    """
    found: dict[str, Kept] = {}
    for facts in reports:
        for name, plain in (facts.get("samples") or {}).items():
            if plain.get("sound") and plain.get("good"):
                found[name] = Kept(
                    str(plain["text"]),
                    float(plain["at_s"]),
                    str(plain["provider"]),
                    str(plain["voice"]),
                    plain["first_ms"],
                    float(plain["pace_ms"]),
                    from_dict(plain["print"] or {}),
                )
    return found


_TOLD = ("turn", "variant", "provider", "model", "voice", "cache")


def _timings(header: str) -> dict[str, float]:
    found = {}
    for part in header.split(","):
        name, _, value = part.strip().partition(";dur=")
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return found
