"""Settings become providers: which class stands behind a name, and what it needs before it can be started."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segue.clock import Clock
from segue.configuration import ProviderSettings, ScriptedSettings
from segue.errors import ConfigurationError
from segue.providers.completions import OpenAICompatibleModel
from segue.providers.edge import EdgeSynthesizer
from segue.providers.espeak import EspeakSynthesizer
from segue.providers.google import GoogleSynthesizer
from segue.providers.google_recognizer import GoogleRecognizer
from segue.providers.kokoro import KokoroSynthesizer
from segue.providers.offline import OfflineResponder
from segue.providers.openai import OpenAIRecognizer, OpenAISynthesizer
from segue.providers.piper import PiperSynthesizer
from segue.providers.pocketsphinx import PocketsphinxRecognizer
from segue.providers.scripted import ScriptedModel, ScriptedSynthesizer
from segue.providers.whisper import WhisperRecognizer
from segue.providers.yandex import YandexRecognizer, YandexSynthesizer
from segue.vendors import edge, google, local, openai, yandex
from segue.vendors.account import Account, Provider, ProviderLimits, Role

ADAPTERS: Mapping[type[Provider], Callable[[str, Any, Clock], Any]] = {
    openai.OpenAIModel: OpenAICompatibleModel,
    openai.OpenAISynthesizer: OpenAISynthesizer,
    openai.OpenAIRecognizer: OpenAIRecognizer,
    google.GoogleSynthesizer: GoogleSynthesizer,
    google.GoogleRecognizer: GoogleRecognizer,
    edge.EdgeSynthesizer: EdgeSynthesizer,
    local.PiperSynthesizer: PiperSynthesizer,
    local.KokoroSynthesizer: KokoroSynthesizer,
    local.WhisperRecognizer: WhisperRecognizer,
    yandex.YandexSynthesizer: YandexSynthesizer,
    yandex.YandexRecognizer: YandexRecognizer,
}
"""The class that speaks with each vendor."""


STANDARD = ProviderLimits()


@dataclass(frozen=True, slots=True)
class Provided:
    """A provider that was built and not started. `missing` says what has to be set before it can be used."""

    provider: Any
    limits: ProviderLimits = STANDARD
    at_once: int | None = None
    missing: str | None = None


def provide(role: Role, name: str, providers: ProviderSettings, clock: Clock) -> Provided:
    """The provider that a name stands for in a role.

    Raises:
        ConfigurationError: there is none of this name, or it does something else.
    """
    named = providers.named.get(name)
    if named is None:
        return Provided(_built_in(role, name, providers, clock))
    if named.role != role:
        raise ConfigurationError(
            f"providers.{role}s: {name!r} is a {named.role} ({named.vendor}); name it under providers.{named.role}s."
        )
    missing = named.missing if isinstance(named, Account) else None
    return Provided(ADAPTERS[type(named)](name, named, clock), named.limits, named.at_once, missing)


def _built_in(role: Role, name: str, providers: ProviderSettings, clock: Clock) -> Any:
    makers: dict[tuple[str, str], Callable[[], Any]] = {
        ("model", "offline"): lambda: OfflineResponder(clock),
        ("model", "scripted"): lambda: _scripted_model(providers.scripted, clock),
        ("synthesizer", "espeak"): lambda: EspeakSynthesizer(clock, processes=providers.espeak.workers),
        ("synthesizer", "scripted"): lambda: _scripted_synthesizer(providers.scripted, clock),
        ("recognizer", "pocketsphinx"): lambda: PocketsphinxRecognizer(clock, processes=providers.pocketsphinx.workers),
    }
    maker = makers.get((role, name))
    if maker is None:
        own = [other for kind, other in makers if kind == role]
        configured = [other for other, named in providers.named.items() if named.role == role]
        raise ConfigurationError(
            f"providers.{role}s: there is no {role} {name!r}; there are {', '.join([*own, *configured])}."
            " Others are configured under providers.named."
        )
    return maker()


def _scripted_model(scripted: ScriptedSettings, clock: Clock) -> ScriptedModel:
    return ScriptedModel(
        clock, scripted.reply, first_token_s=scripted.first_token_s, interval_s=scripted.token_interval_s
    )


def _scripted_synthesizer(scripted: ScriptedSettings, clock: Clock) -> ScriptedSynthesizer:
    return ScriptedSynthesizer(
        clock,
        first_audio_s=scripted.first_audio_s,
        real_time_factor=scripted.real_time_factor,
        jitter_s=scripted.jitter_s,
        chunk_ms=scripted.chunk_ms,
        ms_per_character=scripted.ms_per_character,
        leading_silence_ms=scripted.leading_silence_ms,
    )
