"""The kill switch: two hands, of which the configuration's can only restrict, and a file that survives a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from segue.clock import ManualClock
from segue.errors import ConfigurationError, InvalidRequest, Unavailable, VoiceDisabled
from segue.stores.switch import FileSwitchStore
from segue.vendors.degradation import WORDS, stream_enabled
from segue.voice.switch import Switch, SwitchState, Turning


@pytest.mark.parametrize("word", [*WORDS, "TRUE", "On", " yes ", "OFF", "No"])
def test_every_word_of_the_variable_means_what_it_says(word: str) -> None:
    """Four words mean on, four mean off, in whatever letter case and with blanks around."""
    assert stream_enabled(word) is (word.strip().lower() in {"1", "true", "yes", "on"})


def test_without_the_variable_it_is_on() -> None:
    """Nobody has to allow speech first."""
    assert stream_enabled(None)


@pytest.mark.parametrize("word", ["", " ", "2", "enabled", "tru", "да"])
def test_any_other_word_is_refused(word: str) -> None:
    """A word that is neither on nor off is refused with the name of the variable, instead of being taken for one."""
    with pytest.raises(ValueError, match=r"VOICE_STREAM_ENABLED=.*neither on nor off"):
        stream_enabled(word)


async def test_off_refuses_and_on_lets_through() -> None:
    """While it is off every check is refused with the operator's reason; on again, nothing is."""
    clock = ManualClock()
    switch = Switch(True, clock)
    switch.check()
    await clock.advance(5.0)
    state = await switch.turn(False, "The synthesizer shouts.")
    assert (state.enabled, state.by, state.since) == (False, "api", clock.wall())
    with pytest.raises(VoiceDisabled, match=r"off: The synthesizer shouts\.") as refused:
        switch.check()
    assert (refused.value.status, refused.value.code, refused.value.retryable) == (503, "voice_disabled", True)
    await switch.turn(True)
    switch.check()


async def test_turning_it_the_same_way_again_keeps_its_time() -> None:
    """`since` tells how long it has been so, not when somebody last said so; the reason is the latest."""
    clock = ManualClock()
    switch = Switch(True, clock)
    first = await switch.turn(False, "one")
    await clock.advance(60.0)
    again = await switch.turn(False, "two")
    assert (again.since, again.reason) == (first.since, "two")


async def test_the_configuration_can_only_restrict() -> None:
    """What the configuration keeps off cannot be turned on, whoever turns the switch."""
    switch = Switch(False, ManualClock())
    assert (switch.state.enabled, switch.state.by) == (False, "configuration")
    with pytest.raises(InvalidRequest, match="VOICE_STREAM_ENABLED"):
        await switch.turn(True)
    assert (await switch.turn(False, "really")).by == "configuration"
    with pytest.raises(VoiceDisabled):
        switch.check()


class Kept:
    """What several servers share: it can be gone, and it can be slow."""

    def __init__(self) -> None:
        self.state: SwitchState | None = None
        self.saved: list[Turning] = []
        self.gone = False
        self.go = asyncio.Event()
        self.go.set()
        self.begun = asyncio.Event()

    async def load(self) -> SwitchState | None:
        """See `SwitchStore.load`."""
        self._check()
        return self.state

    async def save(self, turning: Turning) -> bool:
        """See `SwitchStore.save`."""
        self.begun.set()
        await self.go.wait()
        self._check()
        self.saved.append(turning)
        self.state = replace(turning.state, kept=True)
        return True

    def _check(self) -> None:
        if self.gone:
            raise Unavailable("The database is gone.")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def kept() -> Kept:
    """A store that works."""
    return Kept()


@pytest.fixture
async def servers(kept: Kept, clock: ManualClock) -> AsyncIterator[list[Switch]]:
    """Two servers that share the store."""
    switches = [Switch(True, clock, kept) for _ in range(2)]
    for switch in switches:
        await switch.start()
    yield switches
    for switch in switches:
        await switch.close()


async def test_who_turned_it_is_told(kept: Kept, servers: list[Switch]) -> None:
    """The state names who turned it, and the store is told how they came in, when, and in which request."""
    state = await servers[0].turn(False, "a fault", by="ada", via="key:1a2b3c4d5e6f", request="r1")
    assert (state.by, state.kept) == ("ada", True)
    turning = kept.saved[0]
    assert (turning.state.by, turning.via, turning.request) == ("ada", "key:1a2b3c4d5e6f", "r1")
    assert turning.at == ManualClock().wall()


async def test_servers_follow_each_other(servers: list[Switch], clock: ManualClock) -> None:
    """Within a second every server that shares the store stands as the one that was turned, and back again."""
    one, other = servers
    await one.turn(False, "a fault", by="ada")
    await clock.advance(1.0)
    assert other.state == one.state
    with pytest.raises(VoiceDisabled, match="a fault"):
        other.check()
    await other.turn(True)
    await clock.advance(1.0)
    one.check()


async def test_off_holds_without_the_store_and_is_written_later(
    kept: Kept, servers: list[Switch], clock: ManualClock
) -> None:
    """Nobody waits for a database to be back to stop speech; once it is back all servers know, and it stands once."""
    one, other = servers
    kept.gone = True
    state = await one.turn(False, "now", by="ada")
    assert (state.enabled, state.kept) == (False, False)
    await clock.advance(30.0)
    with pytest.raises(VoiceDisabled):
        one.check()
    other.check()
    kept.gone = False
    await clock.advance(1.0)
    assert one.state.kept
    assert [turning.state.by for turning in kept.saved] == ["ada"]
    with pytest.raises(VoiceDisabled):
        other.check()


async def test_on_needs_the_store(kept: Kept, servers: list[Switch], clock: ManualClock) -> None:
    """What cannot be written is not turned on: neither here, nor when the store is back."""
    one, _ = servers
    off = await one.turn(False, "a fault")
    kept.gone = True
    with pytest.raises(Unavailable, match="gone"):
        await one.turn(True)
    assert one.state == off
    kept.gone = False
    await clock.advance(5.0)
    assert one.state == off
    assert len(kept.saved) == 1


async def test_off_that_is_owed_is_written_before_on(kept: Kept, servers: list[Switch]) -> None:
    """Whoever reads later what was done finds both, in their order."""
    kept.gone = True
    await servers[0].turn(False)
    kept.gone = False
    await servers[0].turn(True)
    assert [turning.state.enabled for turning in kept.saved] == [False, True]
    servers[0].check()


async def test_off_holds_though_the_caller_leaves(kept: Kept, servers: list[Switch], clock: ManualClock) -> None:
    """Somebody who hangs up before it is written has turned it off all the same, and it is written."""
    one, other = servers
    kept.go.clear()
    turning = asyncio.create_task(one.turn(False, "off"))
    await kept.begun.wait()
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    kept.go.set()
    await clock.advance(2.0)
    assert (one.state.enabled, one.state.kept) == (False, True)
    assert not other.state.enabled


async def test_off_holds_while_it_is_being_written(kept: Kept, servers: list[Switch]) -> None:
    """Nobody begins a turn in the time a slow disk takes; of several hands at once the last one stands and is kept."""
    switch = servers[0]
    kept.go.clear()
    off = asyncio.create_task(switch.turn(False, "off"))
    await kept.begun.wait()
    with pytest.raises(VoiceDisabled):
        switch.check()
    on = asyncio.create_task(switch.turn(True, "on"))
    again = asyncio.create_task(switch.turn(False, "off again"))
    await asyncio.sleep(0)
    with pytest.raises(VoiceDisabled, match="off again"):
        switch.check()
    kept.go.set()
    await asyncio.gather(off, on, again)
    assert (switch.state.reason, switch.state.kept) == ("off again", True)
    assert kept.state == switch.state


async def test_on_that_is_overtaken_does_not_hold(kept: Kept, servers: list[Switch]) -> None:
    """Turned off while on is being written: it is off here at once, and in the store when both are written."""
    switch = servers[0]
    await switch.turn(False, "first")
    kept.begun.clear()
    kept.go.clear()
    on = asyncio.create_task(switch.turn(True, "on"))
    await kept.begun.wait()
    off = asyncio.create_task(switch.turn(False, "second"))
    await asyncio.sleep(0)
    kept.go.set()
    await asyncio.gather(on, off)
    assert switch.state == kept.state
    assert (switch.state.enabled, switch.state.reason) == (False, "second")


class TestTheCopy:
    """What lies beside, in the data folder of each server."""

    async def begun(self, kept: Kept, folder: Path, clock: ManualClock) -> Switch:
        """A server that has started."""
        switch = Switch(True, clock, kept, FileSwitchStore(folder))
        await switch.start()
        return switch

    async def test_what_was_turned_off_stays_off(self, kept: Kept, tmp_path: Path, clock: ManualClock) -> None:
        """The next start finds how it was turned, also while the database is gone; then the database's word counts."""
        first = await self.begun(kept, tmp_path, clock)
        turned = await first.turn(False, "Тиша, будь ласка.", by="ada")
        await first.close()
        kept.gone = True
        second = await self.begun(kept, tmp_path, clock)
        assert second.state == turned
        kept.gone = False
        kept.state = SwitchState(True, 5.0, "", "eve")
        await second.refresh()
        assert second.state == kept.state
        await second.close()

    async def test_what_was_not_written_is_written_by_the_next_start(
        self, kept: Kept, tmp_path: Path, clock: ManualClock
    ) -> None:
        """A server that ends before the database is back owes it still, and the older word there does not count."""
        kept.state = SwitchState(True, 5.0, "", "eve")
        first = await self.begun(kept, tmp_path, clock)
        kept.gone = True
        assert not (await first.turn(False, "now", by="ada")).kept
        await first.close()
        kept.gone = False
        second = await self.begun(kept, tmp_path, clock)
        assert (second.state.enabled, second.state.kept) == (False, False)
        await second.refresh()
        assert (second.state.by, second.state.kept) == ("ada", True)
        assert not kept.state.enabled
        await second.close()

    async def test_an_older_folder_is_read_once(self, kept: Kept, tmp_path: Path, clock: ManualClock) -> None:
        """The file of a Segue that kept it nowhere else goes into the database, and does not come back from there."""
        old = {"enabled": False, "since": 7.0, "reason": "old", "by": "api"}
        (tmp_path / "switch.json").write_text(json.dumps(old))
        first = await self.begun(kept, tmp_path, clock)
        assert first.state.reason == "old"
        await first.refresh()
        assert kept.state == SwitchState(**old)
        await first.turn(True)
        await first.close()
        (tmp_path / "switch.json").write_text(json.dumps(old))
        second = await self.begun(kept, tmp_path, clock)
        assert second.state.enabled
        await second.close()

    async def test_off_holds_though_no_copy_can_be_written(
        self, kept: Kept, tmp_path: Path, clock: ManualClock
    ) -> None:
        """A folder that cannot be written hinders neither turning nor keeping."""
        (tmp_path / "data").mkdir()
        switch = await self.begun(kept, tmp_path / "data", clock)
        (tmp_path / "data").rmdir()
        (tmp_path / "data").write_text("a file in the way")
        assert (await switch.turn(False, "now")).kept
        with pytest.raises(VoiceDisabled):
            switch.check()
        await switch.close()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"enabled": false}', '{"enabled": "no", "since": 1, "reason": "", "by": "api"}'],
)
async def test_a_file_that_cannot_be_understood_stops_the_start(tmp_path: Path, text: str) -> None:
    """Nobody knows whether speech was turned off, so it is not begun; the message names the file and the way out."""
    (tmp_path / "switch.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"switch\.json .* delete it"):
        await Switch(True, ManualClock(), None, FileSwitchStore(tmp_path)).start()


async def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in mid-write leaves what was kept before, whole."""
    store = FileSwitchStore(tmp_path)
    await store.save(Turning(SwitchState(False, 1.0, "first", "api"), 1.0))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segue.stores.switch.os.fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await store.save(Turning(SwitchState(True, 2.0, "second", "api"), 2.0))
    assert json.loads((tmp_path / "switch.json").read_text())["reason"] == "first"
    assert (await store.load()) == SwitchState(False, 1.0, "first", "api")
