"""What every operation may answer besides what its route says, put into the OpenAPI document by one rule.

What stands before the routes (the guard, the door, the reading of bodies) answers for all of them alike, so its answers
are told here and not with every route. What a route says itself of a status wins.
"""

from typing import Any

from fastapi import FastAPI

from segue.web.described import schemas as shapes
from segue.web.problems import is_openai

Plain = dict[str, Any]

PROBLEM = "application/problem+json"
NO_RESPONSE_BODY = {"204", "304"}

_ALWAYS = {
    "403": "The name that the request was sent to is not one of this server's.",
    "408": "The request did not arrive in time.",
    "413": "The body is larger than this server takes.",
}
_WITH_KEY = {
    "400": "A header of the request is not valid; `detail` says how to mend it.",
    "401": "There is no key, or none that is good.",
    "403": "The key has not the scope; or a session's request is from another origin; or the name that it was sent to "
    "is not one of this server's.",
    "503": "Keys cannot be looked up now.",
}
_READ = {"400": "The request is not valid; `detail` says where, `errors` every place."}
_FOUND = {"404": "There is nothing under this address."}
_JSON = {"415": "The body is not JSON."}

_REQUEST_ID: Plain = {
    "description": "The id of the request, which the log has too.",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._\-]{1,64}$"},
}
_HEADERS: dict[str, Plain] = {
    "401": {
        "WWW-Authenticate": {"description": "How to show a key.", "schema": {"type": "string", "const": "Bearer"}},
    },
    "429": {
        "Retry-After": {
            "description": "After so many seconds it is worth a try.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        },
    },
}
_SCHEMAS: dict[str, Plain] = {
    "Problem": {
        "title": "Problem",
        "description": "What went wrong (RFC 9457), with the members of Segue's own.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "retryable"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:segue:error:[a-z_]+$"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "minLength": 1, "description": "What happened and what to do."},
            "code": {"type": "string", "pattern": "^[a-z_]+$", "description": "For programs; it does not change."},
            "retryable": {"type": "boolean", "description": "Whether the same request may work later."},
            "param": {"type": ["string", "null"], "description": "The field or parameter that is to be mended."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["at", "message"],
                    "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
                },
            },
            "policy": {"type": "string", "description": "The limit that refused it."},
            "node": {"type": "string", "description": "The node that does not answer."},
            "run": {"type": "string", "description": "The run that failed, or goes on."},
            "category": {"type": "string", "description": "How a provider failed: `auth`, `timeout`, `network` …"},
        },
    },
    "OpenAIProblem": {
        "title": "OpenAIProblem",
        "description": "What went wrong, in the shape that OpenAI's clients read.",
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "additionalProperties": False,
                "properties": {
                    "message": {"type": "string", "minLength": 1},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    },
}


class Documented(FastAPI):
    """An application whose document says how every operation may answer."""

    def openapi(self) -> Plain:
        """The OpenAPI document; it is put together once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def completed(document: Plain) -> Plain:
    """A document with every answer of every operation, and the shape of every error. It is changed in place."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            _complete(path, operation)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(shapes())
    schemas.update(_SCHEMAS)
    return document


def _complete(path: str, operation: Plain) -> None:
    answers: dict[str, Plain] = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]  # the framework's own word; here such a request is answered with 400
    for status, description in _common(operation).items():
        answers.setdefault(status, {"description": description})
    schema = {"schema": {"$ref": "#/components/schemas/" + ("OpenAIProblem" if is_openai(path) else "Problem")}}
    media_type = "application/json" if is_openai(path) else PROBLEM
    for status, answer in answers.items():
        for content in answer.get("content", {}).values():
            if "$ref" in (told := content.get("schema", {})):  # the framework's guess stands beside what the route says
                content["schema"] = {"$ref": told["$ref"]}
        if status >= "400":
            content = answer.setdefault("content", {})
            if not content or status == "404":  # the guard says it too where a page does
                content[media_type] = schema
        headers = answer.setdefault("headers", {})
        headers.update({"x-request-id": _REQUEST_ID, **_HEADERS.get(status, {})})
    operation["responses"] = dict(sorted(answers.items()))


def _common(operation: Plain) -> dict[str, str]:
    """The answers that come from before the route, by status."""
    found = dict(_ALWAYS)
    body = operation.get("requestBody", {}).get("content", {})
    parameters = operation.get("parameters", ())
    if "security" in operation:
        found |= _WITH_KEY
    if body or parameters:
        found |= _READ
    if any(parameter["in"] == "path" for parameter in parameters):
        found |= _FOUND
    if "application/json" in body:
        found |= _JSON
    return found
