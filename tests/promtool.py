"""Prometheus's own programs, for tests of what is written for it."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@functools.cache
def program(name: str) -> str:
    """The path of `promtool` or `prometheus`; the test is left out where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (make setup fetches it; Debian: apt install prometheus)")
    return found


def promtool(*arguments: str) -> str:
    """What promtool says; it must find nothing wrong."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
