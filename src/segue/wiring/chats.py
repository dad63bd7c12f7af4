"""Chats, put together: what keeps them, who makes replies, and how a message is sent once."""

import random
import secrets

from segue.clock import Clock
from segue.console.chatting import Chatting
from segue.console.making import Hand, Maker
from segue.console.ports import ChatStore
from segue.console.ratelimit import Policy
from segue.console.running import Runs
from segue.console.sending import Sending
from segue.console.wanted import OUTCOMES, POLICIES, REPLAY, Claims, Limits
from segue.settings import Settings
from segue.stores.chats import MemoryChatStore
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.voice.plane import VoicePlane
from segue.web.ratelimit import refused
from segue.wiring.console import Console
from segue.wiring.replies import VoiceReplier


def chats(settings: Settings, clock: Clock, database: Sql | None, operators: Console, voice: VoicePlane) -> Chatting:
    """Put chats together; nothing is started yet. Without a database they are forgotten when the process ends."""
    own, plane = settings.chats, operators.plane
    chance = random.Random(secrets.randbits(64))  # noqa: S311 - only spreads waits
    # A SQLite file has one server, which holds its lock.
    alone = database is not None and not settings.database.get_secret_value()
    hand = Hand(secrets.token_hex(6), chance.random, _new_id, alone)
    store = _store(database, operators)
    runs = Runs(store, Maker(store, VoiceReplier(voice, clock), plane.actions, clock, own, hand), clock, own, hand)
    rates = settings.rate_limits
    policies = {
        "chat": Policy("chat", rates.chat.per_s, rates.chat.burst),
        "operator": Policy("operator", rates.operator.per_s, rates.operator.burst),
    }
    sending = Sending(
        store=store,
        runs=runs,
        actions=plane.actions,
        audit=plane.audit,
        limits=Limits(operators.limiting.limits, policies, rates.operator_runs, refused),
        claims=Claims(operators.limiting.claims, only=own.claims == "memory"),
        clock=clock,
        settings=own,
        new_id=_new_id,
        node=settings.console.node,
    )
    return Chatting(store, plane.actions, sending, runs, clock, settings.console.node, _new_id, own.wait_s)


def watch_chats(metrics: Metrics, chatting: Chatting) -> None:
    """Tell the metrics where the readings of chats come from."""
    outcomes, runs = chatting.sending.outcomes, chatting.runs
    metrics.watch("send_requests", lambda: {each: float(outcomes[each]) for each in OUTCOMES})
    metrics.watch("rate_limited", lambda: {each: float(chatting.sending.limited[each]) for each in POLICIES})
    metrics.watch("idempotency_replays", lambda: float(outcomes[REPLAY]))
    metrics.watch("running_replies", lambda: float(runs.under_way))
    metrics.watch("taken_over_replies", lambda: float(runs.taken))


def _store(database: Sql | None, operators: Console) -> ChatStore:
    if database is not None:
        return SqlChatStore(database)
    assert operators.memory is not None  # noqa: S101 - without a database the audit is in memory too
    return MemoryChatStore(operators.memory.write)


def _new_id() -> str:
    return secrets.token_hex(16)
