"""The kill switch: two hands, of which the configuration's can only restrict, and a file that survives a restart."""

import asyncio
import json
from pathlib import Path

import pytest

from segue.clock import ManualClock
from segue.errors import ConfigurationError, InvalidRequest, Unavailable, VoiceDisabled
from segue.stores.switch import FileSwitchStore
from segue.vendors.degradation import WORDS, stream_enabled
from segue.voice.switch import Switch, SwitchState


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


async def test_what_was_turned_off_stays_off_after_a_restart(tmp_path: Path) -> None:
    """The next process reads how the switch was turned, with its reason and time; the configuration still restricts."""
    clock, folder = ManualClock(), tmp_path / "data"
    first = Switch(True, clock, FileSwitchStore(folder))
    await first.start()
    turned = await first.turn(False, "Тиша, будь ласка.")
    assert turned.kept
    await clock.advance(3600.0)

    second = Switch(True, clock, FileSwitchStore(folder))
    await second.start()
    assert second.state == turned
    await second.turn(True, "")
    third = Switch(False, clock, FileSwitchStore(folder))
    await third.start()
    assert not third.state.enabled


async def test_off_holds_even_if_it_cannot_be_kept(tmp_path: Path) -> None:
    """Where the folder cannot be written the switch turns all the same, and says that a restart would forget it."""
    (tmp_path / "data").write_text("a file in the way")
    switch = Switch(True, ManualClock(), FileSwitchStore(tmp_path / "data"))
    state = await switch.turn(False, "now")
    assert (state.enabled, state.kept) == (False, False)
    with pytest.raises(VoiceDisabled):
        switch.check()


class Held:
    """A store whose writing waits until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.saved: list[SwitchState] = []

    async def load(self) -> SwitchState | None:
        """Nothing was kept."""
        return None

    async def save(self, state: SwitchState) -> None:
        """Wait, then keep."""
        self.begun.set()
        await self.go.wait()
        self.saved.append(state)


async def test_off_holds_while_it_is_being_written() -> None:
    """Nobody begins a turn in the time a slow disk takes; of several hands at once the last one stands and is kept."""
    store = Held()
    switch = Switch(True, ManualClock(), store)
    off = asyncio.create_task(switch.turn(False, "off"))
    await store.begun.wait()
    with pytest.raises(VoiceDisabled):
        switch.check()
    on = asyncio.create_task(switch.turn(True, "on"))
    again = asyncio.create_task(switch.turn(False, "off again"))
    await asyncio.sleep(0)
    with pytest.raises(VoiceDisabled, match="off again"):
        switch.check()
    store.go.set()
    await asyncio.gather(off, on, again)
    assert (switch.state.reason, switch.state.kept) == ("off again", True)
    assert store.saved[-1] == switch.state


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"enabled": false}', '{"enabled": "no", "since": 1, "reason": "", "by": "api"}'],
)
async def test_a_file_that_cannot_be_understood_stops_the_start(tmp_path: Path, text: str) -> None:
    """Nobody knows whether speech was turned off, so it is not begun; the message names the file and the way out."""
    (tmp_path / "switch.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"switch\.json .* delete it"):
        await Switch(True, ManualClock(), FileSwitchStore(tmp_path)).start()


async def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in mid-write leaves what was kept before, whole."""
    store = FileSwitchStore(tmp_path)
    await store.save(SwitchState(False, 1.0, "first", "api"))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segue.stores.switch.os.fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await store.save(SwitchState(True, 2.0, "second", "api"))
    assert json.loads((tmp_path / "switch.json").read_text())["reason"] == "first"
    assert (await store.load()) == SwitchState(False, 1.0, "first", "api")
