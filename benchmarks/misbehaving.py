"""Segue with a synthesizer that fails now and then, for `benchmarks.faults`.

Run as `python -m benchmarks.misbehaving FAULT EVERY --data DIR --config FILE`: as configured, but every EVERYth
sentence goes wrong in the way that FAULT names (a flag of `segue.providers.scripted.Faults`) after half a second.
"""

import argparse
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from segue.errors import FailureCategory
from segue.providers.scripted import Faults, ScriptedSynthesizer
from segue.settings import load
from segue.telemetry.logs import configure
from segue.wiring.house import build

HALF_A_SECOND_BYTES = 24_000


@dataclass(frozen=True, slots=True)
class NowAndThen(Faults):
    """A fault of every `every`th call."""

    every: int = 1

    def strike(self, call: int) -> bool:
        """See `Faults.strike`."""
        return call % self.every == 0


def main() -> None:
    """Build, replace the faults, serve on a free port of loopback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=("error", "cut", "end", "stall"))
    parser.add_argument("every", type=int)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    settings = load(given.config, data=given.data)
    configure(settings.log.level, settings.log.format)
    house = build(settings)
    speaking = house.plane.speaker.synthesizer
    if not isinstance(speaking, ScriptedSynthesizer):
        raise TypeError("the configuration must name the scripted synthesizer")
    speaking.faults = NowAndThen(
        error=FailureCategory.SERVER if given.fault == "error" else None,
        cut=given.fault == "cut",
        end=given.fault == "end",
        stall=given.fault == "stall",
        after=HALF_A_SECOND_BYTES,
        every=given.every,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"Misbehaving on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(house.app(), log_config=None, access_log=False, http="httptools")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
