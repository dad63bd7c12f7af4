"""The voices of Edge's read-aloud: what the service's list says of them, and those known to be there without it."""

import re
from collections.abc import Iterator
from typing import Any

from segue.voice.language import base_code
from segue.voice.ports import VoiceInfo

KNOWN = {
    "female": (
        "uk-UA-PolinaNeural ru-RU-SvetlanaNeural en-US-AvaNeural en-US-EmmaNeural en-US-AriaNeural en-US-JennyNeural"
        " en-US-MichelleNeural en-GB-SoniaNeural en-GB-LibbyNeural zh-CN-XiaoxiaoNeural zh-CN-XiaoyiNeural"
        " zh-TW-HsiaoChenNeural zh-TW-HsiaoYuNeural"
    ).split(),
    "male": (
        "uk-UA-OstapNeural ru-RU-DmitryNeural en-US-AndrewNeural en-US-BrianNeural en-US-GuyNeural en-US-EricNeural"
        " en-US-ChristopherNeural en-GB-RyanNeural en-GB-ThomasNeural zh-CN-YunxiNeural zh-CN-YunyangNeural"
        " zh-CN-YunjianNeural zh-TW-YunJheNeural"
    ).split(),
}
"""Voices of Segue's own languages, by gender, as the service listed them in 2026."""
NOT_BY_LOCALE = {"zh-HK": "yue"}
"""Locales whose first part does not name the language: in Hong Kong it is Cantonese."""

_NAME = re.compile(r"([a-z]{2,}-[A-Z]{2,})-.+Neural")
"""Names that the client library can ask for."""


def known(provider: str) -> dict[str, VoiceInfo]:
    """The voices that are known without a list, by name."""
    return {
        voice.name: voice
        for gender, names in KNOWN.items()
        for name in names
        for voice in _voice(name, gender, provider)
    }


def listed(told: Any, provider: str) -> dict[str, VoiceInfo]:
    """The voices in the service's list, by name; what is no voice or cannot be asked for is left out.

    Args:
        told: the list as it was sent, decoded.
        provider: the name under which the voices are offered.
    """
    found: dict[str, VoiceInfo] = {}
    for entry in told if isinstance(told, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("ShortName"), str):
            for voice in _voice(entry["ShortName"], str(entry.get("Gender", "")).lower(), provider):
                found[voice.name] = voice
    return found


def _voice(name: str, gender: str, provider: str) -> Iterator[VoiceInfo]:
    parts = _NAME.fullmatch(name)
    if parts is not None:
        language = NOT_BY_LOCALE.get(parts[1], base_code(parts[1]))
        gender = gender if gender in {"female", "male", "neutral"} else "unknown"
        yield VoiceInfo(name, provider, (language,), gender, f"Edge {name}")
