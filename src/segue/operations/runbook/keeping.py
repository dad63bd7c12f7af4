"""The journals of runs on the disk: every line is there before the next thing is done, and one run goes at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segue.clock import Clock
from segue.errors import InvalidRequest, NotFound, Unavailable
from segue.operations.runbook.content import settle
from segue.operations.runbook.journal import Course, Entry, Word, course, entries

ENDING = ".jsonl"
LOCK = "lock"


class Journal:
    """The journal of one run."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock

    @property
    def run(self) -> str:
        """The run's name."""
        return self.path.stem

    def write(self, word: Word, step: str = "", **values: Any) -> None:
        """Write an entry; it is on the disk when this returns.

        Raises:
            Unavailable: it cannot be written.
        """
        line = Entry(word, round(self._clock.wall() * 1e6), step, values).line().encode()
        try:
            opened = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(opened, line)
                os.fsync(opened)
            finally:
                os.close(opened)
            if word is Word.RUN:
                settle(self.path.parent)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be written: {error.strerror}; nothing more is done.") from error

    def read(self) -> tuple[Entry, ...]:
        """Its entries.

        Raises:
            InvalidRequest: it is damaged.
        """
        try:
            return entries(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidRequest(f"{self.path} is damaged: {error}.") from error

    def course(self) -> Course:
        """How far the run has come."""
        return course(self.read())

    def mend(self) -> None:
        """Take a last line away that a crash cut off, so that the next one begins at the beginning."""
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(self.path, len(whole))


class Shelf:
    """The folder with the journals of all runs."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def new(self, run: str) -> Journal:
        """The journal of a new run.

        Raises:
            InvalidRequest: an earlier run is not at its end.
        """
        for journal in self.all():
            if not journal.course().outcome:
                raise InvalidRequest(
                    f"The run {journal.run} is not at its end; go on with --resume {journal.run}, or give it up with"
                    f" --resume {journal.run} --then abandon."
                )
        return Journal(self._folder / f"{run}{ENDING}", self._clock)

    def journal(self, run: str) -> Journal:
        """The journal of an earlier run.

        Raises:
            NotFound: there is none of this name.
        """
        path = self._folder / f"{run}{ENDING}"
        if "/" in run or not path.is_file():
            there = ", ".join(each.run for each in self.all()[-5:]) or "none"
            raise NotFound(f"There is no run {run}; the last ones: {there}.", code="unknown_run")
        return Journal(path, self._clock)

    def all(self) -> list[Journal]:
        """The journals of all runs, the oldest first. One in which nothing was written whole is no run."""
        paths = sorted(self._folder.glob(f"*{ENDING}")) if self._folder.is_dir() else []
        return [Journal(path, self._clock) for path in paths if b"\n" in path.read_bytes()]

    @contextmanager
    def alone(self) -> Iterator[int]:
        """While the block runs no other run can; the file that says so, for programs to inherit.

        Raises:
            Unavailable: another run is under way, or a program that one has started.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be written: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Unavailable(
                    "Another run is under way here, or a program that one started; wait until it has ended."
                ) from error
            try:
                yield opened
            finally:
                fcntl.flock(opened, fcntl.LOCK_UN)  # a service that was started has inherited it, and goes on running
        finally:
            os.close(opened)
