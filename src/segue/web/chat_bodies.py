"""The bodies that chats read."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from segue.console.answers import storable
from segue.console.chats import Asked
from segue.web.bodies import ONE_SPEAKER, Body, Id, Text


class OpenBody(Body):
    """A chat that is to be opened."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(storable)]
    """What it is called; titles need not differ."""
    node: Annotated[str, Field(max_length=100)] | None = None
    """The node it is to belong to; this one where it is left out."""


class SendBody(Body):
    """A message, and how its reply is wanted."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_SPEAKER]})

    text: Annotated[Text, AfterValidator(storable)]
    """What is said."""
    speak: bool = False
    """Speak the reply: its sound is among the events of the run."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """`uk`, `ru`, `en`, `zh`, or a tag like `uk-UA`; recognized from the text when absent."""
    voice: Id | None = None
    """A name from `/api/voice/voices`; the language's default when absent."""
    character: Id | None = None
    """The character that speaks."""
    profile: Literal["fast", "quality"] | None = None
    """Answer soon or answer well."""
    listener: Id | None = None
    """Who listens, for sticky assignment; without it a spoken reply is left out of the evidence."""
    session: Annotated[str, Field(max_length=1000)] | None = None
    """`session` of the `meta` before: the listener's visit keeps its variant. Of no use, it is ignored."""
    idempotency_key: str | None = None
    """The sender's name for this request; the header `Idempotency-Key` wins."""

    def asked(self) -> Asked:
        """How the reply is wanted, as the operators' plane knows it."""
        return Asked(**self.model_dump(exclude={"text", "idempotency_key"}))
