"""What every store of audio promises, in memory, in a folder and on S3; and what S3 and a folder do in trouble."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from segue.clock import ManualClock, SystemClock
from segue.errors import Unavailable
from segue.stores.objects import KEY, Objects, reason
from segue.vendors.objects import S3Settings, StorageSettings
from segue.voice.ports import AudioStore, Stored
from tests.vendors.s3 import BUCKET, S3Server, serving_s3

HOSTILE = (
    *("", "/", "..", ".", "../x", "a/../b", "a/./b", "/a", "a/", "a//b", "a b", "a\\b", "a\0b", "a\nb", "a\n", "a#1"),
    *("a%2fb", "A", "ключ", "a/.hidden", "-a", "a?b", "a:b", "a*", "~", "a/" * 300 + "a"),
)
NUMBERS = itertools.count()


WRITE_FOR_EVER = """
import asyncio, itertools, sys
from pathlib import Path
from segue.clock import SystemClock
from segue.stores.objects import Objects
from segue.vendors.objects import StorageSettings

async def main():
    store = Objects(StorageSettings(), Path(sys.argv[1]), SystemClock())
    for number in itertools.count():
        await store.put(f"a/{number:05}", bytes(1_000_000))
        print(number, flush=True)

asyncio.run(main())
"""


MODIFIED = b"last-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"


def _refusal(status: str, code: str) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """One S3 server; each test has a prefix of its own in its bucket."""
    with serving_s3() as server:
        yield server


@pytest.fixture(params=["memory", "folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """A store with nothing in it."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        settings = server.settings(f"test-{next(NUMBERS)}")
    else:
        settings = StorageSettings(kind=request.param)
    return Objects(settings, tmp_path, SystemClock())


async def everything(store: AudioStore, prefix: str) -> dict[str, Stored]:
    """What a listing brings, by key."""
    return {entry.key: entry async for entry in store.list(prefix)}


class TestContract:
    """What holds for every store."""

    async def test_what_was_put_is_got(self, store: Objects) -> None:
        """An object comes back byte for byte, an empty one too; what is not there is None."""
        content = bytes(range(256)) * 3
        assert await store.put("cache/v1/a", content) is True
        assert await store.put("cache/v1/empty", b"", media_type="audio/wav") is True

        assert await store.get("cache/v1/a") == content
        assert await store.get("cache/v1/empty") == b""
        assert await store.get("cache/v1/b") is None
        assert await store.get("nowhere/at/all") is None

    async def test_the_first_stays(self, store: Objects) -> None:
        """A second put of a key changes nothing and says so; with `replace` it does."""
        assert await store.put("a/b", b"first") is True
        assert await store.put("a/b", b"second") is False
        assert await store.get("a/b") == b"first"

        assert await store.put("a/b", b"third", replace=True) is True
        assert await store.get("a/b") == b"third"

    async def test_one_of_many_creates(self, store: Objects) -> None:
        """Of twenty puts of one key at once exactly one creates it, and its content is the one that stays."""
        contents = [bytes([number]) * 10_000 for number in range(20)]
        created = await asyncio.gather(*(store.put("a/race", content) for content in contents))

        assert created.count(True) == 1
        assert await store.get("a/race") == contents[created.index(True)]

    async def test_large_objects(self, store: Objects) -> None:
        """An object of more than 5 MB, the size above which S3 likes parts, is created once and comes back whole."""
        content = os.urandom(5_500_000)
        assert await store.put("a/large", content) is True
        assert await store.put("a/large", b"small") is False
        assert await store.get("a/large") == content

    async def test_deleting(self, store: Objects) -> None:
        """What was deleted is gone and can be put again; deleting what is not there is no error."""
        await store.put("a/b", b"x")
        await store.delete("a/b")
        await store.delete("a/b")
        await store.delete("never/there")

        assert await store.get("a/b") is None
        assert await store.put("a/b", b"y") is True

    async def test_listing(self, store: Objects) -> None:
        """A listing brings every object below a prefix with its size and age, and nothing beside it."""
        began_s = time.time()
        for key in ("a/1", "a/b/2", "ab/3", "b/4"):
            await store.put(key, key.encode() * 10)
        found = await everything(store, "a")

        assert set(found) == {"a/1", "a/b/2"}
        assert found["a/b/2"].size_bytes == 50
        assert all(began_s - 2 <= entry.modified_s <= time.time() + 2 for entry in found.values())
        assert await everything(store, "c") == {}

    async def test_long_listings(self, store: Objects) -> None:
        """A listing longer than a page brings each object once."""
        keys = {f"many/{number:04}" for number in range(1100)}
        for start in range(0, 1100, 50):
            await asyncio.gather(*(store.put(key, b"") for key in sorted(keys)[start : start + 50]))

        listed = [entry.key async for entry in store.list("many")]
        assert len(listed) == 1100
        assert set(listed) == keys

    @pytest.mark.parametrize("key", HOSTILE)
    async def test_hostile_keys(self, store: Objects, key: str) -> None:
        """A key with anything but plain names in it is refused, by whatever method, before the store is asked."""
        with pytest.raises(ValueError, match="not a key"):
            await store.get(key)
        with pytest.raises(ValueError, match="not a key"):
            await store.put(key, b"")
        with pytest.raises(ValueError, match="not a key"):
            await store.delete(key)
        with pytest.raises(ValueError, match="not a key"):
            await store.link(key, 60)
        with pytest.raises(ValueError, match="not a key"):
            await everything(store, key)

    async def test_a_check_writes_and_reads(self, store: Objects) -> None:
        """A store that works passes the check, again and again, also when several ask at once."""
        await asyncio.gather(*(store.check() for _ in range(5)))
        await store.check()

    async def test_a_link_has_a_life(self, store: Objects) -> None:
        """A link for no time, or for longer than a week, is refused."""
        for seconds in (0, -1, 604_801, float("nan")):
            with pytest.raises(ValueError, match="a link lives"):
                await store.link("a/b", seconds)


class TestFolder:
    """What a folder adds."""

    async def test_it_is_for_its_owner(self, tmp_path: Path) -> None:
        """The folder is made at the first use, under the data folder, and nobody else can look into it."""
        store = Objects(StorageSettings(), tmp_path / "data", SystemClock())
        assert not (tmp_path / "data").exists()
        await store.put("a/b", b"x")

        assert (tmp_path / "data" / "audio" / "a" / "b").read_bytes() == b"x"
        assert (tmp_path / "data" / "audio").stat().st_mode & 0o777 == 0o700

    async def test_it_lasts(self, tmp_path: Path) -> None:
        """What one process kept, the next one finds, in whatever folder is named."""
        settings = StorageSettings(folder=tmp_path / "elsewhere")
        await Objects(settings, tmp_path, SystemClock()).put("a/b", b"x")

        assert await Objects(settings, tmp_path, SystemClock()).get("a/b") == b"x"

    async def test_no_link_leads_to_it(self, tmp_path: Path) -> None:
        """Nobody can reach a folder by address."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        await store.put("a/b", b"x")
        assert await store.link("a/b", 60) is None

    async def test_it_heals(self, tmp_path: Path) -> None:
        """A folder that cannot be made is said so, with the reason; once it can be, the store works."""
        (tmp_path / "audio").write_text("in the way")
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        with pytest.raises(Unavailable, match=r"folder .*audio cannot write: .*File exists"):
            await store.check()
        (tmp_path / "audio").unlink()

        await store.check()

    async def test_killed_in_mid_write(self, tmp_path: Path) -> None:
        """A process killed while it writes leaves whole objects only; its half-written files are swept away later."""
        program = tmp_path / "write.py"
        program.write_text(WRITE_FOR_EVER)
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(program), str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(3):
            await child.stdout.readline()
        child.kill()
        await child.wait()
        half = tmp_path / "audio" / "a" / "99999#1"
        half.write_bytes(b"x")  # the kill may have come between two writes
        clock = ManualClock(wall_s=time.time())
        store = Objects(StorageSettings(), tmp_path, clock)

        await store.start()
        assert half.exists(), "another process may be writing this at the moment"
        found = await everything(store, "a")
        assert len(found) >= 3
        assert {entry.size_bytes for entry in found.values()} == {1_000_000}
        await clock.advance(3700.0)
        await store.start()
        assert not list((tmp_path / "audio").rglob("*#*"))
        assert await everything(store, "a") == found

    async def test_a_start_without_a_folder(self, tmp_path: Path) -> None:
        """A store starts where there is no folder yet, and makes none before it is needed."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        await store.start()
        await store.close()
        assert not (tmp_path / "audio").exists()

    async def test_a_folder_that_vanished(self, tmp_path: Path) -> None:
        """A folder that is deleted under a running store is made again by the next put."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        await store.put("a/b", b"x")
        (tmp_path / "audio").rename(tmp_path / "moved")

        assert await store.get("a/b") is None
        assert await store.put("a/b", b"y") is True
        assert await store.get("a/b") == b"y"


class TestS3:
    """What S3 adds: signed links, and a network in between."""

    async def test_links(self, s3: S3Server, tmp_path: Path) -> None:
        """A link gives the object with its media type to anybody, and nothing of the secret away."""
        store = Objects(s3.settings("links"), tmp_path, SystemClock())
        await store.put("files/a.wav", b"RIFF", media_type="audio/wav")
        link = await store.link("files/a.wav", 90)

        assert link is not None
        assert link.startswith(f"{s3.url}/{BUCKET}/links/files/a.wav?")
        assert "X-Amz-Expires=90&" in link
        assert "a-secret" not in link

        answer = httpx2.get(link)
        assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "audio/wav")

    async def test_links_for_listeners(self, s3: S3Server, tmp_path: Path) -> None:
        """Links carry the public address where there is one; where presigning is off, there are none."""
        public = s3.settings("links", public_endpoint="https://audio.example")
        link = await Objects(public, tmp_path, SystemClock()).link("a/b", 60)
        assert link is not None
        assert link.startswith(f"https://audio.example/{BUCKET}/links/a/b?")

        assert await Objects(s3.settings(presign=False), tmp_path, SystemClock()).link("a/b", 60) is None

    async def test_a_bucket_that_is_not_there(self, s3: S3Server, tmp_path: Path) -> None:
        """A missing bucket is told as such, and never taken for a missing object."""
        store = Objects(s3.settings(bucket="nobodys"), tmp_path, SystemClock())
        for call in (store.get("a"), store.put("a", b""), store.delete("a"), everything(store, "a"), store.check()):
            with pytest.raises(Unavailable, match=r"The bucket 'nobodys' .*NoSuchBucket"):
                await call

    async def test_a_server_that_stopped(self, tmp_path: Path) -> None:
        """A stopped server is unavailable within the time limit, whatever is asked; back again, it works."""
        with serving_s3() as server:
            store = Objects(server.settings(timeout_s=2.0), tmp_path, SystemClock())
            await store.put("a/b", b"x")
            server.stop()
            began = time.monotonic()
            for call in (store.get("a"), store.put("a", b""), store.delete("a"), everything(store, "a"), store.check()):
                with pytest.raises(Unavailable, match=r"The bucket 'voices' cannot \w+: no connection to the server"):
                    await call
            assert time.monotonic() - began < 15
            await asyncio.to_thread(server.start)

            await store.check()
            assert await store.get("a/b") is None

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (_refusal("403 Forbidden", "SignatureDoesNotMatch"), "the server says SignatureDoesNotMatch"),
            (_refusal("403 Forbidden", "AccessDenied"), "the server says AccessDenied"),
            (_refusal("503 Service Unavailable", "SlowDown"), "the server says SlowDown"),
            (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad", "the server answers 502 Bad Gateway"),
            (b'HTTP/1.1 200 OK\r\netag: "a"\r\n' + MODIFIED + b"content-length: 99\r\n\r\nRIFF", "."),
            (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>", "no S3 server"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "."),
            (b"", "."),
        ],
    )
    async def test_a_server_that_refuses(self, tmp_path: Path, answer: bytes, reason: str) -> None:
        """Refusals, cut bodies, pages and noise are unavailable, in one line with the server's own word for it."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            s3 = {"bucket": BUCKET, "endpoint": f"http://127.0.0.1:{port}", "access_key": "a", "secret_key": "hidden"}
            settings = StorageSettings(kind="s3", s3=S3Settings.model_validate(s3), timeout_s=5.0)
            with pytest.raises(
                Unavailable, match=rf"\AThe bucket 'voices' (cannot read|did not read).*{reason}"
            ) as caught:
                await Objects(settings, tmp_path, SystemClock()).get("a/b")
        message = str(caught.value)
        assert "hidden" not in message
        assert "\n" not in message
        assert len(message) < 300

    async def test_a_server_that_froze(self, s3: S3Server, tmp_path: Path) -> None:
        """A server that takes connections and says nothing is given up after the time limit, and found well later."""
        store = Objects(s3.settings("frozen", timeout_s=1.0), tmp_path, SystemClock())
        await store.put("a/b", b"x")
        s3.freeze()
        try:
            began = time.monotonic()
            with pytest.raises(Unavailable, match=r"did not read within 1 s|no answer from the server in time"):
                await store.get("a/b")
            assert time.monotonic() - began < 10
        finally:
            s3.thaw()
        again = Objects(s3.settings("frozen"), tmp_path, SystemClock())
        assert await again.get("a/b") == b"x"

    async def test_the_limit_is_on_our_clock(self, s3: S3Server, tmp_path: Path) -> None:
        """The time limit is kept on the clock that was handed in."""
        clock = ManualClock()
        store = Objects(s3.settings("clock", timeout_s=60.0), tmp_path, clock)
        s3.freeze()
        try:
            reading = asyncio.create_task(store.get("a/b"))
            await clock.advance(59.0)
            assert not reading.done()
            await clock.advance(2.0)
            with pytest.raises(Unavailable, match="did not read within 60 s"):
                await reading
        finally:
            s3.thaw()


class TestSettings:
    """What settings are refused."""

    def test_half_a_key(self) -> None:
        """A key without its secret, or a secret without its key, is refused."""
        with pytest.raises(ValidationError, match="belong together"):
            S3Settings(access_key="a")
        with pytest.raises(ValidationError, match="belong together"):
            S3Settings.model_validate({"secret_key": "a"})

    def test_a_bucket_is_named(self) -> None:
        """S3 without a bucket, and an address that is none, are refused."""
        with pytest.raises(ValidationError, match=r"s3\.bucket"):
            StorageSettings(kind="s3")
        with pytest.raises(ValidationError, match="does not begin with http"):
            S3Settings(endpoint="localhost:9000")

    def test_the_secret_is_not_shown(self) -> None:
        """Settings that are printed hide the secret."""
        settings = S3Settings.model_validate({"access_key": "a-key", "secret_key": "a-secret"})
        assert "a-secret" not in repr(settings) + settings.model_dump_json()


def test_reasons_are_short() -> None:
    """An error of the library that nobody foresaw is told by its first line, without an end of 200 pages."""
    assert reason(OSError("disk on fire.\n\nDebug source: ...")) == "disk on fire"
    assert reason(OSError()) == "OSError"
    assert len(reason(OSError("x" * 5000))) == 200


def test_keys_that_segue_makes() -> None:
    """The keys that Segue makes are keys."""
    assert KEY.fullmatch(f"cache/v1/default/ab/{'ab' * 32}")
    assert KEY.fullmatch(f"files/a-tenant/{'0' * 64}.wav")
