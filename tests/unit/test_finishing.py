"""How a command ends where its report cannot be put on record as it should, or an answer does not end."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from segue.cli.asking import Server, Where
from segue.cli.reporting import Ending, finish
from segue.errors import Unavailable
from segue.operations.report import EXIT_CODES, Check, Level, Report


def report(level: Level) -> Report:
    """A report of one check."""
    return Report("verify", "here", 1_000_000, 2_000_000, (Check("a", level, "It is so."),))


class Stranger(BaseHTTPRequestHandler):
    """Answers whatever it is asked with an empty object, as no Segue does."""

    def do_POST(self) -> None:
        """See `Stranger`."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self) -> None:
        """A byte now and then, for longer than anybody waits."""
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b" ")
                self.server.asked_on.wait(0.1)  # type: ignore[attr-defined]

    def log_message(self, *said: object) -> None:
        """Nothing is said."""


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a server that is no Segue."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        server.asked_on = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("level", [Level.PASS, Level.WARN, Level.FAIL, Level.NO_DATA])
def test_what_was_found_is_told_where_it_cannot_be_kept(
    level: Level, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be written loses no finding; a success is none then, and the reason is told."""
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(SystemExit) as ended:
        finish(report(level), Where(data=tmp_path), Ending(json_=True))
    told = capsys.readouterr()
    plain = json.loads(told.out)
    assert plain["outcome"] == level.value
    assert plain["exit_code"] == ended.value.code == (EXIT_CODES[level] or 1)
    assert "it is not on record" in told.err


def test_a_stranger_signs_nothing(tmp_path: Path, stranger: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What answers at the address but is no Segue leaves a file that nobody signed, and says why."""
    with pytest.raises(SystemExit) as ended:
        finish(report(Level.PASS), Where(data=tmp_path, url=stranger), Ending(json_=True))
    kept = json.loads(Path(json.loads(capsys.readouterr().out)["evidence"]).read_text())
    assert ended.value.code == 0
    assert kept["signatures"] == []
    assert kept["audit"]["missing"] == f"{stranger} does not answer as a Segue does."


def test_an_answer_that_only_drips_is_not_waited_for(stranger: str) -> None:
    """The limit is that of the whole answer, however steadily its bytes come."""
    with pytest.raises(Unavailable, match="its answer is not whole"):
        Server(Where(url=stranger)).fetch("GET", "/api/health", limit_s=0.5)
