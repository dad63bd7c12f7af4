"""Sessions: a listener's visit, in which the voice does not change; and who is assigned what, with the session's help.

The arm a session was drawn into travels in a signed token that each turn hands out and the caller sends with the next
one. So no replica has to remember it, and none has to be asked.
"""

import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from segue.clock import Clock
from segue.errors import Unavailable
from segue.routing import Arm, Reason, RoutingTable
from segue.voice.assignment import Assignment, Session, assign

SESSION_S = 3600.0
"""A session ends when it was silent for so long, unless configured otherwise."""
LONGEST = 512
"""Characters; what is longer is no token of ours."""
MALFORMED, TAMPERED, EXPIRED, FOREIGN = "malformed", "tampered", "expired", "foreign"
IGNORED = (MALFORMED, TAMPERED, EXPIRED, FOREIGN)
"""Why a token is ignored: not one of ours, changed, too old, or another listener's."""


class Sessions:
    """Issues and reads tokens. One that cannot be believed is ignored and counted, and never an error.

    A token is `id.ends.arm.rollout.listener.signature` in ASCII: 16 hexadecimal digits that name the session, the Unix
    second at which it ends, `c`, `b` or `-`, the rollout and attempt, a keyed hash of the listener, and the first 32
    hexadecimal digits of an HMAC-SHA-256 over all before it.
    """

    def __init__(self, secret: bytes, clock: Clock, session_s: float = SESSION_S) -> None:
        self._secret = secret
        self._clock = clock
        self._session_s = session_s
        self.ignored: Counter[str] = Counter(dict.fromkeys(IGNORED, 0))
        """How many tokens were ignored, by why."""

    def issue(self, session: Session, listener: str | None) -> str:
        """A fresh token for a session, good until it was silent for the configured time."""
        ends = int(self._clock.wall() + self._session_s)
        arm = session.arm[0] if session.arm else "-"
        body = f"{session.id}.{ends}.{arm}.{session.rollout}.{self._hash(listener)}"
        return f"{body}.{self._sign(body)}"

    def read(self, token: str | None, listener: str | None) -> Session | None:
        """The session of a token, or None where there is none or it is ignored."""
        if not token:
            return None
        found, why = self._read(token, listener)
        if found is None:
            self.ignored[why] += 1
        return found

    def _read(self, token: str, listener: str | None) -> tuple[Session | None, str]:
        parts = token.split(".")
        if len(token) > LONGEST or len(parts) != 6 or not token.isascii():
            return None, MALFORMED
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(body), signature):
            return None, TAMPERED
        name, ends, arm, rollout, whose, _ = parts
        if int(ends) <= self._clock.wall():
            return None, EXPIRED
        if whose != self._hash(listener):
            return None, FOREIGN
        arms = {each.value[0]: each.value for each in Arm}
        return Session(name, rollout, arms.get(arm, "")), ""

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, b"session\0" + body.encode(), hashlib.sha256).hexdigest()[:32]

    def _hash(self, listener: str | None) -> str:
        """The listener as it stands in tokens: a name may be somebody's address, and tokens are kept by callers."""
        name = b"\0" if listener is None else listener.encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, b"listener\0" + name, hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Placed:
    """What a turn learns when it begins."""

    assignment: Assignment
    version: int
    """Of the routing table that was read."""
    session: str | None
    """Whose vote the turn is: the session's, where the caller sent its token; else the listener's."""
    token: str | None
    """What the caller is to send with the next turn; None where sessions are not kept."""


class Assigner:
    """Assigns turns their variants: reads the table that is in force and the caller's token, once."""

    def __init__(self, routing: Callable[[], RoutingTable], sessions: Sessions | None = None) -> None:
        self.table = routing
        self.sessions = sessions

    def place(
        self,
        listener: str | None,
        token: str | None = None,
        *,
        character: str | None = None,
        language: str = "",
        written: bool = True,
        named: bool = False,
    ) -> Placed:
        """Assign one turn; the arguments are those of `assign`, with the token in place of the session.

        The fresh token keeps the arm that the session was drawn into, also through turns that are left out of the
        evidence, such as those of a character outside the cohort; a session that was not drawn yet is drawn by the
        first turn that is counted.
        """
        table = self.table()
        session = self.sessions.read(token, listener) if self.sessions is not None else None
        assignment = assign(
            listener, table, character=character, language=language, session=session, written=written, named=named
        )
        fresh = None
        if self.sessions is not None:
            kept = Session(session.id if session else uuid.uuid4().hex[:16])
            if assignment.arm:
                kept = Session(kept.id, assignment.rollout, assignment.arm)
            elif session is not None and session.rollout == assignment.rollout:
                kept = session
            fresh = self.sessions.issue(kept, listener)
        return Placed(assignment, table.version, session.id if session else listener, fresh)

    def probe(self, arm: Arm) -> Placed:
        """Place a probe: in the arm that its operator names, whoever would be drawn, and left out of the evidence.

        Raises:
            Unavailable: it is the candidate's, and no rollout is live.
        """
        table = self.table()
        if arm is Arm.BASELINE:
            return Placed(Assignment(table.baseline, Reason.PROBE), table.version, None, None)
        if table.exposure is None:
            raise Unavailable("There is no candidate to be tried: no rollout is live.")
        assignment = Assignment(
            table.exposure.candidate, Reason.PROBE, rollout=table.exposure.rollout, stage=table.exposure.stage
        )
        return Placed(assignment, table.version, None, None)
