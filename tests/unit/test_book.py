"""The book: what a block changes and what it does not, the beginning of stages, and that it is a small value."""

from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from segue.delivery.book import Book, Terms, folded, opened, reopened, settle, watched
from segue.delivery.evidence import LISTENERS, MILLION, Block, Cell, Counts, Key, Look, merged
from tests.proving import FAILURES, TTFA, Trial, block, counts, planned

EVERYTHING: dict[str, Any] = {
    "ttfa": {"kind": "latency", "over": "6s", "fast": {"at_most": "50%"}},
    "failures": {"kind": "failure", "on_breach": "drop_cohort", "fast": {"at_most": "10%"}},
    "synthesis": {"kind": "mean", "at_most": "2s"},
    "slower": {"kind": "regression", "of": "ttfa"},
    "quiet": {"kind": "quiet"},
    "memory": {"kind": "memory"},
}
PLAN = planned(EVERYTHING)
TERMS = settle(PLAN, memory_bytes=1000)
BOOKS, TERMED = TypeAdapter(Book), TypeAdapter(Terms)


def arms() -> st.SearchStrategy[Counts]:
    """What an arm may do in a block, its votes among its trials."""
    return st.integers(0, 400).flatmap(
        lambda n: st.builds(
            lambda bad, votes, bad_votes: Counts(n, bad, min(votes, n), min(bad_votes, min(votes, n) * MILLION)),
            st.integers(0, n * MILLION), st.integers(min(n, 1), max(n, 1)), st.integers(0, n * MILLION),
        )
    )  # fmt: skip


def days() -> st.SearchStrategy[list[tuple[str, Counts, Counts, dict[str, Counts]]]]:
    """Blocks of any series."""
    names = [series.name for series in TERMS.series]
    spoken = st.dictionaries(st.sampled_from(["anna", "bo", "cy"]), arms(), max_size=3)
    return st.lists(st.tuples(st.sampled_from(names), arms(), arms(), spoken), max_size=25)


@settings(max_examples=40)
@given(days(), st.integers(0, 3))
def test_a_book_comes_back_from_json_as_it_was(happened: list[Any], stage: int) -> None:
    """Whatever is in a book, its JSON gives the same book again, to the bit, and holds no infinity."""
    trial = Trial(PLAN, TERMS)
    trial.enter(stage)
    for name, candidate, baseline, characters in happened:
        trial.fold(candidate, baseline, series=name, characters=characters)
    text = BOOKS.dump_json(trial.book)
    assert BOOKS.validate_json(text) == trial.book
    assert BOOKS.validate_python(BOOKS.dump_python(trial.book, mode="json")) == trial.book
    assert b"inf" not in text.lower()
    assert b"nan" not in text.lower()


def test_terms_come_back_from_json_as_they_were() -> None:
    """Terms are a plain value as well."""
    assert TERMED.validate_json(TERMED.dump_json(TERMS)) == TERMS


@settings(max_examples=25)
@given(days(), st.randoms(use_true_random=False))
def test_the_order_between_series_does_not_matter(happened: list[Any], chance: Random) -> None:
    """Blocks of different series may close in any order, as long as each series keeps its own."""
    numbered: dict[str, list[Block]] = {}
    for name, candidate, baseline, characters in happened:
        queue = numbered.setdefault(name, [])
        queue.append(block(name, len(queue), candidate, baseline, characters=characters))
    books = []
    for _ in range(2):
        queues, book = {name: list(queue) for name, queue in numbered.items()}, Trial(PLAN, TERMS).book
        while queues:
            name = chance.choice(sorted(queues))
            book = folded(PLAN, TERMS, book, queues[name].pop(0))
            queues = {name: queue for name, queue in queues.items() if queue}
        books.append(book)
    assert books[0] == books[1]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.randoms(use_true_random=False))
def test_order_and_replica_inside_a_block_do_not_matter(turns: list[tuple[bool, bool]], chance: Random) -> None:
    """Replicas count the turns of a block in any split and order; the merged block gives the same book."""
    books = []
    for replicas in (1, 3):
        chance.shuffle(turns)
        held: dict[tuple[str, str], Counts] = {}
        for candidate, bad in turns:
            where = (f"r{chance.randrange(replicas)}", "candidate" if candidate else "baseline")
            held[where] = held.get(where, Counts()) + counts(1, float(bad))
        cells = [Cell(replica, Key("tried/1", 0, "ttfa", 0, arm), each) for (replica, arm), each in held.items()]
        chance.shuffle(cells)
        sums = {key.arm: each for key, each in merged(cells).items()}
        closed = block("ttfa", 0, sums.get("candidate", Counts()), sums.get("baseline", Counts()))
        books.append(folded(PLAN, TERMS, Trial(PLAN, TERMS).book, closed))
    assert books[0] == books[1]


@pytest.mark.parametrize("name", [series.name for series in TERMS.series])
def test_an_empty_block_changes_nothing(name: str) -> None:
    """Without trials there is no bet, in no series."""
    trial = Trial(PLAN, TERMS)
    trial.fold(counts(20, 3), counts(100, 5), times=3)
    assert folded(PLAN, TERMS, trial.book, block(name, 3, Counts())) == trial.book


def test_the_wealth_is_the_formula() -> None:
    """Wealth m becomes (m + w / 3) (1 + c / p0 (share - p0)), with a quarter at the first block and a drip at each."""
    trial = Trial(planned(TTFA))
    wealth, shares = [0.0] * 3, (0.4, 0.02, 0.11)
    for number, share in enumerate(shares):
        trial.fold(counts(100, 100 * share), series="ttfa")
        stake = (0.25 if number == 0 else 0.0) + 0.25 / 270
        wealth = [
            (m + stake / 3) * (1 + c / 0.05 * (share - 0.05)) for m, c in zip(wealth, (0.1, 0.4, 0.95), strict=True)
        ]
    assert trial.book.ledgers["ttfa"].bets.wealth == pytest.approx(tuple(wealth))


def test_votes_are_bet_on_and_not_turns() -> None:
    """A session with many bad turns has one vote."""
    trial = Trial(planned(TTFA))
    trial.fold(Counts(n=13, bad=10 * MILLION, votes=4, bad_votes=1 * MILLION), series="ttfa")
    other = Trial(planned(TTFA))
    other.fold(counts(4, 1), series="ttfa")
    assert trial.book.ledgers["ttfa"].bets == other.book.ledgers["ttfa"].bets
    assert trial.book.ledgers["ttfa"].n == 13


def test_a_stage_counts_from_zero_and_keeps_its_wealth() -> None:
    """What certifies is counted per stage, evidence of harm is not forgotten."""
    trial = Trial(planned(TTFA | FAILURES))
    trial.fold(counts(50, 9), counts(500, 10), times=4)
    before = trial.book.ledgers["ttfa"]
    trial.enter(1)
    after = trial.book.ledgers["ttfa"]
    assert after.bets.wealth == before.bets.wealth
    assert (after.n, after.votes, after.others, after.blocks) == (0, 0, 0, 0)
    assert trial.book.comparisons["ttfa"].votes == 0


def test_a_block_of_an_earlier_stage_does_not_certify_this_one() -> None:
    """A late block is evidence of harm, and no proof for the stage that runs by now."""
    trial = Trial(planned(TTFA))
    trial.enter(1)
    late = folded(trial.plan, trial.terms, trial.book, block("ttfa", 29, counts(100, 40), stage=0))
    assert late.ledgers["ttfa"].bets.total > 0
    assert late.ledgers["ttfa"].n == 0


def test_reopened_begins_again() -> None:
    """After a step back nothing is held against the candidate, nothing for it, and every stake is what was left."""
    trial = Trial(PLAN, TERMS)
    trial.fold(counts(50, 20), counts(100, 2), times=6, characters={"anna": counts(10, 4)})
    fresh = reopened(PLAN, TERMS, trial.book)
    assert not any(ledger.bets.total or ledger.n or ledger.blocks for ledger in fresh.ledgers.values())
    assert not any(one.bets.total for one in fresh.comparisons.values())
    assert not any(one.evidence for one in fresh.quick.values())
    assert all(ledger.bets.stake <= 1.0 for ledger in fresh.ledgers.values())
    trial.book = fresh
    trial.fold(counts(50, 25), counts(100, 2), times=8)
    assert any(breach.gate == "ttfa" for breach in trial.judged().breaches)


def test_a_block_in_which_a_dropped_character_was_heard_is_left_out() -> None:
    """The block in which a character is taken out still has its turns, in sessions of others: it is no bet."""
    trial = Trial(PLAN, TERMS)
    trial.book = reopened(PLAN, TERMS, trial.book, character="anna")
    for name in ("failures", "failures/fast"):
        trial.fold(counts(20, 10), counts(20), series=name, characters={"anna": counts(10, 10), "bo": counts(10)})
    assert (trial.book.ledgers["failures"].n, trial.book.quick["failures"].n) == (0, 0)
    for name in ("failures", "failures/fast"):
        trial.fold(counts(10), counts(20), series=name, characters={"bo": counts(10)})
    assert (trial.book.ledgers["failures"].n, trial.book.quick["failures"].n) == (10, 10)
    assert list(trial.book.characters["failures"]) == ["bo"]


def test_the_state_of_a_gate_is_small() -> None:
    """After a long day each of a gate's processes takes at most 256 bytes of JSON, and curves at most 60 points."""
    trial = Trial(PLAN, TERMS)
    chance = Random(7)  # noqa: S311
    for _ in range(2000):
        trial.fold(counts(chance.randint(900, 2000), chance.random() * 90), counts(1500, chance.random() * 90))
    plain = TypeAdapter(dict[str, Any])
    for part in (trial.book.ledgers, trial.book.comparisons):
        for state in part.values():
            assert len(plain.dump_json({"": state})) - 5 <= 256
    assert all(10 < len(curve) <= 60 for curve in trial.book.curves.values())
    assert len(plain.dump_json({"": trial.book.shares})) <= 256


def test_listeners_are_counted_in_their_stage_only() -> None:
    """The check of the shares begins again with each stage."""
    trial = Trial(PLAN, TERMS)
    trial.fold(counts(5), counts(95), series=LISTENERS)
    assert (trial.book.shares.candidate, trial.book.shares.baseline) == (5, 95)
    trial.enter(1)
    assert trial.book.shares.candidate == 0
    late = folded(PLAN, TERMS, trial.book, block(LISTENERS, 3, counts(5), counts(95), stage=0))
    assert late == trial.book


def test_trouble_is_remembered_from_when_it_was_first_seen() -> None:
    """How often anyone looks does not matter; what cannot be seen neither begins nor ends trouble."""
    bad, good = Look(degradation="emergency", memory_bytes=9000), Look(degradation="ok", memory_bytes=1000)
    book = opened(PLAN, TERMS)
    for now in (10.0, 11.0, 15.0):
        book = watched(PLAN, TERMS, book, bad, now)
    assert dict(book.troubled) == {"quiet": 10.0, "memory": 10.0}
    unseen = watched(PLAN, TERMS, book, Look(degradation="emergency"), 16.0)
    assert unseen == book
    assert dict(watched(PLAN, TERMS, book, good, 17.0).troubled) == {}


def test_series_are_those_of_the_gates() -> None:
    """Each gate has its series; latencies have one more for the comparison, and the fast tier one of minutes."""
    named = {series.name: series for series in TERMS.series}
    assert list(named) == [
        "ttfa", "ttfa/relative", "ttfa/fast", "failures", "failures/fast", "synthesis", "slower", "listeners",
    ]  # fmt: skip
    assert (named["ttfa/relative"].candidate_over_s, named["ttfa/relative"].baseline_over_s) == (6.0, 5.0)
    assert {series.block_s for series in TERMS.series} == {60.0}
    longer = {series.name: series.block_s for series in settle(planned(EVERYTHING, block="10m")).series}
    assert (longer["ttfa"], longer["ttfa/fast"], longer["listeners"]) == (600.0, 60.0, 60.0)


def test_every_order_of_three_series_is_the_same() -> None:
    """The smallest case, in full."""
    closed = [block(name, 0, counts(20, 5), counts(100, 4)) for name in ("ttfa", "ttfa/relative", "failures")]
    books = []
    for order in permutations(closed):
        book = Trial(PLAN, TERMS).book
        for each in order:
            book = folded(PLAN, TERMS, book, each)
        books.append(book)
    assert all(book == books[0] for book in books)
