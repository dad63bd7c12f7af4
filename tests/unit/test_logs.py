"""What reaches the log, and what never does."""

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from segue.errors import ConfigurationError, FailureCategory
from segue.telemetry.logs import LONGEST, bound, configure

SECRET = "hunter2hunter2hunter2"  # noqa: S105 - a made-up one, to be looked for


@dataclass(frozen=True)
class Holder:
    """An object whose `repr` shows what it holds."""

    text: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put the process's logging back as it was."""
    names = ("", "segue", "uvicorn", "uvicorn.error", "uvicorn.access", "sqlalchemy", "websockets", "asyncio")
    loggers = [logging.getLogger(name or None) for name in names]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Each line as the JSON object that it is."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_a_json_object() -> None:
    """A line has the event, level, name, UTC moment and its values, in letters of any language."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    structlog.get_logger("segue.turn").info("turn ended", turn="t1", ttfa_ms=12.5, reason="Слухач пішов.")

    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "turn ended",
        "level": "info",
        "logger": "segue.turn",
        "turn": "t1",
        "ttfa_ms": 12.5,
        "reason": "Слухач пішов.",
    }
    assert "Слухач" in stream.getvalue()


def test_the_standard_library_goes_the_same_way() -> None:
    """A line of the standard library, its extra values and its arguments included, looks the same."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    logging.getLogger("segue.stores").warning("%d writes were lost", 3, extra={"lost": 3, "api_key": SECRET})

    (line,) = lines(stream)
    assert line["event"] == "3 writes were lost"
    assert line["lost"] == 3
    assert line["api_key"] == "[hidden]"


def test_levels() -> None:
    """The level holds for Segue; other libraries are heard from warnings on, whatever the level."""
    stream = io.StringIO()
    configure("debug", "json", stream=stream)
    structlog.get_logger("segue.turn").debug("one")
    logging.getLogger("websockets.client").debug("> TEXT '%s'", SECRET)
    logging.getLogger("vendor").info("two")
    logging.getLogger("vendor").warning("three")
    logging.getLogger("uvicorn.error").info("four")
    assert [line["event"] for line in lines(stream)] == ["one", "three", "four"]

    quiet = io.StringIO()
    configure("error", "json", stream=quiet)
    structlog.get_logger("segue.turn").warning("five")
    logging.getLogger("uvicorn.error").warning("six")
    logging.getLogger("segue").error("seven")
    assert [line["event"] for line in lines(quiet)] == ["seven"]
    assert "seven" not in stream.getvalue(), "the earlier stream is still written"


def test_the_request_is_on_every_line() -> None:
    """What is bound to a request is on its lines, in the tasks it starts, and on no other request's."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    log = structlog.get_logger("segue.web")

    async def request(name: str) -> None:
        with bound(request_id=name):
            await asyncio.gather(asyncio.create_task(part(name)), asyncio.to_thread(part_in_thread, name))
        log.info("after", of=name)

    async def part(name: str) -> None:
        await asyncio.sleep(0)
        log.info("part", of=name)

    def part_in_thread(name: str) -> None:
        logging.getLogger("segue.stores").info("part", extra={"of": name})

    async def both() -> None:
        await asyncio.gather(request("r1"), request("r2"))

    asyncio.run(both())
    found = lines(stream)
    assert len(found) == 6
    for line in found:
        assert line.get("request_id") == (line["of"] if line["event"] == "part" else None)


@pytest.mark.parametrize(
    "name",
    [
        "text", "prompt", "authorization", "Authorization", "token", "report_token", "accessToken", "api_key", "apiKey",
        "X-API-Key", "secret", "clientSecret", "password", "db_password", "cookie", "Set-Cookie", "messages", "content",
        "transcript", "user_text", "phrases", "body", "idempotency_key",
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["json", "console"])
def test_secrets_and_texts_never_reach_the_log(name: str, shape: str) -> None:
    """Under the name of a secret or a text no value is shown, at any depth, of any type, in either format."""
    stream = io.StringIO()
    configure("debug", shape, stream=stream)
    log = structlog.get_logger("segue.web")
    for value in (SECRET, SECRET.encode(), [SECRET], {"inner": SECRET}, Holder(SECRET), ValueError(SECRET)):
        log.info("direct", **{name: value})
        log.info("nested", headers={name: value}, calls=[{"deep": ({name: value},)}])
        logging.getLogger("segue.web").info("extra", extra={name: value})
        with bound(**{name: SECRET}):
            log.info("bound")

    assert stream.getvalue().count("[hidden]") >= 5 * 6
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"sent Authorization: Bearer {SECRET}",
        f"authorization=Basic {SECRET}==",
        f"GET /api/voice?token={SECRET}&x=1 HTTP/1.1",
        f"GET /v1/audio/speech?api_key={SECRET}",
        f"postgresql://segue:{SECRET}@db/segue",
        f'{{"api_key": "{SECRET}"}}',
        f"PASSWORD={SECRET}",
        f"x-goog-api-key: {SECRET}",
        f"key=sk-proj-{SECRET}",
        f"the key seg_live_ab12_{SECRET} is unknown",
        f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}",
    ],
)
def test_credentials_inside_texts(text: str) -> None:
    """A credential is recognized in the words of an event, in a value, in an exception and in its traceback."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    log = structlog.get_logger("segue.web")
    log.info(text)
    log.info("value", detail=text, items=[text], error=ValueError(text))
    logging.getLogger("uvicorn.access").info('%s - "%s" %d', "127.0.0.1", text, 200)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")

    assert len(lines(stream)) == 4
    assert "hunter2" not in stream.getvalue()


def test_what_is_only_about_a_text_is_shown() -> None:
    """Figures and attributes stay readable: redaction hides what was said, not how long it took."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    shown = {
        "first_token_ms": 120.5,
        "tokens_count": 7,
        "content_type": "audio/mpeg",
        "text_length": 41,
        "audio_ms": 900,
        "data_dir": "/var/lib/segue",
        "key_id": "ab12",
        "monkey": "see",
        "sentence_seq": 3,
        "keyed": True,
        "category": FailureCategory.RATE_LIMIT,
    }
    structlog.get_logger("segue.turn").info("turn ended", **shown)

    (line,) = lines(stream)
    assert {name: line[name] for name in shown} == {**shown, "category": "rate_limit"}


def test_objects_show_their_type_only() -> None:
    """What an object holds is not known, so nothing of it is shown; odd values still make a line."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    circle: list[object] = []
    circle.append(circle)
    structlog.get_logger("segue").info(
        "odd", holder=Holder(SECRET), path=Path("a/b"), raw=b"123", number=float("nan"), none=None, circle=circle
    )

    (line,) = lines(stream)
    assert line["holder"] == "<Holder>"
    assert line["path"] == "a/b"
    assert line["raw"] == "<3 bytes>"
    assert line["number"] == "nan"
    assert line["none"] is None
    assert "…" in json.dumps(line["circle"], ensure_ascii=False)


def test_tracebacks_hold_no_local_values() -> None:
    """A traceback says where, not what was in the variables there; both formats keep this."""
    for shape in ("json", "console"):
        stream = io.StringIO()
        configure("info", shape, stream=stream)
        listeners_words = SECRET
        try:
            assert listeners_words
            raise RuntimeError("broken")
        except RuntimeError:
            structlog.get_logger("segue").exception("failed")

        assert "test_logs.py" in stream.getvalue()
        assert "RuntimeError: broken" in stream.getvalue()
        assert "hunter2" not in stream.getvalue()


def test_nothing_can_look_like_another_line() -> None:
    """Line breaks and control characters in an event or a value are written as escapes."""
    stream = io.StringIO()
    configure("info", "console", stream=stream)
    structlog.get_logger("segue").info("one\n2026 [error] forged", value="a\r\nb\x1b[31m\u2028c")

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_long_values_are_cut() -> None:
    """A value of any length makes a line of bounded length that says what is missing."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    structlog.get_logger("segue").info("long", detail="x" * 1_000_000)

    (line,) = lines(stream)
    assert line["detail"] == "x" * LONGEST + "… (1000000 characters)"


def test_auto_looks_at_the_stream() -> None:
    """`auto` is pleasant on a terminal and JSON anywhere else."""
    terminal, pipe = Terminal(), io.StringIO()
    configure("info", "auto", stream=terminal)
    structlog.get_logger("segue").info("hello")
    configure("info", "auto", stream=pipe)
    structlog.get_logger("segue").info("hello")

    assert not terminal.getvalue().startswith("{")
    assert "hello" in terminal.getvalue()
    assert lines(pipe)[0]["event"] == "hello"


def test_warnings_are_logged() -> None:
    """A warning of Python's own becomes a line like any other."""
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)

    assert "old ways" in lines(stream)[0]["event"]


def test_an_unknown_level_or_format_is_refused() -> None:
    """A word that is neither is refused with those that are."""
    with pytest.raises(ConfigurationError, match=r"'loud'.*debug, info, warning, error"):
        configure("loud")
    with pytest.raises(ConfigurationError, match=r"'xml'.*auto, json, console"):
        configure("info", "xml")
