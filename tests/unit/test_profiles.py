"""Profiles: which one a turn gets, and whether each keeps its promises."""

from dataclasses import replace

import pytest

from segue.measures import BY_NAME
from segue.records import AttemptOutcome, Outcome, Underflow
from segue.vendors.degradation import DegradationSettings, ProfileSettings, ProfilesSettings
from segue.voice.degradation import Reading, Remedy, State, remedy
from segue.voice.profiles import FAST_PROFILE, Finding, Grant, Objective, ProfileWindow, Verdict, grant
from tests.records import SPOKEN, broken, turn

SLOW, FAST = remedy(State.SLOW, State.OK), remedy(State.FAST, State.OK)


@pytest.mark.parametrize(
    ("named", "default", "cure", "given", "told"),
    [
        (None, "fast", Remedy(), "fast", False),
        (None, "quality", Remedy(), "quality", False),
        ("quality", "fast", Remedy(), "quality", False),
        # Slow: those who leave it to the server get the fast profile, those who chose keep their choice.
        (None, "fast", SLOW, "fast", False),
        (None, "quality", SLOW, "fast", True),
        ("quality", "fast", SLOW, "quality", False),
        ("quality", "quality", SLOW, "quality", False),
        ("fast", "quality", SLOW, "fast", False),
        # Fast mode: the quality profile is off, for everybody.
        (None, "quality", FAST, "fast", True),
        ("quality", "fast", FAST, "fast", True),
        ("fast", "quality", FAST, "fast", False),
    ],
)
def test_the_profile_a_turn_gets(named: str | None, default: str, cure: Remedy, given: str, told: bool) -> None:
    """A turn gets the profile it asked for, unless the remedy says otherwise; then it is told."""
    granted = grant(named, default, cure)
    assert (granted.profile, granted.reason) == (given, FAST_PROFILE if told else "")
    assert bool(granted.message) is told


def test_a_grant_says_why() -> None:
    """The sentence names the profile that answers and the one that was wanted."""
    expected = "Replies are slow at present: the fast profile answers instead of quality."
    assert grant("quality", "fast", FAST) == Grant("fast", FAST_PROFILE, expected)


def found(window: ProfileWindow, now: float = 0.0) -> dict[Objective, Finding]:
    """What a window says, by objective."""
    return {finding.objective: finding for finding in window.findings(now)}


def fast(min_turns: int = 30) -> ProfileWindow:
    """A window of the fast profile."""
    return ProfileWindow(ProfilesSettings().fast, DegradationSettings(min_turns=min_turns))


def test_without_turns_nothing_is_promised_or_broken() -> None:
    """With fewer turns than needed an objective is neither met nor missed."""
    window = fast()
    assert {finding.verdict for finding in window.findings(0.0)} == {Verdict.INSUFFICIENT_DATA}
    for _ in range(29):
        window.note(turn(99_999.0), 0.0)
    assert {finding.verdict for finding in window.findings(0.0)} == {Verdict.INSUFFICIENT_DATA}
    window.note(turn(99_999.0), 0.0)
    assert found(window)[Objective.TTFA_P95_MS].verdict is Verdict.MISSED


@pytest.mark.parametrize(
    ("over", "verdict"),
    [(0.0, Verdict.MET), (1.0, Verdict.MISSED)],
)
def test_exactly_at_its_limit_a_promise_is_kept(over: float, verdict: Verdict) -> None:
    """A percentile at the objective meets it; a millisecond more misses it."""
    window = fast(1)
    record = turn(5000.0 + over, 2000.0 + over)
    window.note(replace(record, marks={**record.marks, "done": 9000.0 + over}), 0.0)
    findings = found(window)
    for objective in (Objective.TTFA_P95_MS, Objective.TOTAL_P95_MS, Objective.FIRST_TTS_P95_MS):
        assert findings[objective].verdict is verdict


def test_shares_are_of_turns_and_of_attempts() -> None:
    """Underflow is a share of the turns that were heard, errors of synthesis a share of attempts that were decided."""
    window = fast(1)
    for _ in range(98):
        window.note(turn(), 0.0)
    window.note(turn(underflow=Underflow(3, 900.0)), 0.0)
    failed = replace(SPOKEN, outcome=AttemptOutcome.FAILED, category="server")
    cancelled = replace(SPOKEN, outcome=AttemptOutcome.CANCELLED)
    cached = replace(SPOKEN, outcome=AttemptOutcome.CACHED)
    window.note(turn(attempts=(failed, SPOKEN, cancelled, cached)), 0.0)
    findings = found(window)
    assert findings[Objective.UNDERFLOW_SHARE].reading == Reading(0.01, 100)
    assert findings[Objective.UNDERFLOW_SHARE].verdict is Verdict.MET
    assert findings[Objective.TTS_ERROR_SHARE].reading == Reading(1 / 101, 101)
    assert findings[Objective.TTS_ERROR_SHARE].verdict is Verdict.MISSED


def test_interrupted_failed_and_spoiled_turns_have_no_latency() -> None:
    """Latencies are those of turns that were completed; texts that are only read out are not a profile's turns."""
    window = fast(1)
    window.note(turn(kind="speech"), 0.0)
    window.note(broken("nothing_heard"), 0.0)
    window.note(broken(), 0.0)
    assert all(finding.reading is None for finding in window.findings(0.0))
    window.note(turn(outcome=Outcome.CANCELLED), 0.0)
    findings = found(window)
    assert findings[Objective.TTFA_P95_MS].reading is None
    assert findings[Objective.UNDERFLOW_SHARE].reading == Reading(0.0, 1)


def test_each_profile_has_a_window_of_its_own_length() -> None:
    """A turn counts as long as its profile's window is."""
    window = ProfileWindow(ProfileSettings(window_s=60.0), DegradationSettings(min_turns=1))
    window.note(turn(), 0.0)
    assert found(window, 60.0)[Objective.TTFA_P95_MS].reading is not None
    assert found(window, 60.1)[Objective.TTFA_P95_MS].reading is None


def test_promises_by_default() -> None:
    """Quality may take longer and stutter twice as often; both speak their first sentence equally soon."""
    profiles = ProfilesSettings()
    told = [
        (profile.ttfa_p95_ms, profile.total_p95_ms, profile.first_tts_p95_ms, profile.underflow_share)
        for profile in (profiles.fast, profiles.quality)
    ]
    assert told == [(5000.0, 9000.0, 2000.0, 0.01), (7000.0, 12_000.0, 2000.0, 0.02)]
    assert {profiles.fast.tts_error_share, profiles.quality.tts_error_share} == {0.005}
    for profile in (profiles.fast, profiles.quality):
        assert profile.ttfa_p95_ms in BY_NAME["ttfa"].buckets
        assert profile.total_p95_ms in BY_NAME["turn"].buckets
        assert profile.first_tts_p95_ms in BY_NAME["first_tts"].buckets


def test_every_objective_is_a_setting() -> None:
    """What is judged has the name of the setting it is judged by, and every figure in the settings is judged."""
    settings = set(ProfileSettings.model_fields) - {"models", "window_s", "auto_promote"}
    assert {objective.value for objective in Objective} == settings
