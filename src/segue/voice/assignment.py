"""Which variant a turn gets: a pure function of the listener, the routing table and the session, with its reason.

A listener is drawn by a hash of the rollout's salt and the listener's name, which gives one of 10,000 buckets; the
candidate has those below the share. So a listener stays where it is as long as the share does, nobody loses the
candidate while the share grows, and whoever came first is the last to lose it when it shrinks. No replica remembers
anybody: all of them come to the same answer.
"""

from dataclasses import dataclass

from segue.routing import BASIS, Arm, Exposure, Reason, RoutingTable, Variant, bucket


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a listener's visit: the arm it was drawn into, and in which attempt of which rollout."""

    id: str
    rollout: str = ""
    """As `name/2`; empty where the visit was not drawn yet."""
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The variant of one turn and why it is this one."""

    variant: Variant
    reason: Reason
    arm: str = ""
    """The side on which the turn is counted; empty where it is left out of the evidence."""
    rollout: str = ""
    """The rollout and attempt that was running, as `name/2`; empty where none was."""
    stage: int = 0
    own_voice: bool = False
    """Whether the turn counts and the arms differ in who speaks: then nobody but its own variant's may come first."""


def assign(
    listener: str | None,
    table: RoutingTable,
    *,
    character: str | None = None,
    language: str = "",
    session: Session | None = None,
    written: bool = True,
    named: bool = False,
) -> Assignment:
    """Assign a variant.

    Who may hear the candidate at all comes before who was drawn: a session keeps its arm while the share changes, but
    no longer than its character, the cohort and this machine allow; and a share of 0 is nobody.

    Args:
        listener: who listens, as the caller names them.
        table: what is in force here.
        character: the one that speaks in this turn.
        language: the turn's.
        session: the listener's visit, where the caller brought proof of one.
        written: a language model writes what is spoken.
        named: the caller says with which voice or synthesizer.
    """
    exposure = table.exposure
    if exposure is None:
        return Assignment(table.baseline, Reason.NO_LISTENER if listener is None else Reason.NO_ROLLOUT)
    reason, arm = _drawn(listener, exposure, character, language, session)
    if arm and _alike(table.baseline, exposure.candidate, written=written, named=named):
        reason, arm = Reason.ALIKE, None
    variant = exposure.candidate if arm is Arm.CANDIDATE else table.baseline
    own_voice = bool(arm and exposure.share_bp) and _differ_in_voice(table.baseline, exposure.candidate)
    return Assignment(variant, reason, arm.value if arm else "", exposure.rollout, exposure.stage, own_voice)


def _drawn(
    listener: str | None, exposure: Exposure, character: str | None, language: str, session: Session | None
) -> tuple[Reason, Arm | None]:
    """Why, and on which side; None stands for the baseline, left out of the evidence."""
    allowed = exposure.restrictions
    if listener is None:
        return Reason.NO_LISTENER, None
    if character is not None and character in exposure.dropped:
        return Reason.DROPPED, None
    if not exposure.cohort.holds(listener, character, language):
        return Reason.OUTSIDE, None
    if not allowed.allow(character):
        return Reason.RESTRICTED, None
    drawn = bucket(exposure.salt, listener)
    if session is not None and session.rollout == exposure.rollout and session.arm and exposure.share_bp:
        arm, reason = Arm(session.arm), Reason.SESSION
    else:
        arm, reason = Arm.CANDIDATE if drawn < exposure.share_bp else Arm.BASELINE, Reason.SHARE
    if _out_of_bounds(arm, drawn, exposure.share_bp, allowed.share_bp):
        return Reason.RESTRICTED, None
    return reason, arm


def _out_of_bounds(arm: Arm, drawn: int, share_bp: int, allowed_bp: int) -> bool:
    """Whether a smaller share on this machine leaves a turn out.

    The candidate keeps those with the lowest buckets. Of the baseline as large a part is left out, so that the arms
    keep the proportion of the share: otherwise a restricted machine would look like one that draws wrongly.
    """
    if allowed_bp >= share_bp:
        return False
    if arm is Arm.CANDIDATE:
        return drawn >= allowed_bp
    return (drawn - share_bp) * share_bp >= (BASIS - share_bp) * allowed_bp


def _alike(baseline: Variant, candidate: Variant, *, written: bool, named: bool) -> bool:
    """Whether what the variants differ in has no part in a turn.

    Two that differ in nothing but their names may differ in the voices that the catalogue gives characters, or be
    compared on purpose: their turns count.
    """
    writing, voicing = _differ_in_writing(baseline, candidate), _differ_in_speaker(baseline, candidate)
    other = baseline.fallback != candidate.fallback
    return (writing or voicing) and not ((writing and written) or (voicing and not named) or other)


def _differ_in_voice(baseline: Variant, candidate: Variant) -> bool:
    """Whether two variants may sound different; those that differ in nothing but their names may."""
    return _differ_in_speaker(baseline, candidate) or not _differ_in_writing(baseline, candidate)


def _differ_in_writing(baseline: Variant, candidate: Variant) -> bool:
    return (baseline.model, baseline.streaming) != (candidate.model, candidate.streaming)


def _differ_in_speaker(baseline: Variant, candidate: Variant) -> bool:
    return (baseline.synthesizer, baseline.voice) != (candidate.synthesizer, candidate.voice)
