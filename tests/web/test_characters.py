"""The list of characters over HTTP, from a file to the client."""

from pathlib import Path

import httpx2
from fastapi import FastAPI

from segue.voice.catalogue import Catalogue
from segue.voice.characters import read
from segue.voice.ports import VoiceInfo
from segue.web import characters

FILE = """
characters:
  guide:
    name: {uk: Провідник, en: Guide}
    description: Shows the way
    speed: 0.9
    voices:
      house: {uk: olena}
      gone: nobody
  clerk:
    voices: {house: {ru: boris}}
    variants:
      new: {house: {ru: boris}}
"""
VOICES = (VoiceInfo("olena", "house", ("uk",), "female"), VoiceInfo("boris", "house", ("ru",), "male"))


async def listed(catalogue: Catalogue) -> object:
    """What the route answers."""
    app = FastAPI()
    app.include_router(characters.router(catalogue))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://segue") as client:
        answer = await client.get("/api/voice/characters")
    assert answer.status_code == 200
    return answer.json()


async def test_characters_are_listed(tmp_path: Path) -> None:
    """Each with its key, names and descriptions for people, manner, languages, voices and variants."""
    file = tmp_path / "characters.yaml"
    file.write_text(FILE, encoding="utf-8")
    catalogue = Catalogue(VOICES, {}, ("uk", "ru"), order=("house", "gone"), characters=read(file))
    assert await listed(catalogue) == {
        "items": [
            {
                "key": "guide",
                "names": {"uk": "Провідник", "ru": "Guide"},
                "descriptions": {"uk": "Shows the way", "ru": "Shows the way"},
                "languages": ["uk"],
                "speed": 0.9,
                "pitch_st": 0.0,
                "voices": {"house": {"uk": "olena"}, "gone": {"*": "nobody"}},
                "variants": [],
            },
            {
                "key": "clerk",
                "names": {"uk": "clerk", "ru": "clerk"},
                "descriptions": {"uk": "", "ru": ""},
                "languages": ["ru"],
                "speed": 1.0,
                "pitch_st": 0.0,
                "voices": {"house": {"ru": "boris"}},
                "variants": ["new"],
            },
        ],
        "next": None,
    }


async def test_without_characters_the_list_is_empty() -> None:
    """A server without a catalogue file has a list with nothing in it."""
    assert await listed(Catalogue(VOICES, {}, ("uk", "ru"))) == {"items": [], "next": None}
