"""What Prometheus reads of the chains at the moment it asks."""

from collections.abc import Callable, Mapping
from typing import Any

from segue.providers.seat import WorkerHealth
from segue.providers.worker import PoolHealth
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.voice.attempt import Target
from segue.voice.breaker import BreakerState
from segue.voice.cache import AudioCache
from segue.voice.chain import Tally
from segue.voice.degradation import RANK
from segue.voice.lookout import Lookout
from segue.voice.session import Sessions
from segue.voice.slots import Slots
from segue.wiring.chains import Team

RESTING = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


def watch_chains(metrics: Metrics, teams: Mapping[str, Team[Any]]) -> None:
    """Tell the metrics where the readings of the chains come from; `teams` by role."""
    metrics.watch("provider_resting", lambda: _of_targets(teams, lambda target: RESTING[target.breaker.state]))
    metrics.watch("provider_left_out", lambda: _of_targets(teams, lambda target: float(target.unusable is not None)))
    metrics.watch("fallbacks", lambda: _of_tallies(teams, lambda tally: float(tally.fallbacks)))
    metrics.watch("repeats", lambda: _of_tallies(teams, lambda tally: float(tally.repeats)))
    metrics.watch("probes", lambda: _of_tallies(teams, lambda tally: float(tally.probes)))
    tally = teams["synthesizer"].roster.chain.tally
    metrics.watch("hedges", lambda: {"won": float(tally.hedges_won), "lost": float(tally.hedges - tally.hedges_won)})


def watch_workers(metrics: Metrics, pools: Mapping[str, Callable[[], PoolHealth]]) -> None:
    """Tell the metrics where the readings of worker processes come from."""
    metrics.watch("worker_ready", lambda: _of_workers(pools, lambda worker: float(worker.ready)))
    metrics.watch("worker_restarts", lambda: _of_workers(pools, lambda worker: float(worker.restarts)))


def watch_process(metrics: Metrics, places: Slots, database: Sql | None) -> None:
    """Tell the metrics where the readings of the turns that run, and of the database, come from."""
    metrics.watch("running_turns", lambda: float(places.held))
    if database is not None:
        metrics.watch("database_ready", lambda: float(database.health().ready))
        metrics.watch("queued_writes", lambda: float(database.health().queued))
        metrics.watch("lost_writes", lambda: float(database.health().lost))


def watch_voice(metrics: Metrics, cache: AudioCache, lookout: Lookout, sessions: Sessions) -> None:
    """Tell the metrics where the readings of the audio cache, of degradation and of sessions come from."""
    lookups = ("hits", "misses", "late", "failed", "corrupt", "bypassed")
    writes = ("stored", "dropped", "refused", "pruned")
    metrics.watch("cache_lookups", lambda: {name: float(getattr(cache.counts, name)) for name in lookups})
    metrics.watch("cache_writes", lambda: {name: float(getattr(cache.counts, name)) for name in writes})
    metrics.watch("degradation", lambda: {each.axis.value: float(RANK[each.state]) for each in lookout.report().axes})
    metrics.watch("ignored_sessions", lambda: sessions.ignored)


def _of_targets(teams: Mapping[str, Team[Any]], figure: Callable[[Target[Any]], float]) -> dict[str, float]:
    return {
        f"{role}:{target.name}": figure(target)
        for role, team in teams.items()
        for target in team.roster.chain.targets.values()
    }


def _of_tallies(teams: Mapping[str, Team[Any]], figure: Callable[[Tally], float]) -> dict[str, float]:
    return {role: figure(team.roster.chain.tally) for role, team in teams.items()}


def _of_workers(
    pools: Mapping[str, Callable[[], PoolHealth]], figure: Callable[[WorkerHealth], float]
) -> dict[str, float]:
    """A figure of each worker, by the name of its provider and its number."""
    return {
        f"{name}-{number}": figure(worker)
        for name, health in pools.items()
        for number, worker in enumerate(health().workers, 1)
    }
