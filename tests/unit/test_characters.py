"""The catalogue file: what it may hold, where a mistake is told, and what is checked against the providers."""

import re
from pathlib import Path

import pytest

from segue.errors import ConfigurationError
from segue.voice.casting import Part, Repertoire
from segue.voice.characters import Character, Characters, check, read
from segue.voice.ports import VoiceInfo

FILE = """\
characters:
  pip_boy:
    name: {en: Pip-Boy, zh: 嗶嗶小子}
    description: A cheerful guide
    speed: 1.1
    pitch_st: -2
    voices:
      wave: {zh: cmn-B}
      cloud: onyx
    variants:
      calm:
        wave: {zh: cmn-A}
        cloud: {"*": nova, uk: onyx}
  ghoul:
    voices:
      wave:
        zh: cmn-C
"""
LISTS = {
    "cloud": (VoiceInfo("onyx", "cloud", ("en", "uk"), "male"), VoiceInfo("nova", "cloud", ("en",), "female")),
    "wave": tuple(VoiceInfo(f"cmn-{letter}", "wave", ("zh",)) for letter in "ABC"),
}


def written(folder: Path, text: str) -> Path:
    """A catalogue file with that text."""
    file = folder / "characters.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_with_its_lines(tmp_path: Path) -> None:
    """Every character with its manner and voices; every key with the line it stands on."""
    characters = read(written(tmp_path, FILE))
    pip_boy = characters.by_key["pip_boy"]
    assert (pip_boy.speed, pip_boy.pitch_st, pip_boy.name) == (1.1, -2.0, {"en": "Pip-Boy", "zh": "嗶嗶小子"})
    assert list(characters.by_key) == ["pip_boy", "ghoul"]
    assert characters.lines["characters", "ghoul", "voices", "wave", "zh"] == 17
    assert characters.place(("characters", "pip_boy", "voices", "cloud", "*")).endswith(
        "characters.yaml line 9: characters.pip_boy.voices.cloud"
    )


def test_the_nearest_voice_is_the_first_candidate(tmp_path: Path) -> None:
    """A variant goes before the character's own voices, a language before "for all"; the manner is the character's."""
    pip_boy = read(written(tmp_path, FILE)).by_key["pip_boy"]
    assert pip_boy.candidates("zh") == {"wave": (Part("cmn-B", 1.1, -2.0),), "cloud": (Part("onyx", 1.1, -2.0),)}
    calm = {name: [part.voice for part in parts] for name, parts in pip_boy.candidates("uk", "calm").items()}
    assert calm == {"wave": [], "cloud": ["onyx", "nova", "onyx"]}
    assert pip_boy.candidates("zh", "calm")["wave"][0].voice == "cmn-A"
    assert pip_boy.candidates("zh", "unheard-of") == pip_boy.candidates("zh")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with `characters:`"),
        ("- pip_boy", "must begin with `characters:`"),
        ("figures: {}", r"yaml line 1: characters: Field required\n.*line 1: figures: no such entry"),
        (FILE.replace("ghoul", "Ghoul"), r"line 14: characters\.Ghoul: 'Ghoul' is no key"),
        (FILE.replace("speed: 1.1", "speed: 9"), r"line 5: characters\.pip_boy\.speed: .*less than or equal to 4"),
        (FILE.replace("-2", "-21"), r"line 6: characters\.pip_boy\.pitch_st: .*greater than or equal to -20"),
        (FILE.replace("pitch_st", "pitch"), r"line 6: characters\.pip_boy\.pitch: no such entry"),
        (FILE.replace("zh: cmn-C", "cmn: cmn-C"), r"line 17: characters\.ghoul\.voices\.wave\.cmn: .*'zh'"),
        (FILE.replace("cmn-C", '""'), r"line 17: characters\.ghoul\.voices\.wave\.zh: .*at least 1 character"),
        (FILE.replace("\n        zh: cmn-C", " {}"), r"line 16: characters\.ghoul\.voices\.wave: .*at least 1 item"),
        (FILE.replace("ghoul", "pip_boy"), 'line 14: found duplicate key "pip_boy"'),
        (FILE.replace("  ghoul", "\tghoul"), "line 14: "),
        (FILE.replace("A cheerful guide", "2026-99-99"), "is not valid YAML: month must be in 1..12"),
        ("characters: &all {again: *all}", r"line 1: characters\.again: "),
        ("characters: {x: {voices: {wave: !!python/name:os.system a}}}", r"line 1: characters\.x\.voices\.wave: "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is wrong with the file, the message says where it stands; nothing in it is ever run."""
    with pytest.raises(ConfigurationError, match=message):
        read(written(tmp_path, text))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Whoever mends the file sees every mistake, each on a line of its own."""
    with pytest.raises(ConfigurationError) as refused:
        read(written(tmp_path, FILE.replace("speed: 1.1", "speed: 9").replace("ghoul", "Ghoul")))
    assert [re.findall(r"line (\d+)", line) for line in refused.value.message.splitlines()] == [["5"], ["14"]]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file and one of bytes are refused by name."""
    with pytest.raises(ConfigurationError, match=r"characters\.yaml cannot be read: No such file"):
        read(tmp_path / "characters.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"characters: \xff")
    with pytest.raises(ConfigurationError, match=r"bytes\.yaml is not UTF-8 text \(byte 12\)"):
        read(tmp_path / "bytes.yaml")


def test_parts_of_a_file_may_be_shared(tmp_path: Path) -> None:
    """A voice that one character took over from another is told of both, by the line where it is written."""
    shared = "characters:\n  a: &a {voices: {wave: {zh: cmn-X}}}\n  b: {<<: *a, speed: 2}\n"
    findings = check(read(written(tmp_path, shared)), Repertoire(LISTS))
    assert [re.findall(r"line (\d+)", finding.message) for finding in findings] == [["2"], ["2"]]


def test_right_voices_raise_no_finding(tmp_path: Path) -> None:
    """A file whose every voice is on its provider's list, in its language, is accepted."""
    assert check(read(written(tmp_path, FILE)), Repertoire(LISTS)) == ()


def test_every_voice_is_checked_against_its_providers_list(tmp_path: Path) -> None:
    """An unknown provider, an unknown voice and one of another language: file, line, character, voice, near names."""
    text = FILE.replace("zh: cmn-C", "zh: cmn-D").replace("cloud: onyx", "clout: onyx").replace("uk: onyx", "uk: nova")
    messages = [finding.message for finding in check(read(written(tmp_path, text)), Repertoire(LISTS))]
    place = f"{tmp_path}/characters.yaml line"
    assert messages == [
        f"{place} 9: characters.pip_boy.voices.clout: there is no synthesizer 'clout'; try cloud.",
        f"{place} 13: characters.pip_boy.variants.calm.cloud.uk: voice 'nova' of cloud speaks en, not uk; try onyx.",
        f"{place} 17: characters.ghoul.voices.wave.zh: wave has no voice 'cmn-D'; try cmn-C, cmn-B, cmn-A.",
    ]


def test_who_is_not_asked_is_not_checked(tmp_path: Path) -> None:
    """A provider that was left out offers nothing to compare with, and one outside the chain may be named."""
    characters = read(written(tmp_path, FILE))
    assert check(characters, Repertoire({**LISTS, "wave": ()})) == ()
    assert check(characters, Repertoire({"cloud": LISTS["cloud"]}), elsewhere=("wave",)) == ()
    missing = check(characters, Repertoire({"cloud": LISTS["cloud"]}))
    assert all("there is no synthesizer 'wave'" in finding.message for finding in missing)
    assert len(missing) == 3


def test_a_language_that_is_missing_here_is_told_apart(tmp_path: Path) -> None:
    """A provider that speaks nothing of a language, on this machine, is no misspelt voice."""
    english = {**LISTS, "wave": (VoiceInfo("en-A", "wave", ("en",)),)}
    findings = check(read(written(tmp_path, FILE)), Repertoire(english))
    assert {finding.absent for finding in findings} == {True}
    assert "wave has no voice for zh; it speaks en" in findings[0].message


def test_places_are_told_without_a_file() -> None:
    """Characters that came from no file are named by their path."""
    characters = Characters({"a": Character(voices={"wave": {"zh": "x"}})})
    assert characters.place(("characters", "a", "voices")) == "characters.a.voices"
