"""A rollout under whatever may happen to it, in whatever order: commands, looks, late looks, crashes, repetitions."""

from itertools import product
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pydantic import TypeAdapter

from segue.delivery.commands import allowed
from segue.delivery.evidence import MILLION, Block, Counts, Look
from segue.delivery.plan import OnBreach, Plan
from segue.delivery.rollout import Change, Command, Decision, Kind, Phase, Rollout, Verb
from segue.delivery.stages import share_bp
from segue.delivery.step import act, begin, step
from segue.delivery.terms import settle
from segue.delivery.verdict import Breach, Doubt, Judgement
from segue.routing import BASIS, RoutingTable, Variant, table_from_dict
from tests.underway import NOW, plan

STEPS = 10_000
"""So many steps the machine takes at least."""
COHORT = {"characters": ["pip", "vera"]}
PLANS = [
    plan(),
    plan(
        stages=[
            {"name": "none", "share": "0%", "dwell": 0},
            {"name": "one", "share": "10%", "cohort": COHORT, "certify": False, "dwell": "10m"},
            {"name": "more", "share": "50%", "cohort": COHORT, "approval": True},
            {"name": "three", "share": "25%", "dwell": 0},
        ],
        verdict={"wait_limit": "1h", "on_wait_limit": "promote_without_proof"},
        windows=[{"days": ["mon", "wed"], "start": "08:00", "end": "20:00", "zone": "Europe/Kyiv"}],
        notify=[{"audience": "team", "url": "http://127.0.0.1:9/"}],
    ),
    plan(
        stages=[{"name": "all", "share": "100%", "dwell": 0}],
        verdict={"on_wait_limit": "rollback", "wait_limit": 60},
    ),
]  # fmt: skip
TERMS = {index: settle(each) for index, each in enumerate(PLANS)}
BREACHES: list[tuple[Breach, ...]] = [
    (),
    *((Breach(action, "ttfa", "slow tier", "ttfa: too slow."),) for action in OnBreach),
    (Breach(OnBreach.DROP_COHORT, "ttfa", "alone", "ttfa: too slow.", "pip"),),
    (Breach(OnBreach.DROP_COHORT, "ttfa", "alone", "ttfa: too slow.", "vera"),),
    (
        Breach(OnBreach.WARN, "failures", "look", "failures: too many."),
        Breach(OnBreach.HOLD, "ttfa", "look", "ttfa: too slow."),
    ),
]
DOUBTS: list[tuple[Doubt, ...]] = [
    (),
    (Doubt("common_cause", "Both are slow.", "ttfa"),),
    (Doubt("stale", "No turns."),),
]
CALM = [Judgement(certified=certified, doubts=doubts) for certified, doubts in product((True, False), DOUBTS)]
ALL = [
    Judgement(breaches=breaches, doubts=doubts, certified=certified)
    for breaches, doubts, certified in product(BREACHES, DOUBTS, (True, False))
]
LOOKS = [Look(), Look(), Look(), Look(enabled=False), Look(unobserved_s=600.0)]
LATER_S = [0.0, 1.0, 60.0, 700.0, 1900.0, 4000.0, 90_000.0, 2_600_000.0, -60.0]
ROLLOUT: TypeAdapter[Rollout] = TypeAdapter(Rollout)
LESSENED = {Kind.ROLLED_BACK, Kind.STEPPED_BACK}


class World(RuleBasedStateMachine):
    """One rollout on one server; what a controller saves is kept as it would be in a store."""

    steps: ClassVar[int] = 0
    kinds: ClassVar[set[Kind]] = set()
    phases: ClassVar[set[Phase]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.table = RoutingTable()
        self.rollout: Rollout | None = None
        self.attempts: list[list[Decision]] = []
        self.ceiling: int | None = None
        """After a breach: the share above which nobody may come without a person."""
        self.ids = 0
        self.last: Command | None = None

    # What is kept

    def save(self, change: Change, command: Command | None = None) -> None:
        """Keep a change, as a store does, and check that it is one that a store would take."""
        World.steps += 1
        before = self.rollout
        if change.idle:
            assert change.table is None
            assert (change.blocks, change.notices) == ((), ())
            assert before is None or change.rollout == before
            return
        fresh = change.decision is not None and change.decision.kind in (Kind.STARTED, Kind.RETRIED)
        assert change.rollout.version == (1 if fresh or before is None else before.version + 1)
        assert change.table is None or change.table.version == self.table.version + 1
        if fresh:
            self.attempts.append([])
        if change.decision is not None:
            self.note(change.decision, change.rollout, command if not change.unheard else None)
        if before is not None and change.decision is not None and not fresh:
            self.compare(before, change.rollout, change.decision, command if not change.unheard else None)
        self.rollout = change.rollout
        self.table = change.table or self.table

    def note(self, decision: Decision, after: Rollout, command: Command | None) -> None:
        """A decision is numbered on, names who made it, and describes the rollout after it."""
        kept = self.attempts[-1]
        assert decision.number == len(kept) + 1 == after.decisions
        assert decision.token == after.version
        assert decision.actor == (command.actor if command is not None else "controller")
        assert (decision.phase, decision.share_bp, decision.stage) == (after.phase, after.share_bp, after.stage)
        assert decision.reason.endswith((".", "!"))
        kept.append(decision)
        World.kinds.add(decision.kind)
        World.phases.add(after.phase)

    def compare(self, before: Rollout, after: Rollout, decision: Decision, command: Command | None) -> None:
        """What one decision may change: never two stages up, never up after a breach without a person."""
        if command is not None:
            self.ceiling = None
        elif decision.code == "breach" and decision.kind in (*LESSENED, Kind.HELD):
            self.ceiling = after.share_bp
        if command is None:
            assert after.stage <= before.stage + 1
            assert before.phase.live
            raised = after.stage > before.stage or after.phase is Phase.PROMOTED
            if raised:
                assert before.phase in (Phase.RUNNING, Phase.BAKING)
                assert not before.frozen
            if raised and after.stage < len(after.plan.stages) and after.plan.stages[after.stage].approval:
                assert after.plan.stages[after.stage].name in before.approved
        if decision.kind not in (Kind.ROLLED_BACK, Kind.PROMOTED):
            assert set(before.dropped) <= set(after.dropped)

    # What may happen

    @rule(which=st.integers(0, len(PLANS) - 1), force=st.booleans(), retry=st.booleans())
    def start(self, which: int, force: bool, retry: bool) -> None:
        """Somebody starts a plan, or tries again."""
        of, verb = PLANS[which], Verb.RETRY if retry else Verb.START
        if retry and self.rollout is not None:
            of = self.rollout.plan
        command = self.command(verb, force=force)
        attempt = (self.rollout.attempt if self.rollout else 0) + 1
        change = self.begun(of, command, attempt)
        assert change == self.begun(of, command, attempt)
        if change.idle:
            assert change.decision is not None
            assert change.decision.kind is Kind.REFUSED
            self.save(Change(self.rollout, change.decision, idle=True) if self.rollout else change)
            return
        assert self.rollout is None or not self.rollout.phase.live
        self.ceiling = None
        self.save(change, command)
        again = self.begun(of, command, attempt + 1)
        assert (again.idle, again.decision) == (True, change.decision)

    def begun(self, of: Plan, command: Command, attempt: int) -> Change:
        """What follows from a start."""
        return begin(
            of, self.table, now=self.now, command=command, attempt=attempt,
            terms=TERMS[PLANS.index(of)], memory_bytes=1, before=self.rollout, chance=f"n{self.ids}",
        )  # fmt: skip

    def command(self, verb: Verb, **options: Any) -> Command:
        """A command with an id of its own."""
        self.ids += 1
        return Command(verb, "olha", id=f"c{self.ids}", **options)

    def acted(self, judgement: Judgement, look: Look, command: Command | None = None) -> Change:
        """What follows from a judgement now; the same from the same."""
        assert self.rollout is not None
        options: dict[str, Any] = {"now": self.now, "look": look, "command": command, "chance": f"n{self.ids}"}
        return act(self.rollout, self.table, judgement, **options)

    @precondition(lambda self: self.rollout is not None)
    @rule(
        verb=st.sampled_from([verb for verb in Verb if verb not in (Verb.START, Verb.RETRY)]),
        force=st.booleans(),
        full=st.sampled_from([False, False, True]),
        stage=st.sampled_from(["", "", "few", "one", "nowhere"]),
        by_link=st.booleans(),
        judgement=st.sampled_from(CALM),
    )
    def commands(self, verb: Verb, force: bool, full: bool, stage: str, by_link: bool, judgement: Judgement) -> None:
        """An operator commands; the same command again has the same answer and no effect."""
        assert self.rollout is not None
        before = self.rollout
        plain = allowed(before, verb, self.now)
        nonce = before.nonce if by_link and verb is Verb.APPROVE else ""
        command = self.command(verb, force=force, full=full, stage=stage, nonce=nonce)
        change = self.acted(judgement, Look(), command)
        assert change.decision is not None
        obeyed = change.decision.kind is not Kind.REFUSED and change.decision.code != "already"
        assert change.idle is not obeyed
        if not force and not stage:
            assert obeyed is not bool(plain), (change.decision, plain)
        self.save(change, command)
        again = self.acted(judgement, Look(), command)
        assert again.idle
        assert not obeyed or again.decision == change.decision
        self.last = command if obeyed else self.last

    @precondition(lambda self: self.rollout is not None and self.last is not None)
    @rule(judgement=st.sampled_from(ALL))
    def repeats(self, judgement: Judgement) -> None:
        """A command that was obeyed a while ago arrives once more."""
        assert self.rollout is not None
        assert self.last is not None
        if self.last.id in self.rollout.commands:
            change = self.acted(judgement, Look(), self.last)
            assert change.idle
            self.save(change)

    @precondition(lambda self: self.rollout is not None)
    @rule(verb=st.sampled_from([Verb.PAUSE, Verb.FREEZE, Verb.PROMOTE, Verb.ROLL_BACK]), judgement=st.sampled_from(ALL))
    def commands_with_harm(self, verb: Verb, judgement: Judgement) -> None:
        """A command arrives together with whatever the gates say; harm goes first."""
        assert self.rollout is not None
        live = self.rollout.phase.live
        command = self.command(verb, force=True)
        change = self.acted(judgement, Look(), command)
        if live and any(breach.action is OnBreach.ROLLBACK for breach in judgement.breaches):
            assert change.rollout.phase is Phase.ROLLED_BACK
        self.save(change, command)

    @precondition(lambda self: self.rollout is not None)
    @rule(
        judgement=st.one_of(st.sampled_from(CALM), st.sampled_from(ALL)),
        look=st.sampled_from(LOOKS),
        later_s=st.sampled_from(LATER_S),
    )
    def looks(self, judgement: Judgement, look: Look, later_s: float) -> None:
        """A look, perhaps a very late one, or one after the clock was set back; then the same look again."""
        assert self.rollout is not None
        self.now += later_s
        before = self.rollout
        change = self.acted(judgement, look)
        assert change == self.acted(judgement, look)
        if before.phase.live and any(breach.action is OnBreach.ROLLBACK for breach in judgement.breaches):
            assert change.rollout.phase is Phase.ROLLED_BACK
        if not before.phase.live:
            assert change.idle
        self.save(change)
        if not change.idle and change.rollout.stage == before.stage and change.rollout.phase is before.phase:
            self.quiet(judgement, look)

    def quiet(self, judgement: Judgement, look: Look) -> None:
        """The same look again and again says whatever there is left to say, and then nothing more."""
        for _ in range(len(judgement.breaches) + 2):
            assert self.rollout is not None
            before = self.rollout
            change = self.acted(judgement, look)
            self.save(change)
            if change.idle or (change.rollout.stage, change.rollout.phase) != (before.stage, before.phase):
                return
        raise AssertionError("a look that is repeated never has nothing to say")

    @precondition(lambda self: self.rollout is not None and self.rollout.phase.live)
    @rule(bad=st.integers(0, 20), blocks=st.integers(1, 3), later_s=st.sampled_from(LATER_S))
    def counts(self, bad: int, blocks: int, later_s: float) -> None:
        """Real evidence is folded and judged; the same blocks again are not folded a second time."""
        assert self.rollout is not None
        self.now += later_s
        of, slow = self.rollout, Counts(20, bad * MILLION, 20, bad * MILLION)
        some = [
            Block(of.stage, series, number, self.now, self.now, slow, Counts(20, 0, 20, 0))
            for series in ("ttfa", "ttfa/relative")
            for first in [of.closed.get(series, 0)]
            for number in range(first, first + blocks)
        ]  # fmt: skip
        change = step(of, self.table, now=self.now, look=Look(), blocks=some)
        assert change.blocks == tuple(some)
        self.save(change)
        again = step(self.rollout, self.table, now=self.now, look=Look(), blocks=some)
        if change.rollout.stage == of.stage:
            assert again.blocks == ()
            assert again.rollout.share_bp == change.rollout.share_bp or again.rollout.stage != change.rollout.stage

    @rule()
    def crashes(self) -> None:
        """The server dies and reads everything again."""
        World.steps += 1
        if self.rollout is not None:
            again = ROLLOUT.validate_json(ROLLOUT.dump_json(self.rollout))
            assert again == self.rollout
            self.rollout = again
        self.table = table_from_dict(self.table.as_dict())

    # What always holds

    @invariant()
    def the_share_is_one_that_the_plan_knows(self) -> None:
        """Nobody hears the candidate in another share than a stage's, the bake's, none, or all."""
        if self.rollout is not None:
            of = self.rollout
            known = {share_bp(of.plan, stage) for stage in range(len(of.plan.stages) + 1)}
            if of.phase.live:
                assert of.share_bp == share_bp(of.plan, of.stage)
            assert of.share_bp in known | {0, BASIS}

    @invariant()
    def after_a_breach_only_people_raise_the_share(self) -> None:
        """Once a breach lowered or held it, the share stays at or below that until somebody commands."""
        if self.rollout is not None and self.ceiling is not None:
            assert self.rollout.share_bp <= self.ceiling

    @invariant()
    def the_table_is_as_the_rollout_has_it(self) -> None:
        """There is always a baseline: the plan's, and the candidate once it is promoted."""
        if self.rollout is None:
            assert self.table == RoutingTable()
            return
        of, exposure = self.rollout, self.table.exposure
        if of.phase.live:
            assert self.table.baseline == of.plan.baseline.variant()
            assert exposure is not None
            assert (exposure.rollout, exposure.stage, exposure.share_bp) == (of.key, of.stage, of.share_bp)
            assert (exposure.dropped, exposure.since) == (of.dropped, of.stage_since)
        else:
            assert exposure is None
            after = of.plan.candidate if of.phase is Phase.PROMOTED else of.plan.baseline
            assert self.table.baseline == after.variant()
        assert self.table.baseline != Variant("")

    @invariant()
    def what_is_held_has_a_reason(self) -> None:
        """Whoever finds a rollout held or paused can read why."""
        if self.rollout is not None and self.rollout.phase in (Phase.HELD, Phase.PAUSED):
            assert self.rollout.why
            assert self.rollout.code


def test_a_rollout_under_whatever_may_happen() -> None:
    """In ten thousand steps and more no order of events breaks what always holds, and every phase and kind occurs."""
    World.steps = 0
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=230, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert World.steps >= STEPS
    assert World.phases == set(Phase)
    assert set(Kind) - World.kinds == {Kind.REFUSED}
