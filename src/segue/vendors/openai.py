"""Settings of OpenAI, and of every server that speaks its protocol: Ollama, vLLM, llama.cpp, Speaches and others."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from segue.section import Count
from segue.vendors.account import Account, Role

PUBLIC = "https://api.openai.com/v1"


class OpenAIAccount(Account):
    """An address and a secret; a server other than OpenAI's own needs no secret unless one is named."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]")] = PUBLIC
    """Address up to and with `/v1`."""

    @property
    def public(self) -> bool:
        """Whether this is OpenAI's own service, and not another server that speaks its protocol."""
        return self.url.rstrip("/") == PUBLIC

    @model_validator(mode="before")
    @classmethod
    def _key_of_the_public_address(cls, data: object) -> object:
        if isinstance(data, dict) and str(data.get("url", PUBLIC)).rstrip("/") == PUBLIC and "key_variable" not in data:
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
    """The server's own name of the model. OpenAI has announced the end of its `tts-1` and `gpt-4o-mini-tts` models for
    6 January 2027 and has named no successor at this address."""
    voices: tuple[str, ...] = ()
    """Voices of the server; OpenAI's own when empty."""
    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages these voices speak."""
    rate: Annotated[int, Field(ge=8000, le=48_000)] = 24_000
    """Samples a second the server speaks at, as its files say; another rate is refused. OpenAI's own is 24 000."""


class OpenAIRecognizer(OpenAIAccount):
    """A recognizer behind `/audio/transcriptions`."""

    role: ClassVar[Role] = "recognizer"
    vendor: Literal["openai-recognizer"]
    model: str = "gpt-transcribe"
    """The server's own name of the model."""
    response_format: Literal["auto", "verbose_json", "json"] = "auto"
    """With the times of words, or the text alone; `auto` asks for times, but not of OpenAI's models whose names begin
    with `gpt-`, which give none."""
    languages: tuple[str, ...] = ("en", "uk", "ru", "zh")
    """Languages it is asked to hear."""
