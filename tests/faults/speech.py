"""Every way in which a synthesizer fails over HTTP, at the first, a middle and the last sentence of a reply."""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass

from segue.errors import FailureCategory
from segue.records import AttemptOutcome, Served
from tests.faults.callers import BROKEN, DONE, Callers, Got
from tests.faults.trial import HEAL_LIMIT_S, Result, Scenario, rested, whole
from tests.faults.wall import BRIEFLY, SENTENCES, SYNTHESIZERS, Wall, WallScript, answer, sound
from tests.vendors.script import CATEGORY, Fault

PLACES = {"first": 0, "middle": 2, "last": 4}
HALF = len(sound(SENTENCES[0])) // 2 // 2 * 2
"""Bytes: the middle of a sentence, about."""
ALL_DOWN_S = 5.0
"""When everybody fails, that is told within this time."""
FAILING_TURNS = 7
"""More than are enough for an emergency."""
CUTS, CUTS_FULL = 7, 67
"""Runs with cuts at fuzzed bytes at each of the three places: 21 and 201 in all."""
KINDS: dict[Fault, tuple[str, int]] = {
    Fault.AUTH: ("401: the key is refused", 0),
    Fault.QUOTA: ("429: the account is used up", 0),
    Fault.RATE_LIMIT: ("429: too many calls", 0),
    Fault.BAD_REQUEST: ("400", 0),
    Fault.SERVER: ("500", 0),
    Fault.RESET: ("the connection is reset before the answer", 0),
    Fault.SILENT: ("no answer at all", 0),
    Fault.CUT: ("the answer breaks off in the middle", HALF),
    Fault.END: ("the answer ends in the middle as if that had been all", HALF // 4),
    Fault.STALL: ("the answer falls silent in the middle", HALF),
    Fault.TRICKLE: ("from the middle on one byte a second", HALF),
    Fault.EMPTY: ("200 with nothing in it", 0),
    Fault.SILENCE: ("200 with silence of the right length", 0),
    Fault.CLIPPED: ("200 with sound at full scale throughout", 0),
    Fault.JSON_ERROR: ("200 with a JSON error for audio", 0),
    Fault.HTML: ("200 with a web page", 0),
    Fault.WRONG_TYPE: ("200 with another format", 0),
    Fault.WRONG_RATE: ("200 with another sample rate", 0),
    Fault.ODD: ("200 with an odd number of bytes", 0),
    Fault.CUT_HEADER: ("200, ending within the header", 0),
}
"""What goes wrong, and after how many bytes of sound."""
JUDGED = {
    Fault.SILENT: {FailureCategory.TIMEOUT},
    Fault.STALL: {FailureCategory.TIMEOUT},
    Fault.TRICKLE: {FailureCategory.TIMEOUT},
    Fault.EMPTY: {FailureCategory.EMPTY_AUDIO, FailureCategory.TRUNCATED},
    Fault.SILENCE: {FailureCategory.EMPTY_AUDIO},
    Fault.CLIPPED: {FailureCategory.SERVER},
    Fault.END: {FailureCategory.TRUNCATED},
}
"""The categories of what is told by limits in time, and by listening."""


@dataclass(frozen=True)
class Case:
    """A fault of the first synthesizer at one sentence of a reply."""

    fault: Fault
    where: str

    def scenario(self) -> Scenario:
        """The same for whoever runs scenarios."""
        expected = "every word of every sentence, and `done`; the second synthesizer goes on"
        return Scenario(self.fault.value, KINDS[self.fault][0], self.play, self.where, expected)

    async def play(self, wall: Wall, callers: Callers, result: Result) -> None:
        """A listener hears the whole reply, and the record has the failure under its name."""
        seq, after = PLACES[self.where], KINDS[self.fault][1]
        wall["first"].script = WallScript(fault=self.fault, after=after, marker=_marker(seq))
        limit_s = {Fault.SILENT: wall.terms.first_audible_s, Fault.STALL: wall.terms.stall_s}.get(self.fault)
        result.limit_s = wall.terms.stall_s if self.fault is Fault.TRICKLE else limit_s
        got = await callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?")
        await judge(wall, got, seq, CATEGORY.get(self.fault) or JUDGED[self.fault], result)
        if result.limit_s is not None:
            result.took(max(got.first_s or got.total_s, got.gap_s))
            bound_s = result.limit_s + wall.terms.grace_s
            result.require(result.took_s <= bound_s, f"waited {result.took_s:.1f} s, not {bound_s:g} s at most")


def _marker(seq: int) -> str:
    """The last word of a sentence: in every request for it or for its end."""
    return SENTENCES[seq].split()[-1]


async def judge(wall: Wall, got: Got, seq: int, categories: set[FailureCategory], result: Result) -> None:
    """What a listener got of a reply in one sentence of which the first synthesizer failed."""
    result.runs += 1
    result.note(whole(got))
    result.wrong += got.flaws()
    for at, speakers in got.speakers.items():
        due = {"first"} if at < seq else {"first", "second"} if at == seq else speakers
        result.require(speakers <= due and (at != seq or "second" in speakers), f"sentence {at} is of {speakers}")
    record = await wall.record(got.turn)
    failed = [attempt for attempt in record.attempts if attempt.outcome is AttemptOutcome.FAILED]
    for attempt in failed:
        result.tell(f"{attempt.provider}: {attempt.category}")
    result.require({attempt.seq for attempt in failed} == {seq}, f"record: {failed}")
    result.require({attempt.provider for attempt in failed} == {"first"}, f"record: {failed}")
    result.require({attempt.category for attempt in failed} <= categories, f"record: {failed}, not {categories}")
    result.require(record.served in {Served.FALLBACK, Served.RESUMED}, f"record: served {record.served}")
    reasons = {reason for reason, who in got.degraded if who == "second"}
    result.require(reasons & {"fallback", "resumed"}, f"told {got.degraded}")


def _cuts(where: str) -> Scenario:
    async def play(wall: Wall, callers: Callers, result: Result) -> None:
        """Cuts after k bytes, k drawn by chance: no cut sentence passes for a whole one, and no word is missed."""
        draw, seq = random.Random(where), PLACES[where]  # noqa: S311 - the same bytes each time
        for _ in range(CUTS_FULL if wall.terms.full else CUTS):
            after = draw.randrange(len(sound(SENTENCES[seq])))
            pause_s = draw.choice([0.0, 0.01, 0.03])
            wall["first"].script = WallScript(fault=Fault.CUT, after=after, marker=_marker(seq), piece_s=pause_s)
            before = len(result.wrong)
            got = await callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?")
            await judge(wall, got, seq, CATEGORY[Fault.CUT], result)
            result.wrong[before:] = [f"{flaw} (cut after {after} bytes)" for flaw in result.wrong[before:]]
            wall.heal()
            result.wrong += await rested(callers)

    expected = "every word of every sentence, and never a cut sentence as a success"
    return Scenario("cut-anywhere", "the answer breaks off after k bytes, k by chance", play, where, expected)


def _soon(got: Got, limit_s: float, result: Result) -> None:
    """An error that is told within a limit, once, as the last event."""
    result.runs += 1
    result.note(f"{got.door}: {whole(got)}")
    result.took(got.total_s)
    result.require(got.total_s <= limit_s, f"{got.door}: the error took {got.total_s:.1f} s, not {limit_s:g} s at most")
    result.require(got.ends == 1 and got.ended not in {DONE, BROKEN}, f"{got.door}: it ended as {got.ended}")
    result.require(not got.after_end, f"{got.door}: something came behind the end")


def _all_down(fault: Fault, where: str) -> Scenario:
    async def play(wall: Wall, callers: Callers, result: Result) -> None:
        """When every synthesizer fails at a sentence, that is told soon and in place, and nothing ends cleanly."""
        seq, audible = PLACES[where], where != "first" or fault is Fault.CUT
        for name in SYNTHESIZERS:
            wall[name].script = WallScript(fault=fault, after=KINDS[fault][1], marker=_marker(seq))
        both_s = len(SYNTHESIZERS) * wall.terms.first_audible_s + wall.terms.grace_s
        result.limit_s = both_s if fault is Fault.SILENT else ALL_DOWN_S
        reading = callers.say(" ".join(answer(BRIEFLY)))
        if fault is Fault.SILENT:  # which takes its time, so that both callers wait at once
            spoken, read = await asyncio.gather(callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?"), reading)
        else:
            spoken = await callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?")
            result.wrong += await rested(callers)
            read = await reading
        _soon(spoken, result.limit_s, result)
        unheard = [seq for seq in range(PLACES[where]) if not spoken.sounds.get(seq)]
        result.require(not unheard, f"sentences {unheard} before it were not heard")
        record = await wall.record(spoken.turn)
        result.require(record.served is Served.FAILED, f"record: served {record.served}")
        for attempt in record.attempts:
            if attempt.outcome is AttemptOutcome.FAILED:
                result.tell(f"{attempt.provider}: {attempt.category}")
        result.note(f"{read.door}: {whole(read)}")
        result.runs += 1
        clean = read.ended != BROKEN if audible else read.status < 500
        result.require(not clean, f"read out: it ended as {read.ended} with status {read.status}")

    title = f"both synthesizers: {KINDS[fault][0]}"
    return Scenario(f"all-{fault.value}", title, play, where, "one clear error soon; bare audio is broken off")


def _emergency() -> Scenario:
    async def play(wall: Wall, callers: Callers, result: Result) -> None:
        """While everybody fails, each reply ends soon with an error; the state is `emergency`, and is left again."""
        result.limit_s = ALL_DOWN_S
        for name in SYNTHESIZERS:
            wall[name].script = WallScript(fault=Fault.SERVER)
        listening = [callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?") for _ in range(FAILING_TURNS)]
        for got in await asyncio.gather(*listening):
            _soon(got, ALL_DOWN_S, result)
        state = (await callers.told("/api/voice/degradation_status"))["state"]
        result.note(f"state: {state}")
        result.require(state == "emergency", f"the state is {state}")
        wall.heal()
        until = time.monotonic() + HEAL_LIMIT_S
        while state == "emergency" and time.monotonic() < until:
            await rested(callers)
            await callers.listen(f"{BRIEFLY}{uuid.uuid4().hex}?")
            state = (await callers.told("/api/voice/degradation_status"))["state"]
        result.require(state != "emergency", "the emergency is never left")

    title = f"both synthesizers: 500, for {FAILING_TURNS} replies at once"
    return Scenario("emergency", title, play, expected="one clear error each, soon; the state `emergency`")


SCENARIOS = [
    *(Case(fault, where).scenario() for fault in KINDS for where in PLACES),
    *(_cuts(where) for where in PLACES),
    *(_all_down(fault, where) for fault in (Fault.SERVER, Fault.CUT) for where in PLACES),
    _all_down(Fault.SILENT, "first"),
    _emergency(),
]
