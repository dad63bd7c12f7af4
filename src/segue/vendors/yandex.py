"""Settings of Yandex SpeechKit."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segue.vendors.account import Account, Role

Address = Annotated[str, Field(pattern=r"^https?://[^/]")]


class YandexAccount(Account):
    """An API key of a service account."""

    key_variable: str = "YANDEX_API_KEY"
    folder: Annotated[str, Field(max_length=50)] = ""
    """Folder that is charged. The key of a service account knows its own, and another one is refused."""


class YandexSynthesizer(YandexAccount):
    """Yandex SpeechKit synthesis."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["yandex-synthesizer"]
    url: Address = "https://tts.api.cloud.yandex.net"
    """Address of the service."""


class YandexRecognizer(YandexAccount):
    """Yandex SpeechKit recognition of short recordings."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["yandex-recognizer"]
    url: Address = "https://stt.api.cloud.yandex.net"
    """Address of the service."""
