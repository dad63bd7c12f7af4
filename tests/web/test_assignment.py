"""Who would be given what, over HTTP, on a real server with a rollout that its environment restricts."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from segue.openfeature import SegueProvider
from tests.kept import kept
from tests.rollouts import QUICK, started, until
from tests.server import RunningServer, running

ENVIRONMENT = {
    "CHIRP3_ROLLOUT_PERCENTAGE": "60",
    "CHIRP3_ENABLED_CHARACTERS": "*",
    "CHIRP3_FALLBACK_TO_WAVENET": "no",
    "BROKEN_ENABLED": "perhaps",
}
LISTENERS = {"listener-1": 644, "Олена": 1756, "listener-3": 6202, "Пётр": 8644, "listener-2": 9928}
"""Their buckets of the salt `chirp3`."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server whose environment restricts two rollouts, the second one by a value that says nothing."""
    with running(QUICK, environment=ENVIRONMENT) as server:
        yield server


def asked(server: RunningServer, status: int = 200, **params: str) -> dict[str, Any]:
    """What a turn would be given."""
    answer = httpx2.get(f"{server.url}/api/assignment", params=params)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def routing(server: RunningServer) -> dict[str, Any]:
    """The table that is in force."""
    found: dict[str, Any] = httpx2.get(f"{server.url}/api/routing", headers=server.headers).json()
    return found


def chatted(server: RunningServer, **body: Any) -> dict[str, Any]:
    """The `meta` of a turn."""
    body = {"text": "Good morning.", "language": "en", **body}
    headers = {"accept": "application/x-ndjson"}
    answer = httpx2.post(f"{server.url}/api/voice/chat/stream", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    meta: dict[str, Any] = json.loads(answer.text.splitlines()[0])
    return meta


def test_without_a_rollout_everybody_is_given_the_baseline(server: RunningServer) -> None:
    """The table has no exposure, and nobody is drawn."""
    assert routing(server)["exposure"] is None
    found = asked(server, listener="anna")
    assert (found["reason"], found["arm"], found["bucket"]) == ("no_rollout", "", None)
    assert asked(server)["reason"] == "no_listener"


def test_a_turn_is_given_what_was_told(server: RunningServer) -> None:
    """Each listener hears what `/api/assignment` says, within what this machine's environment allows."""
    stages = [{"name": "most", "share": "80%", "dwell": "1h"}]
    with started(server, "chirp3", environment="CHIRP3", stages=stages):
        table = routing(server)
        assert table["restricted"] == (
            "at most 60 % hear the candidate; only its own synthesizer speaks for the candidate"
        )
        assert table["exposure"]["share_bp"] == 8000
        assert table["exposure"]["candidate"]["fallback"] is False

        told = {name: asked(server, listener=name) for name in LISTENERS}
        assert {name: found["bucket"] for name, found in told.items()} == LISTENERS
        assert {name: (found["variant"], found["arm"], found["reason"]) for name, found in told.items()} == {
            "listener-1": ("new", "candidate", "share"),
            "Олена": ("new", "candidate", "share"),
            "listener-3": ("old", "", "restricted"),
            "Пётр": ("old", "baseline", "share"),
            "listener-2": ("old", "", "restricted"),
        }
        turns = [chatted(server, listener=name)["turn"] for name in told]
        for record, found in zip(kept(server, turns), told.values(), strict=True):
            assert (record["variant"], record["arm"], record["assigned"], record["rollout"]) == (
                found["variant"],
                found["arm"],
                found["reason"],
                "chirp3/1",
            )
        assert kept(server, [chatted(server)["turn"]])[0]["assigned"] == "no_listener"
        for variant, reason, count in (("new", "share", 2), ("old", "restricted", 2), ("old", "no_listener", 1)):
            sample = f'segue_assignments_total{{reason="{reason}",variant="{variant}"}}'
            assert server.metric(sample) == count


def test_a_visit_keeps_its_arm_until_it_is_rolled_back(server: RunningServer) -> None:
    """Who heard the baseline at 50 % still does at 100 %, in another visit no more; a rollback is for every visit."""
    anna = {"listener": "listener-3"}  # bucket 6202 of this salt
    with started(server, "chirp3") as address:
        first = chatted(server, **anna)
        assert first["variant"] == "old"
        forward = {"reason": "It is a test.", "force": True}
        assert httpx2.post(f"{address}/approve", json={"stage": "all"}, headers=server.headers).status_code == 200
        assert httpx2.post(f"{address}/promote", json=forward, headers=server.headers).status_code == 200

        stayed, other = chatted(server, **anna, session=first["session"]), chatted(server, **anna)
        assert (stayed["variant"], other["variant"]) == ("old", "new")
        assert httpx2.post(f"{address}/rollback", json=forward, headers=server.headers).status_code == 200
        assert chatted(server, **anna, session=other["session"])["variant"] == "old"
        (record,) = kept(server, [stayed["turn"]])
        assert (record["assigned"], record["arm"]) == ("session", "baseline")


def test_a_value_that_says_nothing_keeps_the_candidate_away(server: RunningServer) -> None:
    """A variable that cannot be read is an error in the log, and nobody hears the candidate until it is mended."""
    with started(server, "broken", environment="BROKEN"):
        assert chatted(server, listener="listener-1")["variant"] != "new"
        until(lambda: [line for line in server.log if "BROKEN_ENABLED='perhaps'" in line and '"error"' in line])


def test_questions_that_cannot_be_answered_are_refused(server: RunningServer) -> None:
    """An empty name, a control character or a language that is not spoken here is the caller's mistake."""
    assert asked(server, 400, listener="")["status"] == 400
    assert asked(server, 400, listener="a\nb")["status"] == 400
    assert asked(server, 400, listener="a", language="tlh")["code"] == "unknown_language"


def test_an_app_follows_through_its_own_flags(server: RunningServer) -> None:
    """OpenFeature's SDK gives each listener the variant that a turn gets, while a rollout runs and when it is over."""
    api.set_provider_and_wait(SegueProvider(server.url, key=server.made("app", "read"), poll_s=0.05), "followed")
    client = api.get_client("followed")
    anna = EvaluationContext("listener-1", {"language": "en"})
    try:
        assert client.get_string_details("voice", "nothing", anna).reason is Reason.STATIC
        with started(server, "chirp3"):
            until(lambda: client.get_boolean_value("chirp3", False, anna))
            found = {name: client.get_string_details("chirp3", "", EvaluationContext(name)) for name in LISTENERS}
            for name, each in found.items():
                told = asked(server, listener=name)
                assert (each.value, each.reason, dict(each.flag_metadata)) == (
                    told["variant"],
                    Reason.SPLIT,
                    {
                        "version": told["version"],
                        "assigned": told["reason"],
                        **{key: told[key] for key in ("rollout", "stage", "arm", "bucket")},
                    },
                )
        until(lambda: client.get_boolean_details("chirp3", False, anna).error_code is ErrorCode.FLAG_NOT_FOUND)
    finally:
        api.shutdown()
