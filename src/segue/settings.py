"""Settings: one file and the environment become one frozen value. Nothing else in Segue reads the environment.

The environment wins over the file, the file over the defaults. A variable is `SEGUE_` and the path of the setting
joined by two underscores: `SEGUE_SERVER__PORT=8002`, `SEGUE_VOICE__LANGUAGES='["en","uk"]'`.
"""

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from segue.configuration import LogSettings, OpenAINames, ProviderSettings, ServerSettings, VoiceSettings
from segue.errors import ConfigurationError
from segue.routing import Restrictions, read_restrictions
from segue.vendors.account import Account
from segue.vendors.console import (
    AccessSettings,
    AuditSettings,
    ChatSettings,
    ConsoleSettings,
    RateLimitSettings,
    RedisSettings,
)
from segue.vendors.degradation import VARIABLE, stream_enabled
from segue.vendors.delivery import DeliverySettings
from segue.vendors.google import GoogleAccount
from segue.vendors.objects import CacheSettings, FileSettings, StorageSettings
from segue.vendors.telemetry import TelemetrySettings

log = structlog.get_logger("segue.settings")

KEY_VARIABLE = "SEGUE_KEY"
"""Holds the key of whoever gives commands to a server that is not of this machine; no setting."""


class Settings(BaseSettings):
    """The whole configuration of a Segue process."""

    model_config = SettingsConfigDict(
        env_prefix="SEGUE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        nested_model_default_partial_update=True,
    )

    data: Path = Path("data")
    """Folder for everything Segue keeps: the database, the secret it signs with."""
    database: SecretStr = SecretStr("")
    """Address of a Postgres that several Segues share (`postgresql://user@host/name`); empty for a file in `data`."""
    migrate: Literal["at_start", "by_command"] = "at_start"
    """Whether a database of an older Segue is brought up to date when the server starts, or only by `segue migrate`."""
    secret: Annotated[SecretStr, Field(max_length=1000)] = SecretStr("")
    """What tokens and links are signed with, where several Segues serve the same listeners: at least 32 characters.
    Empty for one of its own, kept in `data`."""
    server: ServerSettings = ServerSettings()
    voice: VoiceSettings = VoiceSettings()
    providers: ProviderSettings = ProviderSettings()
    storage: StorageSettings = StorageSettings()
    cache: CacheSettings = CacheSettings()
    files: FileSettings = FileSettings()
    delivery: DeliverySettings = DeliverySettings()
    access: AccessSettings = AccessSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    chats: ChatSettings = ChatSettings()
    audit: AuditSettings = AuditSettings()
    console: ConsoleSettings = ConsoleSettings()
    redis: RedisSettings = RedisSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    openai: OpenAINames = OpenAINames()
    log: LogSettings = LogSettings()

    @field_validator("secret")
    @classmethod
    def _secret_is_long(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < 32:
            raise ValueError("it has less than 32 characters; `openssl rand -hex 32` makes a good one")
        return secret

    @field_validator("data")
    @classmethod
    def _data_is_a_folder(cls, path: Path) -> Path:
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is a file; name a folder")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the file, whose content arrives as arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(file: Path | None = None, **flags: Any) -> Settings:
    """Read the configuration. `flags` are dotted settings from the command line; they win over everything.

    Raises:
        ConfigurationError: the message names the file and line or the variable, and what is wrong there.
    """
    # Worker processes are started beside gRPC's threads; they exec at once, so gRPC need not prepare for a fork.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    document = _read(file) if file is not None else {}
    _refuse_unknown_variables()
    try:
        settings = _with_environment(Settings(**document))
    except ValidationError as error:
        raise ConfigurationError(_explain(error, document, file)) from error
    except SettingsError as error:
        raise ConfigurationError(f"An environment variable that begins with SEGUE_ cannot be read: {error}.") from error
    return _with_flags(settings, flags)


def restrictions(prefix: str) -> Restrictions:
    """What this machine's environment allows of a rollout whose plan names a prefix; an empty one restricts nothing.

    Raises:
        ConfigurationError: a variable cannot be read; the message names it.
    """
    if not prefix:
        return Restrictions()
    found = read_restrictions(prefix, os.environ)
    if found.characters == ():
        log.warning(
            "an empty list is nobody", variable=f"{prefix}_ENABLED_CHARACTERS", hint="unset it, or set it to *, for all"
        )
    return found


def variable(name: str) -> str | None:
    """What stands in an environment variable that a plan names for an address; None where it is empty or not set."""
    return os.environ.get(name, "").strip() or None


def _with_environment(settings: Settings) -> Settings:
    """Secrets and paths that the settings name by variable, and the one variable with a name of its own."""
    named = {name: _with_secrets(provider) for name, provider in settings.providers.named.items()}
    providers = settings.providers.model_copy(update={"named": named})
    try:
        enabled = settings.voice.stream_enabled and stream_enabled(os.environ.get(VARIABLE))
    except ValueError as error:
        raise ConfigurationError(f"Environment variable {error}") from None
    voice = settings.voice.model_copy(update={"stream_enabled": enabled})
    return settings.model_copy(update={"providers": providers, "voice": voice})


def _with_secrets(provider: Any) -> Any:
    """A provider with the secret and the credentials that its variables hold; what is set in the file wins."""
    update: dict[str, Any] = {}
    if isinstance(provider, Account) and provider.key is None and provider.key_variable:
        secret = os.environ.get(provider.key_variable, "").strip()
        update |= {"key": SecretStr(secret)} if secret else {}
    if isinstance(provider, GoogleAccount) and provider.credentials is None:
        path = os.environ.get(provider.credentials_variable, "").strip()
        update |= {"credentials": Path(path)} if path else {}
    return provider.model_copy(update=update) if update else provider


def _with_flags(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    given = {path: value for path, value in flags.items() if value is not None}
    if not given:
        return settings
    plain = settings.model_dump()
    for path, value in given.items():
        *parents, leaf = path.split(".")
        node = plain
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    return Settings.model_construct(**{name: _validated(name, plain[name]) for name in Settings.model_fields})


def _validated(name: str, plain: Any) -> Any:
    """One part, validated on its own, so that the environment is not asked a second time."""
    shape = Settings.model_fields[name].annotation
    if shape is SecretStr and isinstance(plain, str):
        return SecretStr(plain)
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return plain
    try:
        return shape.model_validate(plain)
    except ValidationError as error:
        faults = [f"{name}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ConfigurationError("command line: " + "\n".join(faults)) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text (byte {error.start}).") from error
    try:
        document = YAML().load(StringIO(text))
    except ValueError as error:  # a date or a number that looks like one and is none
        raise ConfigurationError(f"{file}: {error}.") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"{file}{line}: {getattr(error, 'problem', None) or 'not valid YAML'}.") from error
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ConfigurationError(f"{file}: the file must hold settings as `name: value`; see `segue schema`.")
    return document


def _refuse_unknown_variables() -> None:
    known = {f"SEGUE_{name.upper()}" for name in Settings.model_fields} | {KEY_VARIABLE}
    for name in os.environ:
        upper = name.upper()
        if upper.startswith("SEGUE_") and upper.split("__")[0] not in known:
            raise ConfigurationError(
                f"Environment variable {name}: no such setting. Settings are {', '.join(Settings.model_fields)};"
                " `segue schema` shows them all."
            )


def _explain(error: ValidationError, document: Mapping[str, Any], file: Path | None) -> str:
    lines = []
    for problem in error.errors():
        location = [str(part) for part in problem["loc"]]
        variable = "SEGUE_" + "__".join(location).upper()
        if variable in {name.upper() for name in os.environ}:
            where = f"environment variable {variable}"
        elif file is not None:
            where = f"{file} line {_line(document, problem['loc'])}"
        else:
            where = "settings"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such setting; `segue schema` shows them all"
        lines.append(f"{where}: {'.'.join(location)}: {message}")
    return "\n".join(lines)


def _line(document: Any, location: tuple[int | str, ...]) -> int:
    """The line on which the innermost known key of a location stands, from 1."""
    line, node = 1, document
    for part in location:
        try:
            line = node.lc.key(part)[0] + 1 if isinstance(part, str) else node.lc.item(part)[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return int(line)
