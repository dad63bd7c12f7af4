"""What runs inside a worker process: frames over two pipes, one job at a time, and an end when the gateway ends.

A frame is `length:u32 job:u32 kind:u8 payload`, big-endian; `length` counts the payload. The gateway sends the data of
a job, then the job, and perhaps a word to cancel it; the worker says that it is ready (as job 0), then answers a job
with any number of audio frames and exactly one result or failure.

    gateway -> worker   D data (raw bytes)   J job (JSON)   C cancel
    worker -> gateway   R ready (JSON)   A audio (raw bytes)   E end (JSON, the result)   F failure (JSON)

This module knows the standard library alone, so that a worker starts quickly and carries nothing it does not need.
"""

import json
import os
import queue
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

HEAD = struct.Struct("!IIB")
LONGEST_FRAME = 64 * 1024 * 1024
"""Bytes. A length beyond this is not a length: something wrote to the pipe that does not speak frames."""

DATA, JOB, CANCEL = b"D"[0], b"J"[0], b"C"[0]
READY, AUDIO, END, FAILURE = b"R"[0], b"A"[0], b"E"[0], b"F"[0]


class JobFailed(Exception):
    """A job that cannot be done; the worker itself is well. `category` is a word of `FailureCategory`."""

    def __init__(self, message: str, category: str = "server") -> None:
        super().__init__(message)
        self.category = category


@dataclass(frozen=True, slots=True)
class Job:
    """What a handler is given: the header, the data sent with it, where audio goes, and whether to stop."""

    header: Mapping[str, Any]
    data: bytes
    emit: Callable[[bytes], None]
    cancelled: Callable[[], bool]


Handler = Callable[[Job], Mapping[str, Any]]


def frame(job: int, kind: int, payload: bytes = b"") -> bytes:
    """One frame, ready to be written."""
    return HEAD.pack(len(payload), job, kind) + payload


def document(value: Mapping[str, Any]) -> bytes:
    """The payload of a frame that carries JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def values(payload: bytes) -> Mapping[str, Any]:
    """What `document` wrote."""
    read: Mapping[str, Any] = json.loads(payload)
    return read


class _Inbox:
    """Reads frames in a thread of its own, so that a cancel is seen while the main thread is deep in a library."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data: dict[int, bytes] = {}
        self._cancelled = 0
        self.jobs: queue.SimpleQueue[tuple[int, Mapping[str, Any], bytes]] = queue.SimpleQueue()

    def run(self) -> None:
        """Read until the gateway closes the pipe or is gone, then end this process at once.

        Nothing in a worker needs tidying: what it made has been sent or is wanted by nobody any more.
        """
        try:
            while len(head := self._stream.read(HEAD.size)) == HEAD.size:
                length, number, kind = HEAD.unpack(head)
                self._take(number, kind, self._stream.read(length))
        finally:
            os._exit(0)

    def _take(self, number: int, kind: int, payload: bytes) -> None:
        if kind == DATA:
            self._data[number] = self._data.get(number, b"") + payload
        elif kind == JOB:
            self.jobs.put((number, values(payload), self._data.pop(number, b"")))
        elif kind == CANCEL:
            self._cancelled = number

    def cancelled(self, number: int) -> bool:
        """Whether this job, and no other, is wanted no longer.

        One number is enough: jobs come one at a time, so a cancel that arrives late names a job that is over.
        """
        return number == self._cancelled


def _answer(handler: Handler, inbox: _Inbox, write: Callable[[bytes], None]) -> None:
    """Do one job and send what came of it."""
    number, header, data = inbox.jobs.get()
    job = Job(
        header,
        data,
        emit=lambda pcm: write(frame(number, AUDIO, pcm)),
        cancelled=lambda: inbox.cancelled(number),
    )
    try:
        result = {"cancelled": True} if job.cancelled() else handler(job)
        write(frame(number, END, document(result)))
    except JobFailed as failure:
        write(frame(number, FAILURE, document({"category": failure.category, "message": str(failure)})))
    except BrokenPipeError:
        raise
    except Exception as error:
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}"
        write(frame(number, FAILURE, document({"category": "server", "message": message})))


def serve(start: Callable[[], tuple[Mapping[str, Any], Handler]]) -> None:
    """Be a worker: prepare, say so, and do jobs until the gateway closes the pipe.

    `start` does the expensive loading and returns what the ready frame says and the function that does a job; a
    `JobFailed` from it is sent as the reason why this worker cannot work. Frames leave through a private copy of
    standard output; the real one is turned to standard error, so that a library that prints cannot break a frame.
    """
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[out.write(view) :]

    inbox = _Inbox(os.fdopen(os.dup(0), "rb"))
    try:
        ready, handler = start()
    except JobFailed as failure:
        write(frame(0, FAILURE, document({"category": failure.category, "message": str(failure)})))
        sys.exit(1)
    threading.Thread(target=inbox.run, name="inbox", daemon=True).start()
    write(frame(0, READY, document(ready)))
    while True:
        try:
            _answer(handler, inbox, write)
        except BrokenPipeError:
            os._exit(0)
