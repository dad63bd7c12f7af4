"""`segue say`: read a text out, to the loudspeaker or into a file, without a server."""

import asyncio
import shutil
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.settings import Settings, load
from segue.telemetry.logs import configure
from segue.voice.encoding import FORMATS
from segue.voice.frames import Audio, Done, Failure
from segue.wiring.house import build

PLAYERS = (
    ("pw-play", ("-",)),
    ("aplay", ("-q", "-")),
    ("ffplay", ("-loglevel", "error", "-nodisp", "-autoexit", "-")),
    ("play", ("-q", "-t", "wav", "-")),
)
EXTENSIONS = {"ogg": "opus", "pcm": "pcm16", "raw": "pcm16"}


def say(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    language: str | None = None,
    voice: str | None = None,
    out: Path | None = None,
    speed: float = 1.0,
    config: Path | None = None,
) -> None:
    """Say a text: play it, or write it to a file.

    Parameters
    ----------
    text
        What to say; `-` reads standard input.
    language
        uk, ru, en or zh; recognized from the text when absent.
    voice
        A voice's name; the language's default when absent.
    out
        File to write; its ending says the format (wav, mp3, opus, flac, aac, pcm).
    speed
        0.25 to 4; 1 is normal.
    config
        YAML file with settings.
    """
    settings = load(config)
    configure("warning", settings.log.format)
    player = None if out is not None else _player()
    audio, summary = asyncio.run(
        _speak(settings, sys.stdin.read() if text == "-" else text, language, voice, _format(out), speed)
    )
    if out is not None:
        try:
            out.write_bytes(audio)
        except OSError as error:
            raise InvalidRequest(f"{out} cannot be written: {error.strerror}.") from error
        print(f"{out}: {summary}")
        return
    assert player is not None  # noqa: S101 - without a file there is a player, or _player raised
    _play(player, audio)
    print(summary)


def _play(player: tuple[str, ...], audio: bytes) -> None:
    """Play a wav file.

    Raises:
        Unavailable: the player could not; the message says what it said.
    """
    done = subprocess.run(player, input=audio, stderr=subprocess.PIPE, check=False)  # noqa: S603 - found on the path
    complaint = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode or complaint:
        said = complaint[-1] if complaint else f"exit code {done.returncode}"
        raise Unavailable(f"{Path(player[0]).name} could not play ({said}); write a file with --out instead.")


async def _speak(
    settings: Settings, text: str, language: str | None, voice: str | None, audio_format: str, speed: float
) -> tuple[bytes, str]:
    house = build(settings, keep=False)
    async with house.running() as plane:
        ask = plane.ask_speech(text, language=language, voice=voice, audio_format=audio_format, speed=speed, whole=True)
        pieces: list[bytes] = []
        summary = ""
        async with aclosing(plane.turns.turn(ask)) as frames:
            async for frame in frames:
                if isinstance(frame, Failure):
                    raise SegueError(frame.message)
                if isinstance(frame, Audio):
                    pieces.append(frame.data)
                if isinstance(frame, Done):
                    summary = f"{frame.audio_ms / 1000:.1f} s in {ask.language} by {ask.voice}"
    if not pieces:
        raise InvalidRequest("There is nothing in this text that can be spoken.")
    return b"".join(pieces), summary


def _format(out: Path | None) -> str:
    if out is None:
        return "wav"
    ending = out.suffix.lower().removeprefix(".")
    name = EXTENSIONS.get(ending, ending)
    if name not in FORMATS:
        raise InvalidRequest(f"{out} ends in {out.suffix!r}; end it in .wav, .mp3, .opus, .ogg, .flac, .aac or .pcm.")
    return name


def _player() -> tuple[str, ...]:
    """The command that plays a wav file from its standard input.

    Raises:
        Unavailable: no player is installed.
    """
    for name, arguments in PLAYERS:
        if path := shutil.which(name):
            return path, *arguments
    names = ", ".join(name for name, _ in PLAYERS)
    raise Unavailable(f"No player found ({names}); install one (Debian: alsa-utils), or write a file with --out.")
