"""The secret that Segue signs with: made once and whole, whoever comes at the same moment or is killed meanwhile."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from segue.errors import ConfigurationError
from segue.stores.secret import BYTES, signing_secret


def test_it_is_made_once(tmp_path: Path) -> None:
    """Servers that start in one folder at the same moment have the same, and so has the next one."""
    for number in range(20):
        folder, together = tmp_path / str(number), Barrier(4)

        def started(folder: Path = folder, together: Barrier = together) -> bytes:
            together.wait(10)
            return signing_secret(folder)

        with ThreadPoolExecutor(4) as servers:
            found = {each.result() for each in [servers.submit(started) for _ in range(4)]}
        assert found == {signing_secret(folder)}
        assert [path.name for path in folder.iterdir()] == ["secret.key"]


def test_whoever_is_killed_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start finds no secret without content, which nobody could use."""

    def killed(_: int) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "token_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            signing_secret(tmp_path)
    assert len(signing_secret(tmp_path)) == BYTES


def test_what_is_no_secret_is_refused(tmp_path: Path) -> None:
    """A file of another length is left for somebody to look at."""
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="does not hold a secret"):
        signing_secret(tmp_path)
