"""Counts for the `usage` fields. Segue has no tokenizer: these are its own measures, and nobody is billed by them."""

import math
import re

from segue.voice.ports import Message

AUDIO_TOKEN_MS = 50.0
"""Playing time of one token of speech, the measure in which OpenAI's audio models count what they say."""

_PIECES = re.compile(r"[㐀-䶿一-鿿豈-﫿぀-ヿ]|[^\W㐀-䶿一-鿿豈-﫿぀-ヿ]+|[^\w\s]")


def text_tokens(text: str) -> int:
    """Words, numbers and marks of a text; every Chinese or Japanese character counts as one."""
    return sum(1 for _ in _PIECES.finditer(text))


def prompt_tokens(messages: tuple[Message, ...]) -> int:
    """The same over a conversation."""
    return sum(text_tokens(message.content) for message in messages)


def audio_tokens(ms: float) -> int:
    """How many pieces of 50 ms a speech of `ms` milliseconds has, the last one begun."""
    return math.ceil(round(ms / AUDIO_TOKEN_MS, 6))


def speech_usage(text: str, ms: float) -> dict[str, int]:
    """`usage` of a speech."""
    spoken, heard = text_tokens(text), audio_tokens(ms)
    return {"input_tokens": spoken, "output_tokens": heard, "total_tokens": spoken + heard}


def completion_usage(prompt: int, completion: int) -> dict[str, int]:
    """`usage` of a chat completion."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
