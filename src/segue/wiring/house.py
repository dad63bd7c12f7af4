"""The one place that names concrete classes: settings become stores and providers, these become planes and the app."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.types import ASGIApp

from segue.clock import Clock, SystemClock
from segue.configuration import VoiceSettings
from segue.console.chatting import Chatting
from segue.operations.copying.backups import Backups
from segue.operations.evidence.recording import Recording
from segue.settings import Settings
from segue.stores.objects import Objects
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.vendors.objects import StorageSettings
from segue.voice import encoding
from segue.voice.cache import AudioCache
from segue.voice.files import VoiceFiles
from segue.voice.lookout import Change, Lookout
from segue.voice.plane import VoicePlane
from segue.voice.ports import Synthesizer
from segue.voice.reporting import Reports, ReportTokens
from segue.voice.session import Sessions
from segue.voice.speakable import speakable
from segue.voice.turn import Turns
from segue.web import app as door
from segue.wiring import readings
from segue.wiring.audit import watch_audit
from segue.wiring.backup import backups_of
from segue.wiring.chains import Team, Together
from segue.wiring.changes import Changes
from segue.wiring.chats import chats, watch_chats
from segue.wiring.console import Console, console
from segue.wiring.database import database_of, secret_of, switch_of, turn_store
from segue.wiring.delivery import Delivery, deliver, watch_delivery
from segue.wiring.ensemble import Ensemble, ensemble, offered
from segue.wiring.observed import Observed
from segue.wiring.operations import recording, watch_operations
from segue.wiring.settings import Governing, governing
from segue.wiring.tracing import tracer_of, watching

log = structlog.get_logger("segue.wiring")


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
    copying: Backups | None

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
            for sentence in self.plane.catalogue.renew(offered(self.speech)):
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
            copying=self.copying,
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
    tracer = tracer_of(settings.telemetry, metrics)
    parts += [tracer] if tracer is not None else []
    records = Observed(store, metrics, lookout, delivery.tally, tracer)
    objects = Objects(settings.storage if keep else StorageSettings(kind="memory"), settings.data, clock)
    cache = AudioCache(objects, clock, settings.cache)
    team = ensemble(settings, clock, cache, tracer.heard if tracer is not None else None)
    governed = governing(settings, clock, database, operators.memory, team)
    parts += [switch, objects, cache, Together(tuple(team.roles.values())), governed]
    parts += [*delivery.parts, *operators.parts]
    tokens, sessions = ReportTokens(secret), Sessions(secret, clock, settings.delivery.session_s)
    plane: VoicePlane = VoicePlane(
        settings=voice,
        turns=_turns(voice, clock, team, delivery, lookout, records, tokens, sessions),
        speech=team.speech.roster,
        speaker=team.speaker,
        hearing=team.hearing,
        catalogue=team.catalogue,
        models=team.writing.roster,
        records=records,
        reports=Reports(tokens, records, clock),
        lookout=lookout,
        switch=switch,
        files=VoiceFiles(objects, secret, clock),
        health=team.health,
    )
    chatting = chats(settings, clock, database, operators, plane)
    copying, more = backups_of(settings, clock, objects, operators.plane, database)
    each = ((*parts, *more), database, clock, team.speech, delivery, operators, chatting, recorded, governed, copying)
    house = House(settings, plane, metrics, *each)
    _watch(house, team, cache, sessions)
    return house


def _turns(
    voice: VoiceSettings,
    clock: Clock,
    team: Ensemble,
    delivery: Delivery,
    lookout: Lookout,
    records: Observed,
    tokens: ReportTokens,
    sessions: Sessions,
) -> Turns:
    return Turns(
        clock=clock,
        settings=voice,
        routing=delivery.published.current,
        models=team.writing.roster,
        speaker=team.speaker,
        catalogue=team.catalogue,
        lookout=lookout,
        hearing=team.hearing,
        records=records,
        tokens=tokens,
        sessions=sessions,
        watch=watching(delivery.watch, records.tracer),
    )


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


def _watch(house: House, team: Ensemble, cache: AudioCache, sessions: Sessions) -> None:
    """Tell the metrics where their readings come from."""
    metrics, plane = house.metrics, house.plane
    readings.watch_chains(metrics, team.roles)
    readings.watch_workers(metrics, team.pools())
    readings.watch_voice(metrics, cache, plane.lookout, sessions)
    readings.watch_process(metrics, plane.turns.places, house.database)
    watch_delivery(metrics, house.delivery)
    house.console.limiting.watch(metrics)
    watch_audit(metrics, house.console.plane.keeper)
    watch_chats(metrics, house.chatting)
    watch_operations(metrics, house.recording)
    house.governing.watch(metrics)
