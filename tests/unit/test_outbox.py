"""How messages reach people: tried again when they do not arrive, and never in the way of anybody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from segue.clock import ManualClock, SystemClock
from segue.delivery.notices import ADDRESS
from segue.delivery.outbox import WAITS_S, Outbox
from segue.delivery.rollout import Notice
from segue.errors import Unavailable
from segue.providers.prometheus import FRESH_S, STALE_S, FiringAlerts
from segue.providers.webhook import Webhook
from segue.stores.rollouts import MemoryRolloutStore
from tests.evidence import AT, started

NOTICE = Notice("n", "team", "started", "webhook", "http://127.0.0.1:9/", "", {"link": f"{ADDRESS}/x"}, AT, 0, AT)


class Longest:
    """Chance that always draws the longest wait."""

    def uniform(self, low: float, high: float) -> float:
        """The longest."""
        return max(low, high)


class Recipient:
    """Takes messages, once it is well."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Unavailable("team cannot be reached.")
        self.tries: list[str] = []

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        self.tries.append(notice.id)
        if len(self.tries) <= self.failures:
            raise self.error


async def mine() -> bool:
    """It is for this server to deliver."""
    return True


async def written(*notices: Notice) -> MemoryRolloutStore:
    """A store with these messages."""
    store = MemoryRolloutStore()
    await store.save(replace(started(), notices=notices))
    return store


def outbox(store: MemoryRolloutStore, recipient: Recipient, clock: ManualClock) -> Outbox:
    """An outbox whose waits are the longest there are."""
    return Outbox(store, recipient, clock, Longest())  # type: ignore[arg-type]


class TestOutbox:
    """What becomes of a message."""

    async def test_a_message_is_delivered_once(self) -> None:
        """What arrived is not sent again."""
        store, recipient = await written(NOTICE), Recipient()
        out = outbox(store, recipient, ManualClock(wall_s=AT))
        await out.deliver(mine)
        await out.deliver(mine)
        assert recipient.tries == ["n"]
        assert (out.delivered, out.given_up) == (1, 0)

    @pytest.mark.parametrize("error", [Unavailable("no"), RuntimeError("a mistake of ours")], ids=str)
    async def test_it_is_tried_again_for_some_minutes(self, error: Exception) -> None:
        """Five tries with growing waits between them, then it is given up, said and counted."""
        store, recipient, clock = await written(NOTICE), Recipient(99, error), ManualClock(wall_s=AT)
        out = outbox(store, recipient, clock)
        for number, wait_s in enumerate(WAITS_S, 1):
            await out.deliver(mine)
            await clock.advance(wait_s - 1.0)
            await out.deliver(mine)
            assert len(recipient.tries) == number, "it waits its time"
            await clock.advance(1.0)
        await out.deliver(mine)
        await clock.advance(86_400.0)
        await out.deliver(mine)
        assert len(recipient.tries) == len(WAITS_S) + 1
        assert (out.delivered, out.given_up) == (0, 1)

    async def test_one_that_is_well_again_gets_its_message(self) -> None:
        """A message that did not arrive at first does later."""
        store, recipient, clock = await written(NOTICE), Recipient(2), ManualClock(wall_s=AT)
        out = outbox(store, recipient, clock)
        for _ in range(3):
            await out.deliver(mine)
            await clock.advance(max(WAITS_S))
        assert out.delivered == 1
        assert len(recipient.tries) == 3

    async def test_nobody_waits_for_another(self) -> None:
        """One recipient that does not answer delays no other."""
        store = await written(NOTICE, replace(NOTICE, id="m", at=AT + 1))
        clock, delivered, hanging = ManualClock(wall_s=AT + 2), asyncio.Event(), asyncio.Event()

        class Slow(Recipient):
            async def send(self, notice: Notice) -> None:
                if notice.id == "n":
                    await hanging.wait()
                delivered.set()

        delivering = asyncio.create_task(outbox(store, Slow(), clock).deliver(mine))
        async with asyncio.timeout(5.0):
            await delivered.wait()
        assert not delivering.done()
        hanging.set()
        await delivering

    async def test_only_one_server_delivers(self) -> None:
        """Who does not look after rollouts leaves messages to who does, and does not even ask when there are none."""
        store, recipient, asked = await written(NOTICE), Recipient(), []

        async def another() -> bool:
            asked.append(True)
            return False

        await outbox(store, recipient, ManualClock(wall_s=AT)).deliver(another)
        await outbox(MemoryRolloutStore(), recipient, ManualClock(wall_s=AT)).deliver(another)
        assert recipient.tries == []
        assert len(asked) == 1


Answering = Callable[[bytes], bytes | None]


@asynccontextmanager
async def tool(answering: Answering) -> AsyncIterator[str]:
    """A server that answers each request as told, given its body; None leaves it without an answer. Its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            ]
            answer = answering(await reader.readexactly(length[0]) if length else b"")
            if answer is None:
                await reader.read()  # until the other side hangs up
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


def reply(status: int, body: object = "ok") -> bytes:
    """A whole answer."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + content


@asynccontextmanager
async def webhook(clock: ManualClock | None = None, variables: dict[str, str] | None = None) -> AsyncIterator[Webhook]:
    """A webhook that knows this server's address and these variables."""
    made = Webhook(clock or SystemClock(), (variables or {}).get, "https://voice.example.org/")
    await made.start()
    try:
        yield made
    finally:
        await made.close()


class TestWebhook:
    """One message over the wire."""

    async def test_the_message_is_posted_with_its_links(self) -> None:
        """The body arrives as JSON, with the address of this server in its links; the variable holds the address."""
        bodies: list[bytes] = []

        def answering(body: bytes) -> bytes:
            bodies.append(body)
            return reply(200)

        async with tool(answering) as url, webhook(variables={"HOOK": f"{url}/services/secret"}) as hook:
            await hook.send(replace(NOTICE, url="", url_variable="HOOK"))
        assert [json.loads(body) for body in bodies] == [{"link": "https://voice.example.org/x"}]

    @pytest.mark.parametrize("status", [302, 404, 500])
    async def test_a_refusal_is_told_without_the_address(self, status: int) -> None:
        """Any other status than a success did not arrive; the address, which is a secret, is in no sentence."""
        async with tool(lambda _: reply(status, "no such hook")) as url, webhook() as hook:
            with pytest.raises(Unavailable, match=f"team answered with status {status}") as failure:
                await hook.send(replace(NOTICE, url=f"{url}/services/secret"))
        assert "secret" not in failure.value.message

    async def test_who_does_not_answer_is_not_waited_for(self) -> None:
        """After five seconds the message counts as not delivered."""
        clock, asked = ManualClock(), asyncio.Event()

        def answering(_: bytes) -> None:
            asked.set()

        async with tool(answering) as url, webhook(clock) as hook:
            sending = asyncio.create_task(hook.send(replace(NOTICE, url=url)))
            async with asyncio.timeout(5.0):
                await asked.wait()
            await clock.advance(5.0)
            with pytest.raises(Unavailable, match="within 5 s"):
                await sending

    @pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/", "http://[::1", "nonsense"])
    async def test_an_address_that_cannot_be_used_is_told(self, url: str) -> None:
        """A missing variable, a closed port, an address that is none: a sentence with the audience in it."""
        async with webhook() as hook:
            with pytest.raises(Unavailable, match="team"):
                await hook.send(replace(NOTICE, url=url, url_variable="HOOK"))


def alerts(*firing: str) -> object:
    """What a Prometheus says of its alerts; one more is only pending."""
    found = [{"labels": {"alertname": name}, "state": "firing"} for name in firing]
    return {"status": "success", "data": {"alerts": [*found, {"labels": {"alertname": "Later"}, "state": "pending"}]}}


class TestAlerts:
    """What fires at a Prometheus."""

    async def test_firing_alerts_are_named_once(self) -> None:
        """Only those that fire, each by its name."""
        async with tool(lambda _: reply(200, alerts("Slow", "Down", "Slow"))) as url:
            asking = FiringAlerts(SystemClock())
            await asking.start()
            assert await asking.firing(f"{url}/") == ("Down", "Slow")
            await asking.close()

    @pytest.mark.parametrize(
        "answer", [reply(500), reply(200, {"data": 3}), reply(200, [1]), b"HTTP/1.1 200 X\r\n\r\n{"]
    )
    async def test_what_cannot_be_understood_is_none(self, answer: bytes) -> None:
        """An answer that is none is not taken for silence."""
        async with tool(lambda _: answer) as url:
            asking = FiringAlerts(SystemClock())
            await asking.start()
            assert await asking.firing(url) is None
            await asking.close()

    async def test_a_later_question_does_not_wait(self) -> None:
        """While the next answer is under way the last one is handed out, until that is too old."""
        clock, answers = ManualClock(), iter([reply(200, alerts("Slow"))])
        async with tool(lambda _: next(answers, None)) as url:
            asking = FiringAlerts(clock)
            await asking.start()
            assert await asking.firing(url) == ("Slow",)
            await clock.advance(FRESH_S + 1.0)
            assert await asking.firing(url) == ("Slow",)
            await clock.advance(STALE_S)
            assert await asking.firing(url) is None
            await asking.close()
