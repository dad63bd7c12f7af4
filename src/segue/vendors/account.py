"""What the settings of every vendor have in common: time limits of its own, and a secret that is never in a default."""

from typing import Literal

from pydantic import SecretStr

from segue.section import Count, Seconds, Section


class ProviderLimits(Section):
    """Time limits of one provider; what is absent is taken from `voice.limits`."""

    connect_s: Seconds = 3.0
    """Until a connection stands."""
    first_s: Seconds | None = None
    """Until the first token, or the first audible audio of a sentence, or the whole transcript."""
    stall_s: Seconds | None = None
    """The gap between two tokens or pieces of audio."""
    total_s: Seconds | None = None
    """One reply, sentence or recording."""


class Provider(Section):
    """One configured provider of any vendor."""

    limits: ProviderLimits = ProviderLimits()
    """Time limits that differ from `voice.limits`."""
    at_once: Count | None = None
    """Calls at once; without it only the limit of the whole server holds."""


class Account(Provider):
    """A provider that is paid for. Without its secret it is left out, which is said at start by name."""

    key: SecretStr | None = None
    """The secret itself; better kept in the environment, under the name below."""
    key_variable: str = ""
    """Name of the environment variable that holds the secret; empty where none is needed."""

    @property
    def secret(self) -> str:
        """The secret in clear, or empty."""
        return self.key.get_secret_value() if self.key is not None else ""

    @property
    def missing(self) -> str | None:
        """What has to be set before this provider can be used, by name; None when nothing is missing."""
        if self.secret or not self.key_variable:
            return None
        return f"set {self.key_variable} or `key`"


Role = Literal["model", "synthesizer", "recognizer"]
"""What a provider does: it writes, speaks or listens."""
