"""Shows that a backup can be restored: into a folder of its own, with a server on it that answers and speaks.

The server of a drill knows none of the providers, notifications and nodes of the settings, unless it is given them, and
nothing of the environment: it must not act for the one whose copy it is.
"""

import array
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segue.clock import Clock
from segue.errors import Unavailable
from segue.operations.copying.restore import EVIDENCE, Looked
from segue.operations.ports import Asking
from segue.operations.report import Check, Level
from segue.settings import variable

TEXT = "This copy was restored and can speak again."
START_S, STOP_S, ANSWER_S = 60.0, 30.0, 120.0
HEADER = 44
"""Bytes before the sound in a WAV file."""
LOUD = 300
"""Of 32767: what a sentence reaches at least somewhere."""
HANDED_ON = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


class Drill:
    """One drill. `put` restores a backup into a folder, `asking` is the way to the server on that folder."""

    def __init__(
        self,
        folder: Path,
        looked: Looked,
        clock: Clock,
        put: Callable[[Path, Looked, Path], tuple[Check, ...]],
        asking: Callable[[Path], Asking],
        config: Path | None,
        database: str | None,
    ) -> None:
        self._folder = folder
        self._looked = looked
        self._clock = clock
        self._put = put
        self._asking = asking
        self._config = config
        self._database = database

    def run(self, facts: MutableMapping[str, Any]) -> list[Check]:
        """Restore, start, ask, speak, and remove all of it; figures go to `facts`.

        Raises:
            Unavailable: it cannot be restored, or no server starts on it.
        """
        began = self._clock.now()
        with tempfile.TemporaryDirectory(prefix="segue-drill-") as place:
            data = Path(place) / "data"
            checks = list(self._put(self._folder, self._looked, data))
            if any(check.level is Level.FAIL for check in checks):
                return checks
            facts["restore_s"] = round(self._clock.now() - began, 3)
            with self._served(Path(place), data):
                facts["start_s"] = round(self._clock.now() - began - facts["restore_s"], 3)
                asking = self._asking(data)
                checks.append(_spoken(asking))
                facts["recovery_s"] = round(self._clock.now() - began, 3)
                checks += [_chained(asking), _owed(asking, data, self._looked.manifest.name)]
        figures = {name: facts[name] for name in ("restore_s", "start_s", "recovery_s")}
        reason = (
            f"{facts['recovery_s']:.1f} s from an empty folder to the first spoken sentence: {facts['restore_s']:.1f} s"
            f" to restore, {facts['start_s']:.1f} s to start."
        )
        return [*checks, Check("drill.recovery", Level.PASS, reason, figures)]

    @contextmanager
    def _served(self, place: Path, data: Path) -> Iterator[None]:
        """A server on the folder, on a free port of this machine, until the block ends."""
        config = self._config
        if config is None:
            config = place / "segue.yaml"
            config.write_text("{}\n", encoding="utf-8")
        environment = {name: value for name in HANDED_ON if (value := variable(name)) is not None}
        if self._database is not None:
            environment["SEGUE_DATABASE"] = self._database
        environment["SEGUE_STORAGE__KIND"] = "folder"
        where = ["--host", "127.0.0.1", "--port", "0", "--data", str(data), "--config", str(config)]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "segue.cli.main", "serve", *where],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
            try:
                said = process.stdout.readline() if process.stdout is not None else b""
                if not said:
                    lines = (place / "log").read_text("utf-8", "replace").splitlines() or ["nothing"]
                    raise Unavailable(f"No server starts on the restored folder; the last that it said: {lines[-1]}")
                yield
            finally:
                process.terminate()
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                if process.stdout is not None:
                    process.stdout.close()


def _spoken(asking: Asking) -> Check:
    """Whether the restored server speaks a sentence."""
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "wav"}
    answer = asking.fetch("POST", "/v1/audio/speech", body=body, limit_s=ANSWER_S)
    sound = array.array("h", answer.body[HEADER:][: (len(answer.body) - HEADER) // 2 * 2]) if answer.ok else []
    peak = max(map(abs, sound), default=0)
    figures = {"status": answer.status, "bytes": len(answer.body), "peak": peak, "took_ms": round(answer.took_ms, 1)}
    if not answer.ok or answer.body[:4] != b"RIFF" or peak < LOUD:
        hint = "See `segue serve` on a restored folder; its log says why."
        return Check(
            "drill.speech", Level.FAIL, f"It does not speak: status {answer.status}, peak {peak}.", figures, hint
        )
    reason = f"It speaks: {len(answer.body):,} bytes of sound in {answer.took_ms:.0f} ms."
    return Check("drill.speech", Level.PASS, reason, figures)


def _chained(asking: Asking) -> Check:
    """Whether the audit holds in the eyes of the restored server, which went on writing it."""
    answer = asking.fetch("GET", "/api/audit/verification", limit_s=ANSWER_S)
    plain = answer.plain()
    if not answer.ok or not isinstance(plain, dict) or not plain["ok"]:
        return Check("drill.audit", Level.FAIL, f"Its audit does not hold: {answer.text[:200]}")
    figures = {"checked": int(plain["checked"]), "faults": int(plain["fault_count"])}
    reason = f"Its audit goes on behind what was restored: {plain['checked']} entries, no fault."
    return Check("drill.audit", Level.PASS, reason, figures)


def _owed(asking: Asking, data: Path, name: str) -> Check:
    """Whether the restored server wrote down that it was restored."""
    answer = asking.fetch("GET", "/api/audit?action=backup.restore&limit=1", limit_s=ANSWER_S)
    items = (answer.plain() or {}).get("items", []) if answer.ok else []
    paid = any(json.dumps(item).find(name) >= 0 for item in items) and any((data / EVIDENCE).glob("restored-*.json"))
    if not paid:
        return Check("drill.entry", Level.FAIL, "Its audit does not say that it was restored.")
    return Check("drill.entry", Level.PASS, f"Its audit says that it was restored from {name}.")
