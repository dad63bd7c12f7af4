"""Changes a few values of a configuration file and leaves the rest as it was, comments included."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher, unified_diff
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from segue.errors import ConfigurationError, Unavailable

INDENTS = ((2, 2, 0), (2, 4, 2), (4, 4, 2), (4, 6, 4), (4, 2, 0), (4, 4, 0))
"""Ways to indent: of a mapping, of a list, and of its dash. The one that is in the file already is taken."""
WIDTH = 100_000
"""Lines are never folded: that would change what nobody asked for."""


def rewritten(text: str, changes: Mapping[tuple[str, ...], Any]) -> str:
    """The text of a YAML file with these values set, each by its path.

    Raises:
        ConfigurationError: it is no YAML, or something else than a section stands on the way to a value.
    """
    yaml = _hand(text)
    after = text
    for path, value in changes.items():
        after = _with(yaml, after, path, value)
    return after.replace("\n", "\r\n") if "\r\n" in text else after


def difference(before: str, after: str, name: str) -> list[str]:
    """The lines of a unified diff; none where nothing changes."""
    lines = unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (proposed)", lineterm="")
    return list(lines)


def read(file: Path) -> str:
    """The text of a file, with its ends of lines as they are.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8 text.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text (byte {error.start}).") from error


def swapped(file: Path, before: str, after: str) -> Path:
    """Put a new text in the place of a file in one step, and keep the old one beside it as a numbered version.

    Returns:
        The file that holds the old text: `segue.yaml.~3~` is the third.

    Raises:
        ConfigurationError: the file no longer holds `before`; nothing was written.
        Unavailable: it cannot be written.
    """
    file = file.resolve()
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        _written(new, after, mode)
        if read(file) != before:
            raise ConfigurationError(f"{file} was changed meanwhile; nothing was written. Run the command again.")
        version = _kept(file, before, mode)
        new.replace(file)
        _settled(file.parent)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return version


def _kept(file: Path, text: str, mode: int) -> Path:
    """A copy under the next free number; numbers are never used again while their file is there."""
    for number in _numbers(file):
        version = file.with_name(f"{file.name}.~{number}~")
        try:
            _written(version, text, mode)
        except FileExistsError:
            continue
        return version
    raise AssertionError  # numbers do not end


def _numbers(file: Path) -> Iterator[int]:
    there = [each.name[len(file.name) + 2 : -1] for each in file.parent.glob(f"{file.name}.~*~")]
    number = max((int(each) for each in there if each.isdigit()), default=0)
    while True:
        number += 1
        yield number


def _written(file: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(text.encode("utf-8"))
        out.flush()
        os.fsync(out.fileno())


def _settled(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _hand(text: str) -> YAML:
    """What writes the untouched document the way it is written."""
    hands = [_indented(*indent) for indent in INDENTS]
    alike = [SequenceMatcher(None, text.splitlines(), _again(hand, text).splitlines()).ratio() for hand in hands]
    return hands[alike.index(max(alike))]


def _again(yaml: YAML, text: str) -> str:
    return _dumped(yaml, _loaded(yaml, text))


def _indented(mapping: int, sequence: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    return yaml


def _loaded(yaml: YAML, text: str) -> CommentedMap:
    try:
        document = yaml.load(text)
    except (YAMLError, ValueError) as error:
        raise ConfigurationError(f"The file is no valid YAML: {error}") from error
    if document is None:
        return CommentedMap()
    if not isinstance(document, CommentedMap):
        raise ConfigurationError("The file must hold settings as `name: value`; see `segue schema`.")
    return document


def _dumped(yaml: YAML, document: CommentedMap) -> str:
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _with(yaml: YAML, text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with one value more. A new key goes where it parts no comment from what the comment is about."""
    document = _loaded(yaml, text)
    known, section = 0, document
    while known < len(path) - 1 and section.get(path[known]) is not None:
        section, known = section[path[known]], known + 1
        if not isinstance(section, CommentedMap):
            raise ConfigurationError(f"{'.'.join(path)} cannot be set: {path[known - 1]} is no section in the file.")
    if path[known] in section:
        section[path[known]] = _nested(path[known + 1 :], value)
        return _dumped(yaml, document)
    tries = (_inserted(yaml, text, path, known, at, value) for at in range(len(section), -1, -1))
    first = next(tries)
    return first[0] if first[1] else next((after for after, fits in tries if fits), first[0])


def _inserted(yaml: YAML, text: str, path: tuple[str, ...], known: int, position: int, value: Any) -> tuple[str, bool]:
    """The text with a new key at a position of its section, and whether it follows a line that is no comment."""
    document = _loaded(yaml, text)
    section = document
    for part in path[:known]:
        section = section[part]
    section.insert(position, path[known], _nested(path[known + 1 :], value))
    after = _dumped(yaml, document)
    found = _loaded(yaml, after)
    for part in path[:known]:
        found = found[part]
    at = found.lc.key(path[known])[0]
    above = after.splitlines()[at - 1].strip() if at else "the beginning"
    return after, bool(above) and not above.startswith("#")


def _nested(path: tuple[str, ...], value: Any) -> Any:
    if path:
        return CommentedMap({path[0]: _nested(path[1:], value)})
    if isinstance(value, list | tuple):
        listed = CommentedSeq(value)
        listed.fa.set_flow_style()
        return listed
    return int(value) if isinstance(value, float) and value.is_integer() else value
