"""The keyring: who is let in, how soon a key that was revoked is not, and what holds while the store is gone."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

import pytest

from segue.clock import ManualClock
from segue.console import keyring
from segue.console.actions import Actions
from segue.console.audit import Entry
from segue.console.keyring import FRESH_S, GRACE_S, Keyring, TurnedAway
from segue.console.keys import Key, State, read, written
from segue.console.operator import Operator, Scope
from segue.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from segue.stores.console import MemoryAuditStore, MemoryKeyStore
from segue.vendors.console import AccessSettings

ADMIN = Operator("root", frozenset({Scope.ADMIN}), "socket:root")
HOUR_US = 3_600_000_000


class Gone(MemoryKeyStore):
    """A store that can be away, that can be slow, and that counts how often it is asked."""

    def __init__(self, audit: MemoryAuditStore) -> None:
        super().__init__(audit)
        self.gone = False
        self.asked = 0
        self.slow: asyncio.Event | None = None

    async def load(self, id: str) -> Key | None:  # noqa: A002
        """See `KeyStore.load`."""
        self.asked += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.gone:
            raise Unavailable("The database is away.")
        return await super().load(id)


class Place:
    """A keyring with all that is behind it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.audit = MemoryAuditStore()
        self.store = Gone(self.audit)
        self.ring = self.another()

    def another(self, environment: str = "dev") -> Keyring:
        """The keyring of another server with the same store."""
        actions = Actions(self.audit, self.clock, "main")
        return Keyring(self.store, actions, self.clock, AccessSettings(environment=environment), _CHANCE)

    async def made(self, *scopes: Scope, lasts_us: int | None = None) -> tuple[str, Key]:
        """A new key."""
        return await self.ring.create(ADMIN, "Olha", frozenset(scopes or (Scope.READ,)), lasts_us, "r1")

    async def entries(self) -> Sequence[Entry]:
        """The whole audit."""
        return await self.audit.read(after=0, limit=100)


def _drawn() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda length: next(numbers).to_bytes(length, "big")


_CHANCE = _drawn()


@pytest.fixture
def place() -> Place:
    """A fresh keyring."""
    return Place()


async def refused(ring: Keyring, text: str) -> str:
    """In a word, why nobody is let in with this."""
    with pytest.raises(TurnedAway) as caught:
        await ring.authenticate(text)
    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"
    return caught.value.why


async def test_a_good_key_lets_in_and_all_others_do_not(place: Place) -> None:
    """The key that was made does; one that is mistyped, of another environment, unknown or wrong does not."""
    text, key = await place.made(Scope.SEND, Scope.READ)
    assert (await place.ring.authenticate(text)).scopes == {Scope.SEND, Scope.READ}
    assert await refused(place.ring, text[:-1]) == "malformed"
    assert await refused(place.ring, "seg_dev_key") == "malformed"
    assert await refused(place.another("prod"), text) == "environment"
    assert await refused(place.ring, written("dev", "0" * 12, bytes(32))) == "unknown"
    assert await refused(place.ring, written("dev", key.id, bytes(32))) == "unknown"


async def test_an_unknown_key_and_a_wrong_secret_are_told_alike(place: Place) -> None:
    """Whoever tries keys learns nothing of which of them there are."""
    _, key = await place.made()
    told = set()
    for text in (written("dev", "0" * 12, bytes(32)), written("dev", key.id, bytes(32))):
        with pytest.raises(TurnedAway) as caught:
            await place.ring.authenticate(text)
        told.add((caught.value.message, caught.value.why, caught.value.code))
    assert len(told) == 1


async def test_an_unknown_key_costs_what_a_wrong_secret_costs(place: Place) -> None:
    """The store is asked as often, so that time does not tell either which keys there are."""
    _, key = await place.made()
    asked = []
    for id in ("0" * 12, key.id):  # noqa: A001
        before = place.store.asked
        for _ in range(5):
            await refused(place.ring, written("dev", id, bytes(32)))
        await place.clock.advance(FRESH_S)
        await refused(place.ring, written("dev", id, bytes(32)))
        asked.append(place.store.asked - before)
    assert asked == [2, 2]


async def test_a_key_expires_at_its_moment(place: Place) -> None:
    """Also while it is known here and nothing is asked."""
    text, _ = await place.made(lasts_us=500_000)
    await place.ring.authenticate(text)
    await place.clock.advance(0.5)
    assert await refused(place.ring, text) == "expired"


async def test_a_revoked_key_opens_nothing_a_second_later_anywhere(place: Place) -> None:
    """On the server where it is revoked at once, on every other within a second."""
    text, key = await place.made()
    other = place.another()
    for ring in (place.ring, other):
        await ring.authenticate(text)
    revoked = await place.ring.revoke(ADMIN, key.id, "r2")
    assert revoked.revoked_us is not None
    assert await refused(place.ring, text) == "revoked"
    await place.clock.advance(FRESH_S)
    assert await refused(other, text) == "revoked"
    assert FRESH_S <= 1.0


async def test_what_is_known_is_not_asked_again_for_a_second(place: Place) -> None:
    """However many requests a key has: one question a second, and one for all that come at the same moment."""
    text, _ = await place.made()
    for _ in range(50):
        await place.ring.authenticate(text)
    assert place.store.asked == 1
    await place.clock.advance(FRESH_S)
    await asyncio.gather(*(place.ring.authenticate(text) for _ in range(50)))
    assert place.store.asked == 2


async def test_who_leaves_while_the_store_is_asked_spoils_it_for_nobody(place: Place) -> None:
    """A request that is given up does not take the answer from the others that wait for it."""
    text, _ = await place.made()
    place.store.slow = asyncio.Event()
    leaving, staying = (asyncio.create_task(place.ring.authenticate(text)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    place.store.slow.set()
    assert (await staying).name == "Olha"
    assert leaving.cancelled() or (await asyncio.gather(leaving, return_exceptions=True))


async def test_while_the_store_is_gone_those_who_were_in_stay_in(place: Place) -> None:
    """A key that was good within the last minute is good still; any other cannot be looked up: 503, not 401."""
    text, _ = await place.made()
    other, _ = await place.made()
    await place.ring.authenticate(text)
    place.store.gone = True
    await place.clock.advance(GRACE_S - 1.0)
    assert (await place.ring.authenticate(text)).name == "Olha"
    with pytest.raises(Unavailable):
        await place.ring.authenticate(other)
    await place.clock.advance(1.0)
    with pytest.raises(Unavailable):
        await place.ring.authenticate(text)
    place.store.gone = False
    assert (await place.ring.authenticate(text)).name == "Olha"


async def test_a_store_that_gives_no_answer_is_taken_as_gone(place: Place) -> None:
    """A question is waited for no longer than two seconds."""
    text, _ = await place.made()
    place.store.slow = asyncio.Event()
    asked = asyncio.create_task(place.ring.authenticate(text))
    await place.clock.advance(2.5)
    with pytest.raises(Unavailable):
        await asked


async def test_an_expired_key_is_not_good_because_the_store_is_gone(place: Place) -> None:
    """What is known of it is enough to refuse it."""
    text, _ = await place.made(lasts_us=10_000_000)
    await place.ring.authenticate(text)
    place.store.gone = True
    await place.clock.advance(10.0)
    assert await refused(place.ring, text) == "expired"


async def test_what_is_known_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that was not used for longest is forgotten and asked for again; unknown ones push none out."""
    monkeypatch.setattr(keyring, "KNOWN", 3)
    texts = [(await place.made())[0] for _ in range(4)]
    for text in (*texts[:3], texts[0]):
        await place.ring.authenticate(text)
    for number in range(20):
        await refused(place.ring, written("dev", f"{number:012x}", bytes(32)))
    await place.ring.authenticate(texts[3])
    asked = place.store.asked
    for text in (texts[0], texts[2], texts[3]):
        await place.ring.authenticate(text)
    assert place.store.asked == asked
    await place.ring.authenticate(texts[1])
    assert place.store.asked == asked + 1


async def test_the_first_key_is_made_once(place: Place) -> None:
    """Of two servers that start at the same moment one makes it; later there is none, and the audit has one entry."""
    made = await asyncio.gather(place.ring.first(), place.another().first())
    (text,) = [each for each in made if each is not None]
    assert (await place.ring.authenticate(text)).scopes == {Scope.ADMIN}
    assert await place.ring.first() is None
    assert [(each.actor, each.action) for each in await place.entries()] == [("start", "key.first")]


async def test_a_rotated_key_works_beside_its_successor_for_the_overlap(place: Place) -> None:
    """Both let in until the overlap is over; then only the new one."""
    text, key = await place.made(Scope.SEND)
    new, fresh, old = await place.ring.rotate(ADMIN, key.id, HOUR_US, None, "r2")
    assert (fresh.replaces, fresh.name, fresh.scopes) == (key.id, "Olha", key.scopes)
    assert place.ring.stands(old) is State.GOOD
    for each in (text, new):
        await place.ring.authenticate(each)
    await place.clock.advance(3600.0)
    assert await refused(place.ring, text) == "expired"
    await place.ring.authenticate(new)
    with pytest.raises(InvalidRequest, match="expired"):
        await place.ring.rotate(ADMIN, key.id, None, None, "r3")


async def test_only_an_administrator_changes_keys(place: Place) -> None:
    """Whatever other scopes somebody has: refused, nothing changed, and the audit says so."""
    _, key = await place.made()
    weak = Operator("Ivan", frozenset(Scope) - {Scope.ADMIN}, "key:1")
    for tried in (
        lambda: place.ring.create(weak, "x", frozenset({Scope.ADMIN}), None, "r2"),
        lambda: place.ring.rotate(weak, key.id, None, None, "r2"),
        lambda: place.ring.revoke(weak, key.id, "r2"),
    ):
        with pytest.raises(Forbidden):
            await tried()
    assert [found for _, found in await place.ring.every()] == [State.GOOD]
    refusals = [(each.actor, each.status, each.code) for each in (await place.entries())[1:]]
    assert refusals == [("Ivan", "refused", "forbidden")] * 3


async def test_each_change_has_its_entry_and_no_secret_is_in_it(place: Place) -> None:
    """Make, rotate, revoke, revoke again, revoke what is not there: one entry each, with the digests around it."""
    text, key = await place.made()
    new, fresh, _ = await place.ring.rotate(ADMIN, key.id, None, None, "r2")
    await place.ring.revoke(ADMIN, key.id, "r3")
    await place.ring.revoke(ADMIN, key.id, "r4")
    with pytest.raises(NotFound) as caught:
        await place.ring.revoke(ADMIN, "nobody", "r5")
    assert caught.value.code == "unknown_key"
    entries = await place.entries()
    assert [(each.action, each.target, each.status, each.request) for each in entries] == [
        ("key.create", f"key/{key.id}", "ok", "r1"),
        ("key.rotate", f"key/{key.id}", "ok", "r2"),
        ("key.revoke", f"key/{key.id}", "ok", "r3"),
        ("key.revoke", f"key/{key.id}", "replayed", "r4"),
        ("key.revoke", "key", "refused", "r5"),
    ]
    assert entries[1].before == entries[0].after != entries[1].after
    assert fresh.id in entries[1].facts
    for each in (text, new):
        shown = read(each)
        assert shown is not None
        assert not [entry for entry in entries if each in repr(entry) or shown.secret.hex() in repr(entry)]
        assert each[-49:] not in repr(entries)


async def test_a_use_is_noted(place: Place) -> None:
    """The list tells when a key was used last; one that was turned away was not used."""
    text, _ = await place.made()
    assert (await place.ring.every())[0][0].used_us is None
    await place.ring.authenticate(text)
    assert (await place.ring.every())[0][0].used_us == round(place.clock.wall() * 1e6)
