"""Live settings: what may be said in them, what becomes of them elsewhere, and which version is in force."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock
from segue.errors import ConfigurationError, InvalidRequest, NotFound, Unavailable
from segue.stores.console import MemoryAuditStore
from segue.stores.settings import NAME, FileCopy, MemorySettingsStore
from segue.voice.live import (
    Change,
    LiveSettings,
    Outdated,
    Version,
    altered,
    differences,
    fitted,
    objections,
    stranded,
    understood,
)
from segue.voice.versions import FOLLOW_S, SettingsStore, Versions

THERE = {
    "model": {"offline": True, "scripted": True},
    "synthesizer": {"espeak": True, "edge": False, "scripted": True},
    "recognizer": {"vosk": False},
}
NAMES = st.sampled_from(["offline", "scripted", "espeak", "edge", "vosk", "gone"])
VALUES = st.builds(
    LiveSettings,
    st.dictionaries(NAMES, st.text(min_size=1), max_size=6),
    st.dictionaries(st.sampled_from(list(THERE)), NAMES),
)


@given(VALUES)
def test_plain_values_are_understood_as_what_they_were(value: LiveSettings) -> None:
    """Whatever was written down is read again as the same."""
    assert understood(value.as_dict()) == value


@pytest.mark.parametrize(
    "plain", [None, 7, [], {}, {"off": {}}, {"off": [], "first": {}}, {"off": {"a": 1}, "first": {}}]
)
def test_what_is_no_live_settings_is_refused(plain: Any) -> None:
    """Anything else is no live settings, whatever of it looks like some."""
    with pytest.raises(ValueError, match="no live settings"):
        understood(plain)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (LiveSettings({"espeek": "x"}), "There is no provider 'espeek'; try espeak."),
        (LiveSettings({"espeak": " "}), "Say why espeak is switched off."),
        (
            LiveSettings({}, {"synthesizer": "offline"}),
            "There is no synthesizer 'offline'; try espeak, edge, scripted.",
        ),
        (LiveSettings({}, {"voice": "espeak"}), "There is no role 'voice'; there are model, synthesizer, recognizer."),
    ],
)
def test_unknown_names_are_refused_with_near_ones(value: LiveSettings, said: str) -> None:
    """One sentence names what is wrong, and what was perhaps meant."""
    assert list(objections(value, THERE)) == [said]


def test_a_role_must_keep_somebody_who_can_be_used() -> None:
    """Who is left out anyhow does not count, and a role in which nobody could be used has nobody to lose."""
    assert stranded(LiveSettings({"espeak": "x"}), THERE) == ()
    assert stranded(LiveSettings({"espeak": "x", "scripted": "x"}), THERE) == ("synthesizer",)
    assert stranded(LiveSettings({name: "x" for names in THERE.values() for name in names}), THERE) == (
        "model",
        "synthesizer",
    )


@given(VALUES)
def test_what_fits_has_nothing_unknown_and_loses_nothing_known(value: LiveSettings) -> None:
    """Elsewhere only the names that are not configured there are left out, and each of them is told."""
    fit, lost = fitted(value, THERE)
    assert not [sentence for sentence in objections(fit, THERE) if "There is no" in sentence]
    assert len(fit.off) + len(fit.first) + len(lost) == len(value.off) + len(value.first)
    assert ("gone is switched off, but not configured here." in lost) is ("gone" in value.off)


@given(VALUES, VALUES)
def test_differences_are_told_exactly_where_there_are_some(before: LiveSettings, after: LiveSettings) -> None:
    """Nothing is told of two that are the same, and something of any other two."""
    assert (differences(before, after) == ()) is (before == after)


def test_a_change_leaves_everything_else() -> None:
    """What is not spoken of stays; an empty name puts nobody first."""
    before = LiveSettings({"edge": "a", "espeak": "b"}, {"model": "offline", "synthesizer": "edge"})
    after = altered(before, {"vosk": "c"}, ["edge"], {"synthesizer": ""})
    assert after == LiveSettings({"espeak": "b", "vosk": "c"}, {"model": "offline"})


class Flaky:
    """A store behind a connection that can be cut."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store
        self.trouble: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return getattr(self._store, name)


class Server:
    """A server's live settings, and what it applied so far."""

    def __init__(
        self, clock: ManualClock, store: SettingsStore, there: Any = THERE, copy: FileCopy | None = None
    ) -> None:
        self.applied: list[LiveSettings] = []
        self.store: Any = Flaky(store)
        self.versions = Versions(clock, self.store, self.applied.append, lambda: there, copy)

    async def off(self, *names: str, base: int, force: bool = False) -> Version:
        """Switch these off and all others on."""
        wanted = LiveSettings(dict.fromkeys(names, "x"))
        return await self.versions.change(base, wanted, "why", by="ada", force=force)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def kept() -> MemorySettingsStore:
    """What two servers share."""
    return MemorySettingsStore(MemoryAuditStore().write)


async def test_others_follow_within_a_second(clock: ManualClock, kept: SettingsStore) -> None:
    """A change holds at once where it is made, and elsewhere once that server has looked, twice a second."""
    here, there = Server(clock, kept), Server(clock, kept)
    await here.versions.start()
    await there.versions.start()
    await here.off("espeak", base=0)
    assert [each.off for each in here.applied] == [{"espeak": "x"}]
    assert there.applied == []
    await clock.advance(FOLLOW_S)
    assert there.applied == here.applied
    assert FOLLOW_S < 1.0
    await here.versions.close()
    await there.versions.close()


async def test_of_two_who_change_the_same_version_one_is_refused(clock: ManualClock, kept: SettingsStore) -> None:
    """The other learns which is the newest, and nothing of theirs is in force anywhere."""
    here, there = Server(clock, kept), Server(clock, kept)
    await here.off("espeak", base=0)
    with pytest.raises(Outdated) as refused:
        await there.off("edge", base=0)
    assert refused.value.current == {"version": 1, "by": "ada", "reason": "why"}
    assert there.applied == []
    assert (await there.off("edge", base=1)).number == 2


async def test_nobody_is_left_without_a_provider_unless_it_is_forced(clock: ManualClock, kept: SettingsStore) -> None:
    """What would leave a role with nobody changes nothing; forced, it is done."""
    here = Server(clock, kept)
    with pytest.raises(InvalidRequest, match="Nobody would be left as synthesizer"):
        await here.off("espeak", "scripted", base=0)
    with pytest.raises(InvalidRequest, match="There is no provider 'nobody'"):
        await here.off("nobody", base=0, force=True)
    assert await kept.newest() is None
    assert (await here.off("espeak", "scripted", base=0, force=True)).number == 1


async def test_an_earlier_version_is_in_force_again_as_a_new_one(clock: ManualClock, kept: SettingsStore) -> None:
    """History only grows; 0 is the configuration by itself; a number that is not there is refused."""
    here = Server(clock, kept)
    await here.off("espeak", base=0)
    await here.off("edge", base=1)
    again = await here.versions.restore(1, "as it was", by="eve", force=False)
    assert (again.number, again.value.off, here.applied[-1].off) == (3, {"espeak": "x"}, {"espeak": "x"})
    await here.versions.restore(0, "enough", by="eve", force=False)
    assert here.applied[-1] == LiveSettings()
    with pytest.raises(NotFound, match="There is no version 9; the newest is 4"):
        await here.versions.restore(9, "?", by="eve", force=False)


async def test_what_is_not_configured_here_is_ignored_and_told(clock: ManualClock, kept: SettingsStore) -> None:
    """A server whose configuration knows fewer providers applies the rest, and says what it does not."""
    await Server(clock, kept).off("espeak", "edge", base=0)
    fewer = Server(clock, kept, {"synthesizer": {"espeak": True, "scripted": True}})
    await fewer.versions.refresh()
    assert fewer.applied[-1].off == {"espeak": "x"}
    assert fewer.versions.ignored == ("edge is switched off, but not configured here.",)
    assert fewer.versions.current.value.off == {"espeak": "x", "edge": "x"}


async def test_an_outage_keeps_what_is_known_and_says_so(clock: ManualClock, kept: SettingsStore) -> None:
    """While the database is away the last version holds and nothing can be changed; afterwards it is caught up with."""
    here, there = Server(clock, kept), Server(clock, kept)
    await here.off("espeak", base=0)
    await there.versions.start()
    there.store.trouble = Unavailable("The database is away.")
    await here.off("edge", base=1)
    await clock.advance(FOLLOW_S)
    assert there.applied[-1].off == {"espeak": "x"}
    assert there.versions.degraded() == {
        "settings": "Whether there is a newer version than 1 is not known: The database is away."
    }
    with pytest.raises(Unavailable):
        await there.off("edge", base=1)
    there.store.trouble = None
    await clock.advance(FOLLOW_S)
    assert (there.applied[-1].off, there.versions.degraded()) == ({"edge": "x"}, {})
    await there.versions.close()


async def test_without_the_database_a_server_starts_as_configured(clock: ManualClock, kept: SettingsStore) -> None:
    """It says that it does not know, and follows as soon as it can; what cannot be understood stops the start."""
    await Server(clock, kept).off("espeak", base=0)
    late = Server(clock, kept)
    late.store.trouble = Unavailable("The database is away.")
    await late.versions.start()
    assert (late.applied, bool(late.versions.degraded())) == ([], True)
    late.store.trouble = None
    await clock.advance(FOLLOW_S)
    assert late.applied[-1].off == {"espeak": "x"}
    await late.versions.close()
    broken = Server(clock, kept)
    broken.store.trouble = ConfigurationError("row 1")
    with pytest.raises(ConfigurationError):
        await broken.versions.start()


async def test_a_copy_serves_a_start_without_the_database(
    clock: ManualClock, kept: SettingsStore, tmp_path: Path
) -> None:
    """What was in force on this machine last holds until the database is back; a copy that is broken is none."""
    copy = FileCopy(tmp_path / "data")
    here = Server(clock, kept, copy=copy)
    await here.off("espeak", base=0)
    assert await copy.load() == here.versions.current
    await Server(clock, kept).off("edge", base=1)
    late = Server(clock, kept, copy=copy)
    late.store.trouble = Unavailable("The database is away.")
    await late.versions.start()
    assert (late.applied[-1].off, late.versions.current.number) == ({"espeak": "x"}, 1)
    assert "than 1 is not known" in late.versions.trouble
    late.store.trouble = None
    await clock.advance(FOLLOW_S)
    await late.versions.refresh()  # it waits for what follows now
    assert late.applied[-1].off == {"edge": "x"}
    await late.versions.close()
    assert (tmp_path / "data" / NAME).stat().st_mode & 0o077 == 0
    (tmp_path / "data" / NAME).write_text('{"version": 3}')
    assert await copy.load() is None
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=r"live\.json cannot be written"):
        await FileCopy(tmp_path / "file").save(Version())


async def test_a_page_goes_on_before_a_number(clock: ManualClock, kept: SettingsStore) -> None:
    """Versions are told newest first."""
    here = Server(clock, kept)
    for base in range(3):
        await here.off("espeak" if base % 2 else "edge", base=base)
    told: Sequence[Version] = await here.versions.page(3, 5)
    assert [each.number for each in told] == [2, 1]


def test_an_entry_holds_no_reason() -> None:
    """Reasons are texts of people: they stand in the history, not in the audit."""
    entry = Change(Version(1, 1, "ada", "secret talk", LiveSettings({"edge": "secret talk"}))).entry()
    assert "secret talk" not in str(entry)
