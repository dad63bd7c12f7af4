"""Settings of degradation, of what each profile promises, and of the kill switch."""

from typing import Annotated

from pydantic import Field, model_validator

from segue.section import Count, Seconds, Section

Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]

VARIABLE = "VOICE_STREAM_ENABLED"
"""The environment variable that can keep spoken replies off."""
WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
"""What may stand in it, in whatever letter case."""


def stream_enabled(word: str | None) -> bool:
    """What the text of the variable means; absent means on.

    Raises:
        ValueError: it is none of the words; the message names the variable and what may stand in it.
    """
    if word is None:
        return True
    try:
        return WORDS[word.strip().lower()]
    except KeyError:
        known = ", ".join(WORDS)
        raise ValueError(f"{VARIABLE}={word!r} says neither on nor off; use one of {known}.") from None


class DegradationSettings(Section):
    """When the language model or the synthesis counts as slow or broken, and when it is well again."""

    window_s: Seconds = 600.0
    """Turns that ended within this time are judged."""
    min_turns: Count = 30
    """With fewer turns in the window a figure says nothing: the state stays as it is."""
    keep_turns: Count = 5000
    """At most this many of the newest turns are kept."""
    enter_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30.0
    """A state is entered when its figure has been over its limit for this long."""
    leave_s: Seconds = 300.0
    """A state is left when its figure has been well under its limit for this long."""
    leave_ratio: Share = 0.8
    """Well under the limit means under this share of it."""
    longest_leave_s: Seconds = 1800.0
    """A state that comes back within this time after it was left needs twice as long to be left again, but never longer
    than this."""
    ttfa_slow_ms: Milliseconds = 5000.0
    """95th percentile of TTFA over which the language model is `slow`."""
    ttfa_fast_ms: Milliseconds = 8000.0
    """95th percentile of TTFA over which only the `fast` profile is given."""
    first_tts_slow_ms: Milliseconds = 2000.0
    """95th percentile of the first sentence's synthesis over which synthesis is `slow`."""
    first_tts_degraded_ms: Milliseconds = 4000.0
    """95th percentile of the first sentence's synthesis over which synthesis is `degraded`."""
    failed_share: Share = 0.1
    """Share of failed turns over which it is an `emergency`."""
    failed_in_a_row: Count = 5
    """More turns than this that fail one after another are an `emergency`, however few turns there are: every provider
    is failing."""

    @model_validator(mode="after")
    def _the_steps_rise(self) -> "DegradationSettings":
        if self.ttfa_slow_ms >= self.ttfa_fast_ms:
            raise ValueError("ttfa_slow_ms must be below ttfa_fast_ms")
        if self.first_tts_slow_ms >= self.first_tts_degraded_ms:
            raise ValueError("first_tts_slow_ms must be below first_tts_degraded_ms")
        if self.keep_turns < self.min_turns:
            raise ValueError("keep_turns must not be below min_turns")
        if self.longest_leave_s < self.leave_s:
            raise ValueError("longest_leave_s must not be below leave_s")
        return self


class AutoPromoteSettings(Section):
    """Which language models of a profile may be asked first, by what was measured of them.

    `segue policy update` keeps it up to date; whoever writes it by hand is believed.
    """

    enforce: bool = False
    """Whether models that are not qualified stand behind those that are; otherwise the order is as it is written."""
    ttfa_p95_ms: Milliseconds | None = None
    """A model qualifies where the 95th percentile of its TTFA is proved to be at most this; what the profile promises
    when absent."""
    min_turns: Annotated[int, Field(ge=59)] = 59
    """With fewer turns nothing is said of a model; the 95th percentile of fewer than 59 has no upper bound."""
    qualified: tuple[str, ...] = ()
    """Models that have shown it."""

    @model_validator(mode="after")
    def _each_once(self) -> "AutoPromoteSettings":
        if len(set(self.qualified)) < len(self.qualified):
            raise ValueError("qualified: name each model once")
        return self


class ProfileSettings(Section):
    """What a profile is made of and what it promises, judged over its own turns of the latest `window_s`."""

    models: tuple[str, ...] = ()
    """Language models, the first choice first; the configured ones when empty."""
    ttfa_p95_ms: Milliseconds = 5000.0
    """95th percentile of TTFA."""
    total_p95_ms: Milliseconds = 9000.0
    """95th percentile of the time from the request to the end of its reply."""
    first_tts_p95_ms: Milliseconds = 2000.0
    """95th percentile of the time from the first sentence to its first audible audio."""
    underflow_share: Share = 0.01
    """Share of turns in which a listener at normal speed waits in mid-reply."""
    tts_error_share: Share = 0.005
    """Share of attempts at a sentence that failed."""
    window_s: Seconds = 600.0
    """Turns that ended within this time count."""
    auto_promote: AutoPromoteSettings = AutoPromoteSettings()

    @model_validator(mode="after")
    def _promotion_keeps_the_promise(self) -> "ProfileSettings":
        limit = self.auto_promote.ttfa_p95_ms
        if limit is not None and limit > self.ttfa_p95_ms:
            raise ValueError("auto_promote.ttfa_p95_ms must not be over ttfa_p95_ms: that is what is promised")
        if self.models and (strange := set(self.auto_promote.qualified) - set(self.models)):
            raise ValueError(f"auto_promote.qualified: {', '.join(sorted(strange))} is not among models")
        return self

    def order(self, models: tuple[str, ...]) -> tuple[str, ...]:
        """The models of this profile, the first choice first; `models` are those of a profile that names none."""
        written = self.models or models
        if not self.auto_promote.enforce:
            return written
        return tuple(sorted(written, key=lambda model: model not in self.auto_promote.qualified))


class ProfilesSettings(Section):
    """The two profiles."""

    fast: ProfileSettings = ProfileSettings()
    """Answer soon."""
    quality: ProfileSettings = ProfileSettings(ttfa_p95_ms=7000.0, total_p95_ms=12_000.0, underflow_share=0.02)
    """Answer well."""
