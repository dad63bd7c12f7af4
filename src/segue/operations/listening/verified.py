"""What a deployment is verified by: the bytes it answers with, what it counts, and the settings it says are in force.

Values in, checks out. No label is believed that the sound does not bear out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segue.operations.listening.samples import Scene
from segue.operations.listening.take import Take
from segue.operations.listening.voiceprint import SAME_SPEAKER, SAME_TAKE, distance
from segue.operations.readiness.lineup import slug
from segue.operations.report import Check, Figure, Level
from segue.routing import Arm as Side

JITTER = 2.0
"""A voice that says a text differently each time may be so many times as far from itself as two takes of it are."""
ROLLOUT = "rollout"
"""The part of what is expected that is no setting: name, share, stage and phase of the live rollout."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a deployment: heard as listeners hear it, and twice straight from whoever it should be."""

    name: str
    language: str
    heard: Take
    straight: Sequence[Take]
    wanted: str
    """The synthesizer that should speak."""

    @property
    def base(self) -> str:
        """Begins the names of its checks."""
        return f"synthesis.{self.name}.{self.language}"

    @property
    def limit(self) -> float:
        """How far two takes of this arm may be apart."""
        apart = [each for each in [_apart(one, self.straight[0]) for one in self.straight[1:]] if each is not None]
        return max(SAME_TAKE, JITTER * max(apart, default=0.0))


@dataclass(frozen=True, slots=True)
class Kept:
    """One text spoken twice through the cache and once past it, after something else had asked for it before."""

    name: str
    language: str
    first: Take
    second: Take
    fresh: Take
    limit: float
    """How far two takes of this voice may be apart."""
    other: Take | None = None
    """Who asked for the same text just before, as somebody else; None where there is nobody else."""


def of_arm(arm: Arm) -> Iterator[Check]:
    """Whether an arm sounds like whoever it should be, and says so."""
    failed = next((take for take in (arm.heard, *arm.straight) if not take.spoke), None)
    if failed is not None:
        alone = failed.sample.provider
        who = f"{alone} asked alone" if alone else "as listeners hear it"
        category = f" ({failed.category})" if failed.category else ""
        told = f"The {arm.name} in {arm.language}, {who}, cannot be heard{category}: {failed.detail.rstrip('.')}."
        hint = "Run `segue canary` to hear all of it, and look at `segue providers`."
        yield Check(f"{arm.base}.spoken", Level.FAIL, told, {"status": failed.status}, hint)
        return
    told = f"The {arm.name} in {arm.language} is spoken by {arm.heard.provider} with {arm.heard.voice}."
    yield Check(f"{arm.base}.spoken", Level.PASS, told)
    if arm.heard.provider != arm.wanted:
        told = f"The {arm.name} in {arm.language} was to be spoken by {arm.wanted}, and {arm.heard.provider} spoke it."
        yield Check(f"{arm.base}.provider", Level.FAIL, told, hint="Its first choice fails: see `segue providers`.")
        return
    apart = _apart(arm.heard, arm.straight[0])
    if apart is None:
        told = f"The {arm.name} in {arm.language} is silent: there is no voice in it to compare."
        yield Check(f"{arm.base}.voice", Level.FAIL, told, hint="Run `segue canary` to hear what is wrong with it.")
        return
    figures: dict[str, Figure] = {"apart": round(apart, 3), "limit": round(arm.limit, 3)}
    if apart <= arm.limit:
        told = f"The {arm.name} in {arm.language} sounds like {arm.wanted} asked alone ({apart:.2f} steps apart)."
        yield Check(f"{arm.base}.voice", Level.PASS, told, figures)
    else:
        level = Level.FAIL if apart >= SAME_SPEAKER else Level.WARN
        told = f"The {arm.name} in {arm.language} is {apart:.2f} steps from {arm.wanted} asked alone with its voice."
        hint = "It says it is that voice, and sounds like another: compare voice and variant in the settings."
        yield Check(f"{arm.base}.voice", level, told, figures, hint)


def of_both(baseline: Arm, candidate: Arm, *, differ: bool) -> Check:
    """Whether two arms that should sound different do. `differ` says whether they should."""
    name = f"synthesis.arms.{baseline.language}"
    apart = _apart(baseline.heard, candidate.heard)
    if apart is None:
        return Check(name, Level.NOT_MEASURED, "One of the arms cannot be heard, so they cannot be compared.")
    figures: dict[str, Figure] = {"apart": round(apart, 3)}
    if not differ:
        told = f"The arms differ in nothing that is heard here; they are {apart:.2f} steps apart."
        return Check(name, Level.NOT_MEASURED, told, figures)
    if apart <= max(baseline.limit, candidate.limit):
        told = f"The candidate sounds like the baseline ({apart:.2f} steps apart), though its speaker is another."
        return Check(name, Level.FAIL, told, figures, "The rollout compares nothing: see what its variant names.")
    return Check(name, Level.PASS, f"The arms sound different ({apart:.2f} steps apart).", figures)


def of_kept(kept: Kept) -> Iterator[Check]:
    """Whether what is kept is what was spoken, under the label of who spoke it, and nobody else's."""
    base, takes = f"cache.{kept.name}.{kept.language}", (kept.first, kept.second, kept.fresh)
    failed = next((take for take in takes if not take.spoke), None)
    if failed is not None:
        told = f"What is kept of the {kept.name} cannot be compared: {failed.detail.rstrip('.')}."
        yield Check(f"{base}.spoken", Level.FAIL, told, {"status": failed.status}, "Run `segue canary`.")
        return
    first, second, fresh = takes
    if first.cache == "hit" and kept.other is not None:
        told = f"A text that only the other asked for before was found for the {kept.name}, under {_label(first)}."
        yield Check(f"{base}.own", Level.FAIL, told, hint="The key of the cache leaves out what makes them different.")
    elif kept.other is not None and kept.other.spoke and first.pcm == kept.other.pcm:
        told = f"The {kept.name} answers with the very bytes that {_label(kept.other)} had answered just before."
        yield Check(f"{base}.own", Level.FAIL, told, hint="Something before or in the server serves another's bytes.")
    elif kept.other is not None:
        yield Check(f"{base}.own", Level.PASS, f"The {kept.name} does not answer with what another had spoken before.")
    if second.cache != "hit":
        told = f"The same text was not found a second time (it says {second.cache or 'nothing'})."
        hint = "It costs a synthesis each time: see cache in the settings, and the storage."
        yield Check(f"{base}.same", Level.WARN, told, hint=hint)
    elif second.pcm != first.pcm or _label(second) != _label(first):
        told = f"A text that was kept as {_label(first)} comes back as {_label(second)}, or with other bytes."
        yield Check(f"{base}.same", Level.FAIL, told, hint="Empty the cache, and find who writes into it.")
    else:
        told = f"The same text comes back with the same {len(second.pcm)} bytes, under the label {_label(first)}."
        yield Check(f"{base}.same", Level.PASS, told, {"size_bytes": len(second.pcm)})
    apart = _apart(second, fresh)
    figures: dict[str, Figure] = {"apart": None if apart is None else round(apart, 3), "limit": round(kept.limit, 3)}
    if apart is None or apart > kept.limit:
        told = f"What is kept as {_label(second)} does not sound like {_label(fresh)} speaking it now."
        yield Check(f"{base}.voice", Level.FAIL, told, figures, "Empty the cache: it holds another voice.")
    else:
        told = f"What is kept sounds like {_label(fresh)} speaking it now ({apart:.2f} steps apart)."
        yield Check(f"{base}.voice", Level.PASS, told, figures)


def of_counter(before: float, after: float, tries: int) -> Check:
    """Whether what is counted is what happened: tries, which nothing but a try moves."""
    moved = after - before
    figures: dict[str, Figure] = {"moved": moved, "tries": tries}
    if moved == tries:
        told = f"segue_tries_total moved by {moved:.0f} with {tries} {'try' if tries == 1 else 'tries'}."
        return Check("metrics.moves", Level.PASS, told, figures)
    if moved > tries:
        told = f"segue_tries_total moved by {moved:.0f} with {tries} of our own: somebody else tries texts meanwhile."
        return Check("metrics.moves", Level.WARN, told, figures, "Run it again when nobody listens.")
    told = f"segue_tries_total moved by {moved:.0f} with {tries} of our own: what is scraped is not what happens."
    return Check(
        "metrics.moves", Level.FAIL, told, figures, "Something between answers with old figures, or another's."
    )


def of_expected(expected: Mapping[str, Any], effective: Mapping[str, Any]) -> Iterator[Check]:
    """Whether the settings in force are those that are expected, value by value."""
    for path, wanted in _leaves(expected):
        name, missing = f"settings.{'.'.join(slug(part) for part in path)}", object()
        found: Any = effective
        for part in path:
            found = found.get(part, missing) if isinstance(found, Mapping) else missing
        where = ".".join(path)
        if found is missing:
            hint = "`segue settings show` shows all that are."
            yield Check(name, Level.FAIL, f"{where} is no setting that is in force there.", hint=hint)
        elif found == wanted:
            yield Check(name, Level.PASS, f"{where} is {_told(found)}, as expected.")
        else:
            told = f"{where} is {_told(found)}; expected was {_told(wanted)}."
            yield Check(name, Level.FAIL, told, hint="Give the server the settings it should have, and start it again.")


def of_live(plain: Mapping[str, Any]) -> Check:
    """What operators have changed of the settings meanwhile."""
    live = plain.get("live") or {}
    changed = [f"{name} is off" for name in live.get("off") or {}]
    changed += [f"{name} is the first {role}" for role, name in (live.get("first") or {}).items()]
    figures: dict[str, Figure] = {"version": plain.get("version"), "digest": plain.get("digest")}
    if changed:
        told = f"Operators have changed it: {', '.join(changed)} (version {plain.get('version')})."
        hint = "If that is over, `segue settings restore 0`."
        return Check("settings.live", Level.WARN, told, figures, hint)
    return Check("settings.live", Level.PASS, "Operators have changed nothing of the settings.", figures)


def exposure(routing: Mapping[str, Any], statuses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is to be expected of a rollout: its name, share, stage (from 0) and phase; all empty where none is live."""
    found = routing.get("exposure")
    if not found:
        return {"name": "", "share_percent": 0, "stage": None, "phase": ""}
    name = str(found["rollout"]).partition("/")[0]
    phase = next((str(each["phase"]) for each in statuses if each["name"] == name), "")
    share = found["share_bp"] / 100
    return {"name": name, "share_percent": share, "stage": found["stage"], "phase": phase}


def differ(found: Scene, language: str) -> bool:
    """Whether the arms should sound different in a language, where no character speaks."""

    def speaker(variant: Mapping[str, Any]) -> tuple[str, str]:
        """Who speaks a variant: a voice that does not know the language leaves it as it is."""
        own = str(variant.get("voice") or "").rpartition("/")[2]
        known = any(language in voices.get(own, ()) for voices in found.speaks.values())
        return str(variant.get("synthesizer") or ""), own if known else ""

    return found.candidate is not None and speaker(found.baseline) != speaker(found.candidate)


def voice_of(found: Scene, effective: Mapping[str, Any], side: Side, provider: str, language: str) -> str:
    """The voice with which a synthesizer should speak an arm, by the settings; empty where they leave it to itself."""
    settings = effective.get("voice") or {}
    preferred = (settings.get("provider_voices") or {}).get(provider) or {}
    for name in (
        found.variant(side).get("voice"),
        preferred.get(language),
        (settings.get("voices") or {}).get(language),
    ):
        own = str(name or "").rpartition("/")[2]
        if language in found.speaks.get(provider, {}).get(own, ()):
            return own
    return ""


def _leaves(plain: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in plain.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, str(name)))
        else:
            yield (*path, str(name)), value


def _apart(one: Take, other: Take) -> float | None:
    if one.mark is None or other.mark is None:
        return None
    return distance(one.mark, other.mark)


def _label(take: Take) -> str:
    return f"{take.provider}/{take.voice}"


def _told(value: Any) -> str:
    return str(value) if len(str(value)) <= 200 else f"{str(value)[:200]}…"
