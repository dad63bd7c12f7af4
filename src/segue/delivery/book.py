"""Everything proved so far in an attempt, as one small value: the book in which the bets on a candidate are kept.

    opened ─▶ entered (a stage) ─▶ folded, folded, … ─▶ entered (the next) ─▶ …          judge reads it at any time
                                      └─▶ reopened (after a step back, or without a character) ─▶ …

Wealth runs through all stages; what certifies a stage is counted from its beginning. Blocks come once and in order
within a series; the order between series does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log

from segue.delivery import ledger as kept_of
from segue.delivery.betting import above
from segue.delivery.certificate import NO_MIRROR
from segue.delivery.changes import Drift, drifted
from segue.delivery.changes import line as change_line
from segue.delivery.evidence import LISTENERS, Block, Counts, Look
from segue.delivery.fast import Quick, minuted, quick, reset, staged, voted
from segue.delivery.ledger import CEILING, Alone, Compared, Ledger
from segue.delivery.plan import Plan
from segue.delivery.quiet import troubled
from segue.delivery.ratio import Shares, appeared
from segue.delivery.terms import Term, Terms, series_of, settle

__all__ = ["Book", "Terms", "entered", "folded", "opened", "reopened", "series_of", "settle", "watched"]

MOST_POINTS = 60
"""A curve has at most so many points."""
FLOOR = 1e-12
"""Evidence below this is drawn as this."""

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Book:
    """The wealth of every bet, and what is counted for certification. JSON-serialisable, a few hundred bytes a gate."""

    stage: int = 0
    ledgers: Mapping[str, Ledger] = field(default_factory=dict)
    """By gate: those with a limit of their own."""
    comparisons: Mapping[str, Compared] = field(default_factory=dict)
    """By gate: the candidate beside the baseline."""
    quick: Mapping[str, Quick] = field(default_factory=dict)
    """By gate: the fast tier."""
    characters: Mapping[str, Mapping[str, Alone]] = field(default_factory=dict)
    """By gate and character."""
    apart: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    """By gate with a fast tier and character: trials since the stage began, and bad ones in millionths."""
    dropped: tuple[str, ...] = ()
    """Characters that were taken out."""
    shares: Shares = field(default_factory=Shares)
    changes: Mapping[str, Drift] = field(default_factory=dict)
    """By gate, after the last stage."""
    troubled: Mapping[str, float] = field(default_factory=dict)
    """By gate without statistics: since when it has been over its limit, in Unix seconds."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """By gate: Unix seconds and the natural logarithm of the evidence, oldest first."""


def opened(plan: Plan, terms: Terms) -> Book:  # noqa: ARG001 - all of these take the same
    """The book of a new attempt."""
    judged = {name: term for name, term in terms.gates.items() if not term.regression}
    return Book(
        ledgers={
            name: kept_of.NO_LEDGER._replace(mirror=NO_MIRROR if term.cap_s else ()) for name, term in judged.items()
        },
        comparisons=dict.fromkeys(terms.gates, kept_of.NO_COMPARISON),
        quick={name: quick(term.fast_limit, term.doubled_limit) for name, term in judged.items() if term.fast_limit},
        characters={name: {} for name, term in judged.items() if term.by_character},
    )


def entered(plan: Plan, terms: Terms, book: Book, stage: int) -> Book:
    """The book when a stage begins: its stake is due, and certification counts from zero."""
    baking = stage >= len(plan.stages)
    return replace(
        book,
        stage=stage,
        ledgers={name: kept_of.staged_ledger(old, book.comparisons[name]) for name, old in book.ledgers.items()},
        comparisons={name: kept_of.staged_comparison(old) for name, old in book.comparisons.items()},
        quick={name: staged(old) for name, old in book.quick.items()},
        characters={
            gate: {name: kept_of.staged_alone(old) for name, old in those.items()}
            for gate, those in book.characters.items()
        },
        apart={},
        shares=Shares(),
        changes={name: Drift() for name in book.ledgers if terms.gates[name].binding} if baking else {},
    )


def reopened(plan: Plan, terms: Terms, book: Book, *, character: str = "") -> Book:  # noqa: ARG001 - all of these take the same
    """The book after a step back, or without a character: every bet begins again with the stake that is left.

    What certifies the stage is counted from zero, because it was counted of another candidate.
    """
    dropped = book.dropped if character in ("", *book.dropped) else (*book.dropped, character)
    blocks = terms.blocks
    return replace(
        book,
        ledgers={name: kept_of.restarted_ledger(old, blocks) for name, old in book.ledgers.items()},
        comparisons={name: kept_of.restarted_comparison(old, blocks) for name, old in book.comparisons.items()},
        quick={name: reset(old, terms.minutes) for name, old in book.quick.items()},
        characters={
            gate: {name: kept_of.restarted_alone(old, blocks) for name, old in those.items() if name not in dropped}
            for gate, those in book.characters.items()
        },
        apart={},
        dropped=dropped,
        changes=dict.fromkeys(book.changes, Drift()),
    )


def folded(plan: Plan, terms: Terms, book: Book, block: Block) -> Book:
    """The book after a closed block of one series. A block without trials changes nothing."""
    if block.series == LISTENERS:
        if block.stage != book.stage:
            return book
        share = intended(plan, block.stage)
        return replace(book, shares=appeared(book.shares, share, block.candidate, block.baseline, block.replicas))
    name, _, part = block.series.partition("/")
    term = terms.gates.get(name)
    candidate = kept_of.kept(block, book.dropped)
    if term is None or not (candidate.n or block.baseline.n):
        return book
    if part == "fast":
        return _minute(terms, book, block, term, candidate)
    if part == "relative" or term.regression:
        return _compared(terms, book, block, term, candidate)
    return _met(terms, book, block, term, candidate)


def intended(plan: Plan, stage: int) -> float:
    """The candidate's share in a stage, as a part of one; in the bake it is all but the holdback."""
    return plan.stages[stage].share if stage < len(plan.stages) else 1.0 - plan.bake.holdback


def watched(plan: Plan, terms: Terms, book: Book, look: Look, now: float) -> Book:
    """The book after a look at the server itself: since when each gate without statistics has been over its limit.

    `now` is in Unix seconds. What cannot be seen changes nothing.
    """
    since = dict(book.troubled)
    for name, gate in plan.gates.items():
        trouble = troubled(gate, terms.memory_bytes, look)
        if trouble is None:
            continue
        if trouble:
            since.setdefault(name, now)
        else:
            since.pop(name, None)
    return book if since == book.troubled else replace(book, troubled=since)


def _minute(terms: Terms, book: Book, block: Block, term: Term, candidate: Counts) -> Book:
    old = book.quick.get(term.gate)
    if old is None or block.stage != book.stage:
        return book
    new = after(terms, old, block, term, candidate)
    book = replace(book, quick={**book.quick, term.gate: new})
    if not term.by_character:
        return book
    return replace(book, apart={**book.apart, term.gate: told_apart(book, term.gate, block)})


def told_apart(book: Book, gate: str, minute: Block) -> dict[str, tuple[int, int]]:
    """What each character did in the fast tier of a gate since the stage began, with one more minute."""
    those = dict(book.apart.get(gate, {}))
    for name, counts in minute.characters.items():
        if name not in book.dropped:
            n, bad = those.get(name, (0, 0))
            those[name] = (n + counts.n, bad + counts.bad)
    return those


def after(terms: Terms, old: Quick, block: Block, term: Term, candidate: Counts) -> Quick:
    """A fast tier after a minute, whether it is closed or only looked at."""
    ceiling = CEILING * term.fast_line
    return minuted(
        old, block.block, candidate, block.baseline, term.fast_limit, term.doubled_limit, terms.minutes, ceiling
    )


def _compared(terms: Terms, book: Book, block: Block, term: Term, candidate: Counts) -> Book:
    now = block.stage == book.stage
    new = kept_of.compared(book.comparisons[term.gate], term, terms.blocks, candidate, block.baseline, now=now)
    book = replace(book, comparisons={**book.comparisons, term.gate: new})
    drift = book.changes.get(term.gate)
    if drift is not None and now and candidate.votes and block.baseline.votes:
        most = CEILING * change_line(terms.block_s) / term.weight
        drift = drift._replace(blame=drifted(drift.blame, voted(candidate, block.baseline), most))
        book = replace(book, changes={**book.changes, term.gate: drift})
    if term.regression and candidate.votes:
        book = replace(book, curves=_curved(book.curves, term.gate, block.until, new.bets.total))
    return book


def _met(terms: Terms, book: Book, block: Block, term: Term, candidate: Counts) -> Book:
    now = block.stage == book.stage
    new = kept_of.met(book.ledgers[term.gate], term, terms.blocks, candidate, block.baseline, now=now)
    book = replace(book, ledgers={**book.ledgers, term.gate: new})
    if candidate.votes:
        book = replace(book, curves=_curved(book.curves, term.gate, block.until, new.bets.total))
        drift = book.changes.get(term.gate)
        if drift is not None and now:
            most = CEILING * change_line(terms.block_s) / term.weight
            factors = above(kept_of.share(candidate), term.limit)
            drift = drift._replace(limit=drifted(drift.limit, factors, most))
            book = replace(book, changes={**book.changes, term.gate: drift})
    if term.by_character:
        book = _by_character(terms, book, block, term)
    if term.compared_over_s is None:  # nothing shifts the threshold: the same trials are compared
        book = _compared(terms, book, block, term, candidate)
    return book


def _by_character(terms: Terms, book: Book, block: Block, term: Term) -> Book:
    those = dict(book.characters[term.gate])
    for name, counts in block.characters.items():
        if name in book.dropped or (name not in those and len(those) >= terms.characters):
            continue
        line = alone_line(terms, term)
        old = those.get(name, kept_of.NOT_ALONE)
        those[name] = kept_of.alone(old, term.limit, terms.blocks, line, counts, now=block.stage == book.stage)
    return replace(book, characters={**book.characters, term.gate: those})


def alone_line(terms: Terms, term: Term) -> float:
    """The evidence at which one character is taken out: the budget is shared by all of them, and by their gates."""
    together = sum(other.weight for other in terms.gates.values() if other.by_character)
    return terms.characters * together / (term.weight * terms.characters_alpha)


def _curved(curves: Mapping[str, Curve], name: str, at: float, evidence: float) -> dict[str, Curve]:
    """The curves with one more point; when there are too many, every other old one goes."""
    old = curves.get(name, ())
    if len(old) >= MOST_POINTS:
        old = old[::2]
    return {**curves, name: (*old, (round(at, 3), round(log(max(evidence, FLOOR)), 3)))}
