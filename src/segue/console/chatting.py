"""Chats as their doors see them: opened, removed, looked up, sent to and followed."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.answers import accepted, chat_told
from segue.console.audit import Draft, digest
from segue.console.chats import Chat, Event, Message, Run
from segue.console.following import Following
from segue.console.live import State
from segue.console.operator import Operator, Scope
from segue.console.ports import UNKNOWN_CHAT, ChatStore
from segue.console.running import Runs
from segue.console.sending import Sending
from segue.console.wanted import Sent
from segue.errors import NotFound, SegueError


class RunFailed(SegueError):
    """The reply could not be made."""

    def __init__(self, run: str, error: SegueError) -> None:
        super().__init__(error.message, headers={**error.headers, "Location": f"/api/runs/{run}"})
        self.status, self.code, self.retryable = error.status, error.code, error.retryable
        self.run = run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sender is told: an answer as it is kept, or (`accepted`) where the reply will be."""

    status: int
    body: str | None = None
    accepted: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Chatting:
    """Everything a door needs to serve chats. `new_id` gives 32 hexadecimal digits."""

    store: ChatStore
    actions: Actions
    sending: Sending
    runs: Runs
    clock: Clock
    node: str
    new_id: Callable[[], str]
    wait_s: float

    async def open(self, by: Operator, title: str, request: str) -> Chat:
        """Open a chat."""
        chat = Chat(f"{self.node}.{self.new_id()}", round(self.clock.wall() * 1e6), title, by.name)

        async def do(draft: Draft) -> None:
            await self.store.open(chat, entry=replace(draft, after=digest(chat_told(chat, self.node))))

        await self.actions.act(by, Deed("chat.open", f"chat/{chat.id}", Scope.SEND, request, chat=chat.id), do)
        return chat

    async def remove(self, by: Operator, chat: str, request: str) -> None:
        """Remove a chat with all that is in it.

        Raises:
            NotFound: there is none.
        """

        async def do(draft: Draft) -> None:
            before = digest(chat_told(await self.chat(chat), self.node))
            if not await self.store.remove(chat, entry=replace(draft, before=before)):
                raise NotFound(UNKNOWN_CHAT, code="unknown_chat")

        await self.actions.act(by, Deed("chat.remove", f"chat/{chat}", Scope.SEND, request, chat=chat), do)

    async def chat(self, chat: str) -> Chat:
        """A chat.

        Raises:
            NotFound: there is none.
        """
        found = await self.store.chat(chat)
        if found is None:
            raise NotFound(UNKNOWN_CHAT, code="unknown_chat")
        return found

    async def run(self, run: str) -> tuple[Run, Message | None]:
        """A run, with its reply once it is done.

        Raises:
            NotFound: there is none.
        """
        found = await self.store.run(run)
        if found is None:
            raise NotFound("There is no such run; its chat may have been removed.", code="unknown_run")
        return found, await self.store.message(found.reply) if found.reply else None

    def follow(self, run: Run, after: int = 0) -> AsyncGenerator[Event | None, None]:
        """See `Following.events`."""
        return Following(self.store, self.clock, self.runs.live, lambda: self.runs.closed).events(run, after)

    async def outcome(self, sent: Sent, wait_s: float | None = None) -> Outcome:
        """What to tell a sender, after waiting for the reply at most so long.

        Raises:
            RunFailed: the reply could not be made.
            NotFound: the chat was removed meanwhile.
            Unavailable: it could not be kept; it is made again once that is possible.
        """
        if sent.status is not None:
            return Outcome(sent.status, sent.body)
        assert sent.live is not None  # noqa: S101 - what was not answered before was begun here
        assert sent.message is not None  # noqa: S101
        live = sent.live
        try:
            async with self.clock.limit(self.wait_s if wait_s is None else wait_s):
                await live.wait()
        except TimeoutError:
            pass
        if live.end is not None and live.end.status is not None:
            return Outcome(live.end.status, live.end.body)
        if live.error is not None:
            if live.state is State.LOST:
                raise live.error
            raise RunFailed(sent.run, live.error)
        if live.state is State.LOST and await self.store.run(sent.run) is None:
            raise NotFound("The chat was removed while the reply was being made.", code="unknown_chat")
        return Outcome(202, accepted=accepted(live.run, sent.message))
