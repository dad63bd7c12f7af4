"""The shape of the configuration: one frozen section for each part, every setting with its meaning and its default.

`settings.py` fills it from a file and the environment; `segue schema` prints it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from segue.section import Count, Seconds, Section
from segue.vendors.degradation import DegradationSettings, ProfilesSettings
from segue.vendors.edge import EdgeSynthesizer
from segue.vendors.google import GoogleRecognizer, GoogleSynthesizer
from segue.vendors.local import KokoroSynthesizer, PiperSynthesizer, WhisperRecognizer
from segue.vendors.openai import OpenAIModel, OpenAIRecognizer, OpenAISynthesizer
from segue.vendors.yandex import YandexRecognizer, YandexSynthesizer

AnyProvider = Annotated[
    OpenAIModel
    | OpenAISynthesizer
    | OpenAIRecognizer
    | GoogleSynthesizer
    | GoogleRecognizer
    | YandexSynthesizer
    | YandexRecognizer
    | EdgeSynthesizer
    | PiperSynthesizer
    | KokoroSynthesizer
    | WhisperRecognizer,
    Field(discriminator="vendor"),
]


class ServerSettings(Section):
    """The door."""

    host: str = "127.0.0.1"
    """Address to listen on. Other than loopback means that others can reach this server."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8002
    """Port to listen on; 0 takes a free one."""
    body_limit_bytes: Count = 26_214_400
    """A larger request body is refused with 413."""
    receive_timeout_s: Seconds = 10.0
    """A request whose head or body has not arrived by then is refused with 408."""
    send_timeout_s: Seconds = 60.0
    """A listener who takes nothing for this long is let go."""
    drain_s: Seconds = 20.0
    """On SIGTERM running replies may take this long to finish."""
    max_connections: Count = 2000
    """More connections than this are answered with 503."""


class LimitSettings(Section):
    """Time limits, on our own clock."""

    first_token_s: Seconds = 10.0
    """The language model's first token of the reply itself, its reasoning not counted."""
    token_stall_s: Seconds = 10.0
    """The gap between two tokens."""
    first_audible_s: Seconds = 4.0
    """The first audible audio of a sentence."""
    stall_s: Seconds = 1.5
    """The longest time in which less than a tenth of it arrives as audio of a sentence that has begun."""
    sentence_s: Seconds = 60.0
    """One sentence from asking to the last byte, not counting the time its listener is slow."""
    turn_s: Seconds = 600.0
    """A whole turn."""
    recognition_s: Seconds = 60.0
    """One recording."""


class BreakerSettings(Section):
    """When a provider is left alone for a while, and when it is tried again."""

    in_a_row: Count = 5
    """So many failed or slow calls in a row open its breaker."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Or such a share of its calls in the window."""
    least: Count = 10
    """The share is judged from so many calls on."""
    window_s: Seconds = 300.0
    """Length of that window."""
    open_s: Seconds = 60.0
    """How long it is left alone; up to a tenth longer, by chance."""
    alone_s: Seconds = 12.0
    """How long at most, where there is no other provider."""
    probes: Count = 3
    """So many short probes must succeed before it is used again; one that fails leaves it alone once more."""


class VoiceSettings(Section):
    """How replies are spoken."""

    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages that listeners may use."""
    default_language: str = "en"
    """Language of a text that does not show its own."""
    voices: Mapping[str, str] = {}
    """Default voice of a language; one without an entry has the first voice of the first synthesizer that speaks it."""
    provider_voices: Mapping[str, Mapping[str, str]] = {}
    """By synthesizer and language: the voice that it uses where none is asked for, or in place of another's."""
    characters: Path | None = None
    """Catalogue file of characters."""
    stream_enabled: bool = True
    """Whether replies are streamed as speech; the environment variable `VOICE_STREAM_ENABLED` can only turn it off."""
    profile: Literal["fast", "quality"] = "fast"
    """Profile of a turn that names none."""
    max_turns: Count = 200
    """Turns at once; one more is refused with 503 and Retry-After."""
    text_limit_characters: Count = 20_000
    """A longer text is refused with 413."""
    recording_limit_s: Seconds = 120.0
    """A longer recording is refused with 413."""
    lookahead_sentences: Count = 2
    """How many sentences are synthesized ahead of the one that is being sent."""
    lead_s: Seconds = 30.0
    """A chat reply is not synthesized further ahead of its listener than this much playing time."""
    synthesis_at_once: Count = 32
    """Sentences synthesized at once, over all turns and providers."""
    provider_at_once: Mapping[str, int] = {}
    """Calls of one provider at once; without an entry only the limit above holds."""
    hedge_first_ms: Annotated[float, Field(ge=0)] = 0.0
    """When the first sentence of a reply is not audible after this long, the next synthesizer is asked beside the
    first, and whoever is quicker speaks; 0 never. It costs a second synthesis, and may cost the voice."""
    retry_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """How many of a provider's calls may be repeats of a failed one; two in ten seconds are always allowed."""
    breaker: BreakerSettings = BreakerSettings()
    profiles: ProfilesSettings = ProfilesSettings()
    degradation: DegradationSettings = DegradationSettings()
    idle_flush_ms: Annotated[float, Field(ge=0)] = 400.0
    """A finished sentence is spoken when the model has been silent for this long."""
    first_clause: bool = True
    """The first piece of a reply may end at a comma."""
    pause_scale: Annotated[float, Field(ge=0, le=5)] = 1.0
    """Length of the pauses between sentences; 1 is normal, 0 is none."""
    cushion_ms: Annotated[float, Field(ge=0, le=5000)] = 120.0
    """How much audio a listener gathers before playing: the page's start, and the virtual listener's."""
    limits: LimitSettings = LimitSettings()

    @model_validator(mode="after")
    def _languages_agree(self) -> "VoiceSettings":
        known = {"en", "uk", "ru", "zh"}
        if not self.languages or set(self.languages) - known:
            raise ValueError(f"languages: name at least one of {', '.join(sorted(known))}, and no other")
        if self.default_language not in self.languages:
            raise ValueError(f"default_language: {self.default_language!r} is not among languages")
        return self


class EspeakSettings(Section):
    """The embedded synthesizer."""

    workers: Annotated[int, Field(gt=0, le=16)] = 2
    """Processes that speak; one does about a thousand times real time."""


class PocketsphinxSettings(Section):
    """The embedded recognizer (English)."""

    workers: Annotated[int, Field(gt=0, le=16)] = 1
    """Processes that listen."""


class ScriptedSettings(Section):
    """The built-in fakes with a known behaviour, for tests, demonstrations and benchmarks."""

    reply: str = ""
    """What the scripted model answers; empty repeats the question."""
    first_token_s: Annotated[float, Field(ge=0)] = 0.0
    """Wait before the first token."""
    token_interval_s: Annotated[float, Field(ge=0)] = 0.0
    """Wait between tokens."""
    first_audio_s: Annotated[float, Field(ge=0)] = 0.0
    """Wait before the first audio of a sentence."""
    real_time_factor: Annotated[float, Field(ge=0)] = 0.0
    """Time to make a second of speech, in seconds; 0 is instant."""
    jitter_s: Annotated[float, Field(ge=0)] = 0.0
    """Largest random wait added to each piece."""
    chunk_ms: Annotated[float, Field(gt=0)] = 100.0
    """Length of a piece of speech."""
    ms_per_character: Annotated[float, Field(gt=0)] = 60.0
    """Length of speech for a character of text."""
    leading_silence_ms: Annotated[float, Field(ge=0)] = 0.0
    """Silence at the beginning of each sentence."""


class ProviderSettings(Section):
    """Who writes, speaks and listens."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("offline",)
    """Language models, the first choice first; a profile may name its own (`voice.profiles`)."""
    synthesizers: Annotated[tuple[str, ...], Field(min_length=1)] = ("espeak",)
    """Synthesizers, the first choice first."""
    recognizers: tuple[str, ...] = ("pocketsphinx",)
    """Recognizers, the first choice first; may be empty."""
    named: Mapping[str, AnyProvider] = {}
    """Providers under names of your own; the built-in ones (`offline`, `espeak`, `pocketsphinx`, `scripted`) need no
    entry."""
    espeak: EspeakSettings = EspeakSettings()
    pocketsphinx: PocketsphinxSettings = PocketsphinxSettings()
    scripted: ScriptedSettings = ScriptedSettings()


class OpenAINames(Section):
    """OpenAI's own names, and what they mean here, so that existing clients need only another base URL."""

    speech_models: tuple[str, ...] = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
    """Names that mean the configured synthesizer."""
    transcription_models: tuple[str, ...] = (
        "whisper-1",
        "gpt-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
    )
    """Names that mean the configured recognizer."""
    chat_models: Mapping[str, Literal["fast", "quality"]] = {
        "gpt-4o-mini": "fast",
        "gpt-4o": "quality",
        "gpt-4.1-mini": "fast",
        "gpt-4.1": "quality",
    }
    """Names that mean the configured language model, and with which profile."""
    voices: Mapping[str, Literal["default", "female", "male"]] = {
        "alloy": "default",
        "ash": "male",
        "ballad": "male",
        "cedar": "male",
        "coral": "female",
        "echo": "male",
        "fable": "default",
        "marin": "female",
        "nova": "female",
        "onyx": "male",
        "sage": "female",
        "shimmer": "female",
        "verse": "male",
    }
    """Names that mean a voice of the text's language: its default one, or the first female or male one."""


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """`auto` is for people on a terminal and JSON elsewhere."""
