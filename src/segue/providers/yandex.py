"""Speech and recognition by Yandex SpeechKit, over version 1 of its HTTP API.

Version 1 is the one that sends audio as it is made for a whole sentence and needs no library. It speaks and hears
neither Ukrainian nor Chinese. Limits, voices and languages are those of Yandex's documentation in 2026.
"""

import asyncio
import difflib
import json
import re
import unicodedata
from collections.abc import AsyncGenerator
from email.message import Message
from urllib.parse import urlencode

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage, UnknownVoice
from segue.providers.http import Line, beginning
from segue.vendors import yandex as vendor
from segue.voice.audio import SAMPLE_BYTES, resample
from segue.voice.language import base_code
from segue.voice.ports import About, Recording, Speech, Transcript, Utterance, VoiceInfo

MODEL = "speechkit-v1"
RATE = 48_000
"""Samples a second; the API has 8 000, 16 000 and 48 000."""
SPEEDS = (0.1, 3.0)
LONGEST_TEXT = 5_000
"""Characters of one request."""
LARGEST_FORM = 15_000
"""Bytes of one request as it is sent: a Cyrillic letter takes six of them, so this ends a long text first."""

HEARING_RATE = 16_000
LONGEST_S = 30.0
"""Seconds of one recording. The other limit, of 1 MB, is not reached within them at `HEARING_RATE`."""

CODES = {"ru": "ru-RU", "en": "en-US", "de": "de-DE", "kk": "kk-KZ", "uz": "uz-UZ"}
"""The API's names of the languages it speaks."""
VOICES = {
    "ru": {
        "marina": "female",
        "alena": "female",
        "jane": "female",
        "omazh": "female",
        "filipp": "male",
        "ermil": "male",
        "zahar": "male",
        "madi_ru": "male",
    },
    "en": {"john": "male"},
    "de": {"lea": "female"},
    "kk": {"amira": "female", "madi": "male"},
    "uz": {"nigora": "female"},
}
"""Voices of version 1 with their genders, the service's default first; each speaks one language."""
HEARD = {"ru": "ru-RU", "en": "en-US"}
"""Those of its languages of recognition that are Segue's."""

COMPRESSED = ("ogg", "opus", "mpeg", "mp3", "aac", "flac", "webm", "mp4")
OTHER_THINGS = (b"RIFF", b"OggS", b"ID3", b"fLaC", b"\x1aE\xdf\xa3", b'{"', b"{\n", b"<!", b"<ht", b"<?x")
"""How bodies begin that are no bare samples. As samples these would be loud from the first one on: speech is not."""
SIGN_BYTES = 4

_MARKUP = re.compile(r"\[(?=\[)|<(?=\[)|\*(?=\*)|\+(?=\w)")


class _Caller:
    """What both roles have: an account and a line. No request is made before it is needed: each is paid for."""

    def __init__(self, name: str, settings: vendor.YandexAccount, url: str, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        headers = {"authorization": f"Api-Key {settings.secret}"} if settings.secret else {}
        self._line = Line(name, url, clock, headers=headers, connect_s=settings.limits.connect_s)
        self.about = About("yandex", MODEL, "v1", self._line.place)
        self._folder = {"folderId": settings.folder} if settings.folder else {}

    async def start(self) -> None:
        """Open the pool of connections.

        Raises:
            Unavailable: there is no key, or none that can be sent; the message says what to set.
        """
        if self._settings.missing:
            raise Unavailable(f"{self.name} needs an API key: {self._settings.missing}.")
        await self._line.start()

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    def _unsupported(self, why: str) -> ProviderError:
        return ProviderError(f"{self.name} {why}.", provider=self.name, category=FailureCategory.UNSUPPORTED)


class YandexSynthesizer(_Caller):
    """Speaks ru, en, de, kk and uz at 48 kHz, as bare samples: no header that could come late or lie."""

    def __init__(self, name: str, settings: vendor.YandexSynthesizer, clock: Clock) -> None:
        super().__init__(name, settings, settings.url, clock)
        self._voices = tuple(
            VoiceInfo(voice, name, (language,), gender, f"Yandex {voice}")
            for language, voices in VOICES.items()
            for voice, gender in voices.items()
        )

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self._voices

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. A text without a letter or digit is not sent: it would be refused."""
        self._check(utterance)
        text = spoken(utterance.text)
        if not any(character.isalnum() for character in text):
            return
        form = self._form(utterance, text)
        head = b""
        async with self._line.ask(
            "POST",
            "/speech/v1/tts:synthesize",
            expect=("audio/", "application/octet-stream"),
            content=form,
            headers={"content-type": "application/x-www-form-urlencoded"},
        ) as answer:
            pieces = answer.aiter_bytes()
            kind = answer.headers.get("content-type", "")
            checked = False
            async for piece in pieces:
                head += piece
                if not checked and len(head) < SIGN_BYTES:
                    continue
                wrong = None if checked else unlike_samples(kind, head)
                if wrong:
                    said = await beginning(pieces, head) if head.startswith((b"{", b"<")) else b""
                    raise self._line.failure(f"{self.name} sent {wrong}", said)
                checked = True
                whole = len(head) - len(head) % SAMPLE_BYTES
                pcm, head = head[:whole], head[whole:]
                if pcm:
                    yield Speech(pcm, RATE, self.name, MODEL, utterance.voice)
        if head:
            raise self._line.truncated(f"{self.name} ended in the middle of its samples.")

    def _form(self, utterance: Utterance, text: str) -> bytes:
        """The request's body.

        Raises:
            ProviderError: it is larger than what the service takes.
        """
        fields = {
            "text": text,
            "lang": CODES[base_code(utterance.language)],
            "voice": utterance.voice,
            "format": "lpcm",
            "sampleRateHertz": str(RATE),
        }
        if utterance.speed != 1.0:
            fields["speed"] = f"{utterance.speed:.2f}"
        form = urlencode(fields | self._folder).encode()
        if len(form) > LARGEST_FORM:
            raise self._unsupported(f"takes {LARGEST_FORM} bytes at once, and this text fills {len(form)}")
        return form

    def _check(self, utterance: Utterance) -> None:
        """Refuse before the call what would be refused after it."""
        fitting = VOICES.get(base_code(utterance.language))
        if fitting is None:
            raise UnknownVoice(
                f"{self.name} has no voice for {utterance.language!r}: it speaks {', '.join(VOICES)}.", param="voice"
            )
        if utterance.voice not in fitting:
            near = difflib.get_close_matches(utterance.voice, fitting, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fitting)}."
            raise UnknownVoice(
                f"{self.name} has no voice {utterance.voice!r} for {utterance.language!r}; {offer}", param="voice"
            )
        if len(utterance.text) > LONGEST_TEXT:
            raise self._unsupported(f"takes {LONGEST_TEXT} characters at once, not {len(utterance.text)}")
        if not SPEEDS[0] <= utterance.speed <= SPEEDS[1]:
            raise self._unsupported(f"speaks at speeds from {SPEEDS[0]:g} to {SPEEDS[1]:g}, not {utterance.speed:g}")


class YandexRecognizer(_Caller):
    """Hears ru and en in recordings of up to 30 s. It says neither how sure it is nor when a word was said."""

    def __init__(self, name: str, settings: vendor.YandexRecognizer, clock: Clock) -> None:
        super().__init__(name, settings, settings.url, clock)
        self.languages = tuple(HEARD)

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`. A recording without a single sample is heard as nothing, and nobody is asked."""
        language = base_code(recording.language)
        if language not in HEARD:
            raise UnknownLanguage(
                f"{self.name} hears {', '.join(HEARD)}, not {recording.language!r}.", param="language"
            )
        pcm = recording.pcm[: len(recording.pcm) - len(recording.pcm) % SAMPLE_BYTES]
        duration_s = len(pcm) / SAMPLE_BYTES / recording.rate
        if duration_s > LONGEST_S:
            raise self._unsupported(f"hears at most {LONGEST_S:g} s at a time, not {duration_s:.1f} s")
        text = ""
        if pcm:
            pcm = await asyncio.to_thread(resample, pcm, recording.rate, HEARING_RATE)
            text = await self._ask(pcm, HEARD[language])
        return Transcript(text, language, self.name, duration_s)

    async def _ask(self, pcm: bytes, code: str) -> str:
        params = {"lang": code, "format": "lpcm", "sampleRateHertz": str(HEARING_RATE), **self._folder}
        headers = {"content-type": f"audio/x-pcm;bit=16;rate={HEARING_RATE}"}
        answer = await self._line.json("POST", "/speech/v1/stt:recognize", params=params, content=pcm, headers=headers)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, str):
            raise self._line.failure(f"{self.name} answered without a result", json.dumps(answer).encode())
        return result.strip()


def spoken(text: str) -> str:
    """A text that is read and not obeyed: no control characters, and signs of the service's markup taken apart."""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in text)
    return _MARKUP.sub(lambda found: f"{found[0]} ", plain)


def unlike_samples(content_type: str, head: bytes) -> str | None:
    """What an answer is that is not bare samples at `RATE`, by its content type and its first bytes."""
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_type()
    if any(word in kind for word in COMPRESSED):
        return f"{kind}, not bare samples"
    rate = message.get_param("rate")
    if rate is not None and str(rate) != str(RATE):
        return f"{rate} samples a second, not {RATE}"
    if head.startswith(OTHER_THINGS):
        return "something else than samples"
    return None
