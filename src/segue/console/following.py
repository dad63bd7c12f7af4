"""Follows a run from a place on: live where it is made, from the store where it is made elsewhere or ended long ago."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from segue.clock import Clock
from segue.console.chats import Event, Run, RunState
from segue.console.live import ATTEMPT_EVENTS, AUDIO, GONE, Live, State
from segue.console.ports import ChatStore
from segue.errors import Unavailable

HEARTBEAT_S = 5.0
"""Something is told at least this often, so that a silence means that the server has gone."""
POLL_S = 0.25
"""How often it is asked whether a run that is made elsewhere has gone on."""
PAGE = 500
LAST = {"done", "error", "drain"}
"""Kinds of events behind which nothing comes."""


class Following:
    """One who follows a run. `live` finds a run that is made here; `closed` says that this server is about to stop."""

    def __init__(
        self, store: ChatStore, clock: Clock, live: Callable[[str], Live | None], closed: Callable[[], bool]
    ) -> None:
        self._store = store
        self._clock = clock
        self._live = live
        self._closed = closed

    async def events(self, run: Run, after: int = 0) -> AsyncGenerator[Event | None, None]:
        """The events of a run behind a place, until it ends; None now and then, where nothing happens.

        Sound that is not kept here any more is told once as `degraded` (`audio_gone`). Where this server stops, or
        cannot read what is kept, the last event is `drain` with the place from which to go on. An `error` is told only
        where no other attempt was begun since.
        """
        place = _Place(after, run.asked.speak, run.token)
        try:
            while True:
                live = self._newest(run, place)
                events = self._here(live, place) if live is not None else self._elsewhere(run, place)
                async with aclosing(events):
                    async for event in events:
                        if event is not None and event.kind == "error" and await self._begun_again(event, run, place):
                            place.seq = event.seq
                            break
                        yield event
                        if event is not None:
                            place.seq = event.seq
                            if event.kind in LAST:
                                return
                if place.over:
                    return
        except Unavailable:
            yield place.drain()

    def _newest(self, run: Run, place: "_Place") -> Live | None:
        """The run as it is made here; None, too, where another server has made the next attempt since."""
        live = self._live(run.id)
        return live if live is not None and live.run.token >= place.token else None

    async def _begun_again(self, error: Event, run: Run, place: "_Place") -> bool:
        """Whether another attempt was begun behind this error."""
        kept = await self._store.run(run.id)
        place.token = max(place.token, kept.token if kept is not None else 0)
        return kept is not None and error.seq <= (kept.token - 1) * ATTEMPT_EVENTS

    async def _here(self, live: Live, place: "_Place") -> AsyncGenerator[Event | None, None]:
        """From this server's memory; it ends without a last event where the run is somebody else's now."""
        while place.seq < live.first - 1:
            before = [
                event
                for event in await self._store.events(live.run.id, after=place.seq, limit=PAGE)
                if event.seq < live.first
            ]
            if not before:
                break
            for event in before:
                for told in place.kept(event):
                    yield told
        while True:
            news = live.news
            for event in live.after(place.seq):
                if event.kind == GONE:
                    place.seq = event.seq
                    if not place.deaf:
                        yield place.gone()
                    continue
                place.deaf = place.deaf and event.kind != AUDIO
                yield event
            if live.after(place.seq):
                continue
            if live.state is State.HANDED:
                yield place.drain()
            if live.state is not State.MAKING:
                place.over = live.state is State.ENDED
                return
            try:
                async with self._clock.limit(HEARTBEAT_S):
                    await news.wait()
            except TimeoutError:
                yield None

    async def _elsewhere(self, run: Run, place: "_Place") -> AsyncGenerator[Event | None, None]:
        """From the store, asked again and again; it ends without a last event where the run is made here now."""
        told_at = self._clock.now()
        while self._newest(run, place) is None:
            # Asked for before its events: once it has ended, they are all there.
            kept = await self._store.run(run.id)
            place.token = max(place.token, kept.token if kept is not None else 0)
            events = await self._store.events(run.id, after=place.seq, limit=PAGE)
            for event in events:
                for told in place.kept(event):
                    yield told
            if events:
                told_at = self._clock.now()
                continue
            if kept is None:
                yield Event(place.seq, "error", _REMOVED)
            if kept is None or (kept.state is not RunState.RUNNING and not await self._is_newer(kept)):
                place.over = True
                return
            if kept.state is not RunState.RUNNING:
                continue
            if self._closed():
                yield place.drain()
                return
            if self._clock.now() - told_at >= HEARTBEAT_S:
                told_at = self._clock.now()
                yield None
            await self._clock.sleep(POLL_S)

    async def _is_newer(self, kept: Run) -> bool:
        """Whether the run was begun again since it was read."""
        now = await self._store.run(kept.id)
        return now is not None and now.token > kept.token


class _Place:
    """How far somebody has come. `deaf` says that they were told that sound is gone.

    `token` is the newest they know of; nothing older is followed.
    """

    def __init__(self, seq: int, speak: bool, token: int) -> None:
        self.seq = seq
        self.token = token
        self.deaf = not speak
        self.over = False

    def kept(self, event: Event) -> list[Event]:
        """An event from the store, where there is no sound; before the first text it is said so."""
        gone = [self.gone()] if event.kind == "text" and not self.deaf else []
        return [*gone, event]

    def gone(self) -> Event:
        """Sound was here, and is not kept any more."""
        self.deaf = True
        return Event(self.seq, "degraded", {"reason": "audio_gone", "message": "The sound of this is not kept here."})

    def drain(self) -> Event:
        """Go on elsewhere, or later, behind this place."""
        return Event(self.seq, "drain", {"resume": self.seq})


_REMOVED = {"code": "unknown_run", "message": "The chat of this run was removed.", "retryable": False}
