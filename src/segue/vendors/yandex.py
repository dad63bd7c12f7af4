"""Settings of Yandex SpeechKit."""

from typing import ClassVar, Literal

from segue.vendors.account import Account, Role


class YandexAccount(Account):
    """An API key of a service account."""

    key_variable: str = "YANDEX_API_KEY"
    folder: str = ""
    """Folder that is charged; needed only where the key belongs to no service account."""


class YandexSynthesizer(YandexAccount):
    """Yandex SpeechKit synthesis."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["yandex-synthesizer"]
    url: str = "https://tts.api.cloud.yandex.net"
    """Address of the service."""


class YandexRecognizer(YandexAccount):
    """Yandex SpeechKit recognition of short recordings."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["yandex-recognizer"]
    url: str = "https://stt.api.cloud.yandex.net"
    """Address of the service."""
