"""How a vendor's HTTP answers are told apart: against a bare server that sends, byte for byte, what a test wants."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from segue.clock import ManualClock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, ProviderTimeout, Unavailable
from segue.providers.http import JSON_BYTES, REFUSAL_BYTES, Line

SECRET = "sk-a-very-secret-key"  # noqa: S105 (of nobody)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def line(
    answer: bytes | Handler, *, url: str = "", headers: dict[str, str] | None = None, connect_s: float = 5.0
) -> AsyncIterator[Line]:
    """A line to a server that answers every request with these bytes and hangs up, or does what the handler does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    authorization = {"authorization": f"Bearer {SECRET}"}
    opened = Line(
        "vendor", url or f"http://{host}:{port}", ManualClock(), headers=headers or authorization, connect_s=connect_s
    )
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()
        server.close()
        await server.wait_closed()


def reply(body: bytes | str, status: int = 200, kind: str = "application/json", *more: str) -> bytes:
    """A whole answer."""
    body = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def error_of(answer: bytes | Handler) -> ProviderError:
    """The error that an answer is told as, when JSON is asked for."""
    async with line(answer) as vendor:
        with pytest.raises(ProviderError) as failure:
            await vendor.json("POST", "/do", json={})
    assert failure.value.provider == "vendor"
    assert failure.value.message.startswith("vendor")
    assert SECRET not in failure.value.message
    return failure.value


def told(message: str, code: str | None = None, kind: str = "invalid_request_error") -> str:
    """An error in the shape that most know."""
    marks = f'"type": "{kind}"' + (f', "code": "{code}"' if code else "")
    return f'{{"error": {{"message": "{message}", {marks}}}}}'


@pytest.mark.parametrize(
    ("status", "body", "category"),
    [
        (401, told("No.", "invalid_api_key"), FailureCategory.AUTH),
        (403, "Forbidden", FailureCategory.AUTH),
        (402, "Payment required", FailureCategory.QUOTA),
        (429, told("Slow down.", "rate_limit_exceeded", "requests"), FailureCategory.RATE_LIMIT),
        (429, told("See account/billing for a higher limit.", "rate_limit_exceeded"), FailureCategory.RATE_LIMIT),
        (429, told("You exceeded your current quota.", "insufficient_quota"), FailureCategory.QUOTA),
        (429, "You exceeded your current quota, please check your plan.", FailureCategory.QUOTA),
        (403, told("Billing is off.", "billing_not_active"), FailureCategory.QUOTA),
        (400, told("I said: insufficient funds in my wallet", "invalid"), FailureCategory.BAD_REQUEST),
        (400, "What does 'quota exceeded' mean?", FailureCategory.BAD_REQUEST),
        (400, told("Too long.", "context_length_exceeded"), FailureCategory.BAD_REQUEST),
        (404, told("No such model.", "model_not_found"), FailureCategory.BAD_REQUEST),
        (422, '{"detail": [{"loc": ["body"], "msg": "field required"}]}', FailureCategory.BAD_REQUEST),
        (408, "", FailureCategory.TIMEOUT),
        (504, "<html>Gateway time-out</html>", FailureCategory.TIMEOUT),
        (500, told("Oops.", None, "server_error"), FailureCategory.SERVER),
        (503, "overloaded", FailureCategory.SERVER),
        (529, "", FailureCategory.SERVER),
        (307, "", FailureCategory.SERVER),
        (204, "", FailureCategory.SERVER),
        (200, told("Out of memory.", None, "server_error"), FailureCategory.SERVER),
    ],
)
async def test_every_refusal_has_its_category(status: int, body: str, category: FailureCategory) -> None:
    """The code of an error decides what it is, then its words, then its status; what it said is told on."""
    kind = "text/plain" if status == 200 else "application/json"
    error = await error_of(reply(body if status != 204 else "", status, kind))

    assert error.category is category, error
    assert str(status) in error.message or status == 200
    if category is FailureCategory.TIMEOUT:
        assert isinstance(error, ProviderTimeout)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (told("Too many."), "Too many. (invalid_request_error)"),
        ('{"error": "model is not found"}', "model is not found"),
        ('{"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}', "too long (badrequest"),
        ('{"detail": "Not Found"}', "Not Found"),
        ('["no", "object"]', '["no", "object"]'),
        ("plain   words\n on two lines", "plain words on two lines"),
        (b"\xff\xfe broken", "broken"),
    ],
)
async def test_what_was_said_is_found(body: str | bytes, said: str) -> None:
    """The sentence for people is taken from wherever vendors put it."""
    assert said in (await error_of(reply(body, 400))).message


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
async def test_refused_content_is_a_refusal(code: str) -> None:
    """What one provider refuses for its content is told apart from a request that is wrong."""
    assert isinstance(await error_of(reply(told("Not this.", code), 400)), ProviderRefusal)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
    ],
)
async def test_retry_after_in_either_form(value: str, seconds: float | None) -> None:
    """A wish to be asked later is understood as seconds and as a date; nonsense is no wish."""
    error = await error_of(reply("", 503, "text/plain", f"Retry-After: {value}"))

    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize(
    ("kind", "category"),
    [("text/html", FailureCategory.SERVER), ("", FailureCategory.SERVER), ("audio/wav", FailureCategory.SERVER)],
)
async def test_another_content_type_is_no_success(kind: str, category: FailureCategory) -> None:
    """A success whose content is of another type than was asked for is a failure that quotes its beginning."""
    error = await error_of(reply("<h1>Sign in</h1>", 200, kind))

    assert error.category is category
    assert "Sign in" in error.message


@pytest.mark.parametrize(
    ("answer", "category"),
    [
        (b"", FailureCategory.NETWORK),
        (b"HTTP/1.1 200 OK\r\nContent-Ty", FailureCategory.NETWORK),
        (reply('{"text": "whole"}')[:-3], FailureCategory.TRUNCATED),
        (
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
            FailureCategory.TRUNCATED,
        ),
        (reply('{"text": "who')[:], FailureCategory.SERVER),
        (reply("not gzip", 200, "application/json", "Content-Encoding: gzip"), FailureCategory.SERVER),
        (reply(b"[" + b" " * JSON_BYTES + b"]"), FailureCategory.SERVER),
    ],
    ids=["nothing", "half a head", "short body", "chunks without end", "half of JSON", "no gzip", "endless"],
)
async def test_a_broken_answer_is_no_answer(answer: bytes, category: FailureCategory) -> None:
    """What ends early was cut, what never began was the network, and what cannot be read is the server's fault."""
    assert (await error_of(answer)).category is category


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://host:port/v1", "gopher://127.0.0.1:1"])
async def test_nobody_listens(url: str) -> None:
    """A server that is not there, at an address that may be none, is told as one that cannot be reached."""
    async with line(b"", url=url) as vendor:
        with pytest.raises(ProviderError, match="vendor cannot be reached") as failure:
            await vendor.json("GET", "/")
    assert failure.value.category is FailureCategory.NETWORK


async def test_a_cut_refusal_is_still_a_refusal() -> None:
    """A refusal whose explanation breaks off is known by its status."""
    assert (await error_of(reply(told("No."), 401)[:-20])).category is FailureCategory.AUTH


async def test_a_refusal_is_not_read_for_ever() -> None:
    """Of a refusal without end only the beginning is read, and little of it told."""
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"no " * 1000)
            sent += 3000
            await writer.drain()

    error = await error_of(endless)

    assert error.category is FailureCategory.SERVER
    assert len(error.message) < 400
    assert sent >= REFUSAL_BYTES


async def test_a_repeated_secret_is_left_out() -> None:
    """A server that repeats the key, at whatever length, does not get it into a message."""
    error = await error_of(reply(f"key {SECRET} is wrong, {'x' * 300} {SECRET}", 401, "text/plain"))

    assert "key … is wrong" in error.message


async def test_a_header_that_cannot_be_sent() -> None:
    """A key with a line break or a foreign letter is refused at the start, without being told."""
    for value in ("Bearer sk-two\nlines", "Bearer sk-ключ"):
        vendor = Line("vendor", "http://127.0.0.1:1", ManualClock(), headers={"authorization": value}, connect_s=1.0)
        with pytest.raises(Unavailable, match="authorization") as refused:
            await vendor.start()
        assert "sk-" not in refused.value.message


async def test_before_the_start_and_after_the_end() -> None:
    """A line that is not open says so; opening and closing twice is the same as once."""
    vendor = Line("vendor", "http://127.0.0.1:1", ManualClock(), headers={}, connect_s=1.0)
    with pytest.raises(Unavailable, match="not started"):
        await vendor.json("GET", "/")
    await vendor.start()
    await vendor.start()
    await vendor.close()
    await vendor.close()
    with pytest.raises(Unavailable, match="not started"):
        await vendor.json("GET", "/")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://me:password@host.example/v1?key=1", "https://host.example/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://host:port/v1", ""),
    ],
)
def test_a_place_holds_no_secret(url: str, place: str) -> None:
    """The address that is shown to people has no user, password or query in it."""
    assert Line("vendor", url, ManualClock(), headers={}, connect_s=1.0).place == place


async def test_a_connection_is_used_again() -> None:
    """An answer that was read to its end leaves its connection for the next, also across a second start."""
    ports: list[int] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            ports.append(writer.get_extra_info("peername")[1])
            writer.write(reply("{}").replace(b"Connection: close\r\n", b""))
            await writer.drain()
            await reader.readuntil(b"\r\n\r\n")

    async with line(keep) as vendor:
        for _ in range(3):
            await vendor.start()
            assert await vendor.json("GET", "/") == {}
    assert len(ports) == 3
    assert len(set(ports)) == 1


async def test_leaving_an_answer_closes_its_connection() -> None:
    """Who stops reading hangs up: the server finds its connection closed while it waits to send more."""
    gone = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\n\r\nRIFF")
        await writer.drain()
        assert await reader.read() == b""
        gone.set()

    async with line(wait) as vendor:
        async with vendor.ask("GET", "/", expect=("audio/",)) as answer:
            assert await anext(answer.aiter_bytes()) == b"RIFF"
        async with asyncio.timeout(30):
            await gone.wait()


async def test_a_slow_connection_has_its_own_limit() -> None:
    """A connection that does not come to stand within its limit is a timeout of its own."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # one more is let in; whoever comes then is not answered
        callers = [socket.socket() for _ in range(3)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        async with line(b"", url=f"http://127.0.0.1:{full.getsockname()[1]}", connect_s=0.2) as vendor:
            with pytest.raises(ProviderTimeout, match="could not be connected to in time"):
                await vendor.json("GET", "/")
        for caller in callers:
            caller.close()
