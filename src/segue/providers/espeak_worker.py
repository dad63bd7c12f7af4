"""The process that holds eSpeak NG: `python -m segue.providers.espeak_worker`.

eSpeak NG is licensed under the GPL; it is loaded here and nowhere else in Segue. The library is not thread-safe and
speaks one sentence at a time, which is what a worker does anyway. Job header: `voice`, `wpm`, `text`. Audio is mono
s16le at the library's own rate.
"""

import ctypes
import os
from collections.abc import Mapping
from typing import Any

from segue.providers import pipe

BUFFER_MS = 50
"""How much the library synthesizes before it hands it over, and so the longest time until a cancel is seen."""
PACKET_BYTES = 8192
"""Audio after the first piece is sent in packets of at least this size: 186 ms at 22 050 Hz."""

# From speak_lib.h, API revision 12 (eSpeak NG 1.52).
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE = 1
_CHARACTER_POSITION = 1
_UTF8 = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Library:
    """The loaded library, and the one sentence it is speaking."""

    def __init__(self) -> None:
        try:
            import espeakng_loader  # noqa: PLC0415 (an optional extra, missing until it is asked for)
        except ImportError as error:
            raise pipe.JobFailed("eSpeak NG is not installed: pip install 'segue[speech]'.", "unsupported") from error
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = os.fsencode(espeakng_loader.get_data_path())
        except (OSError, RuntimeError) as error:
            raise pipe.JobFailed(f"eSpeak NG cannot be loaded: {error}", "unsupported") from error
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, BUFFER_MS, data, _DONT_EXIT)
        if self.rate <= 0:
            raise pipe.JobFailed(f"eSpeak NG refused to start with the data in {os.fsdecode(data)}.", "unsupported")
        self._library.espeak_Info.restype = ctypes.c_char_p
        self.version = self._library.espeak_Info(None).decode().split()[0]
        self._callback = _Callback(self._heard)  # the library keeps only the pointer
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice = ""
        self._job: pipe.Job | None = None
        self._held = bytearray()
        self._first = True
        self._trouble: Exception | None = None

    def speak(self, job: pipe.Job) -> Mapping[str, Any]:
        """Speak one job; returns at its end, or soon after it was cancelled."""
        self._job, self._first, self._trouble = job, True, None
        self._held.clear()
        self._choose(job.header["voice"])
        # The rate belongs to the voice that was last chosen: set it anew for every sentence.
        self._library.espeak_SetParameter(_RATE, int(job.header["wpm"]), 0)
        text = job.header["text"].encode(errors="replace") + b"\0"
        size = ctypes.c_size_t(len(text))
        status = self._library.espeak_Synth(text, size, 0, _CHARACTER_POSITION, 0, _UTF8, None, None)
        if self._trouble is not None:
            raise self._trouble
        if status != 0:
            raise pipe.JobFailed(f"eSpeak NG could not speak the text (status {status}).")
        if self._held and not job.cancelled():
            job.emit(bytes(self._held))
        return {"cancelled": job.cancelled()}

    def _choose(self, voice: str) -> None:
        """Load a voice unless it is loaded: a change reads a dictionary and takes up to 10 ms."""
        if voice == self._voice:
            return
        self._voice = ""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise pipe.JobFailed(f"eSpeak NG {self.version} has no voice {voice!r}.", "bad_request")
        self._voice = voice

    def _heard(self, samples: Any, count: int, _events: int) -> int:
        """Called by the library with each piece of audio; 1 tells it to stop."""
        job = self._job
        if job is None or job.cancelled():
            return 1
        if count <= 0 or not samples:
            return 0
        try:
            self._held += ctypes.string_at(samples, count * 2)
            if self._first or len(self._held) >= PACKET_BYTES:
                job.emit(bytes(self._held))
                self._held.clear()
                self._first = False
        except Exception as error:
            self._trouble = error
            return 1
        return 0


def start() -> tuple[Mapping[str, Any], pipe.Handler]:
    """Load the library; what `pipe.serve` wants."""
    library = Library()
    return {"model": f"espeak-ng {library.version}", "rate": library.rate}, library.speak


if __name__ == "__main__":
    pipe.serve(start)
