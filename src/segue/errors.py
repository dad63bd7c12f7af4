"""Every error Segue raises on purpose, as one family.

    SegueError                      500  internal
    ├── CallerError                 400  the request cannot be served as it stands; the caller can mend it
    │   ├── InvalidRequest          400  invalid_request
    │   ├── UnknownLanguage         400  unknown_language
    │   ├── UnknownVoice            400  unknown_voice
    │   ├── UnknownModel            404  unknown_model
    │   ├── UnknownCharacter        400  unknown_character
    │   ├── UnsupportedFormat       400  unsupported_format
    │   ├── BadAudio                400  bad_audio
    │   ├── NothingHeard            422  nothing_heard
    │   ├── InvalidCursor           400  invalid_cursor
    │   ├── Unauthorized            401  unauthorized
    │   ├── Forbidden               403  forbidden; the key is good, but not for this
    │   ├── NotFound                404  not_found; or which kind of thing: unknown_chat, unknown_run, …
    │   ├── StillRunning            409  running; the same request is on its way, `Location` says where
    │   ├── KeyReused               422  idempotency_key_reused; the same key with another request
    │   ├── RateLimited             429  rate_limited; try again after `retry_after_s`
    │   ├── NotAcceptable           406  not_acceptable
    │   ├── TooSlow                 408  too_slow
    │   ├── TooLarge                413  too_large
    │   └── WrongContentType        415  wrong_content_type
    ├── ProviderError               502  a provider failed; `category` says how
    │   ├── ProviderTimeout         504  provider_timeout
    │   ├── ProviderRefusal         422  content_refused; another provider is not asked
    │   └── ProvidersResting        503  providers_resting; all have failed lately, try again after `retry_after_s`
    ├── Overloaded                  503  overloaded; try again after `retry_after_s`
    ├── NodeDown                    503  node_down; the node that this belongs to does not answer
    ├── VoiceDisabled               503  voice_disabled; an operator switched spoken replies off
    ├── Unavailable                 503  unavailable; something that is needed is not there
    └── ConfigurationError          500  configuration; the configuration is wrong, the message says where

The HTTP status, the stable code and whether trying again can help live on the class, so that no door has to
translate errors with a ladder of `isinstance`. The docstring of a class is its default message.
"""

from collections.abc import Mapping
from enum import StrEnum


class FailureCategory(StrEnum):
    """What kind of failure a provider showed: the word used in records, metrics, events and documents."""

    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    NETWORK = "network"
    BAD_REQUEST = "bad_request"
    UNSUPPORTED = "unsupported"
    EMPTY_AUDIO = "empty_audio"
    TRUNCATED = "truncated"
    SERVER = "server"


class SegueError(Exception):
    """Something went wrong inside Segue; the log has the details under this request's id."""

    status = 500
    code = "internal"
    retryable = False

    def __init__(
        self, message: str = "", *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.param = param
        self.headers = dict(headers or {})
        """What an HTTP answer says beside it, such as where something is."""
        super().__init__(self.message)


class CallerError(SegueError):
    """The request cannot be served as it stands."""

    status = 400
    code = "invalid_request"


class InvalidRequest(CallerError):
    """A field of the request is missing, empty or out of range."""


class UnknownLanguage(CallerError):
    """This language is not configured."""

    code = "unknown_language"


class UnknownVoice(CallerError):
    """No configured provider has this voice."""

    code = "unknown_voice"


class UnknownModel(CallerError):
    """No model of this name is configured."""

    status = 404
    code = "unknown_model"


class UnknownCharacter(CallerError):
    """The catalogue has no character of this name."""

    code = "unknown_character"


class UnsupportedFormat(CallerError):
    """This audio format cannot be produced here."""

    code = "unsupported_format"


class BadAudio(CallerError):
    """The audio could not be decoded."""

    code = "bad_audio"


class NothingHeard(CallerError):
    """The recording was decoded, but no speech was recognized in it."""

    status = 422
    code = "nothing_heard"


class Unauthorized(CallerError):
    """The request carries no valid proof of who sends it."""

    status = 401
    code = "unauthorized"


class Forbidden(CallerError):
    """The key is good, but it may not do this."""

    status = 403
    code = "forbidden"


class InvalidCursor(CallerError):
    """This is no cursor of this list: begin again without one."""

    code = "invalid_cursor"


class NotFound(CallerError):
    """There is no such thing."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "", *, code: str = "not_found") -> None:
        super().__init__(message)
        self.code = code


class StillRunning(CallerError):
    """A request with this key is on its way; ask again, or follow its run."""

    status = 409
    code = "running"
    retryable = True


class KeyReused(CallerError):
    """This idempotency key was used for another request; take a fresh one."""

    status = 422
    code = "idempotency_key_reused"


class RateLimited(CallerError):
    """Too many requests; try again later."""

    status = 429
    code = "rate_limited"
    retryable = True

    def __init__(
        self,
        message: str = "",
        *,
        policy: str = "",
        retry_after_s: float = 1.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, headers=headers)
        self.policy = policy
        """The name of the policy that was violated, as in `RateLimit-Policy`."""
        self.retry_after_s = retry_after_s


class NotAcceptable(CallerError):
    """None of the shapes of answer that the request accepts is offered here."""

    status = 406
    code = "not_acceptable"


class TooSlow(CallerError):
    """The request did not arrive in time."""

    status = 408
    code = "too_slow"
    retryable = True


class TooLarge(CallerError):
    """The request is larger than this server accepts."""

    status = 413
    code = "too_large"


class WrongContentType(CallerError):
    """The content type of the request is not one this path reads."""

    status = 415
    code = "wrong_content_type"


class ProviderError(SegueError):
    """A provider failed."""

    status = 502
    code = "provider_failed"
    retryable = True

    def __init__(
        self,
        message: str = "",
        *,
        provider: str = "",
        category: FailureCategory = FailureCategory.SERVER,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.category = category
        self.retry_after_s = retry_after_s
        """What the provider itself asked for (`Retry-After`), in seconds."""


class ProviderTimeout(ProviderError):
    """A provider did not answer in time."""

    status = 504
    code = "provider_timeout"

    def __init__(self, message: str = "", *, provider: str = "") -> None:
        super().__init__(message, provider=provider, category=FailureCategory.TIMEOUT)


class ProviderRefusal(ProviderError):
    """A provider refuses to answer this on grounds of its content."""

    status = 422
    code = "content_refused"
    retryable = False

    def __init__(self, message: str = "", *, provider: str = "") -> None:
        super().__init__(message, provider=provider, category=FailureCategory.BAD_REQUEST)


class ProvidersResting(ProviderError):
    """Every provider that could do this has failed lately and is left alone for a while."""

    status = 503
    code = "providers_resting"

    def __init__(self, message: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, category=FailureCategory.SERVER, retry_after_s=max(1.0, retry_after_s))


class Overloaded(SegueError):
    """As many turns as this server is configured for are running."""

    status = 503
    code = "overloaded"
    retryable = True

    def __init__(self, message: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NodeDown(SegueError):
    """The node that this belongs to does not answer."""

    status = 503
    code = "node_down"
    retryable = True

    def __init__(self, message: str = "", *, node: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers=headers)
        self.node = node


class VoiceDisabled(SegueError):
    """Spoken replies are switched off; try again later."""

    status = 503
    code = "voice_disabled"
    retryable = True


class Unavailable(SegueError):
    """Something this request needs is not available on this server."""

    status = 503
    code = "unavailable"


class ConfigurationError(SegueError):
    """The configuration is wrong."""

    code = "configuration"
