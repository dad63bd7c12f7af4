"""Lets operators in by their keys, and makes, rotates and revokes these.

What is known of a key is asked for at most once a second, so that a key that is revoked on one server opens nothing on
any other a second later. While the store cannot be read, whoever was let in within the last minute still is; nobody
else.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.audit import REPLAYED, Draft, digest
from segue.console.keys import (
    ID_BYTES,
    SECRET_BYTES,
    Key,
    State,
    hashed,
    id_in,
    proved,
    read,
    rotated,
    state,
    written,
)
from segue.console.operator import START, TAKEN, Operator, Scope
from segue.console.ports import KeyStore
from segue.errors import InvalidRequest, NotFound, Unauthorized, Unavailable
from segue.vendors.console import AccessSettings

FRESH_S = 1.0
"""So long what is known of a key is believed."""
GRACE_S = 60.0
"""So long somebody who was let in still is while the store cannot be read."""
LOOK_S = 2.0
"""So long an answer of the store is waited for."""
KNOWN = 4096
"""So many keys are known at once; those that were used last."""
MANY = 1000
"""So many keys may be good at once."""


class TurnedAway(Unauthorized):
    """Nobody is let in with this."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})
        self.why = why
        """In a word, for the metrics: `missing`, `malformed`, `environment`, `unknown`, `expired` or `revoked`."""


class Keyring:
    """Every key of this Segue. `chance` gives so many random bytes."""

    def __init__(
        self,
        store: KeyStore,
        actions: Actions,
        clock: Clock,
        settings: AccessSettings,
        chance: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._actions = actions
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._known: OrderedDict[str, tuple[Key, float]] = OrderedDict()
        self._strangers: OrderedDict[str, float] = OrderedDict()
        """Ids that no key has, and when they were asked for: to ask again would tell by its time that there is none."""
        self._asked: dict[str, asyncio.Task[Key | None]] = {}

    async def authenticate(self, text: str) -> Key:
        """The key that somebody shows, if it is good.

        Raises:
            TurnedAway: it is not; all that is told of a key that is not there is what is told of a wrong secret.
            Unavailable: what is kept cannot be read, and nobody came in with this key lately.
        """
        shown = read(text)
        if shown is None:
            raise TurnedAway("malformed", "This is not a key, or it is mistyped; a key begins with `seg_`.")
        if shown.environment != self._settings.environment:
            mine = self._settings.environment
            raise TurnedAway("environment", f"This key is of the environment `{shown.environment}`; this is `{mine}`.")
        key = await self._load(shown.id)
        if not proved(key, shown.secret) or key is None:
            raise TurnedAway("unknown", "This key is not known here.")
        return self._admitted(key)

    async def named(self, id: str) -> Key:  # noqa: A002 - it is what it is called everywhere
        """The key of a session, if it is good still.

        Raises:
            TurnedAway: it is not.
            Unavailable: as in `authenticate`.
        """
        key = await self._load(id)
        if key is None:
            raise TurnedAway("unknown", "The key of this session is not known here; sign in again.")
        return self._admitted(key)

    async def first(self) -> str | None:
        """Make a key for an administrator if there is none at all yet; its text, which is told nowhere else."""
        id, secret = self._drawn()  # noqa: A001
        key = Key(id, "admin", frozenset({Scope.ADMIN}), hashed(secret), self._now_us(), START.name)
        draft = self._actions.draft(START, Deed("key.first", f"key/{id}", None, facts=_facts(key)))
        made = await self._store.first(key, replace(draft, after=_digest(key)))
        return written(self._settings.environment, id, secret) if made else None

    async def every(self) -> list[tuple[Key, State]]:
        """Every key and how it stands, the newest first."""
        now_us = self._now_us()
        return [(key, state(key, now_us)) for key in await self._store.all()]

    async def create(
        self, by: Operator, name: str, scopes: frozenset[Scope], lasts_us: int | None, request: str
    ) -> tuple[str, Key]:
        """Make a key; its text, which is told nowhere else, and what is kept of it. `lasts_us` None: it never expires.

        Raises:
            Forbidden: only an administrator may.
            InvalidRequest: the name cannot be read as it is, or is taken; or there are too many.
            Unavailable: it could not be written; there is no such key.
        """
        # A stroke stands between a node and whoever asks there: no key of this one may have such a name.
        if name in TAKEN or "/" in name or not name.isprintable() or name != name.strip():
            raise InvalidRequest(f"{name!r} cannot be the name of a key; take another one.", param="name")
        id, secret = self._drawn()  # noqa: A001
        now_us = self._now_us()
        key = Key(id, name, scopes, hashed(secret), now_us, by.name, None if lasts_us is None else now_us + lasts_us)

        async def do(draft: Draft) -> None:
            if sum(found is State.GOOD for _, found in await self.every()) >= MANY:
                raise InvalidRequest(f"There are {MANY} good keys already; revoke one that nobody needs.")
            await self._store.save(key, entry=replace(draft, after=_digest(key)))

        await self._actions.act(by, Deed("key.create", f"key/{id}", Scope.ADMIN, request, facts=_facts(key)), do)
        return written(self._settings.environment, id, secret), key

    async def rotate(
        self,
        by: Operator,
        id: str,  # noqa: A002
        overlap_us: int | None,
        lasts_us: int | None,
        request: str,
    ) -> tuple[str, Key, Key]:
        """Replace a key; the text of the new one, what is kept of it, and the old one as it stands now.

        Raises:
            Forbidden: only an administrator may.
            NotFound: there is no such key; then what was named instead stands nowhere, as it may be a key.
            InvalidRequest: the old one is not good any more.
            Unavailable: it could not be written; nothing changed.
        """
        new_id, secret = self._drawn()
        overlap_us = round(self._settings.overlap_s * 1e6) if overlap_us is None else overlap_us

        async def do(draft: Draft) -> tuple[Key, Key]:
            before, now_us = await self._found(id), self._now_us()
            if (found := state(before, now_us)) is not State.GOOD:
                raise InvalidRequest(f"The key {id} is {found.value}; create another one.")
            fresh = Key(new_id, before.name, before.scopes, hashed(secret), now_us, by.name)
            old, new = rotated(before, fresh, now_us, overlap_us, lasts_us)
            entry = replace(draft, before=_digest(before), after=_digest(new))
            await self._store.save(old, new, entry=entry)
            return old, new

        deed = Deed("key.rotate", _target(id), Scope.ADMIN, request, facts={"new": new_id})
        old, new = await self._actions.act(by, deed, do)
        self._known.pop(id, None)
        return written(self._settings.environment, new_id, secret), new, old

    async def revoke(self, by: Operator, id: str, request: str) -> Key:  # noqa: A002
        """Take a key out of use for ever; doing so again changes nothing.

        Raises:
            Forbidden: only an administrator may.
            NotFound: there is no such key.
            Unavailable: it could not be written; nothing changed.
        """

        async def do(draft: Draft) -> Key:
            before = await self._found(id)
            if before.revoked_us is not None:
                await self._store.save(entry=replace(draft, status=REPLAYED))
                return before
            after = replace(before, revoked_us=self._now_us())
            await self._store.save(after, entry=replace(draft, before=_digest(before), after=_digest(after)))
            return after

        key = await self._actions.act(by, Deed("key.revoke", _target(id), Scope.ADMIN, request), do)
        self._known.pop(id, None)
        return key

    def stands(self, key: Key) -> State:
        """How a key stands now."""
        return state(key, self._now_us())

    def _admitted(self, key: Key) -> Key:
        now_us = self._now_us()
        found = state(key, now_us)
        if found is not State.GOOD:
            raise TurnedAway(found.value, f"This key is {found.value}.")
        self._store.used(key.id, now_us)
        return key

    async def _load(self, id: str) -> Key | None:  # noqa: A002
        """What is known of a key; asked for once, however many want to know it at the same moment."""
        known = self._known.get(id)
        if known is not None and self._clock.now() - known[1] < FRESH_S:
            self._known.move_to_end(id)
            return known[0]
        if self._clock.now() - self._strangers.get(id, -math.inf) < FRESH_S:
            return None
        asked = self._asked.get(id)
        if asked is None:
            asked = self._asked[id] = asyncio.create_task(self._ask(id))
            asked.add_done_callback(lambda _: self._asked.pop(id, None))
        return await asyncio.shield(asked)

    async def _ask(self, id: str) -> Key | None:  # noqa: A002
        asked_at = self._clock.now()
        try:
            async with self._clock.limit(LOOK_S):
                key = await self._store.load(id)
        except (Unavailable, TimeoutError) as error:
            known = self._known.get(id)
            if known is None or self._clock.now() - known[1] >= GRACE_S:
                raise Unavailable("Keys cannot be looked up now; try again in a moment.") from error
            return known[0]
        self._known.pop(id, None)
        self._strangers.pop(id, None)
        if key is not None:
            self._known[id] = (key, asked_at)
        else:
            self._strangers[id] = asked_at
        for each in (self._known, self._strangers):
            if len(each) > KNOWN:
                each.popitem(last=False)
        return key

    async def _found(self, id: str) -> Key:  # noqa: A002
        if id_in(id) != id:
            raise NotFound(f"Name a key by its id, {2 * ID_BYTES} hexadecimal digits.", code="unknown_key")
        key = await self._store.load(id)
        if key is None:
            raise NotFound(f"There is no key {id}.", code="unknown_key")
        return key

    def _drawn(self) -> tuple[str, bytes]:
        return self._chance(ID_BYTES).hex(), self._chance(SECRET_BYTES)

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def _digest(key: Key) -> str:
    """What the audit says that a key is: all of it but when it was used, which is no change."""
    plain = {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(sorted(key.scopes)),
        "hash": key.hash,
        "created_us": key.created_us,
        "expires_us": key.expires_us,
        "revoked_us": key.revoked_us,
        "replaces": key.replaces,
    }
    return digest(plain)


def _target(id: str) -> str:  # noqa: A002
    """What somebody wants to do something to; no id, no name, as it may be the text of a key."""
    return f"key/{id}" if id_in(id) == id else "key"


def _facts(key: Key) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"name": key.name, "scopes": " ".join(sorted(key.scopes))}
    return facts if key.expires_us is None else facts | {"expires_us": key.expires_us}
