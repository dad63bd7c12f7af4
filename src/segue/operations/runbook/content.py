"""Files and folders as they are: what they hold, told by one SHA-256, and how they are put in another's place."""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


def digest(path: Path) -> str:
    """SHA-256 of what a file holds; of a folder, of the names, modes and contents in it. Empty where nothing is there.

    A link is what it says, not where it leads.
    """
    if path.is_dir() and not path.is_symlink():
        whole = hashlib.sha256()
        for inner in sorted(path.rglob("*"), key=lambda each: each.relative_to(path).as_posix()):
            mode = inner.lstat().st_mode
            name = inner.relative_to(path).as_posix()
            kind = "link" if stat.S_ISLNK(mode) else f"{stat.S_IMODE(mode):o}"
            whole.update(f"{name}\0{kind}\0{'' if stat.S_ISDIR(mode) else _of_one(inner)}\n".encode())
        return whole.hexdigest()
    return _of_one(path) if os.path.lexists(path) else ""


def _of_one(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copied(source: Path, target: Path) -> None:
    """Copy a file or a folder with its modes to a new name, and see to it that it is on the disk."""
    remove(target)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
        for inner in target.rglob("*"):
            if not inner.is_symlink():
                settle(inner)
    else:
        shutil.copy2(source, target)
    settle(target)


def put(coming: Path, target: Path, kept: Path) -> None:
    """Put one thing in another's place, and keep what was there as `kept`, once.

    For a file there is no moment without one. A folder is away between two renamings; `kept` is there then.
    """
    if target.is_dir() and not target.is_symlink():
        target.rename(kept)
    elif os.path.lexists(target) and not os.path.lexists(kept):
        os.link(target, kept, follow_symlinks=False)
    coming.replace(target)
    settle(target.parent)


def put_back(kept: Path, target: Path, aside: Path) -> None:
    """Put what was kept back in its place; what stands there goes."""
    if target.is_dir() and not target.is_symlink():
        remove(aside)
        target.rename(aside)
    kept.replace(target)
    remove(aside)
    settle(target.parent)


def written(path: Path, text: str) -> None:
    """Write a file anew in one step, with the mode and the owner it has; a new one is for its owner only.

    Where the path is a link, it stays one, and the file that it leads to is written.
    """
    path = Path(os.path.realpath(path))
    there = path.stat() if path.exists() else None
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if there is not None:
            with suppress(PermissionError):  # only root can give a file to somebody
                os.fchown(file.fileno(), there.st_uid, there.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
        os.fsync(file.fileno())
    fresh.replace(path)
    settle(path.parent)


def linked(link: Path, to: str) -> None:
    """Let a link lead elsewhere in one step."""
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(to)
    fresh.replace(link)
    settle(link.parent)


def remove(path: Path) -> None:
    """Take a file or a folder away, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot do it for folders
            os.fsync(opened)
    finally:
        os.close(opened)
