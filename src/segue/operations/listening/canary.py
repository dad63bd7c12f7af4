"""Listens to a running server: asks for every configured voice with fresh words past every cache, and judges the sound.

It costs a synthesis for each sample, and more where a recognizer is unsure or a voice sounds other than the last time.
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from segue.clock import Clock
from segue.errors import SegueError
from segue.operations.listening.heard import (
    SURE,
    Again,
    compared,
    confirmed,
    of_again,
    of_alike,
    of_paces,
    of_pins,
    of_states,
    of_take,
)
from segue.operations.listening.phrases import phrase
from segue.operations.listening.samples import Sample, Scene, due, samples, scene
from segue.operations.listening.take import Kept, Take, taken
from segue.operations.ports import Answer, Asking
from segue.operations.report import Check, Level, Report
from segue.voice.containers.wav import whole
from segue.voice.speakable import speakable

TRY = "/api/voice/try"
DOORS = ("/api/providers", "/api/voice/voices", "/api/voice/characters", "/api/routing", "/voice/health")
TEXTS = 3
"""So many texts are spoken at most until a recognizer that cannot deny has confirmed one."""
CALL_S = 30.0
Tell = Callable[[int, int, str], None]
"""Told how many samples are done, of how many, and of which one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listened to, and how far it may go."""

    mode: str = "preflight"
    """`preflight` listens to all, `periodic` to those that nobody has listened to for longest."""
    characters: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    budget: int | None = None
    """Samples at most; None for all."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """By provider or vendor, the version that it must have."""
    kept: Mapping[str, Kept] = field(default_factory=dict)
    """By sample, what was kept of the last time."""
    draw: int = 0
    """Chooses the words; another number each time."""
    at_once: int = 2
    limit_s: float = 600.0
    """Samples that have not begun by then are not listened to."""


def canary(asking: Asking, wanted: Wanted, clock: Clock, tell: Tell | None = None) -> Report:
    """Listen, and say what was heard. An interruption (Ctrl-C) ends it with a report of what was heard until then."""
    began_us = round(clock.wall() * 1e6)

    def report(checks: Sequence[Check], facts: Mapping[str, Any]) -> Report:
        return Report("canary", asking.place, began_us, round(clock.wall() * 1e6), tuple(checks), facts)

    try:
        found = seen(asking)
        chosen = due(
            samples(found, wanted.characters, wanted.languages),
            {name: each.at_s for name, each in wanted.kept.items()},
            wanted.budget,
        )
    except SegueError as error:
        hint = "Start the server, or name another with --url; the key needs the scopes read and rollout:write."
        return report([Check("canary.server", Level.NO_DATA, error.message, hint=hint)], {"mode": wanted.mode})
    listening = _Listening(asking, wanted, clock, found)
    taking = listening.through(chosen, tell or _nobody)
    takes = [take for take, _ in taking]
    checks = [*of_states(found), *of_pins(found, wanted.pins)]
    for take, voice in taking:
        checks += [*of_take(take, found, wanted.kept.get(take.sample.name)), *([voice] if voice else [])]
    checks += [*of_paces(takes, wanted.kept), *of_alike(takes), _finished(len(takes), len(chosen), listening.stopped)]
    facts = {
        "mode": wanted.mode,
        "rollout": found.rollout,
        "versions": {name: version for name, (_, version) in found.versions.items()},
        "calls": listening.calls,
        "samples": {take.sample.name: take.as_dict() | {"good": _good(take, checks)} for take in takes},
    }
    return report(checks, facts)


def seen(asking: Asking) -> Scene:
    """What the server says of itself.

    Raises:
        Unavailable: nobody answers there.
        SegueError: it refuses, or it is no Segue.
    """
    answers = []
    for path in DOORS:
        answer = asking.fetch("GET", path, limit_s=CALL_S)
        plain = answer.plain()
        if not isinstance(plain, Mapping) or not (answer.ok or path == "/voice/health"):
            detail = plain.get("detail") if isinstance(plain, Mapping) else None
            raise SegueError(f"{asking.place}{path} answered {answer.status}: {detail or 'nothing of a Segue'}")
        answers.append(plain)
    try:
        return scene(*answers)
    except (KeyError, TypeError, AttributeError) as error:
        raise SegueError(f"{asking.place} answers in another form ({error!r}); is it this version?") from error


class _Listening:
    """Listens to samples, some at once; what is done is kept when it is stopped."""

    def __init__(self, asking: Asking, wanted: Wanted, clock: Clock, found: Scene) -> None:
        self.calls = 0
        self.stopped = ""
        self._asking = asking
        self._wanted = wanted
        self._clock = clock
        self._scene = found
        self._end = clock.now() + wanted.limit_s
        self._stop = threading.Event()
        self._counting = threading.Lock()

    def through(self, chosen: Sequence[Sample], tell: Tell) -> list[tuple[Take, Check | None]]:
        """Listen to all, in their order; those that were done when it was stopped or its time was over."""
        done: dict[Future[tuple[Take, Check | None] | None], Sample] = {}
        pool = ThreadPoolExecutor(self._wanted.at_once, thread_name_prefix="canary")
        try:
            done = {pool.submit(self._sample, sample): sample for sample in chosen}
            left = set(done)
            while left:
                over, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in over:
                    tell(len(chosen) - len(left), len(chosen), done[future].words)
        except KeyboardInterrupt:
            self.stopped = "it was interrupted"
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)
        results = [future.result() for future in done if future.done() and not future.cancelled()]
        found = [result for result in results if result is not None]
        if len(found) < len(chosen) and not self.stopped:
            self.stopped = f"its {self._wanted.limit_s:.0f} s were over"
        return found

    def _sample(self, sample: Sample) -> tuple[Take, Check | None] | None:
        """One sample with everything that it takes to judge it; None where it was stopped before."""
        if self._stop.is_set() or self._clock.now() >= self._end:
            return None
        text = phrase(sample.language, self._wanted.draw)
        take = self._understood(self._take(sample, text))
        kept = self._wanted.kept.get(sample.name)
        if kept is None or not take.spoke:
            return take, None
        check = compared(take, kept)
        return take, check or of_again(Again(self._take(sample, kept.text), kept))

    def _take(self, sample: Sample, text: str) -> Take:
        body = {"text": text, "language": sample.language, "arm": sample.arm.value, "cache": "bypass"}
        body |= {"character": sample.character} if sample.character else {}
        body |= {"provider": sample.provider} if sample.provider else {}
        return taken(sample, text, speakable(text, sample.language).strip(), self._clock.wall(), self._ask(TRY, body))

    def _understood(self, take: Take) -> Take:
        """A take with what a recognizer heard; one that cannot deny is given other texts before it is believed."""
        language = take.sample.language
        if not take.spoke:
            return replace(take, unheard="nothing was spoken")
        if language not in self._scene.hears:
            return replace(take, unheard=f"no recognizer here hears {language}")
        for number in count(1):
            listened = self._listened(take)
            if listened.recognizer not in SURE or confirmed(listened) or number == TEXTS or self._stop.is_set():
                return listened
            other = self._take(take.sample, phrase(language, self._wanted.draw + number * 7919))
            if other.spoke and confirmed(self._listened(other)):
                return replace(listened, heard=take.spoken)
        return take

    def _listened(self, take: Take) -> Take:
        audio = base64.b64encode(whole(take.pcm, take.rate)).decode("ascii")
        body = {"audio": audio, "language": take.sample.language, "expected": take.spoken}
        answer = self._ask("/api/voice/stt", body)
        plain = answer.plain()
        if not answer.ok or not isinstance(plain, Mapping):
            detail = plain.get("detail") if isinstance(plain, Mapping) else f"it answered {answer.status}"
            return replace(take, unheard=f"the recognizer failed: {detail}")
        text = speakable(str(plain["text"]), take.sample.language).strip()
        return replace(take, heard=text, recognizer=str(plain["provider"]))

    def _ask(self, path: str, body: Mapping[str, Any]) -> Answer:
        """What it answers; where it asks to wait, that is done, within the time there is."""
        while True:
            with self._counting:
                self.calls += 1
            try:
                answer = self._asking.fetch("POST", path, body=body, limit_s=CALL_S)
            except SegueError as error:
                return Answer(0, {}, json.dumps({"detail": error.message}).encode(), 0.0, 0.0)
            pause_s = answer.wait_s if answer.status == 429 else 0.0
            if not pause_s or self._clock.now() + pause_s >= self._end or self._stop.wait(pause_s):
                return answer


def _good(take: Take, checks: Sequence[Check]) -> bool:
    """Whether nothing about a take is wrong: the next one may be compared with it."""
    base = f"canary.{take.sample.name}."
    return take.spoke and not any(check.level is Level.FAIL and check.name.startswith(base) for check in checks)


def _finished(done: int, wanted: int, why: str) -> Check:
    figures = {"done": done, "wanted": wanted}
    if not wanted:
        hint = "Name characters and languages that are configured, and synthesizers that can speak."
        return Check("canary.finished", Level.NO_DATA, "There is nothing to listen to.", figures, hint)
    if done < wanted:
        told = f"{done} of {wanted} samples were listened to: {why}."
        return Check("canary.finished", Level.NO_DATA, told, figures, "Run it again to its end.")
    return Check("canary.finished", Level.PASS, f"All {wanted} samples were listened to.", figures)


def _nobody(done: int, total: int, what: str) -> None:
    """Nobody is told."""
