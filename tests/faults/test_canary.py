"""The canary and the verification of a real server with voices of its own, while a rollout is live."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from segue.cli.asking import Server, Where
from segue.cli.main import app
from segue.clock import SystemClock
from segue.errors import Unavailable
from segue.operations.listening.canary import TRY, Wanted, canary
from segue.operations.listening.take import kept
from segue.operations.listening.verify import Wanted as Held
from segue.operations.listening.verify import verify
from segue.operations.ports import Answer
from segue.operations.report import Level, Report
from tests.rollouts import started, until
from tests.server import HEARING, RunningServer, running
from tests.vendors import whisper

CHARACTERS = """
characters:
  guide: {name: Guide, speed: 1.2, voices: {espeak: {en: en-us+f3, uk: uk+f3}}}
  clerk: {name: Clerk, voices: {espeak: {en: en-us+m3}}, variants: {new: {espeak: {en: en-us+m1}}}}
"""
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with embedded voices and two characters, and a rollout of another voice."""
    file = tmp_path_factory.mktemp("canary") / "characters.yaml"
    file.write_text(CHARACTERS, encoding="utf-8")
    settings = {
        "providers": HEARING,
        "voice": {"languages": ["en", "uk"], "characters": str(file)},
        "delivery": {"tick_s": 0.1, "flush_s": 0.1, "poll_s": 0.1, "grace_s": 1.0},
    }
    candidate = {"name": "new", "voice": "en-us+f2"}
    with running(settings) as server, started(server, "heard", candidate=candidate) as address:
        del address
        until(lambda: asking(server).fetch("GET", "/api/routing").plain()["exposure"])
        yield server


def asking(server: RunningServer) -> Server:
    """The server as an operator on its machine asks it."""
    return Server(Where(data=server.data))


@dataclass
class Between:
    """Stands between the one who asks and a server, and does wrong to its answers."""

    server: Server
    figures: bytes = b""
    """An old answer of `/metrics`, which is given for ever."""
    sound: Mapping[str, str] | None = None
    """What of a try is changed before it is asked."""

    @property
    def place(self) -> str:
        """See `Asking.place`."""
        return self.server.place

    def fetch(self, method: str, path: str, **what: Any) -> Answer:
        """See `Asking.fetch`."""
        if path == TRY:
            what["body"] = {**what["body"], **(self.sound or {})}
        answer = self.server.fetch(method, path, **what)
        if path == "/metrics" and self.figures:
            return replace(answer, body=self.figures)
        return answer


def of(report: Report, *levels: Level) -> list[str]:
    """The names of the checks that came out so."""
    return [check.name for check in report.checks if check.level in levels]


def test_a_healthy_server_passes_again_and_again(server: RunningServer) -> None:
    """Every character, language and arm is heard with new words each time, and sounds as it did the last time."""
    first = canary(asking(server), Wanted(draw=70), CLOCK)
    assert (first.outcome, of(first, Level.FAIL, Level.WARN)) == (Level.PASS, [])
    assert set(first.facts["samples"]) == {
        f"{who}.{arm}.first"
        for who in ("default.en", "default.uk", "guide.en", "guide.uk", "clerk.en")
        for arm in ("baseline", "candidate")
    }
    again = Wanted(mode="periodic", budget=3, kept=kept([first.facts]), draw=9000)
    second = canary(asking(server), again, CLOCK)
    assert (second.outcome, of(second, Level.FAIL, Level.WARN)) == (Level.PASS, [])
    voices = [name for name in of(second, Level.PASS) if name.endswith(".voice")]
    assert len(voices) == 3, "each of the three is compared with the last time"
    json.dumps(second.as_dict())


def test_a_recognizer_that_writes_freely_is_held_to_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whisper in its own process, with a model of ours that hears "hello world" in any speech: right only of that."""
    near = {"vendor": "whisper", "model": str(whisper.folder()), "languages": ["en", "uk"]}
    voice, chain = {"languages": ["en", "uk"]}, {"named": {"near": near}, "recognizers": ["near"]}
    with running({"providers": chain, "voice": voice}) as server:
        wrong = canary(asking(server), Wanted(draw=3), CLOCK)
        monkeypatch.setattr("segue.operations.listening.canary.phrase", lambda *_: "Hello, world.")
        right = canary(asking(server), Wanted(languages=("en",)), CLOCK)
    words = {check.name: check for check in (*wrong.checks, *right.checks) if check.name.endswith(".words")}
    assert of(wrong, Level.FAIL) == [f"canary.default.{language}.baseline.first.words" for language in ("en", "uk")]
    assert (right.outcome, of(right, Level.FAIL, Level.WARN)) == (Level.PASS, [])
    assert words["canary.default.en.baseline.first.words"].figures == {"errors": 0.0, "recognizer": "near"}
    assert words["canary.default.uk.baseline.first.words"].figures["errors"] >= 1


def test_a_voice_that_was_exchanged_is_found(server: RunningServer) -> None:
    """A voice that another one speaks under its label has changed, and two names with one voice are told."""
    wanted = Wanted(languages=("en",), characters=("guide",), draw=5)
    before = canary(asking(server), wanted, CLOCK)
    swapped = Between(asking(server), sound={"character": "clerk"})
    facts = dict(before.facts["samples"])
    for each in facts.values():
        each["voice"] = "en-us+m3"  # the label says what it always said
    after = canary(swapped, replace(wanted, kept=kept([{"samples": facts}]), draw=6), CLOCK)
    assert "canary.guide.en.baseline.first.voice" in of(after, Level.FAIL)


def test_what_was_heard_is_told_when_it_is_interrupted(server: RunningServer) -> None:
    """Ctrl-C ends it with a report of what was done, which is no pass."""
    told: list[int] = []

    def interrupted(done: int, total: int, what: str) -> None:
        del total, what
        told.append(done)
        raise KeyboardInterrupt

    report = canary(asking(server), Wanted(languages=("uk",), draw=8), CLOCK, interrupted)
    assert told
    assert report.outcome == Level.NO_DATA
    (check,) = [check for check in report.checks if check.name == "canary.finished"]
    assert "interrupted" in check.reason
    assert 0 < len(report.facts["samples"]) < 4
    late = canary(asking(server), Wanted(limit_s=0.0), CLOCK)
    assert (late.outcome, late.facts["samples"]) == (Level.NO_DATA, {})


def test_nobody_there_is_no_data(tmp_path: Path) -> None:
    """Where no server answers there is nothing to judge, and that is no pass."""
    nobody = Server(Where(data=tmp_path))
    assert canary(nobody, Wanted(), CLOCK).exit_code == 3
    assert verify(nobody, Held(), CLOCK, _no_wait).exit_code == 3


def test_a_healthy_deployment_is_verified(server: RunningServer) -> None:
    """Both arms by their bytes, the cache, the figures, the settings and the rollout in force: all hold."""
    expected = {
        "providers": {"synthesizers": ["espeak"]},
        "rollout": {"name": "heard", "share_percent": 50.0, "stage": 0, "phase": "running"},
    }
    report = verify(asking(server), Held(expected, draw=40), CLOCK, _no_wait)
    assert of(report, Level.FAIL, Level.WARN, Level.NO_DATA) == []
    assert {
        *("synthesis.baseline.en.voice", "synthesis.candidate.en.voice", "synthesis.arms.en", "metrics.moves"),
        *("cache.baseline.en.own", "cache.candidate.en.same", "cache.candidate.en.voice"),
        *("settings.providers.synthesizers", "settings.rollout.share_percent", "rollout.heard.controller"),
    } <= set(of(report, Level.PASS))


def test_what_is_not_as_expected_is_found(server: RunningServer) -> None:
    """Other settings, another share, old figures, and a candidate that is answered with the baseline."""
    figures = asking(server).fetch("GET", "/metrics").body
    expected = {"voice": {"profile": "quality"}, "rollout": {"share_percent": 25}}
    between = Between(asking(server), figures=figures, sound={"arm": "baseline"})
    report = verify(between, Held(expected, draw=50), CLOCK, _no_wait)
    assert {
        *("settings.voice.profile", "settings.rollout.share_percent", "metrics.moves"),
        *("synthesis.candidate.en.voice", "synthesis.arms.en", "cache.candidate.en.own"),
    } <= set(of(report, Level.FAIL))


def test_verify_ends_well_unless_it_is_asked_not_to(server: RunningServer, tmp_path: Path) -> None:
    """Without --exit-on-error the outcome is told and the exit code is 0; with it the exit code holds."""
    file = tmp_path / "expected.yaml"
    file.write_text("voice: {profile: quality}\n", encoding="utf-8")
    command = ["verify", "--data", str(server.data), "--expect", str(file), "--no-record"]
    with suppress(SystemExit):
        app(command, exit_on_error=False, result_action="return_value")
    with pytest.raises(SystemExit) as ended:
        app([*command, "--exit-on-error"], exit_on_error=False, result_action="return_value")
    assert ended.value.code == 1


def _no_wait(seconds: float) -> None:
    raise Unavailable(f"The server asked to wait for {seconds} s.")
