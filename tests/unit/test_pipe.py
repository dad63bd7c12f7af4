import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.voice.pipe import Pipe


async def drain(pipe: Pipe[int], most: int) -> list[bytes]:
    """Everything that comes out, packet by packet."""
    packets = []
    while (packet := await pipe.take(most)) is not None:
        packets.append(packet[0])
    return packets


@given(
    pieces=st.lists(st.binary(min_size=0, max_size=40), max_size=20), most=st.integers(1, 50), limit=st.integers(1, 60)
)
def test_what_goes_in_comes_out(pieces: list[bytes], most: int, limit: int) -> None:
    """The bytes come out in order and complete, in packets no larger than asked for, whatever the limit."""

    async def run() -> list[bytes]:
        pipe = Pipe[int](limit)

        async def write() -> None:
            for piece in pieces:
                await pipe.put(piece, 0)
            pipe.end()

        writer = asyncio.create_task(write())
        packets = await drain(pipe, most)
        await writer
        return packets

    packets = asyncio.run(run())
    assert b"".join(packets) == b"".join(pieces)
    assert all(0 < len(packet) <= most for packet in packets)


async def test_a_full_pipe_holds_its_writer() -> None:
    """The writer waits while the reader does not read, and goes on when it does."""
    pipe = Pipe[int](limit=10)
    written = 0

    async def write() -> None:
        nonlocal written
        for _ in range(5):
            await pipe.put(b"x" * 10, 0)
            written += 1
        pipe.end()

    writer = asyncio.create_task(write())
    for _ in range(10):
        await asyncio.sleep(0)
    assert written == 1

    assert len(b"".join(await drain(pipe, 100))) == 50
    await writer


async def test_an_error_comes_in_its_place() -> None:
    """What was written before a failure is read first; then the failure is raised."""
    pipe = Pipe[int](100)
    await pipe.put(b"said", 0)
    pipe.end(ValueError("then it broke"))

    assert await pipe.take(100) == (b"said", 0)
    with pytest.raises(ValueError, match="then it broke"):
        await pipe.take(100)


async def test_waiting_pieces_leave_together() -> None:
    """Everything that waits leaves in one packet, so that fast synthesis does not make many small ones."""
    pipe = Pipe[int](100)
    for piece in (b"one", b"two", b"three"):
        await pipe.put(piece, 0)

    assert await pipe.take(6) == (b"onetwo", 0)
    assert not pipe.finished
    pipe.end()
    assert await pipe.take(100) == (b"three", 0)
    assert pipe.finished


async def test_labels_are_never_mixed() -> None:
    """Pieces leave together only under one label, and what was not taken can be forgotten."""
    pipe = Pipe[str](100)
    for piece, label in ((b"a1", "a"), (b"a2", "a"), (b"b1", "b")):
        await pipe.put(piece, label)

    assert await pipe.take(100) == (b"a1a2", "a")
    assert (pipe.taken, pipe.waiting) == (4, 2)
    pipe.clear()
    await pipe.put(b"c1", "c")
    assert await pipe.take(100) == (b"c1", "c")
