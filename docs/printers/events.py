"""Prints the page of what a turn sends, from the frames and from the code that encodes them."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.printers.markdown import page, table
from segue.voice.frames import Audio, Degraded, Done, Failure, Frame, Meta, Text
from segue.web import talk
from segue.web.carry import as_event, as_line

TURN = "5d0f6a4be1c24f6f8f2b6f2f5a0c9e31"
PCM = bytes.fromhex("00000c001900ffff")

EXAMPLES: tuple[Frame, ...] = (
    Meta(
        turn=TURN,
        variant="baseline",
        profile="fast",
        language="en",
        model="offline",
        voice="en-us",
        format="pcm16",
        sample_rate=24_000,
        report_token="0c4d8a3ef1b94a6c9d7e5f2a1b3c4d5e",  # noqa: S106 - an example
        heard="hello",
        session="9f1c2b7a4e6d8035.1900003600.c.chirp3/1.5b0e8d2f7a91c364.1d0a7c3e9b52f8466f0e2d9c8b7a6154",
    ),
    Text(seq=0, text="Hello there. "),
    Audio(
        turn=TURN,
        seq=0,
        part=0,
        provider="espeak",
        model="espeak-ng 1.52.0",
        voice="en-us",
        variant="baseline",
        data=PCM,
        ms=len(PCM) / 48,
    ),
    Degraded(reason="fallback", message="espeak speaks instead of cloud.", provider="espeak", voice="en-us"),
    Failure(code="provider_timeout", message="espeak gave no audible audio for sentence 1.", retryable=True),
    Done(
        timings={"first_token_ms": 0.4, "first_sentence_ms": 0.6, "first_sent_ms": 4.1, "total_ms": 9.8},
        sentences=1,
        audio_ms=812.5,
    ),
)

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "meta": {
        "turn": "The turn's id: 32 hexadecimal digits. Its record and its log lines carry the same.",
        "variant": "Which variant this listener was given; `baseline` as long as no rollout runs.",
        "profile": "`fast` or `quality`.",
        "language": "The language that is spoken: asked for, or found in the text.",
        "model": "The language model that writes.",
        "voice": "The voice that was chosen.",
        "format": "The format of the audio.",
        "sample_rate": "Samples per second, before encoding.",
        "report_token": "Proves to `POST /api/telemetry/voice` that a report is about this turn.",
        "heard": "What was recognized, where the turn began with a recording.",
        "session": "The token of the listener's session; sent with the next turn, it keeps the variant.",
    },
    "text": {
        "seq": "The number of this sentence, from 0. Audio of the same number speaks it.",
        "text": "The sentence (the first may be a clause) as the model wrote it. All together are the whole reply, "
        "spaces and marks included.",
    },
    "audio": {
        "turn": "The turn's id.",
        "seq": "The sentence that is spoken.",
        "part": "Counts the packets of this sentence, from 0.",
        "provider": "Who really spoke it.",
        "model": "With which model or engine.",
        "voice": "With which voice.",
        "variant": "For which variant.",
        "resumed": "Whether this provider finishes a sentence that another one began.",
        "data": "The audio in base64. The packets of a turn, put together, are one stream of the format.",
    },
    "degraded": {
        "reason": "A stable word, see below.",
        "message": "A sentence for people.",
        "provider": "Who writes or speaks instead, by its configured name; absent where the reason is no provider.",
        "voice": "The voice that is really heard; absent where the reason is no voice.",
    },
    "error": {
        "code": "A stable word; see [errors](errors.md).",
        "message": "A sentence that says what happened and what can be done.",
        "retryable": "Whether the same request may succeed later.",
    },
    "done": {
        "timings": "The [moments](measures.md#the-moments-of-a-turn) of the turn that came, in milliseconds since "
        "the request arrived; `total_ms` is the end.",
        "sentences": "How many sentences the reply had.",
        "audio_ms": "Playing time of all audio.",
    },
}

REASONS: Mapping[str, str] = {
    "fast_profile": "Replies are slow at present: the `fast` profile answers instead of `quality`.",
    "synthesizer_rotated": "Synthesis is slow or failing at present: the second synthesizer has first place for now.",
    "fallback": "Another provider than the first choice writes the reply, or speaks from a sentence's beginning on.",
    "resumed": "A provider broke off in the middle of the reply or of a sentence, and another one goes on.",
    "substituted": "Another voice is heard than was asked for.",
}

HEADER_FIELDS = (
    ("version", f"{talk.VERSION}."),
    (
        "flags",
        f"{talk.FIRST_OF_TURN}: first packet of the turn. {talk.LAST_OF_SENTENCE}: last of its sentence. "
        f"{talk.END_OF_TURN}: the turn's audio is complete; this packet carries none. "
        f"{talk.RESUMED}: this provider finishes a sentence that another one began.",
    ),
    ("generation", "The listener's own count of its turns."),
    ("seq", "The sentence that is spoken, from 0."),
    ("part", "Counts the packets of the sentence, from 0."),
    ("turn", "The turn's id as 16 bytes."),
)

_OPENING = """
A turn answers as a sequence of events, over each of three doors:

- `POST /api/voice/chat/stream` with `Accept: text/event-stream`, the default: server-sent events;
- the same with `Accept: application/x-ndjson`: one JSON object a line, its kind under `event`;
- `WS /api/voice/ws`: the same events as JSON text, and audio as binary packets.

The first event is `meta`. Then `text` and `audio` come as the reply is written and spoken; the `text` of a sentence
comes before its audio, and audio never comes out of order. The last event is either `done` or `error`, exactly once,
and nothing follows it. A turn that could not even begin has no events: it answers with an HTTP status and
[a problem](errors.md).

A reader should leave aside fields and events that it does not know: more may come.
"""

_SOCKET = """
The listener sends JSON text: `{"type": "turn", "generation": 1, "text": "…"}` with the fields of the body of
[`POST /api/voice/chat/stream`](http-api.md) except `format`, which is always `pcm16` here, and `{"type": "clear"}` to
interrupt. It counts `generation` up with every turn, from 1 to 65535; without one the server counts. One turn runs at
a time: a new one interrupts the one before it.

Events are JSON text with `event`, `turn` and `generation` added. Packets have no room for who speaks, so
`{"event": "speaker", "seq": …, "provider": …, "model": …, "voice": …, "variant": …}` comes before the first packet of
a turn and whenever one of these changes. After `clear`, or where a new turn interrupts,
`{"event": "cleared", "generation": …}` is sent and nothing more of that generation: neither `done` nor `error`. What
still arrives from before can be told by its older generation.

A message that is not JSON closes the connection with code 1008, and so does a page of another origin. An unknown `type`
is answered with an `error` event and the connection stays.
"""

_DEGRADED = """
A reply that goes on, but not as asked, says so with `degraded`: once for each reason and provider, before the text or
the sound it is about. What concerns the whole turn comes right after `meta`. A client may leave it aside; the page
shows it. The same words stand in the turn's record and in the measure `segue_degraded_total`.
"""


def events_page(note: str) -> str:
    """The events, their fields, how each door encodes them, and the layout of a packet of audio."""
    told = {frame.event: _told(frame) for frame in EXAMPLES}
    usual = [frame for frame in EXAMPLES if not isinstance(frame, Degraded | Failure)]
    return page(
        "# Events of a turn",
        note,
        _OPENING,
        "## Fields",
        *(_event(name, plain) for name, plain in told.items()),
        _DEGRADED,
        table(["reason", "what it says"], _reasons()),
        "## As server-sent events",
        _code("text", "".join(as_event(_short(frame)).decode() for frame in usual)),
        "## As NDJSON",
        _code("json", "".join(as_line(_short(frame)).decode() for frame in usual)),
        "## Over a WebSocket",
        _SOCKET,
        "### A packet of audio",
        f"{talk.HEADER.size} bytes of header, big-endian, then 16-bit little-endian PCM, mono, 24 kHz, always whole "
        "samples:",
        table(["offset", "bytes", "field", "what it is"], _layout()),
        "The first packet of the example above, generation 7, in hexadecimal:",
        _code("text", talk.packet(_audio(), 7, first=True).hex(" ", 4)),
    )


def _told(frame: Frame) -> Mapping[str, Any]:
    """What a door tells of a frame. Every field has a meaning here, and every meaning a field."""
    plain: dict[str, Any] = json.loads(as_line(frame))
    del plain["event"]
    if set(plain) != set(MEANINGS[frame.event]):
        raise LookupError(f"{frame.event}: fields {sorted(plain)}, meanings {sorted(MEANINGS[frame.event])}")
    return plain


def _event(name: str, plain: Mapping[str, Any]) -> str:
    rows = [[f"`{field}`", _kind(value), MEANINGS[name][field]] for field, value in plain.items()]
    return page(f"### `{name}`", table(["field", "kind", "what it is"], rows))


def _reasons() -> Iterator[Sequence[str]]:
    """The reasons with their meanings: exactly those that the frame itself names."""
    _, _, named = (Degraded.__doc__ or "").partition("Reasons:")
    if set(re.findall(r"`(\w+)`", named)) != set(REASONS):
        raise LookupError(f"the frame names other reasons than {', '.join(REASONS)}")
    yield from ([f"`{reason}`", meaning] for reason, meaning in REASONS.items())


def _kind(value: object) -> str:
    for kind, name in ((bool, "true or false"), (int, "integer"), (float, "number"), (str, "text"), (dict, "table")):
        if isinstance(value, kind):
            return name
    raise TypeError(type(value))


def _layout() -> Iterator[list[str]]:
    """The fields of the header with their places, read from its format."""
    order, codes = talk.HEADER.format[0], talk.HEADER.format[1:]
    sizes = {"B": 1, "H": 2, "I": 4, "16s": 16}
    offset = 0
    for name, meaning in HEADER_FIELDS:
        code = next(code for code in sizes if codes.startswith(code))
        yield [str(offset), str(sizes[code]), f"`{name}`", meaning]
        offset, codes = offset + sizes[code], codes.removeprefix(code)
    if codes or order != ">" or offset != talk.HEADER.size:
        raise LookupError(f"the header is {talk.HEADER.format}, not what this page says")


def _audio() -> Audio:
    return next(frame for frame in EXAMPLES if isinstance(frame, Audio))


def _short(frame: Frame) -> Frame:
    """The frame as the example shows it: a turn that began with a text."""
    return dataclasses.replace(frame, heard=None) if isinstance(frame, Meta) else frame


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"
