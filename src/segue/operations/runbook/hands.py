"""Who does which action of a runbook."""

import threading
from collections.abc import Sequence

from segue.operations.ports import Asking
from segue.operations.runbook.actions import Action, Http, Verification
from segue.operations.runbook.engine import Hand
from segue.operations.runbook.files import Files
from segue.operations.runbook.programs import Programs
from segue.operations.runbook.served import Served
from segue.operations.runbook.standing import Seen

_SERVED = frozenset({"settings.restore", "provider.off", "provider.on", "provider.first", "rollout.rollback", "switch"})
_FILES = frozenset({"file.restore", "variable.set", "venv.swap"})


class Waiting:
    """Lets time pass."""

    def look(self, action: Action, run: str) -> Seen:
        """There is nothing to be seen."""
        del action, run
        return {}

    def do(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Let it pass."""
        del before, run, timeout_s
        rest(float(getattr(action, "seconds", 0.0)))

    def take_back(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Time does not come back."""


class Doers:
    """The ones who do it on this machine, and by a server."""

    def __init__(self, server: Asking, reason: str, held: Sequence[int] = ()) -> None:
        self._programs = Programs(held)
        self._files = Files(self._programs)
        self._served = Served(server, reason)
        self._waiting = Waiting()

    def of(self, action: Action) -> Hand:
        """Who does an action."""
        if action.kind in _SERVED or action.kind == "http":
            return self._served
        if action.kind in _FILES:
            return self._files
        return self._waiting if action.kind == "wait" else self._programs

    def hold(self, question: Verification, timeout_s: float) -> None:
        """Ask a question.

        Raises:
            Unavailable: the answer is not the wanted one.
        """
        if isinstance(question, Http):
            self._served.hold(question, timeout_s)
        else:
            self._programs.hold(question, timeout_s)

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        rest(seconds)


def rest(seconds: float) -> None:
    """Let time pass, so that an interruption still comes through."""
    threading.Event().wait(seconds)
