"""`GET /v1/models` and what clients ask to fill their menus: `/v1/audio/models`, `/v1/audio/voices`."""

from typing import Any

from fastapi import APIRouter

from segue.clock import Clock
from segue.web.openai.names import ModelName, Names


def router(names: Names, clock: Clock) -> APIRouter:
    """The routes; `created` of every model is the moment this server was put together."""
    routes = APIRouter()
    created = int(clock.wall())

    def fields(model: ModelName) -> dict[str, Any]:
        return {"id": model.id, "object": "model", "created": created, "owned_by": model.provider}

    @routes.get("/models")
    async def list_models() -> dict[str, Any]:
        """Every model name that can be asked for; `owned_by` is the provider that answers to it."""
        return {"object": "list", "data": [fields(model) for model in names.models]}

    @routes.get("/models/{name:path}")
    async def find_model(name: str) -> dict[str, Any]:
        """One model name."""
        return fields(names.model(name)) | {"id": name}

    @routes.get("/audio/models")
    async def speech_models() -> dict[str, Any]:
        """The model names that speak."""
        return {"models": [{"id": model.id, "name": model.id} for model in names.speech_models]}

    @routes.get("/audio/voices")
    async def voices() -> dict[str, Any]:
        """Every voice name: OpenAI's, which speak whatever language the text is in, then the providers' own."""
        return {
            "voices": [
                {
                    "id": voice.id,
                    "name": voice.id,
                    "language": voice.language,
                    "gender": voice.gender,
                    "provider": voice.provider,
                }
                for voice in names.voices
            ]
        }

    return routes
