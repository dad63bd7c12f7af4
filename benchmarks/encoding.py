"""What audio costs: CPU per minute of speech and delay, for every format, the resampler, the shaper and decoding.

    python benchmarks/encoding.py [--seconds 20] [--out encoding.json]

CPU is process time while the audio is handled, best of three; delay is what was fed before the first decodable
sample came out, and the most that was ever kept inside afterwards. Needs the extra `codecs`.
"""

import argparse
import io
import json
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np

from segue.voice.audio import SAMPLE_RATE, Resampler, Shaper
from segue.voice.decoding import decode
from segue.voice.encoding import FORMATS, encode_whole, encoder, media_type

PIECE_MS = 20
READERS = {"wav": "wav", "mp3": "mp3", "opus": "ogg", "flac": "flac", "aac": "aac"}


def speech(seconds: float, rate: int) -> bytes:
    """Syllables of a gliding voice with harmonics and hiss between them, and a pause after every two seconds."""
    rng = np.random.default_rng(7)
    t = np.arange(round(seconds * rate)) / rate
    pitch = 2 * np.pi * np.cumsum(130 + 25 * np.sin(2 * np.pi * 0.7 * t)) / rate
    voice = sum((np.sin(k * pitch) / k for k in range(1, 25)), np.zeros(len(t)))
    syllables = np.clip(np.sin(2 * np.pi * 4.2 * t), 0, 1)
    hiss = rng.standard_normal(len(t)) * np.clip(-np.sin(2 * np.pi * 4.2 * t), 0, 1)
    spoken = (0.25 * voice * syllables + 0.05 * hiss) * (t % 2.4 < 2.0)
    return bytes(np.rint(spoken * 16_000).clip(-32_768, 32_767).astype("<i2").tobytes())


def pieces(pcm: bytes, rate: int) -> list[bytes]:
    """The speech as a provider sends it, 20 ms at a time."""
    step = 2 * rate * PIECE_MS // 1000 // 2 * 2
    return [pcm[place : place + step] for place in range(0, len(pcm), step)]


def cpu_ms(work: Callable[[], object]) -> float:
    """Process time of the best of three runs, in ms."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best * 1000


def streamed(name: str, pcm: bytes) -> None:
    """One listener's stream from beginning to end."""
    machine = encoder(name)
    for piece in pieces(pcm, SAMPLE_RATE):
        machine.feed(piece)
    machine.finish()
    machine.close()


def decodable(name: str, data: bytes) -> float:
    """Milliseconds of audio that can be decoded from the beginning of a stream."""
    if name == "pcm16":
        return len(data) / 2 * 1000 / SAMPLE_RATE
    try:
        with av.open(io.BytesIO(data), "r", format=READERS[name]) as container:
            return float(sum(frame.samples * 1000 / frame.sample_rate for frame in container.decode(audio=0)))
    except (av.FFmpegError, IndexError):
        return 0.0


def delay(name: str, pcm: bytes) -> tuple[float, float]:
    """Fed before the first sound comes out, and the most kept inside from then on, in ms."""
    machine, out, first, most = encoder(name), b"", 0.0, 0.0
    for k, piece in enumerate(pieces(pcm[: 2 * SAMPLE_RATE * 2], SAMPLE_RATE), start=1):
        out += machine.feed(piece)
        ready = decodable(name, out)
        if ready and not first:
            first = k * PIECE_MS
        if first:
            most = max(most, k * PIECE_MS - ready)
    machine.close()
    return first, most


def left_behind(name: str, pcm: bytes, listeners: int = 300) -> float:
    """Growth of the process in KiB per listener who leaves in the middle, after as many have warmed it up."""
    sizes = []
    for _ in range(2):
        for _ in range(listeners):
            machine = encoder(name)
            machine.feed(pcm[:9600])
            machine.close()
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return (sizes[1] - sizes[0]) / listeners


def transforms(seconds: float, per_minute: float) -> dict[str, float]:
    """CPU in ms per minute of speech for what stands between provider and encoder."""

    def shape() -> None:
        shaper = Shaper(350)
        for piece in pieces(speech_24, SAMPLE_RATE):
            shaper.feed(piece)
        shaper.finish()

    def change_rate() -> None:
        machine = Resampler(22_050)
        for piece in pieces(speech_22, 22_050):
            machine.feed(piece)
        machine.flush()

    speech_24, speech_22 = speech(seconds, SAMPLE_RATE), speech(seconds, 22_050)
    return {"shaper": cpu_ms(shape) * per_minute, "resampler 22050 to 24000": cpu_ms(change_rate) * per_minute}


def main() -> None:
    """Measure everything, print it as tables, and keep it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    pcm, per_minute = speech(asked.seconds, SAMPLE_RATE), 60 / asked.seconds
    rows = {}
    print("format  encode ms/min  decode ms/min  first sound ms  kept inside ms  kbit/s  KiB left per leaver")
    for name in FORMATS:
        data = encode_whole(pcm, name)
        first, most = delay(name, pcm)
        row = {
            "encode_ms_per_min": cpu_ms(partial(streamed, name, pcm)) * per_minute,
            "decode_ms_per_min": cpu_ms(partial(decode, data, content_type=media_type(name))) * per_minute,
            "first_sound_ms": first,
            "kept_inside_ms": most,
            "kbit_per_s": len(data) * 8 / 1000 / asked.seconds,
            "left_kib": left_behind(name, pcm),
        }
        rows[name] = row
        print("{:<7} {:13.1f} {:14.1f} {:15.0f} {:15.0f} {:7.0f} {:20.2f}".format(name, *row.values()))
    rows["transforms"] = transforms(asked.seconds, per_minute)
    for what, cost_ms in rows["transforms"].items():
        print(f"{what}: {cost_ms:.1f} ms/min, {cost_ms / 0.06:.0f} us per second of speech")
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
