"""Rollouts as they are looked after: by one server or several, with a store that may fail, and operators."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from operator import attrgetter
from typing import Any, TypeVar

import pytest

from segue.clock import ManualClock
from segue.delivery.evidence import LISTENERS
from segue.delivery.outbox import Outbox
from segue.delivery.past import TURNS
from segue.delivery.ports import UnknownRollout
from segue.delivery.rollout import Change, Command, Kind, Notice, Phase, Verb
from segue.delivery.rounds import Rounds
from segue.errors import Unavailable
from segue.settings import Settings
from segue.stores.rollouts import MemoryRolloutStore
from segue.vendors.delivery import DeliverySettings
from segue.voice.frames import Audio, Frame
from segue.wiring.house import build
from tests.evidence import AT, plan
from tests.fleet import Server, few, minutes, told
from tests.records import turn

T = TypeVar("T")


class Watched(MemoryRolloutStore):
    """A store that says what was written to it, and that can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.readable = True
        self.writable = True
        self.before_save: list[Any] = []

    async def _writes(self, what: str, writing: Coroutine[Any, Any, T]) -> T:
        await asyncio.sleep(0)  # as with a database: whoever else is at work goes on meanwhile
        if not self.writable:
            writing.close()
            raise Unavailable("The database cannot be written: no space left on its disk.")
        done = await writing
        self.written.append(what)
        return done

    async def save(self, change: Change) -> None:
        """See `RolloutStore.save`; whoever waits to be quicker is."""
        if self.before_save:
            await self.before_save.pop()()
        await self._writes("save", super().save(change))

    async def count(self, cells: Any) -> None:
        """See `RolloutStore.count`."""
        await self._writes("count", super().count(cells))

    async def lease(self, holder: str, now: float, seconds: float) -> bool:
        """See `RolloutStore.lease`."""
        return await self._writes("lease", super().lease(holder, now, seconds))

    async def load(self, name: str) -> Any:
        """See `RolloutStore.load`."""
        await asyncio.sleep(0)
        if not self.readable:
            raise Unavailable("The database cannot be read: it is gone.")
        return await super().load(name)

    async def table(self) -> Any:
        """See `RolloutStore.table`."""
        if not self.readable:
            raise Unavailable("The database cannot be read: it is gone.")
        return await super().table()


@pytest.fixture
def clock() -> ManualClock:
    """A clock at the moment at which these rollouts begin."""
    return ManualClock(wall_s=AT)


@pytest.fixture
def store() -> Watched:
    """A store in memory that can be watched and broken."""
    return Watched()


@pytest.fixture
def server(store: Watched, clock: ManualClock) -> Server:
    """A server on it."""
    return Server(store, clock)


async def begin(server: Server, **changes: Any) -> None:
    """Start the plan of these tests."""
    decision = await server.controller.start(plan(**changes), Command(Verb.START, id="start"))
    assert decision.kind is Kind.STARTED, decision.reason


class TestTheCourse:
    """A rollout from its start to its end."""

    async def test_a_good_candidate_is_promoted(self, server: Server, store: Watched) -> None:
        """Stage by stage, each after its dwell and with proof, then the bake; and everybody hears it."""
        await begin(server)
        await minutes(server, 45)
        assert [line for line in await told(store) if not line.startswith("waited")] == [
            "started command few",
            "advanced certified half",
            "advanced certified bake",
            "promoted baked bake",
        ]
        table = server.replica.published.current()
        assert (table.baseline.name, table.exposure) == ("night", None)
        assert server.replica.rollout is None

    async def test_a_slow_candidate_is_rolled_back(self, server: Server, store: Watched) -> None:
        """What listeners really heard takes it back, with the numbers, and the baseline speaks for everybody."""
        await begin(server)
        await minutes(server, 12, slow_ms=9000.0)
        *_, last = await store.decisions("night")
        assert (last.kind, last.code, last.gate) == (Kind.ROLLED_BACK, "breach", "ttfa")
        assert last.at - AT <= 300.0
        assert server.replica.published.current().exposure is None

    async def test_the_evidence_is_kept_block_by_block(self, server: Server, store: Watched) -> None:
        """Each series has its blocks in order, without a gap, and what is in them is what was counted."""
        await begin(server)
        await minutes(server, 8)
        kept = await store.blocks("night", 1)
        for series in ("ttfa", "failures", "listeners"):
            own = [block for block in kept if block.series == series]
            assert [block.block for block in own] == list(range(len(own)))
            assert len(own) >= 7
            assert {block.candidate.n + block.baseline.n for block in own} == {48}
        assert {cell.key.block for cell in await store.cells("night/1", 0, from_block={"ttfa": 0})} == {7}
        versions = [version for version, _ in await store.looks("night", 1)]
        assert versions == list(range(2, versions[-1] + 1)), "each change but the first had its look"

    async def test_without_a_rollout_nothing_is_written(self, server: Server, store: Watched) -> None:
        """Before a rollout and after it, a server only asks for the table."""
        await minutes(server, 2, also=server.replica.flush)
        assert store.written == []
        await begin(server)
        await server.controller.command("night", Command(Verb.ROLL_BACK))
        store.written.clear()
        await minutes(server, 2, also=server.replica.flush)
        assert store.written == []

    async def test_silence_is_no_dwell(self, server: Server, store: Watched, clock: ManualClock) -> None:
        """The time in which no server ran does not count, and it is not made up for by looking many times at once."""
        await begin(server)
        await minutes(server, 2)
        await clock.advance(86_400.0)
        again = Server(store, clock, "again")
        await again.replica.refresh()
        await minutes(again, 1)
        rollout = await store.load("night")
        assert rollout is not None
        assert (rollout.stage_name, rollout.phase) == ("few", Phase.RUNNING)
        assert rollout.unobserved_s == pytest.approx(86_400.0, abs=120.0)
        await minutes(again, 12)
        assert "advanced certified half" in await told(store)


class TestCommands:
    """What an operator wants."""

    async def test_a_roll_back_reaches_the_next_turn(self, server: Server, store: Watched, clock: ManualClock) -> None:
        """Once it is answered nobody here is given the candidate; other servers follow with their next poll."""
        other = Server(store, clock, "other")
        await begin(server, stages=[{"name": "all", "share": "100%"}])
        await other.replica.refresh()
        assert server.take("anybody") == other.take("anybody") == "candidate"
        decision = await server.controller.command("night", Command(Verb.ROLL_BACK, "anna", "enough"))
        assert (decision.kind, decision.actor) == (Kind.ROLLED_BACK, "anna")
        assert server.take("anybody") == ""
        await other.replica.refresh()
        assert other.take("anybody") == ""

    async def test_the_same_command_takes_effect_once(self, server: Server, store: Watched) -> None:
        """Sent again, it has the same answer, and nothing more is written."""
        await begin(server)
        first = await server.controller.command("night", Command(Verb.PAUSE, id="pause"))
        await server.controller.command("night", Command(Verb.RESUME))
        saves = store.written.count("save")
        again = await server.controller.command("night", Command(Verb.PAUSE, id="pause"))
        assert again == first
        assert store.written.count("save") == saves
        assert (await server.controller.start(plan(), Command(Verb.START, id="start"))).kind is Kind.STARTED

    async def test_a_refusal_says_why_and_changes_nothing(self, server: Server, store: Watched) -> None:
        """What cannot be obeyed is answered with its reason; what is not there with its name."""
        with pytest.raises(UnknownRollout, match="night"):
            await server.controller.command("night", Command(Verb.PAUSE))
        with pytest.raises(UnknownRollout):
            await server.controller.command("night", Command(Verb.RETRY))
        await begin(server)
        saves = store.written.count("save")
        for refused in (
            await server.controller.command("night", Command(Verb.RETRY)),
            await server.controller.start(plan(), Command(Verb.START)),
            await server.controller.start(plan(name="other"), Command(Verb.START)),
        ):
            assert refused.kind is Kind.REFUSED
            assert refused.reason
        assert store.written.count("save") == saves

    async def test_a_new_attempt_begins_with_nothing(self, server: Server, store: Watched) -> None:
        """After a roll back the same plan may be tried again, with empty evidence; the first attempt stays."""
        await begin(server)
        await minutes(server, 3, slow_ms=9000.0)
        ended = await store.attempt("night", 1)
        decision = await server.controller.command("night", Command(Verb.RETRY, force=True, reason="mended"))
        assert (decision.kind, decision.attempt) == (Kind.RETRIED, 2)
        rollout = await store.load("night")
        assert rollout is not None
        assert (rollout.attempt, rollout.version, rollout.closed) == (2, 1, {})
        assert await store.attempt("night", 1) == ended
        assert await store.blocks("night", 2) == []

    async def test_a_command_is_tried_again_when_another_was_quicker(
        self, server: Server, store: Watched, clock: ManualClock
    ) -> None:
        """Two operators at two servers: both are obeyed, one after the other."""
        other = Server(store, clock, "other")
        await begin(server)
        store.before_save.append(lambda: other.controller.command("night", Command(Verb.FREEZE, "berta")))
        decision = await server.controller.command("night", Command(Verb.PAUSE, "anna"))
        assert (decision.kind, decision.actor) == (Kind.PAUSED, "anna")
        assert server.controller.counts.conflicts == 1
        assert [few(each).split()[0] for each in await store.decisions("night")] == ["started", "frozen", "paused"]

    async def test_terms_come_from_the_past_of_the_baseline(self, store: Watched, clock: ManualClock) -> None:
        """Where latencies are compared is read from what the baseline did before, and from nobody else's turns."""
        past = [turn(1000.0 + n, at=AT - 3000.0 + n, variant="day") for n in range(1000)]
        past += [turn(30_000.0, at=AT - 3000.0 + n, variant="other") for n in range(1000)]
        await begin(Server(store, clock, past=past))
        rollout = await store.load("night")
        assert rollout is not None
        assert rollout.terms.gates["ttfa"].compared_near_s == pytest.approx(1.95, abs=0.01)

    async def test_the_past_is_read_as_far_as_it_is_short(self, store: Watched, clock: ManualClock) -> None:
        """A busy baseline is read back for a shorter time, so that starting never reads without end."""
        asked: list[float] = []
        server = Server(store, clock)

        async def records(since: float, limit: int) -> Any:
            asked.append(AT - since)
            for n in range(limit if AT - since > 7 * 3600.0 else 500):
                yield turn(1000.0, at=since + n * 0.01, variant="day", turn=f"{n}")

        server.controller._past._records = records
        turns = await server.controller._past._latest(AT)
        assert asked == [3600.0, 6 * 3600.0, 24 * 3600.0]
        assert len(turns) == 500 < TURNS


class TestSeveralServers:
    """Servers that share a store."""

    async def test_one_of_two_writes_each_change(self, store: Watched, clock: ManualClock) -> None:
        """Both look at every rollout at the same time: each change is written once, and the loser says nothing."""
        servers = [Server(store, clock, name) for name in ("one", "two")]
        await begin(servers[0])
        await servers[1].replica.refresh()

        for _ in range(540):
            for number, each in enumerate(servers):
                each.take(f"one-{clock.now()}-{number}")
            await clock.advance(5.0)
            for do in ("replica.refresh", "replica.flush"):
                await asyncio.gather(*(attrgetter(do)(each)() for each in servers))
            await asyncio.gather(*(each.controller.tick("night") for each in servers))
        alone = MemoryRolloutStore()
        single = Server(alone, ManualClock(wall_s=AT), "one")
        await begin(single)
        await minutes(single, 45, turns=2)

        decisions = await store.decisions("night")
        assert [each.number for each in decisions] == list(range(1, len(decisions) + 1))
        assert [(each.at, few(each)) for each in decisions] == [
            (each.at, few(each)) for each in await alone.decisions("night")
        ]
        rollout = await store.load("night")
        assert rollout is not None
        assert sum(each.controller.counts.conflicts for each in servers) == store.written.count("save") - 1
        assert len(await store.looks("night", 1)) == rollout.version - 1

    async def test_what_all_servers_count_is_added_up(self, store: Watched, clock: ManualClock) -> None:
        """A server that only takes turns is heard as well: its candidate's slowness rolls back everywhere."""
        leader, other = Server(store, clock, "leader"), Server(store, clock, "other")
        await begin(leader)
        await other.replica.refresh()

        async def slow() -> None:
            for number in range(8):
                other.take(f"other-{clock.now()}-{number}", slow_ms=9000.0)
            await other.replica.flush()
            await other.replica.refresh()

        await minutes(leader, 8, turns=1, also=slow)
        assert (await store.decisions("night"))[-1].kind is Kind.ROLLED_BACK
        assert other.replica.published.current().exposure is None
        assert other.controller.counts.ticks == 0

    async def test_a_listener_who_is_new_to_two_servers_is_one(self, store: Watched, clock: ManualClock) -> None:
        """Each server knows its own listeners; the check of the shares is told how often one may have been counted."""
        leader, other = Server(store, clock, "leader"), Server(store, clock, "other")
        await begin(leader)
        await other.replica.refresh()

        async def again() -> None:
            for number in range(4):
                other.take(f"leader-{clock.now() - 5.0}-{number}")
            await other.replica.flush()
            await other.replica.refresh()

        await minutes(leader, 3, also=again)
        blocks = [block for block in await store.blocks("night", 1) if block.series == LISTENERS]
        assert [block.replicas for block in blocks] == [2, 2]
        rollout = await store.load("night")
        assert rollout is not None
        assert rollout.book.shares.candidate + rollout.book.shares.baseline > 3 * 48

    async def test_an_outage_of_the_store_costs_no_turn(self, store: Watched, clock: ManualClock) -> None:
        """Whoever may write first closes the blocks of the outage; what another had counted in them still counts."""
        leader, other = Server(store, clock, "leader"), Server(store, clock, "other")
        await begin(leader, stages=[{"name": "few", "share": "20%", "dwell": "2h"}])
        await other.replica.refresh()
        turns = 0
        for look in range(120):
            store.readable = store.writable = not 30 <= look < 90
            for each in (leader, other):
                turns += sum(bool(each.take(f"{each.replica.name}-{look}-{number}")) for number in range(2))
            await clock.advance(5.0)
            for do in ("controller.look_after", "replica.flush", "replica.refresh"):
                for each in (leader, other):
                    with suppress(Unavailable):
                        await attrgetter(do)(each)()
        for _ in range(2):
            await clock.advance(120.0)
            await leader.controller.look_after()
        counted = [block for block in await store.blocks("night", 1) if block.series == "failures"]
        assert sum(block.candidate.n + block.baseline.n for block in counted) == turns == 480
        assert sum(block.candidate.votes + block.baseline.votes for block in counted) == turns

    async def test_another_takes_over(self, store: Watched, clock: ManualClock) -> None:
        """One of them looks after the rollout; when it is gone, another does once its lease is over."""
        first, second = Server(store, clock, "first"), Server(store, clock, "second")
        await begin(first)
        await second.replica.refresh()
        for _ in range(5):
            await clock.advance(1.0)
            await first.controller.look_after()
            await second.controller.look_after()
        assert (first.controller.counts.ticks, second.controller.counts.ticks) == (5, 0)
        assert (first.controller.leads, second.controller.leads) == (True, False)
        for _ in range(12):
            await clock.advance(1.0)
            await second.controller.look_after()
        assert second.controller.counts.ticks >= 2
        assert not first.controller.leads
        await second.controller.lease.leave()
        await first.controller.look_after()
        assert first.controller.leads, "one that ends in peace leaves its place at once"

    async def test_every_server_can_tell_how_it_stands(self, store: Watched, clock: ManualClock) -> None:
        """Also who does not look after a rollout shows its gates, the listeners of both arms, and how it ended."""
        first, second = Server(store, clock, "first"), Server(store, clock, "second")
        await begin(first)
        await minutes(first, 3)
        for each in (first, second):
            seen = await each.controller.status("night")
            assert seen is not None
            assert {verdict.gate for verdict in seen.judgement.verdicts} == {"ttfa", "failures"}
            assert seen.candidates + seen.baselines == 3 * 48
            assert seen.look.candidate_at == AT + 175.0
        await first.controller.command("night", Command(Verb.ROLL_BACK))
        ended = await second.controller.status("night")
        assert ended is not None
        assert await second.controller.status("nobody") is None
        later = await first.controller.status("night")
        assert later is not None
        assert later.rollout.phase is Phase.ROLLED_BACK


class TestAStoreThatFails:
    """Voice goes on, harm ends at once, and nothing is promoted."""

    async def test_the_last_table_stays_and_promotion_waits(self, server: Server, store: Watched) -> None:
        """While the store is gone everybody hears what was decided before; afterwards the course goes on."""
        await begin(server)
        await minutes(server, 9)
        table = server.replica.published.current()
        store.readable = False
        for _ in range(200):
            server.take("somebody")
            await server.clock.advance(5.0)
            with pytest.raises(Unavailable):
                await server.controller.look_after()
        assert server.replica.published.current() == table
        with pytest.raises(Unavailable):
            await server.controller.command("night", Command(Verb.PROMOTE))
        store.readable = True
        await minutes(server, 12)
        assert "advanced certified half" in await told(store)

    @pytest.mark.parametrize("broken", ["readable", "writable"])
    async def test_a_roll_back_holds_at_once_and_is_written_later(
        self, server: Server, store: Watched, broken: str
    ) -> None:
        """An operator who rolls back need not wait for the store; the decision says that it is not written yet."""
        await begin(server, stages=[{"name": "all", "share": "100%"}])
        setattr(store, broken, False)
        decision = await server.controller.command("night", Command(Verb.ROLL_BACK, "anna", "enough"))
        assert decision.kind is Kind.ROLLED_BACK
        assert decision.reason.endswith("as soon as the database can be written again.")
        assert server.take("anybody") == ""
        with pytest.raises(Unavailable):
            await server.controller.look_after()

        setattr(store, broken, True)
        await server.replica.refresh()
        assert server.take("anybody") == "", "what the store still says does not hold here"
        await server.controller.look_after()
        last = (await store.decisions("night"))[-1]
        assert (last.kind, last.actor) == (Kind.ROLLED_BACK, "anna")
        await server.replica.refresh()
        assert server.replica.published.current() == await store.table()
        assert not server.replica.held

    async def test_a_later_attempt_is_left_alone(self, server: Server, store: Watched, clock: ManualClock) -> None:
        """What one server could not write, and others did, is not done a second time to what came after."""
        other = Server(store, clock, "other")
        await begin(server)
        store.writable = False
        await server.controller.command("night", Command(Verb.ROLL_BACK, "anna"))
        store.writable = True
        await other.controller.command("night", Command(Verb.ROLL_BACK, "berta"))
        await other.controller.command("night", Command(Verb.RETRY, "berta", force=True))
        await server.controller.look_after()
        await server.replica.refresh()
        rollout = await store.load("night")
        assert rollout is not None
        assert (rollout.attempt, rollout.phase) == (2, Phase.RUNNING)
        exposure = server.replica.published.current().exposure
        assert exposure is not None
        assert exposure.rollout == "night/2"

    @pytest.mark.parametrize("broken", ["readable", "writable"])
    async def test_harm_that_is_found_holds_at_once(self, server: Server, store: Watched, broken: str) -> None:
        """A breach takes the candidate away here although it cannot be written; it is written with its numbers."""
        await begin(server, stages=[{"name": "all", "share": "100%"}])
        await minutes(server, 0.5, slow_ms=9000.0, turns=1)
        assert (await store.decisions("night"))[-1].kind is not Kind.ROLLED_BACK
        setattr(store, broken, False)
        while server.replica.published.current().exposure is not None:
            server.take(f"listener-{server.clock.now()}", slow_ms=9000.0)
            await server.clock.advance(5.0)
            with suppress(Unavailable):  # a look that has nothing to write does not notice
                await server.controller.tick("night")
            assert server.clock.wall() - AT < 900.0
        assert server.take("anybody") == ""
        setattr(store, broken, True)
        await server.controller.look_after()
        last = (await store.decisions("night"))[-1]
        assert (last.kind, last.code, last.actor) == (Kind.ROLLED_BACK, "breach", "controller")
        rollout = await store.load("night")
        assert rollout is not None
        assert rollout.phase is Phase.ROLLED_BACK


class Nobody:
    """Delivers nothing, and keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        self.sent.append(notice)


class TestRounds:
    """The loops that keep it all going."""

    async def test_what_fails_is_tried_again(self, server: Server, store: Watched, clock: ManualClock) -> None:
        """A look that raises is counted, and the next one is taken; the other loops notice nothing of it."""
        settings, notifier = DeliverySettings(), Nobody()
        rounds = Rounds(server.controller, Outbox(store, notifier, clock, _Even()), clock, settings)
        await rounds.start()
        await begin(server)
        for _ in range(3):
            await clock.advance(1.0)
        assert server.controller.counts.ticks >= 2
        assert [notice.event for notice in notifier.sent] == ["started"]
        before, memory = server.controller.counts.ticks, server.watcher.memory_bytes

        def broken() -> int:
            raise RuntimeError("nobody knows")

        server.watcher.memory_bytes = broken  # type: ignore[method-assign]
        for _ in range(5):
            await clock.advance(1.0)
        assert server.controller.counts.failed >= 4
        assert server.controller.stalled
        server.watcher.memory_bytes = memory  # type: ignore[method-assign]
        for _ in range(3):
            await clock.advance(1.0)
        assert server.controller.counts.ticks > before
        assert not server.controller.stalled
        server.take("last")
        await rounds.close()
        await rounds.close()
        cells = await store.cells("night/1", 0, from_block={"failures": 0})
        assert sum(cell.counts.n for cell in cells) == 1, "what was counted last is written at the end"

    async def test_a_server_that_starts_uses_the_published_table(self, server: Server, store: Watched) -> None:
        """From its first turn on; and where the store is gone, it starts all the same, with the baseline."""
        await begin(server, stages=[{"name": "all", "share": "100%"}])
        for gone, arm in ((False, "candidate"), (True, "")):
            store.readable = not gone
            later = Server(store, server.clock, f"later-{gone}")
            rounds = Rounds(
                later.controller, Outbox(store, Nobody(), server.clock, _Even()), server.clock, DeliverySettings()
            )
            await rounds.start()
            assert later.take("anybody") == arm
            await rounds.close()
        assert later.controller.counts.failed >= 1


class TestTheHouse:
    """The delivery plane where it stands: between real turns and what listeners hear."""

    async def test_a_turn_that_hangs_is_slow_before_it_ends(self, clock: ManualClock) -> None:
        """While a reply is still silent, its listener has waited too long; and in the end it is counted once."""
        scripted = {"first_audio_s": 3.0, "reply": "Good morning."}
        own = {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": [], "scripted": scripted}
        gates = {"ttfa": {"kind": "latency", "over": "1s"}, "failures": {"kind": "failure"}}
        house = build(Settings.model_validate({"providers": own}), clock=clock, keep=False)
        controller = house.delivery.controller

        async def cells(series: str) -> list[tuple[int, float]]:
            await controller.replica.flush()
            found = await controller.store.cells("night/1", 0, from_block={series: 0})
            return [(cell.counts.n, cell.counts.k) for cell in found]

        async with house.running() as plane:
            baseline, candidate = {"name": "day"}, {"name": "night", "streaming": False}
            everybody = [{"name": "all", "share": "100%"}]
            wanted = plan(gates=gates, stages=everybody, baseline=baseline, candidate=candidate, notify=[])
            await controller.start(wanted, Command(Verb.START))
            ask = plane.ask_chat(text="Good morning.", language="en", listener="anna")
            heard: list[Frame] = []

            async def listen() -> None:
                async with aclosing(plane.turns.turn(ask)) as frames:
                    heard.extend([frame async for frame in frames])

            listening = asyncio.create_task(listen())
            await clock.advance(0.9)
            assert await cells("ttfa") == []
            await clock.advance(0.6)
            assert not any(isinstance(frame, Audio) for frame in heard)
            assert await cells("ttfa") == [(1, 1)]
            await clock.advance(20.0)
            await listening
            assert any(isinstance(frame, Audio) for frame in heard)
            assert await cells("ttfa") == [(1, 1)]
            assert await cells("failures") == [(1, 0)]
            exposition = house.metrics.exposition()[0].decode()
            assert 'segue_rollout_share{rollout="night/1"} 1.0' in exposition
            assert 'segue_rollout_phase{phase="running"} 1.0' in exposition


class _Even:
    """Chance that always comes out in the middle."""

    def uniform(self, low: float, high: float) -> float:
        """The middle."""
        return (low + high) / 2.0
