"""What requests that are generated from the OpenAPI document must know that no document can say.

Schemathesis loads this module before it runs. Nothing is taken back here of what the document says: only refusals with
400 (410 of a used link) are accepted, only of requests that fit the document, and only for the reasons named here.
"""

import json
import os
import uuid
from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

CODES = {
    "invalid_cursor": "a cursor is signed by the server that gave it",
    "unknown_language": "which languages are spoken is a matter of the settings",
    "unknown_voice": "which voices there are is a matter of the settings",
    "unknown_character": "which characters there are is a matter of the settings",
    "bad_audio": "whether bytes are audio is found out by decoding them",
    "plan": "a plan has rules beyond its own JSON Schema, which is served at /api/plans/schema",
}
"""Codes of refusals for what no schema can say, and what that is."""
_SPOKEN = "whether anything of a text can be spoken is found out by speaking it"
_EFFECT = "OpenAI takes it; what would be without its effect here is refused in words"
FIELDS = {
    ("POST /api/keys", "name"): "some names are taken, and which letters can be read is a matter of Unicode",
    ("POST /api/operations", "payload"): "a report has rules beyond what a schema of its Base64 could say",
    ("POST /api/voice/try", "provider"): "which synthesizers there are is a matter of the settings",
    ("POST /api/voice/try", "text"): _SPOKEN,
    ("POST /api/voice/tts", "text"): _SPOKEN,
    ("POST /v1/audio/speech", "input"): _SPOKEN,
    ("POST /v1/audio/transcriptions", "file"): "whether bytes are audio is found out by decoding them",
    ("POST /v1/audio/transcriptions", "include"): _EFFECT,
    ("POST /v1/audio/transcriptions", "response_format"): "which formats are streamed depends on another field",
    ("POST /v1/audio/transcriptions", "timestamp_granularities"): "it depends on another field",
    **{
        ("POST /v1/chat/completions", field): _EFFECT
        for field in (
            *("messages", "n", "stop", "response_format", "modalities"),
            *("tools", "functions", "audio", "logprobs", "web_search_options"),
        )
    },
    ("PUT /api/settings", "live"): "which providers there are is a matter of the settings",
    ("POST /api/settings/restore", "live"): "whether anybody is left depends on what is configured",
    ("POST /api/incidents/{incident_id}/mitigate", None): "what is mitigated or closed cannot be mitigated",
    ("POST /api/incidents/{incident_id}/close", None): "what is closed cannot be closed again",
    ("POST /api/keys/{key_id}/rotate", None): "a key that is not good any more cannot be replaced",
}
"""Operations, and the outermost field that they name, which refuse under the usual code what no schema can say."""

_TRIED: dict[str, Any] = json.loads(os.environ.get("TRIED", "{}"))
THERE: dict[str, str] = _TRIED.get("there", {})
"""What there is to be asked about, by the beginning of its path, which ends with the parameter that names it."""
OWN: str = _TRIED.get("own", "")
"""The key that all of this is asked with, which must stay good."""


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether a failure counts: all do, but for requests that fit the document and were refused for such a reason."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    if response.status_code == 410:
        return not case.operation.path.endswith("/approval")  # a link can be used once
    if response.status_code != 400:
        return True
    plain = response.json()
    told = plain.get("error", plain)
    param = told.get("param")
    place = (case.operation.label, param and param.split(".")[0])
    return told["code"] not in CODES and place not in FIELDS


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Ask a request that fits the document about something that is there; and never take the own key away.

    What is removed is not among what is there; the phase that follows one request with another makes its own.
    """
    where = case.operation.path
    if case.path_parameters.get("key_id") == OWN:
        case.path_parameters["key_id"] = THERE["/api/keys/{key_id}"]
    if not case.meta.generation.mode.is_positive:
        return
    if where.endswith("/send"):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    if case.meta.phase.name.value == "stateful":
        return
    for beginning, name in THERE.items():
        if where.startswith(beginning) and case.method != "DELETE":
            parameter = beginning.rpartition("{")[2].rstrip("}")
            case.path_parameters[parameter] = name
    if where.startswith("/v1/") and isinstance(case.body, dict) and "model" in case.body:
        case.body["model"] = "segue"
