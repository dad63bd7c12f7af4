"""The plans that ship on the examples they belong to: real Segue processes, with our servers in the vendors' places."""

from collections import Counter
from typing import Any

import httpx2

from tests.rollouts import until
from tests.server import RunningServer
from tests.stories.timeline import PLANS
from tests.vendors import edge, google, openai, openai_chat, openai_wire
from tests.vendors.script import Fault, Script
from tests.vendors.street import opened
from tests.web.test_examples import KEYS, RIVER, Place, ask, example


class Served:
    """A plan that ships, started on a server over its API, with listeners of its own."""

    def __init__(self, server: RunningServer, name: str) -> None:
        self.server, self.name = server, name
        body = {"plan": (PLANS / f"{name}.yaml").read_text(encoding="utf-8"), "reason": "a test"}
        self.decision = self._posted("/api/rollouts", body)["decision"]

    def command(self, verb: str, **words: Any) -> dict[str, Any]:
        """Command the rollout; gives the decision."""
        decision: dict[str, Any] = self._posted(f"/api/rollouts/{self.name}/{verb}", words)["decision"]
        return decision

    def status(self) -> dict[str, Any]:
        """How it stands."""
        found: dict[str, Any] = httpx2.get(
            f"{self.server.url}/api/rollouts/{self.name}", headers=self.server.headers
        ).json()
        return found

    def stage(self) -> str:
        """The stage it is in."""
        name: str = self.status()["stage"]["name"]
        return name

    def variant(self, listener: str, **where: str) -> str:
        """What a listener would be given."""
        found = httpx2.get(f"{self.server.url}/api/assignment", params={"listener": listener, **where}).json()
        variant: str = found["variant"]
        return variant

    def _posted(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx2.post(self.server.url + path, json=body, headers=self.server.headers)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


def spoken(server: RunningServer, text: str, **fields: Any) -> str:
    """Who read a text out."""
    answer = httpx2.post(f"{server.url}/api/voice/tts", json={"text": text, **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    provider: str = answer.headers["x-segue-provider"]
    return provider


def test_chirp3_goes_back_to_wavenet_when_chirp3_fails() -> None:
    """Half of Pip-Boy's listeners hear Chirp 3 until it fails for more than a fifth of them; then nobody does."""
    with opened() as street:
        chirp, wavenet = (Place(Script()).take(street, google.serving) for _ in range(2))
        with example("chirp3", {"chirp3": chirp, "wavenet": wavenet}, KEYS) as server:
            plan = Served(server, "chirp3-staging")
            assert plan.decision["kind"] == "started"
            assert plan.variant("listener-1", character="pip_boy", language="zh") == "wavenet"
            plan.command("promote", force=True)
            plan.command("promote", force=True)
            assert plan.stage() == "pip-boy-half"

            def talk(number: int, character: str = "pip_boy") -> tuple[str, str]:
                listener = f"listener-{number}"
                given = plan.variant(listener, character=character, language="zh")
                said = f"你好，第{number}位。"
                return given, spoken(server, said, language="zh", character=character, listener=listener)

            assert {talk(number) for number in range(30)} == {("chirp3", "chirp3"), ("wavenet", "wavenet")}
            assert {talk(number, "ghoul") for number in range(40, 50)} == {("wavenet", "wavenet")}

            chirp.script.fault = Fault.SERVER
            number = 50
            while plan.status()["phase"] == "running":
                _, provider = talk(number)
                assert provider == "wavenet"
                number += 1
                assert number < 400
            status = plan.status()
            assert (status["phase"], status["last"]["gate"]) == ("rolled_back", "fallback")
            assert {talk(number)[0] for number in range(20)} == {"wavenet"}
            counted = Counter(record["arm"] for record in server.records() if record["rollout"] == "chirp3-staging/1")
            assert counted["candidate"] > 20
            assert counted["baseline"] > 20


def test_phase2_streams_for_whom_it_was_agreed_to() -> None:
    """Nobody before the preflight is agreed to; then few, whose sound begins before the reply is written."""
    with opened() as street:
        names = ("gemma3", "qwen3_5", "qwen3_14b")
        places = {name: Place(openai_chat.ModelScript(tokens=RIVER)).take(street, openai.serving) for name in names}
        places["edge"] = Place(edge.EdgeScript()).take(street, edge.serving)
        keys = {f"{name.upper()}__KEY": openai_wire.KEY for name in names}
        with example("phase2-streaming", places, {}, **keys) as server:
            plan = Served(server, "voice-phase2")
            until(lambda: plan.status()["last"]["code"] == "approval")
            assert plan.status()["approval"] == {"needed": True, "stage": "few"}
            assert plan.command("approve", stage="few")["kind"] == "approved"
            until(lambda: plan.stage() == "few")
            plan.command("promote", force=True)

            listeners = [f"listener-{number}" for number in range(12)]
            given = {listener: plan.variant(listener, language="uk") for listener in listeners}
            assert set(given.values()) == {"whole", "streamed"}
            turns = {ask(server, "Розкажи про Дніпро.", listener=listener).turn: listener for listener in listeners}
            records = {record["turn"]: record for record in server.records()}
            for turn, listener in turns.items():
                assert records[turn]["variant"] == given[listener]
                assert (records[turn]["arm"] == "candidate") == (given[listener] == "streamed")
            until(lambda: plan.status()["realised"]["candidate"] + plan.status()["realised"]["baseline"] == 12)
            assert plan.command("rollback", reason="enough")["kind"] == "rolled_back"
            assert plan.variant(next(name for name in listeners if given[name] == "streamed"), language="uk") == "whole"


def test_the_switch_of_providers_is_sticky_and_goes_back_at_once() -> None:
    """Each listener stays with one vendor; after a roll back the next turn of each is OpenAI's again."""
    with opened() as street:
        places = {
            "openai_tts": Place(Script()).take(street, openai.serving),
            "google_tts": Place(Script()).take(street, google.serving),
        }
        extra = {f"{name}__KEY_VARIABLE": "OPENAI_API_KEY" for name in ("OPENAI_TTS", "OPENAI_STT")}
        keys = KEYS | {"YANDEX_API_KEY": ""}
        with example("voice-v2", places, keys, **extra) as server:
            plan = Served(server, "voice-v2-switch")
            for stage in ("quarter", "half"):
                plan.command("promote", force=True)
                assert plan.stage() == stage
            vendors = {"openai": "openai_tts", "google": "google_tts"}
            given = {f"listener-{number}": plan.variant(f"listener-{number}", language="ru") for number in range(20)}
            assert set(given.values()) == set(vendors)
            for attempt in ("первая", "вторая"):
                for listener, variant in given.items():
                    said = f"Это {attempt} фраза для {listener}."
                    assert spoken(server, said, language="ru", listener=listener) == vendors[variant]
            until(lambda: plan.status()["realised"]["candidate"] + plan.status()["realised"]["baseline"] == 20)
            plan.command("rollback", reason="enough")
            for listener in given:
                assert spoken(server, f"И это для {listener}.", language="ru", listener=listener) == "openai_tts"
