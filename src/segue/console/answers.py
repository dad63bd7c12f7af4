"""What is told of messages and runs: the plain values of the API, the same live, stored and told again. Pure."""

import json
import re
from typing import Any

from segue.console.chats import Chat, Message, Run, RunState

OUTCOME_UNKNOWN = "outcome_unknown"
"""Code of a run over which so many servers died that it is begun no more."""

_HALVES = re.compile("[\ud800-\udfff]")


def moment(at_us: int) -> float:
    """Unix seconds of Unix microseconds."""
    return round(at_us / 1_000_000, 6)


def chat_told(chat: Chat, node: str) -> dict[str, Any]:
    """A chat."""
    return {"id": chat.id, "at": moment(chat.at_us), "title": chat.title, "owner": chat.owner, "node": node}


def message_told(message: Message) -> dict[str, Any]:
    """A message."""
    return {
        "id": message.id,
        "chat": message.chat,
        "at": moment(message.at_us),
        "role": message.role,
        "text": message.text,
        "run": message.run,
        "operator": message.operator,
    }


def run_told(run: Run, reply: Message | None) -> dict[str, Any]:
    """A run; its reply is there once it is done."""
    return {
        "id": run.id,
        "chat": run.chat,
        "message": run.message,
        "operator": run.operator,
        "at": moment(run.at_us),
        "state": run.state.value,
        "attempt": run.attempt,
        "reply": None if reply is None else message_told(reply),
        "code": run.code,
        "reason": run.reason,
        "ended_at": None if run.ended_us is None else moment(run.ended_us),
        "speak": run.asked.speak,
    }


def accepted(run: Run, message: Message) -> dict[str, Any]:
    """The answer to a sender who is not to wait, or no longer."""
    return {"run": run.id, "chat": run.chat, "message": message_told(message), "state": RunState.RUNNING.value}


def answer(run: Run, message: Message, reply: Message) -> str:
    """The body of the answer to a sender, as it is sent and as it is kept: the same values make the same bytes."""
    told = {
        "run": run.id,
        "chat": run.chat,
        "message": message_told(message),
        "reply": message_told(reply),
        "attempt": run.attempt,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def storable(text: str) -> str:
    """A text without what databases refuse: the character NUL, and halves of letters, which become `�`."""
    return _HALVES.sub("\ufffd", text.replace("\x00", ""))
