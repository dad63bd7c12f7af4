"""Voice files: kept once under their own content, handed out by links that die, and closed to everybody else."""

import hashlib
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from segue.clock import ManualClock
from segue.errors import InvalidRequest, Unavailable, UnsupportedFormat
from segue.stores.objects import Objects
from segue.vendors.objects import StorageSettings
from segue.voice.encoding import FORMATS
from segue.voice.files import EXTENSIONS, NAME, VoiceFile, VoiceFiles, file_key
from segue.web import files as door
from segue.web import problems
from tests.vendors.s3 import S3Server, serving_s3

SOUND = b"RIFF" + bytes(range(256)) * 40
DIGEST = hashlib.sha256(SOUND).hexdigest()
KEY = f"files/default/{DIGEST}.wav"
SECRET = b"s" * 32


@pytest.fixture
def clock() -> ManualClock:
    """A clock that is turned by hand."""
    return ManualClock(wall_s=1_700_000_000.5)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Objects:
    """A folder."""
    return Objects(StorageSettings(), tmp_path, clock)


@pytest.fixture
def files(store: Objects, clock: ManualClock) -> VoiceFiles:
    """Voice files in that folder."""
    return VoiceFiles(store, SECRET, clock)


@pytest.fixture
async def door_client(files: VoiceFiles) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the route."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    problems.install(app)
    app.include_router(door.router(files))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://segue") as client:
        yield client


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """An S3 server."""
    with serving_s3() as server:
        yield server


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must be problem+json."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


class TestKeeping:
    """What is stored, and under which key."""

    async def test_the_key_is_the_content(self, files: VoiceFiles, store: Objects, clock: ManualClock) -> None:
        """A file lies under its tenant and its SHA-256, with a label that says who spoke it."""
        label = {"provider": "espeak", "voice": "uk", "language": "uk"}
        file = await files.keep("default", SOUND, "audio/wav", label)

        assert file == VoiceFile(KEY, "audio/wav", len(SOUND), clock.wall(), label)
        assert file.sha256 == DIGEST
        assert await store.get(KEY) == SOUND
        assert await files.read(KEY) == SOUND
        assert await files.find(KEY) == file
        assert {entry.key async for entry in store.list("files")} == {KEY, f"files/default/{DIGEST}.json"}

    async def test_keeping_twice_keeps_once(self, files: VoiceFiles, clock: ManualClock) -> None:
        """The same content again is the same file, with the label and the time of the first."""
        first = await files.keep("default", SOUND, "audio/wav", {"provider": "espeak"})
        await clock.advance(100)
        assert await files.keep("default", SOUND, "audio/wav", {"provider": "another"}) == first

    async def test_tenants_share_nothing(self, files: VoiceFiles) -> None:
        """The same content of two tenants is two files: deleting one leaves the other."""
        ours = await files.keep("ours", SOUND, "audio/wav")
        theirs = await files.keep("theirs", SOUND, "audio/wav")
        await files.delete(ours.key)
        await files.delete(ours.key)

        assert await files.read(ours.key) is None
        assert await files.find(ours.key) is None
        assert await files.read(theirs.key) == SOUND

    def test_every_format_can_be_kept(self) -> None:
        """Whatever Segue speaks in has an extension, and no two have the same."""
        assert set(EXTENSIONS) == {entry.media_type for entry in FORMATS.values()}
        assert len(set(EXTENSIONS.values())) == len(EXTENSIONS)

    @pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "ä", "a" * 65, "a b", "a\n"])
    async def test_tenants_are_names(self, files: VoiceFiles, tenant: str) -> None:
        """What is not the name of a tenant is refused, and so is nothing at all, and what is no speech."""
        with pytest.raises(InvalidRequest, match="tenant"):
            await files.keep(tenant, SOUND, "audio/wav")

    async def test_what_cannot_be_kept(self, files: VoiceFiles) -> None:
        """Empty files, and files that are no speech, are refused."""
        with pytest.raises(InvalidRequest, match="empty"):
            await files.keep("default", b"", "audio/wav")
        with pytest.raises(UnsupportedFormat, match="text/html"):
            await files.keep("default", SOUND, "text/html")

    @pytest.mark.parametrize(
        "key",
        ["", "files", "files/default/x.wav", f"cache/default/{DIGEST}.wav", f"files/a/b/{DIGEST}.wav", KEY + "\n"],
    )
    async def test_other_keys_are_refused(self, files: VoiceFiles, key: str) -> None:
        """What is not the key of a voice file opens nothing else in the store."""
        for call in (files.read(key), files.link(key, 60), files.delete(key), files.find(key)):
            with pytest.raises(ValueError, match="not the key of a voice file"):
                await call

    async def test_a_corrupt_file_is_not_handed_out(self, files: VoiceFiles, store: Objects) -> None:
        """A file that is not what its name says is as good as gone; keeping it again mends it, its label too."""
        file = await files.keep("default", SOUND, "audio/wav")
        await store.put(KEY, SOUND[:100], replace=True)
        await store.put(f"files/default/{DIGEST}.json", b"{", replace=True)
        assert await files.read(KEY) is None
        assert await files.find(KEY) is None

        assert await files.keep("default", SOUND, "audio/wav") == file
        assert await files.read(KEY) == SOUND
        assert await files.find(KEY) == file


class TestLinks:
    """Who gets a file."""

    async def test_a_link_gives_the_file(self, files: VoiceFiles, door_client: httpx2.AsyncClient) -> None:
        """A link gives the file with its media type, its ETag, and leave to keep it as long as the link lives."""
        await files.keep("default", SOUND, "audio/wav")
        answer = await door_client.get(await files.link(KEY, 60))

        assert answer.status_code == 200
        assert answer.content == SOUND
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["content-length"] == str(len(SOUND))
        assert answer.headers["etag"] == f'"{DIGEST}"'
        assert answer.headers["cache-control"] == "private, max-age=60, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("header", [f'"{DIGEST}"', f'W/"{DIGEST}"', f'"other", "{DIGEST}"', "*"])
    async def test_who_has_it_gets_no_second_copy(
        self, files: VoiceFiles, door_client: httpx2.AsyncClient, header: str
    ) -> None:
        """A caller who has the file is told so in a few bytes."""
        await files.keep("default", SOUND, "audio/wav")
        link = await files.link(KEY, 60)
        answer = await door_client.get(link, headers={"if-none-match": header})
        assert (answer.status_code, answer.content) == (304, b"")
        assert (await door_client.get(link, headers={"if-none-match": '"other"'})).content == SOUND
        assert (await door_client.head(link)).headers["content-length"] == str(len(SOUND))

    async def test_links_die(self, files: VoiceFiles, door_client: httpx2.AsyncClient, clock: ManualClock) -> None:
        """A link works until its time is over, and then says so; a new one works again."""
        await files.keep("default", SOUND, "audio/wav")
        link = await files.link(KEY, 60)
        await clock.advance(60)
        assert (await door_client.get(link)).status_code == 200
        await clock.advance(0.5)
        assert code_of(await door_client.get(link)) == (403, "link_expired")

        assert (await door_client.get(await files.link(KEY, 60))).status_code == 200

    async def test_every_part_is_signed(self, files: VoiceFiles, door_client: httpx2.AsyncClient) -> None:
        """A link of which anything was changed opens nothing: time, signature, name, format, tenant."""
        await files.keep("default", SOUND, "audio/wav")
        await files.keep("theirs", SOUND, "audio/wav")
        await files.keep("default", SOUND, "audio/mpeg")
        link = await files.link(KEY, 60)
        path, query = link.split("?")
        given = {name: value for name, (value,) in parse_qs(query).items()}
        forged = [
            path,
            f"{path}?expires={given['expires']}",
            f"{path}?signature={given['signature']}",
            link.replace(given["expires"], str(int(given["expires"]) + 1)),
            link.replace("expires=", "expires=0"),
            link.replace("expires=", "expires=+"),
            link.replace(given["expires"], "9" * 40),
            link.replace(given["expires"], "\u0661"),
            link.replace(given["signature"], given["signature"][:-1]),
            link.replace(given["signature"], given["signature"].upper()),
            link.replace(given["signature"], "%ed%b2%80\u00e4"),
            link.replace("/default/", "/theirs/"),
            link.replace("/default/", "/%2e%2e/"),
            link.replace(".wav", ".mp3"),
            link.replace(".wav", ".json"),
            link.replace(DIGEST, "0" * 64),
            link.replace(DIGEST, DIGEST.upper()),
        ]
        answers = [await door_client.get(forgery) for forgery in forged]

        assert [code_of(answer) for answer in answers] == [(403, "link_invalid")] * len(forged)
        assert SOUND[:100] not in b"".join(answer.content for answer in answers)

    async def test_another_secret_opens_nothing(
        self, store: Objects, clock: ManualClock, door_client: httpx2.AsyncClient
    ) -> None:
        """A link that was signed with another secret is refused."""
        others = VoiceFiles(store, b"o" * 32, clock)
        await others.keep("default", SOUND, "audio/wav")
        assert code_of(await door_client.get(await others.link(KEY, 60))) == (403, "link_invalid")

    async def test_a_file_that_is_gone(self, files: VoiceFiles, door_client: httpx2.AsyncClient) -> None:
        """A good link to a file that is not there any more is told so; only who has a link learns that."""
        link = await files.link(KEY, 60)
        assert code_of(await door_client.get(link)) == (404, "not_found")

    async def test_a_store_that_is_gone(
        self, files: VoiceFiles, door_client: httpx2.AsyncClient, tmp_path: Path
    ) -> None:
        """A store that does not work is told as such, and not taken for a missing file."""
        (tmp_path / "audio").write_text("in the way")
        answer = await door_client.get(await files.link(KEY, 60))
        assert code_of(answer) == (503, "unavailable")

    async def test_a_link_has_a_life(self, files: VoiceFiles) -> None:
        """A link for no time, or for longer than a week, is not made."""
        for seconds in (0.0, -5.0, 604_801.0, math.nan):
            with pytest.raises(ValueError, match="a link lives"):
                await files.link(KEY, seconds)

    def test_keys_from_addresses(self) -> None:
        """Only two plain parts make a key."""
        assert file_key("default", f"{DIGEST}.wav") == KEY
        assert NAME.fullmatch(f"{DIGEST}.wav")
        for tenant, name in (("..", f"{DIGEST}.wav"), ("default", f"{DIGEST}.exe"), ("default", "../secret.key")):
            assert file_key(tenant, name) is None


class TestOnS3:
    """Where the store makes links of its own."""

    async def test_the_servers_own_links(self, s3: S3Server, tmp_path: Path, clock: ManualClock) -> None:
        """On S3 a link leads to the S3 server itself, which gives the file with its media type."""
        files = VoiceFiles(Objects(s3.settings("own"), tmp_path, clock), SECRET, clock)
        file = await files.keep("default", SOUND, "audio/ogg; codecs=opus", {"provider": "espeak"})
        link = await files.link(file.key, 60)

        assert urlsplit(link).netloc == urlsplit(s3.url).netloc
        answer = httpx2.get(link)
        assert (answer.content, answer.headers["content-type"]) == (SOUND, "audio/ogg; codecs=opus")
        assert await files.find(file.key) == file

    async def test_links_through_segue(self, s3: S3Server, tmp_path: Path, clock: ManualClock) -> None:
        """With presigning off the link leads to Segue, also where the file lies on S3."""
        files = VoiceFiles(Objects(s3.settings("through", presign=False), tmp_path, clock), SECRET, clock)
        file = await files.keep("default", SOUND, "audio/wav")
        link = await files.link(file.key, 60)

        assert link.startswith(f"/api/voice/files/default/{DIGEST}.wav?expires=1700000061&signature=")
        assert await files.read(file.key) == SOUND

    async def test_a_server_that_is_gone(self, tmp_path: Path, clock: ManualClock) -> None:
        """Without the S3 server nothing is kept, and that is said."""
        with serving_s3() as server:
            files = VoiceFiles(Objects(server.settings(), tmp_path, clock), SECRET, clock)
            server.stop()
            with pytest.raises(Unavailable, match="no connection to the server"):
                await files.keep("default", SOUND, "audio/wav")
