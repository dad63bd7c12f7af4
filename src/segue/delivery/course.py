"""A rollout from look to look, decided by the code that decides live ones; nothing is kept and nobody is told. Pure."""

from dataclasses import dataclass, field

from segue.delivery.evidence import Block, Look
from segue.delivery.plan import Plan
from segue.delivery.rollout import Change, Command, Decision, Rollout, Verb
from segue.delivery.step import begin, step
from segue.delivery.terms import Terms
from segue.routing import RoutingTable


@dataclass(slots=True)
class Course:
    """Where a rollout has come to, and everything decided on the way."""

    rollout: Rollout
    table: RoutingTable
    decisions: list[Decision] = field(default_factory=list)

    @classmethod
    def begun(
        cls, plan: Plan, terms: Terms, command: Command, now: float, *, table: RoutingTable | None = None
    ) -> "Course":
        """A first attempt that begins at `now` (Unix seconds) on a server where the plan's baseline speaks."""
        before = table or RoutingTable(1, plan.baseline.variant())
        change = begin(
            plan, before, now=now, command=command, attempt=1, terms=terms, memory_bytes=terms.memory_bytes, before=None
        )
        course = cls(change.rollout, before)
        course.take(change)
        return course

    @property
    def live(self) -> bool:
        """Whether the attempt still goes on."""
        return self.rollout.phase.live

    def look(self, look: Look, blocks: tuple[Block, ...] = (), command: Command | None = None) -> Change:
        """Decide, or obey, at the moment of a look."""
        change = step(self.rollout, self.table, now=look.at, look=look, blocks=blocks, command=command)
        self.take(change)
        return change

    def approve(self, look: Look, actor: str) -> bool:
        """Agree to the next stage, where that is all that is missing; whether anybody had to."""
        last = self.rollout.last
        if last is None or last.code != "approval" or self.rollout.said != "waited/approval/":
            return False
        self.look(look, command=Command(Verb.APPROVE, actor, id=f"{actor}-{last.number}"))
        self.look(look)
        return True

    def take(self, change: Change) -> None:
        """Go on from a change, as it would be read after it was saved; a refusal changes nothing."""
        if change.decision is not None and change.decision.number == len(self.decisions) + 1:
            self.decisions.append(change.decision)
        self.rollout = change.rollout
        if change.table is not None:
            self.table = change.table
