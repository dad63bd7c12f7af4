import os
from pathlib import Path

import pytest

from segue.errors import ConfigurationError
from segue.settings import Settings, load


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean environment."""
    for name in list(os.environ):
        if name.upper().startswith("SEGUE_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    """A configuration file."""
    path = folder / "segue.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_need_nothing() -> None:
    """Without a file and variables Segue serves four languages on loopback."""
    settings = load()

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8002)
    assert settings.voice.languages == ("en", "uk", "ru", "zh")


def test_flags_win_over_variables_and_these_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearer to the person who starts it, the stronger."""
    file = write(tmp_path, "server:\n  port: 1001\n  host: 127.0.0.2\nvoice:\n  lookahead_sentences: 3\n")
    monkeypatch.setenv("SEGUE_SERVER__PORT", "1002")
    monkeypatch.setenv("SEGUE_VOICE__LOOKAHEAD_SENTENCES", "4")

    settings = load(file, **{"server.port": 1003, "server.host": None})

    assert (settings.server.port, settings.server.host, settings.voice.lookahead_sentences) == (1003, "127.0.0.2", 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server:\n  port: 99999\n", r"line 2: server\.port: .*65535"),
        ("voice:\n  default_language: en\n  lookahaed: 3\n", r"line 3: voice\.lookahaed: no such setting"),
        ("voice:\n  languages: [en, fr]\n", r"line 1: voice: languages: name at least one of en, ru, uk, zh"),
        ("voice:\n  default_language: zh\n  languages: [en]\n", r"default_language: 'zh' is not among languages"),
        ("voice:\n  limits:\n    turn_s: -1\n", r"line 3: voice\.limits\.turn_s: .*greater than 0"),
        ("voice:\n  limits:\n    turn_s: .inf\n", r"line 3: voice\.limits\.turn_s: .*finite"),
        ("- a\n- b\n", r"must hold settings as `name: value`"),
        ("voice: {languages: [en\n", r"line \d+: "),
        ("1: 2\n", r"must hold settings"),
        ("server: [1]\n", r"line 1: server: "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """Whoever edits the file is told which line to look at and what is wrong there."""
    with pytest.raises(ConfigurationError, match=expected):
        load(write(tmp_path, text))


def test_a_missing_or_binary_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be read is never taken for an empty one."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "nowhere.yaml")
    (tmp_path / "segue.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load(tmp_path / "segue.yaml")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    """A file with nothing but comments is fine."""
    assert load(write(tmp_path, "# nothing yet\n")) == load()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SEGUE_SERVER__PORT", "abc", r"environment variable SEGUE_SERVER__PORT: server\.port: .*integer"),
        ("SEGUE_SEVER__PORT", "1", "SEGUE_SEVER__PORT: no such setting"),
        ("SEGUE_VOICE__LANGUAGES", "[", "cannot be read"),
    ],
)
def test_a_mistaken_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    """A variable that is misspelt or does not fit refuses the start instead of being ignored."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=expected):
        load()


def test_settings_cannot_be_changed() -> None:
    """Settings are one frozen value."""
    with pytest.raises(ValueError, match="frozen"):
        load().server.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    """The schema that people read has a description for every leaf; a group and a vendor's name have their own."""
    schema = Settings.model_json_schema()
    groups = {f"#/$defs/{name}" for name, definition in schema["$defs"].items() if "properties" in definition}
    silent = {
        f"{section}.{name}"
        for section, definition in {"": schema, **schema["$defs"]}.items()
        for name, leaf in definition["properties"].items()
        if not ("description" in leaf or "const" in leaf or leaf.get("$ref") in groups)
    }
    # What a vendor's variable is for is said where `Account` declares it; the levels of a log explain themselves.
    told_elsewhere = {name for name in silent if name.endswith(".key_variable")} | {"LogSettings.level"}

    assert silent <= told_elsewhere
