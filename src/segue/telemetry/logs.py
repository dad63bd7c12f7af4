"""Logs: one JSON object a line on stderr, or something pleasant to read where stderr is a terminal.

Whoever logs, through structlog or through the standard library, ends up in the same chain: what is bound to the
request (its id), the level, the name, the moment in UTC, and then `redact`, which lets no secret and no text of a
listener through. Tracebacks are printed without local variables, because those hold both.
"""

import logging
import math
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from typing import IO, Any

import structlog

from segue.errors import ConfigurationError

HIDDEN = "[hidden]"
LONGEST = 2000
"""Characters of one value; more is cut."""
LONGEST_TRACEBACK = 20_000
DEEPEST = 6

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("auto", "json", "console")

_SECRETS = "authorization cookie credential credentials key keys password passwd secret secrets signature token tokens"
_TEXTS = (
    "answer audio body content data heard history input message messages phrase phrases prompt prompts reply said "
    "sentence sentences spoken text texts transcript utterance"
)
_HARMLESS = "bytes characters code count dir encoding folder format id kind language length ms path rate s size type"
_SENSITIVE = frozenset((_SECRETS + " " + _TEXTS).split())
_ATTRIBUTES = frozenset(_HARMLESS.split())
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Credentials inside other texts: headers, addresses with a user or a query, and keys that show what they are.
_CREDENTIALS = (
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"\b((?:[\w-]*(?:api[_-]?key|token|secret|password|signature|authorization)|key)[\"']?\s*[=:]\s*[\"']?)"
                   r"(?!\[hidden\])(?!bearer\b|basic\b)[^\s\"'&,;)}]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:sk|pk|seg|ghp|gho|xox[bp])[_-][\w-]{16,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
)  # fmt: skip

# What these say at their chattier levels is what went over the wire: headers, addresses, texts.
_TALKATIVE = ("asyncio", "httpcore2", "httpx2", "multipart", "sqlalchemy", "websockets")


def configure(level: str = "info", format: str = "auto", *, stream: IO[str] | None = None) -> None:  # noqa: A002
    """Send every log line of this process to `stream` (stderr) in one format.

    `level` is one of `LEVELS` and holds for Segue; other libraries speak up from warnings on, the server from
    information on. `format` is `json`, `console`, or `auto`: console where the stream is a terminal. Calling it again
    replaces what was configured before.

    Raises:
        ConfigurationError: no such level or format.
    """
    if level not in LEVELS:
        raise ConfigurationError(f"There is no log level {level!r}: choose one of {', '.join(LEVELS)}.", param="level")
    if format not in FORMATS:
        raise ConfigurationError(
            f"There is no log format {format!r}: choose one of {', '.join(FORMATS)}.", param="format"
        )
    stream = sys.stderr if stream is None else stream
    console = format == "console" or (format == "auto" and stream.isatty())
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(console, colors=console and stream.isatty()),
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _take_over(handler, LEVELS[level])


@contextmanager
def bound(**values: str) -> Iterator[None]:
    """Add values, such as `request_id`, to every line that is logged inside the block, tasks it starts included."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide secrets and texts, and turn everything else into plain values of bounded size; a structlog processor.

    A value is hidden when a word of its name is that of a secret or of a text (`api_key`, `authToken`, `prompt`),
    unless the last word says that it is only about one (`token_type`, `text_length`); figures are hidden only under
    such a word alone. Credentials are recognized inside other texts as well. Of an object its type is all that is
    shown, because what it holds is not known.
    """
    event.pop("color_message", None)  # the server says everything a second time, in colour
    return {str(name): _field(str(name), value) for name, value in event.items()}


def _field(name: str, value: Any) -> Any:
    if name in ("exception", "stack"):
        text = _CONTROL_BUT_LINES.sub(_escaped, _hide_credentials(str(value)))
        return text[-LONGEST_TRACEBACK:]  # the end is where it says what happened
    return _text(value) if name == "event" else _named(name, value, DEEPEST)


def _named(name: str, value: Any, depth: int) -> Any:
    words = [word.lower() for word in _WORDS.findall(name)]
    sensitive = any(word in _SENSITIVE for word in words) and words[-1] not in _ATTRIBUTES
    figure = value is None or isinstance(value, bool) or (isinstance(value, int | float) and len(words) > 1)
    return HIDDEN if sensitive and not figure else _plain(value, depth)


def _plain(value: Any, depth: int) -> Any:
    plain: Any
    if isinstance(value, Enum):
        plain = _plain(value.value, depth)
    elif value is None or isinstance(value, bool | int):
        plain = value
    elif isinstance(value, float):
        plain = value if math.isfinite(value) else str(value)
    elif isinstance(value, str | PurePath | BaseException):
        plain = _text(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        plain = f"<{len(value)} bytes>"
    elif depth == 0:
        plain = "…"
    elif isinstance(value, Mapping):
        plain = {str(name): _named(str(name), inner, depth - 1) for name, inner in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        plain = [_plain(inner, depth - 1) for inner in value]
    else:
        plain = f"<{type(value).__name__}>"
    return plain


def _text(value: object) -> str:
    """One line without credentials, so that nothing that is logged can look like another line."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)
    text = _CONTROL.sub(_escaped, _hide_credentials(text))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _hide_credentials(text: str) -> str:
    for pattern, instead in _CREDENTIALS:
        text = pattern.sub(instead, text)
    return text


def _escaped(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode("ascii")


def _renderer(console: bool, *, colors: bool) -> structlog.typing.Processor:
    if console:
        return structlog.dev.ConsoleRenderer(
            colors=colors, timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _take_over(handler: logging.Handler, level: int) -> None:
    """Make this the only way out for every logger of the process."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    logging.getLogger("segue").setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # The server brings handlers of its own, which know nothing of redaction.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(level, logging.INFO))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
