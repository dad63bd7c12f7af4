"""What the gates say: pass, breach, wait and hold, who is to blame, and what is doubted."""

from typing import Any

import pytest

from segue.delivery.book import reopened, settle, watched
from segue.delivery.evidence import LISTENERS, Block, Look
from segue.delivery.plan import OnBreach
from segue.delivery.verdict import Word
from tests.proving import FAILURES, QUIET, TTFA, Trial, block, counts, planned

DROP: dict[str, Any] = {"failures": {"kind": "failure", "on_breach": "drop_cohort"}}
STAGES = [{"name": "some", "share": "50%", "dwell": "2h", "cohort": {"characters": ["anna", "bo", "cy"]}}]


def test_nothing_is_said_without_data() -> None:
    """No data neither passes nor breaks: it waits, and says how many listeners are needed."""
    verdict = Trial(planned(TTFA)).verdict()
    assert (verdict.word, verdict.n, verdict.missing, verdict.value) == (Word.WAIT, 0, 36, None)
    assert verdict.reason == "ttfa: no turn of the candidate yet; about 36 more listeners are needed to pass."


@pytest.mark.parametrize(("share", "blocks"), [(0.12, 9), (0.2, 6), (0.4, 4), (1.0, 3)])
def test_a_slow_candidate_is_broken_after_the_planned_blocks(share: float, blocks: int) -> None:
    """One gate with half of an alpha of 2 %: so many blocks of that bad share refute the limit, and not one fewer."""
    trial = Trial(planned(TTFA))
    for _ in range(blocks - 1):
        trial.fold(counts(100, 100 * share), series="ttfa")
        assert not trial.judged().breaches
    trial.fold(counts(100, 100 * share), series="ttfa")
    (breach,) = trial.judged().breaches
    assert (breach.action, breach.gate, breach.how) == (OnBreach.ROLLBACK, "ttfa", "slow tier")


def test_a_breach_says_its_numbers() -> None:
    """How many turns, which share, which limit, what the baseline did, which evidence over which line."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(20, 8), counts(400, 8), times=4)
    (breach,) = trial.judged().breaches
    assert breach.reason == (
        "ttfa: 32 of 80 turns were slower than 6 s (40 %, at most 5 %), against 2 % of 1,600 of the baseline; "
        "evidence 305 is over the line of 100."
    )
    verdict = trial.verdict()
    assert (verdict.word, verdict.n, verdict.bad, verdict.value, verdict.limit) == (Word.BREACH, 80, 32, 0.4, 0.05)
    assert verdict.low is not None
    assert verdict.high is not None
    assert 0.22 < verdict.low < 0.4 < verdict.high < 0.6
    assert (verdict.baseline_n, verdict.baseline_value) == (1600, 0.02)
    assert len(verdict.curve) == 4


@pytest.mark.parametrize(("bad", "least"), [(0, 36), (1, 63), (2, 84), (3, 102), (5, 136), (8, 183)])
def test_it_passes_with_the_least_number_of_votes(bad: int, least: int) -> None:
    """So many bad votes need so many in all: one fewer waits, and says that one more is needed."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(least - 1, bad), series="ttfa")
    before = trial.judged()
    assert before.verdicts[0].word is Word.WAIT
    assert not before.certified
    assert before.waiting_for == before.verdicts[0].reason
    assert before.verdicts[0].missing is not None
    trial.fold(counts(1), series="ttfa")
    after = trial.judged()
    assert after.verdicts[0].word is Word.PASS
    assert after.certified
    assert not after.waiting_for


def test_what_is_missing_is_enough() -> None:
    """With as many more listeners as it says, as bad as those before, it passes; with a tenth fewer it does not."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(50, 2), series="ttfa")
    missing = trial.verdict().missing
    assert missing is not None
    share = 0.04
    short = Trial(planned(TTFA))
    short.fold(counts(50, 2), series="ttfa")
    fewer = int(missing * 0.9)
    short.fold(counts(fewer, fewer * share), series="ttfa")
    assert short.verdict().word is Word.WAIT
    trial.fold(counts(missing, missing * share), series="ttfa")
    assert trial.verdict().word is Word.PASS


def test_every_gate_must_pass() -> None:
    """One gate without proof keeps the stage from being certified; one that only warns does not."""
    for action, certified in (("rollback", False), ("warn", True)):
        trial = Trial(planned(TTFA | {"failures": {"kind": "failure", "on_breach": action}}))
        trial.fold(counts(60), series="ttfa")
        assert trial.judged().certified is certified


def test_an_outage_of_both_arms_is_nobodys_breach() -> None:
    """Both arms slow: no rollback, but a hold that says so, and no certificate."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(20, 8), counts(200, 80), times=8)
    judged = trial.judged()
    assert not judged.breaches
    assert [(doubt.code, doubt.gate) for doubt in judged.doubts] == [("common_cause", "ttfa")]
    assert "the cause is common to both" in judged.doubts[0].reason
    assert judged.verdicts[0].word is Word.HOLD
    assert not judged.certified


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_an_outage_of_both_arms_is_not_held_against_the_next_stage(stage: int) -> None:
    """Whoever goes on in spite of it is not rolled back for it, before the next stage had a turn nor at its first."""
    trial = Trial(planned(TTFA | {"failures": {"kind": "failure", "fast": {"at_most": "10%"}}}))
    trial.fold(counts(20, 8), counts(200, 80), times=8)
    trial.enter(stage)
    judged = trial.judged(share_bp=5000)
    assert not judged.breaches
    assert not judged.doubts
    trial.fold(counts(100, 2))
    assert not trial.judged(share_bp=5000).breaches
    trial.fold(counts(100, 40), times=4)
    assert trial.judged(share_bp=5000).breaches


def test_a_candidate_that_is_only_worse_is_not_rolled_back() -> None:
    """Worse than the baseline but within the limit: no breach without a regression gate, and no pass either."""
    trial = Trial(planned(FAILURES))
    trial.fold(counts(200, 7), counts(2000, 4), times=6)
    judged = trial.judged()
    assert not judged.breaches
    assert not judged.certified
    assert "worse than the baseline" in judged.waiting_for
    regression = FAILURES | {"rise": {"kind": "regression", "of": "failures", "on_breach": "hold"}}
    trial = Trial(planned(regression))
    trial.fold(counts(200, 7), counts(2000, 4), times=6)
    assert [(one.gate, one.how, one.action) for one in trial.judged().breaches] == [
        ("rise", "regression", OnBreach.HOLD)
    ]


def test_without_a_baseline_the_limit_alone_decides() -> None:
    """A few stragglers of the baseline do not hide a bad candidate: it must be there in half of the blocks."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(50, 20), counts(3, 1), series="ttfa")
    trial.fold(counts(50, 20), times=3, series="ttfa")
    assert [one.gate for one in trial.judged().breaches] == ["ttfa"]


def test_gates_are_proof_together() -> None:
    """None alone, but all together: a joint breach that names those who contribute, with the most severe action."""
    gates = {
        "failures": {"kind": "failure", "on_breach": "step_back"},
        "fallback": {"kind": "fallback", "on_breach": "rollback"},
        "underflow": {"kind": "underflow", "on_breach": "step_back"},
        "ttfa": {"kind": "latency", "over": "6s", "on_breach": "rollback"},
    }
    trial = Trial(planned(gates))
    trial.fold(counts(100, 40), series="failures", times=4)
    trial.fold(counts(100, 40), series="underflow", times=4)
    trial.fold(counts(100), series="fallback", times=4)
    judged = trial.judged()
    (breach,) = judged.breaches
    assert (breach.gate, breach.action) == ("joint", OnBreach.STEP_BACK)
    assert breach.reason.startswith("failures: 160 of 400 turns failed (40 %, at most 5 %); underflow: ")
    assert judged.joint["slo"] > judged.joint["slo_line"] == pytest.approx(100)


def test_gates_that_only_hold_or_warn_are_judged_for_themselves() -> None:
    """They take nothing from the budget of the others, and ask for no more than they may."""
    gates = TTFA | {
        "failures": {"kind": "failure", "on_breach": "hold"},
        "underflow": {"kind": "underflow", "on_breach": "warn"},
    }
    trial = Trial(planned(gates))
    assert trial.terms.gates["ttfa"].weight == 1.0
    trial.fold(counts(100, 40), series="failures", times=5)
    trial.fold(counts(100, 40), series="underflow", times=5)
    assert [(one.gate, one.action) for one in trial.judged().breaches] == [
        ("failures", OnBreach.HOLD), ("underflow", OnBreach.WARN),
    ]  # fmt: skip


def test_one_character_alone_is_taken_out() -> None:
    """One of three fails, the others do not: it is named, and nobody else is touched."""
    trial = Trial(planned(DROP, stages=STAGES))
    bad, good = counts(10, 8), counts(10)
    trial.fold(counts(30, 8), counts(30, 1), times=5, characters={"anna": good, "bo": bad, "cy": good})
    breach = trial.judged().breaches[0]
    assert (breach.action, breach.how, breach.character) == (OnBreach.DROP_COHORT, "alone", "bo")
    assert "40 of 50 bo's turns failed" in breach.reason
    assert all(one.action is OnBreach.DROP_COHORT for one in trial.judged().breaches)
    assert not trial.judged(dropped=("bo",)).breaches or trial.judged(dropped=("bo",)).breaches[0].character != "bo"


def test_what_is_nobodys_alone_rolls_back() -> None:
    """All characters fail: the gate that would take one out rolls back."""
    trial = Trial(planned(DROP, stages=STAGES))
    bad = counts(10, 4)
    trial.fold(counts(30, 12), counts(30, 1), times=8, characters={"anna": bad, "bo": bad, "cy": bad})
    breaches = trial.judged().breaches
    assert {one.action for one in breaches} == {OnBreach.ROLLBACK}
    assert "not one character's alone" in breaches[0].reason


def test_what_is_nobodys_alone_does_what_the_plan_says_otherwise() -> None:
    """A gate that would take a character out may ask for a step back where all of them break it."""
    gates = {"failures": {"kind": "failure", "on_breach": "drop_cohort", "otherwise": "step_back"}}
    trial = Trial(planned(gates, stages=STAGES))
    bad = counts(10, 4)
    trial.fold(counts(30, 12), counts(30, 1), times=8, characters={"anna": bad, "bo": bad, "cy": bad})
    assert {one.action for one in trial.judged().breaches} == {OnBreach.STEP_BACK}


def test_what_is_judged_for_nobody_alone_does_what_the_plan_says_otherwise() -> None:
    """A gate that only compares the arms knows no characters: asked to take one out, it does the other thing."""
    gates = FAILURES | {"rise": {"kind": "regression", "of": "failures", "on_breach": "drop_cohort"}}
    trial = Trial(planned(gates))
    trial.fold(counts(200, 7), counts(2000, 4), times=6)
    assert [(one.gate, one.action) for one in trial.judged().breaches] == [("rise", OnBreach.ROLLBACK)]


def test_the_only_character_is_not_alone_among_others() -> None:
    """Where one character is all there is, its failures are the candidate's: nobody is taken out."""
    gates = {"failures": {"kind": "failure", "on_breach": "drop_cohort", "otherwise": "step_back"}}
    trial = Trial(planned(gates, stages=STAGES))
    trial.fold(counts(30, 12), counts(30, 1), times=8, characters={"bo": counts(30, 12)})
    assert {one.action for one in trial.judged().breaches} == {OnBreach.STEP_BACK}


FAST_DROP: dict[str, Any] = {
    "failures": {"kind": "failure", "on_breach": "drop_cohort", "otherwise": "step_back", "fast": {"at_most": "10%"}},
    "rise": {"kind": "regression", "of": "failures"},
}


def minute(trial: Trial, **bad: int) -> Look:
    """An open minute in which each of three characters had twenty turns, and so many of them failed."""
    those = {name: counts(20, bad.get(name, 0)) for name in ("anna", "bo", "cy")}
    number = trial.numbers.get("failures/fast", 0)
    seen = block("failures/fast", number, counts(60, sum(bad.values())), counts(60), characters=those)
    return Look(degradation="ok", minutes={"failures/fast": seen})


def test_one_character_alone_is_taken_out_within_seconds() -> None:
    """A third of all turns fail at once, all of them one character's: it is taken out, the others stay."""
    trial = Trial(planned(FAST_DROP, stages=STAGES))
    (breach,) = trial.judged(minute(trial, bo=20)).breaches
    assert (breach.action, breach.how, breach.character) == (OnBreach.DROP_COHORT, "alone", "bo")
    assert breach.reason.startswith("failures: 20 of 20 bo's turns failed (100 %, at most 5 %), the others are fine")


@pytest.mark.parametrize("bad", [{"anna": 7, "bo": 7, "cy": 6}, {"anna": 10, "bo": 10}])
def test_what_is_nobodys_alone_rolls_back_within_seconds(bad: dict[str, int]) -> None:
    """A third of all turns fail at once, of two characters or of all: everything goes back."""
    trial = Trial(planned(FAST_DROP, stages=STAGES))
    assert [one.action for one in trial.judged(minute(trial, **bad)).breaches] == [OnBreach.ROLLBACK]


def test_what_one_character_explains_does_not_roll_back() -> None:
    """The rise of all failures is proved as well, but it is one character's: only that one is taken out."""
    trial = Trial(planned(FAST_DROP, stages=STAGES))
    bad, good = counts(20, 20), counts(20)
    trial.fold(counts(60, 20), counts(60), times=6, characters={"anna": good, "bo": bad, "cy": good})
    assert trial.judged().joint["regression"] > trial.judged().joint["regression_line"]
    assert {(one.action, one.character) for one in trial.judged().breaches} == {(OnBreach.DROP_COHORT, "bo")}
    trial.book = reopened(trial.plan, trial.terms, trial.book, character="bo")
    assert not trial.judged(dropped=("bo",)).breaches


def test_without_the_character_the_rollout_goes_on() -> None:
    """Once it is out and everything is counted anew, the others are certified."""
    trial = Trial(planned(DROP, stages=STAGES))
    trial.fold(counts(30, 10), counts(30), times=5, characters={"bo": counts(10, 10), "anna": counts(20)})
    trial.book = reopened(trial.plan, trial.terms, trial.book, character="bo")
    trial.fold(counts(30, 10), counts(30), characters={"bo": counts(10, 10), "anna": counts(20)})
    trial.fold(counts(20), counts(30), times=2, characters={"anna": counts(20)})
    judged = trial.judged(dropped=("bo",))
    assert not judged.breaches
    assert judged.certified


@pytest.mark.parametrize(
    ("look", "word"),
    [
        (Look(degradation="ok"), Word.PASS),
        (Look(degradation="fast"), Word.PASS),
        (Look(degradation="unknown"), Word.PASS),
        (Look(degradation="emergency"), Word.WAIT),
    ],
)
def test_the_server_must_be_quiet(look: Look, word: Word) -> None:
    """The worst state that is still quiet is quiet; a worse one waits until it has lasted."""
    trial = Trial(planned({"quiet": {"kind": "quiet", "on_breach": "rollback", "for_s": "60s"}}))
    trial.book = watched(trial.plan, trial.terms, trial.book, look, 100.0)
    assert trial.judged(look, now=130.0).verdicts[0].word is word
    assert not trial.judged(look, now=130.0).breaches
    late = trial.judged(look, now=160.0).breaches
    assert [one.action for one in late] == ([OnBreach.ROLLBACK] if word is Word.WAIT else [])


def test_alerts_that_cannot_be_asked_for_are_a_doubt() -> None:
    """A Prometheus that does not answer is no breach and no pass; firing alerts are a breach in the end."""
    trial = Trial(planned({"quiet": {"kind": "quiet", "alerts": "http://prometheus", "for_s": "10s"}}))
    unseen = trial.judged(Look(degradation="ok", alerts=None))
    assert [doubt.code for doubt in unseen.doubts] == ["source"]
    assert unseen.verdicts[0].word is Word.WAIT
    firing = Look(degradation="ok", alerts=("HighLatency",))
    trial.book = watched(trial.plan, trial.terms, trial.book, firing, 0.0)
    (breach,) = trial.judged(firing, now=10.0).breaches
    assert breach.reason == "quiet: alerts fire: HighLatency, for 10 s by now (at most 10 s)."


def test_memory_may_not_grow() -> None:
    """From the memory at the start of the attempt, by so much and no more."""
    plan = planned({"memory": {"kind": "memory", "grow_at_most": "100%", "for_s": "0s"}})
    trial = Trial(plan, settle(plan, memory_bytes=100 * 1024 * 1024))
    assert not trial.judged(Look(memory_bytes=200 * 1024 * 1024)).breaches
    (breach,) = trial.judged(Look(memory_bytes=300 * 1024 * 1024)).breaches
    assert "grew by 200 % since the rollout began, from 100 to 300 MiB (at most 100 %)" in breach.reason


def test_silence_is_told_with_its_age() -> None:
    """A candidate that says nothing for too long is doubted, and so is one that never spoke."""
    trial = Trial(planned(TTFA, verdict={"stale_after": "10m"}))
    assert not trial.judged(QUIET, now=599.0).doubts
    (never,) = trial.judged(Look(baseline_at=1190.0), now=1200.0).doubts
    assert never.code == "no_data"
    assert never.reason == "The candidate has not spoken since the stage began 20 min ago; the baseline did 10 s ago."
    (stale,) = trial.judged(Look(candidate_at=600.0), now=1200.0).doubts
    assert (stale.code, stale.reason) == ("stale", "The candidate last spoke 10 min ago; neither did the baseline.")
    assert not trial.judged(QUIET, now=9999.0, share_bp=0).doubts


def test_wrong_shares_are_doubted() -> None:
    """Far too few listeners with the candidate: nothing can be compared until somebody looks."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(0), counts(100), times=4, series=LISTENERS)
    codes = {doubt.code: doubt.reason for doubt in trial.judged().doubts}
    assert "0 of 400 new listeners got the candidate (0 %, meant were 5 %)" in codes["routing"]


def test_nobody_in_the_stage_proves_nothing() -> None:
    """With a share of nothing, gates on turns say so and only the server itself must be quiet."""
    trial = Trial(planned(TTFA | {"quiet": {"kind": "quiet"}}))
    judged = trial.judged(share_bp=0)
    assert judged.verdicts[0].reason == "ttfa: nobody hears the candidate in this stage."
    assert judged.certified
    assert not trial.judged(Look(degradation="emergency"), share_bp=0).certified


def test_looking_changes_nothing() -> None:
    """The same book and look give the same judgement, however often; the open minute is looked at and not kept."""
    trial = Trial(planned({"failures": {"kind": "failure", "fast": {"at_most": "10%"}}}))
    trial.fold(counts(20, 1), counts(100, 1), times=3)
    minute = Block(0, "failures/fast", 3, 180.0, 240.0, counts(30, 28), counts(300, 3))
    book = trial.book
    looks = [trial.judged(Look(degradation="ok", minutes={"failures/fast": minute})) for _ in range(3)]
    assert looks[0] == looks[1] == looks[2]
    assert [one.how for one in looks[0].breaches] == ["fast tier"]
    assert trial.book is book
    assert not trial.judged().breaches


def test_means_pass_and_break() -> None:
    """A mean is judged like a share of its cap, and told in seconds."""
    gates = {"synthesis": {"kind": "mean", "at_most": "2s", "cap": "10s"}}
    trial = Trial(planned(gates))
    trial.fold(counts(20, 2.4), times=8, series="synthesis")
    verdict = trial.verdict("synthesis")
    assert verdict.word is Word.WAIT
    assert verdict.value == pytest.approx(1.2)
    assert verdict.limit == pytest.approx(2.0)
    assert verdict.missing is not None
    assert verdict.missing % 20 == 0
    trial.fold(counts(20, 2.4), times=verdict.missing // 20, series="synthesis")
    assert trial.verdict("synthesis").word is Word.PASS
    trial.fold(counts(20, 12), times=12, series="synthesis")
    (breach,) = trial.judged().breaches
    assert "synthesis took" in breach.reason
    assert "(at most 2 s)" in breach.reason


def test_a_regression_gate_needs_both_arms() -> None:
    """It waits for enough of both, passes when nothing speaks against it, and has nothing to say without a baseline."""
    trial = Trial(planned(TTFA | {"slower": {"kind": "regression", "of": "ttfa"}}))
    trial.fold(counts(30, 1), counts(100, 4))
    assert trial.verdict("slower").word is Word.WAIT
    assert trial.verdict("slower").missing == 6
    trial.fold(counts(30, 1), counts(100, 4))
    assert trial.verdict("slower").word is Word.PASS
    alone = trial.judged(share_bp=10_000).verdicts[1]
    assert "nobody hears the baseline" in alone.reason


def test_an_old_suspicion_fades() -> None:
    """After an outage that was common to both arms the gate passes again within two hours of good blocks."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(20, 18), counts(200, 180), times=300)
    assert trial.judged().doubts
    trial.fold(counts(20, 0.2), counts(200, 2), times=120)
    assert not trial.judged().doubts
    trial.enter(1)
    trial.fold(counts(50), counts(200))
    assert trial.judged().certified
