"""The services that the settings name, as the preflight finds them: there, or gone and why."""

from pathlib import Path
from typing import Any

import pytest

from segue.clock import SystemClock
from segue.operations.copying.holdings import of_holdings
from segue.operations.report import Check, Level
from segue.settings import Settings
from segue.vendors.console import RateLimitSettings
from segue.vendors.objects import S3Settings, StorageSettings
from segue.wiring.preflight import gathered
from tests.redis import program, redis_server


def checks(folder: Path, **settings: Any) -> dict[str, Check]:
    """What is said of what is kept, by the name of the check; no server runs."""
    found = gathered(Settings(data=folder / "data", **settings), SystemClock(), running=False)
    assert found.holdings is not None
    return {check.name: check for check in of_holdings(found.holdings)}


@pytest.mark.skipif(program() is None, reason="redis-server is not installed")
def test_redis_is_asked(tmp_path: Path) -> None:
    """A Redis that is there tells its version; one that was killed is a failure with the reason."""
    counted = RateLimitSettings(store="redis")
    with redis_server() as redis:
        there = checks(tmp_path, redis={"address": redis.address}, rate_limits=counted)["service.redis"]
        redis.kill()
        gone = checks(tmp_path, redis={"address": redis.address}, rate_limits=counted)["service.redis"]
    assert there.level is Level.PASS
    assert str(there.figures["version"]).split(".")[0].isdigit()
    assert gone.level is Level.FAIL
    assert "refused" in gone.reason.lower() or "failed" in gone.reason.lower()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """A Postgres and a bucket that nobody serves are failures, and neither password nor secret is told."""
    s3 = S3Settings.model_validate(
        {"bucket": "voices", "endpoint": "http://127.0.0.1:1", "access_key": "a", "secret_key": "s3cret"}
    )
    storage = StorageSettings(kind="s3", s3=s3, connect_s=0.5, timeout_s=0.5)
    found = checks(tmp_path, database="postgresql://segue:s3cret@127.0.0.1:1/segue", storage=storage)
    assert found["database.reads"].level is Level.FAIL
    assert found["service.storage"].level is Level.FAIL
    assert not [check for check in found.values() if "s3cret" in f"{check}"]


def test_a_folder_for_audio_is_written_to(tmp_path: Path) -> None:
    """A folder of its own for audio passes where it can be written; a file in its place does not."""
    assert checks(tmp_path, storage=StorageSettings(folder=tmp_path / "a"))["service.storage"].level is Level.PASS
    (tmp_path / "b").write_bytes(b"")
    assert checks(tmp_path, storage=StorageSettings(folder=tmp_path / "b"))["service.storage"].level is Level.FAIL
