"""`GET /api/voice/files/{tenant}/{name}`: a voice file, for whoever has a link to it that has not died yet."""

from typing import Any

from fastapi import APIRouter, Request, Response

from segue.voice.files import MEDIA_TYPES, PATH, VoiceFiles, file_key
from segue.web.problems import problem

_PROBLEM = {"application/problem+json": {"schema": {"type": "object"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
        },
    },
    304: {"description": "The file whose ETag was sent in If-None-Match."},
    403: {"description": "The link was not made here (`link_invalid`), or has expired.", "content": _PROBLEM},
    404: {"description": "The link is good, but the file is gone.", "content": _PROBLEM},
    503: {"description": "The store of voice files does not answer.", "content": _PROBLEM},
}


def router(files: VoiceFiles) -> APIRouter:
    """The route, bound to the voice files."""
    routes = APIRouter(prefix=PATH, tags=["voice"])

    @routes.head("/{tenant}/{name}", include_in_schema=False)
    @routes.get("/{tenant}/{name}", response_class=Response, responses=_ANSWERS)
    async def file(tenant: str, name: str, request: Request, expires: str = "", signature: str = "") -> Response:
        """A voice file, by a link with its signature."""
        key = file_key(tenant, name)
        left_s = files.left_s(key, expires, signature) if key is not None else None
        path = request.url.path
        if key is None or left_s is None:
            return problem(path, 403, "link_invalid", "This link was not made here, or not for this file.")
        if left_s <= 0:
            return problem(path, 403, "link_expired", "This link has expired; ask for a new one.")
        data = await files.read(key)
        if data is None:
            return problem(path, 404, "not_found", "This voice file is gone.")
        stem, _, extension = name.partition(".")
        headers = {
            "etag": f'"{stem}"',
            "cache-control": f"private, max-age={int(left_s)}, immutable",
            "x-content-type-options": "nosniff",
            "content-disposition": "inline",
        }
        if _matches(request.headers.get("if-none-match", ""), stem):
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=MEDIA_TYPES[extension], headers=headers)

    return routes


def _matches(header: str, stem: str) -> bool:
    """Whether an If-None-Match names this ETag (RFC 9110, 13.1.2); a weak one serves as well."""
    return any(tag.strip().removeprefix("W/") in {f'"{stem}"', "*"} for tag in header.split(","))
