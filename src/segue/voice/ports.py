"""What the voice plane needs from the outside: narrow shapes and the values that cross them.

Audio is mono, signed 16-bit little-endian PCM everywhere inside Segue. A provider speaks at its own rate and says
which; the plane resamples once.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from segue.records import PlaybackReport, TurnRecord


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation so far. `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is asked: the conversation, its last message being the listener's."""

    messages: tuple[Message, ...]
    language: str
    profile: str = "fast"
    model: str = ""
    """The provider's own name of the model; empty for its default."""
    max_tokens: int | None = None
    temperature: float | None = None
    spoken: str = ""
    """The beginning of the reply that another model wrote and the listener has heard: go on right after it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a provider is, for people.

    Its vendor, its own name of the model, the version of whatever does the work (a library, an engine), and where that
    is (an address without secrets, a path, or `here`).
    """

    vendor: str
    model: str = ""
    version: str = ""
    place: str = "here"


class LanguageModel(Protocol):
    """Writes a reply, token by token."""

    name: str

    @property
    def about(self) -> About:
        """What this provider is."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """Tokens of the reply as they are written; pieces of any length.

        Raises:
            ProviderError: the model failed; what was yielded before stays valid.
        """


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A voice that a provider offers. `languages` are codes like `uk`."""

    name: str
    provider: str
    languages: tuple[str, ...]
    gender: str = "unknown"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence to be spoken, already in words (see `speakable`). `speed` is relative: 1.0 is normal.

    `pitch_st` is in semitones relative to the voice's own; a provider that cannot shift pitch speaks without.
    """

    text: str
    language: str
    voice: str
    speed: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of speech and who really spoke it."""

    pcm: bytes
    rate: int
    provider: str
    model: str
    voice: str


class Synthesizer(Protocol):
    """Speaks sentences. A chain of synthesizers is a synthesizer."""

    name: str

    @property
    def about(self) -> About:
        """What this provider is."""

    def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """Speech of one sentence as it is made. Closing the iterator stops the synthesis at once.

        Raises:
            UnknownVoice: the voice is not among `voices()`, or cannot speak the language.
            ProviderError: the synthesis failed; what was yielded before was cut off there.
        """

    def voices(self) -> tuple[VoiceInfo, ...]:
        """Every voice that can be asked for."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a listener said. `phrases` narrows recognition to a closed list; `expected` asks whether it was said."""

    pcm: bytes
    rate: int
    language: str
    phrases: tuple[str, ...] = ()
    expected: str | None = None

    @property
    def duration_s(self) -> float:
        """How long it is, at two bytes a sample."""
        return len(self.pcm) / 2 / self.rate


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word with its place in the recording, in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard. Empty text means that no speech was recognized."""

    text: str
    language: str
    provider: str
    duration_s: float
    words: tuple[Word, ...] = ()
    confidence: float | None = None


class Recognizer(Protocol):
    """Turns a recording into text."""

    name: str
    languages: tuple[str, ...]

    @property
    def about(self) -> About:
        """What this provider is."""

    async def hear(self, recording: Recording) -> Transcript:
        """The words of a recording.

        Raises:
            UnknownLanguage: this recognizer does not hear that language.
            ProviderError: the recognition failed.
        """


@dataclass(frozen=True, slots=True)
class TurnFilter:
    """Which turns are wanted: those of which every given field is the same. Empty means any."""

    listener: str = ""
    variant: str = ""
    outcome: str = ""
    kind: str = ""


class TurnStore(Protocol):
    """Keeps what happened."""

    def append(self, record: TurnRecord) -> None:
        """Keep a record; returns at once, the writing happens behind it."""

    async def report(self, report: PlaybackReport) -> bool:
        """Keep a listener's report; False if the turn already has one (the first stays)."""

    async def find(self, turn: str) -> TurnRecord | None:
        """One record with its playback report, if there."""

    def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """Records in the order in which they were kept, oldest first; `since` in Unix seconds."""

    async def page(
        self, wanted: TurnFilter, *, before: tuple[float, str] | None = None, limit: int
    ) -> list[TurnRecord]:
        """The newest records that are wanted, newest first: those before (`at`, `turn`) in that order."""

    async def flush(self) -> None:
        """Return when everything appended before is durable."""


class Stored(NamedTuple):
    """An object in a store of audio: its key, its size, and when it was written in Unix seconds."""

    key: str
    size_bytes: int
    modified_s: float


class AudioStore(Protocol):
    """Keeps bytes under keys.

    A key is one or more names joined by `/`; a name consists of `a-z`, `0-9`, `.`, `_` and `-`, and begins with a
    letter or digit. Any other key is refused with a ValueError before the store is asked. A store that cannot do what
    it is asked, or not in time, raises Unavailable.
    """

    name: str
    """What the store is, for people."""

    async def get(self, key: str) -> bytes | None:
        """The object, or None if there is none."""

    async def put(
        self, key: str, data: bytes, *, media_type: str = "application/octet-stream", replace: bool = False
    ) -> bool:
        """Keep an object, whole or not at all; False if there was one already and it stayed."""

    async def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""

    def list(self, prefix: str) -> AsyncGenerator[Stored, None]:
        """Every object below `prefix`, in no particular order; `prefix` is one or more whole names."""

    async def link(self, key: str, seconds: float) -> str | None:
        """An address from which anybody can read the object for so long; None if the store is not reachable so."""

    async def check(self) -> None:
        """Return if the store can be written and read."""
