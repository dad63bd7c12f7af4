"""Nothing of the machine or the place where it was written stays in the project."""

import re

from tests.house.source import ROOT, texts

LOCKED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^\s;]+( ; [^\\]+)?( \\)?")


def test_lock_files_hold_names_versions_and_hashes() -> None:
    """A lock file pins every package to a version and to hashes, and says of no place where to get it."""
    locks = {name: text for name, text in texts().items() if re.fullmatch(r"requirements/\w+\.lock", name)}
    assert locks
    for name, text in locks.items():
        pinned = 0
        for number, line in enumerate(text.splitlines(), 1):
            place = f"{name}:{number}"
            assert "://" not in line, place
            if line.lstrip().startswith("#") or not line.strip():
                continue
            if line.startswith(" "):
                assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), place
            else:
                assert LOCKED.fullmatch(line), place
                pinned += 1
        hashed = len(re.findall(r"^\S+==.*\\\n    --hash=", text, re.MULTILINE))
        assert pinned == hashed > 0, f"{name}: every package has a hash"


def test_no_path_of_anybodys_machine() -> None:
    """No file names this checkout, or a folder of somebody's home."""
    private = re.compile(re.escape(str(ROOT)) + r"(?![\w-])|(?<![\w./-])/(?:root|home|Users|work|mnt)/[\w.]")
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"
        for name, text in texts().items()
        for match in private.finditer(text)
    ]
    assert not found


def test_no_address_of_a_package_registry() -> None:
    """No file tells a package manager where to get its packages: that is each machine's own business."""
    option = re.compile(r"--(extra-)?index-url|--find-links|index-url\s*=|--trusted-host")
    assert not [name for name, text in texts().items() if option.search(text) and not name.startswith("tests/house/")]
