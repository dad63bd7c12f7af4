"""Segue with a synthesizer that fails now and then, or begins late now and then, for `faults` and `hedge`.

Run as `python -m benchmarks.misbehaving FAULT PERCENT --data DIR --config FILE`: as configured, but so many sentences
of the synthesizer `scripted` go wrong, drawn by chance from a fixed seed, in the way that FAULT names (a flag of
`segue.providers.scripted.Faults`) after half a second; where FAULT is `tail`, they begin late (see `benchmarks.tail`).
A synthesizer that the configuration names `second` never misbehaves: it is a
scripted one too, and takes the place of the one that is configured under this name.
"""

import argparse
import gc
import random
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
import uvloop

from benchmarks.tail import Tail, Tailed
from segue.errors import FailureCategory
from segue.providers.scripted import Faults, ScriptedSynthesizer
from segue.settings import load
from segue.telemetry.logs import configure
from segue.wiring.house import House, build

HALF_A_SECOND_BYTES = 24_000
SECOND = "second"
ORDINARY = Tail(seed=21)
"""How soon the second synthesizer begins, where the first one has a tail: like the first outside of it."""


@dataclass(frozen=True, slots=True)
class NowAndThen(Faults):
    """A fault of so many calls of a hundred, by chance: a repeat is as likely to fail as the call it repeats."""

    percent: int = 100

    def strike(self, call: int) -> bool:
        """See `Faults.strike`."""
        return random.Random(call).random() * 100 < self.percent


def misbehave(house: House, fault: str, percent: int) -> None:
    """Give the synthesizers of a house that was not started yet the behaviour that the command line asks for.

    Raises:
        TypeError: the configuration does not name the scripted synthesizer.
    """
    targets, scripted = house.plane.speech.chain.targets, house.settings.providers.scripted
    speaking = targets["scripted"].provider if "scripted" in targets else None
    if not isinstance(speaking, ScriptedSynthesizer):
        raise TypeError("the configuration must name the scripted synthesizer")
    if SECOND in targets:
        voices = tuple(replace(voice, provider=SECOND) for voice in speaking.voices())
        second = ScriptedSynthesizer(
            house.clock,
            first_audio_s=scripted.first_audio_s,
            real_time_factor=scripted.real_time_factor,
            chunk_ms=scripted.chunk_ms,
            ms_per_character=scripted.ms_per_character,
            offered=voices,
            name=SECOND,
        )
        targets[SECOND].provider = Tailed(second, ORDINARY, house.clock) if fault == "tail" else second
    if fault == "tail":
        targets["scripted"].provider = Tailed(speaking, Tail(share=percent / 100), house.clock)
        return
    speaking.faults = NowAndThen(
        error=FailureCategory.SERVER if fault == "error" else None,
        cut=fault == "cut",
        end=fault == "end",
        stall=fault == "stall",
        after=HALF_A_SECOND_BYTES,
        percent=percent,
    )


def main() -> None:
    """Build, replace the behaviour, serve on a free port of loopback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=("error", "cut", "end", "stall", "tail"))
    parser.add_argument("percent", type=int)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    settings = load(given.config, data=given.data)
    configure(settings.log.level, settings.log.format)
    house = build(settings)
    misbehave(house, given.fault, given.percent)
    uvloop.run(_serve(house))


async def _serve(house: House) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(house.app(), log_config=None, access_log=False, http="httptools", lifespan="off")
    async with house.running():
        gc.collect()
        gc.freeze()
        print(f"Misbehaving on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    main()
