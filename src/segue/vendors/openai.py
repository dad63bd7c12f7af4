"""Settings of OpenAI, and of every server that speaks its protocol: Ollama, vLLM, llama.cpp, Speaches and others."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from segue.section import Count
from segue.vendors.account import Account, Role

PUBLIC = "https://api.openai.com/v1"


class OpenAIAccount(Account):
    """An address and a secret; a server other than OpenAI's own needs no secret unless one is named."""

    url: str = PUBLIC
    """Address up to and with `/v1`."""

    @model_validator(mode="before")
    @classmethod
    def _key_of_the_public_address(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("url", PUBLIC) == PUBLIC and "key_variable" not in data:
            return {**data, "key_variable": "OPENAI_API_KEY"}
        return data


class OpenAIModel(OpenAIAccount):
    """A language model behind `/chat/completions`."""

    role: ClassVar[Role] = "model"
    vendor: Literal["openai-model"]
    model: str
    """The server's own name of the model."""
    prefill: Literal["auto", "always", "never"] = "auto"
    """Whether a reply begun by another model is handed over as the beginning of the answer; `auto` tries it once."""
    max_tokens: Count | None = None
    """Most tokens of a reply; the server's own limit when absent."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """The server's own when absent."""


class OpenAISynthesizer(OpenAIAccount):
    """A synthesizer behind `/audio/speech`."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["openai-synthesizer"]
    model: str = "gpt-4o-mini-tts"
    """The server's own name of the model."""
    voices: tuple[str, ...] = ()
    """Voices of the server; OpenAI's own when empty."""
    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages these voices speak."""


class OpenAIRecognizer(OpenAIAccount):
    """A recognizer behind `/audio/transcriptions`."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["openai-recognizer"]
    model: str = "gpt-4o-mini-transcribe"
    """The server's own name of the model."""
    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages it is asked to hear."""
