"""Runs the programs of a runbook: lists of arguments, each with its time limit, none of them left behind."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.errors import Unavailable
from segue.operations.runbook.actions import Action, Command
from segue.operations.runbook.lines import doing, questions, taking_back
from segue.operations.runbook.standing import Seen

SHOWN = 400
"""Characters of what a program said that are told on."""
QUESTION_S = 30.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The end of what it said, on one line."""
        return " ".join((self.err or self.out).split())[-SHOWN:] or "nothing"


class Programs:
    """Does what programs do. They inherit the files in `held`, so that a lock outlives us as long as they run."""

    def __init__(self, held: Sequence[int] = ()) -> None:
        self._held = tuple(held)

    def ran(self, argv: Sequence[str], *, timeout_s: float, folder: str | None = None) -> Ran:
        """How a program ended. It is killed with all of its own when the time is over, or when we are interrupted.

        Raises:
            Unavailable: it is not there, or was not ready in time.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, by somebody who may run programs here
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                cwd=folder,
                pass_fds=self._held,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"{argv[0]} cannot be run: {error.strerror}.") from error
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{argv[0]} was not ready after {timeout_s:g} s, and was stopped.") from None
        finally:
            _ended(process)
        return Ran(process.returncode, out, err)

    def look(self, action: Action, run: str) -> Seen:
        """How things stand, by the answers of programs; empty where one knows no answer."""
        del run
        found = {}
        for name, argv in questions(action).items():
            ran = self.ran(argv, timeout_s=QUESTION_S)
            found[name] = ran.out.strip() if ran.code == 0 else ""
        return found

    def do(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Run what does it.

        Raises:
            Unavailable: a program ended otherwise than it should.
        """
        del before
        if isinstance(action, Command):
            self.hold(action, timeout_s)
            return
        for argv in doing(action, run=run, timeout_s=timeout_s):
            self._must(argv, timeout_s)

    def take_back(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Run what takes it back.

        Raises:
            Unavailable: nothing is known of what was before, or a program failed.
        """
        del run
        lines = taking_back(action, before, timeout_s=timeout_s)
        if not lines:
            raise Unavailable("Nothing is known of what was before.")
        for argv in lines:
            self._must(argv, timeout_s)

    def hold(self, command: Command, timeout_s: float) -> None:
        """Run a command, and compare how it ends.

        Raises:
            Unavailable: it ended otherwise, or said something else.
        """
        if command.folder is not None and not Path(command.folder).is_dir():
            raise Unavailable(f"There is no folder {command.folder}.")
        ran = self.ran(command.argv, timeout_s=timeout_s, folder=command.folder)
        if ran.code != command.exit_code:
            raise Unavailable(f"{command.argv[0]} ended with {ran.code}, not {command.exit_code}; it said: {ran.said}")
        if command.output and not re.search(command.output, ran.out):
            raise Unavailable(f"What {command.argv[0]} said does not match {command.output!r}: {ran.said}")

    def _must(self, argv: Sequence[str], timeout_s: float) -> None:
        ran = self.ran(argv, timeout_s=timeout_s)
        if ran.code:
            raise Unavailable(f"{argv[0]} ended with {ran.code}; it said: {ran.said}")


def _ended(process: "subprocess.Popen[str]") -> None:
    """Kill a program that has not come to its end, with all of its group, and wait for nobody who has left that."""
    if process.returncode is None:  # nobody has reaped it, so its group is still its own, even if it has ended itself
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
