"""The OpenAPI document against the server that serves it: each keeps the word of the other."""

from typing import Any

import httpx2
import pytest

from tests.schema import SERVED, tried
from tests.server import RunningServer, running

TOLD = ("application/json", "application/problem+json")


@pytest.fixture(scope="module")
def paths(embedded: RunningServer) -> dict[str, Any]:
    """The operations of the document, by path and method."""
    found: dict[str, Any] = httpx2.get(f"{embedded.url}/api/openapi.json").json()["paths"]
    return found


def test_what_is_asked_by_the_document_is_answered_by_it() -> None:
    """Requests generated from the document, valid and invalid ones, pass every check that Schemathesis has.

    `python -m tests.schema` asks much more: it goes through every boundary of every field, too.
    """
    with running(SERVED) as server:
        assert tried(server, 3, "examples,fuzzing") == []
        session = httpx2.get(f"{server.url}/api/session", headers=server.headers).json()
        verdict = httpx2.get(f"{server.url}/api/audit/verification", headers=server.headers).json()

    assert session["scopes"] == ["admin"]
    assert (verdict["ok"], verdict["faults"]) == (True, [])
    assert not [line for line in server.log if '"level": "error"' in line]


def test_every_operation_says_how_it_may_answer(paths: dict[str, Any]) -> None:
    """Where a key is needed 401 and 403 are told; where JSON is read 400, 413 and 415; each error has a shape."""
    for path, methods in paths.items():
        for operation in methods.values():
            answers = operation["responses"]
            assert {"403", "408", "413"} <= set(answers), path
            if "security" in operation:
                assert {"401", "403", "503"} <= set(answers), path
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                assert {"400", "413", "415"} <= set(answers), path
            assert all(answer["content"] for status, answer in answers.items() if status >= "400"), path
            assert all("x-request-id" in answer["headers"] for answer in answers.values()), path


def test_every_answer_of_the_operators_has_a_shape(paths: dict[str, Any]) -> None:
    """No JSON that operators get is just any object: the document names its fields."""
    shapeless = [
        (path, method, status)
        for path, methods in paths.items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        for media_type, content in answer.get("content", {}).items()
        if "security" in operation and media_type in TOLD and not {"$ref", "anyOf"} & set(content.get("schema", {}))
    ]
    assert sorted(shapeless) == [
        ("/api/plans/schema", "get", "200"),  # a JSON Schema
    ]


def test_a_path_tells_every_method_it_knows(embedded: RunningServer) -> None:
    """A method that is not there is refused with all those that are; so is one under which a verb would stand."""
    answer = httpx2.request("OPTIONS", f"{embedded.url}/api/session")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, POST")
    answer = httpx2.post(f"{embedded.url}/api/rollouts/any/decisions", headers=embedded.headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    answer = httpx2.get(f"{embedded.url}/api/rollouts/any/pause", headers=embedded.headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_body_is_taken_as_it_is_written(embedded: RunningServer) -> None:
    """A word is no number and a number no truth value, but 1.0 is the number 1."""
    with embedded.client() as client:
        for wrong in ({"dry_run": 1}, {"dry_run": True, "batch": "5"}, {"dry_run": True, "before_days": "5"}):
            answer = client.post("/api/audit/prune", json=wrong)
            assert (answer.status_code, answer.json()["param"]) == (400, list(wrong)[-1])
        assert client.post("/api/audit/prune", json={"dry_run": True, "batch": 5.0}).status_code == 200
