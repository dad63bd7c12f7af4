"""How providers stand, over HTTP and on the command line: of a real server, one of whose providers refuses its key."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest

from segue.cli.asking import Where
from segue.cli.providers import providers
from segue.clock import SystemClock
from segue.errors import Unavailable
from tests.server import RunningServer, clean_environment, running
from tests.vendors import openai, openai_chat
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault, Script
from tests.vendors.street import opened

GOOGLES = "set GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_API_KEY, `credentials` or `key`"
YANDEX = "set YANDEX_API_KEY or `key`"
NO_KEYS = dict.fromkeys(["GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "YANDEX_API_KEY"], "")
SAYING = {"text": "Good morning to all of you.", "language": "en"}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server that has spoken and written once; its first synthesizer was refused, and told its key back in full."""
    with opened() as street:
        speaker = {
            "vendor": "openai-synthesizer", "model": "tts-1", "key": KEY, "at_once": 4, "limits": {"first_s": 3},
            "url": street.open(openai.serving(Script(fault=Fault.AUTH))),
        }  # fmt: skip
        writer = {
            "vendor": "openai-model", "model": "small-1", "key": KEY,
            "url": street.open(openai.serving(openai_chat.ModelScript())),
        }  # fmt: skip
        named = {"speaker": speaker, "writer": writer}
        named |= {"google": {"vendor": "google-synthesizer"}, "yandex": {"vendor": "yandex-recognizer"}}
        chains = {
            "models": ["writer", "offline"],
            "synthesizers": ["speaker", "google", "espeak"],
            "recognizers": ["yandex", "pocketsphinx"],
            "named": named,
        }
        voice = {"profiles": {"quality": {"models": ["offline", "writer"]}}}
        with running({"providers": chains, "voice": voice}, environment=NO_KEYS) as server:
            spoken = httpx2.post(f"{server.url}/api/voice/tts", json=SAYING, timeout=60)
            assert spoken.headers["x-segue-provider"] == "espeak"
            written = httpx2.post(f"{server.url}/api/voice/chat/stream", json=SAYING, timeout=60)
            assert "event: done" in written.text
            yield server


def command(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `segue providers`."""
    return subprocess.run(
        [sys.executable, "-m", "segue.cli.main", "providers", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=clean_environment(environment),
    )


@pytest.fixture(scope="module")
def lines(server: RunningServer) -> str:
    """What the command prints for people."""
    done = command("--data", str(server.data))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def printed(server: RunningServer) -> str:
    """What the command prints for programs."""
    done = command("--url", server.url, "--json", SEGUE_KEY=server.made("olha", "read"))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def told(server: RunningServer) -> dict[str, Any]:
    """What `/api/providers` says."""
    answer = httpx2.get(f"{server.url}/api/providers", headers=server.headers)
    assert answer.status_code == 200
    plain: dict[str, Any] = answer.json()
    return plain


def test_every_provider_is_told_in_the_order_of_its_chain(server: RunningServer) -> None:
    """All roles, all providers, those that are left out too; a chain for each profile where models differ by it."""
    plain = told(server)
    assert [(item["role"], item["name"], item["state"]) for item in plain["items"]] == [
        ("model", "writer", "ready"),
        ("model", "offline", "ready"),
        ("synthesizer", "speaker", "resting"),
        ("synthesizer", "google", "left out"),
        ("synthesizer", "espeak", "ready"),
        ("recognizer", "yandex", "left out"),
        ("recognizer", "pocketsphinx", "ready"),
    ]
    assert plain["chains"] == {
        "models": {"fast": ["writer", "offline"], "quality": ["offline", "writer"]},
        "synthesizers": ["speaker", "google", "espeak"],
        "recognizers": ["yandex", "pocketsphinx"],
    }
    assert plain["next"] is None


def test_a_provider_that_rests_says_why_and_for_how_long(server: RunningServer) -> None:
    """Its breaker, its own limits, its calls and the last error, with the vendor's words but without our key."""
    before = SystemClock().wall()
    item = next(item for item in told(server)["items"] if item["name"] == "speaker")
    breaker, error = item["breaker"], item["last_error"]
    assert (item["reason"], breaker["state"], breaker["opened"]) == ("auth", "open", 1)
    assert 0 < breaker["rests_s"] <= 66
    assert item["limits"] == {"first_s": 3, "stall_s": 1.5, "total_s": 60, "at_once": 4}
    assert (item["calls"], item["failures"], item["running"]) == (1, 1, 0)
    assert error["category"] == "auth"
    assert "Incorrect API key provided: …" in error["message"]
    assert before - 120 < error["at"] <= before
    assert (item["vendor"], item["model"]) == ("openai-compatible", "tts-1")
    assert item["place"].startswith("http://127.0.0.1:")


def test_a_provider_without_its_key_is_left_out_by_name(server: RunningServer) -> None:
    """It is told what would have to be set; it was never asked, and has no error."""
    items = {item["name"]: item for item in told(server)["items"]}
    assert [items[name]["reason"] for name in ("google", "yandex")] == [GOOGLES, YANDEX]
    assert all((items[name]["calls"], items[name]["last_error"]) == (0, None) for name in ("google", "yandex"))
    for name, reason in (("google", GOOGLES), ("yandex", YANDEX)):
        lines = [json.loads(line) for line in server.log if "provider left out" in line and f'"{name}"' in line]
        assert [line["reason"] for line in lines] == [reason]


def test_the_command_tells_it_in_lines(lines: str) -> None:
    """Each chain in its order, each provider in a line, and what is wrong with it in more."""
    assert "\x1b" not in lines  # nobody looks at a pipe in colour
    shown = [" ".join(line.split()) for line in lines.splitlines()]
    assert "models fast: writer → offline, quality: offline → writer" in shown
    assert "synthesizers speaker → google → espeak" in shown
    assert "recognizers yandex → pocketsphinx" in shown
    assert f"google left out {GOOGLES}" in shown
    assert f"yandex left out {YANDEX}" in shown
    (at,) = [number for number, line in enumerate(shown) if line.startswith("speaker resting")]
    assert "tts-1" in shown[at]
    assert "1 call, 1 failed · limits 3/1.5/60 s" in shown[at]
    assert shown[at + 1].startswith("auth, tried again in ")
    assert shown[at + 2].startswith("last error ")
    assert "auth: speaker answered 401: Incorrect API key provided: …" in shown[at + 2]
    assert any(line.startswith("writer ready openai-compatible small-1 ") for line in shown)


def test_the_command_prints_what_the_server_said(server: RunningServer, printed: str) -> None:
    """`--json` is the answer of `/api/providers`, but for what changes with time."""

    def timeless(plain: dict[str, Any]) -> dict[str, Any]:
        for item in plain["items"]:
            item["breaker"] |= {"for_s": 0, "rests_s": 0}
        return plain

    assert timeless(json.loads(printed)) == timeless(told(server))


def test_no_key_is_told_anywhere(server: RunningServer, lines: str, printed: str) -> None:
    """Whatever the vendor repeats of it: not over HTTP, not on the command line, not in the log, not in a record."""
    places = {
        "api": httpx2.get(f"{server.url}/api/providers", headers=server.headers).text,
        "health": httpx2.get(f"{server.url}/voice/health").text,
        "metrics": httpx2.get(f"{server.url}/metrics").text,
        "lines": lines,
        "printed": printed,
        "log": "\n".join(server.log),
        "records": json.dumps(server.records()),
    }
    assert all("speaker" in places[name] for name in ("api", "lines", "printed", "log", "records"))
    assert [name for name, text in places.items() if KEY in text or KEY[8:] in text] == []


@contextmanager
def something_else(body: bytes) -> Iterator[str]:
    """A server that is no Segue, and answers everything in the same way; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


def test_without_a_server_the_command_says_what_to_do() -> None:
    """One sentence with the reason and what to do, nothing on standard output, and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else can come
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = command("--url", url)
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"segue: No Segue answers at {url} (")
    assert "refused" in said
    assert said.endswith("; start one with `segue serve`.")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": []}'])
def test_another_server_is_not_taken_for_a_segue(body: bytes) -> None:
    """Whatever answers there with a page or other JSON: that is told, and nothing is printed."""
    with something_else(body) as url, pytest.raises(Unavailable, match="No Segue answers"):
        providers(where=Where(url=url))


def test_an_address_that_is_none_is_told_as_such() -> None:
    """A forgotten scheme is named."""
    with pytest.raises(Unavailable, match="missing an 'http://' or 'https://' protocol"):
        providers(where=Where(url="127.0.0.1:8002"))
