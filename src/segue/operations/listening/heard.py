"""What takes are judged by: one after another, against each other, and against what was kept of the last time.

Values in, checks out.
"""

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from segue.operations.listening.samples import OFF, Scene
from segue.operations.listening.sound import LIMITS, Limits, flaws
from segue.operations.listening.take import Kept, Take
from segue.operations.listening.voiceprint import OTHER_TEXT, SAME_SPEAKER, SAME_TAKE, distance
from segue.operations.readiness.lineup import LEFT_OUT, slug
from segue.operations.report import Check, Figure, Level

FIRST_MS = (2500.0, 5000.0)
"""The first sound of a sentence is late from here on, and much too late."""
SLOWER = 2.0
SLACK_MS = 400.0
"""So many times as long as the last time, and so much beside, is a drift."""
DRIFT = (0.45, SAME_SPEAKER)
"""Distance of a voice from itself in the same text, from which on it has drifted, or is another."""
CUT_SHARE = 0.72
"""Shorter than this share of what the same voice took before, for as many letters, it was cut."""
FELLOWS = 0.55
"""The same against the other voices of its language."""
ERRORS = (0.25, 0.5)
"""Share of words that a recognizer did not hear."""
SURE = frozenset({"pocketsphinx"})
"""Recognizers that confirm, and cannot deny: what they do not hear may be there all the same."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Again:
    """A text that was kept, spoken once more: the distance from what it sounded like then."""

    take: Take
    kept: Kept

    @property
    def apart(self) -> float | None:
        """Steps between the two; None where one of them has no print."""
        if self.take.mark is None or self.kept.mark is None:
            return None
        return distance(self.take.mark, self.kept.mark)


def of_take(take: Take, scene: Scene, kept: Kept | None = None, limits: Limits = LIMITS) -> Iterator[Check]:
    """Everything that one take shows by itself."""
    base, who = f"canary.{take.sample.name}", take.sample.words
    figures: dict[str, Figure] = {"status": take.status, "took_ms": round(take.took_ms, 1)}
    if not take.spoke or take.sound is None:
        category = f" ({take.category})" if take.category else ""
        told = f"{who} cannot be heard{category}: {take.detail.rstrip('.')}."
        hint = "Look at `segue providers`; what is configured and cannot speak is no fallback."
        yield Check(f"{base}.spoken", Level.FAIL, told, figures | {"category": take.category}, hint)
        return
    told = f"{who}: {take.provider} speaks with {take.voice}, {take.sound.duration_ms:.0f} ms of sound."
    yield Check(f"{base}.spoken", Level.PASS, told, figures | {"size_bytes": len(take.pcm)})
    yield from _who(take, scene, base)
    found = list(
        flaws(
            take.sound,
            take.spoken,
            take.sample.language,
            speed=_speed(take, scene),
            voiced_share=take.mark.voiced_share if take.mark is not None else None,
            limits=limits,
        )
    )
    hint = "Listen to it yourself with the same text, and take the voice out of the chain until it is mended."
    for flaw in found:
        yield Check(f"{base}.sound.{flaw.name}", flaw.level, f"{who}: {flaw.reason}.", take.sound.figures(), hint)
    if not found:
        told = f"{who} is {take.sound.loudness_dbfs:.0f} dBFS loud, and nothing is wrong with its sound."
        yield Check(f"{base}.sound", Level.PASS, told, take.sound.figures())
    yield _latency(take, base, kept)
    yield _words(take, base)


def of_paces(takes: Sequence[Take], kept: Mapping[str, Kept]) -> Iterator[Check]:
    """Who is too short for its text: against itself of the last time, and against its fellows of this time."""
    spoken = [take for take in takes if take.spoke]
    for take in spoken:
        pace, base = take.pace_ms, f"canary.{take.sample.name}.sound.pace"
        before = kept.get(take.sample.name)
        fellows = [each.pace_ms for each in spoken if each.sample.language == take.sample.language and each is not take]
        hint = "The end is missing, or the voice hurries: listen to it."
        if before is not None and before.voice == take.voice and before.pace_ms:
            share = pace / before.pace_ms
            if share < CUT_SHARE:
                told = f"{take.sample.words} takes {share:.0%} of the time for a letter that it took last time."
                yield Check(base, Level.FAIL, told, {"share": round(share, 3)}, hint)
        elif len(fellows) >= 2 and pace < FELLOWS * statistics.median(fellows):
            share = pace / statistics.median(fellows)
            told = f"{take.sample.words} takes {share:.0%} of the time for a letter that the other voices take."
            yield Check(base, Level.FAIL, told, {"share": round(share, 3)}, hint)


def of_alike(takes: Sequence[Take]) -> Iterator[Check]:
    """Voices of one provider that claim to be different, and sound the same in the same text."""
    groups: dict[tuple[str, str, str], list[Take]] = {}
    for take in takes:
        if take.mark is not None:
            groups.setdefault((take.provider, take.sample.language, take.text), []).append(take)
    for (provider, language, _), members in groups.items():
        for one, other in combinations({take.voice: take for take in members}.values(), 2):
            assert one.mark is not None  # noqa: S101 - only those with a print are among the members
            assert other.mark is not None  # noqa: S101
            apart = distance(one.mark, other.mark)
            if apart >= SAME_TAKE:
                continue
            name = f"canary.alike.{slug(provider)}.{language}.{slug(one.voice)}.{slug(other.voice)}"
            told = f"{provider} speaks {one.voice} and {other.voice} with one and the same voice ({apart:.2f} steps)."
            hint = "One of the names is silently answered with another voice: see what the provider offers now."
            yield Check(name, Level.FAIL, told, {"apart": round(apart, 3)}, hint)


def compared(take: Take, before: Kept) -> Check | None:
    """What can be said of a voice without another take, by two different texts; None where it takes another one."""
    name, who = f"canary.{take.sample.name}.voice", take.sample.words
    if (before.provider, before.voice) != (take.provider, take.voice):
        told = f"{who} is {take.voice} of {take.provider} now; last time it was {before.voice} of {before.provider}."
        return Check(name, Level.NOT_MEASURED, told)
    if take.mark is None or before.mark is None:
        return Check(name, Level.NOT_MEASURED, f"{who} could not be compared with what was kept: there is no print.")
    apart = distance(take.mark, before.mark)
    if apart > OTHER_TEXT:
        return None
    told = f"{who} sounds as it did ({apart:.2f} steps apart, in other words)."
    return Check(name, Level.PASS, told, {"apart": round(apart, 3)})


def of_again(again: Again) -> Check:
    """Whether a voice is the one that was kept."""
    take, before, apart = again.take, again.kept, again.apart
    name, who = f"canary.{take.sample.name}.voice", take.sample.words
    if apart is None:
        told = f"{who} could not be compared with what was kept: {take.detail or 'there is no print'}."
        return Check(name, Level.NOT_MEASURED, told)
    figures: dict[str, Figure] = {"apart": round(apart, 3)}
    if apart >= DRIFT[1]:
        told = f"voice changed: {who} says the same text {apart:.2f} steps from how it sounded before."
        hint = f"{before.voice} of {before.provider} is another voice now; if you meant that, run it with --fresh."
        return Check(name, Level.FAIL, told, figures, hint)
    if apart >= DRIFT[0]:
        told = f"{who} has drifted: it says the same text {apart:.2f} steps from how it sounded before."
        return Check(name, Level.WARN, told, figures, "Listen to it; if it is well, run it with --fresh.")
    return Check(name, Level.PASS, f"{who} sounds as it did ({apart:.2f} steps apart).", figures)


def of_states(scene: Scene) -> Iterator[Check]:
    """Synthesizers of the chain that nobody can listen to."""
    for at, name in enumerate(scene.chain):
        state, reason = scene.states.get(name, ("", ""))
        if state in (LEFT_OUT, OFF):
            level = Level.FAIL if at == 0 and state == LEFT_OUT else Level.WARN
            told = f"{name} is {state} and was not listened to: {reason.rstrip('.')}."
            yield Check(f"canary.provider.{slug(name)}", level, told, hint="Set what it lacks, or take it out.")


def of_pins(scene: Scene, pins: Mapping[str, str]) -> Iterator[Check]:
    """Whether each provider has the version that was pinned, by its name or its vendor's."""
    for wanted, version in pins.items():
        having = {name: found for name, (vendor, found) in scene.versions.items() if wanted in (name, vendor)}
        base = f"canary.pin.{slug(wanted)}"
        if not having:
            yield Check(base, Level.FAIL, f"There is no provider {wanted} to have version {version}.")
        for name, found in having.items():
            figures: dict[str, Figure] = {"found": found, "pinned": version}
            if version in (found, *found.split()):
                yield Check(base, Level.PASS, f"{name} has version {found}, as pinned.", figures)
            else:
                told = f"{name} has version {found or 'unknown'}; {version} is pinned."
                hint = "Install the pinned version, or listen to everything and pin the new one."
                yield Check(base, Level.FAIL, told, figures, hint)


def errors(spoken: str, heard: str, language: str) -> float:
    """Share of words (in Chinese: characters) that were not heard as spoken, from 0; both in words."""
    wanted, found = _units(spoken, language), _units(heard, language)
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(found, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(wanted))


def confirmed(take: Take) -> bool:
    """Whether a recognizer that listened heard the text."""
    return take.heard is not None and errors(take.spoken, take.heard, take.sample.language) < ERRORS[0]


def _who(take: Take, scene: Scene, base: str) -> Iterator[Check]:
    """Whether the one who spoke is the one who was to."""
    sample = take.sample
    wanted = sample.provider or scene.first(sample)
    if take.provider != wanted:
        level = Level.FAIL if sample.provider else Level.WARN
        told = f"{sample.words}: {take.provider or 'nobody'} spoke instead of {wanted}."
        yield Check(f"{base}.provider", level, told, hint="Look at its last error with `segue providers`.")
    variant = str(scene.variant(sample.arm).get("name", ""))
    if take.variant != variant:
        told = f"{sample.words}: variant {take.variant} answered instead of {variant}."
        yield Check(f"{base}.variant", Level.FAIL, told, hint="A rollout began or ended meanwhile: run it again.")
    if take.cache != "bypassed":
        told = f"{sample.words}: it says {take.cache or 'nothing'} of the cache, which was to be passed by."
        yield Check(f"{base}.cache", Level.FAIL, told, hint="Something before the server answers for it.")


def _latency(take: Take, base: str, kept: Kept | None) -> Check:
    if take.first_ms is None:
        return Check(f"{base}.latency", Level.NOT_MEASURED, "The server did not say when the first sound came.")
    figures: dict[str, Figure] = {
        "first_ms": take.first_ms,
        "total_ms": take.total_ms,
        "took_ms": round(take.took_ms, 1),
        "before_ms": kept.first_ms if kept else None,
    }
    who, hint = take.sample.words, "See `segue providers`, the network, and the vendor's own page of its state."
    if take.first_ms >= FIRST_MS[0]:
        level = Level.FAIL if take.first_ms >= FIRST_MS[1] else Level.WARN
        told = f"{who} is first heard after {take.first_ms:.0f} ms; {FIRST_MS[0]:.0f} ms are borne."
        return Check(f"{base}.latency", level, told, figures, hint)
    if kept is not None and kept.first_ms is not None and take.first_ms > SLOWER * kept.first_ms + SLACK_MS:
        told = f"{who} is first heard after {take.first_ms:.0f} ms; last time it took {kept.first_ms:.0f} ms."
        return Check(f"{base}.latency", Level.WARN, told, figures, hint)
    return Check(f"{base}.latency", Level.PASS, f"{who} is first heard after {take.first_ms:.0f} ms.", figures)


def _words(take: Take, base: str) -> Check:
    name, who = f"{base}.words", take.sample.words
    if take.heard is None:
        return Check(name, Level.NOT_MEASURED, f"{who}: {take.unheard}")
    share = errors(take.spoken, take.heard, take.sample.language)
    figures: dict[str, Figure] = {"errors": round(share, 3), "recognizer": take.recognizer}
    if share < ERRORS[0]:
        told = f"{take.recognizer} heard {1 - share:.0%} of what {who} was to say."
        return Check(name, Level.PASS, told, figures)
    hint = "Listen to it: it may say something else, or not all."
    if take.recognizer in SURE or not take.heard:
        told = f"{take.recognizer} could not confirm what {who} was to say, in several texts."
        return Check(name, Level.WARN, told, figures, hint)
    level = Level.FAIL if share >= ERRORS[1] else Level.WARN
    return Check(name, level, f"{take.recognizer} did not hear {share:.0%} of what {who} was to say.", figures, hint)


def _speed(take: Take, scene: Scene) -> float:
    character = scene.characters.get(take.sample.character)
    return float(character["speed"]) if character else 1.0


def _units(text: str, language: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [letter for word in words for letter in word] if language == "zh" else words
