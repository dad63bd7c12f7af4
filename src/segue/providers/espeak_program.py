"""The `espeak-ng` program, one process for each sentence: what speaks where the library is not installed."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncGenerator

from segue.clock import Clock
from segue.errors import ProviderError, Unavailable
from segue.providers.seat import send_signal

_WAV_HEADER_BYTES = 44
_PACKET_BYTES = 8192


class EspeakProgram:
    """Runs the program at `path`, at most `concurrent` at a time.

    `speaks_chinese` is found out by asking for phonemes: some distributions strip the Chinese dictionary, and the
    program then reads the syllables in English, without a word of warning.
    """

    def __init__(self, path: str, clock: Clock, *, concurrent: int = 2, answer_s: float = 5.0) -> None:
        self.model = ""
        self.speaks_chinese = False
        self.slows_ukrainian = False
        self._path = path
        self._clock = clock
        self._answer_s = answer_s
        self._places = asyncio.Semaphore(concurrent)

    async def start(self) -> None:
        """Ask the program for its version and for a Chinese word.

        Raises:
            Unavailable: it does not run.
        """
        version = re.search(r"\d+\.\d+(?:\.\d+)?", await self._ask("", "--version"))
        if version is None:
            raise Unavailable(f"{self._path} does not say its version; is it eSpeak NG?")
        self.model = f"espeak-ng {version[0]}"
        phonemes = await self._ask("你好", "-v", "cmn", "-q", "--ipa", "--stdin", "-b", "1")
        # From 1.52 on the Ukrainian voice file slows itself down.
        self.slows_ukrainian = tuple(int(part) for part in version[0].split(".")) >= (1, 52)
        self.speaks_chinese = bool(phonemes.strip()) and "(en)" not in phonemes

    async def speak(self, voice: str, wpm: int, text: str) -> AsyncGenerator[bytes, None]:
        """PCM of a text as the program writes it: mono s16le at 22 050 Hz.

        Raises:
            ProviderError: the program failed; the message is its own.
        """
        async with self._places:
            process = await self._run("-v", voice, "-s", str(wpm), "--stdin", "-b", "1", "--stdout")
            assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 (asked for)
            errors = asyncio.create_task(process.stderr.read(), name="espeak-ng stderr")
            odd = b""
            try:
                process.stdin.write(text.encode(errors="replace"))
                process.stdin.close()
                with contextlib.suppress(asyncio.IncompleteReadError):
                    await process.stdout.readexactly(_WAV_HEADER_BYTES)
                while block := odd + await process.stdout.read(_PACKET_BYTES):
                    even = len(block) & ~1
                    odd = block[even:]
                    if even == 0:
                        break
                    yield block[:even]
            finally:
                if not process.stdout.at_eof():
                    send_signal(process, signal.SIGKILL)
                await _to_the_end(process)
                told = (await errors).decode(errors="replace").strip()
        if told:
            raise ProviderError(f"{self.model} failed: {told.splitlines()[-1]}", provider="espeak")

    async def _run(self, *arguments: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            self._path, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )

    async def _ask(self, text: str, *arguments: str) -> str:
        """What the program prints. Raises Unavailable."""
        try:
            process = await self._run(*arguments)
        except OSError as error:
            raise Unavailable(f"{self._path} does not run: {error.strerror}.") from error
        try:
            async with self._clock.limit(self._answer_s):
                out, _ = await process.communicate(text.encode())
        except TimeoutError as error:
            raise Unavailable(f"{self._path} did not answer within {self._answer_s:g} s.") from error
        finally:
            if process.returncode is None:
                send_signal(process, signal.SIGKILL)
                await _to_the_end(process)
        return out.decode(errors="replace")


async def _to_the_end(process: asyncio.subprocess.Process) -> None:
    """Read what is left and wait for the exit: no zombie and no open handle stays."""
    assert process.stdin and process.stdout  # noqa: S101, PT018 (asked for)
    while await process.stdout.read(1 << 16):
        pass
    await process.wait()
    with contextlib.suppress(ConnectionError):
        await process.stdin.wait_closed()
