"""When a block is closed, and what is in it; and what a look sees beside the closed blocks. Values in, values out.

A block closes once and for all, `settle_s` and a grace after its end: by then every turn that began in it has its
answer, and every replica has written what it counted. The block is what is judged, so its log is the evidence.
"""

from collections.abc import Iterable, Mapping, Sequence

from segue.delivery.evidence import LISTENERS, MINUTE_S, NOTHING, Block, Cell, Counts, Key, Look, Series
from segue.delivery.rollout import Rollout
from segue.delivery.terms import series_of
from segue.routing import Arm

FAST = "/fast"
"""How the names of series end that are looked at before their minute is over."""


def due(rollout: Rollout, now: float, grace_s: float) -> dict[str, range]:
    """By series: the numbers of the blocks that are to be closed at `now` (Unix seconds). Series without are left out.

    They follow on those that are closed, without a gap, however long nobody looked.
    """
    numbers = {}
    for series in series_of(rollout.terms):
        ripe_s = now - rollout.stage_since - series.settle_s - grace_s
        first, end = rollout.closed.get(series.name, 0), int(max(ripe_s, 0.0) // series.block_s)
        if end > first:
            numbers[series.name] = range(first, end)
    return numbers


def close(
    rollout: Rollout, counts: Mapping[Key, Counts], now: float, grace_s: float, *, replicas: int = 1
) -> tuple[Block, ...]:
    """The blocks that are closed at `now`, in the order of their series and, in each, of time; empty ones included.

    `replicas` is how many have counted new listeners in the stage.
    """
    numbers = due(rollout, now, grace_s)
    of_character = _characters(counts)
    return tuple(
        _block(
            rollout,
            series,
            number,
            counts,
            of_character,
            closed_at=now,
            replicas=replicas if series.name == LISTENERS else 1,
        )
        for series in series_of(rollout.terms)
        for number in numbers.get(series.name, ())
    )


def look_of(
    rollout: Rollout,
    cells: Sequence[Cell],
    counts: Mapping[Key, Counts],
    now: float,
    grace_s: float,
    *,
    latest: Mapping[str, float | None] | None = None,
    degradation: str = "unknown",
    alerts: tuple[str, ...] | None = (),
    memory_bytes: int = 0,
    enabled: bool = True,
) -> Look:
    """What is seen at `now` beside the blocks that `close` gives for the same counts.

    `latest` is when each arm's latest turn began, as far as that was known from cells that are not among these; the
    rest is what a watcher reads.
    """
    numbers = due(rollout, now, grace_s)
    return Look(
        at=now,
        minutes=_minutes(rollout, counts, numbers, now),
        candidate_at=_latest(cells, Arm.CANDIDATE, latest or {}),
        baseline_at=_latest(cells, Arm.BASELINE, latest or {}),
        unobserved_s=rollout.unobserved_s + MINUTE_S * _unseen(counts, numbers),
        degradation=degradation,
        alerts=alerts,
        memory_bytes=memory_bytes,
        enabled=enabled,
        replicas=len(_watching(rollout, cells, now)),
    )


def _unseen(counts: Mapping[Key, Counts], numbers: Mapping[str, range]) -> int:
    """How many of the minutes that are closed now left no sign that anybody was watching."""
    minutes = numbers.get(LISTENERS, range(0))
    return len(minutes) - len({key.block for key in counts if key.series == LISTENERS and key.block in minutes})


def _watching(rollout: Rollout, cells: Iterable[Cell], now: float) -> set[str]:
    """The replicas that left a sign in this minute or the one before."""
    recent = int((now - rollout.stage_since) // MINUTE_S) - 1
    return {cell.replica for cell in cells if cell.key.series == LISTENERS and cell.key.block >= recent}


def _latest(cells: Iterable[Cell], arm: Arm, latest: Mapping[str, float | None]) -> float | None:
    known = [cell.at for cell in cells if cell.key.series == LISTENERS and cell.key.arm == arm and cell.at > 0]
    before = latest.get(arm)
    return max([*known, *([before] if before is not None else [])], default=None)


def _minutes(
    rollout: Rollout, counts: Mapping[Key, Counts], numbers: Mapping[str, range], now: float
) -> dict[str, Block]:
    """Of each fast series what is counted and not closed: the minute that runs, with the one that only just ended."""
    minutes = {}
    for series in series_of(rollout.terms):
        if not series.name.endswith(FAST):
            continue
        closed = rollout.closed.get(series.name, 0)
        first = max(closed, numbers[series.name].stop if series.name in numbers else 0)
        arms = {arm.value: NOTHING for arm in Arm}
        characters: dict[str, Counts] = {}
        for key, each in sorted(counts.items()):
            if key.series != series.name or key.block < first:
                continue
            if not key.character:
                arms[key.arm] += each
            elif key.arm == Arm.CANDIDATE:
                characters[key.character] = characters.get(key.character, NOTHING) + each
        if any(each != NOTHING for each in arms.values()):
            since = rollout.stage_since + first * series.block_s
            candidate, baseline = arms[Arm.CANDIDATE], arms[Arm.BASELINE]
            minutes[series.name] = Block(rollout.stage, series.name, first, since, now, candidate, baseline, characters)
    return minutes


def _characters(counts: Mapping[Key, Counts]) -> dict[tuple[str, int], dict[str, Counts]]:
    """By series and block: what was counted of each character."""
    found: dict[tuple[str, int], dict[str, Counts]] = {}
    for key, each in sorted(counts.items()):
        if key.character and key.arm == Arm.CANDIDATE:
            found.setdefault((key.series, key.block), {})[key.character] = each
    return found


def _block(
    rollout: Rollout,
    series: Series,
    number: int,
    counts: Mapping[Key, Counts],
    of_character: Mapping[tuple[str, int], dict[str, Counts]],
    *,
    closed_at: float,
    replicas: int,
) -> Block:
    since = rollout.stage_since + number * series.block_s

    def counted(arm: Arm) -> Counts:
        return counts.get(Key(rollout.key, rollout.stage, series.name, number, arm.value), NOTHING)

    return Block(
        stage=rollout.stage,
        series=series.name,
        block=number,
        since=since,
        until=since + series.block_s,
        candidate=counted(Arm.CANDIDATE),
        baseline=counted(Arm.BASELINE),
        characters=of_character.get((series.name, number), {}),
        closed_at=closed_at,
        replicas=replicas,
    )
