"""The examples' own files: what they name exists at the providers they name, and can be turned to other addresses."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from segue.clock import ManualClock
from segue.providers.edge import EdgeSynthesizer
from segue.providers.espeak import EspeakSynthesizer
from segue.providers.google import GoogleSynthesizer
from segue.providers.openai import OpenAISynthesizer
from segue.providers.yandex import YandexSynthesizer
from segue.settings import Settings, load
from segue.voice.catalogue import Catalogue
from segue.voice.characters import read
from segue.voice.ports import VoiceInfo
from tests.house.source import ROOT

GUIDE = ROOT / "docs/how-to/characters.md"
CLOCK = ManualClock()
ADAPTERS: Mapping[str, Callable[[str, Any, Any], Any]] = {
    "edge": EdgeSynthesizer,
    "google-synthesizer": GoogleSynthesizer,
    "openai-synthesizer": OpenAISynthesizer,
    "yandex-synthesizer": YandexSynthesizer,
}
EXAMPLES = ("chirp3", "voice-v2", "phase2-streaming")


def settings_of(name: str) -> Settings:
    """The configuration of an example."""
    return load(ROOT / "examples" / name / "segue.yaml")


def offered(settings: Settings) -> dict[str, tuple[VoiceInfo, ...]]:
    """What each synthesizer of the chain offers before it has asked anybody."""
    there: dict[str, tuple[VoiceInfo, ...]] = {}
    for name in settings.providers.synthesizers:
        configured: Any = settings.providers.named.get(name)
        made = EspeakSynthesizer(CLOCK) if configured is None else ADAPTERS[configured.vendor](name, configured, CLOCK)
        there[name] = made.voices()
    return there


def catalogue_of(settings: Settings) -> Catalogue:
    """The example's catalogue, with every voice checked."""
    there = offered(settings)
    file = settings.voice.characters
    return Catalogue(
        [voice for voices in there.values() for voice in voices],
        settings.voice.voices,
        settings.voice.languages,
        order=tuple(there),
        preferred=settings.voice.provider_voices,
        characters=read(ROOT / file) if file is not None else None,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_voice_of_an_example_is_there(name: str) -> None:
    """Whatever voice an example names is on its synthesizer's list, and the embedded one is behind all others."""
    settings = settings_of(name)
    catalogue = catalogue_of(settings)
    for language in settings.voice.languages:
        casting = catalogue.cast(language)
        assert casting.order[-1] == "espeak"
        assert "espeak" in casting.parts


@pytest.mark.parametrize("name", ["chirp3", "phase2-streaming"])
def test_a_character_keeps_its_gender(name: str) -> None:
    """Whoever speaks a character speaks it in the same gender, with a voice of its own at every synthesizer."""
    settings = settings_of(name)
    catalogue, language = catalogue_of(settings), settings.voice.default_language
    genders = {(voice.provider, voice.name): voice.gender for voice in catalogue.voices}
    for key in catalogue.characters.by_key:
        casting = catalogue.cast(language, character=key)
        assert not casting.unsuitable, key
        assert len({genders[who, part.voice] for who, part in casting.parts.items()}) == 1, key


def test_the_rollout_has_its_fourteen_characters() -> None:
    """All characters of the plan, told apart by their Chirp 3: HD voices, and as deep and as high as was promised."""
    characters = read(ROOT / "examples/chirp3/characters.yaml").by_key
    assert len(characters) == 14
    assert len({character.voices["chirp3"]["zh"] for character in characters.values()}) == 14
    pitches = [character.pitch_st for character in characters.values()]
    assert (min(pitches), max(pitches)) == (-12.0, 6.4)
    assert characters["pip_boy"].voices["chirp3"]["zh"] == "cmn-CN-Chirp3-HD-Puck"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_address_of_an_example_can_be_changed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configured provider is turned to another server by one variable of the environment."""
    named = settings_of(name).providers.named
    elsewhere = {who: f"{'ws' if each.vendor == 'edge' else 'http'}://127.0.0.1:9" for who, each in named.items()}
    for who, url in elsewhere.items():
        monkeypatch.setenv(f"SEGUE_PROVIDERS__NAMED__{who.upper()}__URL", url)
    changed = settings_of(name).providers.named
    assert {who: getattr(each, "url", None) for who, each in changed.items()} == elsewhere


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_holds_no_secret(name: str) -> None:
    """Keys come from the environment alone."""
    assert not re.search(r"\bkey\s*:", (ROOT / "examples" / name / "segue.yaml").read_text(encoding="utf-8"))


def test_the_catalogue_in_the_guide_can_be_spoken(tmp_path: Path) -> None:
    """The file that the guide shows is read, and the embedded synthesizer has every voice in it."""
    shown = re.findall(r"^```yml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    file = tmp_path / "characters.yaml"
    file.write_text(shown[0], encoding="utf-8")
    espeak = EspeakSynthesizer(CLOCK).voices()
    catalogue = Catalogue(espeak, {}, ("uk", "en"), characters=read(file))
    assert [character["languages"] for character in catalogue.listed()] == [["uk", "en"], ["uk"]]
