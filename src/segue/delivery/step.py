"""One step of a rollout: from what was seen to what changes. A pure function; the controller only feeds and saves it.

blocks, look ──▶ fold ──▶ judge ──▶ a command, or decide ──▶ apply ──▶ Change
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from segue.delivery.apply import applied, kept, routed, written
from segue.delivery.book import Terms, entered, folded, opened, watched
from segue.delivery.commands import Objection, obey, objection, refused, retry_objection
from segue.delivery.decision import Ruling, decide, harm
from segue.delivery.evidence import Block, Look
from segue.delivery.figures import commanded, figures
from segue.delivery.gate import judge
from segue.delivery.notices import notices
from segue.delivery.plan import Plan
from segue.delivery.rollout import Change, Command, Decision, Kind, Phase, Rollout, Verb
from segue.delivery.stages import share_bp, told_stage
from segue.delivery.verdict import Judgement
from segue.routing import RoutingTable, Variant

UNSEEN = Judgement()
"""What is known about a rollout whose gates were not asked."""
AS_CONFIGURED = Variant("baseline")
"""The baseline of a server on which nothing was ever rolled out; a plan's baseline takes its place."""


def begin(
    plan: Plan,
    table: RoutingTable,
    *,
    now: float,
    command: Command,
    attempt: int,
    terms: Terms,
    memory_bytes: int,
    before: Rollout | None,
    other: str = "",
    lacking: Sequence[str] = (),
    chance: str = "",
) -> Change:
    """Begin an attempt: its first stage's share applies at once.

    `before` is the rollout's latest attempt, `other` names another rollout that is live, `lacking` is what the
    plan's variants name and the server does not have, a sentence each, `chance` is a fresh hexadecimal word for
    approval links, `now` is in Unix seconds. A refusal has the kind `refused`, and is not saved;
    a command that `before` has answered has the same answer.
    """
    if before is not None and (answer := _answer(before, command)) is not None:
        return Change(before, answer, idle=True)
    fresh = _fresh(plan, table, now, attempt, terms, memory_bytes, before, chance)
    found = _beginning(plan, table, now, command, before, other) or _unspeakable(lacking, command)
    if found is not None:
        return Change(before or fresh, _refusal(before or fresh, command, found, now), idle=True)
    kind, word = (Kind.RETRIED, "Retried") if command.verb is Verb.RETRY else (Kind.STARTED, "Started")
    why = f": {command.reason.strip().rstrip('.')}" if command.reason.strip() else ""
    forced = ", by force" if command.force else ""
    reason = f"{word} with {told_stage(plan, 0)} by {command.actor}{forced}{why}."
    ruling = Ruling(kind, "command", reason)
    numbers = {"memory_bytes": memory_bytes, **commanded(command)}
    decision = written(fresh, ruling, now=now, numbers=numbers, command=command)
    rollout = kept(fresh, decision)
    following = routed(rollout, table)
    return Change(rollout, decision, table=following, notices=notices(None, rollout, decision), via=command.via)


def _fresh(
    plan: Plan,
    table: RoutingTable,
    now: float,
    attempt: int,
    terms: Terms,
    memory_bytes: int,
    before: Rollout | None,
    chance: str,
) -> Rollout:
    same = before is not None and before.plan.candidate_digest == plan.candidate_digest
    return Rollout(
        plan=plan,
        attempt=attempt,
        version=1,
        phase=Phase.RUNNING,
        stage=0,
        stage_since=now,
        started_at=now,
        share_bp=share_bp(plan, 0),
        terms=terms,
        book=entered(plan, terms, opened(plan, terms), 0),
        before=table.baseline,
        nonce=chance,
        memory_bytes=memory_bytes,
        rollbacks=before.rollbacks if before is not None and same else 0,
    )


def _beginning(
    plan: Plan, table: RoutingTable, now: float, command: Command, before: Rollout | None, other: str
) -> Objection | None:
    """Why there may be no new attempt; None when there may."""
    if other or (table.exposure is not None and not (before is not None and before.phase.live)):
        name = other or (table.exposure.rollout if table.exposure is not None else "")
        return Objection("other", f"{name} is running, and only one rollout can; roll it back or promote it first.")
    if before is not None:
        again = command.verb is Verb.RETRY
        found = retry_objection(before, plan, now=now, force=command.force, again=again)
        if found is not None:
            return found
    elif command.verb is Verb.RETRY:
        return Objection("never_started", f"{plan.name} was never started; start it.")
    if table.baseline not in (AS_CONFIGURED, plan.baseline.variant()) and not command.force:
        reason = (
            f"The baseline is {table.baseline.name} ({_told(table.baseline)}), not the plan's {plan.baseline.name}"
            f" ({_told(plan.baseline.variant())}); write that one into the plan, or replace it for everybody at"
            " once by force."
        )
        return Objection("baseline", reason)
    return None


def _unspeakable(lacking: Sequence[str], command: Command) -> Objection | None:
    """Why variants that this server does not have may not be compared: others would be heard in their place."""
    if not lacking or command.force:
        return None
    return Objection("variant", f"{' '.join(lacking)} Configure it, or start by force where other servers have it.")


def _told(variant: Variant) -> str:
    named = (("model", variant.model), ("synthesizer", variant.synthesizer), ("voice", variant.voice))
    parts = [f"{name} {value}" for name, value in named if value]
    return ", ".join([*parts, "streaming" if variant.streaming else "not streaming"])


def step(
    rollout: Rollout,
    table: RoutingTable,
    *,
    now: float,
    look: Look,
    blocks: Iterable[Block] = (),
    command: Command | None = None,
    chance: str = "",
) -> Change:
    """Fold closed blocks into the evidence, judge, and decide or obey: at most one decision, one stage at a time.

    `blocks` are closed ones, in order by series; those that were folded before, or belong to another stage, change
    nothing. `now` is in Unix seconds, `chance` a fresh hexadecimal word for the next approval link.

    Raises:
        ValueError: the command begins an attempt; see `begin`.
    """
    if not rollout.phase.live:
        return act(rollout, table, UNSEEN, now=now, look=look, command=command, chance=chance)
    seen, closed = fold(rollout, blocks)
    book = watched(seen.plan, seen.terms, seen.book, look, now)
    seen = replace(seen, book=book, unobserved_s=max(seen.unobserved_s, look.unobserved_s))
    judgement = judge(
        seen.plan,
        seen.terms,
        seen.book,
        look,
        stage=seen.stage,
        now=now,
        stage_since=seen.stage_since,
        share_bp=seen.share_bp,
        dropped=seen.dropped,
    )
    change = act(seen, table, judgement, now=now, look=look, command=command, chance=chance)
    if change.decision is None:
        change = _unspoken(rollout, change.rollout, judgement, look)
    # What has no effect writes nothing, not even what was folded: the next look folds it again.
    return replace(change, rollout=rollout) if change.idle else replace(change, blocks=closed)


def _unspoken(before: Rollout, after: Rollout, judgement: Judgement, look: Look) -> Change:
    """What is written where nothing was decided: the rollout, if anything about it is new."""
    after = replace(after, version=before.version)
    if after == before:
        return Change(before, judgement=judgement, idle=True)
    return Change(replace(after, version=before.version + 1), look=look, judgement=judgement)


def fold(rollout: Rollout, blocks: Iterable[Block]) -> tuple[Rollout, tuple[Block, ...]]:
    """The rollout with the blocks that come next in its stage, and those blocks."""
    book, counted, taken = rollout.book, dict(rollout.closed), []
    for block in blocks:
        if block.stage == rollout.stage and block.block == counted.get(block.series, 0):
            book = folded(rollout.plan, rollout.terms, book, block)
            counted[block.series] = block.block + 1
            taken.append(block)
    return (replace(rollout, book=book, closed=counted), tuple(taken)) if taken else (rollout, ())


def act(
    rollout: Rollout,
    table: RoutingTable,
    judgement: Judgement,
    *,
    now: float,
    look: Look,
    command: Command | None = None,
    chance: str = "",
) -> Change:
    """What follows from a judgement and a command. Harm goes before every command but a roll back, which is the same.

    The change's rollout has the next version where anything is to be written, and is the one given otherwise.
    """
    if command is not None and (answer := _answer(rollout, command)) is not None:
        return Change(rollout, answer, judgement=judgement, idle=True)
    given, rollout = rollout, _forgiven(rollout, judgement)
    urgent = harm(rollout, judgement) if rollout.phase.live else None
    if urgent is not None and not (command is not None and command.verb is Verb.ROLL_BACK):
        change = _carried(rollout, table, urgent, judgement, now, look, chance)
        return replace(change, unheard=command is not None)
    if command is not None:
        found = objection(rollout, command, now=now, look=look, table=table)
        if found is not None:
            return Change(given, _refusal(given, command, found, now), judgement=judgement, idle=True)
        return _carried(rollout, table, obey(rollout, command, judgement), judgement, now, look, chance, command)
    ruling = decide(rollout, judgement, look, now=now)
    if ruling is None or (ruling.stays and ruling.saying == rollout.said):
        return _unspoken(given, rollout, judgement, look)
    return _carried(rollout, table, ruling, judgement, now, look, chance)


def _forgiven(rollout: Rollout, judgement: Judgement) -> Rollout:
    """A live rollout without the holds whose breach is over: when it comes again, it is acted on again."""
    if not rollout.phase.live:
        return rollout
    present = {f"{breach.action}/{breach.gate}" for breach in judgement.breaches}
    told = tuple(token for token in rollout.told if token.startswith("warn/") or token in present)
    return rollout if told == rollout.told else replace(rollout, told=told)


def _carried(
    rollout: Rollout,
    table: RoutingTable,
    ruling: Ruling,
    judgement: Judgement,
    now: float,
    look: Look,
    chance: str,
    command: Command | None = None,
) -> Change:
    frozen = (command.reason.strip() or ruling.reason) if command is not None else ""
    after = applied(rollout, ruling, now=now, chance=chance, frozen=frozen)
    after = replace(after, version=rollout.version + 1)
    numbers = {**figures(judgement, look), **commanded(command)}
    decision = written(after, ruling, now=now, numbers=numbers, command=command)
    after = kept(after, decision)
    return Change(
        after,
        decision,
        table=routed(after, table),
        notices=notices(rollout, after, decision),
        look=look,
        judgement=judgement,
        via=command.via if command is not None else "",
    )


def _answer(rollout: Rollout, command: Command) -> Decision | None:
    """The answer that a command had before; None for one that is new or has no id."""
    if not command.id:
        return None
    return next((decision for decision in rollout.answers if decision.command == command.id), None)


def _refusal(rollout: Rollout, command: Command, found: Objection, now: float) -> Decision:
    """The answer to a command without effect; it is not kept, and has no number."""
    decision = written(rollout, refused(command, found), now=now, numbers={}, command=command)
    return replace(decision, number=0)
