"""Who is to blame: from the evidence of all gates to proofs of harm, and what each asks for.

The evidence of the gates is added with their weights; such a sum is itself evidence, however the gates hang together,
so all of them share one error budget. A gate that carries the proof by itself is blamed by name, otherwise it is a
joint one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from segue.delivery.betting import trials
from segue.delivery.book import Book, alone_line
from segue.delivery.changes import line as change_line
from segue.delivery.evidence import MILLION
from segue.delivery.fast import Quick, alternatives
from segue.delivery.plan import OnBreach, Plan, RegressionGate
from segue.delivery.quantity import told_share
from segue.delivery.terms import Term, Terms
from segue.delivery.verdict import Breach
from segue.delivery.wording import beside, did, facts, than_baseline, told, told_bad

SUSPICIOUS = 10.0
"""Evidence from which on nothing passes, and nobody is innocent."""
SEVERITY = (OnBreach.ROLLBACK, OnBreach.STEP_BACK, OnBreach.DROP_COHORT, OnBreach.HOLD, OnBreach.WARN)
"""What a breach can ask for, the most severe first."""
JOINT = "joint"
FAST_TIER = "fast tier"
_SHARED = 0.1
"""A gate contributes to a joint proof if it is at least this part of it."""


Apart = Mapping[str, tuple[int, int]]
"""By character: trials, and bad ones in millionths."""


class Proof(NamedTuple):
    """The evidence of one gate in blocks: against its limit, and against the baseline (None without one beside it)."""

    own: float
    relative: float | None

    @property
    def needed(self) -> float:
        """What a breach takes: refuted must be that the limit is met, and that the candidate is no worse."""
        return self.own if self.relative is None else min(self.own, self.relative)


class Part(NamedTuple):
    """What one gate adds to the evidence of all."""

    gate: str
    evidence: float
    weight: float
    line: float
    """The evidence at which it is proof by itself."""
    action: OnBreach
    binding: bool
    """Whether it is added; the others are judged for themselves."""
    say: Callable[[], str]
    otherwise: OnBreach = OnBreach.ROLLBACK

    @property
    def pooled(self) -> OnBreach:
        """What a breach asks for that is nobody's alone."""
        return self.otherwise if self.action is OnBreach.DROP_COHORT else self.action


def proof_of(book: Book, name: str) -> Proof:
    """The evidence of a gate that has a limit of its own."""
    ledger = book.ledgers[name]
    return Proof(ledger.bets.total, book.comparisons[name].bets.total if ledger.guarded else None)


def breaches(
    plan: Plan, terms: Terms, book: Book, quick: Mapping[str, Quick], apart: Mapping[str, Apart],
    dropped: Collection[str],
) -> tuple[list[Breach], dict[str, float]]:  # fmt: skip
    """Every proof of harm that needs statistics, and the joint evidence beside its lines.

    `quick` are the fast tiers as they stand with the open minute, `apart` what each character did in them, `dropped`
    the characters that are out.
    """
    slo, regression, fast = _slo(plan, terms, book), _regression(plan, terms, book), _fast(plan, terms, quick)
    found = [
        *_together(slo, terms.slo_alpha, "slow tier"),
        *_together(regression, terms.regression_alpha, "regression"),
        *_changes(plan, terms, book),
    ]
    found = [_of_one(plan, terms, book, breach, dropped) for breach in found]
    at_once = [_of_one_at_once(plan, terms, quick, apart, one) for one in _together(fast, terms.fast_alpha, FAST_TIER)]
    found = _unexplained(plan, [*_alone(plan, terms, book, dropped), *found, *at_once])
    joint = {
        "slo": _sum(slo), "slo_line": 1.0 / terms.slo_alpha,
        "own": sum(part.weight * book.ledgers[part.gate].bets.total for part in slo if part.binding),
        "regression": _sum(regression), "regression_line": 1.0 / terms.regression_alpha,
        "fast": _sum(fast), "fast_line": 1.0 / terms.fast_alpha,
    }  # fmt: skip
    return found, joint


def _slo(plan: Plan, terms: Terms, book: Book) -> list[Part]:
    found = []
    for name in book.ledgers:
        term, action, proof = terms.gates[name], plan.gates[name].on_breach, proof_of(book, name)

        def say(name: str = name) -> str:
            ledger = book.ledgers[name]
            said = facts(plan, name, ledger.n, ledger.bad)
            return said + (than_baseline(plan, name, ledger.others, ledger.others_bad) if ledger.guarded else "")

        otherwise = plan.gates[name].otherwise
        found.append(Part(name, proof.needed, term.weight, term.line, action, term.binding, say, otherwise))
    return found


def _regression(plan: Plan, terms: Terms, book: Book) -> list[Part]:
    found = []
    for name, term in terms.gates.items():
        if not term.regression:
            continue
        pair = book.comparisons[name]

        def say(name: str = name, term: Term = term) -> str:
            pair = book.comparisons[name]
            ours, theirs = (pair.votes, pair.bad_votes), (pair.others, pair.others_bad)
            return beside(plan, name, ours, theirs, term.compared_near_s, term.compared_over_s)

        action = plan.gates[name].on_breach
        found.append(Part(name, pair.bets.total, term.weight, term.line, action, term.binding, say))
    return found


def _fast(plan: Plan, terms: Terms, quick: Mapping[str, Quick]) -> list[Part]:
    """A breach of the fast tier always rolls back."""
    found = []
    for name, bets in quick.items():
        term = terms.gates[name]

        def say(name: str = name, bets: Quick = bets, term: Term = term) -> str:
            part = bets.bad / MILLION / bets.n if bets.n else 0.0
            most = told_share(term.fast_limit)
            did_so = did(plan.gates[name])
            since = f"{told_bad(bets.bad)} of {bets.n:,} since the stage began, {told_share(part)}"
            return f"{name}: lately over {most} of the turns {did_so}, seen turn by turn ({since})"

        found.append(Part(name, bets.evidence, term.fast_weight, term.fast_line, OnBreach.ROLLBACK, True, say))
    return found


def _sum(parts: Iterable[Part]) -> float:
    return sum(part.weight * part.evidence for part in parts if part.binding)


def _together(parts: list[Part], alpha: float, how: str) -> list[Breach]:
    """The gates that are proof by themselves; or all that bind together, where only their sum is."""
    found, named = [], False
    for part in parts:
        if part.evidence >= part.line:
            named = named or part.binding
            reason = f"{part.say()}; evidence {told(part.evidence)} is over the line of {told(part.line)}."
            found.append(Breach(part.action, part.gate, how, reason))
    total = _sum(parts)
    if total >= 1.0 / alpha and not named:
        those = [part for part in parts if part.binding and part.weight * part.evidence >= _SHARED * total]
        said = "; ".join(part.say() for part in those)
        reason = f"{said}; together their evidence {told(total)} is over the line of {told(1.0 / alpha)}."
        action = min((part.pooled for part in those), key=SEVERITY.index)
        found.append(Breach(action, JOINT, how, reason))
    return found


def _changes(plan: Plan, terms: Terms, book: Book) -> list[Breach]:
    """After the last stage: a change for the worse, in the limit and beside the baseline if there is one."""
    found = []
    line = change_line(terms.block_s)
    for name, drift in book.changes.items():
        ledger, term = book.ledgers[name], terms.gates[name]
        evidence = term.weight * drift.evidence(ledger.guarded)
        if evidence >= line:
            said = facts(plan, name, ledger.n, ledger.bad)
            reason = f"{said}, and it grew worse lately: {told(evidence)} is over the line of {told(line)} blocks."
            found.append(Breach(plan.gates[name].on_breach, name, "change", reason))
    return found


def _alone(plan: Plan, terms: Terms, book: Book, dropped: Collection[str]) -> list[Breach]:
    """The characters that alone break a gate: proved of them, and nothing suspicious in all the others together."""
    found = []
    for gate, those in book.characters.items():
        line = alone_line(terms, terms.gates[gate])
        for name, one in those.items():
            if name not in dropped and one.bets.total >= line and _others_are_fine(terms, book, gate, name):
                found.append(_drop(plan, book, gate, name, line))
    return found


def _of_one(plan: Plan, terms: Terms, book: Book, breach: Breach, dropped: Collection[str]) -> Breach:
    """A breach of all together, given to the one character it comes from, or to nobody: then it rolls back."""
    if breach.action is not OnBreach.DROP_COHORT:
        return breach
    those = book.characters.get(breach.gate, {})
    suspects = [name for name, one in those.items() if name not in dropped and one.bets.total >= SUSPICIOUS]
    if len(suspects) == 1 and _others_are_fine(terms, book, breach.gate, suspects[0]):
        return _drop(plan, book, breach.gate, suspects[0], SUSPICIOUS)
    otherwise = plan.gates[breach.gate].otherwise
    return Breach(otherwise, breach.gate, breach.how, f"{breach.reason} It is not one character's alone.")


def _of_one_at_once(
    plan: Plan, terms: Terms, quick: Mapping[str, Quick], apart: Mapping[str, Apart], breach: Breach
) -> Breach:
    """A breach of the fast tier, given to the one character it comes from where the gate judges them one by one."""
    term, those = terms.gates.get(breach.gate), apart.get(breach.gate, {})
    if term is None or not term.by_character:
        return breach
    suspects = [name for name, (n, bad) in those.items() if _against(n, bad, term.fast_limit) >= SUSPICIOUS]
    if len(suspects) != 1:
        return breach
    bets, (n, bad) = quick[breach.gate], those[suspects[0]]
    if bets.n <= n or _against(bets.n - n, max(0, bets.bad - bad), term.fast_limit) >= SUSPICIOUS:
        return breach  # nobody else was heard, or the others are no better
    said = facts(plan, breach.gate, n, bad, of=f"{suspects[0]}'s ")
    reason = f"{said}, the others are fine; seen turn by turn (never over {told_share(term.fast_limit)})."
    return Breach(OnBreach.DROP_COHORT, breach.gate, "alone", reason, suspects[0])


def _unexplained(plan: Plan, found: list[Breach]) -> list[Breach]:
    """The breaches without those that ask the same of all characters as one alone has broken.

    Without that character everything is counted anew, so that whatever else is wrong is found again.
    """
    explained = {_question(plan, breach.gate) for breach in found if breach.action is OnBreach.DROP_COHORT}
    return [
        breach
        for breach in found
        if breach.action is OnBreach.DROP_COHORT
        or not explained
        or (breach.gate != JOINT and _question(plan, breach.gate) not in explained)
    ]


def _question(plan: Plan, name: str) -> tuple[str, str]:
    """What a gate asks of a turn, whatever its limit."""
    gate = plan.gates[name]
    while isinstance(gate, RegressionGate):
        gate = plan.gates[gate.of]
    return gate.kind, getattr(gate, "measure", "")


def _drop(plan: Plan, book: Book, gate: str, name: str, line: float) -> Breach:
    one = book.characters[gate][name]
    said = facts(plan, gate, one.n, one.bad, of=f"{name}'s ")
    reason = f"{said}, the others are fine; evidence {told(one.bets.total)} is over the line of {told(line)}."
    return Breach(OnBreach.DROP_COHORT, gate, "alone", reason, name)


def _others_are_fine(terms: Terms, book: Book, gate: str, name: str) -> bool:
    """Whether there are other characters, and nothing speaks against them together, since the stage began."""
    ledger, one, limit = book.ledgers[gate], book.characters[gate][name], terms.gates[gate].limit
    return ledger.n > one.n and _against(ledger.n - one.n, max(0, ledger.bad - one.bad), limit) < SUSPICIOUS


def _against(n: int, bad: int, limit: float) -> float:
    """How strongly so many bad trials (in millionths) speak against a limit: an e-value."""
    bets = trials(n, bad / MILLION, limit, alternatives(limit))
    return sum(bets) / len(bets)
