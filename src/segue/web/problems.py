"""How an error leaves the house: problem+json on `/api`, OpenAI's error object on `/v1`."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from segue.errors import Overloaded, ProvidersResting, RateLimited, SegueError

log = structlog.get_logger("segue.web")

_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def is_openai(path: str) -> bool:
    """Whether a path belongs to the OpenAI-compatible door."""
    return path.startswith("/v1/") or path == "/v1"


def problem(
    path: str, status: int, code: str, message: str, *, retryable: bool = False, extra: Mapping[str, Any] | None = None
) -> Response:
    """The error answer for a path, in the shape its callers expect."""
    if is_openai(path):
        fault = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        param = (extra or {}).get("param")
        body: dict[str, Any] = {"error": {"message": message, "type": fault, "param": param, "code": code}}
        media_type = "application/json"
    else:
        body = {
            "type": f"urn:segue:error:{code}",
            "title": _title(status),
            "status": status,
            "detail": message,
            "code": code,
            "retryable": retryable,
            **(extra or {}),
        }
        media_type = "application/problem+json"
    return Response(json.dumps(body, ensure_ascii=False), status, media_type=media_type)


def of_error(path: str, error: SegueError) -> Response:
    """The error answer for one of Segue's own errors."""
    names = ("param", "policy", "node", "run", "category", "current")
    extra = {name: value for name in names if (value := getattr(error, name, None)) is not None}
    answer = problem(path, error.status, error.code, error.message, retryable=error.retryable, extra=extra)
    answer.headers.update(error.headers)
    if isinstance(error, Overloaded | ProvidersResting | RateLimited) and error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return answer


def install(app: FastAPI) -> None:
    """Register the handlers that turn every error into one of these answers."""

    async def segue_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, SegueError)  # noqa: S101 - registered for this class only
        return of_error(request.url.path, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
        faults = [{"at": _at(fault["loc"]), "message": fault["msg"]} for fault in error.errors()]
        sentence = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults[:5])
        extra = {"errors": faults, "param": faults[0]["at"] if faults else None}
        return problem(request.url.path, 400, "invalid_request", sentence or "The request is not valid.", extra=extra)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        code = _title(error.status_code).lower().replace(" ", "_")
        detail = (
            f"{error.detail}: {request.method} {request.url.path}" if error.status_code in {404, 405} else error.detail
        )
        answer = problem(request.url.path, error.status_code, code, str(detail))
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(_allowed(app, request.url.path))
        return answer

    async def surprise(request: Request, error: Exception) -> Response:
        log.error("request failed", path=request.url.path, exc_info=error)
        return of_error(request.url.path, SegueError())

    app.add_exception_handler(SegueError, segue_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, surprise)


def _allowed(app: FastAPI, path: str) -> list[str]:
    """Every method that something is served under at this path; a route by itself knows only its own."""
    return sorted(
        method
        for context in iter_route_contexts(app.routes)
        if context.path_regex is not None and context.path_regex.match(path)
        for method in context.methods or ()
    )


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _at(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location if part not in {"body", "query"}]
    return ".".join(parts) or "body"
