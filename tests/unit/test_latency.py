"""The latency audit: what counts in which stage, what a turn that never sounded is, and what is promised."""

from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from segue.operations.report import Level, Report
from segue.operations.watching.latency import PROOF, Taken, audit, checks, curve, taken
from segue.operations.watching.latency_text import markdown
from segue.operations.watching.monitor import promised
from segue.operations.watching.portrait import page
from segue.records import AttemptOutcome, Mark, Outcome, TurnRecord
from tests.records import SPOKEN, broken, turn

PROMISED = promised(None)


def times(records: Iterable[TurnRecord]) -> list[Taken]:
    """What these records tell of time."""
    return [found for record in records if (found := taken(record)) is not None]


def audited(*records: TurnRecord) -> dict[str, Any]:
    """The audit of these records."""
    return audit(times(records), PROMISED)


def judged(*records: TurnRecord) -> dict[str, Level]:
    """How each check came out."""
    return {each.name: each.level for each in checks(times(records), PROMISED)}


def test_the_stages_make_up_the_first_sound() -> None:
    """The four stages of a turn follow one another, and their sum is the time to the first sound."""
    stages = audited(turn(ttfa=900.0, first_tts=300.0))["slowest"][0]["stages"]

    assert stages == {
        "first_token": 100.0, "first_sentence": 500.0, "first_tts": 300.0, "send": 0.0, "ttfa": 900.0, "total": 1900.0,
    }  # fmt: skip


def test_a_turn_that_never_sounded_is_slower_than_any() -> None:
    """A tenth that failed without a sound makes the 95th percentile endless, and never better."""
    ttfa = audited(*[turn()] * 90, *[broken()] * 10)["all"]["stages"]["ttfa"]

    assert (ttfa["n"], ttfa["never"]) == (100, 10)
    assert (ttfa["p50_ms"], ttfa["p95_ms"]) == (900.0, None)
    assert judged(*[turn()] * 90, *[broken()] * 10)["objective.fast.ttfa_p95_ms"] is Level.FAIL


def test_who_left_is_told_by_themselves() -> None:
    """Who cut a reply short after its first sound tells how late that was; who left before it is counted apart."""
    heard = turn(ttfa=700.0, outcome=Outcome.CANCELLED)
    gone = turn(outcome=Outcome.ABANDONED, marks={Mark.REQUEST.value: 0.0})
    told = audited(*[turn()] * 80, *[heard] * 10, *[gone] * 10)["all"]

    assert (told["cut_short"], told["left_before_sound"], told["silent"]) == (0.2, 10, 0)
    assert told["stages"]["ttfa"]["n"] == 90
    assert told["stages"]["total"]["n"] == 80
    assert told["stages"]["ttfa"]["p95_ms"] == 900.0
    assert told["stages"]["ttfa"]["p95_at_worst_ms"] is None


@pytest.mark.parametrize(
    ("slow", "n", "level"),
    [
        (0, 10, Level.NO_DATA),
        (0, 40, Level.PASS),
        (0, PROOF, Level.PASS),
        (7, 100, Level.WARN),
        (20, 100, Level.FAIL),
        (9, 10, Level.FAIL),
    ],
)
def test_a_promise_is_missed_only_with_proof(slow: int, n: int, level: Level) -> None:
    """Few turns say nothing good, a missed 95th percentile is a failure only where its bound misses it too."""
    records = [turn(ttfa=9000.0)] * slow + [turn()] * (n - slow)

    assert judged(*records)["objective.fast.ttfa_p95_ms"] is level


def test_proof_is_said() -> None:
    """From 59 turns on a kept promise is proved; before, it is said that it is not."""
    for n, word in ((PROOF - 1, "not proved"), (PROOF, ": proved")):
        found = checks(times([turn()] * n), PROMISED)
        assert word in next(check.reason for check in found if check.name == "objective.fast.ttfa_p95_ms")


def test_promises_are_about_chat_turns_of_their_own_profile() -> None:
    """A text that is read out was promised nothing, and tries of the server count nowhere."""
    records = [turn(kind="speech")] * 60
    assert judged(*records)["objective.fast.ttfa_p95_ms"] is Level.NOT_MEASURED
    assert audited(*records)["all"]["turns"] == 60
    assert taken(turn(kind="probe")) is None
    assert judged() == {"turns": Level.NO_DATA}


def test_attempts_and_underflow_are_shares() -> None:
    """Failed attempts count by attempt, cached ones not at all; dry turns among those that sounded."""
    failed = replace(SPOKEN, outcome=AttemptOutcome.FAILED)
    cached = replace(SPOKEN, outcome=AttemptOutcome.CACHED)
    levels = judged(*[turn(attempts=(failed, SPOKEN, cached))] * 40)

    assert levels["objective.fast.tts_error_share"] is Level.FAIL
    assert levels["objective.fast.underflow_share"] is Level.PASS


def test_who_spoke_is_who_was_heard_first() -> None:
    """A turn belongs to the provider that spoke its beginning, not to the one that was asked first."""
    rescued = turn(
        first_choice="google",
        attempts=(
            replace(SPOKEN, provider="google", outcome=AttemptOutcome.FAILED),
            replace(SPOKEN, provider="espeak"),
        ),
    )

    assert [row["value"] for row in audited(rescued)["groups"]["provider"]] == ["espeak"]
    assert [row["value"] for row in audited(turn())["groups"]["hour"]] == ["2023-11-14 22:00Z"]


def test_a_curve_ends_below_one_where_turns_never_came() -> None:
    """The share is one of all turns, so those that never sounded keep the curve from its top; long ones are thinned."""
    assert curve([100.0, 300.0, None, None]) == [(100.0, 0.25), (300.0, 0.5)]
    long = curve(float(ms) for ms in range(100_000))
    assert len(long) < 500
    assert long[-1] == (99_999.0, 1.0)


class Seen(HTMLParser):
    """What a page is made of: its elements must be closed in order, and it may fetch and run nothing."""

    SHAPES = ("line", "path", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        assert tag not in ("script", "link", "img", "iframe")
        assert not {name for name, _ in attrs} & {"src", "href", "onload"}
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        assert not attrs or tag in self.SHAPES
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See `HTMLParser`."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("records", [[], [broken()] * 3, [turn(variant="<b>&", turn="a|b"), turn(ttfa=9000.0)]])
def test_the_page_stands_alone(records: list[TurnRecord]) -> None:
    """The page is well-formed with and without turns, fetches nothing, and takes no name for markup."""
    told = audited(*records)
    report = Report("latency-audit", "here <&>", 0, 1, checks(times(records), PROMISED))
    seen, text = Seen(), page(told, report)
    seen.feed(text)

    assert seen.open == []
    assert seen.tags.count("svg") == 3
    assert "<b>&<" not in text
    rows = [line for line in markdown(told, report).splitlines() if line.startswith("|")]
    assert all(row.replace("\\|", "").count("|") > 2 for row in rows)
