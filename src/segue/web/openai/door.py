"""The OpenAI-compatible door: existing clients need only another base URL."""

from fastapi import APIRouter

from segue.configuration import OpenAINames, ServerSettings
from segue.voice.plane import VoicePlane


def router(plane: VoicePlane, names: OpenAINames, server: ServerSettings) -> APIRouter:  # noqa: ARG001 - routes follow
    """Every route under `/v1`, bound to a voice plane."""
    return APIRouter(prefix="/v1", tags=["openai"])
