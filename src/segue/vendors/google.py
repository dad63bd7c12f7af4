"""Settings of Google Cloud's speech services."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from segue.vendors.account import Account, Role


class GoogleAccount(Account):
    """A service account's file, or an API key; one of the two is needed."""

    key_variable: str = "GOOGLE_API_KEY"
    credentials: Path | None = None
    """JSON file of a service account; without it the API key is used."""
    credentials_variable: str = "GOOGLE_APPLICATION_CREDENTIALS"
    """Name of the environment variable that names that file."""

    @property
    def missing(self) -> str | None:
        """See `Account.missing`."""
        if self.secret or self.credentials is not None:
            return None
        return f"set {self.credentials_variable}, {self.key_variable}, `credentials` or `key`"


class GoogleSynthesizer(GoogleAccount):
    """Google Text-to-Speech: one family of voices."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["google-synthesizer"]
    url: str = "https://texttospeech.googleapis.com"
    """Address of the service; `http://` speaks without TLS."""
    family: Literal["wavenet", "chirp3-hd"] = "wavenet"
    """Which family of voices this provider speaks with."""
    streaming: bool = False
    """Ask for audio as it is made (Chirp 3: HD only) instead of whole sentences."""
    locales: Mapping[str, str] = {"en": "en-US", "uk": "uk-UA", "ru": "ru-RU", "zh": "cmn-CN"}
    """Google's code of each language: the languages that are offered, and whose voices come first."""

    @model_validator(mode="after")
    def _only_chirp_streams(self) -> Self:
        if self.streaming and self.family != "chirp3-hd":
            raise ValueError("streaming: only the family chirp3-hd speaks as a stream; set `family` to it.")
        return self


class GoogleRecognizer(GoogleAccount):
    """Google Speech-to-Text."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["google-recognizer"]
    url: str = "https://speech.googleapis.com"
    """Address of the service; `http://` speaks without TLS."""
    model: str = "latest_short"
    """Google's name of the recognition model."""
    locales: Mapping[str, str] = {"en": "en-US", "uk": "uk-UA", "ru": "ru-RU", "zh": "cmn-Hans-CN"}
    """Google's code of each language."""
