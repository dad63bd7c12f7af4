"""The process that holds Kokoro: `python -m segue.providers.kokoro_worker '{"model": …, "voices": …, …}'`.

It brings eSpeak NG, which is licensed under the GPL, and is loaded here and nowhere else in Segue. Besides the two
files the argument gives `languages` (eSpeak NG's names, whose dictionaries are loaded at once) and `threads`. Job
header: `voice`, `language`, `speed`, `text`. Audio is mono s16le.
"""

import asyncio
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.providers import pipe

WATCH_S = 0.01
"""How often it is asked whether a job was cancelled while the model works."""


class Session:
    """A loaded model that can be stopped in the middle of its work; stands in for the engine's own session."""

    def __init__(self, model: str, threads: int) -> None:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 (comes with Kokoro)
        from kokoro_onnx.session import resolve_providers  # noqa: PLC0415 (missing until it is asked for)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._new_run = onnxruntime.RunOptions
        self._run = self._new_run()
        self._session = onnxruntime.InferenceSession(model, sess_options=options, providers=resolve_providers())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, npt.NDArray[Any]]) -> Any:
        """See `InferenceSession.run`; fails soon after `stop`."""
        return self._session.run(outputs, inputs, self._run)

    def renew(self) -> None:
        """Forget that it was stopped."""
        self._run = self._new_run()

    def stop(self) -> None:
        """End what runs and what would run until `renew`; may be called from another thread."""
        self._run.terminate = True


class Speaker:
    """The loaded model and its voices."""

    def __init__(self, model: str, voices: str, languages: Sequence[str], threads: int) -> None:
        try:
            from kokoro_onnx import Kokoro  # noqa: PLC0415 (an optional extra, missing until it is asked for)
            from kokoro_onnx.config import SAMPLE_RATE  # noqa: PLC0415 (the same)
        except ImportError as error:
            raise pipe.JobFailed("Kokoro is not installed: pip install 'segue[kokoro]'.", "unsupported") from error
        self.rate = SAMPLE_RATE
        try:
            self._session = Session(model, threads)
            self._kokoro: Any = Kokoro.from_session(self._session, voices)
            self.voices: list[str] = self._kokoro.get_voices()
        except Exception as error:  # whatever a library makes of a file that is not what it should be
            reason = f"{type(error).__name__}: {error}"
            message = f"Kokoro cannot be loaded from {model} and {voices} ({reason})"
            raise pipe.JobFailed(message, "unsupported") from error
        self._load(languages)

    def speak(self, job: pipe.Job) -> Mapping[str, Any]:
        """Speak one job; returns at its end, or soon after it was cancelled."""
        self._session.renew()
        try:
            with _watched(job, self._session.stop):
                asyncio.run(self._speak(job))
        except ValueError as error:
            if not job.cancelled():
                raise pipe.JobFailed(f"Kokoro cannot say this: {error}", "unsupported") from error
        except Exception:
            if not job.cancelled():
                raise
        return {"cancelled": job.cancelled()}

    async def _speak(self, job: pipe.Job) -> None:
        asked = job.header
        pieces = self._kokoro.create_stream(asked["text"], asked["voice"], asked["speed"], asked["language"])
        async with aclosing(pieces):
            async for samples, _ in pieces:
                if job.cancelled():
                    break
                pcm = _pcm(samples)
                if pcm:
                    job.emit(pcm)

    def _load(self, languages: Sequence[str]) -> None:
        """Load the dictionaries: 50 ms each that the first sentence does not wait for.

        For each one the library copies eSpeak NG to a folder of its own, and would leave it behind when this process is
        ended. Once loaded the copies are not needed.
        """
        with tempfile.TemporaryDirectory(prefix="segue-kokoro-") as folder:
            tempfile.tempdir = folder
            for language in languages:
                self._kokoro.tokenizer.phonemize("a", language)
            tempfile.tempdir = None


@contextmanager
def _watched(job: pipe.Job, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when the job is cancelled meanwhile."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            if job.cancelled():
                stop()
                return

    thread = threading.Thread(target=watch, name="watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _pcm(samples: npt.NDArray[Any]) -> bytes:
    """Samples from -1 to 1 as s16le; what is beyond is cut off."""
    pcm: bytes = np.rint(np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    return pcm


def start() -> tuple[Mapping[str, Any], pipe.Handler]:
    """Load the model; what `pipe.serve` wants."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use to its maker unless told not to
    speaker = Speaker(**json.loads(sys.argv[1]))
    version = importlib.metadata.version("kokoro-onnx")
    return {"version": version, "rate": speaker.rate, "voices": speaker.voices}, speaker.speak


if __name__ == "__main__":
    pipe.serve(start)
