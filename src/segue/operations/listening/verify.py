"""Verifies a deployment from outside: what it answers is what it should be, whatever it says of itself.

Nothing of the caller's own environment is looked at. It speaks a dozen texts for each language that is listened to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from segue.clock import Clock
from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.operations.listening.canary import CALL_S, TRY, Tell, seen
from segue.operations.listening.phrases import phrase
from segue.operations.listening.samples import Sample, Scene
from segue.operations.listening.take import Take, taken
from segue.operations.listening.verified import (
    ROLLOUT,
    Arm,
    Kept,
    differ,
    exposure,
    of_arm,
    of_both,
    of_counter,
    of_expected,
    of_kept,
    of_live,
    voice_of,
)
from segue.operations.ports import Asking
from segue.operations.readiness import doors
from segue.operations.readiness.lineup import slug
from segue.operations.report import Check, Level, Report
from segue.operations.watching.scrape import parsed
from segue.routing import Arm as Side
from segue.voice.speakable import speakable

COUNTER = "segue_tries_total"
Wait = Callable[[float], None]
"""Waits for so many seconds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a deployment is held to."""

    expected: Mapping[str, Any] = field(default_factory=dict)
    """Settings that must be in force, and under `rollout` what must be exposed; any part of them."""
    languages: tuple[str, ...] = ()
    """Those that are listened to; the first of the server where none is given."""
    draw: int = 0
    """Chooses the words; another number each time."""


def verify(asking: Asking, wanted: Wanted, clock: Clock, wait: Wait, tell: Tell | None = None) -> Report:
    """Look and listen, and say whether the deployment is what it should be. `wait` waits where the server asks to."""
    began_us = round(clock.wall() * 1e6)
    looking = _Looking(asking, wanted, clock, wait)
    checks: list[Check] = []
    steps: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("health", looking.health),
        ("ready", looking.ready),
        ("switch", looking.switch),
        ("rollouts", looking.rollouts),
        ("settings", looking.settings),
        ("metrics", looking.metrics),
        ("synthesis", looking.synthesis),
    ]
    for number, (name, step) in enumerate(steps):
        if tell is not None:
            tell(number, len(steps), name)
        try:
            checks += step()
        except Unavailable as error:
            level = Level.NO_DATA if number == 0 else Level.FAIL
            checks.append(Check(f"server.{name}", level, error.message, hint="Start it with `segue serve`."))
            if number == 0:
                break
        except SegueError as error:
            checks.append(Check(f"server.{name}", Level.FAIL, error.message, hint="Look at the log of the server."))
    facts = {"takes": looking.tries, "exposure": looking.exposed, "digest": looking.digest}
    return Report("verify", asking.place, began_us, round(clock.wall() * 1e6), tuple(checks), facts)


class _Looking:
    """Looks at one deployment, a step at a time."""

    def __init__(self, asking: Asking, wanted: Wanted, clock: Clock, wait: Wait) -> None:
        self.tries = 0
        self.exposed: dict[str, Any] = {}
        self.digest = ""
        self._asking = asking
        self._wanted = wanted
        self._clock = clock
        self._wait = wait
        self._effective: Mapping[str, Any] = {}
        self._texts = count(wanted.draw)

    def health(self) -> Iterator[Check]:
        """The process answers."""
        answer = self._asking.fetch("GET", "/api/health")
        yield doors.of_health(answer.status, answer.plain())

    def ready(self) -> Iterator[Check]:
        """It takes listeners, writes, speaks and hears."""
        answer = self._asking.fetch("GET", "/api/ready")
        yield from doors.of_readiness(answer.status, _object(answer.plain()))
        yield doors.of_voice(_object(self._asking.fetch("GET", "/voice/health").plain()))

    def switch(self) -> Iterator[Check]:
        """Spoken replies are on, and go well."""
        for name, path, judge in (
            ("voice.switch", "/api/voice/switch", doors.of_switch),
            ("voice.degradation", "/api/voice/degradation_status", doors.of_degradation),
        ):
            answer = self._asking.fetch("GET", path)
            plain = answer.plain()
            if answer.ok and isinstance(plain, Mapping):
                yield judge(plain)
            else:
                yield doors.refused(name, path, answer.status, plain)

    def rollouts(self) -> Iterator[Check]:
        """What is exposed, and that somebody looks after it."""
        path = "/api/rollouts?limit=100"
        answer = self._asking.fetch("GET", path)
        if not answer.ok:
            yield doors.refused("rollout.list", path, answer.status, answer.plain())
            return
        listed = _object(answer.plain()).get("items", [])
        statuses = []
        for each in listed:
            answer = self._asking.fetch("GET", f"/api/rollouts/{each['name']}")
            if answer.ok:
                statuses.append(_object(answer.plain()))
            else:
                name = f"rollout.{slug(each['name'])}.controller"
                yield doors.refused(name, f"/api/rollouts/{each['name']}", answer.status, answer.plain())
        if len(statuses) == len(listed) or any(status["phase"] in doors.LIVE for status in statuses):
            yield from doors.of_rollouts(statuses)
        self.exposed = exposure(_object(self._asking.fetch("GET", "/api/routing").plain()), statuses)
        if ROLLOUT in self._wanted.expected:
            yield from of_expected({ROLLOUT: self._wanted.expected[ROLLOUT]}, {ROLLOUT: self.exposed})

    def settings(self) -> Iterator[Check]:
        """The settings in force, by the service's own word."""
        path = "/api/settings"
        answer = self._asking.fetch("GET", path)
        plain = answer.plain()
        if not answer.ok or not isinstance(plain, Mapping):
            yield doors.refused("settings.effective", path, answer.status, plain)
            return
        self.digest = str(plain.get("digest") or "")
        self._effective = _object(plain.get("effective"))
        yield of_live(plain)
        expected = {name: value for name, value in self._wanted.expected.items() if name != ROLLOUT}
        if expected:
            yield from of_expected(expected, self._effective)
        else:
            told = "No settings were expected, so none were compared."
            yield Check("settings.expected", Level.NOT_MEASURED, told, hint="Name a file of them with --expect.")

    def metrics(self) -> Iterator[Check]:
        """They are there, and one try moves them by one."""
        answer = self._asking.fetch("GET", "/metrics")
        yield doors.of_metrics(answer.status, answer.text)
        if not answer.ok:
            return
        language = self._languages(seen(self._asking))[0]
        tries, before = self.tries, self._counted(answer.text)
        take = self._take(Sample("", language, Side.BASELINE, ""))
        after = self._counted(self._asking.fetch("GET", "/metrics").text)
        if take.status == 0 or take.status in (401, 403, 409, 429):
            yield Check("metrics.moves", Level.NOT_MEASURED, f"Nothing could be tried: {take.detail}.")
        else:
            yield of_counter(before, after, self.tries - tries)

    def synthesis(self) -> Iterator[Check]:
        """Each arm by its bytes, and what is kept of it."""
        found = seen(self._asking)
        for language in self._languages(found):
            text = self._text(language)
            sides = (Side.BASELINE,) if found.candidate is None else tuple(Side)
            arms = [self._arm(found, side, language, text) for side in sides]
            for arm in arms:
                yield from of_arm(arm)
            if len(arms) > 1:
                yield of_both(*arms, differ=differ(found, language))
            else:
                told = "No rollout is live: there is no candidate to be heard."
                yield Check(f"synthesis.candidate.{language}", Level.NOT_MEASURED, told)
            for kept in self._kept(found, language, arms):
                yield from of_kept(kept)

    def _arm(self, found: Scene, side: Side, language: str, text: str) -> Arm:
        sample = Sample("", language, side, "")
        wanted = found.first(sample)
        voice = voice_of(found, self._effective, side, wanted, language)
        alone = Sample("", language, Side.BASELINE, wanted)
        straight = [self._take(alone, text, voice=voice) for _ in range(2)]
        return Arm(side.value, language, self._take(sample, text), straight, wanted)

    def _kept(self, found: Scene, language: str, arms: Sequence[Arm]) -> Iterator[Kept]:
        """Each arm through the cache, with a text that somebody else has just asked for, where there is somebody."""
        for arm in arms:
            sample = arm.heard.sample
            text, other = self._text(language), None
            if len(arms) > 1 and differ(found, language):
                beside = next(each.heard.sample for each in arms if each is not arm)
                other = self._take(beside, text, cache="use")
            else:
                able = [name for name in found.able("", language) if name != arm.wanted]
                if able:
                    other = self._take(Sample("", language, sample.arm, able[0]), text, cache="use")
            if other is not None and not other.spoke:
                other = None
            first, second = (self._take(sample, text, cache="use") for _ in range(2))
            yield Kept(arm.name, language, first, second, self._take(sample, text), arm.limit, other)

    def _take(self, sample: Sample, text: str = "", *, voice: str = "", cache: str = "bypass") -> Take:
        text = text or self._text(sample.language)
        body = {"text": text, "language": sample.language, "arm": sample.arm.value, "cache": cache}
        body |= {"provider": sample.provider} if sample.provider else {}
        body |= {"voice": voice} if voice else {}
        while True:
            answer = self._asking.fetch("POST", TRY, body=body, limit_s=CALL_S)
            if answer.status != 429:
                break
            self._wait(answer.wait_s)
        self.tries += answer.ok or answer.status >= 500
        return taken(sample, text, speakable(text, sample.language).strip(), self._clock.wall(), answer)

    def _text(self, language: str) -> str:
        return phrase(language, next(self._texts))

    def _languages(self, found: Scene) -> tuple[str, ...]:
        unknown = [language for language in self._wanted.languages if language not in found.languages]
        if unknown:
            raise InvalidRequest(f"{unknown[0]} is not spoken there; {', '.join(found.languages)} are.")
        return self._wanted.languages or found.languages[:1]

    def _counted(self, text: str) -> float:
        return sum(value for _, value in parsed(text, self._clock.wall()).values(COUNTER))


def _object(plain: Any) -> Mapping[str, Any]:
    return plain if isinstance(plain, Mapping) else {}
