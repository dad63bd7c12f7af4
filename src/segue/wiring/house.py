"""The one place that names concrete classes: settings become stores and providers, these become planes and the app."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp

from segue.clock import Clock, SystemClock
from segue.console.chatting import Chatting
from segue.operations.recording import Recording
from segue.providers.worker import PoolHealth
from segue.settings import Settings
from segue.stores.objects import Objects
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.vendors.objects import StorageSettings
from segue.voice import encoding
from segue.voice.cache import AudioCache
from segue.voice.catalogue import Catalogue
from segue.voice.characters import read
from segue.voice.files import VoiceFiles
from segue.voice.hearing import Hearing
from segue.voice.lookout import Change, Lookout
from segue.voice.pace import Paces
from segue.voice.plane import VoicePlane
from segue.voice.ports import LanguageModel, Recognizer, Synthesizer, VoiceInfo
from segue.voice.rendering import Studio
from segue.voice.reporting import Reports, ReportTokens
from segue.voice.session import Sessions
from segue.voice.speakable import speakable
from segue.voice.speaking import Speaker
from segue.voice.turn import Turns
from segue.web import app as door
from segue.wiring import readings
from segue.wiring.audit import watch_audit
from segue.wiring.chains import Team, Together, models, recognizers, synthesizers
from segue.wiring.changes import Changes
from segue.wiring.chats import chats, watch_chats
from segue.wiring.console import Console, console
from segue.wiring.database import database_of, secret_of, switch_of, turn_store
from segue.wiring.delivery import Delivery, deliver, watch_delivery
from segue.wiring.observed import Observed
from segue.wiring.operations import recording, watch_operations
from segue.wiring.settings import Governing, governing

log = structlog.get_logger("segue.wiring")

BUILT_IN = ("espeak", "scripted")
"""Synthesizers that need no entry in the settings."""


class Part(Protocol):
    """Something that is started with the process and closed with it."""

    async def start(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Let go of everything."""


@dataclass(slots=True)
class House:
    """A Segue that can be run: enter `running`, then use the plane or serve the app."""

    settings: Settings
    plane: VoicePlane
    metrics: Metrics
    parts: tuple[Part, ...]
    database: Sql | None
    clock: Clock
    speech: Team[Synthesizer]
    delivery: Delivery
    console: Console
    chatting: Chatting
    recording: Recording
    governing: Governing

    @asynccontextmanager
    async def running(self) -> AsyncIterator[VoicePlane]:
        """Start every part, and close them in the opposite order.

        Raises:
            Unavailable: nothing can be written or spoken. Without a recognizer Segue starts all the same, and says so.
        """
        async with AsyncExitStack() as started:
            warming = asyncio.create_task(asyncio.to_thread(_warm, self.settings.voice.languages))
            started.push_async_callback(asyncio.wait, {warming})
            for part in self.parts:
                started.push_async_callback(part.close)
                await part.start()
            for sentence in self.plane.catalogue.renew(_offered(self.speech)):
                log.warning("voice missing", reason=sentence)
            await warming
            started.push_async_callback(self.chatting.runs.close)
            await self.chatting.runs.start()
            yield self.plane

    async def drain(self) -> None:
        """Take nothing new, let what runs end for as long as is configured, and hand over replies that take longer."""
        within_s, places = self.settings.server.drain_s, self.plane.turns.places
        places.closed = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.chatting.runs.drain(within_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await places.empty()

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
        settings = self.settings
        return door.create(
            self.plane,
            self.metrics,
            self.readiness,
            settings.server,
            settings.openai,
            self.clock,
            settings.files.link_s,
            self.console.plane,
            self.chatting,
            self.delivery.controller,
            recording=self.recording,
            governed=self.governing,
        )


def build(settings: Settings, *, clock: Clock | None = None, keep: bool = True) -> House:
    """Put a Segue together; nothing is started yet. Without `keep` nothing is written to disk.

    Raises:
        ConfigurationError: the settings do not fit together.
    """
    clock = clock or SystemClock()
    metrics = Metrics()
    database = database_of(settings) if keep else None
    parts: list[Part] = [database, Changes(settings, clock, database)] if database is not None else []
    store = turn_store(database)
    secret = secret_of(settings, keep=keep)
    operators = console(settings, clock, database, secret)
    recorded = recording(settings, clock, database, operators)
    parts += [operators.plane.keeper, recorded]
    voice = settings.voice
    lookout = Lookout(clock, voice.degradation, voice.profiles, voice.profile, tell_change)
    switch = switch_of(settings, clock, database, operators.memory)
    delivery = deliver(settings, clock, database, store, lookout, switch, lambda: plane.turns.planner, operators.memory)
    records = Observed(store, metrics, lookout, delivery.tally)
    objects = Objects(settings.storage if keep else StorageSettings(kind="memory"), settings.data, clock)
    cache = AudioCache(objects, clock, settings.cache)
    writing, speech, listening = models(settings, clock), synthesizers(settings, clock), recognizers(settings, clock)
    parts += [switch, objects, cache, Together((writing, speech, listening))]
    hedge_s = voice.hedge_first_ms / 1000.0 if voice.hedge_first_ms else None
    speaker = Speaker(Studio(speech.roster.chain, Paces(), clock, cache, hedge_s), voice)
    hearing = Hearing(listening.roster, voice)
    catalogue = _catalogue(settings, speech)
    teams: dict[str, Team[Any]] = {"model": writing, "synthesizer": speech, "recognizer": listening}
    governed = governing(settings, clock, database, operators.memory, teams, catalogue)
    parts += [governed, *delivery.parts, *operators.parts]
    tokens, sessions = ReportTokens(secret), Sessions(secret, clock, settings.delivery.session_s)
    plane: VoicePlane = VoicePlane(
        settings=voice,
        turns=Turns(
            clock=clock,
            settings=voice,
            routing=delivery.published.current,
            models=writing.roster,
            speaker=speaker,
            catalogue=catalogue,
            lookout=lookout,
            hearing=hearing,
            records=records,
            tokens=tokens,
            sessions=sessions,
            watch=delivery.watch,
        ),
        speech=speech.roster,
        speaker=speaker,
        hearing=hearing,
        catalogue=catalogue,
        models=writing.roster,
        records=records,
        reports=Reports(tokens, records, clock),
        lookout=lookout,
        switch=switch,
        files=VoiceFiles(objects, secret, clock),
        health=lambda: _health(writing, speech, listening),
    )
    chatting = chats(settings, clock, database, operators, plane)
    each = (tuple(parts), database, clock, speech, delivery, operators, chatting, recorded, governed)
    house = House(settings, plane, metrics, *each)
    _watch(house, teams, cache, sessions)
    return house


def _warm(languages: Iterable[str]) -> None:
    """Build each language's tables and load what each format needs, so that no listener waits for them."""
    for language in languages:
        speakable("1", language)
    encoding.warm()


def tell_change(change: Change) -> None:
    """An axis of degradation changed: one line in the log."""
    log.warning(
        "degradation",
        axis=change.axis.value,
        before=change.before.value,
        after=change.after.value,
        word=change.word.value,
        reason=change.reason,
    )


def _watch(house: House, teams: Mapping[str, Team[Any]], cache: AudioCache, sessions: Sessions) -> None:
    """Tell the metrics where their readings come from; `teams` by role."""
    metrics, plane = house.metrics, house.plane
    readings.watch_chains(metrics, teams)
    readings.watch_workers(metrics, _pools(*teams.values()))
    readings.watch_voice(metrics, cache, plane.lookout, sessions)
    readings.watch_process(metrics, plane.turns.places, house.database)
    watch_delivery(metrics, house.delivery)
    house.console.limiting.watch(metrics)
    watch_audit(metrics, house.console.plane.keeper)
    watch_chats(metrics, house.chatting)
    watch_operations(metrics, house.recording)
    house.governing.watch(metrics)


def _pools(*teams: Team[Any]) -> dict[str, Callable[[], PoolHealth]]:
    """The providers that have processes of their own, by name, and how these are."""
    providers = [target.provider for team in teams for target in team.roster.chain.targets.values()]
    return {each.name: each.health for each in providers if hasattr(each, "health")}


def _offered(speech: Team[Synthesizer]) -> list[VoiceInfo]:
    """Every voice, those of the first choice first."""
    targets = speech.roster.chain.targets
    return [voice for name in speech.roster.ranked() for voice in targets[name].provider.voices()]


def _catalogue(settings: Settings, speech: Team[Synthesizer]) -> Catalogue:
    """The voices and characters, checked as far as providers know theirs before they start.

    Raises:
        ConfigurationError: a voice, a character or a provider that is named is not there.
    """
    voice, chain = settings.voice, speech.roster.order()
    named = settings.providers.named
    return Catalogue(
        _offered(speech),
        voice.voices,
        voice.languages,
        order=chain,
        preferred=voice.provider_voices,
        characters=read(voice.characters) if voice.characters is not None else None,
        elsewhere=[
            name
            for name in (*BUILT_IN, *(name for name, each in named.items() if each.role == "synthesizer"))
            if name not in chain
        ],
        pending=[name for name in chain if name in named],
    )


def _health(models: Team[LanguageModel], speech: Team[Synthesizer], hearing: Team[Recognizer]) -> dict[str, Any]:
    return {
        "model": {"name": models.roster.first().name},
        "synthesis": {"name": speech.roster.first().name, **_state(speech)},
        "recognition": {
            "name": hearing.roster.first().name if hearing.roster.usable() else None,
            "languages": list(
                dict.fromkeys(
                    code
                    for name in hearing.roster.usable()
                    for code in hearing.roster.chain.targets[name].provider.languages
                )
            ),
            **_state(hearing),
        },
    }


def _state(team: Team[Any]) -> dict[str, Any]:
    """How a team is: ready if anybody in it is. What has no processes of its own is always ready."""
    targets = [team.roster.chain.targets[name] for name in team.roster.ranked()]
    if not targets:
        return {"ready": False, "detail": "none is configured"}
    ready = any(target.unusable is None and getattr(target.provider, "ready", True) for target in targets)
    details = [why for target in targets if (why := target.unusable) is not None]
    state: dict[str, Any] = {"ready": ready, "detail": ""}
    for target in targets:
        if hasattr(target.provider, "health") and target.unusable is None:
            pool: PoolHealth = target.provider.health()
            details += [worker.last_error for worker in pool.workers if worker.last_error and not worker.ready]
            state["waiting"] = pool.waiting
            state["workers"] = [
                {"pid": worker.pid, "ready": worker.ready, "restarts": worker.restarts} for worker in pool.workers
            ]
    return {**state, "detail": "" if ready or not details else details[0]}
