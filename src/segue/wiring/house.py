"""The one place that names concrete classes: settings become stores and providers, these become planes and the app."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp

from segue.clock import Clock, SystemClock
from segue.configuration import ProviderSettings, ScriptedSettings
from segue.errors import Unavailable
from segue.providers.espeak import EspeakSynthesizer
from segue.providers.offline import OfflineResponder
from segue.providers.pocketsphinx import PocketsphinxRecognizer
from segue.providers.scripted import ScriptedModel, ScriptedSynthesizer
from segue.providers.seat import WorkerHealth
from segue.records import PlaybackReport, TurnRecord
from segue.routing import RoutingTable
from segue.settings import Settings
from segue.stores.memory import MemoryTurnStore
from segue.stores.secret import signing_secret
from segue.stores.sql.engine import Database
from segue.stores.sql.turns import SqlTurnStore
from segue.telemetry.metrics import Metrics
from segue.voice import encoding
from segue.voice.catalogue import Catalogue
from segue.voice.hearing import Hearing
from segue.voice.plane import VoicePlane
from segue.voice.ports import LanguageModel, Recognizer, Synthesizer, TurnStore
from segue.voice.reporting import Reports, ReportTokens
from segue.voice.speakable import speakable
from segue.voice.speaking import Speaker
from segue.voice.turn import Turns
from segue.web import app as door

log = structlog.get_logger("segue.wiring")


class Part(Protocol):
    """Something that is started with the process and closed with it."""

    async def start(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Let go of everything."""


class Observed:
    """A turn store whose records are counted as they are kept."""

    def __init__(self, store: TurnStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    def append(self, record: TurnRecord) -> None:
        """See `TurnStore.append`."""
        self._store.append(record)
        self._metrics.observe(record)

    async def report(self, report: PlaybackReport) -> bool:
        """See `TurnStore.report`."""
        return await self._store.report(report)

    async def find(self, turn: str) -> TurnRecord | None:
        """See `TurnStore.find`."""
        return await self._store.find(turn)

    def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """See `TurnStore.read`."""
        return self._store.read(since=since, limit=limit)

    async def flush(self) -> None:
        """See `TurnStore.flush`."""
        await self._store.flush()


@dataclass(slots=True)
class House:
    """A Segue that can be run: enter `running`, then use the plane or serve the app."""

    settings: Settings
    plane: VoicePlane
    metrics: Metrics
    parts: tuple[Part, ...]
    database: Database | None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[VoicePlane]:
        """Start every part, and close them in the opposite order.

        Raises:
            Unavailable: nothing can be spoken. Without a recognizer Segue starts all the same, and says so.
        """
        async with AsyncExitStack() as started:
            for part in self.parts:
                started.push_async_callback(part.close)
                try:
                    await part.start()
                except Unavailable as error:
                    if not isinstance(part, PocketsphinxRecognizer):
                        raise
                    log.warning("recordings cannot be recognized", reason=error.message)
            for language in self.settings.voice.languages:
                speakable("1", language)  # builds the language's tables, so that no listener waits for them
            encoding.warm()
            yield self.plane

    def readiness(self) -> Mapping[str, str]:
        """What keeps this process from serving: a name and a sentence each."""
        reasons = {}
        if self.plane.turns.places.closed:
            reasons["draining"] = "This server is about to stop; running replies are being finished."
        synthesis = self.plane.health()["synthesis"]
        if not synthesis["ready"]:
            reasons["synthesis"] = str(synthesis["detail"])
        if self.database is not None and not (health := self.database.health()).ready:
            reasons["database"] = str(health.failure or "The database is not open.")
        return reasons

    def app(self) -> ASGIApp:
        """The ASGI application, to be served while `running`."""
        return door.create(self.plane, self.metrics, self.readiness, self.settings.server, self.settings.openai)


def build(settings: Settings, *, clock: Clock | None = None, keep: bool = True) -> House:
    """Put a Segue together; nothing is started yet. Without `keep` nothing is written to disk.

    Raises:
        ConfigurationError: the settings do not fit together.
    """
    clock = clock or SystemClock()
    metrics = Metrics()
    parts: list[Part] = []
    database, store = _store(settings, parts, keep=keep)
    records = Observed(store, metrics)
    synthesizer = _synthesizer(settings.providers, clock, parts)
    recognizer = _recognizer(settings.providers, clock, parts)
    model = _model(settings.providers, clock)
    voice = settings.voice
    speaker = Speaker(synthesizer, clock, voice)
    hearing = Hearing(recognizer, clock, voice)
    tokens = ReportTokens(signing_secret(settings.data) if keep else secrets.token_bytes(32))
    table = RoutingTable()
    plane = VoicePlane(
        settings=voice,
        turns=Turns(
            clock=clock,
            settings=voice,
            routing=lambda: table,
            model=model,
            speaker=speaker,
            hearing=hearing,
            records=records,
            tokens=tokens,
        ),
        speaker=speaker,
        hearing=hearing,
        catalogue=Catalogue(synthesizer.voices(), _default_voices(settings), voice.languages),
        model=model,
        records=records,
        reports=Reports(tokens, records, clock),
        health=lambda: _health(model, synthesizer, recognizer),
    )
    pools = [part for part in parts if isinstance(part, EspeakSynthesizer | PocketsphinxRecognizer)]
    metrics.watch("worker_ready", lambda: _of_workers(pools, lambda worker: float(worker.ready)))
    metrics.watch("worker_restarts", lambda: _of_workers(pools, lambda worker: float(worker.restarts)))
    metrics.watch("running_turns", lambda: float(plane.turns.places.held))
    if database is not None:
        metrics.watch("database_ready", lambda: float(database.health().ready))
        metrics.watch("queued_writes", lambda: float(database.health().queued))
        metrics.watch("lost_writes", lambda: float(database.health().lost))
    return House(settings, plane, metrics, tuple(parts), database)


def open_records(settings: Settings) -> tuple[Part, TurnStore]:
    """The records of a data folder for reading, while the server that writes them may run; start the part first."""
    database = Database(settings.data / "segue.db", read_only=True)
    return database, SqlTurnStore(database)


def _of_workers(
    pools: list[EspeakSynthesizer | PocketsphinxRecognizer], figure: Callable[[WorkerHealth], float]
) -> dict[str, float]:
    """A figure of each worker, by its name."""
    return {
        f"{pool.name}-{number}": figure(worker)
        for pool in pools
        for number, worker in enumerate(pool.health().workers, 1)
    }


def _store(settings: Settings, parts: list[Part], *, keep: bool) -> tuple[Database | None, TurnStore]:
    if not keep:
        return None, MemoryTurnStore()
    database = Database(settings.data / "segue.db")
    parts.append(database)
    return database, SqlTurnStore(database)


def _synthesizer(providers: ProviderSettings, clock: Clock, parts: list[Part]) -> Synthesizer:
    if providers.synthesizers[0] == "scripted":
        return _scripted_synthesizer(providers.scripted, clock)
    espeak = EspeakSynthesizer(clock, processes=providers.espeak.workers)
    parts.append(espeak)
    return espeak


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


def _recognizer(providers: ProviderSettings, clock: Clock, parts: list[Part]) -> Recognizer | None:
    if not providers.recognizers:
        return None
    pocketsphinx = PocketsphinxRecognizer(clock, processes=providers.pocketsphinx.workers)
    parts.append(pocketsphinx)
    return pocketsphinx


def _model(providers: ProviderSettings, clock: Clock) -> LanguageModel:
    if providers.models[0] == "scripted":
        scripted = providers.scripted
        return ScriptedModel(
            clock, scripted.reply, first_token_s=scripted.first_token_s, interval_s=scripted.token_interval_s
        )
    return OfflineResponder(clock)


def _default_voices(settings: Settings) -> Mapping[str, str]:
    if settings.providers.synthesizers[0] == "scripted":
        return {language: f"scripted-{language}" for language in settings.voice.languages}
    return settings.voice.voices


def _health(model: LanguageModel, synthesizer: Synthesizer, recognizer: Recognizer | None) -> dict[str, Any]:
    return {
        "model": {"name": model.name},
        "synthesis": {"name": synthesizer.name, **_state(synthesizer)},
        "recognition": {
            "name": recognizer.name if recognizer else None,
            "languages": list(recognizer.languages) if recognizer else [],
            **_state(recognizer),
        },
    }


def _state(provider: object) -> dict[str, Any]:
    """How a provider is; one that has no processes is always ready."""
    if provider is None:
        return {"ready": False, "detail": "none is configured"}
    if not isinstance(provider, EspeakSynthesizer | PocketsphinxRecognizer):
        return {"ready": True, "detail": ""}
    pool = provider.health()
    troubles = [worker.last_error for worker in pool.workers if worker.last_error and not worker.ready]
    return {
        "ready": provider.ready,
        "detail": troubles[0] if troubles else "",
        "waiting": pool.waiting,
        "workers": [{"pid": worker.pid, "ready": worker.ready, "restarts": worker.restarts} for worker in pool.workers],
    }
