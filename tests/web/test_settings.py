"""Live settings in a real server: who speaks, what is told, what is refused, and the commands that do it."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segue import __version__
from segue.cli.main import main
from segue.settings import load
from segue.voice.live import LiveSettings
from segue.wiring.house import House, build
from tests.server import RunningServer, running

TWO = {
    "providers": {
        "models": ["offline", "scripted"],
        "synthesizers": ["scripted", "espeak"],
        "recognizers": [],
        "espeak": {"workers": 1},
    },
    "voice": {"languages": ["en"]},
}
"""Two models and two synthesizers; one name is among both."""
SETTINGS = "/api/settings"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """One server for this module; every test puts it back."""
    with running(TWO) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    """A client that may do everything; afterwards all is as configured again."""
    with server.client() as client:
        yield client
        assert client.post(f"{SETTINGS}/restore", json={"version": 0, "reason": "as before"}).status_code == 200


def put(client: httpx2.Client, off: dict[str, str], first: dict[str, str] | None = None, **more: Any) -> Any:
    """Make these the live settings, upon those in force."""
    base = client.get(SETTINGS).json()["version"]
    live = {"off": off, "first": first or {}}
    return client.put(SETTINGS, json={"base": base, "live": live, "reason": "why", **more})


def state(client: httpx2.Client, name: str, role: str) -> tuple[str, str]:
    """How a provider is, and why."""
    items = client.get("/api/providers").json()["items"]
    (found,) = [item for item in items if (item["name"], item["role"]) == (name, role)]
    return found["state"], found["reason"]


def test_the_configuration_is_told(server: RunningServer, client: httpx2.Client) -> None:
    """What is in force, of which program, since when; and no secret, not even the key that asks."""
    answer = client.get(SETTINGS)
    told = answer.json()
    assert (told["live"], told["ignored"], told["trouble"]) == ({"off": {}, "first": {}}, [], "")
    assert told["effective"]["providers"]["synthesizers"] == ["scripted", "espeak"]
    assert (told["effective"]["secret"], told["segue"], told["node"]) == ("unset", __version__, "main")
    assert {"sqlalchemy", "espeakng-loader"} <= set(told["libraries"])
    assert server.key.split("_")[3] not in answer.text


def test_who_is_switched_off_is_passed_by(server: RunningServer, client: httpx2.Client) -> None:
    """The next one speaks, nobody counts a failure, and wherever the provider is told, it is told why."""
    assert put(client, {"scripted": "it only beeps"}).status_code == 200
    assert state(client, "scripted", "synthesizer") == state(client, "scripted", "model")
    assert state(client, "scripted", "synthesizer") == ("switched off", "it only beeps")
    chains = client.get("/api/providers").json()["chains"]
    assert (chains["synthesizers"], chains["models"]["fast"]) == (["espeak"], ["offline"])
    answer = client.post("/api/voice/tts", json={"text": "One."})
    assert (answer.status_code, answer.headers["x-segue-voice"] != "beep") == (200, True)
    turn = client.get("/api/turns?limit=1").json()["items"][0]
    assert {each["provider"] for each in turn["attempts"]} == {"espeak"}
    assert turn["first_choice"] == "espeak"
    assert server.metric('segue_provider_left_out{provider="synthesizer:scripted"}') == 1
    assert {voice["provider"] for voice in client.get("/api/voice/voices").json()["items"]} == {"espeak"}
    named = client.post("/v1/audio/speech", json={"model": "scripted", "voice": "alloy", "input": "One."})
    assert named.status_code == 200
    turn = client.get("/api/turns?limit=1").json()["items"][0]
    assert (turn["first_choice"], {each["provider"] for each in turn["attempts"]}) == ("scripted", {"espeak"})


def test_who_goes_first_is_asked_first(client: httpx2.Client) -> None:
    """The chain, its voices and the next turn begin with it; on the configuration's word again it does not."""
    assert put(client, {}, {"synthesizer": "espeak", "model": "scripted"}).status_code == 200
    chains = client.get("/api/providers").json()["chains"]
    assert (chains["synthesizers"], chains["models"]["quality"]) == (["espeak", "scripted"], ["scripted", "offline"])
    assert client.get("/api/voice/voices").json()["items"][0]["provider"] == "espeak"
    assert client.post("/api/voice/tts", json={"text": "One."}).status_code == 200
    assert client.get("/api/turns?limit=1").json()["items"][0]["first_choice"] == "espeak"
    assert put(client, {}).json()["live"]["first"] == {}
    assert client.get("/api/providers").json()["chains"]["synthesizers"] == ["scripted", "espeak"]


def test_what_cannot_be_is_refused(client: httpx2.Client) -> None:
    """Unknown names, an old base, a role that loses everybody, a missing reason: nothing is changed by any of them."""
    before = client.get(SETTINGS).json()["version"]
    assert "try espeak" in put(client, {"espeek": "x"}).json()["detail"]
    lonely = put(client, {"scripted": "x", "espeak": "x"})
    assert (lonely.status_code, lonely.json()["param"]) == (400, "live")
    assert "Nobody would be left as synthesizer" in lonely.json()["detail"]
    late = client.put(SETTINGS, json={"base": before + 7, "live": {"off": {}, "first": {}}, "reason": "why"})
    assert (late.status_code, late.json()["code"], late.json()["current"]["version"]) == (409, "outdated", before)
    assert put(client, {"espeak": " "}).status_code == 400
    assert put(client, {}, reason="").status_code == 400
    gone = client.post(f"{SETTINGS}/restore", json={"version": before + 7, "reason": "why"})
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_version")
    assert client.get(SETTINGS).json()["version"] == before


def test_a_server_on_which_nobody_speaks_is_not_ready_and_can_be_mended(client: httpx2.Client) -> None:
    """Forced, even the last one goes: the server says that it is not ready, and why, until somebody is on again."""
    assert put(client, {"scripted": "x", "espeak": "it is drawn"}, force=True).status_code == 200
    ready = client.get("/api/ready")
    assert (ready.status_code, ready.json()["reasons"]["synthesis"]) == (503, "switched off: x")
    refused = client.post("/api/voice/tts", json={"text": "One."})
    assert (refused.status_code, "espeak: switched off: it is drawn" in refused.json()["detail"]) == (502, True)
    assert put(client, {"scripted": "x"}).status_code == 200
    assert client.get("/api/ready").status_code == 200


def test_the_commands_do_it(
    server: RunningServer, client: httpx2.Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off, first, on again, back to a version: each ends with what is in force, each mistake with one sentence."""
    monkeypatch.delenv("SEGUE_DATA", raising=False)

    def said(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            main([*words, "--data", str(server.data)])
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out + told.err

    off = said("providers", "off", "scripted", "--reason", "beeps [a lot]")
    assert (off[0], "#   scripted is switched off: beeps [a lot]" in off[1]) == (0, True)
    assert "switched off beeps [a lot]" in said("providers")[1]
    number = client.get(SETTINGS).json()["version"]
    assert "#   first synthesizer: espeak" in said("providers", "first", "espeak", "--reason", "clear")[1]
    assert "say which with --role" in said("providers", "first", "scripted", "--reason", "?")[1]
    assert "scripted is switched off" not in said("providers", "on", "scripted")[1]
    assert said("providers", "on", "scripted") == (1, "segue: scripted is not switched off; nobody is.\n")
    dry = said("settings", "restore", str(number), "--reason", "again", "--dry-run")
    assert dry[1].splitlines() == [
        "scripted is switched off: beeps [a lot]",
        "first synthesizer: as configured; it was: espeak",
    ]
    assert "beeps" not in said("settings", "show")[1]
    assert "#   scripted is switched off" in said("settings", "restore", str(number), "--reason", "again")[1]
    assert "beeps [a lot]" in said("settings", "history")[1]
    assert said("settings", "diff", "0", str(number))[1] == "scripted is switched off: beeps [a lot]\n"
    wrong = said("settings", "set", "--first", "voice=espeak", "--reason", "?")
    assert (wrong[0], "there is no role 'voice'" in wrong[1]) == (1, True)
    assert said("settings", "set", "--off", "espeak", "--reason", "?") == (
        1,
        "segue: --off 'espeak': write NAME=REASON.\n",
    )


@asynccontextmanager
async def started(folder: Path, *models: str) -> AsyncIterator[House]:
    """A server in this process with these models, on a data folder."""
    chosen = {"models": list(models), "synthesizers": ["scripted"], "recognizers": []}
    (folder / "segue.yaml").write_text(
        json.dumps({"providers": chosen, "voice": {"languages": ["en"]}}), encoding="utf-8"
    )
    house = build(load(folder / "segue.yaml", data=folder / "data"))
    async with house.running():
        yield house


async def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    """What was switched off stays off; what is not configured any more is told, and the rest holds all the same."""
    wanted = LiveSettings({"offline": "dull"}, {"model": "offline"})
    async with started(tmp_path, "offline", "scripted") as house:
        await house.governing.versions.change(0, wanted, "why", by="ada", force=False)
    async with started(tmp_path, "offline", "scripted") as house:
        assert house.plane.models.order() == ("scripted",)
        assert house.governing.versions.current.value == wanted
    async with started(tmp_path, "scripted") as house:
        assert house.governing.versions.current.number == 1
        assert house.governing.versions.ignored == (
            "offline is switched off, but not configured here.",
            "offline is to go first as model, but is not configured here as one.",
        )
