"""A deployment that can be broken in one way at a time: a vendor that really speaks, and a Segue that depends on it.

The vendor speaks OpenAI's protocol as ours does everywhere in the tests, but with voices: eSpeak NG speaks for it, each
of its voices with one of its own. What it is told to do wrong, it does to real speech.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from aiohttp import web

from segue.cli.asking import Server, Where
from segue.clock import SystemClock
from segue.errors import ConfigurationError
from segue.operations.listening.canary import Wanted, canary
from segue.operations.listening.take import Kept
from segue.operations.listening.verify import Wanted as VerifyWanted
from segue.operations.listening.verify import verify
from segue.operations.ports import Answer, Asking
from segue.operations.readiness.lineup import PINS
from segue.operations.readiness.preflight import Ground
from segue.operations.readiness.preflight import preflight as looked
from segue.operations.readiness.telemetry import installed
from segue.operations.report import Check, Report
from segue.providers.espeak import RATE, EspeakSynthesizer
from segue.settings import load
from segue.telemetry.alerts import everything
from segue.telemetry.files import RULES, files
from segue.telemetry.rule import Alert, Links, Recording, text
from segue.voice.containers import wav
from segue.voice.ports import Utterance
from segue.wiring.monitoring import basis_of, monitoring_at
from segue.wiring.preflight import gathered, reach
from tests.faults.front import Front, standing_before
from tests.prometheus import RunningPrometheus, prometheus
from tests.relay import Relay
from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_wire import KEY, bad
from tests.vendors.script import Heard, Script
from tests.vendors.street import opened

Wave = npt.NDArray[np.float64]
Bend = Callable[[Wave], Wave]
"""What is done to the samples of a sentence, from -1 to 1, before they are sent."""
PIECE_BYTES = 16_384
VOICES: Mapping[tuple[str, str], str] = {
    ("old", "nova"): "en-us+f3",
    ("old", "onyx"): "en-us+m3",
    ("new", "nova"): "en+f5",
    ("new", "onyx"): "en+m7",
}
"""By the vendor's model and voice, the voice of eSpeak NG that is heard."""


@dataclass
class StudioScript(Script):
    """What the vendor does wrong, and to whom."""

    voices: dict[tuple[str, str], str] = field(default_factory=lambda: dict(VOICES))
    bend: Bend | None = None
    models: tuple[str, ...] = ("old", "new")
    """The models that it goes wrong with."""
    says: str = ""
    """What is said instead of the text."""
    late_s: float = 0.0
    """How long the first byte is waited for."""
    status: int = 200
    """Another one is a refusal; 0 is a success whose body is an error in JSON."""

    def heal(self) -> None:
        """All is well again."""
        self.__dict__.update(StudioScript().__dict__)


class Studio(openai.Server):
    """The vendor."""

    def __init__(self, script: StudioScript, heard: list[Heard], mouth: EspeakSynthesizer) -> None:
        super().__init__(script, heard)
        self._told = script
        self._mouth = mouth

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/speech`."""
        heard, refused = self.came(request, await request.json())
        wanted, told = heard.body, self._told
        if refused is not None:
            return refused
        if (wanted["model"], wanted["voice"]) not in told.voices:
            return bad(f"There is no voice {wanted['voice']!r} of the model {wanted['model']!r}.")
        wrong = wanted["model"] in told.models
        if wrong and told.status >= 400:
            return bad("The server had an error.", status=told.status)
        if wrong and told.status == 0:
            return web.Response(text=json.dumps(openai.ERROR), content_type="audio/wav")
        text = told.says if wrong and told.says else wanted["input"]
        pcm = await self._spoken(text, told.voices[wanted["model"], wanted["voice"]], wanted.get("speed", 1.0))
        if wrong and told.bend is not None:
            pcm = bent(pcm, told.bend)
        answer = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        answer.enable_chunked_encoding()
        async with self.watched(heard):
            await self.clock.sleep(told.late_s if wrong else 0.0)
            await answer.prepare(request)
            await answer.write(wav.header(RATE))
            for at in range(0, len(pcm), PIECE_BYTES):
                await answer.write(pcm[at : at + PIECE_BYTES])
            await answer.write_eof()
        return answer

    async def _spoken(self, text: str, voice: str, speed: float) -> bytes:
        async with aclosing(self._mouth.speak(Utterance(text, "en", voice, speed))) as pieces:
            return b"".join([piece.pcm async for piece in pieces])


def bent(pcm: bytes, bend: Bend) -> bytes:
    """Samples with something done to them."""
    wave = np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768
    return bytes((np.clip(bend(wave), -1.0, 32_767 / 32_768) * 32_768).astype("<i2").tobytes())


@asynccontextmanager
async def studio(script: StudioScript, heard: list[Heard]) -> AsyncIterator[str]:
    """The vendor on a free port of loopback; gives its address with `/v1`."""
    mouth = EspeakSynthesizer(SystemClock(), processes=1)
    await mouth.start()
    runner = web.AppRunner(
        Studio(script, heard, mouth).application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()
        await mouth.close()


CATALOGUE = """
characters:
  guide: {name: Guide, voices: {studio: nova, newer: nova, espeak: {en: en-us+f4}}}
  trader: {name: Trader, voices: {studio: onyx, newer: onyx, espeak: {en: en-us+m7}}}
"""
PLAN: dict[str, Any] = {
    "name": "newer",
    "about": "A newer model of the same vendor.",
    "baseline": {"name": "old", "synthesizer": "studio"},
    "candidate": {"name": "new", "synthesizer": "newer"},
    "gates": {"ttfa": {"kind": "latency", "over": "6s"}, "success": {"kind": "failure", "at_most": "5%"}},
    "stages": [{"name": "half", "share": "50%", "dwell": "1h"}],
}
EXPECTED: dict[str, Any] = {
    "providers": {"synthesizers": ["studio", "newer", "espeak"]},
    "rollout": {"name": "newer", "share_percent": 50, "stage": 0, "phase": "running"},
}
"""What the deployment should be, by the word of whoever released it."""
ACCEPTED = ("clock.synchronized", "database.version", "chain.recognizer.en")
"""Warnings of the machine that the tests run on, and of one recognizer being enough for them."""


def settings(vendor: str, model: str, folder: Path) -> dict[str, Any]:
    """Settings of a deployment that depends on the vendor, whose catalogue and heads are in a folder."""
    speaks: dict[str, Any] = {"vendor": "openai-synthesizer", "url": vendor, "key": KEY}
    speaks |= {"voices": ["nova", "onyx"], "languages": ["en"], "rate": RATE}
    return {
        "providers": {
            "models": ["writer", "offline"],
            "synthesizers": ["studio", "newer", "espeak"],
            "recognizers": ["pocketsphinx"],
            "named": {
                "studio": {**speaks, "model": "old"},
                "newer": {**speaks, "model": "new"},
                "writer": {"vendor": "openai-model", "url": model, "key": KEY, "model": "small"},
            },
        },
        "voice": {
            "languages": ["en"],
            "characters": str(folder / "characters.yaml"),
            "breaker": {"in_a_row": 1000, "least": 1000},
        },
        "audit": {"heads": str(folder / "heads"), "head_entries": 1},
        "delivery": {"tick_s": 0.2, "flush_s": 0.2, "poll_s": 0.2},
    }


@dataclass
class Deployment:
    """A running Segue, the vendor it depends on, and the ways to look at both."""

    server: RunningServer
    script: StudioScript
    folder: Path
    file: Path
    """The settings."""
    relay: Relay
    """The line to the language model."""
    front: Front
    """What stands between listeners and the server."""
    clock: SystemClock = field(default_factory=SystemClock)
    kept: dict[str, Kept] = field(default_factory=dict)
    """What was kept of the canary of the healthy deployment, by sample."""
    watching: RunningPrometheus | None = None
    seen: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    """What was found of a state that breaks two things at once, by its name."""
    draws: int = 0
    """So many times it was listened to."""

    @property
    def asking(self) -> Server:
        """The server as the commands ask it on its own machine."""
        return Server(Where(data=self.server.data))

    def preflight(self, asking: Asking | None = None) -> tuple[Check, ...]:
        """What the preflight finds on the machine of the server, which runs."""
        ground = gathered(load(self.file, data=self.server.data), self.clock, running=True)
        return looked(asking or self.asking, self.clock, ground=ground, reach=lambda them: reach(them, self.clock))

    def listen(self, *names: str) -> Report:
        """What the canary hears: these samples, or all of them."""
        self.draws += 1
        kept = {name: replace(each, at_s=0.0) if name in names else each for name, each in self.kept.items()}
        return canary(self.asking, Wanted(kept=kept, budget=len(names) or None, draw=self.draws), self.clock)

    def verify(self, expected: Mapping[str, Any] | None = None) -> Report:
        """What is found by verifying the deployment through what stands before it."""
        self.draws += 50
        asking = Elsewhere(self.front.url, self.server.key)
        return verify(asking, VerifyWanted(expected or EXPECTED, draw=self.draws), self.clock, self.pause)

    def pause(self, seconds: float) -> None:
        """Wait where the server asks to; a deployment that is verified once is never asked to."""
        raise AssertionError(f"asked to wait for {seconds:g} s")

    def watched(self, *, url: str = "", head_s: float | None = None) -> tuple[Check, ...]:
        """What the preflight finds of the Prometheus that scrapes the server through what stands before it."""
        assert self.watching is not None
        found = load(self.file, data=self.server.data)
        basis = basis_of(found) if head_s is None else replace(basis_of(found), head_s=head_s)
        monitoring = monitoring_at(url or self.watching.url)
        return looked(None, self.clock, watched=lambda: installed(monitoring, everything(basis), Links()))

    def rules(self) -> str:
        """The file of rules as it is exported for this deployment."""
        return files(basis_of(load(self.file, data=self.server.data)), links=Links())[RULES]

    def from_elsewhere(self, key: str, url: str = "") -> tuple[Check, ...]:
        """What the preflight finds over an address, with a key; the address is that of the front."""
        return looked(Elsewhere(url or self.front.url, key), self.clock)

    def before(self, *, data: Path | None = None, plans: Path | None = None, **changes: Any) -> tuple[Check, ...]:
        """What the preflight finds before a server is started; `changes` are parts of the settings, written anew."""
        file = self.folder / "before.yaml"
        plain = json.loads(self.file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(merged(plain, changes)), encoding="utf-8")
        try:
            found = load(file, data=data or self.folder / "fresh")
        except ConfigurationError as error:
            return looked(None, self.clock, ground=Ground(fault=error.message))
        ground = gathered(found, self.clock, running=False, plans=plans)
        return looked(None, self.clock, ground=ground, pins={"edge": "0.0.1"} if "edge" in str(changes) else PINS)


class Elsewhere:
    """A server by its address, with a key. See `Asking`."""

    def __init__(self, url: str, key: str) -> None:
        self._server = Server(Where(url=url))
        self._key = key
        self.place = url

    def fetch(self, method: str, path: str, **more: Any) -> Answer:
        """See `Asking.fetch`."""
        return self._server.fetch(method, path, **{"key": self._key} | more)


def merged(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with some of them changed; a part that is None is left out."""
    found = dict(plain)
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            found[name] = merged(found[name], value)
        elif value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """A healthy deployment with everything in a folder: the vendor, the server, the proxy before it."""
    script, front = StudioScript(), Front()
    (folder / "characters.yaml").write_text(CATALOGUE, encoding="utf-8")
    with opened() as street:
        vendor = street.open(studio(script, []))
        relay = Relay(vendor)
        file = folder / "segue.json"
        plain = settings(vendor, f"{relay.url}/v1", folder)
        file.write_text(json.dumps(plain), encoding="utf-8")
        with running(file, data=folder / "data") as server:
            first = server.key
            server.__dict__["key"] = server.made("olha", "admin")
            with server.client() as client:
                assert client.post(f"/api/keys/{first.split('_')[2]}/revoke", json={}).is_success
            street.open(standing_before(front, server.url))
            it = Deployment(server, script, folder, file, relay, front)
            assert it.asking.fetch("POST", "/api/rollouts", body={"plan": PLAN}).status == 201
            with watched(it):
                yield it
        relay.close()


@contextmanager
def watched(it: Deployment) -> Iterator[None]:
    """A Prometheus that scrapes the deployment every second, through what stands before the server.

    Beside the rules as they are exported it has some of them without their patience.
    """
    folder = it.folder / "prometheus"
    folder.mkdir()
    basis = basis_of(load(it.file, data=it.server.data))
    hasty = [
        replace(group, name=f"hasty-{group.name}", interval_s=1, rules=tuple(_at_once(rule) for rule in group.rules))
        for group in everything(basis)
        if group.name == "segue-presence"
    ]
    (folder / RULES).write_text(it.rules(), encoding="utf-8")
    (folder / "hasty.yaml").write_text(text(hasty, Links()), encoding="utf-8")
    told = files(basis, links=Links())["prometheus.yaml"].replace("127.0.0.1:8002", it.front.url[len("http://") :])
    told = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", told)
    told = told.replace(f"  - {RULES}\n", f"  - {RULES}\n  - hasty.yaml\n")
    with prometheus(folder, told) as it.watching:
        yield


def _at_once(rule: Alert | Recording) -> Alert | Recording:
    return replace(rule, for_s=0) if isinstance(rule, Alert) else rule
