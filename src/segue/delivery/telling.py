"""The one sentence that says how a rollout stands, as it is read on top of the page and of `segue rollout watch`."""

from collections.abc import Mapping

from segue.delivery.plan import CohortPlan
from segue.delivery.rollout import Kind, Phase, Rollout
from segue.delivery.stages import dwell_s
from segue.delivery.verdict import Judgement
from segue.routing import BASIS

STEPS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
MOVING = ("dwell", "certification", "frozen")
"""Codes of waits whose figures go on changing after they were decided, or are told elsewhere in the sentence."""
NO_WORDS: Mapping[str, str] = {}


def sentence(rollout: Rollout, judgement: Judgement, now: float) -> str:
    """How a rollout stands: `Stage 2 of 3 (half): 50 % hear b. 41 min of 2 h left; waiting for …`.

    `now` is in Unix seconds. Only what keeps it from going on is told, and that with its reason.
    """
    words = _where(rollout, judgement, now)
    if rollout.frozen and rollout.phase.live:
        words += f" Frozen: {ended(rollout.frozen)}"
    return words


def elapsed_s(rollout: Rollout, now: float) -> float:
    """How long the current stage has lasted, without the time in which nobody was watching."""
    end = now if rollout.ended_at is None else rollout.ended_at
    return max(0.0, end - rollout.stage_since - rollout.unobserved_s)


def span(seconds: float, words: Mapping[str, str] = NO_WORDS) -> str:
    """A span of time in its two largest units: `41 min`, `1 h 41 min`, `2 d`; `words` has other words for the units."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in STEPS:
        count, after = divmod(rest, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {words.get(unit, unit)}" if count else "")
            rest = after
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts)) or f"0 {words.get('s', 's')}"


def percent(share_bp: int) -> str:
    """Basis points as people write them: `50 %`, `0.25 %`."""
    return f"{100 * share_bp / BASIS:.4g} %"


def ended(text: str) -> str:
    """A reason with a full stop behind it."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _where(rollout: Rollout, judgement: Judgement, now: float) -> str:
    name = rollout.plan.candidate.name
    if rollout.phase is Phase.PROMOTED:
        return f"Promoted: everybody hears {name}."
    if rollout.phase is Phase.ROLLED_BACK:
        reason = rollout.why or (rollout.last.reason if rollout.last is not None else "")
        return f"Everybody hears {rollout.plan.baseline.name}. {_because('Rolled back', reason)}"
    where = f"{_stage(rollout)}: {_hearers(rollout)} {name}."
    if rollout.phase in (Phase.HELD, Phase.PAUSED):
        return f"{where} {_because(rollout.phase.value.capitalize(), rollout.why)}"
    return f"{where} {_waiting(rollout, judgement, now)}".rstrip()


def _because(word: str, reason: str) -> str:
    """What happened and why, as a sentence; many reasons begin with what happened."""
    told = not reason or reason.startswith((word, "Stepped back"))
    return ended((reason or word) if told else f"{word}: {reason}")


def _stage(rollout: Rollout) -> str:
    count = len(rollout.plan.stages)
    if rollout.stage >= count:
        return "Bake"
    return f"Stage {rollout.stage + 1} of {count} ({rollout.stage_name})"


def _hearers(rollout: Rollout) -> str:
    """Who hears the candidate, up to the verb."""
    stages = rollout.plan.stages
    within = _cohort(stages[min(rollout.stage, len(stages) - 1)].cohort)
    if not rollout.share_bp:
        return "nobody hears"
    if rollout.share_bp == BASIS:
        return f"everybody{within} hears"
    return f"{percent(rollout.share_bp)}{within} hear"


def _cohort(cohort: CohortPlan) -> str:
    """To whom the share is applied; nothing for everybody."""
    told = [
        _members(names, kind)
        for names, kind in (
            (cohort.characters, "character"),
            (cohort.languages, "language"),
            (cohort.listeners, "listener"),
        )
        if names != "*"
    ]
    return f" of {' and '.join(told)}" if told else ""


def _members(names: tuple[str, ...], kind: str) -> str:
    if not names:
        return f"no {kind}"
    if len(names) > 3:
        return f"{len(names)} {kind}s"
    return f"{kind if len(names) == 1 else f'{kind}s'} {', '.join(names)}"


def _waiting(rollout: Rollout, judgement: Judgement, now: float) -> str:
    """What the next step waits for: the time, then whatever was decided last in this stage, or the gates."""
    least_s, last = dwell_s(rollout.plan, rollout.stage), rollout.last
    left_s = least_s - elapsed_s(rollout, now)
    time = f"{span(left_s)} of {span(least_s)} left" if left_s > 0 else ""
    reason = judgement.waiting_for
    if last is not None and last.stage == rollout.stage and last.code not in MOVING:
        reason = last.reason if last.kind in (Kind.WAITED, Kind.HELD) else reason
    if not reason:
        return ended(time) if time else ""
    return f"{time}; {reason[0].lower()}{ended(reason[1:])}" if time else ended(reason)
