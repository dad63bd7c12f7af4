"""Prints the page about degradation: its tables are those that the code judges by."""

from collections.abc import Iterator, Mapping, Sequence

from docs.printers.markdown import NONE, page, table
from segue.vendors.degradation import WORDS, DegradationSettings, ProfileSettings, ProfilesSettings
from segue.voice.degradation import EFFECTS, NO_EFFECT, RANK, RULES, Axis, Effect, Figure, Rule, State, Word
from segue.voice.degradation_texts import amount, number
from segue.voice.profiles import Objective

SETTINGS = DegradationSettings()

AXES: Mapping[Axis, str] = {Axis.MODEL: "language model", Axis.SYNTHESIS: "synthesis"}

FIGURES: Mapping[Figure, str] = {
    Figure.TTFA_P95_MS: "95th percentile of TTFA",
    Figure.FIRST_TTS_P95_MS: "95th percentile of the first sentence's synthesis",
    Figure.FAILED_SHARE: "share of failed turns",
    Figure.FAILED_IN_A_ROW: "turns that failed one after another",
}

DID: Mapping[Word, str] = {
    Word.ENTERED: "the state became worse",
    Word.LEFT: "the state became better",
    Word.ENTERING: "a figure is over a limit, but not for long enough yet",
    Word.LEAVING: "the figure is well under its limit, but not for long enough yet",
    Word.INSUFFICIENT_DATA: "a figure has too few turns behind it, so its rules stay as they are",
    Word.STEADY: "nothing is about to change",
}

_OPENING = """
A voice that answers after ten seconds is worse than a plainer one that answers after two. Segue therefore watches how
long its listeners wait, says so, and does something about it by itself: on the server, for every listener and every
client, and not in one browser tab.

Two things are judged apart, because they fail apart and have different remedies: the **language model**, by the time
to first audio ([TTFA](first-audible.md)), and the **synthesis**, by the time from the first sentence to its first
audible sound. `GET /api/voice/degradation_status` tells how both are, why, since when, by which figures, and what has
to happen for that to change; the page shows it as badges. The state of the whole is that of the worse axis, and being
`unknown` is worse than being `ok`.
"""

_EFFECTS = """
A turn reads this once, when it begins. A turn that gets something else than it asked for is told with a `degraded`
event, and its record says so too.
"""

_LATCHES = """
Each line of the first table is a latch of its own. It closes when its figure has been over its limit for {enter} s,
and opens when the figure has been under {ratio} % of the limit for {leave} s. The state of an axis is that of its
worst closed latch. From this follows:

- **Exactly at a limit nothing changes.** Between {ratio} % of a limit and the limit a state stays what it is, so a
  figure that swings around a limit does not make the state flap.
- **Too few turns say nothing.** With fewer than {turns} of them in the window of {window} s a latch stays as it is,
  the time that passes does not count, and the status says `insufficient_data`. A quiet hour neither heals nor breaks
  anything. One figure needs no {turns} turns, because it is its own number of samples: more than {row} failures one
  after another mean that every provider fails.
- **Nothing is taken for good before it was seen.** A process begins as `unknown` and becomes `ok` only when each of
  its figures was judged. The window is not kept over a restart.
- **What comes back is held longer.** A latch that closes again within {longest} s after it opened needs twice as long
  to open the next time, up to {longest} s. That bounds how often a remedy can end the trouble it was taken for, be
  lifted, and bring the trouble back.
"""

_COUNTED = """
- **TTFA** is judged by chat turns that asked for the default profile. Turns that chose the other one are slower or
  faster by their own choice, and they are the ones whose profile the remedy changes: if they counted, fast mode would
  bring the figure down, be left, bring quality back, and be entered again. Where `quality` is itself the default, the
  remedy does change the turns that are judged; then the growing hold keeps the state from flapping.
- **Latencies** are those of turns that completed. There is one more kind: a listener who gives up before any sound,
  after waiting longer than the lowest limit, counts with the time waited. Otherwise a model that nobody waits for
  would have no figure at all, and look well.
- **A failure** counts on the axis that caused it: on synthesis when a sentence was tried in vain, else on the
  language model. A turn that its listener interrupted or left is neither a failure nor a success, and neither is one
  that its caller's own request made fail. A sentence from the audio cache says nothing about a synthesizer.
- **The percentile** is the nearest rank over the turns themselves, not a reading of histogram edges: it is a latency
  that a listener really had. At most {keep} of the newest turns are kept.
- Once another synthesizer has first place, it is the one that is measured. When it does well the first one gets its
  place back after the hold, and where it is still slow it loses the place again, for twice as long.
"""

_PROFILES = """
Each profile promises something, and the status tells each promise beside what was measured over the profile's own
turns: `met` (exactly at the limit included), `missed`, or `insufficient_data` below {turns} samples. These are for
people and for gates; they change no state.
"""

_SWITCH = """
When speech should not begin at all, `POST /api/voice/switch` with `{"enabled": false, "reason": "…"}` turns it off
without a restart. New turns are refused with 503 and the code `voice_disabled`, over a socket with an `error` event
of that code; a client that sends `allow_whole` gets the same turn as one answer that is not streamed. Running turns
finish. The switch is kept in the data folder, so that what was turned off stays off after a restart; `kept` in the
answer says whether that worked.

The environment variable `VOICE_STREAM_ENABLED` (or the setting `voice.stream_enabled`) can turn speech off as well,
and only off: while it says no, the live switch cannot turn it on. It may say %s, in whatever letter case; any other
word stops the start.
"""


def degradation_page(note: str) -> str:
    """States and their rules, what they do, what of a turn counts, what profiles promise, and the kill switch."""
    latches = _LATCHES.format(
        enter=number(SETTINGS.enter_s),
        leave=number(SETTINGS.leave_s),
        ratio=number(SETTINGS.leave_ratio * 100),
        turns=SETTINGS.min_turns,
        window=number(SETTINGS.window_s),
        row=SETTINGS.failed_in_a_row,
        longest=number(SETTINGS.longest_leave_s),
    )
    words = ", ".join(f"`{word}`" for word in WORDS)
    return page(
        "# When replies become slow or fail",
        note,
        _OPENING,
        "## States",
        table(["axis", "state", "entered over", "left under", "figure"], map(_rule, RULES)),
        "The limits are settings; these are the defaults.",
        "## What a state does",
        _EFFECTS,
        table(["axis", "state", "badge", "what a turn gets"], _effects()),
        "## How a state is entered and left",
        latches,
        "Every judgement has a word:",
        table(["judgement", "what happened"], [[f"`{word}`", DID[word]] for word in Word]),
        "## What counts",
        _COUNTED.format(keep=number(SETTINGS.keep_turns)),
        "## What the profiles promise",
        _PROFILES.format(turns=SETTINGS.min_turns),
        table(["promise", "fast", "quality"], _promises()),
        "## The kill switch",
        _SWITCH % words,
    )


def _rule(rule: Rule) -> Sequence[str]:
    limit = rule.limit_in(SETTINGS)
    left = amount(rule.figure, limit * SETTINGS.leave_ratio)
    return [AXES[rule.axis], f"`{rule.state}`", amount(rule.figure, limit), left, FIGURES[rule.figure]]


def _effects() -> Iterator[Sequence[str]]:
    for axis, name in AXES.items():
        reached = {rule.state for rule in RULES if rule.axis is axis}
        for state in sorted({State.OK, State.UNKNOWN, *reached}, key=RANK.__getitem__):
            effect = EFFECTS.get((axis, state), NO_EFFECT)
            yield [name, f"`{state}`", effect.badge or NONE, _done(effect)]


def _done(effect: Effect) -> str:
    done = []
    if effect.forced_profile:
        done.append(f"the `{effect.forced_profile}` profile, whatever it asks for")
    elif effect.default_profile:
        done.append(f"the `{effect.default_profile}` profile, unless it names another")
    if effect.rotate_synthesizers:
        done.append("the second synthesizer first, and the first one last")
    return "; ".join(done) or "what it asks for"


def _promises() -> Iterator[Sequence[str]]:
    profiles = ProfilesSettings()
    for objective in Objective:
        meaning = (ProfileSettings.model_fields[objective].description or "").rstrip(".")
        limits = [float(getattr(profile, objective)) for profile in (profiles.fast, profiles.quality)]
        share = objective.endswith("_share")
        yield [meaning, *(f"{number(limit * 100)} %" if share else f"{number(limit)} ms" for limit in limits)]
