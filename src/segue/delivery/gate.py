"""What the gates say at one look: a verdict for each, and what follows for the whole.

May be asked at any time and as often as one likes; looking changes nothing. A gate passes, is broken, or waits; it
holds where the limit is missed but the baseline misses it as well. Not one of them is the absence of another.
"""

from collections.abc import Collection

from segue.delivery import blame
from segue.delivery.blame import SUSPICIOUS
from segue.delivery.book import Book, Terms, after, told_apart
from segue.delivery.certificate import MOST, blocks_missing, certainty, missing, votes_to_pass
from segue.delivery.doubt import common_cause, doubts
from segue.delivery.evidence import MILLION, Look
from segue.delivery.fast import Quick
from segue.delivery.ledger import kept
from segue.delivery.plan import MemoryGate, OnBreach, Plan, QuietGate
from segue.delivery.quantity import told_s
from segue.delivery.quiet import troubled
from segue.delivery.terms import Term
from segue.delivery.verdict import Breach, Judgement, Verdict, Word
from segue.delivery.wording import beside, facts, seen, told, told_share_of

UNREACHED = "nobody hears the candidate in this stage"


def judge(
    plan: Plan, terms: Terms, book: Book, look: Look, *, stage: int, now: float, stage_since: float, share_bp: int,
    dropped: tuple[str, ...] = (),
) -> Judgement:  # fmt: skip
    """Everything the gates say.

    Args:
        plan: the plan.
        terms: what its gates were resolved to.
        book: everything proved so far.
        look: what is not in a closed block: the open minute of fast series, and the server itself.
        stage: the present stage, one past the last for the bake.
        now: Unix seconds.
        stage_since: Unix seconds at which the stage began.
        share_bp: the candidate's share now, in basis points.
        dropped: characters that were taken out; they are ignored.
    """
    quick = looked(terms, book, look, stage, {*dropped, *book.dropped})
    found, joint = blame.breaches(plan, terms, book, quick, apart(terms, book, look, stage), dropped)
    found += _of_server(plan, terms, book, look, now)
    found.sort(key=lambda breach: blame.SEVERITY.index(breach.action))
    shared = common_cause(plan, terms, book)
    broken = {breach.gate: breach.reason for breach in reversed(found)}
    verdicts = [
        _of_look(plan, terms, book, look, name, now)
        if name not in terms.gates
        else _compared(plan, terms.gates[name], book, broken.get(name, ""), share_bp)
        if terms.gates[name].regression
        else _limited(
            plan, terms, book, name, broken.get(name, ""), shared is not None and shared.gate == name, share_bp
        )
        for name in plan.gates
    ]
    needed = [
        one
        for one in verdicts
        if plan.gates[one.gate].on_breach is not OnBreach.WARN and (share_bp or one.gate not in terms.gates)
    ]
    unproved = [one for one in needed if one.word is not Word.PASS]
    return Judgement(
        verdicts=tuple(verdicts),
        breaches=tuple(found),
        doubts=tuple(doubts(plan, book, look, shared, now=now, stage=stage, since=stage_since, share_bp=share_bp)),
        certified=not unproved and not _harm(found) and shared is None,
        joint=joint,
        waiting_for=_furthest(unproved),
    )


def _harm(found: Collection[Breach]) -> bool:
    """Whether there is a breach that is more than a warning."""
    return any(breach.action is not OnBreach.WARN for breach in found)


def looked(terms: Terms, book: Book, look: Look, stage: int, dropped: Collection[str]) -> dict[str, Quick]:
    """The fast tiers as they would be if the open minute ended now; nothing of it is kept."""
    quick = dict(book.quick)
    for name, old in book.quick.items():
        block = look.minutes.get(f"{name}/fast")
        if block is not None and block.stage == stage == book.stage:
            quick[name] = after(terms, old, block, terms.gates[name], kept(block, dropped))
    return quick


def apart(terms: Terms, book: Book, look: Look, stage: int) -> dict[str, blame.Apart]:
    """What each character did in the fast tiers, with the open minute."""
    those: dict[str, blame.Apart] = dict(book.apart)
    for name, old in book.quick.items():
        block = look.minutes.get(f"{name}/fast")
        if terms.gates[name].by_character and block is not None and block.stage == stage == book.stage:
            those[name] = told_apart(book, name, block) if block.block >= old.minutes else those.get(name, {})
    return those


def _furthest(unproved: Collection[Verdict]) -> str:
    """What the gate that is furthest from passing lacks."""
    if not unproved:
        return ""
    worst = max(unproved, key=lambda one: (one.missing is None, one.missing or 0))
    return worst.reason


def _limited(plan: Plan, terms: Terms, book: Book, name: str, broken: str, shared: bool, share_bp: int) -> Verdict:
    """What a gate with a limit of its own says; `broken` is the reason of its breach, if there is one."""
    term, ledger, proof = terms.gates[name], book.ledgers[name], blame.proof_of(book, name)
    whole = term.cap_s or 1.0
    value = ledger.bad / MILLION / ledger.n * whole if ledger.n else None
    low, high = seen(ledger.votes, ledger.bad_votes, value, whole)
    sure = min(MOST, sum(ledger.mirror)) if term.cap_s else _certainty(ledger.votes, ledger.bad_votes, term)
    word = Word.WAIT
    if broken:
        word = Word.BREACH
    elif shared or (proof.own >= term.line > proof.needed):
        word = Word.HOLD
    elif (
        share_bp and sure >= 1.0 / plan.verdict.beta and proof.own < SUSPICIOUS and (proof.relative or 0.0) < SUSPICIOUS
    ):
        word = Word.PASS
    more = _missing(plan, term, book, name) if word in (Word.WAIT, Word.HOLD) and share_bp else None
    said = facts(plan, name, ledger.n, ledger.bad)
    return Verdict(
        gate=name,
        word=word,
        reason=broken or _reason(plan, book, name, word, said, proof, sure, more, share_bp),
        n=ledger.n,
        bad=ledger.bad / MILLION,
        value=value,
        low=low,
        high=high,
        limit=term.limit * whole,
        baseline_n=ledger.others,
        baseline_value=ledger.others_bad / MILLION / ledger.others * whole if ledger.others else None,
        evidence=proof.own,
        line=term.line,
        relative=proof.relative,
        certainty=sure,
        certain=1.0 / plan.verdict.beta,
        missing=more,
        curve=book.curves.get(name, ()),
    )


def _certainty(votes: int, bad_votes: int, term: Term) -> float:
    return certainty(votes, bad_votes / MILLION, term.tolerated)


def _missing(plan: Plan, term: Term, book: Book, name: str) -> int | None:
    """How many more listeners it takes to pass if they hear what those before heard."""
    ledger, beta = book.ledgers[name], plan.verdict.beta
    if not term.cap_s:
        return missing(ledger.votes, ledger.bad_votes / MILLION, term.tolerated, beta)
    if not ledger.blocks:
        return None
    blocks = blocks_missing(ledger.mirror, ledger.bad_votes / MILLION / ledger.votes, term.tolerated, beta)
    return None if blocks is None else -(-blocks * ledger.votes // ledger.blocks)


def _reason(
    plan: Plan, book: Book, name: str, word: Word, said: str, proof: blame.Proof, sure: float, more: int | None,
    share_bp: int,
) -> str:  # fmt: skip
    """One sentence: what was seen, and what that proves or lacks."""
    ledger = book.ledgers[name]
    other = told_share_of(plan, name, ledger.others, ledger.others_bad)
    known = {
        Word.HOLD: f"{said}, but the baseline is hardly better ({other}): not proved to be the candidate's doing.",
        Word.PASS: f"{said}; certainty {told(sure)} is over the line of {told(1.0 / plan.verdict.beta)}.",
    }
    if word in known:
        return known[word]
    if not share_bp:
        return f"{name}: {UNREACHED}."
    if proof.own >= SUSPICIOUS:
        return f"{said}; the evidence against it, {told(proof.own)}, must be below {told(SUSPICIOUS)} to pass."
    if proof.relative is not None and proof.relative >= SUSPICIOUS:
        return (
            f"{said}, worse than the baseline ({other}); the evidence of that, {told(proof.relative)}, must be below "
            f"{told(SUSPICIOUS)} to pass."
        )
    lacks = "as things stand it cannot pass" if more is None else f"about {more:,} more listeners are needed to pass"
    return f"{said}; {lacks}."


def _compared(plan: Plan, term: Term, book: Book, broken: str, share_bp: int) -> Verdict:
    """What a gate says that only compares the arms; without a baseline there is nothing it could say."""
    pair, name = book.comparisons[term.gate], term.gate
    evidence = pair.bets.total
    least = votes_to_pass(0, term.tolerated, plan.verdict.beta) or 0
    short = max(0, least - min(pair.votes, pair.others))
    whole_share = share_bp >= 10_000
    said = beside(
        plan, name, (pair.votes, pair.bad_votes), (pair.others, pair.others_bad), term.compared_near_s,
        term.compared_over_s,
    )  # fmt: skip
    word = Word.WAIT
    if broken:
        word, reason = Word.BREACH, broken
    elif not share_bp:
        reason = f"{name}: {UNREACHED}."
    elif evidence >= SUSPICIOUS:
        reason = f"{said}; the evidence against it, {told(evidence)}, must be below {told(SUSPICIOUS)} to pass."
    elif whole_share:
        word, reason = Word.PASS, f"{name}: nobody hears the baseline, so there is nothing to compare with."
    elif short:
        reason = f"{said}; about {short:,} more listeners are needed to compare."
    else:
        word, reason = Word.PASS, f"{said}; the evidence against it is only {told(evidence)}."
    value = pair.bad_votes / MILLION / pair.votes if pair.votes else None
    low, high = seen(pair.votes, pair.bad_votes, value, 1.0)
    other = pair.others_bad / MILLION / pair.others if pair.others else None
    return Verdict(
        gate=name, word=word, reason=reason, n=pair.votes, bad=pair.bad_votes / MILLION, value=value, low=low,
        high=high, limit=other or 0.0, baseline_n=pair.others, baseline_value=other, evidence=evidence, line=term.line,
        relative=evidence, missing=short if word is Word.WAIT and share_bp else None, curve=book.curves.get(name, ()),
    )  # fmt: skip


def _of_server(plan: Plan, terms: Terms, book: Book, look: Look, now: float) -> list[Breach]:
    """Breaches of the gates without statistics: what has lasted for long enough."""
    found = []
    for name, gate in plan.gates.items():
        if isinstance(gate, QuietGate | MemoryGate):
            trouble, since = troubled(gate, terms.memory_bytes, look), book.troubled.get(name, now)
            if trouble and now - since >= gate.for_s:
                reason = f"{name}: {trouble}, for {told_s(round(now - since))} by now (at most {told_s(gate.for_s)})."
                found.append(Breach(gate.on_breach, name, "look", reason))
    return found


def _of_look(plan: Plan, terms: Terms, book: Book, look: Look, name: str, now: float) -> Verdict:
    """What a gate without statistics says."""
    gate = plan.gates[name]
    for_s = gate.for_s if isinstance(gate, QuietGate | MemoryGate) else 0.0
    trouble, lasted = troubled(gate, terms.memory_bytes, look), now - book.troubled.get(name, now)
    if trouble is None:
        return Verdict(name, Word.WAIT, f"{name}: it cannot be seen at the moment.")
    if not trouble:
        return Verdict(name, Word.PASS, f"{name}: nothing is wrong.")
    if lasted >= for_s:
        return Verdict(name, Word.BREACH, f"{name}: {trouble}, for {told_s(round(lasted))}.")
    return Verdict(name, Word.WAIT, f"{name}: {trouble}, for {told_s(round(lasted))} of {told_s(for_s)}.")
