"""What Prometheus reads of the chains at the moment it asks."""

from collections.abc import Callable, Mapping
from typing import Any

from segue.telemetry.metrics import Metrics
from segue.voice.attempt import Target
from segue.voice.breaker import BreakerState
from segue.voice.cache import AudioCache
from segue.voice.chain import Tally
from segue.voice.degradation import RANK
from segue.voice.lookout import Lookout
from segue.wiring.chains import Team

RESTING = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


def watch_chains(metrics: Metrics, teams: Mapping[str, Team[Any]]) -> None:
    """Tell the metrics where the readings of the chains come from; `teams` by role."""
    metrics.watch("provider_resting", lambda: _of_targets(teams, lambda target: RESTING[target.breaker.state]))
    metrics.watch("provider_left_out", lambda: _of_targets(teams, lambda target: float(target.out is not None)))
    metrics.watch("fallbacks", lambda: _of_tallies(teams, lambda tally: float(tally.fallbacks)))
    metrics.watch("repeats", lambda: _of_tallies(teams, lambda tally: float(tally.repeats)))
    metrics.watch("probes", lambda: _of_tallies(teams, lambda tally: float(tally.probes)))
    tally = teams["synthesizer"].roster.chain.tally
    metrics.watch("hedges", lambda: {"won": float(tally.hedges_won), "lost": float(tally.hedges - tally.hedges_won)})


def watch_cache(metrics: Metrics, cache: AudioCache) -> None:
    """Tell the metrics where the readings of the audio cache come from."""
    lookups = ("hits", "misses", "late", "failed", "corrupt", "bypassed")
    writes = ("stored", "dropped", "refused", "pruned")
    metrics.watch("cache_lookups", lambda: {name: float(getattr(cache.counts, name)) for name in lookups})
    metrics.watch("cache_writes", lambda: {name: float(getattr(cache.counts, name)) for name in writes})


def watch_lookout(metrics: Metrics, lookout: Lookout) -> None:
    """Tell the metrics where the readings of degradation come from."""
    metrics.watch("degradation", lambda: {each.axis.value: float(RANK[each.state]) for each in lookout.report().axes})


def _of_targets(teams: Mapping[str, Team[Any]], figure: Callable[[Target[Any]], float]) -> dict[str, float]:
    return {
        f"{role}:{target.name}": figure(target)
        for role, team in teams.items()
        for target in team.roster.chain.targets.values()
    }


def _of_tallies(teams: Mapping[str, Team[Any]], figure: Callable[[Tally], float]) -> dict[str, float]:
    return {role: figure(team.roster.chain.tally) for role, team in teams.items()}
