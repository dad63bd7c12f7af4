"""An operator tries how a text sounds: who speaks it, past what is kept, and what it leaves behind."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.rollouts import started, until
from tests.server import RunningServer, running

SETTINGS: dict[str, Any] = {
    "voice": {"languages": ["en"], "limits": {"first_audible_s": 0.5}},
    "providers": {
        "models": ["scripted"],
        "synthesizers": ["espeak", "scripted", "absent"],
        "recognizers": [],
        "named": {
            "absent": {
                "vendor": "openai-synthesizer",
                "url": "http://127.0.0.1:9/v1",
                "voices": ["alloy"],
                "languages": ["en"],
            }
        },
    },
    "delivery": {"tick_s": 0.1, "flush_s": 0.1, "poll_s": 0.1, "grace_s": 1.0},
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server with two synthesizers that speak, and one that nobody answers for."""
    with running(SETTINGS) as server:
        yield server


def tried(server: RunningServer, text: str, **fields: Any) -> httpx2.Response:
    """The answer to a try."""
    body = {"text": text, "language": "en", **fields}
    return httpx2.post(f"{server.url}/api/voice/try", json=body, headers=server.headers, timeout=30)


def metric(server: RunningServer, name: str) -> float:
    """The sum over all labels of a metric."""
    text = httpx2.get(f"{server.url}/metrics", headers=server.headers).text
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_a_try_is_a_finished_file_that_says_who_spoke_it(server: RunningServer) -> None:
    """The answer is a WAV file with exact sizes, and its headers name turn, variant, speaker and times."""
    answer = tried(server, "Forty-two lamps are lit.")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnframes() / file.getframerate() > 0.8
    record = server.record(answer.headers["segue-turn"])
    assert (record["kind"], record["arm"], record["assigned"]) == ("probe", "", "probe")
    told = {name: answer.headers[f"segue-{name}"] for name in ("variant", "provider", "voice", "cache")}
    assert told == {"variant": "baseline", "provider": "espeak", "voice": record["voice"], "cache": "bypassed"}
    first, total = (part.split("dur=")[1] for part in answer.headers["server-timing"].split(", "))
    assert 0 < float(first) <= float(total)


def test_the_provider_that_is_named_speaks_alone(server: RunningServer) -> None:
    """A named provider speaks though it is not the first; where it fails nobody takes its place, and it is told how."""
    assert tried(server, "Nine doors.", provider="scripted").headers["segue-provider"] == "scripted"
    failed = tried(server, "Nine doors.", provider="absent")
    assert failed.status_code in {502, 503}, failed.text
    assert failed.json()["category"] == "network"
    unknown = tried(server, "Nine doors.", provider="nobody")
    assert (unknown.status_code, unknown.json()["param"]) == (400, "provider")


def test_a_try_goes_past_what_is_kept_unless_it_is_asked_not_to(server: RunningServer) -> None:
    """`bypass` reads nothing and keeps nothing; `use` keeps, and then finds the same bytes."""
    text = "Seventeen keys hang here."
    told = [tried(server, text, cache=cache) for cache in ("bypass", "use", "use", "bypass")]
    assert [each.headers["segue-cache"] for each in told] == ["bypassed", "miss", "hit", "bypassed"]
    assert told[1].content == told[2].content


def test_an_arm_can_be_tried_only_while_there_is_one(server: RunningServer) -> None:
    """The candidate's own synthesizer speaks for it while its rollout is live; before and after, it is a 409."""
    refused = tried(server, "Six bells.", arm="candidate")
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    candidate = {"name": "new", "synthesizer": "scripted"}
    with started(server, "trying", candidate=candidate, baseline={"name": "old", "synthesizer": "espeak"}):
        answer = until(lambda: (found := tried(server, "Six bells.", arm="candidate")).is_success and found)
        assert (answer.headers["segue-variant"], answer.headers["segue-provider"]) == ("new", "scripted")
        assert tried(server, "Six bells.").headers["segue-provider"] == "espeak"
        forced = tried(server, "Six bells.", arm="candidate", provider="espeak")
        assert (forced.headers["segue-variant"], forced.headers["segue-provider"]) == ("new", "espeak")
        record = server.record(forced.headers["segue-turn"])
        assert (record["rollout"], record["arm"], record["listener"]) == ("trying/1", "", None), "it is in no arm"


def test_nothing_is_judged_by_a_try(server: RunningServer) -> None:
    """Tries count by themselves: in no measure of turns, and not as a sign of degradation, however many fail."""
    before = {name: metric(server, name) for name in ("segue_tries_total", "segue_turns_total")}
    for _ in range(3):
        tried(server, "Five stones.", provider="absent")
    assert metric(server, "segue_tries_total") == before["segue_tries_total"] + 3
    assert metric(server, "segue_turns_total") == before["segue_turns_total"]
    told = httpx2.get(f"{server.url}/api/voice/degradation_status", headers=server.headers).json()
    assert told["state"] == "unknown", "no turn has told anything"


@pytest.mark.parametrize(
    ("fields", "status"), [({"text": "x" * 301}, 400), ({"text": " "}, 400), ({"speed": 2}, 400), ({"arm": "c"}, 400)]
)
def test_what_cannot_be_tried_is_refused(server: RunningServer, fields: dict[str, Any], status: int) -> None:
    """A text that is empty or longer than 300 characters, an arm that is none, and unknown fields are refused."""
    assert tried(server, **{"text": "Yes.", **fields}).status_code == status


def test_trying_takes_a_key(server: RunningServer) -> None:
    """Without a key nothing is spoken: a try costs money."""
    answer = httpx2.post(f"{server.url}/api/voice/try", json={"text": "Yes."})
    assert answer.status_code == 401
