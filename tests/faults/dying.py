"""Segue, which dies at a named point of sending a message, as hard as a machine that loses its power.

    python -m tests.faults.dying POINT TEXT serve …

Only a message with that text is deadly; everything else is Segue as it is.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from segue.cli.main import main
from segue.stores.sql.chats import SqlChatStore

POINTS = ("before the claim", "after the claim", "in the middle of the reply", "before its end", "after its end")

Deed = Callable[..., Awaitable[Any]]


def die() -> None:
    """End here and now."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(deed: Deed, deadly: Callable[..., bool]) -> Deed:
    """Die instead of doing it."""

    async def do(*given: Any, **named: Any) -> Any:
        if deadly(*given, **named):
            die()
        return await deed(*given, **named)

    return do


def after(deed: Deed, deadly: Callable[..., bool]) -> Deed:
    """Die once it is done."""

    async def do(*given: Any, **named: Any) -> Any:
        done = await deed(*given, **named)
        if deadly(*given, **named):
            die()
        return done

    return do


def prepare(point: str, text: str) -> None:
    """Lay the trap."""
    store: Any = SqlChatStore
    dying: set[str] = set()  # runs that answer a deadly message

    def sent(_: Any, message: Any, run: Any, *__: Any, **___: Any) -> bool:
        dying.update([run.id] if message.text == text else [])
        return bool(message.text == text)

    def written(_: Any, run: str, __: int, events: Any) -> bool:
        return run in dying and any(event.kind == "text" for event in events)

    def ended(_: Any, run: Any, **__: Any) -> bool:
        return run.id in dying

    traps: dict[str, Callable[[], None]] = {
        "before the claim": lambda: setattr(store, "send", before(store.send, sent)),
        "after the claim": lambda: setattr(store, "send", after(store.send, sent)),
        "in the middle of the reply": lambda: setattr(store, "write", after(store.write, written)),
        "before its end": lambda: setattr(store, "finish", before(store.finish, ended)),
        "after its end": lambda: setattr(store, "finish", after(store.finish, ended)),
    }
    if point not in {"before the claim", "after the claim"}:
        store.send = after(store.send, lambda *given, **named: sent(*given, **named) and False)
    traps[point]()


if __name__ == "__main__":
    prepare(sys.argv.pop(1), sys.argv.pop(1))
    main()
